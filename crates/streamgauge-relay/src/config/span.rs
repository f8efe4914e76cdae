//! Durations as text: `30s`, `5m`, `1h 30m`, a number of seconds, `never`.

use std::time::Duration;

use jiff::SignedDuration;

const EXPECTED: &str = "expected a number of seconds, or units as in 30s, 5m, 1h 30m, or never";

/// A duration that is not 0. `never` is the longest there is.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if text == "never" {
        return Ok(Duration::MAX);
    }
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let parsed = if is_number {
        format!("{text}s").parse::<SignedDuration>()
    } else {
        text.parse()
    };
    match parsed.map(Duration::try_from) {
        Ok(Ok(Duration::ZERO)) => Err(format!("{text:?} is no time at all: {EXPECTED}")),
        Ok(Ok(duration)) => Ok(duration),
        _ => Err(format!("{text:?} is no duration: {EXPECTED}")),
    }
}

pub(super) fn show(duration: Duration) -> String {
    match SignedDuration::try_from(duration) {
        Ok(signed) => format!("{signed:#}"),
        Err(_) => "never".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_shown() {
        for (text, millis) in [
            ("30s", 30_000),
            ("5m", 300_000),
            ("1h 30m", 5_400_000),
            ("2.5", 2_500),
            ("250ms", 250),
        ] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse(text), Ok(duration), "{text}");
            assert_eq!(parse(&show(duration)), Ok(duration), "{text}");
        }
        assert_eq!(parse("never"), Ok(Duration::MAX));
        assert_eq!(show(Duration::MAX), "never");
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "0", "0s", "-5s", "5 parsecs", "s", ".", "1e99"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
