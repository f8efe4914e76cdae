//! A TCP and UDP relay that meters each client as a session.
mod admin;
pub mod config;
mod descriptors;
mod error;
mod gate;
mod lifecycle;
pub mod proxy;
mod relay;
mod signals;
mod supervisor;
mod tally;
mod tcp;
mod throttle;
mod udp;

pub use self::error::{RelayError, SaveError};
pub use self::relay::{Listening, Relay};
pub use self::supervisor::{ServiceError, run};
pub use self::tally::Tally;
