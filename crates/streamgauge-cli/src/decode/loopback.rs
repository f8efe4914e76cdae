//! Loopback headers of the BSDs: four bytes of address family (<https://www.tcpdump.org/linktypes/LINKTYPE_NULL.html>).

use super::{Layer, Step};

/// `AF_INET`, the same everywhere.
const INET: u32 = 2;
/// `AF_INET6` of NetBSD and OpenBSD, FreeBSD, macOS, as the registry lists them.
const INET6: [u32; 3] = [24, 28, 30];

/// Steps over a family in the byte order of the machine that captured, which the file does not tell: families are small,
/// so the order that gives a small number is the right one.
pub(super) fn open_null(frame: &[u8]) -> Option<Step<'_>> {
    let (family, payload) = frame.split_first_chunk::<4>()?;
    let family = u32::from_le_bytes(*family).min(u32::from_be_bytes(*family));
    is_ip(family).then_some((Layer::Ip, payload))
}

/// Steps over a family in network byte order.
pub(super) fn open_loop(frame: &[u8]) -> Option<Step<'_>> {
    let (family, payload) = frame.split_first_chunk::<4>()?;
    is_ip(u32::from_be_bytes(*family)).then_some((Layer::Ip, payload))
}

fn is_ip(family: u32) -> bool {
    family == INET || INET6.contains(&family)
}
