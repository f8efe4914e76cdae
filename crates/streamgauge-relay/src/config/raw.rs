//! From values as they were written to a configuration that is checked.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::{Config, Value};
use serde::Deserialize;
use streamgauge_api::Guard;

use super::origin::{Origins, Place, origin_suffix};
use super::problem::Problems;
use super::{
    AccessLists, AdminConfig, ListenerConfig, Protocol, ProxyIn, RelayConfig, WebhookConfig, bitrate, span,
};
use crate::proxy::Version;

/// More threads than there are cores to run them, on any machine; and fewer than a system refuses, which would be a panic.
const MAX_THREADS: usize = 1024;

/// What is said of the relay as a whole.
#[derive(Deserialize)]
struct RawRelay {
    #[serde(default)]
    tcp: Vec<String>,
    #[serde(default)]
    udp: Vec<String>,
    #[serde(default)]
    listener: Vec<Value>,
    history: Option<PathBuf>,
    persist_interval: Option<String>,
    drain_timeout: Option<String>,
    metering: Option<bool>,
    threads: Option<usize>,
    log: Option<String>,
    admin_listen: Option<String>,
    admin_token: Option<String>,
    admin_token_file: Option<PathBuf>,
    webhook_url: Option<String>,
    webhook_secret_file: Option<PathBuf>,
}

/// What is said of a listener, or of all.
#[derive(Clone, Default, Deserialize)]
struct RawService {
    max_sessions: Option<u64>,
    max_rx_bitrate: Option<String>,
    max_tx_bitrate: Option<String>,
    expected_rx_bitrate: Option<String>,
    expected_tx_bitrate: Option<String>,
    headroom: Option<f64>,
    block: Option<Vec<String>>,
    allow: Option<Vec<String>>,
    session_timeout: Option<String>,
    inactive_timeout: Option<String>,
    connect_timeout: Option<String>,
    buffer_bytes: Option<usize>,
    max_clients: Option<usize>,
    udp_batching: Option<bool>,
    proxy_from: Option<Vec<String>>,
    proxy_direct: Option<bool>,
    proxy_timeout: Option<String>,
    proxy_max_waiting: Option<usize>,
    proxy_out: Option<String>,
}

/// What is said of a listener alone.
#[derive(Deserialize)]
struct RawListener {
    name: Option<String>,
    protocol: Option<String>,
    listen: Option<String>,
    upstream: Option<String>,
    reference: Option<String>,
}

/// Reads everything, and notes everything that is wrong.
pub(super) fn read(config: Config, file: Option<&Path>, problems: &mut Problems) -> RelayConfig {
    let mut relay = RelayConfig::new(Vec::new());
    let origins = Origins::of(&config.cache, file);
    let common = problems.note(
        "the configuration",
        config.clone().try_deserialize::<RawService>(),
    );
    let raw = problems.note("the configuration", config.try_deserialize::<RawRelay>());
    let (Some(common), Some(raw)) = (common, raw) else {
        return relay;
    };
    let mut listeners = Vec::new();
    for (protocol, entries) in [(Protocol::Tcp, &raw.tcp), (Protocol::Udp, &raw.udp)] {
        for entry in entries {
            let place = origins.place(protocol.as_str());
            if let Some((listener, place)) = short(entry, protocol, &place, problems) {
                listeners.push(apply(listener, &common, &Place::Top(&origins, place), problems));
            }
        }
    }
    for (at, table) in raw.listener.into_iter().enumerate() {
        // Tables come of the file alone.
        let file = file.map(|file| file.display().to_string());
        let place = format!("listener {}{}", at + 1, origin_suffix(file.as_deref()));
        if let Some(listener) = long(table, &common, &origins, &place, problems) {
            listeners.push(listener);
        }
    }
    relay.listeners = listeners;
    let duration = |key: &str, text: Option<String>, default: Duration, problems: &mut Problems| {
        let parsed = text.and_then(|text| problems.note(&origins.place(key), span::parse(&text)));
        parsed.unwrap_or(default)
    };
    relay.persist_interval = duration(
        "persist_interval",
        raw.persist_interval,
        relay.persist_interval,
        problems,
    );
    relay.drain_timeout = duration("drain_timeout", raw.drain_timeout, relay.drain_timeout, problems);
    relay.history = raw.history;
    if relay
        .history
        .as_ref()
        .is_some_and(|directory| directory.as_os_str().is_empty())
    {
        problems.add(origins.place("history"), "expected a directory");
    }
    relay.metering = raw.metering.unwrap_or(relay.metering);
    relay.threads = raw.threads.filter(|threads| *threads > 0);
    if relay.threads.is_some_and(|threads| threads > MAX_THREADS) {
        problems.add(
            origins.place("threads"),
            format!("expected {MAX_THREADS} at most"),
        );
    }
    relay.log = raw.log.unwrap_or(relay.log);
    let token = token(raw.admin_token, raw.admin_token_file, &origins, problems);
    relay.admin = admin(raw.admin_listen, token, &origins, problems);
    relay.webhook = webhook(raw.webhook_url, raw.webhook_secret_file, &origins, problems);
    check_whole(&relay, problems);
    relay
}

/// `[NAME@]LISTEN=UPSTREAM`.
fn short(
    entry: &str,
    protocol: Protocol,
    place: &str,
    problems: &mut Problems,
) -> Option<(ListenerConfig, String)> {
    let place = format!("{place}, {entry:?}");
    let Some((front, upstream)) = entry.split_once('=') else {
        problems.add(
            place,
            "expected [NAME@]LISTEN=UPSTREAM, as in web@0.0.0.0:8080=192.0.2.1:80",
        );
        return None;
    };
    let (name, listen) = match front.split_once('@') {
        Some((name, listen)) => (Some(name), listen),
        None => (None, front),
    };
    let listener = listener(name, protocol, listen, upstream, &place, problems)?;
    Some((listener, place))
}

/// A table of its own.
fn long(
    table: Value,
    common: &RawService,
    origins: &Origins,
    place: &str,
    problems: &mut Problems,
) -> Option<ListenerConfig> {
    let own = problems.note(place, table.clone().try_deserialize::<RawService>())?;
    let raw = problems.note(place, table.try_deserialize::<RawListener>())?;
    let protocol = match raw.protocol.as_deref() {
        None | Some("tcp") => Protocol::Tcp,
        Some("udp") => Protocol::Udp,
        Some(other) => {
            problems.add(
                format!("protocol of {place}"),
                format!("{other:?} is neither tcp nor udp"),
            );
            return None;
        }
    };
    let mut said = |key: &str, value: Option<String>| {
        value.or_else(|| {
            problems.add(place, format!("it has no {key}"));
            None
        })
    };
    let (listen, upstream) = (said("listen", raw.listen), said("upstream", raw.upstream));
    let (listen, upstream) = (listen?, upstream?);
    let mut listener = listener(raw.name.as_deref(), protocol, &listen, &upstream, place, problems)?;
    if let Some(reference) = raw.reference {
        listener.reference = reference;
    }
    // What all listeners are told, then what this one is told.
    let listener = apply(listener, common, &Place::Top(origins, place.to_owned()), problems);
    Some(apply(listener, &own, &Place::Own(place), problems))
}

fn listener(
    name: Option<&str>,
    protocol: Protocol,
    listen: &str,
    upstream: &str,
    place: &str,
    problems: &mut Problems,
) -> Option<ListenerConfig> {
    let listen = problems.note(
        &format!("listen of {place}"),
        listen.parse::<SocketAddr>().map_err(|_| {
            format!(
                "{listen:?} is no address to listen at: expected IP:PORT, as in 0.0.0.0:8080 or [::]:8080"
            )
        }),
    );
    let upstream = problems.note(
        &format!("upstream of {place}"),
        upstream.parse().map_err(|error| format!("{upstream:?}: {error}")),
    );
    let (listen, upstream) = (listen?, upstream?);
    let name = name.map_or_else(|| format!("{protocol}{}", listen.port()), str::to_owned);
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        problems.add(
            format!("name of {place}"),
            format!("{name:?} is no name of a collector: use one or more of 0-9, A-Z, a-z"),
        );
    }
    Some(ListenerConfig::new(&name, protocol, listen, upstream))
}

/// Sets what is said.
fn apply(
    mut listener: ListenerConfig,
    raw: &RawService,
    place: &Place<'_>,
    problems: &mut Problems,
) -> ListenerConfig {
    let limits = &mut listener.rules.limits;
    let admission = &mut listener.rules.admission;
    set(&mut limits.max_sessions, raw.max_sessions);
    for (bitrate, text, key) in [
        (&mut limits.max_rx_bitrate, &raw.max_rx_bitrate, "max_rx_bitrate"),
        (&mut limits.max_tx_bitrate, &raw.max_tx_bitrate, "max_tx_bitrate"),
        (
            &mut admission.expected_ingress,
            &raw.expected_rx_bitrate,
            "expected_rx_bitrate",
        ),
        (
            &mut admission.expected_egress,
            &raw.expected_tx_bitrate,
            "expected_tx_bitrate",
        ),
    ] {
        set(
            bitrate,
            parsed(text.as_ref(), bitrate::parse, key, place, problems),
        );
    }
    set(&mut admission.headroom, raw.headroom);
    if !(admission.headroom.is_finite() && admission.headroom >= 0.0) {
        problems.add(place.of("headroom"), "expected a number that is not negative");
    }
    for (duration, text, key) in [
        (
            &mut listener.session_timeout,
            &raw.session_timeout,
            "session_timeout",
        ),
        (
            &mut listener.inactive_timeout,
            &raw.inactive_timeout,
            "inactive_timeout",
        ),
        (
            &mut listener.connect_timeout,
            &raw.connect_timeout,
            "connect_timeout",
        ),
    ] {
        set(duration, parsed(text.as_ref(), span::parse, key, place, problems));
    }
    set(&mut listener.buffer_bytes, raw.buffer_bytes);
    if !(1024..=16 << 20).contains(&listener.buffer_bytes) {
        problems.add(place.of("buffer_bytes"), "expected 1024 to 16777216 bytes");
    }
    set(&mut listener.max_clients, raw.max_clients);
    set(&mut listener.udp_batching, raw.udp_batching);
    if raw.block.is_some() || raw.allow.is_some() {
        // Both together: who blocks more for one listener says, too, whom it allows.
        let empty = Vec::new();
        let lists = AccessLists::new(
            raw.block.as_ref().unwrap_or(&empty),
            raw.allow.as_ref().unwrap_or(&empty),
        );
        let key = |list| place.of(list);
        match lists {
            Ok(lists) => listener.rules.access = lists,
            Err(error) => problems.add(key(error.list), error.to_string()),
        }
    }
    proxy_in(&mut listener, raw, place, problems);
    match raw.proxy_out.as_deref() {
        None => {}
        Some("none") => listener.proxy_out = None,
        Some("v1") if listener.protocol == Protocol::Tcp => listener.proxy_out = Some(Version::V1),
        Some("v1") => problems.add(
            place.of("proxy_out"),
            format!("version 1 is for TCP alone: use v2 ({})", place.whole()),
        ),
        Some("v2") => listener.proxy_out = Some(Version::V2),
        Some(other) => problems.add(
            place.of("proxy_out"),
            format!("{other:?} is none of v1, v2, none"),
        ),
    }
    listener
}

fn proxy_in(listener: &mut ListenerConfig, raw: &RawService, place: &Place<'_>, problems: &mut Problems) {
    if let Some(from) = &raw.proxy_from {
        let networks = AccessLists::new(&[], from).map_err(|error| {
            format!(
                "entry {}, {:?}, is no network: expected 10.0.0.0/8 or 2001:db8::1",
                error.position, error.entry
            )
        });
        // An empty list is nobody, and not, as in a limiter, everybody.
        listener.proxy_in = if from.iter().all(|entry| entry.trim().is_empty()) {
            None
        } else {
            problems.note(&place.of("proxy_from"), networks).map(ProxyIn::new)
        };
    }
    let timeout = parsed(
        raw.proxy_timeout.as_ref(),
        span::parse,
        "proxy_timeout",
        place,
        problems,
    );
    let Some(proxy_in) = &mut listener.proxy_in else {
        return;
    };
    set(&mut proxy_in.direct, raw.proxy_direct);
    set(&mut proxy_in.timeout, timeout);
    set(&mut proxy_in.max_waiting, raw.proxy_max_waiting);
}

fn parsed<T>(
    text: Option<&String>,
    parse: impl Fn(&str) -> Result<T, String>,
    key: &str,
    place: &Place<'_>,
    problems: &mut Problems,
) -> Option<T> {
    text.and_then(|text| problems.note(&place.of(key), parse(text)))
}

fn set<T>(field: &mut T, said: Option<T>) {
    if let Some(said) = said {
        *field = said;
    }
}

fn token(
    said: Option<String>,
    file: Option<PathBuf>,
    origins: &Origins,
    problems: &mut Problems,
) -> Option<String> {
    let (token, place) = match (said, file) {
        (None, None) => return None,
        (Some(token), None) => (token, origins.place("admin_token")),
        (None, Some(path)) => {
            let place = format!("{}, {}", origins.place("admin_token_file"), path.display());
            (problems.note(&place, std::fs::read_to_string(&path))?, place)
        }
        (Some(_), Some(_)) => {
            problems.add(
                origins.place("admin_token_file"),
                "there is an admin_token, too: one of them is enough",
            );
            return None;
        }
    };
    let token = token.trim().to_owned();
    problems.note(&place, Guard::token(&token))?;
    Some(token)
}

fn admin(
    listen: Option<String>,
    token: Option<String>,
    origins: &Origins,
    problems: &mut Problems,
) -> Option<AdminConfig> {
    let listen = listen?;
    let place = origins.place("admin_listen");
    let parsed = listen.parse::<SocketAddr>().map_err(|_| {
        format!("{listen:?} is no address to listen at: expected IP:PORT, as in 127.0.0.1:9090")
    });
    let listen = problems.note(&place, parsed)?;
    if token.is_none() && !listen.ip().to_canonical().is_loopback() {
        problems.add(
            place,
            format!("{listen} can be reached from elsewhere and there is no token: set admin_token_file, or listen at 127.0.0.1"),
        );
    }
    Some(AdminConfig { listen, token })
}

fn webhook(
    url: Option<String>,
    secret_file: Option<PathBuf>,
    origins: &Origins,
    problems: &mut Problems,
) -> Option<WebhookConfig> {
    if url.is_none() && secret_file.is_some() {
        problems.add(
            origins.place("webhook_secret_file"),
            "there is no webhook_url that it is for",
        );
    }
    let mut webhook = WebhookConfig::new(&url?);
    let place = origins.place("webhook_url");
    problems.note(&place, webhook.check())?;
    if let Some(path) = secret_file {
        let place = format!("{}, {}", origins.place("webhook_secret_file"), path.display());
        let secret = problems.note(&place, std::fs::read_to_string(&path))?;
        webhook.secret = Some(secret.trim().to_owned());
        problems.note(&place, webhook.check())?;
    }
    Some(webhook)
}

/// What only shows when everything is there.
fn check_whole(relay: &RelayConfig, problems: &mut Problems) {
    if relay.listeners.is_empty() && problems.is_empty() {
        problems.add(
            "the configuration",
            "there is no listener: say tcp, udp or [[listener]]",
        );
    }
    let mut names = HashMap::new();
    let mut addresses = HashMap::new();
    if let Some(admin) = &relay.admin {
        addresses.insert((Protocol::Tcp, admin.listen), ());
    }
    for listener in &relay.listeners {
        if names.insert(&listener.name, ()).is_some() {
            problems.add(
                format!("listener {}", listener.name),
                "there is another one of this name",
            );
        }
        let is_chosen = listener.listen.port() != 0;
        if is_chosen
            && addresses
                .insert((listener.protocol, listener.listen), ())
                .is_some()
        {
            problems.add(
                format!("listener {}", listener.name),
                format!(
                    "another one, or the admin listener, is at {} {}",
                    listener.protocol, listener.listen
                ),
            );
        }
    }
}
