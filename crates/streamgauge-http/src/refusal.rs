//! What a client is answered that is not let through.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use streamgauge::{AdmissionError, CloseReason, RefuseReason, SessionClosed, Verdict};

use crate::body::ResponseBody;

/// A response in place of the service's: a status, a text, and when to try again.
///
/// ```
/// use std::time::Duration;
/// use http::StatusCode;
/// use streamgauge_http::Refusal;
///
/// let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "One stream at a time, please.")
///     .retry_after(Duration::from_secs(30));
/// assert_eq!(refusal.status, StatusCode::TOO_MANY_REQUESTS);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// The body, as `text/plain`; a line end is put behind it.
    pub text: Cow<'static, str>,
    /// What `Retry-After` says, in whole seconds, rounded up; without it the header is left out.
    pub retry_after: Option<Duration>,
}

/// How long a client is asked to wait where a limit is reached: as long as a silent session lives by default.
const LIMIT_RETRY: Duration = Duration::from_secs(5);

impl Refusal {
    /// A refusal that says nothing of when to try again.
    #[must_use]
    pub fn new(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            text: text.into(),
            retry_after: None,
        }
    }

    /// The same, with a `Retry-After`.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// What is answered by default where the collector admits no session: 503, try again in 5 s. It names the limit that is
    /// reached, and no figure: how much a server can take is nothing for clients. An id that is empty or too long comes of
    /// the request: 400. A headroom that is no number is an error of the program: 500.
    #[must_use]
    pub fn of_limit(error: &AdmissionError) -> Self {
        let text = match error {
            AdmissionError::Sessions { .. } => "The limit of sessions is reached. Try again later.",
            AdmissionError::IngressBitrate { .. } => {
                "The limit of the incoming bitrate is reached. Try again later."
            }
            AdmissionError::EgressBitrate { .. } => {
                "The limit of the outgoing bitrate is reached. Try again later."
            }
            AdmissionError::Refused(RefuseReason::EmptyId | RefuseReason::IdTooLong) => {
                return Self::new(
                    StatusCode::BAD_REQUEST,
                    "The id of this session is empty or too long.",
                );
            }
            AdmissionError::Headroom => {
                return Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "The server's admission is misconfigured.",
                );
            }
            _ => "The server takes no further session now. Try again later.",
        };
        Self::new(StatusCode::SERVICE_UNAVAILABLE, text).retry_after(LIMIT_RETRY)
    }

    pub(crate) fn of_address() -> Self {
        Self::new(StatusCode::FORBIDDEN, "This address is not allowed here.")
    }

    /// What is answered where the session closes before the response begins.
    pub(crate) fn of_closed(SessionClosed(verdict): SessionClosed) -> Self {
        match verdict {
            Verdict::Closed(CloseReason::Unregistered) => {
                Self::new(StatusCode::FORBIDDEN, "This session was closed.")
            }
            Verdict::Closed(CloseReason::Inactive | CloseReason::TimedOut) => Self::new(
                StatusCode::REQUEST_TIMEOUT,
                "This session was silent for too long.",
            ),
            _ => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "The server takes no further session now. Try again later.",
            )
            .retry_after(LIMIT_RETRY),
        }
    }

    pub(crate) fn into_response<B>(self) -> Response<ResponseBody<B>> {
        let mut text = self.text.into_owned();
        text.push('\n');
        let mut response = Response::new(ResponseBody::text(Bytes::from(text)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        if let Some(after) = self.retry_after {
            let seconds = after
                .as_secs()
                .saturating_add(u64::from(after.subsec_nanos() > 0));
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
