//! The file that datarhei Core (Go) keeps a collector's history in, read and written.
//!
//! ```json
//! {
//!     "sessions": {
//!         "here:198.51.100.7:stream": {
//!             "location": "here", "peer": "198.51.100.7", "reference": "stream",
//!             "total_sessions": 1, "total_rxbytes": 10, "total_txbytes": 20
//!         }
//!     }
//! }
//! ```
//!
//! A key is location, peer and reference joined with ":", which does not tell them apart where they have one in them: what an
//! entry is about is taken from its fields, and a key serves to name it in a complaint. As in the program that wrote it, what
//! is `null` or missing is empty or 0. It is read as a stream, an entry at a time.

mod entry;
mod fault;
mod joined;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Read;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use self::entry::Entry;
pub(super) use self::fault::{DocumentError, ReadError};
use self::fault::{Place, abridged};
pub(super) use self::joined::write;
use super::archive::{HistoryKey, Stats};
use super::sum;

/// What such a file holds.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// Entries of one triple added up.
    pub(super) rows: BTreeMap<HistoryKey, Stats>,
    /// What all of them moved.
    pub(super) totals: Stats,
    /// Entries read; more than rows where some have one triple.
    pub(super) entries: u64,
    /// Fields that mean nothing here, the first few.
    pub(super) ignored: BTreeSet<String>,
    /// Where reading is, for complaints.
    place: Place,
}

impl Document {
    /// Reads a file to its end.
    ///
    /// # Errors
    ///
    /// It cannot be read, or it is no JSON, or none of this form.
    pub(super) fn read(input: impl Read) -> Result<Self, ReadError> {
        let mut document = Self::default();
        let mut json = serde_json::Deserializer::from_reader(input);
        let outcome = Whole(&mut document)
            .deserialize(&mut json)
            .and_then(|()| json.end());
        match outcome {
            Ok(()) => Ok(document),
            Err(error) if error.is_io() => Err(ReadError::Unreadable(error.into())),
            Err(error) => Err(ReadError::Document(DocumentError::new(document.place, &error))),
        }
    }
}

/// The object around all, or null.
struct Whole<'a>(&'a mut Document);

/// The object of entries, or null.
struct Sessions<'a>(&'a mut Document);

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with \"sessions\" in it")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut has_sessions = false;
        while let Some(field) = map.next_key::<String>()? {
            if field != "sessions" {
                map.next_value::<IgnoredAny>()?;
                self.0.ignore(&field);
            } else if has_sessions {
                return Err(A::Error::custom("\"sessions\" is there twice"));
            } else {
                has_sessions = true;
                map.next_value_seed(Sessions(self.0))?;
            }
        }
        if !has_sessions && !self.0.ignored.is_empty() {
            return Err(A::Error::custom("there is no \"sessions\" in the object"));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Sessions<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.place.field = Some("\"sessions\"".to_owned());
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Sessions<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of entries")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.place = Place::default();
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.0.place = Place::default();
        while let Some(key) = map.next_key::<String>()? {
            self.0.place.key = Some(key);
            map.next_value_seed(Entry(self.0))?;
            self.0.place = Place::default();
        }
        Ok(())
    }
}

impl Document {
    /// Keeps the name of a field that means nothing here.
    fn ignore(&mut self, field: &str) {
        const MOST: usize = 8;
        if self.ignored.len() < MOST {
            self.ignored.insert(abridged(field));
        }
    }

    /// Adds an entry that was read.
    fn enter(&mut self, key: HistoryKey, stats: Stats) -> Result<(), String> {
        self.entries += 1;
        self.totals = sum::checked(self.totals, stats).ok_or_else(|| over("all entries up to this one"))?;
        let row = self.rows.entry(key).or_default();
        // Never above the totals.
        row.add(stats);
        Ok(())
    }
}

fn over(whose: &str) -> String {
    format!("the sum of {whose} exceeds {}", u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, prop};
    use proptest::{prop_assert, prop_assert_eq, prop_oneof, proptest};

    use super::super::archive::{History, Row};
    use super::{Document, HistoryKey, ReadError, Stats, write};

    fn read(text: &str) -> Document {
        Document::read(text.as_bytes()).unwrap_or_else(|error| panic!("{error:?}"))
    }

    fn complaint(text: &str) -> String {
        match Document::read(text.as_bytes()) {
            Err(ReadError::Document(error)) => error.to_string(),
            other => panic!("{other:?}"),
        }
    }

    fn written(history: &History) -> (String, usize) {
        let mut out = Vec::new();
        let told_apart = write(history, &mut out).unwrap();
        (String::from_utf8(out).unwrap(), told_apart)
    }

    /// Labels that join alike, are alike, are odd; few enough to meet.
    fn label() -> impl Strategy<Value = String> {
        let odd = prop::sample::select(vec![
            "a",
            ":",
            "a:",
            ":a",
            "a (2)",
            "\"\\\n\u{1b}[2J",
            "<&>\u{2028}\u{ffff}",
            "日本",
        ])
        .prop_map(str::to_owned);
        prop_oneof![odd, "\\PC{1,8}"]
    }

    fn history() -> impl Strategy<Value = History> {
        // Sixteen of them cannot exceed what a number holds.
        let count = || any::<u64>().prop_map(|number| number >> 4);
        let row = (label(), label(), label(), [count(), count(), count()]);
        prop::collection::vec(row, 0..16).prop_map(|rows| {
            let mut history = History::default();
            for (location, peer, reference, [sessions, rx, tx]) in rows {
                let stats = Stats {
                    total_sessions: sessions,
                    total_rx_bytes: rx,
                    total_tx_bytes: tx,
                    ..Stats::default()
                };
                let row = Row::of(stats);
                history
                    .rows
                    .insert(HistoryKey::new(&location, &peer, &reference), row);
            }
            history
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(history in history()) {
            let (text, told_apart) = written(&history);
            let document = read(&text);
            let rows: Vec<_> = document.rows.iter().map(|(key, stats)| (key.clone(), *stats)).collect();
            let expected: Vec<_> = history.rows.iter().map(|(key, row)| (key.clone(), row.stats)).collect();
            prop_assert_eq!(rows, expected);
            prop_assert_eq!(document.totals, history.totals());
            // Under one key each, and under the plain one wherever nothing else has it.
            let whole: serde_json::Value = serde_json::from_str(&text).unwrap();
            let entries = whole["sessions"].as_object().unwrap();
            prop_assert_eq!(entries.len(), history.rows.len());
            let plain = history.rows.keys().map(|k| format!("{}:{}:{}", k.location, k.peer, k.reference));
            let plain: std::collections::BTreeSet<_> = plain.collect();
            prop_assert_eq!(history.rows.len() - plain.len(), told_apart);
            prop_assert!(plain.iter().all(|key| entries.contains_key(key)));
        }

        #[test]
        fn nothing_that_is_read_ends_the_program(text in "[\\[\\]{}\":,a0-9.e\\- \\\\]{0,40}") {
            let _ = Document::read(text.as_bytes());
        }
    }

    #[test]
    fn it_is_written_as_go_writes_it() {
        let mut history = History::default();
        let row = Row {
            stats: Stats {
                total_sessions: 1,
                total_rx_bytes: 2,
                total_tx_bytes: u64::MAX,
                total_rx_packets: 4,
                total_tx_packets: 5,
            },
            is_partial: true,
            inherited: 7,
        };
        history
            .rows
            .insert(HistoryKey::new("here", "[::1]:80", "a\"b"), row);
        let expected = r#"{
    "sessions": {
        "here:[::1]:80:a\"b": {
            "location": "here",
            "peer": "[::1]:80",
            "reference": "a\"b",
            "total_sessions": 1,
            "total_rxbytes": 2,
            "total_txbytes": 18446744073709551615
        }
    }
}
"#;
        assert_eq!(written(&history), (expected.to_owned(), 0));
        assert_eq!(written(&History::default()).0, "{\n    \"sessions\": {}\n}\n");
    }

    #[test]
    fn null_and_nothing_are_empty() {
        for text in [
            "null",
            "{}",
            "{\"sessions\": null}",
            "{\"sessions\": {}}",
            "{\"sessions\": {\"a:b:c\": null}}",
        ] {
            let document = read(text);
            assert!(document.rows.is_empty(), "{text}");
        }
        let text =
            r#"{"sessions": {"a:b:c": {}, "d:e:f": {"peer": null, "location": "", "total_txbytes": null}}}"#;
        let document = read(text);
        let rows: Vec<_> = document.rows.into_iter().collect();
        let nobody = HistoryKey::new("unknown", "unknown", "");
        assert_eq!((rows, document.entries), (vec![(nobody, Stats::default())], 2));
    }

    #[test]
    fn entries_of_one_triple_are_added_up_wherever_they_stand() {
        let text = r#"{"sessions": {
            "x": {"location": "a", "peer": "b", "total_sessions": 1, "total_rxbytes": 10},
            "x": {"location": "a", "peer": "b", "total_sessions": 2, "total_txbytes": 7},
            "y": {"peer": "b", "reference": "", "location": "a", "total_rxbytes": 1}
        }}"#;
        let document = read(text);
        let stats = Stats {
            total_sessions: 3,
            total_rx_bytes: 11,
            total_tx_bytes: 7,
            ..Stats::default()
        };
        let rows: Vec<_> = document.rows.into_iter().collect();
        assert_eq!(rows, [(HistoryKey::new("a", "b", ""), stats)]);
        assert_eq!((document.entries, document.totals), (3, stats));
    }

    #[test]
    fn complaints_name_place_cause_and_remedy() {
        let entry = |fields: &str| format!("{{\"sessions\": {{\n  \"a:b:c\": {{{fields}}}\n}}}}");
        let in_entry = |field: &str, cause: &str| {
            vec![
                "line 2, column ",
                "entry \"a:b:c\", ",
                field,
                cause,
                "mend this entry",
                "nothing was imported",
            ]
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
        };
        let number = format!("not written as a whole number from 0 to {}", u64::MAX);
        let cases = [
            (
                r#""total_sessions": -1"#,
                "total_sessions",
                format!("-1 is {number}"),
            ),
            (
                r#""total_rxbytes": 18446744073709551616"#,
                "total_rxbytes",
                number.clone(),
            ),
            (
                r#""total_txbytes": 1.5"#,
                "total_txbytes",
                format!("1.5 is {number}"),
            ),
            (
                r#""total_txbytes": "7""#,
                "total_txbytes",
                "invalid type: string \"7\"".to_owned(),
            ),
            (
                r#""peer": 7"#,
                "peer",
                "invalid type: integer `7`, expected a string".to_owned(),
            ),
            (r#""location": {}"#, "location", "invalid type: map".to_owned()),
            (r#""peer": "a", "peer": "b""#, "peer", "there twice".to_owned()),
        ];
        for (fields, field, cause) in cases {
            let text = complaint(&entry(fields));
            for part in in_entry(field, &cause) {
                assert!(text.contains(&part), "no {part:?} in {text:?}");
            }
        }
        let cases: [(&str, &[&str]); 10] = [
            ("", &["line 1, column 0: EOF", "copy the file anew"]),
            (
                "{\"sessions\": {\"a:b:c\": {\"peer\": \"b",
                &["line 1", "entry \"a:b:c\", peer: EOF", "copy the file anew"],
            ),
            ("[]", &["line 1", "invalid type: sequence", "\"sessions\""]),
            (
                "{\"sessions\": 7}",
                &["line 1", "\"sessions\": invalid type: integer `7`"],
            ),
            (
                "{\"sessions\": {\"k\": []}}",
                &["entry \"k\": invalid type: sequence"],
            ),
            ("{\"session\": {}}", &["there is no \"sessions\""]),
            (
                "{\"sessions\": {}, \"sessions\": {}}",
                &["\"sessions\" is there twice"],
            ),
            ("{\"sessions\": {}} x", &["trailing characters"]),
            (
                "{\"sessions\": {\"k\": {\"total_rxbytes\": 1e999}}}",
                &["entry \"k\", total_rxbytes: number out of range"],
            ),
            (
                "{\"sessions\": {\"k\": {\"total_rxbytes\": 18446744073709551615}, \"l\": {\"total_rxbytes\": 1}}}",
                &["entry \"l\": the sum of all entries up to this one exceeds 18446744073709551615"],
            ),
        ];
        for (text, parts) in cases {
            let complaint = complaint(text);
            for part in parts {
                assert!(complaint.contains(part), "no {part:?} in {complaint:?}");
            }
        }
        let long = complaint(&format!("{{\"sessions\": {{\"{}\": 1}}}}", "é".repeat(5000)));
        assert!(long.chars().count() < 500, "{long}");
    }

    #[test]
    fn fields_that_mean_nothing_are_named() {
        let text = r#"{"version": 2, "sessions": {"k": {"peer": "p", "extra": {"a": [1]}}}}"#;
        let document = read(text);
        assert!(document.ignored.iter().eq(["extra", "version"]));
        assert_eq!(document.rows.len(), 1);
    }
}
