//! IP protocol numbers and the names that reports show for them.

use std::borrow::Cow;

/// TCP, the first of the two protocols whose ports are part of a conversation.
pub const TCP: u8 = 6;
/// UDP, the other one.
pub const UDP: u8 = 17;

/// The name of an IP protocol, or its number in decimal where it has no name here.
///
/// The names are those of the reference files that reports are compared with.
///
/// # Examples
///
/// ```
/// assert_eq!(streamgauge_cli::protocol::name(6), "tcp");
/// assert_eq!(streamgauge_cli::protocol::name(254), "254");
/// ```
#[must_use]
pub fn name(protocol: u8) -> Cow<'static, str> {
    Cow::Borrowed(match protocol {
        1 => "icmp",
        2 => "igmp",
        4 => "ipip",
        TCP => "tcp",
        UDP => "udp",
        33 => "dccp",
        41 => "ipv6",
        46 => "rsvp",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        58 => "icmpv6",
        88 => "eigrp",
        89 => "ospf",
        103 => "pim",
        112 => "vrrp",
        132 => "sctp",
        136 => "udplite",
        other => return Cow::Owned(other.to_string()),
    })
}

/// Whether the ports of this protocol are part of a conversation's name.
#[must_use]
pub fn has_ports(protocol: u8) -> bool {
    matches!(protocol, TCP | UDP)
}
