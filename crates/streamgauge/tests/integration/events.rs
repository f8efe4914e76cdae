//! Events: what observers are told, in which order, and what is dropped.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use streamgauge::{
    CloseReason, Collector, Config, ManualClock, Registry, SessionEvent, SessionObserver, Stats,
};

use crate::ledger_check::{Checked, S, assert_rate, bytes};
use crate::recorder::Recorder;

/// An observer that does something with the collector it is set to watch.
struct Meddler {
    collector: Mutex<Option<Collector>>,
    act: fn(&Collector, &SessionEvent),
}

impl Meddler {
    fn watching(act: fn(&Collector, &SessionEvent)) -> Checked {
        let meddler = Arc::new(Self {
            collector: Mutex::default(),
            act,
        });
        let observer: Arc<dyn SessionObserver> = Arc::<Self>::clone(&meddler);
        let meter = Checked::patient(|config| config.observer = Some(observer));
        *meddler.collector.lock().unwrap() = Some(meter.collector.clone());
        meter
    }
}

impl SessionObserver for Meddler {
    fn on_event(&self, event: &SessionEvent) {
        let collector = self.collector.lock().map(|collector| collector.clone());
        if let Ok(Some(collector)) = collector {
            (self.act)(&collector, event);
        }
    }
}

#[test]
fn a_session_is_registered_activated_closed() {
    let (recorder, observer) = Recorder::pair();
    let meter = Checked::patient(|config| config.observer = Some(observer));
    let session = meter.register("a", "", "", "");
    assert!(recorder.take().is_empty());
    meter.tick_after(S);
    assert_eq!(recorder.take_names(), ["registered a"]);
    session.ingress(1);
    meter.tick_after(S);
    assert_eq!(recorder.take_names(), ["activated a"]);
    meter.tick_after(S);
    assert!(recorder.take().is_empty());
    session.unregister();
    meter.tick_after(S);
    assert_eq!(recorder.take_names(), ["closed a"]);
}

#[test]
fn a_session_that_lived_between_two_ticks_is_told_of_in_order() {
    let (recorder, observer) = Recorder::pair();
    let meter = Checked::patient(|config| config.observer = Some(observer));
    for id in ["a", "b"] {
        meter.register(id, "", "", "").ingress(1);
        meter.unregister(id);
    }
    meter.register("a", "", "", "");
    meter.unregister("a");
    meter.tick_after(S);
    let names = recorder.take_names();
    let of = |id: &str| -> Vec<String> { names.iter().filter(|name| name.ends_with(id)).cloned().collect() };
    assert_eq!(of("b"), ["registered b", "activated b", "closed b"]);
    assert_eq!(names.len(), 8);
    assert_eq!(of("a")[..1], ["registered a"]);
    assert_eq!(of("a").iter().filter(|name| *name == "activated a").count(), 1);
    assert_eq!(of("a")[4], "closed a");
}

#[test]
fn events_have_their_fields() {
    let (recorder, observer) = Recorder::pair();
    let clock = ManualClock::new(SystemTime::UNIX_EPOCH + S * 100);
    let registry = Registry::manual(Config::default(), clock.clone()).unwrap();
    let mut config = streamgauge::CollectorConfig::default();
    config.observer = Some(observer);
    config.count_packets = true;
    let meter = Checked::of(registry.register("hls", config).unwrap(), clock);
    let session = meter.register("a", "stream", "here", "there");
    session.extra("more");
    session.ingress(1_000);
    session.egress(10_000);
    meter.tick_after(S);
    session.egress(1_000);
    meter.tick_after(S);
    meter.clock.advance(S * 2);
    // The calendar is set back: durations do not follow it.
    meter.clock.set_wall(SystemTime::UNIX_EPOCH + S * 50);
    session.unregister();
    meter.tick_after(S * 3);
    let events = recorder.take();
    let [
        SessionEvent::Registered(registered),
        SessionEvent::Activated(activated),
        SessionEvent::Closed(closed),
    ] = &events[..]
    else {
        panic!("{events:?}");
    };
    for identity in [registered, activated, &closed.identity] {
        assert_eq!(
            (
                &*identity.collector,
                &*identity.reference,
                &*identity.location,
                &*identity.peer
            ),
            ("hls", "stream", "here", "there")
        );
        assert_eq!((identity.id.as_bytes(), &*identity.extra), (&b"a"[..], "more"));
        assert_eq!(identity.created_at, SystemTime::UNIX_EPOCH + S * 100);
    }
    assert_eq!(closed.reason, CloseReason::Unregistered);
    assert_eq!(closed.closed_at, SystemTime::UNIX_EPOCH + S * 50);
    assert_eq!(closed.duration, S * 4);
    assert!(closed.was_active && closed.is_final);
    let expected = Stats {
        total_sessions: 1,
        total_rx_bytes: 1_000,
        total_tx_bytes: 11_000,
        total_rx_packets: 1,
        total_tx_packets: 2,
    };
    assert_eq!(closed.totals, expected);
    assert_rate(closed.average_rx_bitrate, 2_000.0);
    assert_rate(closed.average_tx_bitrate, 22_000.0);
    assert_rate(closed.peak_rx_bitrate, 8_000.0);
    assert_rate(closed.peak_tx_bitrate, 80_000.0);
    assert_rate(closed.top_rx_bitrate, 7_600.0);
    assert_rate(closed.top_tx_bitrate, 76_000.0);
}

#[test]
fn a_session_of_no_duration_has_no_average() {
    let (recorder, observer) = Recorder::pair();
    let meter = Checked::patient(|config| config.observer = Some(observer));
    meter.register("a", "", "", "").ingress(1);
    meter.unregister("a");
    meter.refreshed();
    let closed = recorder.take_closed().pop().unwrap();
    assert_eq!(closed.duration, Duration::ZERO);
    assert_rate(closed.average_rx_bitrate, 0.0);
}

#[test]
fn a_discarded_session_was_not_active_and_is_never_activated() {
    let (recorder, observer) = Recorder::pair();
    let meter = Checked::new(|config| config.observer = Some(observer));
    meter.register("a", "", "", "");
    meter.tick_after(S * 5);
    let events = recorder.take();
    let [SessionEvent::Registered(_), SessionEvent::Closed(closed)] = &events[..] else {
        panic!("{events:?}");
    };
    assert!(!closed.was_active);
    assert_eq!(closed.reason, CloseReason::Inactive);
}

#[test]
fn every_close_tells_its_reason() {
    let (recorder, observer) = Recorder::pair();
    let meter = Checked::new(|config| config.observer = Some(observer));
    meter.register_and_activate("timed out", "", "", "");
    meter.register("inactive", "", "", "");
    meter.tick_after(S);
    meter.tick_after(S * 5);
    meter.register("unregistered", "", "", "");
    meter.unregister("unregistered");
    meter.register("stopped", "", "", "");
    meter.stop();
    for closed in recorder.take_closed() {
        assert_eq!(closed.reason.to_string(), closed.identity.id.to_string());
    }
    assert_eq!(meter.summary().totals.total_sessions, 4);
}

#[test]
fn p5_events_beyond_the_cap_are_dropped_and_counted() {
    let (recorder, observer) = Recorder::pair();
    let meter = Checked::patient(|config| {
        config.observer = Some(observer);
        config.max_queued_events = 3;
    });
    for n in 0..5 {
        meter.register(n.to_string(), "", "", "").ingress(1);
    }
    meter.tick_after(S);
    assert_eq!(
        recorder.take_names(),
        ["registered 0", "registered 1", "registered 2"]
    );
    assert_eq!(meter.health().undelivered_events, 7);
    assert_eq!(bytes(meter.summary().live), (5, 0));
    // There is room again.
    meter.unregister("0");
    let summary = meter.tick_after(S);
    assert_eq!(recorder.take_names(), ["closed 0"]);
    assert_eq!(meter.health().undelivered_events, 7);
    // Events come after the summary of their collection, so it is the next one that shows what was dropped.
    assert_eq!(summary.caps.undelivered_events, 7);
}

#[test]
fn a_panicking_observer_is_counted_and_told_of_the_rest() {
    struct Panicking(Recorder);
    impl SessionObserver for Panicking {
        fn on_event(&self, event: &SessionEvent) {
            self.0.on_event(event);
            std::panic::resume_unwind(Box::new("an observer of a test"));
        }
    }
    let panicking = Arc::new(Panicking(Recorder::default()));
    let observer: Arc<dyn SessionObserver> = Arc::<Panicking>::clone(&panicking);
    let meter = Checked::patient(|config| config.observer = Some(observer));
    for id in ["a", "b"] {
        meter.register(id, "", "", "").ingress(1);
        meter.unregister(id);
    }
    meter.tick_after(S);
    assert_eq!(panicking.0.take().len(), 6);
    let health = meter.health();
    assert_eq!((health.observer_panics, health.undelivered_events), (6, 0));
    assert!(health.is_good());
    assert_eq!(bytes(meter.summary().history.stats), (2, 0));
}

#[test]
fn an_observer_may_use_its_collector() {
    let meter = Meddler::watching(|collector, event| match event {
        SessionEvent::Registered(identity) if *identity.id.as_bytes() == *b"a" => {
            collector.ingress("a", 5);
            collector.register("from the observer", "", "", "");
            collector.tick();
            collector.refresh();
            collector.unregister("a");
        }
        _ => {}
    });
    meter.register("a", "", "", "");
    meter.tick_after(S);
    assert!(!meter.is_known_session("a") && meter.is_known_session("from the observer"));
    assert_eq!(bytes(meter.refreshed().history.stats), (5, 0));
}

#[test]
fn an_observer_may_stop_its_collector() {
    let meter = Meddler::watching(|collector, event| {
        if matches!(event, SessionEvent::Registered(_)) {
            collector.stop();
        }
    });
    let session = meter.register("a", "", "", "");
    session.ingress(3);
    meter.tick_after(S);
    assert!(meter.health().is_stopped && !session.is_known());
    assert_eq!(bytes(meter.refreshed().history.stats), (3, 0));
}

#[test]
fn several_observers_are_each_told_also_after_one_that_panics() {
    struct Broken;

    impl SessionObserver for Broken {
        fn on_event(&self, _event: &SessionEvent) {
            panic!("broken");
        }
    }

    let ((first, one), (last, other)) = (Recorder::pair(), Recorder::pair());
    let all: Vec<Arc<dyn SessionObserver>> = vec![one, Arc::new(Broken), other];
    let meter = Checked::patient(|config| config.observer = Some(Arc::new(all)));
    meter.register_and_activate("a", "", "", "");
    meter.unregister("a");
    meter.tick();
    let events = first.take_names();
    assert_eq!(events.len(), 3, "{events:?}");
    assert_eq!(last.take_names(), events);
    assert_eq!(meter.health().observer_panics, 3);
}
