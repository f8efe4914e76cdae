//! The text that sessions are accounted under: one word, shared by all who show it.
//!
//! A [`Label`] wraps the `Text` of streamgauge-table: count, length and text stand in one allocation, so a session pays 8
//! bytes for each of its three labels where an `Arc<str>` takes 16. The [`interner`] makes the labels of a collector, each
//! text once.

pub(crate) mod interner;

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

use streamgauge_table::Text;

/// A reference, location or peer: text that sessions, summaries, events and the history share.
///
/// It dereferences to `str`, and compares, orders and hashes as its text does. Cloning it counts a reference.
///
/// Cost: one word; a clone is one relaxed RMW; no alloc; no lock. Making one of other text is one allocation, and panics if
/// the text is 4 GiB or longer.
///
/// ```
/// use streamgauge::{Collector, CollectorConfig, Label, ManualClock};
///
/// let collector = Collector::manual(CollectorConfig::default(), ManualClock::default());
/// collector.register_and_activate("viewer-7", "stream-1", "edge-1", "198.51.100.7");
/// let session = &collector.active()[0];
/// assert_eq!(session.peer, "198.51.100.7");
/// assert_eq!(session.location, Label::from("edge-1"));
/// assert_eq!(session.reference.len(), 8);
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(Text);

impl Label {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the only reference to its text.
    fn is_sole(&self) -> bool {
        self.0.references() == 1
    }

    /// Whether both share one text, not merely equal ones.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn is_same(one: &Self, other: &Self) -> bool {
        Text::is_same(&one.0, &other.0)
    }
}

impl Deref for Label {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Label {
    fn borrow(&self) -> &str {
        self
    }
}

impl AsRef<str> for Label {
    fn as_ref(&self) -> &str {
        self
    }
}

impl From<&str> for Label {
    fn from(text: &str) -> Self {
        Self(Text::new(text))
    }
}

impl From<String> for Label {
    fn from(text: String) -> Self {
        Self(Text::new(&text))
    }
}

impl PartialEq<str> for Label {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for Label {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Label {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Label {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::Label;

    #[test]
    fn a_label_is_found_by_its_text() {
        let labels = ["b", "", "a", "日本"].map(Label::from);
        let hashed: HashSet<Label> = labels.iter().cloned().collect();
        let ordered: BTreeSet<Label> = labels.into_iter().collect();
        assert!(hashed.contains("日本") && !hashed.contains("c"));
        assert!(ordered.iter().eq(["", "a", "b", "日本"].iter()));
        assert_eq!(
            (
                format!("{}", Label::from("a\n")),
                format!("{:?}", Label::from("a\n"))
            ),
            ("a\n".to_owned(), "\"a\\n\"".to_owned())
        );
    }

    #[test]
    fn a_label_is_its_text() {
        let label = Label::from("here".to_owned());
        assert_eq!(AsRef::<str>::as_ref(&label), "here");
        assert!(label == *"here" && label != *"there" && label == "here" && label != "there");
        let (same, other) = (Label::from("here"), Label::from("there"));
        assert!(label == same && label != other);
    }

    #[test]
    fn a_label_is_one_word() {
        assert_eq!(size_of::<Option<Label>>(), size_of::<usize>());
    }
}
