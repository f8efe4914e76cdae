//! The end.

use std::time::Duration;

use crate::receiver::{LONG, Receiver, Reply, close, metered};

#[test]
fn a_stop_posts_what_is_queued() {
    let receiver = Receiver::new();
    let (collector, webhooks) = metered(&receiver.url(), |config| config.max_batch = 1);
    for n in 0..20 {
        collector.register_and_activate(n.to_string(), "", "", "");
    }
    collector.stop();
    let told = std::thread::scope(|scope| {
        let stopped = scope.spawn(|| webhooks.stop(LONG));
        let told: Vec<_> = (0..20)
            .map(|_| receiver.answer(Reply::Status(200)).ids())
            .collect();
        let counts = stopped.join().unwrap();
        assert_eq!((counts.delivered, counts.pending, counts.dropped), (20, 0, 0));
        told
    });
    let expected: Vec<_> = (0..20).map(|n| vec![n.to_string()]).collect();
    assert_eq!(told, expected);
    close(&collector, "late", 1);
    assert_eq!(webhooks.stop(LONG).delivered, 20);
}

#[test]
fn a_stop_ends_in_time_though_the_receiver_says_nothing() {
    let receiver = Receiver::new();
    // An attempt may take a minute, and the test none.
    let (collector, webhooks) = metered(&receiver.url(), |config| config.max_batch = 1);
    for id in ["under way", "queued"] {
        close(&collector, id, 1);
    }
    assert_eq!(receiver.next().ids(), ["under way"]);
    let counts = webhooks.stop(Duration::from_millis(10));
    assert_eq!((counts.pending, counts.delivered), (2, 0));
    // The answer comes after all: that one is delivered, and the other was out of time.
    receiver.reply(Reply::Status(200));
    let counts = webhooks.stop(LONG);
    assert_eq!((counts.delivered, counts.dropped, counts.pending), (1, 1, 0));
}

#[test]
fn a_stop_ends_a_pause_and_tries_once_more() {
    let receiver = Receiver::new();
    let (collector, webhooks) = metered(&receiver.url(), |config| {
        config.first_pause = LONG * 4;
        config.longest_pause = LONG * 4;
    });
    close(&collector, "a", 1);
    receiver.answer(Reply::Status(500));
    while webhooks.counts().retries == 0 {
        std::thread::yield_now();
    }
    std::thread::scope(|scope| {
        let stopped = scope.spawn(|| webhooks.stop(LONG));
        receiver.answer(Reply::Status(200));
        assert_eq!(stopped.join().unwrap().delivered, 1);
    });
}

#[test]
fn what_comes_after_the_end_is_dropped_and_counted() {
    let receiver = Receiver::new();
    let (collector, webhooks) = metered(&receiver.url(), |_| {});
    webhooks.stop(LONG);
    close(&collector, "late", 1);
    let counts = webhooks.counts();
    assert_eq!((counts.dropped, counts.pending), (1, 0));
}

#[test]
fn the_last_handle_that_is_dropped_lets_the_rest_be_posted() {
    let receiver = Receiver::new();
    let (collector, webhooks) = metered(&receiver.url(), |config| config.max_batch = 1);
    for n in 0..3 {
        close(&collector, &n.to_string(), 1);
    }
    drop(webhooks);
    drop(collector);
    let told: Vec<_> = (0..3)
        .map(|_| receiver.answer(Reply::Status(200)).ids())
        .collect();
    assert_eq!(told, [["0"], ["1"], ["2"]]);
}
