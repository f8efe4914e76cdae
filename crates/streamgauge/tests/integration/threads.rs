//! Collectors with threads of their own: starting, stopping, and observers that misbehave. Nothing sleeps: tests wait for
//! what the threads do, and no longer than [`PATIENCE`].

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use streamgauge::{
    CloseReason, Collector, CollectorConfig, Config, HistorySnapshot, HistoryStore, Loaded, Registry,
    SessionEvent, SessionObserver, StoreError, Verdict,
};

use crate::ledger_check::{assert_parts_add_up, bytes};
use crate::recorder::{Recorder, name};
use crate::reporter::{Reporter, fast};

/// How long a test waits for a thread before it fails: no machine is that slow.
const PATIENCE: Duration = Duration::from_secs(600);

#[test]
fn the_sampler_ticks_by_itself() {
    let (told, observer) = Reporter::pair(name);
    let collector = Collector::new(fast(observer));
    collector.register("a", "", "", "").ingress(5);
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), "registered a");
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), "activated a");
    assert_eq!(bytes(collector.summary().live), (5, 0));
    assert!(collector.health().last_tick.is_some());
}

#[test]
fn stop_delivers_every_event_and_joins_its_threads() {
    let (recorder, observer) = Recorder::pair();
    let collector = Collector::new(fast(observer));
    let session = collector.register("a", "", "", "");
    session.ingress(5);
    collector.stop();
    let told = recorder.take_names();
    assert_eq!(told, ["registered a", "activated a", "closed a"]);
    assert_eq!(session.ingress(1), Verdict::Closed(CloseReason::Stopped));
    let last = collector.summary();
    assert_parts_add_up(&last);
    assert_eq!(bytes(last.history.stats), (5, 0));
    collector.stop();
    assert_eq!(collector.summary().sequence, last.sequence);
    drop((collector, session));
    // The threads are gone, and with them what they held.
    assert_eq!(Arc::strong_count(&recorder), 1);
}

#[test]
fn stops_at_once_from_many_threads_leave_one_last_summary() {
    let (recorder, observer) = Recorder::pair();
    let collector = Collector::new(fast(observer));
    collector.register("a", "", "", "").ingress(5);
    let barrier = Barrier::new(3);
    let sequences: Vec<u64> = thread::scope(|scope| {
        let stopping: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    collector.stop();
                    collector.summary().sequence
                })
            })
            .collect();
        stopping
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(sequences.iter().all(|sequence| *sequence == sequences[0]));
    assert_eq!(recorder.take_names(), ["registered a", "activated a", "closed a"]);
}

/// Drops the collector it holds at its first event.
struct LastOwner {
    collector: Mutex<Option<Collector>>,
    reporter: Arc<dyn SessionObserver>,
}

impl SessionObserver for LastOwner {
    fn on_event(&self, event: &SessionEvent) {
        self.reporter.on_event(event);
        let held = self.collector.lock().map(|mut collector| collector.take());
        drop(held);
    }
}

#[test]
fn the_last_clone_may_be_dropped_inside_the_observer() {
    let (told, reporter) = Reporter::pair(name);
    let owner = Arc::new(LastOwner {
        collector: Mutex::default(),
        reporter,
    });
    let observer: Arc<dyn SessionObserver> = Arc::<LastOwner>::clone(&owner);
    let collector = Collector::new(fast(observer));
    let session = {
        // Held, so that the observer waits until it holds the last clone.
        let mut held = owner.collector.lock().unwrap();
        let session = collector.register("a", "", "", "");
        *held = Some(collector);
        session
    };
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), "registered a");
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), "closed a");
    assert_eq!(session.ingress(1), Verdict::Closed(CloseReason::Stopped));
}

#[test]
fn stop_inside_the_observer_asks_and_returns() {
    struct Stopping {
        collector: Mutex<Option<Collector>>,
        reporter: Arc<dyn SessionObserver>,
    }
    impl SessionObserver for Stopping {
        fn on_event(&self, event: &SessionEvent) {
            if let Ok(collector) = self.collector.lock()
                && let Some(collector) = &*collector
            {
                collector.stop();
            }
            self.reporter.on_event(event);
        }
    }
    let (told, reporter) = Reporter::pair(name);
    let stopping = Arc::new(Stopping {
        collector: Mutex::default(),
        reporter,
    });
    let observer: Arc<dyn SessionObserver> = Arc::<Stopping>::clone(&stopping);
    let collector = Collector::new(fast(observer));
    *stopping.collector.lock().unwrap() = Some(collector.clone());
    collector.register("a", "", "", "");
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), "registered a");
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), "closed a");
    assert!(collector.health().is_stopped);
    stopping.collector.lock().unwrap().take();
}

#[test]
fn a_panicking_observer_hangs_nobody() {
    struct Panicking(Arc<dyn SessionObserver>);
    impl SessionObserver for Panicking {
        fn on_event(&self, event: &SessionEvent) {
            self.0.on_event(event);
            std::panic::resume_unwind(Box::new("an observer of a test"));
        }
    }
    let (told, reporter) = Reporter::pair(name);
    let collector = Collector::new(fast(Arc::new(Panicking(reporter))));
    collector.register("a", "", "", "").ingress(1);
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), "registered a");
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), "activated a");
    collector.stop();
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), "closed a");
    assert_eq!(collector.health().observer_panics, 3);
}

/// An observer that does not return from its first event until it is told to.
struct Parked {
    reporter: Arc<dyn SessionObserver>,
    go_on: Mutex<Receiver<()>>,
}

impl SessionObserver for Parked {
    fn on_event(&self, event: &SessionEvent) {
        self.reporter.on_event(event);
        if let Ok(go_on) = self.go_on.lock() {
            // An error says that nobody holds it back any more.
            let _ = go_on.recv();
        }
    }
}

#[test]
fn a_slow_observer_delays_neither_ticks_nor_a_stop_beyond_its_timeout() {
    let (told, reporter) = Reporter::pair(name);
    let (release, go_on) = channel();
    let parked = Parked {
        reporter,
        go_on: Mutex::new(go_on),
    };
    let mut config = fast(Arc::new(parked));
    config.stop_timeout = Duration::from_millis(5);
    let collector = Collector::new(config);
    let session = collector.register("a", "", "", "");
    session.ingress(5);
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), "registered a");
    // The worker is parked; summaries are published.
    let before = collector.summary().sequence;
    while collector.summary().sequence < before + 3 {
        thread::yield_now();
    }
    let (stopped, is_stopped) = channel();
    let stopping = thread::scope(|scope| {
        scope.spawn(|| {
            collector.stop();
            let _ = stopped.send(());
        });
        let answer = is_stopped.recv_timeout(PATIENCE);
        // Before the scope waits for the thread that stops.
        let before_release = collector.health();
        drop(release);
        answer.map(|()| before_release)
    });
    let health = stopping.expect("stop waited for an observer that was parked");
    assert!(health.is_stopped);
    assert_eq!(session.ingress(1), Verdict::Closed(CloseReason::Stopped));
    assert_eq!(bytes(collector.summary().history.stats), (5, 0));
    // What the observer was not told of is counted, once it returns.
    while collector.health().undelivered_events < 2 {
        thread::yield_now();
    }
    assert!(told.try_recv().is_err());
}

#[test]
fn events_after_a_stop_are_counted_as_undelivered() {
    let (recorder, observer) = Recorder::pair();
    let collector = Collector::new(fast(observer));
    let writer = collector.register("a", "", "", "").writer();
    collector.stop();
    assert!(!recorder.take_closed()[0].is_final);
    // The correction comes when nobody is left to deliver it.
    drop(writer);
    collector.refresh();
    assert_eq!(collector.health().undelivered_events, 1);
}

#[test]
fn dropping_a_registry_stops_and_saves_its_collectors() {
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        let mut config = Config::default();
        config.persist_dir = Some(directory.path().to_owned());
        Registry::new(config).unwrap()
    };
    let (recorder, observer) = Recorder::pair();
    let registry = open();
    let collector = registry.register("hls", fast(observer)).unwrap();
    let session = collector.register("a", "stream", "here", "there");
    session.ingress(7);
    let reader = registry.reader();
    drop(registry);
    assert_eq!(session.ingress(1), Verdict::Closed(CloseReason::Stopped));
    assert!(reader.collectors().is_empty());
    assert_eq!(bytes(collector.summary().totals), (7, 0));
    assert_eq!(recorder.take_names(), ["registered a", "activated a", "closed a"]);
    drop(collector);
    drop(session);
    let registry = open();
    let collector = registry.register("hls", CollectorConfig::default()).unwrap();
    assert_eq!(bytes(collector.summary().history.stats), (7, 0));
}

/// A store in memory whose saves take their time, so that a load that does not wait for them comes first.
#[derive(Default)]
struct Leisurely {
    kept: Mutex<Option<HistorySnapshot>>,
    loads: AtomicU32,
}

impl HistoryStore for Leisurely {
    fn load(&self, _: &str) -> Result<Loaded, StoreError> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        let kept = self.kept.lock().unwrap().clone();
        Ok(kept.map_or(Loaded::Nothing, Loaded::History))
    }

    fn save(&self, _: &str, snapshot: &HistorySnapshot) -> Result<(), StoreError> {
        // For whom waits for this, too: on a machine that has other work each of these takes its time.
        for _ in 0..1_000 {
            if self.loads.load(Ordering::Relaxed) > 1 {
                break;
            }
            thread::yield_now();
        }
        *self.kept.lock().unwrap() = Some(snapshot.clone());
        Ok(())
    }
}

#[test]
fn p1_a_collector_that_an_observer_replaces_leaves_its_history_to_the_next() {
    struct Replacing {
        registry: Mutex<Option<Registry>>,
        replaced: Mutex<Sender<Collector>>,
    }
    impl SessionObserver for Replacing {
        fn on_event(&self, _: &SessionEvent) {
            let Some(registry) = self.registry.lock().unwrap().take() else {
                return;
            };
            registry.unregister("hls").unwrap();
            let next = registry.register("hls", CollectorConfig::default()).unwrap();
            self.replaced.lock().unwrap().send(next).unwrap();
        }
    }
    let store: Arc<dyn HistoryStore> = Arc::<Leisurely>::default();
    let mut config = Config::default();
    config.store = Some(store);
    let registry = Registry::new(config).unwrap();
    let (replaced, next) = channel();
    let observer = Arc::new(Replacing {
        registry: Mutex::new(None),
        replaced: Mutex::new(replaced),
    });
    let collector = registry
        .register("hls", fast(Arc::<Replacing>::clone(&observer)))
        .unwrap();
    collector.register("a", "stream", "here", "there").ingress(7);
    *observer.registry.lock().unwrap() = Some(registry.clone());
    collector.register("b", "stream", "here", "there");
    let next = next.recv_timeout(PATIENCE).unwrap();
    assert_eq!(bytes(next.summary().totals), (7, 0));
}

/// A store whose first save fails, after it was told to.
struct FailsOnce {
    saves: Sender<u64>,
    fail: Mutex<Option<Receiver<()>>>,
}

impl HistoryStore for FailsOnce {
    fn load(&self, _: &str) -> Result<Loaded, StoreError> {
        Ok(Loaded::Nothing)
    }

    fn save(&self, _: &str, snapshot: &HistorySnapshot) -> Result<(), StoreError> {
        let moved = snapshot.totals().total_rx_bytes;
        self.saves.send(moved).unwrap();
        let Some(told) = self.fail.lock().unwrap().take() else {
            return Ok(());
        };
        told.recv().unwrap();
        Err(StoreError::Other("the disk was full".to_owned()))
    }
}

#[test]
fn p6_a_stop_tries_a_save_again_that_fails_while_it_waits() {
    let (saves, saved) = channel();
    let (tell, told) = channel();
    let mut config = Config::default();
    config.store = Some(Arc::new(FailsOnce {
        saves,
        fail: Mutex::new(Some(told)),
    }));
    let registry = Registry::new(config).unwrap();
    let mut config = fast(Reporter::pair(name).1);
    config.persist_interval = Duration::from_millis(1);
    let collector = registry.register("hls", config).unwrap();
    collector.register("a", "stream", "here", "there").ingress(7);
    collector.unregister("a");
    // The save of an interval is under way, and has all there is, as far as the stop can see.
    assert_eq!(saved.recv_timeout(PATIENCE).unwrap(), 7);
    thread::scope(|scope| {
        let stopping = scope.spawn(|| collector.stop());
        while !collector.health().is_stopped {
            thread::yield_now();
        }
        tell.send(()).unwrap();
        stopping.join().unwrap();
    });
    assert_eq!(saved.try_recv(), Ok(7));
    assert_eq!(collector.health().store_error, None);
}

#[test]
fn a_registry_may_be_dropped_inside_an_observer() {
    struct LastOwner {
        registry: Mutex<Option<Registry>>,
        reporter: Arc<dyn SessionObserver>,
    }
    impl SessionObserver for LastOwner {
        fn on_event(&self, event: &SessionEvent) {
            self.reporter.on_event(event);
            let held = self.registry.lock().map(|mut registry| registry.take());
            drop(held);
        }
    }
    let (told, reporter) = Reporter::pair(name);
    let owner = Arc::new(LastOwner {
        registry: Mutex::default(),
        reporter,
    });
    let observer: Arc<dyn SessionObserver> = Arc::<LastOwner>::clone(&owner);
    let session = {
        let mut held = owner.registry.lock().unwrap();
        let registry = Registry::new(Config::default()).unwrap();
        let collector = registry.register("hls", fast(observer)).unwrap();
        *held = Some(registry);
        collector.register("a", "", "", "")
    };
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), "registered a");
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), "closed a");
    assert_eq!(session.ingress(1), Verdict::Closed(CloseReason::Stopped));
}
