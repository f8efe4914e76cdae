//! What passes through metered streams and sockets is counted to the byte, and a closed session ends them.

#![expect(clippy::unwrap_used, reason = "a test that does not get what it needs fails")]

mod kick;
mod meter;
mod page;
mod scripted;
mod stream;
#[cfg(feature = "net")]
mod tcp;
#[cfg(feature = "net")]
mod udp;
