//! The JSON of sessions and events, as the API and the webhooks of streamgauge show them: one shape for both.
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use streamgauge::{Collector, CollectorConfig, ManualClock, SessionEvent, SessionObserver};
//! use streamgauge_json::EventBody;
//!
//! #[derive(Default)]
//! struct Lines(Mutex<Vec<String>>);
//!
//! impl SessionObserver for Lines {
//!     fn on_event(&self, event: &SessionEvent) {
//!         if let Some(body) = EventBody::of(event) {
//!             self.0.lock().unwrap().push(serde_json::to_string(&body).unwrap());
//!         }
//!     }
//! }
//!
//! let lines = Arc::new(Lines::default());
//! let mut config = CollectorConfig::default();
//! config.observer = Some(lines.clone());
//! let collector = Collector::manual(config, ManualClock::default());
//! collector.register_and_activate("viewer/7", "stream-1", "edge-1", "198.51.100.7");
//! collector.refresh();
//! let lines = lines.0.lock().unwrap();
//! assert!(lines[0].contains(r#""id":"viewer/7","id_encoded":"viewer%2F7""#), "{}", lines[0]);
//! ```
//!
//! # The page
//!
//! * [`EventBody`]: something that happened to a session; [`kind`](EventBody::kind) names it.
//! * [`IdentityBody`], [`ClosedBody`]: which session, and what it ended with.
//! * [`StatsBody`] has sums.
//! * [`EncodedId`], [`Moment`]: an id as a path segment, and a moment in UTC.
//!
//! # What numbers are
//!
//! Bytes, packets and sessions are exact whole numbers up to 2^64. JavaScript's numbers are exact up to 2^53, some 9 PB:
//! a program that shows more reads them with a parser that keeps the digits. Bitrates are in bit/s, durations in seconds.
//!
//! # What it does not do
//!
//! It reads no JSON, and it knows no units of 1,024: the answers under `/api/v3` are those of the crate
//! `streamgauge-api` alone.

#![forbid(unsafe_code)]

mod event;
mod id;
mod moment;
mod stats;

pub use self::event::{ClosedBody, EventBody, IdentityBody, reason_name};
pub use self::id::EncodedId;
pub use self::moment::Moment;
pub use self::stats::StatsBody;
