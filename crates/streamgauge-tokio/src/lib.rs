//! Meters tokio's streams and sockets under sessions of streamgauge.
//!
//! ```
//! use streamgauge::{Collector, CollectorConfig, ManualClock};
//! use streamgauge_tokio::Metered;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
//! let (mut client, server) = duplex(1_024);
//! let mut server = Metered::new(server, collector.register("client", "echo", "here", "there"));
//! client.write_all(b"hello").await?;
//! server.read_exact(&mut [0; 5]).await?;
//! server.write_all(b"hi").await?;
//! drop(server); // and the session with it
//! let moved = collector.refresh().history.stats;
//! assert_eq!((moved.total_rx_bytes, moved.total_tx_bytes), (5, 2));
//! # std::io::Result::Ok(())
//! # })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! # A map of this page
//!
//! * [`Metered`] counts what is read from a stream as ingress of its session, and what is written to it as egress. Dropping it
//!   closes the session; a session that somebody else closes ends the stream at once, also where a task waits for its peer.
//! * [`MeteredUdpSocket`] does the same for a connected socket, [`MeteredUdpServer`] for one that serves many clients: a
//!   session for each address, found without a lock.
//!
//! What it answers a closed session with is an [`io::Error`](std::io::Error) of the kind
//! [`ConnectionAborted`](std::io::ErrorKind::ConnectionAborted) that holds a [`SessionClosed`].
//!
//! # What it does not do
//!
//! It limits no rate, opens no session by itself but for datagrams, and sees nothing that goes past it by
//! [`Metered::get_ref`]. TLS goes above or below it: below, the bytes of the records are counted, above, those of the program.
//!
//! # Features
//!
//! `net` (on by default): what needs tokio's sockets, [`Metered::into_split`] and datagrams.

#![forbid(unsafe_code)]

mod stream;
#[cfg(feature = "net")]
mod tcp;
#[cfg(feature = "net")]
mod udp;
mod vigil;

pub use stream::Metered;
pub use streamgauge::SessionClosed;
#[cfg(feature = "net")]
pub use udp::MeteredUdpSocket;
#[cfg(feature = "net")]
pub use udp::server::{MeteredUdpServer, Newcomer};

/// The examples of the page on this crate, which run as tests of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/integrations/tokio.md")]
mod page {}
