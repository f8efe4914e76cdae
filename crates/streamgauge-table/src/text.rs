//! Shared text behind one word: an [`Entry`] without a value, whose key is the text.
//!
//! Count, length and text stand in one allocation with 8 bytes before the text, where an `Arc<str>` is two words before 16
//! bytes. A text is made of a `str` and never written again, which is why its bytes can be shown as one. Any thread clones
//! and drops it; the count is the entry's.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use crate::entry::Entry;

/// Shared text. It dereferences to `str`, and compares, orders and hashes as that does. Cloning it counts a reference.
///
/// Cost: one word; a clone is one relaxed RMW; no alloc; no lock. Two clones of one text are equal without a look at it.
///
/// ```
/// use streamgauge_table::Text;
///
/// let text = Text::new("198.51.100.7");
/// let other = text.clone();
/// assert_eq!((&*other, text.references()), ("198.51.100.7", 2));
/// assert!(Text::is_same(&text, &other));
/// assert_eq!(text, Text::new("198.51.100.7"));
/// ```
#[derive(Clone)]
pub struct Text {
    entry: Entry<()>,
}

impl Text {
    /// A text of its own.
    ///
    /// Cost: one allocation, of the text and 8 bytes; of an empty text, too.
    ///
    /// # Panics
    ///
    /// If the text is 4 GiB or longer.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            entry: Entry::new(text.as_bytes(), ()),
        }
    }

    /// The text.
    #[must_use]
    #[inline]
    pub fn as_str(&self) -> &str {
        // SAFETY: `new` alone makes the entry, its key is the bytes of a `str`, and a key is never written again.
        unsafe { str::from_utf8_unchecked(self.entry.key()) }
    }

    /// Whether both are the same text, not merely equal ones.
    #[must_use]
    #[inline]
    pub fn is_same(one: &Self, other: &Self) -> bool {
        Entry::is_same(&one.entry, &other.entry)
    }

    /// How many clones there were at some moment of this call. If it is one, and nobody else can reach that one to clone it,
    /// it stays one.
    #[must_use]
    #[inline]
    pub fn references(&self) -> u32 {
        self.entry.references()
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::new("")
    }
}

impl Deref for Text {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Text {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        Self::is_same(self, other) || **self == **other
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl Hash for Text {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

    use super::Text;

    #[test]
    fn texts_of_every_length_come_back_whole() {
        for len in [0, 1, 7, 8, 9, 23, 24, 25, 100_000] {
            let text = "añ日🦀".repeat(len);
            assert_eq!(Text::new(&text).as_str(), text);
        }
        assert_eq!(&*Text::default(), "");
    }

    #[test]
    fn a_text_compares_and_hashes_as_its_str() {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let texts = ["", "a", "a\0", "b", "ba", "日"];
        for one in texts {
            assert_eq!(hasher.hash_one(Text::new(one)), hasher.hash_one(one));
            for other in texts {
                assert_eq!(Text::new(one) == Text::new(other), one == other);
                assert_eq!(Text::new(one).cmp(&Text::new(other)), one.cmp(other));
                assert_eq!(Text::new(one) < Text::new(other), one < other);
            }
        }
        assert_eq!(format!("{:?}", Text::new("a\n")), "\"a\\n\"");
    }

    #[test]
    fn clones_are_counted_and_one_text() {
        let text = Text::new("text");
        let clones = vec![text.clone(); 3];
        assert_eq!(text.references(), 4);
        assert!(clones.iter().all(|clone| Text::is_same(clone, &text)));
        assert!(!Text::is_same(&text, &Text::new("text")));
        drop(clones);
        assert_eq!(text.references(), 1);
    }

    #[test]
    fn a_text_is_one_word() {
        assert_eq!(size_of::<Option<Text>>(), size_of::<usize>());
    }
}
