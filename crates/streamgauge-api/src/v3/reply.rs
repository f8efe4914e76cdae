//! A reply, piece by piece: an iterator over its text, which holds the summaries and where in them it is.
//!
//! Each piece begins where the one before ended: behind a session's serial, or behind a label. So a client takes as long as it
//! likes, no thread waits for it, and no more than one piece is in memory for it.

use std::sync::Arc;
use std::vec;

use axum::body::Bytes;
use serde::Serialize;
use streamgauge::{LabelMap, Stats, Summary};

use super::number::write;
use super::rows::{ActiveRow, SessionRow, StatsRow};

/// The rows that are written at once.
const ROWS: usize = 64;

/// A piece has at least so many bytes, but for the last one.
const PIECE: usize = 16 * 1024;

/// Which of the two replies it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Sessions and history.
    Summaries,
    /// Sessions alone.
    Active,
}

/// A reply.
#[derive(Debug)]
pub(super) struct Reply {
    form: Form,
    rest: vec::IntoIter<(String, Arc<Summary>)>,
    at: At,
}

/// What is written next.
#[derive(Debug)]
enum At {
    Start,
    /// The next collector, if there is one.
    Collector {
        is_first: bool,
    },
    Within(Arc<Summary>, Section),
    End,
}

/// What is written next of a collector.
#[derive(Debug, Clone)]
enum Section {
    /// The sessions behind this serial.
    Sessions { after: Option<u64> },
    /// The peers behind this one.
    Peers { after: Option<String> },
    /// The locations of this peer behind this one.
    OfPeer { peer: String, after: Option<String> },
    /// The locations behind this one.
    Locations { after: Option<String> },
    /// The references behind this one.
    References { after: Option<String> },
    /// What stands behind all of them.
    Sums,
}

impl Reply {
    pub(super) fn new(form: Form, summaries: Vec<(String, Arc<Summary>)>) -> Self {
        Self {
            form,
            rest: summaries.into_iter(),
            at: At::Start,
        }
    }

    /// Writes the next collector's name and what stands before its first session; or what ends the reply.
    fn begin(&mut self, is_first: bool, text: &mut Vec<u8>) -> At {
        let Some((name, summary)) = self.rest.next() else {
            text.push(b'}');
            return At::End;
        };
        separate(text, is_first);
        write(text, &name);
        text.extend_from_slice(match self.form {
            Form::Summaries => br#":{"active":{"list":["#,
            Form::Active => b":[",
        });
        At::Within(summary, Section::Sessions { after: None })
    }

    /// Writes up to [`ROWS`] rows of a section, and what is next.
    fn go_on(&self, summary: Arc<Summary>, section: Section, text: &mut Vec<u8>) -> At {
        let history = &summary.history;
        let next = match section {
            Section::Sessions { after } => match sessions(&summary, after, text) {
                Some(last) => Section::Sessions { after: Some(last) },
                None if self.form == Form::Active => {
                    text.push(b']');
                    return At::Collector { is_first: false };
                }
                None => {
                    text.extend_from_slice(b"],");
                    fields(text, &ActiveRow::from(&*summary));
                    text.extend_from_slice(br#"},"summary":{"remote":{"#);
                    Section::Peers { after: None }
                }
            },
            Section::Peers { after } => peers(&summary, after, text),
            Section::OfPeer { peer, after } => of_peer(&summary, peer, after, text),
            Section::Locations { after } => match labels(&history.locations, after.as_deref(), text) {
                Some(last) => Section::Locations { after: Some(last) },
                None => {
                    text.extend_from_slice(br#"},"reference":{"#);
                    Section::References { after: None }
                }
            },
            Section::References { after } => match labels(&history.references, after.as_deref(), text) {
                Some(last) => Section::References { after: Some(last) },
                None => {
                    text.extend_from_slice(b"},");
                    Section::Sums
                }
            },
            Section::Sums => {
                fields(text, &StatsRow::from(history.stats));
                text.extend_from_slice(b"}}");
                return At::Collector { is_first: false };
            }
        };
        At::Within(summary, next)
    }
}

impl Iterator for Reply {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut text = Vec::new();
        while text.len() < PIECE {
            self.at = match std::mem::replace(&mut self.at, At::End) {
                At::Start => {
                    text.push(b'{');
                    At::Collector { is_first: true }
                }
                At::Collector { is_first } => self.begin(is_first, &mut text),
                At::Within(summary, section) => self.go_on(summary, section, &mut text),
                At::End => break,
            };
        }
        (!text.is_empty()).then(|| text.into())
    }
}

/// Writes sessions behind one, and says which was the last; none if there was none any more.
fn sessions(summary: &Summary, after: Option<u64>, text: &mut Vec<u8>) -> Option<u64> {
    let rows = match after {
        Some(serial) => summary.active.after(serial),
        None => summary.active.iter(),
    };
    let mut last = None;
    for row in rows.take(ROWS) {
        separate(text, after.is_none() && last.is_none());
        last = Some(row.serial);
        write(text, &SessionRow::from(row));
    }
    last
}

/// Writes the name of the next peer; where there is none, what stands behind the last.
fn peers(summary: &Summary, after: Option<String>, text: &mut Vec<u8>) -> Section {
    let peers = &summary.history.peers;
    let next = match &after {
        Some(label) => peers.after(label).next(),
        None => peers.iter().next(),
    };
    let Some((peer, _)) = next else {
        text.extend_from_slice(br#"},"local":{"#);
        return Section::Locations { after: None };
    };
    separate(text, after.is_none());
    write(text, &peer);
    text.extend_from_slice(br#":{"local":{"#);
    Section::OfPeer {
        peer: peer.to_owned(),
        after: None,
    }
}

/// Writes locations of a peer; where there is none any more, the peer's sums.
fn of_peer(summary: &Summary, peer: String, after: Option<String>, text: &mut Vec<u8>) -> Section {
    let Some(of_peer) = summary.history.peers.get(&peer) else {
        return Section::Peers { after: Some(peer) };
    };
    if let Some(last) = labels(&of_peer.locations, after.as_deref(), text) {
        return Section::OfPeer {
            peer,
            after: Some(last),
        };
    }
    text.extend_from_slice(b"},");
    fields(text, &StatsRow::from(of_peer.stats));
    text.push(b'}');
    Section::Peers { after: Some(peer) }
}

/// Writes sums behind a label, and says which label was the last; none if there was none any more.
fn labels(map: &LabelMap<Stats>, after: Option<&str>, text: &mut Vec<u8>) -> Option<String> {
    let mut last = None;
    // No label is before the empty one, and one that is empty stands first.
    let first = after.is_none().then(|| map.iter().next()).flatten();
    let behind = map.after(after.or(first.map(|(label, _)| label)).unwrap_or_default());
    for (label, stats) in first.into_iter().chain(behind).take(ROWS) {
        separate(text, after.is_none() && last.is_none());
        last = Some(label);
        write(text, &label);
        text.push(b':');
        write(text, &StatsRow::from(*stats));
    }
    last.map(str::to_owned)
}

/// The fields of an object without its braces.
fn fields(text: &mut Vec<u8>, object: &impl Serialize) {
    let start = text.len();
    write(text, object);
    text.remove(start);
    text.pop();
}

/// A comma, but before the first.
fn separate(text: &mut Vec<u8>, is_first: bool) {
    if !is_first {
        text.push(b',');
    }
}
