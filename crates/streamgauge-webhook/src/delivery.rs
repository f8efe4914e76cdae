//! The thread that posts: one request at a time, each until it is delivered, refused or out of time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::batch::Batch;
use crate::client::{Attempt, Client};
use crate::clock;
use crate::desk::{Desk, Outcome};
use crate::pause::Pauses;

/// What the thread works by.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) desk: Arc<Desk>,
    pub(crate) client: Client,
    /// Another one in each run of the program.
    pub(crate) run: u64,
    pub(crate) max_batch: usize,
    pub(crate) request_timeout: Duration,
    pub(crate) deadline: Duration,
    pub(crate) pauses: Pauses,
}

impl Delivery {
    /// Posts what is queued until it is to end.
    pub(crate) fn run(&self) {
        // Also where it ends by a panic.
        let _leaving = Leaving(&self.desk);
        while let Some(events) = self.desk.take(self.max_batch) {
            let outcome = match Batch::new(self.run, &events) {
                Ok(batch) => self.deliver(&batch),
                Err(error) => Outcome::Failed(error.to_string()),
            };
            if let Outcome::Failed(error) = &outcome {
                tracing::warn!(%error, events = events.len(), "webhook failed");
            }
            self.desk.settle(events.len(), &outcome);
        }
    }

    fn deliver(&self, batch: &Batch) -> Outcome {
        let give_up_by = clock::now().checked_add(self.deadline);
        for attempts in 1.. {
            let Some(timeout) = self.timeout() else {
                return Outcome::Dropped;
            };
            let (error, asked_for) = match self.client.attempt(batch, timeout) {
                Attempt::Delivered => return Outcome::Delivered,
                Attempt::Refused(error) => return Outcome::Failed(error),
                Attempt::Again(error, asked_for) => (error, asked_for),
            };
            let pause = self.pauses.after(attempts, asked_for, fastrand::f64());
            let next = clock::now().checked_add(pause);
            if is_after(next, give_up_by) {
                return Outcome::Failed(error);
            }
            tracing::debug!(%error, events = batch.events, ?pause, "webhook is sent again");
            self.desk.pause(pause, &error);
        }
        Outcome::Dropped
    }

    /// How long an attempt may take; none if it is too late for one.
    fn timeout(&self) -> Option<Duration> {
        let left = match self.desk.stop_by() {
            Some(stop_by) => stop_by.saturating_duration_since(clock::now()),
            None => Duration::MAX,
        };
        (!left.is_zero()).then(|| self.request_timeout.min(left))
    }
}

/// Has the desk know, when it is dropped, that nobody is at work behind it.
struct Leaving<'a>(&'a Desk);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// Whether a moment comes after another; none is never.
fn is_after(one: Option<Instant>, other: Option<Instant>) -> bool {
    match (one, other) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(one), Some(other)) => one > other,
    }
}
