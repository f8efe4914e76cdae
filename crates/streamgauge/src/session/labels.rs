//! What a session is accounted under: reference, location, peer.

use std::sync::Arc;

/// What a location or peer becomes that is empty, or of which the cap leaves nothing.
const UNKNOWN: &str = "unknown";

/// The labels of one session, fixed at its registration.
#[derive(Debug, Clone)]
pub(crate) struct Labels {
    pub(crate) reference: Arc<str>,
    pub(crate) location: Arc<str>,
    pub(crate) peer: Arc<str>,
    /// How many of them were longer than allowed.
    pub(crate) cut: u64,
}

impl Labels {
    pub(crate) fn new(reference: &str, location: &str, peer: &str, max_bytes: usize) -> Self {
        let mut cut = 0;
        let mut label = |text: &str, empty: &str| -> Arc<str> {
            let kept = truncated(text, max_bytes);
            cut += u64::from(kept.len() < text.len());
            Arc::from(if kept.is_empty() { empty } else { kept })
        };
        Self {
            reference: label(reference, ""),
            location: label(location, UNKNOWN),
            peer: label(peer, UNKNOWN),
            cut,
        }
    }
}

/// The longest prefix of at most `max_bytes` that ends between characters.
pub(crate) fn truncated(text: &str, max_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(max_bytes)]
}

#[cfg(test)]
mod tests {
    use super::{Labels, truncated};

    #[test]
    fn labels_are_cut_between_characters() {
        assert_eq!(truncated("añb", 2), "a");
        assert_eq!(truncated("añb", 3), "añ");
        assert_eq!(truncated("añb", 99), "añb");
        let labels = Labels::new("0123456789", "x", "0123456789", 4);
        assert_eq!(
            (&*labels.reference, &*labels.location, &*labels.peer),
            ("0123", "x", "0123")
        );
        assert_eq!(labels.cut, 2);
    }

    #[test]
    fn empty_location_and_peer_are_unknown() {
        let labels = Labels::new("", "", "", 10);
        assert_eq!(
            (&*labels.reference, &*labels.location, &*labels.peer),
            ("", "unknown", "unknown")
        );
        assert_eq!(labels.cut, 0);
    }
}
