//! Which routes there are: the table that the router is built from, and nothing else.

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::routing::{MethodRouter, any, delete, get};

use crate::api::Shared;
use crate::problem::{Problem, shown};
use crate::{collectors, events, history, openapi, sessions, v3};

/// A request that there is an answer to.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Route {
    /// Its method.
    pub method: &'static str,
    /// Its path, with the names of parameters in braces.
    pub path: &'static str,
    handler: fn() -> MethodRouter<Arc<Shared>>,
}

/// All routes of an [`Api`](crate::Api).
pub const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        path: "/api/v1/collectors",
        handler: || get(collectors::all),
    },
    Route {
        method: "GET",
        path: "/api/v1/collectors/{collector}",
        handler: || get(collectors::one),
    },
    Route {
        method: "GET",
        path: "/api/v1/collectors/{collector}/sessions",
        handler: || get(sessions::list),
    },
    Route {
        method: "DELETE",
        path: "/api/v1/collectors/{collector}/sessions/{session}",
        handler: || delete(sessions::close),
    },
    Route {
        method: "GET",
        path: "/api/v1/collectors/{collector}/history",
        handler: || get(history::ranked),
    },
    Route {
        method: "GET",
        path: "/api/v1/events",
        handler: || get(events::stream),
    },
    Route {
        method: "GET",
        path: "/api/v1/openapi.json",
        handler: || get(openapi::document),
    },
    Route {
        method: "GET",
        path: "/api/v3/session",
        handler: || get(v3::summaries),
    },
    Route {
        method: "GET",
        path: "/api/v3/session/active",
        handler: || get(v3::active),
    },
];

/// The router of the table. What else is below its prefixes gets a problem: a fallback would not, in a program's router
/// that has one of its own.
pub(crate) fn router() -> Router<Arc<Shared>> {
    let router = ROUTES.iter().fold(Router::new(), |router, route| {
        router.route(route.path, (route.handler)())
    });
    let elsewhere = [
        "/api/v1",
        "/api/v1/",
        "/api/v1/{*rest}",
        "/api/v3",
        "/api/v3/",
        "/api/v3/{*rest}",
    ];
    elsewhere
        .into_iter()
        .fold(router, |router, path| router.route(path, any(nothing_here)))
        .method_not_allowed_fallback(not_so)
}

async fn nothing_here(uri: Uri) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no such path",
        format!("there is nothing at {}", shown(uri.path())),
        "path",
        "GET /api/v1/openapi.json lists what there is; a slash within an id is written %2F",
    )
}

async fn not_so(method: Method, uri: Uri) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method not allowed",
        format!("{} is not for {}", shown(method.as_str()), shown(uri.path())),
        "method",
        "the header Allow lists the methods; GET /api/v1/openapi.json says what they do",
    )
}
