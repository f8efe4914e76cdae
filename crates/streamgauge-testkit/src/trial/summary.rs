//! Compares a summary, row by row and part by part.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use streamgauge::{ActiveSession, LabelMap, Session, Stats, Summary};

use super::check::{is_close, top};
use super::mismatch::{Mismatch, same};
use crate::model::published::{Published, Row};
use crate::model::tally::Tally;
use crate::model::window::number;
use crate::setup::Setup;
use crate::way::{Pair, Way};

/// What a calendar shows since 1970.
pub(super) fn wall(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Compares all that a summary shows, but for its number.
pub(super) fn check_summary(found: &Summary, expected: &Published, setup: &Setup) -> Result<(), Mismatch> {
    check_parts(found)?;
    same!(wall(found.taken_at), expected.taken_at, "summary: taken_at");
    same!(found.max_sessions, setup.max_sessions, "summary: max_sessions");
    let [max_rx, max_tx] = setup.max_bitrates.map(number);
    same!(found.max_rx_bitrate, max_rx, "summary: max_rx_bitrate");
    same!(found.max_tx_bitrate, max_tx, "summary: max_tx_bitrate");
    for (way, bitrate, sum) in [
        (Way::In, found.current_rx_bitrate, found.top_rx_bitrate),
        (Way::Out, found.current_tx_bitrate, found.top_tx_bitrate),
    ] {
        if !is_close(bitrate, *expected.bitrates.of(way)) {
            return Err(Mismatch::of(
                format_args!("summary: the bitrate {way:?}"),
                bitrate,
                expected.bitrates,
            ));
        }
        same!(
            sum,
            top(*expected.tops.of(way)),
            "summary: the sum of tops {way:?}"
        );
    }
    same!(Tally::from(found.live), expected.live, "summary: live");
    same!(Tally::from(found.pending), expected.pending, "summary: pending");
    same!(
        Tally::from(found.discarded),
        expected.books.entered.discarded,
        "summary: discarded"
    );
    same!(Tally::from(found.totals), expected.totals(), "summary: totals");
    same!(
        found.current_sessions,
        expected.live.sessions,
        "summary: current_sessions"
    );
    same!(
        found.pending_sessions,
        expected.pending.sessions,
        "summary: pending_sessions"
    );
    check_history(found, expected)?;
    check_caps(found, expected)?;
    same!(
        found.active.len(),
        expected.active.len(),
        "summary: the number of active sessions"
    );
    same!(
        found.active.is_empty(),
        expected.active.is_empty(),
        "summary: whether there are active sessions"
    );
    for (found, expected) in found.active.iter().zip(&expected.active) {
        check_row("summary", &Shown::from(&found), expected)?;
        check_row("summary, owned", &Shown::of(&found.to_session()), expected)?;
    }
    Ok(())
}

/// P1 (a), as it stands there: without the model. Sums that stopped at 2^64 - 1 need not add up.
fn check_parts(found: &Summary) -> Result<(), Mismatch> {
    let parts = [found.history.stats, found.live, found.pending, found.discarded];
    same!(
        Tally::sum(parts.map(Tally::from)),
        Tally::from(found.totals),
        "P1 (a): history + live + pending + discarded, and totals"
    );
    let rows = found.active.iter().map(|row| Tally {
        sessions: 1,
        bytes: Pair {
            rx: row.rx_bytes,
            tx: row.tx_bytes,
        },
        packets: Pair {
            rx: row.rx_packets,
            tx: row.tx_packets,
        },
    });
    same!(
        Tally::sum(rows),
        Tally::from(found.live),
        "P1 (a): the rows of active, and live"
    );
    Ok(())
}

fn check_caps(found: &Summary, expected: &Published) -> Result<(), Mismatch> {
    let (caps, is) = (found.caps, expected.caps);
    same!(
        caps.refused_sessions,
        is.refused_sessions,
        "caps: refused_sessions"
    );
    same!(caps.refused_ids, is.refused_ids, "caps: refused_ids");
    same!(
        caps.refused_empty_ids,
        is.refused_empty_ids,
        "caps: refused_empty_ids"
    );
    same!(caps.refused_stopped, is.refused_stopped, "caps: refused_stopped");
    same!(caps.refused_writers, is.refused_writers, "caps: refused_writers");
    same!(caps.cut_labels, is.cut_labels, "caps: cut_labels");
    same!(
        caps.folded_sessions,
        expected.books.folded,
        "caps: folded_sessions"
    );
    same!(caps.evicted_keys, expected.books.evicted, "caps: evicted_keys");
    same!(caps.undelivered_events, 0, "caps: undelivered_events");
    Ok(())
}

fn check_history(found: &Summary, expected: &Published) -> Result<(), Mismatch> {
    let (history, books) = (&found.history, &expected.books);
    let totals = Tally::sum(books.entered.tallies());
    same!(Tally::from(history.stats), totals, "history: stats");
    same!(
        history.is_partial,
        books.entered.is_partial(),
        "history: whether it is partial"
    );
    let tallies = |map: &LabelMap<Stats>| -> BTreeMap<String, Tally> {
        map.iter()
            .map(|(label, stats)| (label.to_owned(), Tally::from(*stats)))
            .collect()
    };
    let locations = books.by(|key| key.location.clone());
    same!(tallies(&history.locations), locations, "history: locations");
    let references = books.by(|key| key.reference.clone());
    same!(tallies(&history.references), references, "history: references");
    let peers = books.by(|key| key.peer.clone());
    same!(history.peers.len(), peers.len(), "history: the number of peers");
    for ((peer, found), (name, tally)) in history.peers.iter().zip(&peers) {
        same!(peer, name, "history: a peer");
        same!(Tally::from(found.stats), *tally, "history: peer {name:?}");
        let at: BTreeMap<String, Tally> = tallies(&found.locations);
        let of_peer = books.entered.rows.iter().filter(|(key, _)| key.peer == *name);
        let mut expected: BTreeMap<String, Tally> = BTreeMap::new();
        for (key, row) in of_peer {
            let sum = expected.entry(key.location.clone()).or_default();
            *sum = sum.plus(row.tally);
        }
        same!(at, expected, "history: the locations of peer {name:?}");
        let found = history.peers.get(name).map(|found| Tally::from(found.stats));
        same!(found, Some(*tally), "history: peer {name:?}, asked for");
    }
    Ok(())
}

/// An active session as a collector shows it.
pub(super) struct Shown<'a> {
    id: &'a [u8],
    labels: [&'a str; 4],
    created_at: SystemTime,
    tally: Tally,
    bitrates: Pair<f64>,
    tops: Pair<f64>,
}

macro_rules! shown {
    ($session:expr, $id:expr) => {
        Shown {
            id: $id,
            labels: [
                &$session.reference,
                &$session.location,
                &$session.peer,
                &$session.extra,
            ],
            created_at: $session.created_at,
            tally: Tally {
                sessions: 1,
                bytes: Pair {
                    rx: $session.rx_bytes,
                    tx: $session.tx_bytes,
                },
                packets: Pair {
                    rx: $session.rx_packets,
                    tx: $session.tx_packets,
                },
            },
            bitrates: Pair {
                rx: $session.rx_bitrate,
                tx: $session.tx_bitrate,
            },
            tops: Pair {
                rx: $session.top_rx_bitrate,
                tx: $session.top_tx_bitrate,
            },
        }
    };
}

impl<'a> Shown<'a> {
    pub(super) fn of(session: &'a Session) -> Self {
        shown!(session, session.id.as_bytes())
    }

    fn from(session: &'a ActiveSession<'a>) -> Self {
        shown!(session, session.id.as_bytes())
    }
}

/// Compares a row.
pub(super) fn check_row(what: &str, found: &Shown<'_>, expected: &Row) -> Result<(), Mismatch> {
    same!(found.id, &expected.id[..], "{what}: the id of a row");
    let id = found.id.escape_ascii();
    let key = &expected.key;
    let labels = [&*key.reference, &*key.location, &*key.peer, &*expected.extra];
    same!(
        found.labels,
        labels,
        "{what}: reference, location, peer and extra of {id}"
    );
    same!(
        wall(found.created_at),
        expected.created_at,
        "{what}: created_at of {id}"
    );
    same!(found.tally, expected.tally, "{what}: what {id} moved");
    for way in Way::BOTH {
        let bitrate = expected.bitrates.of(way);
        if !bitrate.is_shown_as(*found.bitrates.of(way)) {
            return Err(Mismatch::of(
                format_args!("{what}: the bitrate {way:?} of {id}"),
                found.bitrates.of(way),
                bitrate,
            ));
        }
        same!(
            *found.tops.of(way),
            top(*expected.tops.of(way)),
            "{what}: the top {way:?} of {id}"
        );
    }
    Ok(())
}
