//! A TCP and UDP relay that meters each client as a session of [`streamgauge`]: limits, kicks, idle timeouts, lists of
//! networks, PROXY headers, a history, an API, metrics and a webhook.
//!
//! ```
//! use streamgauge_relay::Relay;
//! use streamgauge_relay::config::{ListenerConfig, Protocol, RelayConfig};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tokio::net::{TcpListener, TcpStream};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let upstream = TcpListener::bind("127.0.0.1:0").await?;
//! let mut web = ListenerConfig::new("web", Protocol::Tcp, "127.0.0.1:0".parse()?, upstream.local_addr()?.into());
//! web.rules.limits.max_sessions = 1_000;
//! let relay = Relay::start(&RelayConfig::new(vec![web])).await?;
//!
//! let listening = &relay.listeners()[0];
//! let mut client = TcpStream::connect(listening.local_addr()).await?;
//! let (mut server, _) = upstream.accept().await?;
//! client.write_all(b"hello").await?;
//! server.read_exact(&mut [0; 5]).await?;
//!
//! let session = listening.collector().active().remove(0);
//! assert_eq!((session.peer.as_str(), session.rx_bytes), ("127.0.0.1", 5));
//! assert!(relay.stop().await.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A map of this page
//!
//! * [`Relay`] is what runs; [`Listening`] one listener of it, with its collector and its [`Tally`] of what it refused.
//! * [`config`] says what it is to do, made by hand or from flags, variables and a file.
//! * [`run`] is the whole service: signals, systemd, the limit of open files.
//! * [`proxy`] is the codec of PROXY headers, a crate of its own.
//!
//! docs/integrations/relay.md says what a session is, what is counted, and what each key does; docs/adr/0021 why.
//!
//! # How it works
//!
//! A listener's task accepts; each connection is a task that admits the client, connects to the upstream and moves bytes both ways,
//! counting them on the session's handle. A UDP listener is a task, and so is each of its clients. Sessions close by
//! the collectors' own rules, and a task ends with its session. No task is waited for by another but at the end.
//!
//! # What it does not do
//!
//! It ends no TLS, speaks no protocol but PROXY headers, shapes no traffic, and balances no load. It is for Unix.

#![forbid(unsafe_code)]

mod admin;
pub mod config;
mod descriptors;
mod error;
mod gate;
mod lifecycle;
mod relay;
mod signals;
mod supervisor;
mod tally;
mod tcp;
mod throttle;
mod udp;

pub use streamgauge_proxy_header as proxy;
pub use streamgauge_webhook::WebhookCounts;

pub use self::error::{RelayError, SaveError};
pub use self::relay::{Listening, Relay};
pub use self::supervisor::{ServiceError, run};
pub use self::tally::Tally;
