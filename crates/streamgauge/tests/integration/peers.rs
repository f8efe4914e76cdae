//! Peers that are addresses, and what is left of them where they are truncated.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::select;
use streamgauge::{
    Admission, CollectorConfig, Config, Error, FileStore, HistorySnapshot, HistoryStore, IpLimiter, Loaded,
    ManualClock, PeerTruncation, RefuseReason, Registry, StoreError, Verdict, peer_address,
};
use tracing::Dispatch;
use tracing::subscriber::NoSubscriber;

use crate::ledger_check::{Checked, S};
use crate::log_lines::LogLines;
use crate::recorder::Recorder;

/// What is not to be found anywhere.
const ADDRESSES: [&str; 2] = ["198.51.100.7", "2001:db8::7"];

fn truncating(config: &mut CollectorConfig) {
    config.peer_truncation = Some(PeerTruncation::default());
}

/// The one peer that is registered.
fn peer(meter: &Checked) -> String {
    let active = meter.active();
    assert_eq!(active.len(), 1);
    active[0].peer.to_string()
}

#[test]
fn peers_are_as_they_were_given_where_nothing_is_configured() {
    let meter = Checked::new(|_| {});
    meter.register_and_activate("a", "", "", "198.51.100.7:4711");
    assert_eq!(peer(&meter), "198.51.100.7:4711");
}

#[test]
fn peers_of_one_network_are_one_row_of_the_history() {
    let meter = Checked::new(truncating);
    for (number, peer) in ["198.51.100.7:4711", "198.51.100.8", "::ffff:198.51.100.9"]
        .iter()
        .enumerate()
    {
        meter
            .register_and_activate(number.to_string(), "stream", "here", peer)
            .ingress(1);
        meter.unregister(number.to_string());
    }
    let summary = meter.refreshed();
    let rows: Vec<_> = summary
        .history
        .peers
        .iter()
        .map(|(peer, row)| (peer, row.stats.total_rx_bytes))
        .collect();
    assert_eq!(rows, [("198.51.100.0/24", 3)]);
}

#[test]
fn locations_and_references_and_extras_and_ids_are_the_programs_own() {
    let meter = Checked::new(truncating);
    let session = meter.register_and_activate(ADDRESSES[0], ADDRESSES[0], ADDRESSES[0], ADDRESSES[0]);
    session.extra(ADDRESSES[0]);
    let row = meter.active().pop().unwrap();
    assert_eq!(row.id.as_bytes(), ADDRESSES[0].as_bytes());
    assert_eq!(
        (&*row.reference, &*row.location, &*row.extra),
        (ADDRESSES[0], ADDRESSES[0], ADDRESSES[0])
    );
    assert_eq!(row.peer, "198.51.100.0/24");
}

#[test]
fn a_peer_is_truncated_before_it_is_cut() {
    let meter = Checked::new(|config| {
        truncating(config);
        config.max_label_bytes = 15;
    });
    // Cut first it would be [2001:db8:0:0:8, which is no address.
    meter.register_and_activate("a", "", "", "[2001:db8:0:0:8000::7]:443");
    assert_eq!(peer(&meter), "2001:db8::/64");
    assert_eq!(meter.refreshed().caps.cut_labels, 0);
}

#[test]
fn a_limiter_is_asked_with_the_whole_address() {
    struct OnlySeven;
    impl IpLimiter for OnlySeven {
        fn is_allowed(&self, ip: &str) -> bool {
            ip == ADDRESSES[0]
        }
    }
    let meter = Checked::new(|config| {
        truncating(config);
        config.limiter = Some(Arc::new(OnlySeven));
    });
    assert!(meter.is_collectable_ip(ADDRESSES[0]));
    assert!(!meter.is_collectable_ip("198.51.100.0"));
}

#[test]
fn prefixes_that_are_too_long_are_at_fault() {
    let mut config = CollectorConfig::default();
    config.peer_truncation = Some(PeerTruncation {
        ipv4_prefix: 33,
        ..PeerTruncation::default()
    });
    let registry = Registry::manual(Config::default(), ManualClock::default()).unwrap();
    let error = registry.register("c", config).unwrap_err();
    let streamgauge::RegistryError::Start {
        source: Error::Config { field, .. },
        ..
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!(*field, "peer_truncation.ipv4_prefix");
    assert_eq!(
        error.to_string(),
        "collector \"c\": peer_truncation.ipv4_prefix cannot be 33: it must be at most 32"
    );
}

/// A store in memory, which is asked what it has.
#[derive(Default)]
struct Memory(Mutex<Vec<HistorySnapshot>>);

impl HistoryStore for Memory {
    fn load(&self, _: &str) -> Result<Loaded, StoreError> {
        Ok(Loaded::Nothing)
    }

    fn save(&self, _: &str, snapshot: &HistorySnapshot) -> Result<(), StoreError> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(snapshot.clone());
        Ok(())
    }
}

/// Every byte that the files of a directory hold.
fn content(directory: &Path) -> String {
    let files = std::fs::read_dir(directory).unwrap();
    files
        .map(|file| String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap()).into_owned())
        .collect()
}

/// What all the ways out show of sessions that were registered in all ways, each as text.
fn shown(truncation: Option<PeerTruncation>) -> Vec<(&'static str, String)> {
    let mut shown = Vec::new();
    let directory = tempfile::tempdir().unwrap();
    let memory = Arc::new(Memory::default());
    let file = FileStore::open(directory.path()).unwrap();
    let stores: [Arc<dyn HistoryStore>; 2] = [Arc::new(file), Arc::<Memory>::clone(&memory)];
    for store in stores {
        let clock = ManualClock::default();
        let mut config = Config::default();
        config.store = Some(store);
        let registry = Registry::manual(config, clock.clone()).unwrap();
        let (recorder, observer) = Recorder::pair();
        let mut config = CollectorConfig::default();
        config.observer = Some(observer);
        config.persist_interval = S;
        config.max_sessions = 3;
        config.max_tracked_sessions = 3;
        config.max_id_bytes = 8;
        config.session_timeout = Duration::MAX;
        config.peer_truncation = truncation;
        let collector = registry.register("c", config).unwrap();

        let admission = Admission::default();
        let pending = collector.register("pending", "", "", "198.51.100.7:4711");
        let active = collector.register_and_activate("active", "", "", "[2001:db8::7]:443");
        let admitted = collector
            .try_register("admitted", "", "", "::ffff:198.51.100.7", admission)
            .unwrap();
        let known = collector.register("active", "", "", "198.51.100.7:4712");
        let again = collector
            .try_register("active", "", "", "198.51.100.7:4713", admission)
            .unwrap();
        let refused = collector
            .try_register("d", "", "", "198.51.100.7:4714", admission)
            .unwrap_err();
        let too_many = collector.register("e", "", "", "198.51.100.7:4715");
        let too_long = collector.register("123456789", "", "", "198.51.100.7:4716");
        assert_eq!(
            too_many.ingress(1),
            Verdict::Refused(RefuseReason::TooManySessions)
        );
        assert_eq!(too_long.ingress(1), Verdict::Refused(RefuseReason::IdTooLong));
        let mut handles = format!("{refused} {refused:?}");
        for handle in [&pending, &active, &admitted, &known, &again, &too_many, &too_long] {
            write!(handles, "{handle:?}").unwrap();
        }

        for handle in [&active, &admitted] {
            handle.ingress(1_000);
            assert!(handle.is_known());
        }
        clock.advance(S);
        registry.tick();
        shown.push(("active", format!("{:?}", collector.active())));
        shown.push(("summary.active", format!("{:?}", collector.summary())));
        active.unregister();
        pending.unregister();
        clock.advance(S);
        registry.tick();
        shown.push(("summary.history", format!("{:?}", collector.summary().history)));
        collector.stop();
        let stopped = collector.register("f", "", "", "198.51.100.7:4717");
        assert_eq!(stopped.ingress(1), Verdict::Refused(RefuseReason::Stopped));
        write!(
            handles,
            "{stopped:?} {collector:?} {registry:?} {:?}",
            collector.health()
        )
        .unwrap();
        shown.push(("handles", handles));
        shown.push(("events", format!("{:?}", recorder.take())));
    }
    shown.push(("disk", content(directory.path())));
    let saved = memory.0.lock().unwrap();
    assert!(saved.len() >= 2, "{} saves", saved.len());
    shown.push(("store", format!("{saved:?}")));
    shown
}

#[test]
fn no_whole_address_reaches_a_summary_or_an_event_or_the_log_or_the_disk() {
    // Where there is one dispatcher alone, a place in the code that another thread is the first to log from is off for all
    // threads, this one too. So there are two, and the one that hears something comes last.
    let _silent = Dispatch::new(NoSubscriber::default());
    let log = LogLines::default();
    let dispatch = Dispatch::new(log.clone());
    let all = |truncation| {
        let mut shown = tracing::dispatcher::with_default(&dispatch, || shown(truncation));
        shown.push(("log", log.take().concat()));
        shown
    };
    for (place, text) in all(Some(PeerTruncation::default())) {
        for address in ADDRESSES {
            assert!(!text.contains(address), "{address} in {place}: {text}");
        }
        if place != "handles" {
            assert!(text.contains("/24") || text.contains("/64"), "{place}: {text}");
        }
    }
    // Each of these places has it where nothing is truncated, so it would have been found.
    for (place, text) in all(None).iter().filter(|(place, _)| *place != "handles") {
        assert!(
            ADDRESSES.iter().any(|address| text.contains(address)),
            "{place}: {text}"
        );
    }
}

/// What programs write around an address.
fn written(address: &str, way: u8) -> String {
    let is_v6 = address.contains(':');
    match way % 6 {
        0 => address.to_owned(),
        1 if is_v6 => format!("[{address}]:443"),
        1 => format!("{address}:443"),
        2 => format!("[{address}]"),
        3 => format!("{address}%eth0"),
        4 => format!(" {address} "),
        _ if is_v6 => format!("{address}/128"),
        _ => format!("::ffff:{address}"),
    }
}

/// What peers are put together from, in any order.
const PARTS: [&str; 14] = [
    "198.51.100.7",
    "2001:db8::7",
    "::ffff:",
    "[",
    "]",
    "]:443",
    ":",
    ":80",
    "/",
    "/16",
    "/128",
    "%eth0",
    " ",
    "x",
];

proptest! {
    #[test]
    fn every_address_of_a_network_becomes_the_same_text_and_stays_it(
        (one, other, prefix) in prop_oneof![
            (any::<u32>(), any::<u32>(), 0..=32_u32).prop_map(|(one, other, prefix)| {
                // The first bits of one of them, and the last ones of each.
                let kept = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
                let other = Ipv4Addr::from(one & kept | other & !kept);
                (Ipv4Addr::from(one).to_string(), other.to_string(), prefix)
            }),
            (any::<u128>(), any::<u128>(), 0..=128_u32).prop_map(|(one, other, prefix)| {
                let kept = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
                let other = Ipv6Addr::from(one & kept | other & !kept);
                (Ipv6Addr::from(one).to_string(), other.to_string(), prefix)
            }),
        ],
        ways in any::<[u8; 2]>(),
        shorter in 0..=128_u8,
    ) {
        let prefix = u8::try_from(prefix).unwrap();
        let truncation = PeerTruncation { ipv4_prefix: prefix, ipv6_prefix: prefix };
        let (one, other) = (written(&one, ways[0]), written(&other, ways[1]));
        let network = truncation.truncate(&one).into_owned();
        prop_assert_eq!(&truncation.truncate(&other), &network);
        prop_assert_eq!(&truncation.truncate(&network), &network);
        prop_assert_eq!(peer_address(&network), None);
        // Twice is as once by the shorter prefix.
        let shorter = PeerTruncation { ipv4_prefix: shorter, ipv6_prefix: shorter };
        let shortest = if shorter.ipv4_prefix < prefix { shorter } else { truncation };
        prop_assert_eq!(shorter.truncate(&network), shortest.truncate(&one));
    }

    #[test]
    fn what_is_truncated_is_truncated_for_good(parts in vec(select(&PARTS), 1..5)) {
        let peer = parts.concat();
        let truncation = PeerTruncation::default();
        let once = truncation.truncate(&peer).into_owned();
        prop_assert_eq!(&truncation.truncate(&once), &once);
        prop_assert!(once == peer || peer_address(&once).is_none());
    }
}
