//! A TCP and UDP relay that meters each client as a session.
pub mod config;
mod error;
mod gate;
mod lifecycle;
pub mod proxy;
mod relay;
mod tally;
mod tcp;
mod throttle;

pub use self::error::{RelayError, SaveError};
pub use self::relay::{Listening, Relay};
pub use self::tally::Tally;
