//! What a collector is configured with.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::nanos;
use crate::error::Error;
use crate::event::SessionObserver;
use crate::limiter::IpLimiter;
use crate::peer::PeerTruncation;

/// What makes a pending session active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Activation {
    /// The first counted bytes, or `activate`.
    #[default]
    OnTraffic,
    /// `activate` alone. Bytes of a pending session count in the rates, keep it alive, and are `discarded` if it never
    /// becomes active.
    Explicit,
}

/// The configuration of a [`Collector`](crate::Collector).
///
/// ```
/// use std::time::Duration;
/// use streamgauge::CollectorConfig;
///
/// let mut config = CollectorConfig::default();
/// config.max_sessions = 1_000;
/// config.session_timeout = Duration::from_secs(30);
/// assert_eq!(config.window, Duration::from_secs(10));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct CollectorConfig {
    /// The ingress bitrate, in bit/s, above which `is_ingress_bitrate_exceeded` answers true and which `try_register`
    /// keeps. 0: no limit.
    pub max_rx_bitrate: u64,
    /// The egress bitrate, in bit/s, above which `is_egress_bitrate_exceeded` answers true and which `try_register`
    /// keeps. 0: no limit.
    pub max_tx_bitrate: u64,
    /// The number of sessions, pending and active, at which `is_sessions_exceeded` answers true and `try_register`
    /// refuses. `register` ignores it. 0: no limit.
    pub max_sessions: u64,
    /// Who may be metered, by IP. None: every address that parses.
    pub limiter: Option<Arc<dyn IpLimiter>>,
    /// How long a pending session lives without a byte, if shorter than `session_timeout`. 0: `session_timeout`.
    /// `Duration::MAX`: never.
    pub inactive_timeout: Duration,
    /// How long a session lives without a byte. 0: 5 s. `Duration::MAX`: never.
    pub session_timeout: Duration,
    /// How often the history, and what open sessions moved so far, is written to the store, where there is one. A crash
    /// loses at most what came since. 0: only at stop, so a crash loses the run.
    pub persist_interval: Duration,
    /// What makes a pending session active.
    pub activation: Activation,
    /// The span over which bitrates are averaged. At least one `sample_interval`, at most 256.
    pub window: Duration,
    /// How often the sampler looks. At least a millisecond.
    pub sample_interval: Duration,
    /// Whether each counting call is also counted as a packet.
    pub count_packets: bool,
    /// How many sessions are held at once, pending, active and closed ones not yet accounted. Beyond it `register`
    /// answers a handle that refuses.
    pub max_tracked_sessions: u64,
    /// How many sessions the session table has room for from the start. While no more are registered at once the table
    /// hardly grows, which registrations do and lookups never. Takes 21 to 42 bytes each, from the start; at most 2^30.
    pub expected_sessions: usize,
    /// How many writers are served at once. Beyond it `writer` answers one that refuses.
    pub max_writers: u64,
    /// How many keys, each a triple of location, peer and reference, the history holds. A new one beyond that takes the place of
    /// the one that moved least, which is accounted under "(other)" from then on. A key that moves more than one part in so
    /// many of all bytes always has a place, and what a single session moves beyond that is never folded.
    pub max_history_keys: u64,
    /// The longest id, in bytes. A longer one is refused.
    pub max_id_bytes: usize,
    /// The longest reference, location, peer and extra, each, in bytes. Longer ones are cut between characters.
    pub max_label_bytes: usize,
    /// How much is kept of a peer that is an IP address. None: all of it. What is registered from then on has the network
    /// alone, in summaries, events, the log and on disk; ids, references and extras are as the program gave them, and a
    /// history that is loaded is as it was saved.
    pub peer_truncation: Option<PeerTruncation>,
    /// Who is told of sessions registered, activated and closed.
    pub observer: Option<Arc<dyn SessionObserver>>,
    /// How many events wait for the observer at most. Beyond it events are dropped, and counted in `health`.
    pub max_queued_events: u64,
    /// How long `stop` waits for an observer that does not return, before it leaves it behind.
    pub stop_timeout: Duration,
}

impl CollectorConfig {
    /// Whether the configuration can be followed.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let fault = |field, value: &dyn fmt::Debug, rule| {
            Err(Error::Config {
                field,
                value: format!("{value:?}"),
                rule,
            })
        };
        if self.sample_interval < MIN_INTERVAL {
            return fault("sample_interval", &self.sample_interval, "at least 1 ms");
        }
        if self.window < self.sample_interval {
            return fault("window", &self.window, "at least one sample_interval");
        }
        if nanos(self.window) > nanos(self.sample_interval).saturating_mul(MAX_SAMPLES) {
            return fault("window", &self.window, "at most 256 times the sample_interval");
        }
        if self.expected_sessions > MAX_EXPECTED {
            return fault("expected_sessions", &self.expected_sessions, "at most 2^30");
        }
        if let Some(PeerTruncation {
            ipv4_prefix,
            ipv6_prefix,
        }) = self.peer_truncation
        {
            if u32::from(ipv4_prefix) > Ipv4Addr::BITS {
                return fault("peer_truncation.ipv4_prefix", &ipv4_prefix, "at most 32");
            }
            if u32::from(ipv6_prefix) > Ipv6Addr::BITS {
                return fault("peer_truncation.ipv6_prefix", &ipv6_prefix, "at most 128");
            }
        }
        Ok(())
    }
}

impl Default for CollectorConfig {
    fn default() -> Self {
        Self {
            max_rx_bitrate: 0,
            max_tx_bitrate: 0,
            max_sessions: 0,
            limiter: None,
            inactive_timeout: Duration::ZERO,
            session_timeout: Duration::ZERO,
            persist_interval: Duration::ZERO,
            activation: Activation::OnTraffic,
            window: Duration::from_secs(10),
            sample_interval: Duration::from_secs(1),
            count_packets: false,
            max_tracked_sessions: 1 << 20,
            expected_sessions: 1_024,
            max_writers: 1 << 16,
            max_history_keys: 1 << 18,
            max_id_bytes: 1024,
            max_label_bytes: 1024,
            peer_truncation: None,
            observer: None,
            max_queued_events: 1 << 16,
            stop_timeout: Duration::from_secs(5),
        }
    }
}

impl fmt::Debug for CollectorConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectorConfig")
            .field("max_rx_bitrate", &self.max_rx_bitrate)
            .field("max_tx_bitrate", &self.max_tx_bitrate)
            .field("max_sessions", &self.max_sessions)
            .field("inactive_timeout", &self.inactive_timeout)
            .field("session_timeout", &self.session_timeout)
            .field("persist_interval", &self.persist_interval)
            .field("activation", &self.activation)
            .field("window", &self.window)
            .field("sample_interval", &self.sample_interval)
            .field("count_packets", &self.count_packets)
            .field("max_tracked_sessions", &self.max_tracked_sessions)
            .field("expected_sessions", &self.expected_sessions)
            .field("peer_truncation", &self.peer_truncation)
            .finish_non_exhaustive()
    }
}

/// The longest window, in sample intervals: rows keep a sample for each.
const MAX_SAMPLES: u64 = 256;

/// The most that may be asked for. The table makes room for some 200 million of them from the start: 4 GiB of buckets.
const MAX_EXPECTED: usize = 1 << 30;

/// Ticks closer than this would do nothing else.
const MIN_INTERVAL: Duration = Duration::from_millis(1);

/// How long sessions live, in nanoseconds of the monotonic clock; `u64::MAX` is never.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// For a pending session that counted nothing, from its registration.
    pub(crate) pending: u64,
    /// For all others, from their last counted byte or their activation.
    pub(crate) session: u64,
}

impl Timeouts {
    pub(crate) fn of(config: &CollectorConfig) -> Self {
        let or = |value: Duration, other: Duration| if value.is_zero() { other } else { value };
        let session = or(config.session_timeout, Duration::from_secs(5));
        let inactive = or(config.inactive_timeout, session);
        Self {
            pending: nanos(session.min(inactive)),
            session: nanos(session),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CollectorConfig, Error, PeerTruncation, Timeouts};
    use std::time::Duration;

    fn timeouts(inactive: Duration, session: Duration) -> (u64, u64) {
        let config = CollectorConfig {
            inactive_timeout: inactive,
            session_timeout: session,
            ..CollectorConfig::default()
        };
        let Timeouts { pending, session } = Timeouts::of(&config);
        (pending, session)
    }

    #[test]
    fn zero_and_max_have_their_meanings() {
        let s = Duration::from_secs;
        let ns = 1_000_000_000;
        assert_eq!(timeouts(s(0), s(0)), (5 * ns, 5 * ns));
        assert_eq!(timeouts(s(0), s(7)), (7 * ns, 7 * ns));
        assert_eq!(timeouts(s(2), s(7)), (2 * ns, 7 * ns));
        assert_eq!(timeouts(s(9), s(7)), (7 * ns, 7 * ns));
        assert_eq!(timeouts(Duration::MAX, Duration::MAX), (u64::MAX, u64::MAX));
    }
    /// Which field is at fault, if any is.
    fn fault(change: impl FnOnce(&mut CollectorConfig)) -> Option<&'static str> {
        let mut config = CollectorConfig::default();
        change(&mut config);
        match config.check() {
            Ok(()) => None,
            Err(Error::Config { field, .. }) => Some(field),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn what_is_at_its_bound_is_right_and_what_is_beyond_is_at_fault() {
        let ms = Duration::from_millis;
        let windows = |sample_interval, window| {
            fault(move |config| (config.sample_interval, config.window) = (sample_interval, window))
        };
        assert_eq!(windows(ms(1), ms(10)), None);
        assert_eq!(
            windows(ms(1) - Duration::from_nanos(1), ms(10)),
            Some("sample_interval")
        );
        assert_eq!(windows(ms(10), ms(10)), None);
        assert_eq!(windows(ms(10), ms(9)), Some("window"));
        assert_eq!(windows(ms(10), ms(2_560)), None);
        assert_eq!(windows(ms(10), ms(2_561)), Some("window"));
        assert_eq!(fault(|config| config.expected_sessions = 1 << 30), None);
        assert_eq!(
            fault(|config| config.expected_sessions = (1 << 30) + 1),
            Some("expected_sessions")
        );
        let prefixes = |ipv4_prefix, ipv6_prefix| {
            let truncation = PeerTruncation {
                ipv4_prefix,
                ipv6_prefix,
            };
            fault(move |config| config.peer_truncation = Some(truncation))
        };
        assert_eq!(prefixes(0, 0), None);
        assert_eq!(prefixes(32, 128), None);
        assert_eq!(prefixes(33, 128), Some("peer_truncation.ipv4_prefix"));
        assert_eq!(prefixes(32, 129), Some("peer_truncation.ipv6_prefix"));
    }
}
