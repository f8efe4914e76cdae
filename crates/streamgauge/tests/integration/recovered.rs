//! Sessions that were open when their program ended without closing them: folded once, as `Recovered` (P6).

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use streamgauge::{
    Activation, CloseReason, CollectorConfig, Config, FileStore, HistorySnapshot, HistoryStore, Loaded,
    ManualClock, PeerTruncation, Registry, Stats, StoreError,
};
use tempfile::TempDir;

use crate::ledger_check::{Checked, S, bytes};
use crate::log_lines::LogLines;
use crate::recorder::Recorder;

fn config(recorder: Option<&Arc<Recorder>>) -> CollectorConfig {
    let mut config = CollectorConfig::default();
    config.persist_interval = S;
    config.session_timeout = Duration::MAX;
    config.activation = Activation::Explicit;
    config.observer = recorder.map(|recorder| Arc::<Recorder>::clone(recorder) as Arc<_>);
    config
}

fn begin(directory: &Path, config: CollectorConfig) -> (Registry, Checked) {
    let clock = ManualClock::default();
    let mut settings = Config::default();
    settings.persist_dir = Some(directory.to_owned());
    let registry = Registry::manual(settings, clock.clone()).unwrap();
    let collector = registry.register("hls", config).unwrap();
    (registry, Checked::of(collector, clock))
}

/// What a program leaves that is killed now.
fn crash(directory: &Path) -> TempDir {
    let left = tempfile::tempdir().unwrap();
    for file in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), left.path().join(file.file_name())).unwrap();
    }
    left
}

/// An active session of 7 bytes and a pending one of 50, saved and left open.
fn left_open() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let (_registry, meter) = begin(directory.path(), config(None));
    meter.register("closed", "stream 0", "here", "there").unregister();
    meter
        .register_and_activate("active", "stream 1", "here", "there")
        .ingress(7);
    meter.tick_after(S);
    meter.register("pending", "stream 2", "here", "there").egress(50);
    meter.tick_after(S);
    crash(directory.path())
}

#[test]
fn p6_sessions_found_open_are_closed_as_recovered_and_told() {
    let left = left_open();
    let recorder = Arc::<Recorder>::default();
    let (_registry, meter) = begin(left.path(), config(Some(&recorder)));
    let summary = meter.summary();
    assert_eq!(
        (bytes(summary.history.stats), bytes(summary.discarded)),
        ((7, 0), (0, 50))
    );
    assert_eq!(
        (summary.live, summary.pending),
        (Stats::default(), Stats::default())
    );
    assert!(!meter.is_known_session("active"));
    let recovered = meter.health().recovered;
    assert_eq!((recovered.total_sessions, bytes(recovered)), (2, (7, 50)));
    assert!(meter.health().is_good());
    meter.tick_after(S);
    let told = recorder.take_closed();
    let at = |seconds| SystemTime::UNIX_EPOCH + S * seconds;
    let shown = told.iter().map(|closed| {
        let identity = &closed.identity;
        assert_eq!(
            (closed.reason, closed.closed_at, closed.is_final),
            (CloseReason::Recovered, at(2), true)
        );
        let labels = (
            identity.collector.to_string(),
            identity.id.to_string(),
            identity.reference.to_string(),
        );
        (labels, closed.duration, closed.was_active, bytes(closed.totals))
    });
    let label = |id: &str, reference: &str| ("hls".to_owned(), id.to_owned(), reference.to_owned());
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [
            (label("active", "stream 1"), S * 2, true, (7, 0)),
            (label("pending", "stream 2"), S, false, (0, 50)),
        ]
    );
    assert!((told[0].average_rx_bitrate - 28.0).abs() < 1e-9);
}

#[test]
fn what_is_recovered_is_logged_where_there_is_something() {
    let left = left_open();
    let log = LogLines::default();
    for recovered in ["sessions=2 rx_bytes=7 tx_bytes=50", ""] {
        tracing::subscriber::with_default(log.clone(), || {
            let (_registry, _meter) = begin(left.path(), config(None));
        });
        let lines = log.take().into_iter().filter(|line| line.contains("were open"));
        let lines: Vec<_> = lines.collect();
        assert_eq!(lines.len(), usize::from(!recovered.is_empty()), "{lines:?}");
        assert!(lines.iter().all(|line| line.ends_with(recovered)), "{lines:?}");
    }
}

#[test]
fn p1_and_p6_a_session_is_recovered_once_however_often_its_program_crashes() {
    let first = left_open();
    let (_registry, meter) = begin(first.path(), config(None));
    let totals = meter.summary().totals;
    // Before anything is saved again.
    let second = crash(first.path());
    let (_registry, again) = begin(second.path(), config(None));
    assert_eq!(again.summary().totals, totals);
    assert_eq!(again.health().recovered.total_sessions, 2);
    // Behind the next save there is nobody to recover, whatever else is open by then under the same ids.
    again
        .register_and_activate("active", "stream 1", "here", "there")
        .ingress(1_000);
    again.tick_after(S);
    let third = crash(second.path());
    let (_registry, meter) = begin(third.path(), config(None));
    let recovered = meter.health().recovered;
    assert_eq!((recovered.total_sessions, bytes(recovered)), (1, (1_000, 0)));
    assert_eq!(bytes(meter.summary().totals), (1_007, 50));
    assert_eq!(meter.summary().totals.total_sessions, totals.total_sessions + 1);
    // Also where nothing else happens: the recovery itself is saved.
    meter.tick_after(S);
    let last = crash(third.path());
    let (_registry, meter) = begin(last.path(), config(None));
    assert_eq!(meter.health().recovered, Stats::default());
    assert_eq!(bytes(meter.summary().totals), (1_007, 50));
}

#[test]
fn p6_a_session_that_closes_is_taken_out_of_the_open_ones_by_the_save_that_has_its_row() {
    let directory = tempfile::tempdir().unwrap();
    let (_registry, meter) = begin(directory.path(), config(None));
    let session = meter.register_and_activate("a", "stream", "here", "there");
    for n in 0..5 {
        session.ingress(1 << n);
        meter.tick_after(S);
        let left = crash(directory.path());
        let (_registry, found) = begin(left.path(), config(None));
        assert_eq!(bytes(found.summary().totals), ((1 << (n + 1)) - 1, 0), "{n}");
        assert_eq!(found.health().recovered.total_sessions, 1);
    }
    session.unregister();
    meter.tick_after(S);
    let left = crash(directory.path());
    let (_registry, found) = begin(left.path(), config(None));
    assert_eq!(
        (bytes(found.summary().totals), found.health().recovered),
        ((31, 0), Stats::default())
    );
}

#[test]
fn no_id_is_on_disk_where_peers_are_truncated() {
    let truncating = |is_on: bool| {
        let mut config = config(None);
        config.peer_truncation = is_on.then(PeerTruncation::default);
        config
    };
    let holds = |directory: &Path, text: &str| {
        let files = fs::read_dir(directory)
            .unwrap()
            .map(|file| fs::read(file.unwrap().path()).unwrap());
        files
            .into_iter()
            .any(|file| file.windows(text.len()).any(|part| part == text.as_bytes()))
    };
    for is_on in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let (_registry, meter) = begin(directory.path(), truncating(is_on));
        meter
            .register("198.51.100.7:4711", "stream", "here", "198.51.100.7:4711")
            .ingress(7);
        meter.tick_after(S);
        assert_eq!(holds(directory.path(), "198.51.100.7"), !is_on);
        assert!(holds(directory.path(), "stream"));
        let left = crash(directory.path());
        let recorder = Arc::<Recorder>::default();
        let mut config = truncating(is_on);
        config.observer = Some(Arc::<Recorder>::clone(&recorder));
        let (_registry, meter) = begin(left.path(), config);
        meter.tick_after(S);
        let id = recorder.take_closed()[0].identity.id.to_string();
        assert_eq!(id, if is_on { "" } else { "198.51.100.7:4711" });
    }
}

#[test]
fn p1_and_p6_a_session_of_a_later_run_is_not_taken_for_one_that_was_recovered() {
    let first = left_open();
    let (_registry, meter) = begin(first.path(), config(None));
    for (id, reference, bytes) in [("new", "stream 3", 100), ("newer", "stream 4", 1_000)] {
        meter
            .register_and_activate(id, reference, "here", "there")
            .ingress(bytes);
    }
    meter.tick_after(S);
    let second = crash(first.path());
    let (_registry, meter) = begin(second.path(), config(None));
    let summary = meter.summary();
    let references = &summary.history.references;
    assert_eq!(
        ["stream 1", "stream 3", "stream 4"]
            .map(|reference| references.get(reference).map(|stats| stats.total_rx_bytes)),
        [Some(7), Some(100), Some(1_000)]
    );
}

/// A history that was saved while sessions were open that had received so much, one after the other.
fn saved_while_open(received: &[u64]) -> HistorySnapshot {
    let directory = tempfile::tempdir().unwrap();
    let (_registry, meter) = begin(directory.path(), config(None));
    for (n, bytes) in received.iter().enumerate() {
        meter
            .register_and_activate(format!("{n}"), "stream", "here", "there")
            .ingress(*bytes);
    }
    meter.tick_after(S);
    let left = crash(directory.path());
    let Loaded::History(history) = FileStore::open(left.path()).unwrap().load("hls").unwrap() else {
        unreachable!("it was saved, and nothing is damaged")
    };
    history
}

#[test]
fn histories_are_the_same_if_the_sessions_that_were_open_are() {
    let history = saved_while_open(&[1, 2]);
    assert_eq!((history.open_sessions(), history.open().count()), (2, 2));
    assert_eq!(history, saved_while_open(&[1, 2]));
    for other in [&[1, 3][..], &[1], &[1, 2, 3]] {
        assert_ne!(history, saved_while_open(other), "{other:?}");
    }
}

#[test]
fn p6_a_session_that_ends_among_others_leaves_them_as_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let (_registry, meter) = begin(directory.path(), config(None));
    let sessions = ["a", "b", "c", "d"].map(|id| meter.register_and_activate(id, id, "here", "there"));
    for (session, bytes) in sessions.iter().zip([1, 10, 100, 1_000]) {
        session.ingress(bytes);
    }
    meter.tick_after(S);
    for (ends, open) in [(0, vec!["b", "c", "d"]), (2, vec!["b", "d"])] {
        sessions[ends].unregister();
        sessions[3].ingress(1_000);
        meter.tick_after(S);
        let left = crash(directory.path());
        let recorder = Arc::<Recorder>::default();
        let (_registry, found) = begin(left.path(), config(Some(&recorder)));
        assert_eq!(found.health().set_aside, []);
        assert_eq!(found.summary().totals, meter.summary().totals);
        found.tick_after(S);
        let told = recorder.take_closed().into_iter();
        assert_eq!(
            told.map(|closed| closed.identity.id.to_string())
                .collect::<Vec<_>>(),
            open
        );
    }
}

#[test]
fn p5_sessions_that_are_open_and_quiet_cost_a_save_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (_registry, meter) = begin(directory.path(), config(None));
    let mut sessions = Vec::new();
    for n in 0..100 {
        let session = meter.register_and_activate(format!("{n}"), "stream", "here", "there");
        session.ingress(1_000);
        sessions.push(session);
    }
    meter.tick_after(S);
    let log = directory.path().join("hls.0.log");
    let before = fs::metadata(&log).unwrap().len();
    sessions[50].ingress(1_000);
    meter.tick_after(S);
    let written = fs::metadata(&log).unwrap().len() - before;
    assert!(
        (16..100).contains(&written),
        "{written} bytes, of {before} for all"
    );
}

/// A store that hands on each other history as if its open sessions had ended.
struct Folding {
    inner: FileStore,
    saves: AtomicU32,
}

impl HistoryStore for Folding {
    fn load(&self, collector: &str) -> Result<Loaded, StoreError> {
        self.inner.load(collector)
    }

    fn save(&self, collector: &str, snapshot: &HistorySnapshot) -> Result<(), StoreError> {
        if self.saves.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
            return self.inner.save(collector, snapshot);
        }
        let recovered = snapshot.recovered();
        assert_eq!(
            (recovered.open_sessions(), recovered.totals()),
            (0, snapshot.totals())
        );
        let discarded = snapshot.open().filter(|session| !session.is_active);
        let discarded = discarded.map(|session| session.stats).chain([snapshot.discarded]);
        assert_eq!(recovered.discarded, Stats::sum(discarded));
        self.inner.save(collector, &recovered)
    }
}

#[test]
fn p6_a_store_may_fold_the_sessions_that_are_open_before_it_hands_a_history_on() {
    // Once with an active session, and once with none.
    for active in [1, 0] {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::default();
        let mut settings = Config::default();
        settings.store = Some(Arc::new(Folding {
            inner: FileStore::open(directory.path()).unwrap(),
            saves: AtomicU32::new(0),
        }));
        let registry = Registry::manual(settings, clock.clone()).unwrap();
        let meter = Checked::of(registry.register("hls", config(None)).unwrap(), clock);
        for n in 0..active {
            meter
                .register_and_activate(format!("{n}"), "stream 1", "here", "there")
                .ingress(7);
        }
        let pending = meter.register("pending", "stream 2", "here", "there");
        for n in 0..4 {
            pending.egress(50);
            let saved = meter.tick_after(S).totals;
            let left = crash(directory.path());
            let Loaded::History(found) = FileStore::open(left.path()).unwrap().load("hls").unwrap() else {
                panic!("save {n} does not check out");
            };
            let open = if n % 2 == 0 { 0 } else { 1 + active };
            assert_eq!((found.totals(), found.open_sessions()), (saved, open), "save {n}");
        }
    }
}
