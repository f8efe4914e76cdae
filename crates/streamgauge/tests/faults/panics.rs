//! Code of the program's own that panics, also with something that panics once more as it is dropped: `health` counts it,
//! and everything else goes on.

use std::fmt;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use streamgauge::{
    CloseReason, Collector, CollectorConfig, Config, IpLimiter, ManualClock, Registry, SessionEvent,
    SessionObserver, Verdict,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::ledger_check::{Checked, S, bytes};
use crate::reporter::{Reporter, fast};
use crate::script::Bomb;

/// How long a test waits for a thread before it fails.
const PATIENCE: Duration = Duration::from_secs(600);

/// Whom an event is about.
fn whom(event: &SessionEvent) -> String {
    match event {
        SessionEvent::Registered(identity) | SessionEvent::Activated(identity) => identity.id.to_string(),
        SessionEvent::Closed(closed) | SessionEvent::Corrected(closed) => closed.identity.id.to_string(),
        _ => String::new(),
    }
}

/// Throws a bomb, and then tells of it.
struct Bomber(Arc<dyn SessionObserver>);

impl SessionObserver for Bomber {
    fn on_event(&self, event: &SessionEvent) {
        self.0.on_event(event);
        std::panic::resume_unwind(Box::new(Bomb));
    }
}

impl IpLimiter for Bomber {
    fn is_allowed(&self, _: &str) -> bool {
        std::panic::resume_unwind(Box::new(Bomb))
    }
}

#[test]
fn what_an_observer_throws_may_panic_as_it_is_dropped() {
    let (told, reporter) = Reporter::pair(whom);
    let meter = Checked::patient(|config| config.observer = Some(Arc::new(Bomber(reporter))));
    meter.register("a", "", "", "").ingress(1);
    meter.tick_after(S);
    assert_eq!(told.try_iter().count(), 2);
    assert_eq!(
        (meter.health().observer_panics, meter.health().worker_panics),
        (2, 0)
    );
    assert_eq!(bytes(meter.stopped().history.stats), (1, 0));
}

#[test]
fn what_an_observer_throws_ends_no_worker_thread() {
    let (told, reporter) = Reporter::pair(whom);
    let collector = Collector::new(fast(Arc::new(Bomber(reporter))));
    for id in ["a", "b", "c"] {
        collector.register(id, "", "", "");
        assert_eq!(told.recv_timeout(PATIENCE).unwrap(), id);
    }
    collector.stop();
    let health = collector.health();
    assert_eq!((health.observer_panics, health.undelivered_events), (6, 0));
}

#[test]
fn what_a_limiter_throws_may_panic_as_it_is_dropped() {
    let meter = Checked::new(|config| config.limiter = Some(Arc::new(Bomber(Reporter::pair(whom).1))));
    assert!(!meter.is_collectable_ip("192.0.2.1"));
    assert_eq!(meter.health().limiter_panics, 1);
}

/// A subscriber to the log that panics over what the collector "loud" logs.
struct Squeamish;

impl Subscriber for Squeamish {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        struct IsLoud(bool);
        impl Visit for IsLoud {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                self.0 |= field.name() == "collector" && format!("{value:?}").contains("loud");
            }
        }
        let mut is_loud = IsLoud(false);
        event.record(&mut is_loud);
        if is_loud.0 {
            std::panic::resume_unwind(Box::new(Bomb));
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn a_log_that_panics_is_counted_and_the_worker_goes_on() {
    // For all threads: the worker's is one. The other tests have no collector of that name.
    tracing::subscriber::set_global_default(Squeamish).unwrap();
    let registry = Registry::new(Config::default()).unwrap();
    let (told, reporter) = Reporter::pair(whom);
    let loud = registry.register("loud", fast(Arc::clone(&reporter))).unwrap();
    let quiet = registry.register("quiet", fast(reporter)).unwrap();
    loud.register("a", "", "", "");
    // The observer is told all the same.
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), "a");
    assert_eq!(loud.health().worker_panics, 1);
    quiet.register("b", "", "", "");
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), "b");
    assert_eq!(
        (quiet.health().worker_panics, quiet.health().undelivered_events),
        (0, 0)
    );
    registry.unregister_all();
    assert_eq!(
        loud.health().undelivered_events + quiet.health().undelivered_events,
        0
    );
}

#[test]
fn an_observer_that_panics_as_it_is_dropped_ends_no_worker_thread() {
    /// Waits in its first event; explodes when it is dropped.
    struct Last {
        reporter: Arc<dyn SessionObserver>,
        go_on: Mutex<Receiver<()>>,
        _bomb: Bomb,
    }
    impl SessionObserver for Last {
        fn on_event(&self, event: &SessionEvent) {
            self.reporter.on_event(event);
            let _ = self.go_on.lock().unwrap().recv();
        }
    }
    let registry = Registry::new(Config::default()).unwrap();
    let (told, reporter) = Reporter::pair(whom);
    let (release, go_on) = channel();
    let last = Last {
        reporter: Arc::clone(&reporter),
        go_on: Mutex::new(go_on),
        _bomb: Bomb,
    };
    let leaving = registry.register("leaving", fast(Arc::new(last))).unwrap();
    let staying = registry.register("staying", fast(reporter)).unwrap();
    leaving.register("a", "", "", "");
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), "a");
    // The worker's job is the last to hold that observer.
    registry.unregister("leaving").unwrap();
    drop(leaving);
    drop(release);
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), "a");
    staying.register("b", "", "", "");
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), "b");
    registry.unregister_all();
    assert_eq!(staying.health().undelivered_events, 0);
}

#[test]
fn the_last_clone_of_a_manual_collector_may_be_dropped_inside_its_observer() {
    struct Owner(Mutex<Option<Collector>>, Arc<dyn SessionObserver>);
    impl SessionObserver for Owner {
        fn on_event(&self, event: &SessionEvent) {
            self.1.on_event(event);
            let held = self.0.lock().unwrap().take();
            drop(held);
        }
    }
    let (told, reporter) = Reporter::pair(whom);
    let owner = Arc::new(Owner(Mutex::default(), reporter));
    let mut config = CollectorConfig::default();
    config.observer = Some(Arc::<Owner>::clone(&owner));
    let registry = Registry::manual(Config::default(), ManualClock::default()).unwrap();
    let collector = registry.register("hls", config).unwrap();
    let session = collector.register("a", "", "", "");
    registry.unregister("hls").unwrap();
    assert_eq!(told.try_iter().count(), 2);
    drop(registry);
    let mut config = CollectorConfig::default();
    config.observer = Some(Arc::<Owner>::clone(&owner));
    let collector = Collector::manual(config, ManualClock::default());
    let other = collector.register("b", "", "", "");
    *owner.0.lock().unwrap() = Some(collector.clone());
    let ticking = collector.clone();
    drop(collector);
    ticking.tick();
    drop(ticking);
    assert_eq!(told.try_iter().collect::<Vec<_>>(), ["b", "b"]);
    for session in [session, other] {
        let verdict = session.ingress(1);
        assert!(
            matches!(verdict, Verdict::Closed(CloseReason::Stopped)),
            "{verdict:?}"
        );
    }
}
