//! The id of a session: any bytes, short ones inline.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};

const INLINE: usize = 40;

/// The id of a session: any bytes, text or a binary key such as a 5-tuple.
///
/// Up to 40 bytes are held inline. Shown as text; bytes that are not UTF-8, control characters and backslashes are
/// escaped, so that an id can stand on one line of a log.
///
/// ```
/// use streamgauge::SessionId;
///
/// assert_eq!(SessionId::from("viewer-7").to_string(), "viewer-7");
/// assert_eq!(SessionId::from(&[0x0a, 0xff][..]).to_string(), r"\n\xff");
/// assert_eq!(SessionId::from("viewer-7").as_bytes(), b"viewer-7");
/// ```
#[derive(Clone)]
pub struct SessionId(Bytes);

#[derive(Clone)]
enum Bytes {
    Inline { len: u8, bytes: [u8; INLINE] },
    Boxed(Box<[u8]>),
}

impl SessionId {
    /// The bytes of the id.
    #[must_use]
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Bytes::Inline { len, bytes } => &bytes[..usize::from(*len).min(INLINE)],
            Bytes::Boxed(bytes) => bytes,
        }
    }
}

impl From<&[u8]> for SessionId {
    fn from(id: &[u8]) -> Self {
        match u8::try_from(id.len()) {
            Ok(len) if id.len() <= INLINE => {
                let mut bytes = [0; INLINE];
                bytes[..id.len()].copy_from_slice(id);
                Self(Bytes::Inline { len, bytes })
            }
            _ => Self(Bytes::Boxed(id.into())),
        }
    }
}

impl From<&str> for SessionId {
    fn from(id: &str) -> Self {
        Self::from(id.as_bytes())
    }
}

impl AsRef<[u8]> for SessionId {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Borrow<[u8]> for SessionId {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq for SessionId {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for SessionId {}

impl PartialEq<str> for SessionId {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for SessionId {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialOrd for SessionId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SessionId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for SessionId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&SessionIdRef::from(self), f)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&SessionIdRef::from(self), f)
    }
}

/// As the text that `Display` shows.
#[cfg(feature = "serde")]
impl serde::Serialize for SessionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The id of a session, borrowed: what a row of a summary and a handle show. Copying it copies a slice.
///
/// ```
/// use streamgauge::{SessionId, SessionIdRef};
///
/// let id = SessionIdRef::from(&b"viewer-7"[..]);
/// assert_eq!(id, "viewer-7");
/// assert_eq!(id.to_id(), SessionId::from("viewer-7"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionIdRef<'a>(&'a [u8]);

impl<'a> SessionIdRef<'a> {
    /// The bytes of the id.
    #[must_use]
    #[inline]
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// A copy that owns its bytes.
    #[must_use]
    pub fn to_id(self) -> SessionId {
        SessionId::from(self.0)
    }
}

impl<'a> From<&'a [u8]> for SessionIdRef<'a> {
    fn from(id: &'a [u8]) -> Self {
        Self(id)
    }
}

impl<'a> From<&'a SessionId> for SessionIdRef<'a> {
    fn from(id: &'a SessionId) -> Self {
        Self(id.as_bytes())
    }
}

impl AsRef<[u8]> for SessionIdRef<'_> {
    fn as_ref(&self) -> &[u8] {
        self.0
    }
}

impl PartialEq<str> for SessionIdRef<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for SessionIdRef<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<SessionId> for SessionIdRef<'_> {
    fn eq(&self, other: &SessionId) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Display for SessionIdRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                if c.is_control() || c == '\\' {
                    write!(f, "{}", c.escape_default())?;
                } else {
                    write!(f, "{c}")?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for SessionIdRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// As the text that `Display` shows.
#[cfg(feature = "serde")]
impl serde::Serialize for SessionIdRef<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Borrow;
    use std::collections::HashMap;
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

    use super::{Bytes, INLINE, SessionId, SessionIdRef};

    #[test]
    fn ids_of_every_length_come_back_whole() {
        for len in [0, 1, INLINE - 1, INLINE, INLINE + 1, 255, 256, 100_000] {
            let bytes: Vec<u8> = (0..=255).cycle().take(len).collect();
            assert_eq!(SessionId::from(&bytes[..]).as_bytes(), bytes);
        }
    }

    #[test]
    fn an_id_of_forty_bytes_is_held_inline_and_a_longer_one_is_not() {
        for len in [0, 1, INLINE, INLINE + 1, 255, 256] {
            let id = SessionId::from(&vec![7; len][..]);
            assert_eq!(matches!(id.0, Bytes::Inline { .. }), len <= INLINE, "{len}");
        }
    }

    #[test]
    fn ids_are_what_their_bytes_are() {
        let (one, other) = (SessionId::from("one"), SessionId::from("other"));
        let (one_ref, other_ref) = (SessionIdRef::from(&one), SessionIdRef::from(&other));
        assert!(one == one.clone() && one != other);
        assert!(one == *"one" && one != *"other" && one == "one" && one != "other");
        assert!(one_ref == *"one" && one_ref != *"other" && one_ref == "one" && one_ref != "other");
        assert!(one_ref == one && one_ref != other && one_ref != other_ref);
        assert_eq!((one.as_ref(), one_ref.as_ref()), (&b"one"[..], &b"one"[..]));
        assert_eq!(Borrow::<[u8]>::borrow(&one), b"one");
        assert_eq!(
            (format!("{one:?}"), format!("{one_ref:?}")),
            ("\"one\"".into(), "\"one\"".into())
        );
        // Found by its bytes: the hash is theirs, too.
        let map = HashMap::from([(one, 1), (other, 2)]);
        assert_eq!(
            (map.get(&b"one"[..]), map.get(&b"other"[..])),
            (Some(&1), Some(&2))
        );
    }

    #[test]
    fn an_id_is_hashed_by_its_bytes() {
        let hash = |id: &str| BuildHasherDefault::<DefaultHasher>::default().hash_one(SessionId::from(id));
        assert_eq!(hash("one"), hash("one"));
        assert_ne!(hash("one"), hash("other"));
    }

    #[test]
    fn an_id_is_no_larger_than_its_bytes_and_a_word() {
        assert!(size_of::<SessionId>() <= INLINE + 8);
    }

    #[test]
    fn inline_and_boxed_ids_order_alike() {
        let short = SessionId::from("a");
        let long = SessionId::from("a".repeat(50).as_str());
        assert!(short < long);
        assert_eq!(long, "a".repeat(50).as_str());
    }

    #[test]
    fn what_could_break_a_line_is_escaped() {
        assert_eq!(
            SessionId::from("a\tb\\c\u{7f}é").to_string(),
            "a\\tb\\\\c\\u{7f}é"
        );
    }
}
