//! Whether a request comes from this machine, and means it.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};

use crate::problem::{Problem, shown};

/// What a proxy adds. The peer is then the proxy, and nobody knows who asks.
const OF_PROXIES: [&str; 5] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-real-ip",
    "via",
];

/// Refuses a request unless its peer is at a loopback address, it came through no proxy, and every host that it names is
/// a name of the loopback.
pub(super) fn check(request: &Parts) -> Result<(), Problem> {
    let Some(ConnectInfo(peer)) = request.extensions.get::<ConnectInfo<SocketAddr>>() else {
        return Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "peer unknown",
            "the guard lets in this machine alone, and the server does not say who is connected",
            "server",
            "serve the router with into_make_service_with_connect_info::<SocketAddr>()",
        ));
    };
    if !peer.ip().to_canonical().is_loopback() {
        return Err(refusal(
            "the request comes from another machine".to_owned(),
            "connection",
        ));
    }
    if let Some(name) = OF_PROXIES
        .iter()
        .find(|name| request.headers.contains_key(**name))
    {
        return Err(refusal(
            "the request came through a proxy".to_owned(),
            format!("header {name}"),
        ));
    }
    let authority = request.uri.authority().map(|authority| authority.as_str());
    let hosts = request.headers.get_all(header::HOST).iter();
    let mut named = authority
        .into_iter()
        .chain(hosts.map(|host| host.to_str().unwrap_or("(no text)")))
        .peekable();
    if named.peek().is_none() {
        return Err(refusal("the request names no host".to_owned(), "header Host"));
    }
    match named.find(|host| !is_loopback(host)) {
        Some(host) => Err(refusal(
            format!("{} is no name of this machine's loopback", shown(host)),
            "header Host",
        )),
        None => Ok(()),
    }
}

fn refusal(detail: String, place: impl Into<String>) -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "for this machine alone",
        detail,
        place,
        "ask from this machine for localhost, 127.0.0.1 or [::1], or have the server started with a token",
    )
}

/// Whether a host, with or without a port, is the loopback. Nobody else can have `localhost` or an address resolved
/// otherwise; what ends in `.localhost` is left out, since not every resolver keeps it.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && is_whole(name) => name,
        _ => host,
    };
    let address = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Whether what stands before a port is a host: an IPv6 address in no brackets has no port.
fn is_whole(name: &str) -> bool {
    !name.contains(':') || name.ends_with(']')
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn names_of_the_loopback() {
        for host in [
            "localhost",
            "LOCALHOST:80",
            "localhost:",
            "127.0.0.1",
            "127.0.0.1:8080",
            "127.9.9.9",
            "[::1]",
            "[::1]:8080",
            "::1",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert!(is_loopback(host), "{host}");
        }
    }

    #[test]
    fn other_names() {
        for host in [
            "",
            ":80",
            "example.org",
            "localhost.example.org",
            "127.0.0.1.example.org",
            "evil.localhost",
            "user@localhost",
            "10.0.0.1",
            "[2001:db8::1]:80",
            "localhost:80:80",
            "0177.0.0.1",
            "localhost\u{e9}",
            "[::1",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
