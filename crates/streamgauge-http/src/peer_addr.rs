//! The address at the other end of a connection.

use std::net::SocketAddr;

/// The address at the other end of the connection that a request came by, as an extension of the request: a client's, or
/// that of the last proxy.
///
/// [`WithConnection`](crate::WithConnection) and [`ConnectionContext`](crate::ConnectionContext) put it there; a program that has
/// it elsewhere, such as in axum's `ConnectInfo`, says so by
/// [`MeterLayer::peer_from`](crate::MeterLayer::peer_from).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PeerAddr(pub SocketAddr);
