//! The keys of a configuration: what a file may say, and what variables and flags are called.

/// What the names of variables begin with.
pub(super) const VARIABLE_PREFIX: &str = "STREAMGAUGE_RELAY_";

/// A key of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Key {
    /// As in a file.
    pub name: &'static str,
    /// Where it may stand.
    pub scope: Scope,
    /// Whether it is a list. In a variable its entries stand between commas or spaces.
    pub is_list: bool,
}

/// Where a key may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// At the top.
    Relay,
    /// At the top, for every listener; in a listener, for that one.
    Both,
    /// In a listener.
    Listener,
}

const fn one(name: &'static str, scope: Scope) -> Key {
    Key {
        name,
        scope,
        is_list: false,
    }
}

const fn list(name: &'static str, scope: Scope) -> Key {
    Key {
        name,
        scope,
        is_list: true,
    }
}

/// Every key, but `listener`, whose tables have those of listeners.
pub const KEYS: &[Key] = &[
    list("tcp", Scope::Relay),
    list("udp", Scope::Relay),
    one("history", Scope::Relay),
    one("persist_interval", Scope::Relay),
    one("drain_timeout", Scope::Relay),
    one("metering", Scope::Relay),
    one("threads", Scope::Relay),
    one("log", Scope::Relay),
    one("admin_listen", Scope::Relay),
    one("admin_token", Scope::Relay),
    one("admin_token_file", Scope::Relay),
    one("webhook_url", Scope::Relay),
    one("webhook_secret_file", Scope::Relay),
    one("max_sessions", Scope::Both),
    one("max_rx_bitrate", Scope::Both),
    one("max_tx_bitrate", Scope::Both),
    one("expected_rx_bitrate", Scope::Both),
    one("expected_tx_bitrate", Scope::Both),
    one("headroom", Scope::Both),
    list("block", Scope::Both),
    list("allow", Scope::Both),
    one("session_timeout", Scope::Both),
    one("inactive_timeout", Scope::Both),
    one("connect_timeout", Scope::Both),
    one("buffer_bytes", Scope::Both),
    one("max_clients", Scope::Both),
    one("udp_batching", Scope::Both),
    list("proxy_from", Scope::Both),
    one("proxy_direct", Scope::Both),
    one("proxy_timeout", Scope::Both),
    one("proxy_max_waiting", Scope::Both),
    one("proxy_out", Scope::Both),
    one("name", Scope::Listener),
    one("protocol", Scope::Listener),
    one("listen", Scope::Listener),
    one("upstream", Scope::Listener),
    one("reference", Scope::Listener),
];

/// The tables of listeners.
pub(super) const LISTENER: &str = "listener";

impl Key {
    /// Whether it may stand at the top.
    #[must_use]
    pub fn is_at_top(&self) -> bool {
        self.scope != Scope::Listener
    }

    /// Whether it may stand in a listener.
    #[must_use]
    pub fn is_in_listener(&self) -> bool {
        self.scope != Scope::Relay
    }

    /// The variable of the environment that sets it at the top.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.name.to_ascii_uppercase())
    }
}

/// The known name that this one was meant to be: the nearest, if near.
pub(super) fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (strsim::damerau_levenshtein(unknown, name), name))
        .filter(|(distance, name)| *distance <= name.len().max(unknown.len()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_names_find_what_they_were_meant_to_be() {
        let names = || KEYS.iter().map(|key| key.name);
        assert_eq!(nearest("max_session", names()), Some("max_sessions"));
        assert_eq!(nearest("upstraem", names()), Some("upstream"));
        assert_eq!(nearest("blocked", names()), Some("block"));
        assert_eq!(nearest("colour", names()), None);
    }

    #[test]
    fn no_key_is_there_twice() {
        for (at, key) in KEYS.iter().enumerate() {
            assert!(
                KEYS[..at].iter().all(|other| other.name != key.name),
                "{}",
                key.name
            );
        }
    }
}
