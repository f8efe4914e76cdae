//! Runs a relay as a service: until it is told to stop, with what its operator and systemd are to know.

use std::io;

use sd_notify::NotifyState;

use crate::config::{RelayConfig, Sources};
use crate::descriptors;
use crate::error::{RelayError, SaveError};
use crate::relay::Relay;
use crate::signals::{Order, Signals};

/// Why a service ended otherwise than it was told to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// There are no threads, no poll descriptors, or no signals.
    #[error("the runtime does not start: {0}")]
    Runtime(#[from] io::Error),
    /// The relay does not start.
    #[error(transparent)]
    Start(#[from] RelayError),
    /// It ran and stopped; these histories were not saved.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Unsaved(Vec<SaveError>),
}

/// Runs a relay until it is told to stop, on a runtime of its own.
///
/// SIGTERM and SIGINT stop it: no more clients are taken, sessions may go on for the configured time, histories are saved.
/// A second one ends the sessions at once. SIGHUP has it read `sources` again and take up the rules that are there; what is
/// wrong in them is logged, and all stays as it was. systemd is told, where it asks to be.
///
/// The soft limit of open files is raised to the hard one.
///
/// # Errors
///
/// It does not start, or a history could not be saved at the end.
pub fn run(sources: &Sources, config: &RelayConfig) -> Result<(), ServiceError> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = config.threads {
        runtime.worker_threads(threads);
    }
    let runtime = runtime.thread_name("relay").enable_all().build()?;
    runtime.block_on(supervise(sources, config))
}

async fn supervise(sources: &Sources, config: &RelayConfig) -> Result<(), ServiceError> {
    if let Some(files) = descriptors::raise_limit() {
        tracing::info!(files, "open files are limited");
    }
    let mut signals = Signals::listen()?;
    let relay = Relay::start(config).await?;
    for listener in relay.listeners() {
        let address = listener.local_addr();
        let config = listener.config();
        tracing::info!(listener = config.name, protocol = %config.protocol, %address, upstream = %config.upstream, "listening");
    }
    notify(&[NotifyState::Ready]);
    while signals.next().await == Order::Reload {
        reload(&relay, sources);
    }
    notify(&[NotifyState::Stopping]);
    tracing::info!(timeout = ?config.drain_timeout, "no more clients are taken; sessions may go on until they end");
    let drained = tokio::select! {
        drained = relay.drain(config.drain_timeout) => drained,
        () = stopped_again(&mut signals) => {
            relay.end().await;
            false
        }
    };
    if !drained {
        tracing::warn!("sessions were ended");
    }
    let tallies: Vec<_> = relay
        .listeners()
        .iter()
        .map(|listener| (listener.config().name.clone(), listener.tally()))
        .collect();
    let unsaved = relay.stop().await;
    for (listener, tally) in tallies {
        tracing::info!(listener, ?tally, "stopped");
    }
    if unsaved.is_empty() {
        Ok(())
    } else {
        Err(ServiceError::Unsaved(unsaved))
    }
}

async fn stopped_again(signals: &mut Signals) {
    while signals.next().await != Order::Stop {
        tracing::warn!("it is stopping: nothing is read again");
    }
}

fn reload(relay: &Relay, sources: &Sources) {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "systemd is not told of the reload"),
    }
    match sources.load() {
        Ok(config) => {
            for fixed in relay.reload(&config) {
                tracing::warn!("{fixed}: it has changed, and takes a restart");
            }
            tracing::info!("limits, lists and the token are those of the configuration as it is now");
        }
        Err(error) => {
            for problem in error.problems() {
                tracing::error!("the configuration is not taken up: {problem}");
            }
        }
    }
    notify(&[NotifyState::Ready]);
}

fn notify(states: &[NotifyState<'_>]) {
    // Where nobody asked to be told it does nothing.
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd was not told");
    }
}
