//! Receivers that fail.

use std::net::TcpListener;
use std::time::Duration;

use crate::receiver::{LONG, Receiver, Reply, close, metered};

#[test]
fn a_request_that_fails_is_sent_again_as_it_was_and_before_those_behind_it() {
    let receiver = Receiver::new();
    let (collector, webhooks) = metered(&receiver.url(), |_| {});
    close(&collector, "first", 1);
    let first = receiver.next();
    close(&collector, "second", 1);
    receiver.reply(Reply::Status(500));
    for reply in [Reply::Status(503), Reply::Hangup, Reply::Status(429)] {
        let again = receiver.answer(reply);
        assert_eq!(again.body, first.body);
        assert_eq!(again.headers["webhook-id"], first.headers["webhook-id"]);
    }
    assert_eq!(receiver.next().body, first.body);
    let counts = webhooks.counts();
    assert_eq!((counts.pending, counts.retries), (2, 4));
    assert_eq!(
        counts.last_error.unwrap(),
        "the receiver answered 429 Too Many Requests"
    );
    receiver.reply(Reply::Status(200));
    assert_eq!(receiver.answer(Reply::Status(200)).ids(), ["second"]);
    let counts = webhooks.stop(LONG);
    assert_eq!((counts.delivered, counts.failed, counts.retries), (2, 0, 4));
    assert_eq!(counts.last_error, None);
}

#[test]
fn a_request_that_is_refused_is_not_sent_again() {
    let receiver = Receiver::new();
    let (collector, webhooks) = metered(&receiver.url(), |_| {});
    for (n, status) in [400, 401, 404, 301, 410].into_iter().enumerate() {
        close(&collector, &n.to_string(), 1);
        assert_eq!(receiver.answer(Reply::Status(status)).ids(), [n.to_string()]);
    }
    let counts = webhooks.stop(LONG);
    assert_eq!((counts.delivered, counts.failed, counts.retries), (0, 5, 0));
    assert_eq!(counts.last_error.unwrap(), "the receiver answered 410 Gone");
}

#[test]
fn a_receiver_that_says_nothing_is_given_up_and_asked_again() {
    let receiver = Receiver::new();
    let (collector, webhooks) = metered(&receiver.url(), |config| {
        config.request_timeout = Duration::from_millis(200);
    });
    close(&collector, "a", 1);
    let first = receiver.answer(Reply::Silence);
    let mut again = receiver.next();
    // A machine that is slow may have given up an answer that was on its way.
    receiver.reply(Reply::Status(200));
    while webhooks.counts().pending > 0 {
        if let Some(post) = receiver.next_if_any(Duration::from_millis(20)) {
            again = post;
            receiver.reply(Reply::Status(200));
        }
    }
    assert_eq!(again.body, first.body);
    let counts = webhooks.stop(LONG);
    assert_eq!(counts.delivered, 1);
    assert!(counts.retries >= 1);
}

#[test]
fn a_receiver_that_is_down_costs_the_events_once_their_time_is_over() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let (collector, webhooks) = metered(&url, |config| config.deadline = Duration::from_millis(30));
    close(&collector, "a", 1);
    close(&collector, "b", 1);
    let counts = webhooks.stop(LONG);
    assert_eq!((counts.failed, counts.pending, counts.dropped), (2, 0, 0));
    assert!(counts.last_error.unwrap().contains("refused"));
}
