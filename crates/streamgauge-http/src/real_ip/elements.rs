//! The elements of the lists that proxies append to, from the end, and the address in each.

use std::net::IpAddr;

/// The elements of one line of a header, the last one first, without spaces around them; empty ones are skipped.
#[derive(Debug)]
pub(super) struct Elements<'a> {
    rest: Option<&'a [u8]>,
    has_quotes: bool,
}

impl<'a> Elements<'a> {
    /// Of a line whose every comma is between two elements.
    pub(super) fn plain(line: &'a [u8]) -> Self {
        Self {
            rest: Some(line),
            has_quotes: false,
        }
    }

    /// Of a line with quoted texts, which may have commas in them.
    pub(super) fn quoted(line: &'a [u8]) -> Self {
        Self {
            rest: Some(line),
            has_quotes: true,
        }
    }

    /// Where the last comma is that is not in quotes.
    fn last_comma(&self, line: &[u8]) -> Option<usize> {
        let mut is_quoted = false;
        for (at, byte) in line.iter().enumerate().rev() {
            match byte {
                b'"' if self.has_quotes && !is_escaped(line, at) => is_quoted = !is_quoted,
                b',' if !is_quoted => return Some(at),
                _ => {}
            }
        }
        None
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let line = self.rest?;
            let element = match self.last_comma(line) {
                Some(comma) => {
                    self.rest = line.get(..comma);
                    line.get(comma + 1..).unwrap_or_default()
                }
                None => {
                    self.rest = None;
                    line
                }
            };
            let element = element.trim_ascii();
            if !element.is_empty() {
                return Some(element);
            }
        }
    }
}

/// Whether an odd number of backslashes stands before this place.
fn is_escaped(line: &[u8], at: usize) -> bool {
    let before = line.get(..at).unwrap_or_default();
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// The address of an element of `X-Forwarded-For`.
pub(super) fn x_forwarded_for(element: &[u8]) -> Option<IpAddr> {
    node_address(std::str::from_utf8(element).ok()?)
}

/// The address of an element of `Forwarded`: that of its one parameter `for`.
pub(super) fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let element = std::str::from_utf8(element).ok()?;
    let mut address = None;
    for pair in Pairs(element) {
        let (name, value) = pair?;
        if name.eq_ignore_ascii_case("for") {
            if address.is_some() {
                return None;
            }
            address = Some(node_address(value)?);
        }
    }
    address
}

/// The pairs of an element, `name=value;name="value"`: a name and what stands behind it, without quotes. A pair that is neither is
/// none, and the last.
struct Pairs<'a>(&'a str);

impl<'a> Iterator for Pairs<'a> {
    type Item = Option<(&'a str, &'a str)>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.0.trim_ascii_start();
        if text.is_empty() {
            return None;
        }
        // A pair may be left out, as in `for=a;;by=b`.
        if let Some(rest) = text.strip_prefix(';') {
            self.0 = rest;
            return self.next();
        }
        let pair = split_pair(text);
        self.0 = pair.map_or("", |(_, _, rest)| rest);
        Some(pair.map(|(name, value, _)| (name, value)))
    }
}

/// The first pair, and what stands behind it.
fn split_pair(text: &str) -> Option<(&str, &str, &str)> {
    let (name, behind) = text.split_once('=')?;
    if name.is_empty() || !name.bytes().all(is_token) {
        return None;
    }
    let (value, rest) = match behind.strip_prefix('"') {
        Some(quoted) => {
            let bytes = quoted.as_bytes();
            let quotes = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'"');
            let end = quotes.map(|(at, _)| at).find(|at| !is_escaped(bytes, *at))?;
            (quoted.get(..end)?, quoted.get(end + 1..)?)
        }
        None => {
            let end = behind.find(';').unwrap_or(behind.len());
            (behind.get(..end)?, behind.get(end..)?)
        }
    };
    let rest = rest.trim_ascii_start();
    (rest.is_empty() || rest.starts_with(';')).then_some((name, value.trim_ascii_end(), rest))
}

/// A character of a token: RFC 9110, 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The address of a node, RFC 7239, 6: `192.0.2.43`, `192.0.2.43:47011`, `[2001:db8::1]:_port`. Also `2001:db8::1`, as
/// `X-Forwarded-For` has it. No zone: it means nothing on another host.
fn node_address(node: &str) -> Option<IpAddr> {
    let address: IpAddr = match node.strip_prefix('[') {
        Some(bracketed) => {
            let (address, behind) = bracketed.split_once(']')?;
            let is_port = behind.is_empty() || behind.strip_prefix(':').is_some_and(is_port);
            IpAddr::V6(is_port.then(|| address.parse().ok()).flatten()?)
        }
        None => match node.parse() {
            Ok(address) => address,
            Err(_) => {
                let (address, port) = node.split_once(':')?;
                IpAddr::V4(is_port(port).then(|| address.parse().ok()).flatten()?)
            }
        },
    };
    Some(address.to_canonical())
}

/// A port, or an obfuscated one: RFC 7239, 6.
fn is_port(text: &str) -> bool {
    match text.strip_prefix('_') {
        Some(name) => !name.is_empty() && name.bytes().all(is_token),
        None => (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()),
    }
}
