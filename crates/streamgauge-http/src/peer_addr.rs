//! The address at the other end of a connection.

use std::net::SocketAddr;

/// The address at the other end of the connection that a request came by, as an extension of the request: a client's, or
/// that of the last proxy.
///
/// [`WithConnection`](crate::WithConnection) and [`ConnectionContext`](crate::ConnectionContext) put it there; a program that has
/// it elsewhere, such as in axum's `ConnectInfo`, gives the layer a closure instead:
/// [`MeterLayer::peer_by`](crate::MeterLayer::peer_by).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PeerAddr(pub SocketAddr);
