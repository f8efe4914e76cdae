//! Two collectors that are told the same. Of one every summary is kept, so none of its buffers is used again; of the other none
//! is, so rows that are quiet are left as they are. Both show the same.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "small whole numbers"
)]

use std::sync::Arc;
use std::time::Duration;

use streamgauge::{Collector, CollectorConfig, ManualClock, Session, SessionHandle, Stats, Summary, Writer};

fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

struct Pair {
    id: String,
    handles: [SessionHandle; 2],
    writers: Option<[Writer; 2]>,
}

fn rows(summary: &Summary) -> Vec<Session> {
    summary.active.iter().map(|row| row.to_session()).collect()
}

fn held_against(one: &Summary, other: &Summary, what: &str) {
    let (a, b) = (rows(one), rows(other));
    assert_eq!(a.len(), b.len(), "{what}");
    for (a, b) in a.iter().zip(&b) {
        assert_eq!(a, b, "{what}");
    }
    assert_eq!(
        (one.live, one.pending, one.discarded, one.totals),
        (other.live, other.pending, other.discarded, other.totals),
        "{what}"
    );
    let mut sum = Stats::default();
    for row in &a {
        sum.total_sessions += 1;
        sum.total_rx_bytes += row.rx_bytes;
        sum.total_tx_bytes += row.tx_bytes;
        sum.total_rx_packets += row.rx_packets;
        sum.total_tx_packets += row.tx_packets;
    }
    assert_eq!(sum, one.live, "{what}");
}

#[test]
fn what_is_left_as_it_is_shows_what_is_written_anew() {
    let seeds = std::env::var("TWINS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(12_u64);
    for seed in 1..=seeds {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let clock = ManualClock::default();
        let make = || {
            let mut config = CollectorConfig::default();
            config.count_packets = seed.is_multiple_of(2);
            config.session_timeout = Duration::from_secs(if seed.is_multiple_of(3) { 7 } else { 40 });
            config.inactive_timeout = Duration::from_secs(if seed.is_multiple_of(5) { 3 } else { 9 });
            config.window = Duration::from_secs(3);
            Collector::manual(config, clock.clone())
        };
        let meters = [make(), make()];
        let mut kept: Vec<Arc<Summary>> = Vec::new();
        let mut pairs: Vec<Pair> = Vec::new();
        let mut number = 0;
        for turn in 0..120 {
            let come = match turn {
                0 => 150 + next(&mut state) % 1_500,
                _ if next(&mut state).is_multiple_of(6) => next(&mut state) % 40,
                _ => 0,
            };
            for _ in 0..come {
                let id = format!("s{number}");
                number += 1;
                let handles = [0, 1].map(|at| meters[at].register(&id, "r", "l", "p"));
                if !next(&mut state).is_multiple_of(16) {
                    handles.iter().for_each(|h| assert!(h.activate()));
                }
                if next(&mut state).is_multiple_of(16) {
                    let top = (next(&mut state) % 1_000) as f64;
                    handles.iter().for_each(|h| h.set_top_ingress_bitrate(top));
                }
                pairs.push(Pair {
                    id,
                    handles,
                    writers: None,
                });
            }
            let busy = [0, 0, 1, 3, 20][(next(&mut state) % 5) as usize];
            for _ in 0..busy {
                if pairs.is_empty() {
                    break;
                }
                let at = (next(&mut state) % pairs.len() as u64) as usize;
                let size = [0, 1, 1_500, 1 << 32, (1 << 32) + 5, 1 << 40][(next(&mut state) % 6) as usize];
                let pair = &mut pairs[at];
                match next(&mut state) % 12 {
                    0..4 => pair.handles.iter().for_each(|h| {
                        h.ingress(size);
                    }),
                    4..6 => pair.handles.iter().for_each(|h| {
                        h.egress(size);
                    }),
                    6 => pair.handles.iter().for_each(|h| {
                        h.shared().ingress(size);
                    }),
                    7 => {
                        let handles = &pair.handles;
                        let writers = pair
                            .writers
                            .get_or_insert_with(|| [handles[0].writer(), handles[1].writer()]);
                        writers.iter_mut().for_each(|w| {
                            w.egress(size);
                        });
                    }
                    8 => pair.writers = None,
                    9 => {
                        let top = (next(&mut state) % 3_000) as f64;
                        pair.handles.iter().for_each(|h| h.set_top_egress_bitrate(top));
                    }
                    10 => pair.handles.iter().for_each(|h| h.extra(&turn.to_string())),
                    _ => pair.handles.iter().for_each(|h| {
                        h.activate();
                    }),
                }
            }
            let goes = if next(&mut state).is_multiple_of(20) {
                pairs.len() / 3
            } else {
                (next(&mut state) % 8 / 6) as usize
            };
            for _ in 0..goes {
                let at = (next(&mut state) % pairs.len() as u64) as usize;
                let gone = pairs.swap_remove(at);
                gone.handles.iter().for_each(|h| {
                    h.unregister();
                });
                if next(&mut state).is_multiple_of(2) {
                    let handles = [0, 1].map(|at| meters[at].register(&gone.id, "r", "l", "p"));
                    pairs.push(Pair {
                        id: gone.id,
                        handles,
                        writers: None,
                    });
                }
            }
            if pairs.is_empty() {
                break;
            }
            let summaries = match next(&mut state) % 8 {
                0 => [meters[0].refresh(), meters[1].refresh()],
                n => {
                    clock.advance(Duration::from_millis(if n == 1 { 300 } else { 1_000 }));
                    meters.each_ref().map(|meter| {
                        meter.tick();
                        meter.summary()
                    })
                }
            };
            held_against(&summaries[0], &summaries[1], &format!("seed {seed}, turn {turn}"));
            // What getters say of the sum of tops and each top.
            for row in summaries[0].active.iter().take(50) {
                let row = row.to_session();
                assert_eq!(row.top_rx_bitrate, meters[0].session_top_ingress_bitrate(&row.id));
            }
            let [_, other] = summaries;
            kept.push(other);
        }
        meters.iter().for_each(Collector::stop);
        held_against(&meters[0].summary(), &meters[1].summary(), "stop");
        assert_eq!(meters[0].sessions(), 0);
    }
}
