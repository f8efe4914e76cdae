//! Lists of networks, as they were written and as they are asked.

use std::net::IpAddr;

use streamgauge::{CidrError, CidrLimiter, IpLimiter};

/// Networks that are blocked, and networks that are allowed: blocked ones are out, and if there are allowed ones, all others.
#[derive(Clone, Debug, Default)]
pub struct AccessLists {
    block: Vec<String>,
    allow: Vec<String>,
    limiter: CidrLimiter,
}

impl AccessLists {
    /// Of these networks in CIDR notation. Two empty lists let everybody in.
    ///
    /// # Errors
    ///
    /// The first entry that is no network.
    pub fn new(block: &[String], allow: &[String]) -> Result<Self, CidrError> {
        Ok(Self {
            limiter: CidrLimiter::new(block, allow)?,
            block: block.to_vec(),
            allow: allow.to_vec(),
        })
    }

    /// The networks that are blocked.
    #[must_use]
    pub fn block(&self) -> &[String] {
        &self.block
    }

    /// The networks that are allowed.
    #[must_use]
    pub fn allow(&self) -> &[String] {
        &self.allow
    }

    /// Whether this address is let in. IPv4 in IPv6 is IPv4.
    #[must_use]
    pub fn is_allowed(&self, ip: IpAddr) -> bool {
        self.is_text_allowed(&ip.to_canonical().to_string())
    }

    pub(crate) fn is_text_allowed(&self, ip: &str) -> bool {
        self.limiter.is_allowed(ip)
    }
}

impl PartialEq for AccessLists {
    fn eq(&self, other: &Self) -> bool {
        self.block == other.block && self.allow == other.allow
    }
}
