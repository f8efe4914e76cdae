//! Target: the text of networks and addresses.
//!
//! An input is lines: what begins with `-` is an entry of the block list, what begins with `+` one of the allow list, and
//! any other line is an address to ask about. The limiter has to accept the lists, name the entry that is no network, and
//! answer for each address as a second parser and plain arithmetic on numbers of 128 bits do. The addresses at the ends of
//! each network and next to them are asked about too, as are IPv4 addresses in IPv6's clothes.

mod oracle;
mod seeds;

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use streamgauge::{CidrLimiter, IpLimiter};

use self::oracle::{Address, Network};
use crate::target::Target;

/// The limiter by networks.
pub const TARGET: Target = Target {
    name: "cidr",
    run,
    seeds: seeds::all,
};

/// Entries of a list, and addresses, that are looked at.
const MOST_LINES: usize = 64;

fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let lines_of = |sign| -> Vec<&str> {
        let entries = text.split('\n').filter_map(|line| line.strip_prefix(sign));
        entries.take(MOST_LINES).collect()
    };
    let (block, allow) = (lines_of('-'), lines_of('+'));
    let expected = oracle::networks("block", &block)
        .and_then(|blocked| Ok((blocked, oracle::networks("allow", &allow)?)));
    let (limiter, (blocked, allowed)) = match (CidrLimiter::new(&block, &allow), expected) {
        (Ok(limiter), Ok(expected)) => (limiter, expected),
        (Err(error), Err((list, position, entry))) => {
            assert_eq!(
                (error.list, error.position, &*error.entry),
                (list, position, entry)
            );
            return;
        }
        (found, expected) => panic!("{found:?}, but {expected:?} is what the lists say"),
    };
    let ask = |text: &str| {
        let is_in = |networks: &[Network], address| networks.iter().any(|network| network.holds(address));
        let expected = oracle::address(text).is_some_and(|address| {
            !is_in(&blocked, address) && (allowed.is_empty() || is_in(&allowed, address))
        });
        assert_eq!(limiter.is_allowed(text), expected, "{text:?} of {limiter}");
    };
    let asked = text.split('\n').filter(|line| !line.starts_with(['-', '+']));
    asked.take(MOST_LINES).for_each(ask);
    for network in blocked.iter().chain(&allowed) {
        for address in network.edges() {
            spellings(address).iter().for_each(|text| ask(text));
        }
    }
}

/// An address in the ways it can be written.
fn spellings(address: Address) -> Vec<String> {
    match address {
        Address::V4(bits) => {
            let plain = Ipv4Addr::from(bits).to_string();
            let groups = format!("::ffff:{:x}:{:x}", bits >> 16, bits & 0xffff);
            vec![
                format!("::ffff:{plain}"),
                format!("0:0:0:0:0:ffff:{plain}"),
                groups,
                plain,
            ]
        }
        Address::V6(bits) => {
            let mut all = String::new();
            for group in (0..8).rev().map(|n| bits >> (16 * n) & 0xffff) {
                let _ = write!(all, "{}{group:04X}", if all.is_empty() { "" } else { ":" });
            }
            vec![Ipv6Addr::from(bits).to_string(), all]
        }
    }
}
