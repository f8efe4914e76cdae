//! Which addresses are metered at all.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// Decides by address whether a session may be opened.
///
/// [`Collector::is_collectable_ip`](crate::Collector::is_collectable_ip) asks it; text that is no IP address never
/// reaches it.
pub trait IpLimiter: Send + Sync {
    /// Whether traffic of this address is to be metered. `ip` parses as an IP address.
    fn is_allowed(&self, ip: &str) -> bool;
}

/// A limiter of two lists of networks: what is in the block list is refused; then, if there is an allow list, what is
/// not in it.
///
/// IPv4-mapped IPv6 addresses and networks are their IPv4.
///
/// ```
/// use streamgauge::{CidrLimiter, IpLimiter};
///
/// let limiter = CidrLimiter::new(&["10.0.0.0/8"], &["10.0.0.0/8", "2001:db8::/32"])?;
/// assert!(!limiter.is_allowed("10.1.2.3"));
/// assert!(!limiter.is_allowed("::ffff:10.1.2.3"));
/// assert!(limiter.is_allowed("2001:db8::1"));
/// assert!(!limiter.is_allowed("192.0.2.1"));
/// # Ok::<(), streamgauge::CidrError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct CidrLimiter {
    block: Vec<IpNet>,
    allow: Vec<IpNet>,
}

/// An entry of a list that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "entry {position} of the {list} list, {entry:?}, is no network: expected an address with a prefix length, such as 192.0.2.0/24 or 2001:db8::/32"
)]
#[non_exhaustive]
pub struct CidrError {
    /// Which list: "block" or "allow".
    pub list: &'static str,
    /// Where in the list, counted from 0.
    pub position: usize,
    /// The entry as it was given.
    pub entry: String,
}

impl CidrLimiter {
    /// A limiter of these networks in CIDR notation. Entries are trimmed, empty ones skipped; a bare address is a
    /// network of one.
    ///
    /// # Errors
    ///
    /// The first entry that is no network.
    pub fn new<S: AsRef<str>>(block: &[S], allow: &[S]) -> Result<Self, CidrError> {
        Ok(Self {
            block: networks("block", block)?,
            allow: networks("allow", allow)?,
        })
    }
}

impl IpLimiter for CidrLimiter {
    fn is_allowed(&self, ip: &str) -> bool {
        let Some(ip) = parse_ip(ip) else {
            return false;
        };
        let is_in = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&ip));
        !is_in(&self.block) && (self.allow.is_empty() || is_in(&self.allow))
    }
}

impl fmt::Display for CidrLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {:?}, allow {:?}", self.block, self.allow)
    }
}

/// The address that text stands for, IPv4-mapped IPv6 as IPv4.
pub(crate) fn parse_ip(text: &str) -> Option<IpAddr> {
    IpAddr::from_str(text).ok().map(|ip| ip.to_canonical())
}

fn networks<S: AsRef<str>>(list: &'static str, entries: &[S]) -> Result<Vec<IpNet>, CidrError> {
    let mut networks = Vec::with_capacity(entries.len());
    for (position, entry) in entries.iter().enumerate() {
        let text = entry.as_ref().trim();
        if text.is_empty() {
            continue;
        }
        let network = network(text).ok_or_else(|| CidrError {
            list,
            position,
            entry: entry.as_ref().to_owned(),
        })?;
        networks.push(network);
    }
    Ok(networks)
}

/// The address is read as addresses are everywhere else: ipnet's own parser takes octets with a 0 in front, which some
/// programs read as octal.
fn network(text: &str) -> Option<IpNet> {
    let network = match text.split_once('/') {
        Some((address, length)) => {
            IpNet::new(IpAddr::from_str(address).ok()?, prefix_length(length)?).ok()?
        }
        None => IpNet::from(IpAddr::from_str(text).ok()?),
    };
    // ::ffff:0:0/96 and what is below it are IPv4.
    if let IpNet::V6(v6) = network
        && let Some(v4) = v6.addr().to_ipv4_mapped()
        && v6.prefix_len() >= 96
    {
        return Ipv4Net::new(v4, v6.prefix_len() - 96).ok().map(IpNet::V4);
    }
    Some(network)
}

/// A prefix length: digits alone, without a 0 in front.
fn prefix_length(text: &str) -> Option<u8> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    is_plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::{CidrLimiter, IpLimiter};

    #[test]
    fn lists_are_trimmed_and_empty_entries_skipped() {
        let limiter = CidrLimiter::new(&["", " 10.0.0.0/8 "], &["  "]).unwrap();
        assert!(!limiter.is_allowed("10.0.0.1"));
        assert!(limiter.is_allowed("11.0.0.1"));
    }

    #[test]
    fn block_comes_before_allow() {
        let limiter = CidrLimiter::new(&["10.1.0.0/16"], &["10.0.0.0/8"]).unwrap();
        assert!(limiter.is_allowed("10.2.0.1"));
        assert!(!limiter.is_allowed("10.1.0.1"));
        assert!(!limiter.is_allowed("8.8.8.8"));
    }

    #[test]
    fn mapped_addresses_and_networks_are_ipv4() {
        let limiter = CidrLimiter::new(&["::ffff:10.0.0.0/104"], &[]).unwrap();
        assert!(!limiter.is_allowed("10.9.9.9"));
        assert!(!limiter.is_allowed("::ffff:10.9.9.9"));
        assert!(limiter.is_allowed("11.0.0.1"));
    }

    #[test]
    fn a_network_of_all_ipv6_is_no_ipv4_network() {
        let limiter = CidrLimiter::new(&["::/0"], &[]).unwrap();
        assert!(limiter.is_allowed("10.0.0.1"));
        assert!(!limiter.is_allowed("2001:db8::1"));
    }

    #[test]
    fn what_does_not_parse_is_not_allowed() {
        let limiter = CidrLimiter::default();
        for text in ["", "localhost", "1.2.3", "1.2.3.4:80", "01.2.3.4", "fe80::1%eth0"] {
            assert!(!limiter.is_allowed(text), "{text}");
        }
    }

    #[test]
    fn an_entry_that_is_no_network_is_named() {
        let error = CidrLimiter::new(&["10.0.0.0/8"], &["ok", "x"]).unwrap_err();
        assert_eq!(
            (error.list, error.position, error.entry.as_str()),
            ("allow", 0, "ok")
        );
        assert!(
            error.to_string().contains("entry 0 of the allow list, \"ok\""),
            "{error}"
        );
        assert!(CidrLimiter::new(&["10.0.0.0/33"], &[]).is_err());
    }

    #[test]
    fn a_number_that_could_be_octal_is_no_part_of_a_network() {
        for entry in [
            "010.0.0.0/8",
            "010.0.0.0",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "::1/064",
            "10.0.0.0/8/8",
            "/8",
            "::/129",
        ] {
            assert!(CidrLimiter::new(&[entry], &[]).is_err(), "{entry}");
        }
        assert!(CidrLimiter::new(&["10.0.0.0/0", "::/0", "10.0.0.0/10", "::1/128"], &[]).is_ok());
    }
}
