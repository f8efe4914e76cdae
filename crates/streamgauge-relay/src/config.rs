//! What a relay is to do, with everything checked.
//!
//! [`Sources`] makes a [`RelayConfig`] of flags, the environment and a file; a program that embeds the relay makes one by
//! hand. The parts that [`Relay::reload`](crate::Relay::reload) takes up while the relay runs are in [`Rules`] and
//! [`AdminConfig::token`]; all others are fixed when it starts.

mod access;
mod address;
mod bitrate;
mod key;
mod layers;
mod listing;
mod origin;
mod problem;
mod raw;
mod span;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use streamgauge::{Admission, Limits};
pub use streamgauge_webhook::WebhookConfig;

pub use self::access::AccessLists;
pub use self::address::{AddressError, Upstream};
pub use self::key::{KEYS, Key, Scope};
pub use self::layers::{Setting, Sources};
pub use self::listing::Listing;
pub use self::problem::{ConfigError, Problem};
use crate::proxy::Version;

/// What a relay is to do.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RelayConfig {
    /// Where clients are taken, and who serves them.
    pub listeners: Vec<ListenerConfig>,
    /// Where histories are kept. None: in memory, and gone with the process.
    pub history: Option<PathBuf>,
    /// How often histories are written.
    pub persist_interval: Duration,
    /// How long sessions may go on after the first signal to stop.
    pub drain_timeout: Duration,
    /// Whether sessions are metered. If not there are no sessions: nothing is counted, limited, shown or kept.
    pub metering: bool,
    /// Threads that serve. None: as many as there are cores.
    pub threads: Option<usize>,
    /// What is logged, as `tracing-subscriber` has it: a level, or levels by target.
    pub log: String,
    /// The API and the metrics. None: there is no such listener.
    pub admin: Option<AdminConfig>,
    /// Where sessions that close are posted. None: nowhere.
    pub webhook: Option<WebhookConfig>,
}

/// Where the API and the metrics are.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdminConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// What requests have to bear. Required where others than this host can reach `listen`.
    pub token: Option<String>,
}

/// Where clients are taken, and who serves them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ListenerConfig {
    /// The name of its collector: letters and digits.
    pub name: String,
    /// What clients speak.
    pub protocol: Protocol,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Who serves.
    pub upstream: Upstream,
    /// The reference that sessions are accounted under.
    pub reference: String,
    /// What may change while it runs.
    pub rules: Rules,
    /// How long a session lives without a byte.
    pub session_timeout: Duration,
    /// How long a session lives that has not moved its first byte.
    pub inactive_timeout: Duration,
    /// How long connecting to the upstream may take. TCP alone.
    pub connect_timeout: Duration,
    /// The most that is read at once, and so the most that is held of each direction of a connection whose receiver is slow. TCP
    /// alone.
    pub buffer_bytes: usize,
    /// How many UDP clients there may be at once, whatever the limits: each has a socket.
    pub max_clients: usize,
    /// Whether many datagrams are received and sent in one call, where the system can. UDP alone.
    pub udp_batching: bool,
    /// PROXY headers that come ahead of what clients send. None: none are expected.
    pub proxy_in: Option<ProxyIn>,
    /// The PROXY header that is sent to the upstream. None: none.
    pub proxy_out: Option<Version>,
}

/// What clients speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

/// Who is let in.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Rules {
    /// Sessions and bitrates that admissions keep to.
    pub limits: Limits,
    /// What a new session is expected to take of the bitrates.
    pub admission: Admission,
    /// Whose sessions are taken at all.
    pub access: AccessLists,
}

/// PROXY headers that come ahead of what clients send.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProxyIn {
    /// The proxies, which have to send one.
    pub from: AccessLists,
    /// Whether others than proxies may connect, as clients without a header.
    pub direct: bool,
    /// How long a header may take to arrive. TCP alone.
    pub timeout: Duration,
    /// How many connections may be without their header at once. TCP alone.
    pub max_waiting: usize,
}

impl RelayConfig {
    /// Of these listeners, with the defaults of all else.
    #[must_use]
    pub fn new(listeners: Vec<ListenerConfig>) -> Self {
        Self {
            listeners,
            history: None,
            persist_interval: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(30),
            metering: true,
            threads: None,
            log: "info".to_owned(),
            admin: None,
            webhook: None,
        }
    }

    /// As a file that says the same, with every key, without the token and the webhook's secret.
    #[must_use]
    pub fn listing(&self) -> Listing<'_> {
        Listing(self)
    }
}

impl ListenerConfig {
    /// Of this name and these addresses, with the defaults of all else.
    #[must_use]
    pub fn new(name: &str, protocol: Protocol, listen: SocketAddr, upstream: Upstream) -> Self {
        Self {
            name: name.to_owned(),
            protocol,
            listen,
            reference: upstream.to_string(),
            upstream,
            rules: Rules::default(),
            session_timeout: match protocol {
                Protocol::Tcp => Duration::from_secs(600),
                Protocol::Udp => Duration::from_secs(60),
            },
            inactive_timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(5),
            buffer_bytes: 64 * 1024,
            max_clients: 4096,
            udp_batching: true,
            proxy_in: None,
            proxy_out: None,
        }
    }
}

impl ProxyIn {
    /// From these proxies, with the defaults of all else.
    #[must_use]
    pub fn new(from: AccessLists) -> Self {
        Self {
            from,
            direct: false,
            timeout: Duration::from_secs(5),
            max_waiting: 1024,
        }
    }

    /// Whether a header has to come from this address.
    #[must_use]
    pub fn is_from(&self, ip: IpAddr) -> bool {
        self.from.is_allowed(ip)
    }
}

impl Protocol {
    /// As in a file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl AdminConfig {
    /// There, with this token or none.
    #[must_use]
    pub fn new(listen: SocketAddr, token: Option<String>) -> Self {
        Self { listen, token }
    }
}

/// Without the token.
impl fmt::Debug for AdminConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminConfig")
            .field("listen", &self.listen)
            .field("token", &self.token.as_ref().map(|_| "(hidden)"))
            .finish()
    }
}
