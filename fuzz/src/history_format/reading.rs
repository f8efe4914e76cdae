//! Reads the payload of a history byte by byte, from the format's description, sharing nothing with the code that is
//! checked: says whether a payload is one, and what it holds.

use std::time::{Duration, SystemTime};

use streamgauge::{HistoryKey, HistorySnapshot, Stats};

/// The history in a payload, if it is one.
pub(super) fn read(payload: &[u8]) -> Option<HistorySnapshot> {
    let mut bytes = Bytes(payload);
    let seconds = bytes.number(u64::MAX)?;
    let nanoseconds = bytes.number(u32::MAX.into())?;
    let since_1970 = Duration::from_secs(seconds).checked_add(Duration::from_nanos(nanoseconds))?;
    let mut snapshot = HistorySnapshot::default();
    // What no calendar shows counts as 1970.
    snapshot.taken_at = SystemTime::UNIX_EPOCH
        .checked_add(since_1970)
        .unwrap_or(SystemTime::UNIX_EPOCH);
    snapshot.discarded = bytes.stats()?;
    for _ in 0..bytes.number(u64::MAX)? {
        let (location, peer, reference) = (bytes.label()?, bytes.label()?, bytes.label()?);
        let key = HistoryKey::new(location, peer, reference);
        let mut row = snapshot.row(&key).copied().unwrap_or_default();
        row.stats.add(bytes.stats()?);
        row.is_partial |= bytes.flag()?;
        row.inherited = row.inherited.max(bytes.number(u64::MAX)?);
        snapshot.insert(&key, row);
    }
    bytes.0.is_empty().then_some(snapshot)
}

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number in any of the lengths that one up to `most` may have; it need not be the shortest.
    fn number(&mut self, most: u64) -> Option<u64> {
        let length = match self.take(1)?[0] {
            small @ 0..=250 => return Some(small.into()),
            251 => 2,
            252 => 4,
            253 if most > u32::MAX.into() => 8,
            _ => return None,
        };
        let bytes = self.take(length)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0, |value, byte| value << 8 | u64::from(*byte)),
        )
    }

    fn flag(&mut self) -> Option<bool> {
        match self.take(1)?[0] {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn label(&mut self) -> Option<&'a str> {
        let length = self.number(u64::MAX)?;
        std::str::from_utf8(self.take(usize::try_from(length).ok()?)?).ok()
    }

    fn stats(&mut self) -> Option<Stats> {
        Some(Stats {
            total_sessions: self.number(u64::MAX)?,
            total_rx_bytes: self.number(u64::MAX)?,
            total_tx_bytes: self.number(u64::MAX)?,
            total_rx_packets: self.number(u64::MAX)?,
            total_tx_packets: self.number(u64::MAX)?,
        })
    }
}
