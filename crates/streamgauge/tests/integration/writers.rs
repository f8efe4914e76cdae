//! Writers: one thread's own counter of a session.

use std::thread;

use streamgauge::{CloseReason, RefuseReason, Verdict};

use crate::ledger_check::{Checked, S, bytes};
use crate::recorder::Recorder;

#[test]
fn what_writers_count_is_part_of_their_session() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "stream", "here", "there");
    let (mut one, mut two) = (session.writer(), session.writer());
    session.ingress(1);
    one.ingress(10);
    two.ingress(100);
    two.egress(5);
    assert_eq!(bytes(meter.refreshed().live), (111, 5));
    assert_eq!(meter.active()[0].rx_bytes, 111);
    session.unregister();
    assert_eq!(bytes(meter.refreshed().history.stats), (111, 5));
}

#[test]
fn what_a_dropped_writer_counted_stays() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "", "", "");
    for n in 0..100 {
        assert_eq!(session.writer().ingress(n), Verdict::Counted);
        if n % 10 == 0 {
            meter.tick_after(S / 4);
        }
    }
    assert_eq!(bytes(meter.refreshed().live), (4_950, 0));
    session.unregister();
    assert_eq!(bytes(meter.refreshed().history.stats), (4_950, 0));
}

#[test]
fn a_writer_goes_to_another_thread() {
    let meter = Checked::new(|_| {});
    let mut writer = meter.register("a", "", "", "").writer();
    thread::scope(|scope| {
        scope.spawn(move || {
            for _ in 0..1_000 {
                assert_eq!(writer.egress(3), Verdict::Counted);
            }
        });
    });
    assert_eq!(bytes(meter.refreshed().live), (0, 3_000));
}

#[test]
fn a_writer_answers_why_its_session_closed() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "", "", "");
    let mut writer = session.writer();
    assert_eq!(writer.ingress(7), Verdict::Counted);
    session.unregister();
    assert_eq!(writer.ingress(7), Verdict::Closed(CloseReason::Unregistered));
    assert_eq!(
        session.writer().egress(7),
        Verdict::Closed(CloseReason::Unregistered)
    );
    let session = meter.register("a", "", "", "");
    let mut writer = session.writer();
    meter.tick_after(S * 5);
    assert_eq!(writer.egress(7), Verdict::Closed(CloseReason::Inactive));
    assert_eq!(bytes(meter.refreshed().totals), (7, 0));
}

#[test]
fn p2_a_writer_is_too_late_however_little_it_had_counted() {
    for count_packets in [false, true] {
        let meter = Checked::patient(|config| config.count_packets = count_packets);
        for before in [0, 1, 2, 3] {
            let session = meter.register("a", "", "", "");
            let mut writer = session.writer();
            writer.ingress(before);
            session.unregister();
            for _ in 0..2 {
                assert_eq!(writer.ingress(7), Verdict::Closed(CloseReason::Unregistered));
            }
        }
        assert_eq!(bytes(meter.refreshed().totals), (1 + 2 + 3, 0));
    }
}

#[test]
fn a_writer_answers_stopped_after_its_collector_is_gone() {
    let meter = Checked::new(|_| {});
    let session = meter.register("a", "", "", "");
    let mut writer = session.writer();
    drop(meter);
    assert_eq!(writer.ingress(1), Verdict::Closed(CloseReason::Stopped));
    assert_eq!(session.ingress(1), Verdict::Closed(CloseReason::Stopped));
    assert_eq!(session.writer().ingress(1), Verdict::Closed(CloseReason::Stopped));
}

#[test]
fn p5_writers_beyond_the_cap_are_refused_and_counted() {
    let meter = Checked::patient(|config| config.max_writers = 2);
    let session = meter.register("a", "", "", "");
    let (one, _two) = (session.writer(), session.writer());
    let mut three = session.writer();
    assert_eq!(three.ingress(1), Verdict::Refused(RefuseReason::TooManyWriters));
    assert_eq!(session.ingress(1), Verdict::Counted);
    assert_eq!(meter.refreshed().caps.refused_writers, 1);
    drop(one);
    meter.tick_after(S);
    assert_eq!(session.writer().ingress(1), Verdict::Counted);
    assert_eq!(bytes(meter.refreshed().live), (2, 0));
}

#[test]
fn places_of_writers_come_back_when_their_session_closes() {
    let meter = Checked::patient(|config| config.max_writers = 3);
    for round in 0..5 {
        let session = meter.register("a", "", "", "");
        let writers = [session.writer(), session.writer(), session.writer()];
        if round % 2 == 0 {
            drop(writers);
            session.unregister();
            meter.tick_after(S);
        } else {
            session.unregister();
            meter.tick_after(S);
            drop(writers);
            meter.tick_after(S);
        }
    }
    assert_eq!(meter.summary().caps.refused_writers, 0);
}

#[test]
fn a_leaked_writer_keeps_its_bytes_and_its_place() {
    let meter = Checked::patient(|config| config.max_writers = 1);
    let session = meter.register("a", "", "", "");
    let mut writer = session.writer();
    writer.ingress(9);
    std::mem::forget(writer);
    session.unregister();
    meter.tick_seconds(3);
    assert_eq!(bytes(meter.summary().history.stats), (9, 0));
    let other = meter.register("b", "", "", "");
    assert_eq!(
        other.writer().ingress(1),
        Verdict::Refused(RefuseReason::TooManyWriters)
    );
    assert_eq!(bytes(meter.stopped().totals), (9, 0));
}

#[test]
fn closed_event_says_that_a_writer_is_held_and_is_corrected_when_it_goes() {
    let (recorder, observer) = Recorder::pair();
    let meter = Checked::patient(|config| config.observer = Some(observer));
    let session = meter.register("a", "", "", "");
    let mut writer = session.writer();
    writer.ingress(1_000);
    meter.clock.advance(S);
    session.unregister();
    meter.tick_after(S);
    let closed = recorder.take_closed().pop().unwrap();
    assert!(!closed.is_final);
    assert_eq!(closed.totals.total_rx_bytes, 1_000);
    meter.tick_after(S);
    assert!(recorder.take().is_empty());
    drop(writer);
    meter.tick_after(S);
    assert_eq!(recorder.take_names(), ["corrected a"]);
    meter.tick_after(S);
    assert!(recorder.take().is_empty());
}

#[test]
fn a_correction_repeats_the_event_but_that_it_is_final() {
    let (recorder, observer) = Recorder::pair();
    let meter = Checked::patient(|config| config.observer = Some(observer));
    let session = meter.register("a", "", "", "");
    let mut writer = session.writer();
    writer.ingress(1_000);
    meter.clock.advance(S * 2);
    session.unregister();
    meter.refreshed();
    drop(writer);
    meter.refreshed();
    let told = recorder.take_closed();
    let [closed, corrected] = &told[..] else {
        panic!("{told:?}");
    };
    assert!(!closed.is_final && corrected.is_final);
    let mut expected = closed.clone();
    expected.is_final = true;
    assert_eq!(*corrected, expected);
}

#[test]
fn a_writer_dropped_before_the_close_leaves_final_totals() {
    let (recorder, observer) = Recorder::pair();
    let meter = Checked::patient(|config| config.observer = Some(observer));
    let session = meter.register("a", "", "", "");
    session.writer().ingress(5);
    session.unregister();
    meter.refreshed();
    let closed = recorder.take_closed().pop().unwrap();
    assert!(closed.is_final);
    assert_eq!(closed.totals.total_rx_bytes, 5);
}

#[test]
fn what_a_writer_counted_before_stop_is_in_the_last_summary() {
    let meter = Checked::new(|_| {});
    let mut writer = meter.register("a", "", "", "").writer();
    writer.ingress(5);
    assert_eq!(bytes(meter.stopped().history.stats), (5, 0));
    assert_eq!(writer.ingress(5), Verdict::Closed(CloseReason::Stopped));
    assert_eq!(bytes(meter.refreshed().history.stats), (5, 0));
}
