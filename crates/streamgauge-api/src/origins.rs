//! Which pages of other servers may ask, as browsers have it (CORS). The one file that names tower-http.

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::guard::Guard;

/// An origin that cannot be allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// It is no origin.
    #[error(
        "{origin:?} is no origin: expected a scheme and a host, with a port where it is not the scheme's, such as https://dashboard.example.org"
    )]
    Invalid {
        /// The origin as it was given.
        origin: String,
    },
    /// Any origin, where being at the machine is all that it takes to be let in.
    #[error("\"*\" lets every page that is open at this machine ask: name the origins, or set a token")]
    Any,
}

/// Checks a list of origins: `scheme://host[:port]` in lower case as browsers send it, or `*` where a token is asked for.
pub(crate) fn check(origins: &[String], guard: &Guard) -> Result<Vec<HeaderValue>, OriginError> {
    origins
        .iter()
        .map(|origin| {
            if origin == "*" {
                return if guard.allows_any_origin() {
                    Ok(HeaderValue::from_static("*"))
                } else {
                    Err(OriginError::Any)
                };
            }
            let invalid = || OriginError::Invalid {
                origin: origin.clone(),
            };
            let host = origin
                .strip_prefix("https://")
                .or_else(|| origin.strip_prefix("http://"))
                .ok_or_else(invalid)?;
            let is_of_one =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._:[]".contains(&byte);
            if host.is_empty() || !host.bytes().all(is_of_one) {
                return Err(invalid());
            }
            HeaderValue::from_str(origin).map_err(|_| invalid())
        })
        .collect()
}

/// The layer that answers preflights, before any guard is asked: they carry no token.
pub(crate) fn layer(origins: Vec<HeaderValue>) -> CorsLayer {
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins)
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, HeaderName::from_static("last-event-id")])
        .expose_headers([
            HeaderName::from_static(crate::v3::UNKNOWN_COLLECTORS),
            header::RETRY_AFTER,
        ])
}

#[cfg(test)]
mod tests {
    use super::{OriginError, check};
    use crate::guard::Guard;

    fn error(origin: &str, guard: &Guard) -> Option<OriginError> {
        check(&[origin.to_owned()], guard).err()
    }

    #[test]
    fn origins_are_as_browsers_send_them() {
        let guard = Guard::loopback_only();
        for origin in ["https://example.org", "http://localhost:3000", "http://[::1]:80"] {
            assert_eq!(error(origin, &guard), None, "{origin}");
        }
        for origin in [
            "",
            "null",
            "example.org",
            "https://",
            "https://example.org/",
            "https://Example.org",
            "https://a b",
            "ftp://x",
        ] {
            let invalid = OriginError::Invalid {
                origin: origin.to_owned(),
            };
            assert_eq!(error(origin, &guard), Some(invalid), "{origin}");
        }
    }

    #[test]
    fn any_origin_needs_a_token() {
        assert_eq!(error("*", &Guard::loopback_only()), Some(OriginError::Any));
        assert_eq!(error("*", &Guard::token("0123456789abcdef").unwrap()), None);
    }
}
