//! Addresses and networks, parsed by splitting text at its dots and colons, and compared as numbers.

/// An address. One of IPv4 that is written as IPv6 is one of IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Address {
    V4(u32),
    V6(u128),
}

/// An address and how many of its bits count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network {
    address: Address,
    length: u32,
}

/// The networks of a list, or which entry is none.
pub(super) fn networks<'a>(
    list: &'static str,
    entries: &[&'a str],
) -> Result<Vec<Network>, (&'static str, usize, &'a str)> {
    let mut networks = Vec::new();
    for (position, entry) in entries.iter().enumerate() {
        if !entry.trim().is_empty() {
            networks.push(network(entry.trim()).ok_or((list, position, *entry))?);
        }
    }
    Ok(networks)
}

/// The address that text is.
pub(super) fn address(text: &str) -> Option<Address> {
    if let Some(bits) = v4(text) {
        return Some(Address::V4(bits));
    }
    let bits = v6(text)?;
    Some(match u32::try_from(bits & 0xffff_ffff) {
        Ok(low) if bits >> 32 == 0xffff => Address::V4(low),
        _ => Address::V6(bits),
    })
}

fn network(text: &str) -> Option<Network> {
    let Some((before, after)) = text.split_once('/') else {
        let address = address(text)?;
        let length = if matches!(address, Address::V4(_)) {
            32
        } else {
            128
        };
        return Some(Network { address, length });
    };
    if let Some(bits) = v4(before) {
        let length = decimal(after).filter(|length| *length <= 32)?;
        let address = Address::V4(bits);
        return Some(Network { address, length });
    }
    let bits = v6(before)?;
    let length = decimal(after).filter(|length| *length <= 128)?;
    // A network of mapped addresses alone is one of IPv4; a larger one holds none that is asked about.
    Some(match address(before)? {
        address @ Address::V4(_) if length >= 96 => Network {
            address,
            length: length - 96,
        },
        _ => Network {
            address: Address::V6(bits),
            length,
        },
    })
}

impl Network {
    pub(super) fn holds(&self, address: Address) -> bool {
        match (self.address, address) {
            (Address::V4(own), Address::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - self.length).unwrap_or(0);
                own & mask == other & mask
            }
            (Address::V6(own), Address::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - self.length).unwrap_or(0);
                own & mask == other & mask
            }
            _ => false,
        }
    }

    /// Its first and last address, and those before and behind them.
    pub(super) fn edges(&self) -> Vec<Address> {
        match self.address {
            Address::V4(own) => {
                let mask = u32::MAX.checked_shl(32 - self.length).unwrap_or(0);
                let (first, last) = (own & mask, own | !mask);
                let edges = [first.wrapping_sub(1), first, last, last.wrapping_add(1)];
                edges.map(Address::V4).to_vec()
            }
            Address::V6(own) => {
                let mask = u128::MAX.checked_shl(128 - self.length).unwrap_or(0);
                let (first, last) = (own & mask, own | !mask);
                let edges = [first.wrapping_sub(1), first, last, last.wrapping_add(1)];
                // Mapped ones are asked about as what they are.
                let edges = edges.into_iter().filter(|bits| bits >> 32 != 0xffff);
                edges.map(Address::V6).collect()
            }
        }
    }
}

/// Four numbers below 256 with dots between, none with a 0 in front.
fn v4(text: &str) -> Option<u32> {
    let parts: Vec<&str> = text.split('.').collect();
    if parts.len() != 4 {
        return None;
    }
    let mut bits = 0;
    for part in parts {
        bits = bits << 8 | decimal(part).filter(|byte| *byte < 256)?;
    }
    Some(bits)
}

/// Eight groups of up to four hexadecimal digits; the last two may be an IPv4 address; once, groups of zeros may be `::`.
fn v6(text: &str) -> Option<u128> {
    let groups = match text.split_once("::") {
        None => groups(text, true)?,
        Some((before, behind)) => {
            let (before, behind) = (groups(before, false)?, groups(behind, true)?);
            let zeros = 8_usize
                .checked_sub(before.len() + behind.len())
                .filter(|zeros| *zeros > 0)?;
            [before, vec![0; zeros], behind].concat()
        }
    };
    (groups.len() == 8).then(|| {
        groups
            .iter()
            .fold(0, |bits, group| bits << 16 | u128::from(*group))
    })
}

fn groups(text: &str, may_end_in_v4: bool) -> Option<Vec<u16>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let parts: Vec<&str> = text.split(':').collect();
    let mut groups = Vec::new();
    for (n, part) in parts.iter().enumerate() {
        if may_end_in_v4 && n + 1 == parts.len() && part.contains('.') {
            let bits = v4(part)?;
            groups.push(u16::try_from(bits >> 16).ok()?);
            groups.push(u16::try_from(bits & 0xffff).ok()?);
            continue;
        }
        let is_hexadecimal = part.bytes().all(|byte| byte.is_ascii_hexdigit());
        if part.is_empty() || part.len() > 4 || !is_hexadecimal {
            return None;
        }
        groups.push(u16::from_str_radix(part, 16).ok()?);
    }
    Some(groups)
}

/// A decimal number of up to three digits, without a 0 in front.
fn decimal(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = text == "0" || !text.starts_with('0');
    (is_number && is_plain).then(|| text.parse().ok()).flatten()
}
