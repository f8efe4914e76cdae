//! MPLS label stacks (RFC 3032).
//!
//! A stack does not say what follows it. As routers do for load balancing, the first four bits after it decide (RFC 4928,
//! section 3): 4 and 6 are IP, anything else is a pseudowire, which is not looked into.

use super::{Layer, Step};

/// The bit of an entry's third byte that marks the last label.
const BOTTOM_OF_STACK: u8 = 0x01;

/// Steps over all labels.
pub(super) fn open(mut data: &[u8]) -> Option<Step<'_>> {
    loop {
        let (label, rest) = data.split_first_chunk::<4>()?;
        data = rest;
        if label[2] & BOTTOM_OF_STACK != 0 {
            break;
        }
    }
    matches!(data.first()? >> 4, 4 | 6).then_some((Layer::Ip, data))
}
