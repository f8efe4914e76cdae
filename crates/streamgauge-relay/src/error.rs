//! Why a relay does not start, and what it could not save.

use std::io;
use std::net::SocketAddr;

use streamgauge::RegistryError;
use streamgauge_webhook::WebhookError;

/// Why a relay does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// The histories cannot be kept where they are to be.
    #[error("the history cannot be kept: {0}")]
    History(#[from] streamgauge::Error),
    /// A collector cannot be registered.
    #[error("listener {name}: {source}")]
    Collector {
        /// The listener's name.
        name: String,
        /// Why.
        source: RegistryError,
    },
    /// An address cannot be listened at.
    #[error("{name}: cannot listen at {address}: {source}")]
    Bind {
        /// The listener's name.
        name: String,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Sessions that close cannot be posted.
    #[error("the webhook: {0}")]
    Webhook(#[from] WebhookError),
}

/// What a listener's collector could not save.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("listener {name}: its history was not saved: {cause}")]
#[non_exhaustive]
pub struct SaveError {
    /// The listener's name.
    pub name: String,
    /// What the store said.
    pub cause: String,
}
