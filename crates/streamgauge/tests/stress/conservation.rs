//! P1 and P2 in storms of several make.

use std::time::Duration;

use streamgauge::Activation;

use crate::storm::{Storm, has_closed_many};

#[test]
fn p1_bytes_and_packets_are_conserved_while_sessions_come_and_go() {
    Storm::default().run(|_| ());
}

#[test]
fn p1_bytes_are_conserved_where_packets_are_not_counted() {
    let mut storm = Storm::default();
    storm.config.count_packets = false;
    storm.run(|last| {
        assert_eq!(
            (last.totals.total_rx_packets, last.totals.total_tx_packets),
            (0, 0)
        );
    });
}

#[test]
fn p1_bytes_are_conserved_where_activation_is_explicit() {
    let mut storm = Storm::default();
    storm.config.activation = Activation::Explicit;
    storm.until = |summary| {
        let (history, discarded) = (summary.history.stats, summary.discarded);
        history.total_sessions + discarded.total_sessions >= 30
            && discarded.total_rx_bytes > 0
            && history.total_rx_bytes > 0
    };
    storm.run(|_| ());
}

#[test]
fn p2_one_id_for_all_threads() {
    let storm = Storm {
        ids: 1,
        counters: 3,
        churners: 2,
        ..Storm::default()
    };
    storm.run(|_| ());
}

#[test]
fn p1_ticks_as_fast_as_possible() {
    let mut storm = Storm {
        ids: 4,
        counters: 2,
        churners: 1,
        tickers: 3,
        refreshers: 2,
        readers: 0,
        ..Storm::default()
    };
    // Sessions time out by the tick, so that the sampler itself is the closer as often as anybody.
    storm.config.session_timeout = Duration::from_millis(1);
    storm.run(|_| ());
}

#[test]
fn p1_few_places_for_many_sessions() {
    let mut storm = Storm::default();
    storm.config.max_tracked_sessions = 3;
    storm.config.max_writers = 4;
    storm.until = |summary| {
        let caps = summary.caps;
        has_closed_many(summary) && caps.refused_sessions > 0 && caps.refused_writers > 0
    };
    storm.run(|_| ());
}

#[test]
fn p1_many_sessions_while_the_table_grows_and_shrinks() {
    let storm = Storm {
        ids: 3_000,
        churners: 2,
        steps: 20_000,
        ..Storm::default()
    };
    storm.run(|_| ());
}

#[test]
fn p1_the_smallest_table_and_everybody_at_once() {
    let mut storm = Storm {
        ids: 40,
        counters: 4,
        churners: 3,
        tickers: 2,
        refreshers: 2,
        readers: 2,
        steps: 3_000,
        ..Storm::default()
    };
    // It begins with one segment, and splits while all of them look up.
    storm.config.expected_sessions = 0;
    storm.config.session_timeout = Duration::from_millis(1);
    storm.run(|_| ());
}
