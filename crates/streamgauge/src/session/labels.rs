//! What a session is accounted under: reference, location, peer.

use crate::label::Label;

/// What a location or peer becomes that is empty, or of which the cap leaves nothing.
const UNKNOWN: &str = "unknown";

/// The labels of one session, fixed at its registration: three words.
#[derive(Debug, Clone)]
pub(crate) struct Labels {
    pub(crate) reference: Label,
    pub(crate) location: Label,
    pub(crate) peer: Label,
}

impl Labels {
    /// The labels that `label` makes of these texts, each cut at `max_bytes`; and how many of them were longer.
    pub(crate) fn new(
        reference: &str,
        location: &str,
        peer: &str,
        max_bytes: usize,
        label: impl Fn(&str) -> Label,
    ) -> (Self, u64) {
        let mut cut = 0;
        let mut label = |text: &str, empty: &str| {
            let kept = truncated(text, max_bytes);
            cut += u64::from(kept.len() < text.len());
            label(if kept.is_empty() { empty } else { kept })
        };
        let labels = Self {
            reference: label(reference, ""),
            location: label(location, UNKNOWN),
            peer: label(peer, UNKNOWN),
        };
        (labels, cut)
    }
}

impl Default for Labels {
    /// Empty ones, of one text: what a refused registration costs.
    fn default() -> Self {
        let empty = Label::default();
        Self {
            reference: empty.clone(),
            location: empty.clone(),
            peer: empty,
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
        let (labels, cut) = Labels::new("0123456789", "x", "0123456789", 4, |text| text.into());
        assert_eq!(
            (&*labels.reference, &*labels.location, &*labels.peer),
            ("0123", "x", "0123")
        );
        assert_eq!(cut, 2);
    }

    #[test]
    fn empty_location_and_peer_are_unknown() {
        let (labels, cut) = Labels::new("", "", "", 10, |text| text.into());
        assert_eq!(
            (&*labels.reference, &*labels.location, &*labels.peer),
            ("", "unknown", "unknown")
        );
        assert_eq!(cut, 0);
    }
}
