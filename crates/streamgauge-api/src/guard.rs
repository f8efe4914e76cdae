//! Who may ask: whoever has the token, or whoever sits at this machine.
//!
//! An [`Api`](crate::Api) is made with a guard, so that none can be forgotten, and there is none that lets everybody in.
//! What a refusal costs does not depend on what was sent: no body is read, nothing is looked up, and a token is compared
//! in a time that depends on its length alone.

mod loopback;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use crate::problem::Problem;

/// The shortest token, in bytes: 16 random ones of the 64 or so that a token is written with are 96 bits.
pub const MIN_TOKEN_BYTES: usize = 16;

/// Decides who may ask.
///
/// ```
/// use streamgauge_api::{Guard, GuardError};
///
/// assert!(Guard::token("cT8fV2mQ9sLx4wZa").is_ok());
/// assert_eq!(Guard::token("secret"), Err(GuardError::Short { bytes: 6 }));
///
/// let (inside, outside) = ("127.0.0.1:8080".parse()?, "0.0.0.0:8080".parse()?);
/// assert_eq!(Guard::bound_to(inside, None), Ok(Guard::loopback_only()));
/// assert_eq!(Guard::bound_to(outside, None), Err(GuardError::TokenRequired { address: outside }));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Guard(Kind);

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Token(Arc<str>),
    Loopback,
}

/// Why a guard cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GuardError {
    /// The token can be guessed.
    #[error(
        "the token has {bytes} bytes: give it {MIN_TOKEN_BYTES} or more, such as `openssl rand -hex 32` prints"
    )]
    Short {
        /// How many it has.
        bytes: usize,
    },
    /// The token cannot be sent.
    #[error(
        "byte {position} of the token, counted from 0, cannot stand in a header: use letters, digits and -._~+/="
    )]
    Character {
        /// Where in the token.
        position: usize,
    },
    /// Others than this machine reach the address, and there is no token.
    #[error("{address} can be reached from other machines: set a token, or bind to 127.0.0.1 or [::1]")]
    TokenRequired {
        /// The address.
        address: SocketAddr,
    },
}

impl Guard {
    /// Lets in who sends `Authorization: Bearer` with this token, from anywhere.
    ///
    /// # Errors
    ///
    /// When it has fewer than [`MIN_TOKEN_BYTES`] bytes, or one that a bearer token cannot have.
    pub fn token(token: &str) -> Result<Self, GuardError> {
        let is_sendable = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if let Some(position) = token.bytes().position(|byte| !is_sendable(byte)) {
            return Err(GuardError::Character { position });
        }
        if token.len() < MIN_TOKEN_BYTES {
            return Err(GuardError::Short { bytes: token.len() });
        }
        Ok(Self(Kind::Token(token.into())))
    }

    /// Lets in who connects from this machine and asks for it by a name of this machine; nobody who came through a proxy.
    ///
    /// The name matters because of browsers: a page from anywhere can have its own name resolve to 127.0.0.1 and then
    /// read what it asks there. It needs to know the peer: the router is to be served with
    /// `into_make_service_with_connect_info::<SocketAddr>()`, and refuses everything otherwise.
    #[must_use]
    pub fn loopback_only() -> Self {
        Self(Kind::Loopback)
    }

    /// The guard for an address that a program is about to be bound to: that of the token if there is one, and that of
    /// the loopback where no other machine reaches the address.
    ///
    /// # Errors
    ///
    /// When other machines reach the address and there is no token; when [`token`](Self::token) refuses it.
    pub fn bound_to(address: SocketAddr, token: Option<&str>) -> Result<Self, GuardError> {
        match token {
            Some(token) => Self::token(token),
            None if address.ip().to_canonical().is_loopback() => Ok(Self::loopback_only()),
            None => Err(GuardError::TokenRequired { address }),
        }
    }

    /// Puts the routes of another router behind this guard, such as a program's own `/metrics`. Its fallback is left out.
    ///
    /// Refusals are problems, as those of the API; answers say that they are not to be kept.
    pub fn protect<S>(&self, router: Router<S>) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        router.route_layer(from_fn_with_state(self.clone(), stand))
    }

    /// Whether a page from anywhere may be let in: not where being at this machine is all that it takes.
    pub(crate) fn allows_any_origin(&self) -> bool {
        matches!(self.0, Kind::Token(_))
    }

    fn check(&self, request: &Parts) -> Result<(), Problem> {
        match &self.0 {
            Kind::Token(token) => check_token(token, request),
            Kind::Loopback => loopback::check(request),
        }
    }
}

impl fmt::Debug for Guard {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::Token(_) => "Guard(token)",
            Kind::Loopback => "Guard(loopback)",
        })
    }
}

/// Answers in place of the API where a request is refused. All answers say that they are not to be kept.
async fn stand(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let mut response = match guard.check(&parts) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

fn check_token(token: &str, request: &Parts) -> Result<(), Problem> {
    let mut sent = request.headers.get_all(header::AUTHORIZATION).iter();
    let (Some(sent), None) = (sent.next(), sent.next()) else {
        return Err(refusal(
            "the request has no Authorization header, or several",
            r#"Bearer realm="streamgauge""#,
        ));
    };
    let is_right = bearer(sent).is_some_and(|sent| bool::from(sent.ct_eq(token.as_bytes())));
    if is_right {
        return Ok(());
    }
    Err(refusal(
        "the Authorization header does not have the token",
        r#"Bearer realm="streamgauge", error="invalid_token""#,
    ))
}

/// The token of `Bearer token`.
fn bearer(header: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = header.as_bytes().split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then(|| token.trim_ascii())
}

fn refusal(detail: &str, challenge: &'static str) -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "not authorized",
        detail,
        "header Authorization",
        "send the header \"Authorization: Bearer TOKEN\" with the token that the server was started with",
    )
    .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}
