//! Who serves: a host and a port.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Who serves: an IP address or a name, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Ip(IpAddr),
    Name(String),
}

/// Text that names no upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// There is no port, or it is no number.
    #[error(
        "it has no port from 1 to 65535: expected HOST:PORT, as in 192.0.2.1:80, [2001:db8::1]:80 or origin.example:80"
    )]
    Port,
    /// The host is neither an address nor a name.
    #[error(
        "its host is neither an IP address, IPv6 in brackets, nor a name of letters, digits, dots and hyphens"
    )]
    Host,
}

impl Upstream {
    /// The address, where none has to be looked up.
    #[must_use]
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        match self.host {
            Host::Ip(ip) => Some(SocketAddr::new(ip, self.port)),
            Host::Name(_) => None,
        }
    }

    /// The name, where one has to be looked up.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.host {
            Host::Ip(_) => None,
            Host::Name(name) => Some(name),
        }
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl From<SocketAddr> for Upstream {
    fn from(address: SocketAddr) -> Self {
        Self {
            host: Host::Ip(address.ip()),
            port: address.port(),
        }
    }
}

impl FromStr for Upstream {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port) = text.rsplit_once(':').ok_or(AddressError::Port)?;
        let port = match port.parse::<u16>() {
            Ok(port) if port != 0 && port.to_string().len() == text.len() - host.len() - 1 => port,
            _ => return Err(AddressError::Port),
        };
        let host = match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
            Some(inner) => Host::Ip(IpAddr::V6(inner.parse().map_err(|_| AddressError::Host)?)),
            None => match host.parse() {
                Ok(ip) => Host::Ip(IpAddr::V4(ip)),
                Err(_) if is_name(host) => Host::Name(host.to_owned()),
                Err(_) => return Err(AddressError::Host),
            },
        };
        Ok(Self { host, port })
    }
}

/// Labels of letters, digits, hyphens and underscores; the last is no number, which would be a mistyped address.
fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let rooted = host.strip_suffix('.').unwrap_or(host);
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    host.len() <= 253 && rooted.split('.').all(is_label) && !rooted.rsplit('.').next().is_some_and(is_number)
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ip(ip) => write!(f, "{}", SocketAddr::new(*ip, self.port)),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_are_taken_and_shown_as_they_are() {
        for text in [
            "192.0.2.1:80",
            "[2001:db8::1]:65535",
            "localhost:1",
            "origin-1.example.com:443",
            "db_1:5432",
            "a.:80",
        ] {
            assert_eq!(
                text.parse::<Upstream>().map(|upstream| upstream.to_string()),
                Ok(text.to_owned())
            );
        }
    }

    #[test]
    fn what_is_no_upstream_is_refused() {
        for text in [
            "",
            "localhost",
            "192.0.2.1",
            "h:",
            "h:0",
            "h:65536",
            "h:+80",
            "h:080",
        ] {
            assert_eq!(text.parse::<Upstream>(), Err(AddressError::Port), "{text}");
        }
        for text in [
            ":80",
            "2001:db8::1",
            "a b:80",
            "2001:db8::1:80",
            "[192.0.2.1]:80",
            "[::1:80",
            "a..b:80",
            "192.0.2.256:80",
            "http://a:80",
        ] {
            assert_eq!(text.parse::<Upstream>(), Err(AddressError::Host), "{text}");
        }
    }
}
