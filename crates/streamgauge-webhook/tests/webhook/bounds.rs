//! Queues that are full, and receivers that are slow.

use std::time::Duration;

use crate::receiver::{LONG, Receiver, Reply, close, metered};

#[test]
fn what_finds_the_queue_full_is_dropped_and_counted_and_waits_for_nobody() {
    let receiver = Receiver::new();
    let (collector, webhooks) = metered(&receiver.url(), |config| config.max_queued = 5);
    close(&collector, "0", 1);
    let first = receiver.next();
    // The receiver does not answer: this returns all the same.
    for n in 1..100 {
        close(&collector, &n.to_string(), 1);
    }
    let counts = webhooks.counts();
    assert_eq!((counts.pending, counts.dropped, counts.delivered), (5, 95, 0));
    receiver.reply(Reply::Status(200));
    assert_eq!(first.ids(), ["0"]);
    assert_eq!(receiver.answer(Reply::Status(200)).ids(), ["1", "2", "3", "4"]);
    let counts = webhooks.stop(LONG);
    assert_eq!((counts.pending, counts.dropped, counts.delivered), (0, 95, 5));
}

#[test]
fn there_is_room_again_once_a_request_was_answered() {
    let receiver = Receiver::new();
    let (collector, webhooks) = metered(&receiver.url(), |config| config.max_queued = 1);
    for n in 0..5 {
        close(&collector, &n.to_string(), 1);
        assert_eq!(receiver.answer(Reply::Status(200)).ids(), [n.to_string()]);
        while webhooks.counts().pending > 0 {
            std::thread::yield_now();
        }
    }
    assert_eq!(webhooks.counts().dropped, 0);
}

#[test]
fn bounds_that_are_as_good_as_none_are_taken() {
    let receiver = Receiver::new();
    let (collector, webhooks) = metered(&receiver.url(), |config| {
        config.request_timeout = Duration::MAX;
        config.deadline = Duration::MAX;
        config.longest_pause = Duration::MAX;
    });
    collector.register("viewer", "r", "l", "p").unregister();
    let _ = collector.refresh();
    receiver.answer(Reply::Status(503));
    receiver.answer(Reply::Status(204));
    collector.stop();
    let counts = webhooks.stop(LONG);
    assert_eq!((counts.delivered, counts.pending, counts.retries), (1, 0, 1));
}
