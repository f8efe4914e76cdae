//! Which of the two formats a client gets.
//!
//! Negotiated as RFC 9110, 12.5.1 has it: each format is as welcome as the most specific range says that it falls under,
//! and the more welcome one is sent. Where both are equally welcome, OpenMetrics is sent to who named it, and text to who did
//! not: browsers and curl accept everything, and show text.
//!
//! The crate `mediatype`, which reads the header, is named here alone.

use mediatype::{MediaType, MediaTypeList, Name, ReadParams};

/// A format of Prometheus' pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// OpenMetrics text, 1.0.0.
    OpenMetrics,
    /// Prometheus' own text format, 0.0.4.
    Text,
}

impl Format {
    /// The format for a client that sent this `Accept` header, or none.
    ///
    /// Ranges that are not understood are passed over. A client that accepts neither format gets text, rather than an error:
    /// what asks for metrics can use them, mostly.
    ///
    /// ```
    /// use streamgauge_prometheus::Format;
    ///
    /// let prometheus = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    /// assert_eq!(Format::negotiate(Some(prometheus)), Format::OpenMetrics);
    /// assert_eq!(Format::negotiate(Some("*/*")), Format::Text);
    /// assert_eq!(Format::negotiate(None), Format::Text);
    /// ```
    #[must_use]
    pub fn negotiate(accept: Option<&str>) -> Self {
        let (mut open_metrics, mut text) = (Welcome::NONE, Welcome::NONE);
        for range in MediaTypeList::new(accept.unwrap_or_default()).flatten() {
            open_metrics.hear(&range, "application", "openmetrics-text", "1.0.0");
            text.hear(&range, "text", "plain", "0.0.4");
        }
        let is_named = open_metrics.specificity >= NAMED;
        let is_open_metrics = open_metrics.quality > text.quality
            || (is_named && open_metrics.quality > 0.0 && open_metrics.quality >= text.quality);
        if is_open_metrics {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }

    /// The value of the header `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// How specific a range is that names a media type, without a version.
const NAMED: u8 = 3;

/// How welcome a format is, by the most specific range so far.
struct Welcome {
    specificity: u8,
    quality: f64,
}

impl Welcome {
    const NONE: Self = Self {
        specificity: 0,
        quality: 0.0,
    };

    /// Takes a range into account, if the format falls under it.
    fn hear(&mut self, range: &MediaType<'_>, ty: &str, subtype: &str, version: &str) {
        if range.suffix.is_some() {
            return;
        }
        let is = |name: Name<'_>, other: &str| name.as_str().eq_ignore_ascii_case(other);
        let mut specificity = match (is(range.ty, ty), is(range.subty, subtype)) {
            (true, true) => NAMED,
            (true, false) if is(range.subty, "*") => 2,
            (false, _) if is(range.ty, "*") && is(range.subty, "*") => 1,
            _ => return,
        };
        // Other parameters do not tell formats apart: charsets, and how names are escaped that need no escaping.
        if let Some(asked) = parameter(range, "version") {
            if asked != version {
                return;
            }
            specificity += 1;
        }
        let quality = match parameter(range, "q") {
            None => 1.0,
            Some(text) => match text.parse() {
                Ok(quality) if (0.0..=1.0).contains(&quality) => quality,
                _ => return,
            },
        };
        if specificity > self.specificity {
            *self = Self { specificity, quality };
        }
    }
}

/// The value of a parameter, without quotes.
fn parameter(range: &MediaType<'_>, name: &str) -> Option<String> {
    let mut parameters = range.params();
    let (_, value) = parameters.find(|(key, _)| key.as_str().eq_ignore_ascii_case(name))?;
    Some(value.unquoted_str().into_owned())
}
