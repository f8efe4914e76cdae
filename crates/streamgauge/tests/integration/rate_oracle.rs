//! Bitrates of sessions that come, go, burst and fall silent, held against windows that are kept in full.
#![expect(
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "what is compared was computed from the same whole numbers, far below 2^53"
)]

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::ledger_check::Checked;

struct Known {
    created: u64,
    rx: u64,
    tx: u64,
    /// What it had counted at each roll, by the roll's time.
    at: HashMap<u64, (u64, u64)>,
}

/// A number below `bound`.
fn below(state: &mut u64, bound: usize) -> usize {
    usize::try_from(next(state) % bound as u64).unwrap()
}

fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn bitrates_are_those_of_windows_that_are_kept_in_full() {
    for seed in 1..=6_u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let packets = seed % 2 == 0;
        let meter = Checked::patient(|config| config.count_packets = packets);
        let (mut now, mut start, mut last_roll) = (0_u64, 0_u64, 0_u64);
        let mut rolls: VecDeque<u64> = VecDeque::new();
        let mut known: HashMap<String, Known> = HashMap::new();
        let mut number = 0;
        for turn in 0..150 {
            let come = if turn == 0 { 2_500 } else { next(&mut state) % 60 };
            for _ in 0..come {
                let id = format!("s{number}");
                number += 1;
                meter.register_and_activate(&id, "r", "l", "p");
                known.insert(
                    id,
                    Known {
                        created: now,
                        rx: 0,
                        tx: 0,
                        at: HashMap::new(),
                    },
                );
            }
            let mut ids: Vec<String> = known.keys().cloned().collect();
            ids.sort();
            let go = match turn {
                40 => 1_500,
                80 => 700,
                _ => next(&mut state) % 40,
            };
            for _ in 0..go.min(ids.len() as u64 / 2) {
                let id = ids.swap_remove(below(&mut state, ids.len()));
                meter.unregister(&id);
                known.remove(&id);
            }
            let quiet = (60..75).contains(&turn) || (100..130).contains(&turn);
            for id in &ids {
                if quiet || next(&mut state).is_multiple_of(3) {
                    continue;
                }
                let bytes = match next(&mut state) % 40 {
                    0 => next(&mut state) >> 20,
                    1 => next(&mut state) >> 31,
                    2 => (1 << 32) - 1,
                    _ => next(&mut state) >> 44,
                };
                let it = known.get_mut(id).unwrap();
                if next(&mut state) & 1 == 0 {
                    meter.ingress(id, bytes);
                    it.rx += bytes;
                } else {
                    meter.egress(id, bytes);
                    it.tx += bytes;
                }
            }
            if next(&mut state).is_multiple_of(3) {
                for _ in 0..3 {
                    let id = &ids[below(&mut state, ids.len())];
                    meter.session_set_top_ingress_bitrate(
                        id,
                        f64::from(u32::try_from(next(&mut state) >> 50).unwrap()),
                    );
                }
            }
            if next(&mut state).is_multiple_of(4) {
                meter.refreshed();
            }
            let step = match next(&mut state) % 10 {
                0 => 300_000_000,
                1 => 2_700_000_000,
                2 if turn % 11 == 0 => 34_000_000_000,
                _ => 1_000_000_000 + next(&mut state) % 50_000_000,
            };
            now += step;
            let summary = meter.tick_after(Duration::from_nanos(step));
            let mut tops = 0.0;
            for session in summary.active.iter() {
                let id = session.id.to_string();
                assert_eq!(
                    session.top_rx_bitrate,
                    meter.session_top_ingress_bitrate(&id),
                    "turn {turn} {id}"
                );
                assert_eq!(
                    session.top_tx_bitrate,
                    meter.session_top_egress_bitrate(&id),
                    "turn {turn} {id}"
                );
                assert!(
                    now - last_roll < 1_000_000_000
                        || session.top_rx_bitrate + 1.0 >= session.rx_bitrate.min(8e12) * (1.0 - 1e-6)
                );
                tops += session.top_rx_bitrate;
            }
            assert!((tops - meter.top_ingress_bitrate()).abs() <= tops * 1e-9);
            if now - last_roll < 1_000_000_000 {
                continue;
            }
            while let Some(oldest) = rolls.front().copied().filter(|end| end + 10_000_000_000 <= now) {
                start = oldest;
                rolls.pop_front();
            }
            rolls.push_back(now);
            last_roll = now;
            assert_eq!(summary.active.len(), known.len());
            for session in summary.active.iter() {
                let it = known.get_mut(&session.id.to_string()).unwrap();
                assert_eq!((session.rx_bytes, session.tx_bytes), (it.rx, it.tx));
                let began = it.at.get(&start).copied().unwrap_or_default();
                let time = (now - start).min(now - it.created).max(1_000_000_000) as f64 / 1e9;
                for (shown, bytes) in [
                    (session.rx_bitrate, it.rx - began.0),
                    (session.tx_bitrate, it.tx - began.1),
                ] {
                    let right = bytes as f64 * 8.0 / time;
                    // 24 bits, and a unit of what raised the shift: 2^44 at most here.
                    assert!(
                        (shown - right).abs() <= right * 1e-6 + 16_384.0 * 16.0 / time,
                        "seed {seed} turn {turn} {}: {shown} for {right}",
                        session.id
                    );
                }
                it.at.insert(now, (it.rx, it.tx));
            }
        }
    }
}
