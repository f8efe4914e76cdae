//! Who sent a packet to whom: the two ends that the outermost IP header names.

use std::net::IpAddr;

/// One end of a conversation.
///
/// The order of ends is that of IPv4 before IPv6, then the address as a number, then the port, none before any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The address.
    pub ip: IpAddr,
    /// The port, where the protocol has ports and the packet shows them.
    pub port: Option<u16>,
}

/// What a packet tells about the conversation it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// The IP protocol number, past the extension headers of IPv6.
    pub protocol: u8,
    /// The sender.
    pub source: Endpoint,
    /// The receiver.
    pub destination: Endpoint,
}
