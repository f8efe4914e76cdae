//! A configuration as text: a file that says the same, with every key.

use std::fmt::{self, Display, Write};

use super::{ListenerConfig, ProxyIn, RelayConfig, bitrate, span};
use crate::proxy::Version;

/// Shows a configuration as TOML, without its token and its webhook's secret.
#[derive(Debug)]
pub struct Listing<'a>(pub(super) &'a RelayConfig);

impl Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let relay = self.0;
        match &relay.history {
            Some(directory) => writeln!(f, "history = {}", quoted(&directory.display()))?,
            None => writeln!(f, "# history is not set: it is kept in memory")?,
        }
        writeln!(
            f,
            "persist_interval = {}",
            quoted(&span::show(relay.persist_interval))
        )?;
        writeln!(f, "drain_timeout = {}", quoted(&span::show(relay.drain_timeout)))?;
        writeln!(f, "metering = {}", relay.metering)?;
        match relay.threads {
            Some(threads) => writeln!(f, "threads = {threads}")?,
            None => writeln!(f, "threads = 0 # as many as there are cores")?,
        }
        writeln!(f, "log = {}", quoted(&relay.log))?;
        if let Some(admin) = &relay.admin {
            writeln!(f, "admin_listen = {}", quoted(&admin.listen))?;
            if admin.token.is_some() {
                writeln!(f, "# admin_token is set, and not shown")?;
            }
        } else {
            writeln!(f, "# admin_listen is not set: there is neither API nor metrics")?;
        }
        if let Some(webhook) = &relay.webhook {
            writeln!(f, "webhook_url = {}", quoted(&webhook.url))?;
            if webhook.secret.is_some() {
                writeln!(f, "# webhook_secret_file is set, and what it has is not shown")?;
            }
        } else {
            writeln!(
                f,
                "# webhook_url is not set: sessions that close are posted nowhere"
            )?;
        }
        relay.listeners.iter().try_for_each(|listener| show(f, listener))
    }
}

fn show(f: &mut fmt::Formatter<'_>, listener: &ListenerConfig) -> fmt::Result {
    let ListenerConfig { rules, .. } = listener;
    writeln!(f, "\n[[listener]]")?;
    writeln!(f, "name = {}", quoted(&listener.name))?;
    writeln!(f, "protocol = {}", quoted(&listener.protocol))?;
    writeln!(f, "listen = {}", quoted(&listener.listen))?;
    writeln!(f, "upstream = {}", quoted(&listener.upstream))?;
    writeln!(f, "reference = {}", quoted(&listener.reference))?;
    writeln!(f, "max_sessions = {}", rules.limits.max_sessions)?;
    for (key, bits) in [
        ("max_rx_bitrate", rules.limits.max_rx_bitrate),
        ("max_tx_bitrate", rules.limits.max_tx_bitrate),
        ("expected_rx_bitrate", rules.admission.expected_ingress),
        ("expected_tx_bitrate", rules.admission.expected_egress),
    ] {
        writeln!(f, "{key} = {}", quoted(&bitrate::show(bits)))?;
    }
    writeln!(f, "headroom = {:?}", rules.admission.headroom)?;
    writeln!(f, "block = {}", list(rules.access.block()))?;
    writeln!(f, "allow = {}", list(rules.access.allow()))?;
    for (key, duration) in [
        ("session_timeout", listener.session_timeout),
        ("inactive_timeout", listener.inactive_timeout),
        ("connect_timeout", listener.connect_timeout),
    ] {
        writeln!(f, "{key} = {}", quoted(&span::show(duration)))?;
    }
    writeln!(f, "buffer_bytes = {}", listener.buffer_bytes)?;
    writeln!(f, "max_clients = {}", listener.max_clients)?;
    writeln!(f, "udp_batching = {}", listener.udp_batching)?;
    match &listener.proxy_in {
        None => writeln!(f, "proxy_from = []")?,
        Some(ProxyIn {
            from,
            direct,
            timeout,
            max_waiting,
        }) => {
            writeln!(f, "proxy_from = {}", list(from.allow()))?;
            writeln!(f, "proxy_direct = {direct}")?;
            writeln!(f, "proxy_timeout = {}", quoted(&span::show(*timeout)))?;
            writeln!(f, "proxy_max_waiting = {max_waiting}")?;
        }
    }
    let version = match listener.proxy_out {
        None => "none",
        Some(Version::V1) => "v1",
        Some(Version::V2) => "v2",
    };
    writeln!(f, "proxy_out = {}", quoted(&version))
}

/// A basic string of TOML.
fn quoted(text: &dyn Display) -> String {
    let mut quoted = String::from('"');
    for sign in text.to_string().chars() {
        match sign {
            '"' | '\\' => quoted.extend(['\\', sign]),
            _ if sign.is_control() => {
                // Memory takes what is written to it.
                let _ = write!(quoted, "\\u{:04X}", u32::from(sign));
            }
            _ => quoted.push(sign),
        }
    }
    quoted.push('"');
    quoted
}

fn list(entries: &[String]) -> String {
    let entries: Vec<_> = entries.iter().map(|entry| quoted(entry)).collect();
    format!("[{}]", entries.join(", "))
}
