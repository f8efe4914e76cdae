//! An HTTP API for streamgauge: a router to mount, behind a guard.
//!
//! ```
//! use std::net::SocketAddr;
//! use std::sync::Arc;
//! use streamgauge::{CollectorConfig, Config, ManualClock, Registry};
//! use streamgauge_api::{Api, Feed, Guard};
//!
//! let registry = Registry::manual(Config::default(), ManualClock::default())?;
//! let feed = Feed::default();
//! let mut config = CollectorConfig::default();
//! config.observer = Some(Arc::new(feed.clone()));
//! registry.register("hls", config)?;
//!
//! let address: SocketAddr = "127.0.0.1:8080".parse()?;
//! let guard = Guard::bound_to(address, None)?;
//! let router: axum::Router = Api::new(registry.reader(), guard).feed(feed).router();
//! // axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await?;
//! assert!(router.has_routes());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The page
//!
//! * [`Api`] makes the router of a registry. It merges into a program's own, or is nested in it.
//! * [`Guard`] decides who may ask: whoever has a token, or this machine alone.
//! * [`Feed`] is the observer that the events come from; without it `/api/v1/events` tells summaries alone.
//! * [`ROUTES`] lists what there is, and [`OPENAPI`] describes it: OpenAPI 3.1, served as `/api/v1/openapi.json`.
//!
//! | request | answers |
//! |---|---|
//! | `GET /api/v1/collectors` | limits, rates, sums and health of all collectors |
//! | `GET /api/v1/collectors/{collector}` | those of one |
//! | `GET /api/v1/collectors/{collector}/sessions` | its active sessions: filtered; in pages, or the top N by a quantity |
//! | `DELETE /api/v1/collectors/{collector}/sessions/{session}` | closes a session |
//! | `GET /api/v1/collectors/{collector}/history` | the top N peers, locations or references among ended sessions |
//! | `GET /api/v1/events` | server-sent events: summaries, and sessions registered, activated and closed |
//! | `GET /api/v1/openapi.json` | the description of all this |
//! | `GET /api/v3/session`, `/api/v3/session/active` | what dashboards of the re-created system read |
//!
//! Answers show the last summary: they are as old as its `taken_at` says, at most one sample interval. They are JSON,
//! whatever a request says that it accepts. An error is a problem (RFC 9457) that says what is wrong, where, and how to
//! mend it. What numbers are: see the crate [`streamgauge_json`].
//!
//! # What bounds it
//!
//! A page or a ranking has at most 1,000 rows, and a ranking of a million sessions holds no more than it answers. Walks
//! over all sessions run beside the runtime, at most one per core at once. A reply under `/api/v3` is written as it
//! is read; at most [`MAX_STREAMED_REPLIES`] that are larger than 256 KiB are under way at once. A feed has a fixed number of
//! subscribers and keeps a fixed number of events: who is slower is told how many it missed.
//!
//! # What it does not do
//!
//! It opens no listener, ends no TLS, limits no rate of requests, and has no users: one token, and all or nothing. Metrics for
//! Prometheus are another crate's.

#![forbid(unsafe_code)]

mod api;
mod collectors;
mod events;
mod feed;
mod guard;
mod history;
mod openapi;
mod origins;
mod problem;
mod query;
mod ranking;
mod routes;
mod sessions;
mod v3;

pub use self::api::{Api, MAX_STREAMED_REPLIES};
pub use self::feed::{Feed, FeedLimits};
pub use self::guard::{Guard, GuardError, MIN_TOKEN_BYTES};
pub use self::openapi::OPENAPI;
pub use self::origins::OriginError;
pub use self::routes::{ROUTES, Route};
