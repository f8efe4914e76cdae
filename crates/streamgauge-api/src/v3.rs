//! What dashboards of the re-created system read: its names, its units of 1,024, and its numbers.
//!
//! Both answers may have a row for each of a million sessions. They are written piece by piece as they are read, from the
//! summaries that were there when the request came: see [`reply`].

mod number;
mod reply;
mod rows;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use futures_util::stream;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use streamgauge::Summary;

use self::reply::{Form, Reply};
use crate::api::{Shared, json_text};
use crate::problem::{Problem, shown};

/// Names the collectors that were asked for and are not there, percent-encoded and separated by commas.
pub(crate) const UNKNOWN_COLLECTORS: &str = "streamgauge-unknown-collectors";

/// What fits is written at once, with its length. In bytes.
const AT_ONCE: usize = 256 * 1024;

/// The most unknown names that are told.
const MAX_UNKNOWN: usize = 20;

/// The most bytes of an unknown name that are told.
const MAX_UNKNOWN_BYTES: usize = 64;

pub(crate) async fn summaries(State(shared): State<Arc<Shared>>, uri: Uri) -> Result<Response, Problem> {
    answer(&shared, &uri, Form::Summaries)
}

pub(crate) async fn active(State(shared): State<Arc<Shared>>, uri: Uri) -> Result<Response, Problem> {
    answer(&shared, &uri, Form::Active)
}

/// Parameters that are not known are passed over, as the re-created system does.
fn answer(shared: &Shared, uri: &Uri, form: Form) -> Result<Response, Problem> {
    let (summaries, unknown) = asked_for(shared, uri)?;
    let mut reply = Reply::new(form, summaries);
    let mut first = Vec::new();
    while first.len() < AT_ONCE {
        match reply.next() {
            Some(piece) => first.extend_from_slice(&piece),
            None => return Ok(with_unknown(json_text(Body::from(first)), &unknown)),
        }
    }
    let permit = Arc::clone(&shared.streamed).try_acquire_owned().map_err(|_| {
        Problem::busy(
            "as many large replies are under way as may be",
            "try again later, or ask for fewer collectors; /api/v1 has pages",
            HeaderValue::from_static("1"),
        )
    })?;
    let pieces = std::iter::once(first.into()).chain(reply).map(move |piece| {
        // Held until the last piece was asked for, or the client went.
        let _ = &permit;
        Ok::<_, std::convert::Infallible>(piece)
    });
    Ok(with_unknown(
        json_text(Body::from_stream(stream::iter(pieces))),
        &unknown,
    ))
}

/// The summaries of the collectors that are asked for, by name, and the names that there are none of.
#[expect(clippy::type_complexity, reason = "the two halves of one list")]
fn asked_for(shared: &Shared, uri: &Uri) -> Result<(Vec<(String, Arc<Summary>)>, Vec<String>), Problem> {
    let query = uri.query().unwrap_or_default();
    let values = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "collectors");
    let mut names: Vec<String> = Vec::new();
    for (_, value) in values {
        let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
        names.extend(parts.map(str::to_owned));
    }
    let asks_for_all = names.is_empty();
    if asks_for_all {
        names = shared.registry.collectors();
    }
    names.sort_unstable();
    names.dedup();
    let mut summaries = Vec::new();
    let mut unknown = Vec::new();
    for name in names {
        match shared.registry.collector(&name) {
            Some(collector) => summaries.push((name, collector.summary())),
            None => unknown.push(name),
        }
    }
    if summaries.is_empty() && !asks_for_all {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "unknown collector",
            format!("none of these collectors is there: {}", shown(&unknown.join(","))),
            "query parameter collectors",
            shared.names_there_are(),
        ));
    }
    Ok((summaries, unknown))
}

fn with_unknown(mut response: Response, unknown: &[String]) -> Response {
    let told: Vec<String> = unknown
        .iter()
        .take(MAX_UNKNOWN)
        .map(|name| {
            let cut = &name[..name.floor_char_boundary(MAX_UNKNOWN_BYTES)];
            utf8_percent_encode(cut, NON_ALPHANUMERIC).to_string()
        })
        .collect();
    if let Ok(value) = HeaderValue::from_str(&told.join(","))
        && !told.is_empty()
    {
        let name = HeaderName::from_static(UNKNOWN_COLLECTORS);
        response.headers_mut().insert(name, value);
    }
    response
}
