//! How long a thread waited for a core while it could have run: what other programs on the machine take from a measurement
//! of pauses.
//!
//! Linux shows it in `/proc/thread-self/schedstat`. Where that is missing nothing is subtracted. What a hypervisor takes away
//! does not show there.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

/// Pauses shorter than this are taken as they are: to look costs a few microseconds.
pub const LONG: Duration = Duration::from_micros(100);

/// What the calling thread waited, since it was asked last. To ask allocates nothing.
#[derive(Debug)]
pub struct Waiting {
    file: Option<File>,
    seen: Duration,
}

impl Waiting {
    /// For the calling thread, from now on.
    #[must_use]
    pub fn here() -> Self {
        let mut waiting = Self {
            file: File::open("/proc/thread-self/schedstat").ok(),
            seen: Duration::ZERO,
        };
        waiting.since_last();
        waiting
    }

    /// The time waited since the last call.
    pub fn since_last(&mut self) -> Duration {
        let mut text = [0; 128];
        let length = self
            .file
            .as_ref()
            .and_then(|file| file.read_at(&mut text, 0).ok())
            .unwrap_or_default();
        let all = parse(&text[..length]).unwrap_or(self.seen);
        let since = all.saturating_sub(self.seen);
        self.seen = all;
        since
    }

    /// A pause as the clock saw it, without what of it the thread waited for a core.
    #[inline]
    pub fn take_from(&mut self, pause: Duration) -> Duration {
        if pause < LONG {
            pause
        } else {
            self.take_from_long(pause)
        }
    }

    #[cold]
    fn take_from_long(&mut self, pause: Duration) -> Duration {
        pause.saturating_sub(self.since_last())
    }
}

/// The second of the three numbers: nanoseconds on the run queue.
fn parse(text: &[u8]) -> Option<Duration> {
    let waited = str::from_utf8(text).ok()?.split_ascii_whitespace().nth(1)?;
    waited.parse().ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::{Waiting, parse};
    use std::time::Duration;

    #[test]
    fn waiting_is_the_second_number() {
        assert_eq!(parse(b"123 4567 89\n"), Some(Duration::from_nanos(4_567)));
        assert_eq!(parse(b""), None);
    }

    #[test]
    fn short_pause_is_taken_as_it_is() {
        let short = Duration::from_micros(3);
        assert_eq!(Waiting::here().take_from(short), short);
    }
}
