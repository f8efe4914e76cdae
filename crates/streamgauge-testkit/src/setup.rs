//! How a collector is configured: drawn like an [`Operation`](crate::Operation), a byte for each field.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use streamgauge::{Activation, CidrLimiter, CollectorConfig, PeerTruncation, SessionObserver};

/// One byte picks each.
const TIMEOUTS: [Duration; 8] = [
    Duration::ZERO,
    Duration::from_secs(2),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(7),
    Duration::from_nanos(1),
    Duration::from_secs(3_600),
    Duration::MAX,
];
/// Interval and window.
const SPANS: [(Duration, Duration); 7] = [
    (Duration::from_secs(1), Duration::from_secs(10)),
    (Duration::from_secs(1), Duration::from_secs(1)),
    (Duration::from_secs(1), Duration::from_secs(3)),
    (Duration::from_secs(2), Duration::from_secs(5)),
    (Duration::from_millis(100), Duration::from_secs(1)),
    (Duration::from_millis(1), Duration::from_millis(256)),
    (Duration::from_secs(3), Duration::from_millis(7_500)),
];
const MAX_BITRATES: [u64; 6] = [0, 1_000_000, 1_000, 1, 2_000, 1 << 63];
const MANY: u64 = 1 << 20;
const PERSIST: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(10),
];
/// Block and allow lists.
const LISTS: [Option<(&[&str], &[&str])>; 4] = [
    None,
    Some((&["10.1.0.0/16"], &[])),
    Some((&[], &["192.0.2.0/24", "2001:db8::/32"])),
    Some((&["10.1.2.3", ""], &[" 10.0.0.0/8 ", "::/0"])),
];

/// How many bits of IPv4 and of IPv6 addresses are kept: the defaults, none, all, and between the octets.
const PREFIXES: [[u8; 2]; 4] = [[24, 64], [0, 0], [32, 128], [9, 65]];

/// How a collector is configured.
#[derive(Clone, PartialEq, Default)]
pub struct Setup {
    pub(crate) max_bitrates: [u64; 2],
    pub(crate) max_sessions: u64,
    pub(crate) inactive_timeout: Duration,
    pub(crate) session_timeout: Duration,
    pub(crate) persist_interval: Duration,
    pub(crate) is_explicit: bool,
    pub(crate) interval: Duration,
    pub(crate) window: Duration,
    pub(crate) count_packets: bool,
    pub(crate) max_tracked: u64,
    pub(crate) max_writers: u64,
    pub(crate) max_history_keys: u64,
    pub(crate) max_id_bytes: usize,
    pub(crate) max_label_bytes: usize,
    pub(crate) lists: Option<(&'static [&'static str], &'static [&'static str])>,
    pub(crate) is_observed: bool,
    pub(crate) peer_truncation: Option<[u8; 2]>,
}

impl<'a> Arbitrary<'a> for Setup {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let mut pick = |choices: usize| Ok(usize::from(u8::arbitrary(bytes)?) % choices);
        // What is plain is drawn half of the time: caps in force everywhere leave little to count.
        let plain_or = |drawn: usize, choices: usize| if drawn < choices { drawn } else { 0 };
        let caps = [MANY, 2, 3, 1, 0];
        let bits = pick(256)?;
        let (interval, window) = SPANS[plain_or(pick(12)?, SPANS.len())];
        Ok(Self {
            count_packets: bits & 1 != 0,
            is_explicit: bits & 2 != 0,
            is_observed: bits & 12 == 12,
            peer_truncation: (bits & 48 == 48).then(|| PREFIXES[bits >> 6]),
            interval,
            window,
            session_timeout: TIMEOUTS[pick(TIMEOUTS.len())?],
            inactive_timeout: TIMEOUTS[pick(TIMEOUTS.len())?],
            persist_interval: PERSIST[pick(PERSIST.len())?],
            max_tracked: caps[plain_or(pick(12)?, caps.len())],
            max_history_keys: caps[plain_or(pick(8)?, caps.len())],
            max_writers: caps[plain_or(pick(8)?, caps.len())],
            max_sessions: [0, 2, 3, 1][pick(4)?],
            max_bitrates: [
                MAX_BITRATES[plain_or(pick(9)?, MAX_BITRATES.len())],
                MAX_BITRATES[plain_or(pick(9)?, MAX_BITRATES.len())],
            ],
            max_id_bytes: [1_024, 40, 41, 3, 0][plain_or(pick(16)?, 5)],
            max_label_bytes: [1_024, 5, 3, 0][plain_or(pick(8)?, 4)],
            lists: LISTS[pick(LISTS.len())?],
        })
    }
}

impl Setup {
    pub(crate) fn config(&self, observer: Option<Arc<dyn SessionObserver>>) -> CollectorConfig {
        let mut config = CollectorConfig::default();
        [config.max_rx_bitrate, config.max_tx_bitrate] = self.max_bitrates;
        config.max_sessions = self.max_sessions;
        config.inactive_timeout = self.inactive_timeout;
        config.session_timeout = self.session_timeout;
        config.persist_interval = self.persist_interval;
        if self.is_explicit {
            config.activation = Activation::Explicit;
        }
        config.window = self.window;
        config.sample_interval = self.interval;
        config.count_packets = self.count_packets;
        config.max_tracked_sessions = self.max_tracked;
        config.expected_sessions = 8;
        config.max_writers = self.max_writers;
        config.max_history_keys = self.max_history_keys;
        config.max_id_bytes = self.max_id_bytes;
        config.max_label_bytes = self.max_label_bytes;
        if let Some(limiter) = self
            .lists
            .and_then(|(block, allow)| CidrLimiter::new(block, allow).ok())
        {
            config.limiter = Some(Arc::new(limiter));
        }
        config.peer_truncation = self
            .peer_truncation
            .map(|[ipv4_prefix, ipv6_prefix]| PeerTruncation {
                ipv4_prefix,
                ipv6_prefix,
            });
        config.observer = observer;
        config
    }
}

impl fmt::Debug for Setup {
    /// What is not as in the plainest setup: a failing case is read by people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = Self::arbitrary(&mut Unstructured::new(&[])).unwrap_or_default();
        let mut shown = f.debug_struct("Setup");
        macro_rules! show {
            ($($field:ident)*) => {$(
                if self.$field != plain.$field {
                    shown.field(stringify!($field), &self.$field);
                }
            )*};
        }
        show!(max_bitrates max_sessions inactive_timeout session_timeout persist_interval is_explicit interval window);
        show!(count_packets max_tracked max_writers max_history_keys max_id_bytes max_label_bytes lists is_observed
            peer_truncation);
        shown.finish_non_exhaustive()
    }
}
