//! The parts of the `streamgauge` command, as a library for its tests, benches and fuzz targets.
//!
//! A capture goes through four steps: [`capture`] reads packets from a file, [`decode`] tells who sent each to whom,
//! [`directory`] finds the conversation that both belong to, and the [`meter`] counts it in a session driven by the
//! capture's own clock. The first three are one thread's work, the last is another's: [`dispatch`] stands between them.
//! Reports are made of plain rows at the end.
//!
//! The [`history`] that collectors leave in a directory is read and mended beside all that.
//!
//! None of this is a stable interface: programs embed the crate `streamgauge`, not this one.

pub mod args;
pub mod batch;
pub mod capture;
pub mod conversation;
pub mod decode;
pub mod directory;
pub mod dispatch;
pub mod endpoints;
pub mod epoch;
pub mod history;
pub mod measurement;
mod memo;
pub mod meter;
pub mod outcome;
pub mod progress;
pub mod protocol;
#[cfg(feature = "relay")]
pub mod relay;
pub mod replay;
pub mod report;
pub mod source;
pub mod throughput;
pub mod timeline;
