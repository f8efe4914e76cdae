//! What an operator orders, by signals.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What an operator orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Take up the rules of the configuration as it is now: SIGHUP.
    Reload,
    /// Stop, once sessions have ended; said again, at once: SIGTERM, SIGINT.
    Stop,
}

/// The signals that are orders.
#[derive(Debug)]
pub(crate) struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From here on these signals do nothing but give orders.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The next order.
    pub(crate) async fn next(&mut self) -> Order {
        // Signals come as long as the runtime does.
        tokio::select! {
            Some(()) = self.terminate.recv() => Order::Stop,
            Some(()) = self.interrupt.recv() => Order::Stop,
            Some(()) = self.hangup.recv() => Order::Reload,
            else => std::future::pending().await,
        }
    }
}
