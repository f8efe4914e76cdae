//! The description of the API: a document that is kept by hand and held against the answers by a test.

use axum::body::Body;
use axum::http::Uri;
use axum::response::Response;

use crate::api::json_text;
use crate::problem::Problem;
use crate::query::Query;

/// The description of the API, OpenAPI 3.1, as `/api/v1/openapi.json` serves it.
pub const OPENAPI: &str = include_str!("openapi.json");

pub(crate) async fn document(uri: Uri) -> Result<Response, Problem> {
    Query::read(uri.query(), &[])?;
    Ok(json_text(Body::from(OPENAPI)))
}
