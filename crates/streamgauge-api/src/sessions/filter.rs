//! Which sessions a list has.

use std::net::IpAddr;

use ipnet::IpNet;
use streamgauge::{ActiveSession, peer_address};

use crate::problem::{Problem, shown};
use crate::query::Query;

/// What a session has to be, all at once.
#[derive(Debug, Default)]
pub(super) struct Filter {
    reference: Option<String>,
    location: Option<String>,
    peer: Option<String>,
    peer_prefix: Option<String>,
    peer_network: Option<IpNet>,
    extra: Option<String>,
    min_bytes: u64,
    min_bitrate: f64,
    min_rx_bitrate: f64,
    min_tx_bitrate: f64,
}

impl Filter {
    pub(super) fn read(query: &Query<'_>) -> Result<Self, Problem> {
        let text = |name| query.text(name).map(str::to_owned);
        let bitrate = |name| Ok::<_, Problem>(query.number(name, 0.0..=1e18)?.unwrap_or(0.0));
        Ok(Self {
            reference: text("reference"),
            location: text("location"),
            peer: text("peer"),
            peer_prefix: text("peer_prefix"),
            peer_network: query.text("peer_network").map(network).transpose()?,
            extra: text("extra"),
            min_bytes: query.number("min_bytes", 0..=u64::MAX)?.unwrap_or(0),
            min_bitrate: bitrate("min_bitrate")?,
            min_rx_bitrate: bitrate("min_rx_bitrate")?,
            min_tx_bitrate: bitrate("min_tx_bitrate")?,
        })
    }

    pub(super) fn takes(&self, session: &ActiveSession<'_>) -> bool {
        let is = |wanted: &Option<String>, text: &str| wanted.as_ref().is_none_or(|wanted| wanted == text);
        is(&self.reference, session.reference)
            && is(&self.location, session.location)
            && is(&self.peer, session.peer)
            && is(&self.extra, session.extra)
            && session.rx_bytes.saturating_add(session.tx_bytes) >= self.min_bytes
            && session.rx_bitrate + session.tx_bitrate >= self.min_bitrate
            && session.rx_bitrate >= self.min_rx_bitrate
            && session.tx_bitrate >= self.min_tx_bitrate
            && self
                .peer_prefix
                .as_ref()
                .is_none_or(|prefix| session.peer.starts_with(&**prefix))
            && self
                .peer_network
                .is_none_or(|network| peer_address(session.peer).is_some_and(|peer| holds(&network, peer)))
    }
}

fn holds(network: &IpNet, peer: IpAddr) -> bool {
    network.contains(&peer.to_canonical())
}

fn network(text: &str) -> Result<IpNet, Problem> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| {
        Problem::parameter(
            "peer_network",
            format!("{} is no network", shown(text)),
            "an address with a prefix length, such as 192.0.2.0/24 or 2001:db8::/32",
        )
    })
}
