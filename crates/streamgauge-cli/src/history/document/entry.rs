//! One entry: three labels and three numbers, each of which may be missing or null.

use std::fmt;
use std::mem;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::Document;
use crate::history::archive::{HistoryKey, Stats};

/// What a location or a peer is called where nothing names it, there and here.
const UNKNOWN: &str = "unknown";

/// The fields, and how often an entry may have each: once.
const FIELDS: [&str; 6] = [
    "location",
    "peer",
    "reference",
    "total_sessions",
    "total_rxbytes",
    "total_txbytes",
];

/// An entry to be read.
pub(super) struct Entry<'a>(pub(super) &'a mut Document);

impl<'de> DeserializeSeed<'de> for Entry<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Entry<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with location, peer, reference, total_sessions, total_rxbytes, total_txbytes")
    }

    /// Nothing moved, by nobody.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut labels: [String; 3] = Default::default();
        let mut numbers = [0_u64; 3];
        let mut seen = [false; FIELDS.len()];
        while let Some(field) = map.next_key::<String>()? {
            let Some(index) = FIELDS.iter().position(|known| *known == field) else {
                map.next_value::<IgnoredAny>()?;
                self.0.ignore(&field);
                continue;
            };
            self.0.place.field = Some(field);
            if mem::replace(&mut seen[index], true) {
                return Err(A::Error::custom("this field is there twice in one entry"));
            }
            match index.checked_sub(labels.len()) {
                None => labels[index] = map.next_value_seed(Text)?,
                Some(index) => numbers[index] = map.next_value_seed(Count)?,
            }
            self.0.place.field = None;
        }
        let [location, peer, reference] = labels;
        let named = |label: String| {
            if label.is_empty() {
                UNKNOWN.to_owned()
            } else {
                label
            }
        };
        let key = HistoryKey::new(&named(location), &named(peer), &reference);
        let stats = Stats {
            total_sessions: numbers[0],
            total_rx_bytes: numbers[1],
            total_tx_bytes: numbers[2],
            ..Stats::default()
        };
        self.0.enter(key, stats).map_err(A::Error::custom)
    }
}

/// A text, or null for none.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_unit<E>(self) -> Result<String, E> {
        Ok(String::new())
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

/// A number, or null for 0.
struct Count;

impl<'de> DeserializeSeed<'de> for Count {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Count {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from 0 to {}", u64::MAX)
    }

    fn visit_unit<E>(self) -> Result<u64, E> {
        Ok(0)
    }

    fn visit_u64<E>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        Err(out_of_range(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<u64, E> {
        Err(out_of_range(number))
    }
}

fn out_of_range<E: Error>(number: impl fmt::Debug) -> E {
    E::custom(format!(
        "{number:?} is not written as a whole number from 0 to {}",
        u64::MAX
    ))
}

/// An entry to be written.
#[derive(Serialize)]
pub(super) struct EntryObject<'a> {
    location: &'a str,
    peer: &'a str,
    reference: &'a str,
    total_sessions: u64,
    total_rxbytes: u64,
    total_txbytes: u64,
}

impl<'a> EntryObject<'a> {
    pub(super) fn new(key: &'a HistoryKey, stats: &Stats) -> Self {
        Self {
            location: &key.location,
            peer: &key.peer,
            reference: &key.reference,
            total_sessions: stats.total_sessions,
            total_rxbytes: stats.total_rx_bytes,
            total_txbytes: stats.total_tx_bytes,
        }
    }
}
