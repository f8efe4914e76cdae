//! The two threads that serve a collector, or all collectors of a registry: a sampler and a worker.

use std::sync::Arc;
use std::time::Duration;

use super::core::CollectorCore;
use crate::clock::{Clock, ManualClock};
use crate::error::Error;
use crate::sampler::Sampler;
use crate::worker::Worker;

/// A sampler and a worker; of a manual clock's, no thread at all.
#[derive(Debug)]
pub(crate) struct Engine {
    clock: Clock,
    worker: Arc<Worker>,
    sampler: Option<Sampler>,
    /// The process that started the threads.
    process: u32,
}

impl Engine {
    pub(crate) fn start() -> Result<Self, Error> {
        let clock = Clock::System;
        let worker = Arc::new(Worker::start()?);
        let sampler = Sampler::start(clock.clone()).inspect_err(|_| worker.quit())?;
        Ok(Self {
            clock,
            worker,
            sampler: Some(sampler),
            process: std::process::id(),
        })
    }

    pub(crate) fn manual(clock: ManualClock) -> Self {
        Self {
            clock: Clock::Manual(clock),
            worker: Arc::new(Worker::inline()),
            sampler: None,
            process: std::process::id(),
        }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn worker(&self) -> &Arc<Worker> {
        &self.worker
    }

    /// Ticks a collector from now on.
    pub(crate) fn serve(&self, core: &Arc<CollectorCore>) {
        if let Some(sampler) = &self.sampler {
            sampler.add(core);
        }
    }

    /// Stops a collector, by `finish`: closes, accounts and persists. On the engine's own threads too: none of this waits for
    /// either.
    pub(crate) fn finish(&self, core: &Arc<CollectorCore>, finish: fn(&CollectorCore)) {
        if self.is_forked() {
            return;
        }
        if let Some(sampler) = &self.sampler {
            sampler.remove(core);
        }
        finish(core);
    }

    /// Works off what waits to be delivered, where there is no thread for it. Calls observers, so no lock that they could
    /// need is held here.
    pub(crate) fn deliver(&self) {
        if !self.is_forked() {
            self.worker.run_pending();
        }
    }

    /// Ends both threads, after their collectors were finished, and waits until they have: for an observer up to `timeout`,
    /// and on one of the two threads not at all.
    pub(crate) fn end(&self, timeout: Duration) {
        let Some(sampler) = &self.sampler else {
            return;
        };
        if self.is_forked() {
            return;
        }
        sampler.end();
        self.worker.quit();
        // A thread cannot wait for itself; and each may be at something that waits for nobody.
        if !sampler.is_current_thread() && !self.worker.is_current_thread() {
            sampler.join();
            self.worker.wait(timeout);
        }
    }

    /// Whether this process is a fork of the one with the threads.
    fn is_forked(&self) -> bool {
        std::process::id() != self.process
    }
}
