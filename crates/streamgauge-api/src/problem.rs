//! What an error is answered with: a problem as RFC 9457 has it, that says what is wrong, where, and how to mend it.

use std::borrow::Cow;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// The most of what a client sent that a problem repeats, in characters.
const MAX_REPEATED: usize = 100;

/// An error, on its way to a client.
#[derive(Debug)]
pub(crate) struct Problem {
    // Boxed: it is the rare half of every result here.
    body: Box<Body>,
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

#[derive(Debug, Serialize)]
struct Body {
    #[serde(serialize_with = "number")]
    status: StatusCode,
    /// What is wrong, in the same words each time.
    title: &'static str,
    /// What is wrong this time.
    detail: String,
    /// The part of the request, or of the program, that is at fault.
    r#where: String,
    /// How to mend it.
    mend: Cow<'static, str>,
}

fn number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        title: &'static str,
        detail: impl Into<String>,
        place: impl Into<String>,
        mend: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            body: Box::new(Body {
                status,
                title,
                detail: detail.into(),
                r#where: place.into(),
                mend: mend.into(),
            }),
            header: None,
        }
    }

    /// A query parameter that cannot be followed.
    pub(crate) fn parameter(
        name: &str,
        detail: impl Into<String>,
        mend: impl Into<Cow<'static, str>>,
    ) -> Self {
        let place = format!("query parameter {}", shown(name));
        Self::new(StatusCode::BAD_REQUEST, "invalid parameter", detail, place, mend)
    }

    /// What the program itself cannot do now.
    pub(crate) fn busy(detail: impl Into<String>, mend: &'static str, retry_after: HeaderValue) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too busy",
            detail,
            "server",
            mend,
        )
        .with_header(header::RETRY_AFTER, retry_after)
    }

    /// A task of the server's own that ended before its time: it panicked, or the runtime is shutting down.
    pub(crate) fn interrupted() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "interrupted",
            "the server gave this request up before it was done",
            "server",
            "try again; if it happens again, the server's log says why",
        )
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some(Box::new((name, value)));
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // Nothing in it can fail to be written: an empty body would still have its status.
        let body = serde_json::to_vec(&self.body).unwrap_or_default();
        let mut response = Response::new(body.into());
        *response.status_mut() = self.body.status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(header) = self.header {
            headers.insert(header.0, header.1);
        }
        response
    }
}

/// What a client sent, quoted, and cut where it is long.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_REPEATED) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
