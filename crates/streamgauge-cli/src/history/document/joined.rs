//! The keys of entries: location, peer and reference joined as the program that reads them joins them.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::ser::PrettyFormatter;

use super::entry::EntryObject;
use crate::history::archive::{History, HistoryKey, Row};

/// Writes a history in this form; the answer is how many keys had to be told apart.
pub(in crate::history) fn write(history: &History, out: &mut dyn Write) -> io::Result<usize> {
    let mut joined = Vec::with_capacity(history.rows.len());
    for (key, row) in &history.rows {
        joined.push((
            format!("{}:{}:{}", key.location, key.peer, key.reference),
            key,
            row,
        ));
    }
    // As Go sorts its keys.
    joined.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    let told_apart = tell_apart(&mut joined);
    let formatter = PrettyFormatter::with_indent(b"    ");
    let mut json = serde_json::Serializer::with_formatter(&mut *out, formatter);
    let mut whole = json.serialize_map(Some(1))?;
    let sessions = SessionsObject(&joined);
    whole.serialize_entry("sessions", &sessions)?;
    whole.end()?;
    writeln!(out)?;
    Ok(told_apart)
}

type Joined<'a> = (String, &'a HistoryKey, &'a Row);

/// Gives triples that join alike keys of their own: the first keeps its key, the others have a number behind it. The program
/// that reads the file counts by the fields, and of two entries under one key it would keep one.
fn tell_apart(joined: &mut [Joined<'_>]) -> usize {
    let taken: BTreeSet<String> = joined
        .windows(2)
        .filter(|pair| pair[0].0 == pair[1].0)
        .map(|pair| pair[0].0.clone())
        .collect();
    if taken.is_empty() {
        return 0;
    }
    let mut used: BTreeSet<String> = joined.iter().map(|(key, ..)| key.clone()).collect();
    let mut seen = BTreeSet::new();
    let mut told_apart = 0;
    for (key, ..) in joined.iter_mut() {
        if !taken.contains(key) || seen.insert(key.clone()) {
            continue;
        }
        let mut number = 2_u64;
        let own = loop {
            let own = format!("{key} ({number})");
            if used.insert(own.clone()) {
                break own;
            }
            number += 1;
        };
        *key = own;
        told_apart += 1;
    }
    told_apart
}

struct SessionsObject<'a>(&'a [Joined<'a>]);

impl Serialize for SessionsObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.0
                .iter()
                .map(|(joined, key, row)| (joined, EntryObject::new(key, &row.stats))),
        )
    }
}
