//! The arguments of `streamgauge relay`.

use std::path::PathBuf;

use clap::Args;
use streamgauge_relay::config::{Setting, Sources};

const AFTER_HELP: &str = "Every option is also a key of the file, with underscores, and a variable of the environment: \
                          --max-sessions is max_sessions and STREAMGAUGE_RELAY_MAX_SESSIONS. Options win over variables, \
                          variables over the file. A listener of its own table in the file wins with what it says itself.\n\n\
                          Examples:\n  \
                          streamgauge relay --tcp 0.0.0.0:8080=192.0.2.1:80 --max-sessions 1000\n  \
                          streamgauge relay --config /etc/streamgauge/relay.toml --check\n\n\
                          Exit status: 0 if it was told to stop, or if --check found nothing wrong; 1 if it could not start, or \
                          a history could not be saved; 2 if the configuration is wrong, with a line on standard error for \
                          each thing that is.";

/// The arguments of `streamgauge relay`.
#[derive(Args, Debug, Default)]
#[command(after_help = AFTER_HELP)]
pub struct RelayArgs {
    /// Read this file, in TOML.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Check the configuration, print it as it would be run, and leave.
    #[arg(long)]
    pub check: bool,

    /// Take connections here and relay them there: `web@0.0.0.0:8080=192.0.2.1:80`. May be given more than once.
    #[arg(long, value_name = "[NAME@]LISTEN=UPSTREAM")]
    tcp: Vec<String>,

    /// Take datagrams here and relay them there. May be given more than once.
    #[arg(long, value_name = "[NAME@]LISTEN=UPSTREAM")]
    udp: Vec<String>,

    /// Keep histories in this directory, which is made if need be.
    #[arg(long, value_name = "DIR")]
    history: Option<String>,

    /// Write histories so often. Default: 1m.
    #[arg(long, value_name = "DURATION")]
    persist_interval: Option<String>,

    /// Let sessions go on for so long after the first signal to stop. Default: 30s.
    #[arg(long, value_name = "DURATION")]
    drain_timeout: Option<String>,

    /// Serve with so many threads. Default: one for each core.
    #[arg(long, value_name = "N")]
    threads: Option<String>,

    /// Log this much: error, warn, info, debug, or levels by target. Default: info.
    #[arg(long, value_name = "LEVEL")]
    log: Option<String>,

    /// Serve the API and the metrics here.
    #[arg(long, value_name = "IP:PORT")]
    admin_listen: Option<String>,

    /// Ask for the token in this file before anything is served there.
    #[arg(long, value_name = "FILE")]
    admin_token_file: Option<String>,

    /// Post sessions that close to this address, http:// or https://.
    #[arg(long, value_name = "URL")]
    webhook_url: Option<String>,

    /// Sign what is posted with the secret in this file.
    #[arg(long, value_name = "FILE")]
    webhook_secret_file: Option<String>,

    /// Meter nothing: no sessions, no limits, no history. To compare with.
    #[arg(long)]
    no_metering: bool,

    #[command(flatten)]
    listeners: ListenerArgs,
}

/// What goes for every listener.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "For every listener")]
struct ListenerArgs {
    /// Admit so many sessions at once. Default: no limit.
    #[arg(long, value_name = "N")]
    max_sessions: Option<String>,

    /// Admit while the top ingress bitrate is below: `20 Mbit/s`. Default: no limit.
    #[arg(long, value_name = "BITRATE")]
    max_rx_bitrate: Option<String>,

    /// Admit while the top egress bitrate is below. Default: no limit.
    #[arg(long, value_name = "BITRATE")]
    max_tx_bitrate: Option<String>,

    /// Expect a new session to take so much ingress. Default: 0.
    #[arg(long, value_name = "BITRATE")]
    expected_rx_bitrate: Option<String>,

    /// Expect a new session to take so much egress. Default: 0.
    #[arg(long, value_name = "BITRATE")]
    expected_tx_bitrate: Option<String>,

    /// Multiply the top bitrates by this before they are compared with the limits. Default: 1.0.
    #[arg(long, value_name = "FACTOR")]
    headroom: Option<String>,

    /// Refuse clients of this network. May be given more than once.
    #[arg(long, value_name = "CIDR")]
    block: Vec<String>,

    /// Refuse clients of all networks but this. May be given more than once.
    #[arg(long, value_name = "CIDR")]
    allow: Vec<String>,

    /// Close a session after so long without a byte. Default: 10m of TCP, 1m of UDP.
    #[arg(long, value_name = "DURATION")]
    session_timeout: Option<String>,

    /// Close a session after so long that has not moved its first byte. Default: 1m.
    #[arg(long, value_name = "DURATION")]
    inactive_timeout: Option<String>,

    /// Give the upstream so long to answer. Default: 5s.
    #[arg(long, value_name = "DURATION")]
    connect_timeout: Option<String>,

    /// Read so much of a connection at once. Default: 65536.
    #[arg(long, value_name = "BYTES")]
    buffer_bytes: Option<String>,

    /// Serve so many UDP clients at once. Default: 4096.
    #[arg(long, value_name = "N")]
    max_clients: Option<String>,

    /// Receive and send datagrams one by one.
    #[arg(long)]
    no_udp_batching: bool,

    /// Expect PROXY headers from this network, and no other clients. May be given more than once.
    #[arg(long, value_name = "CIDR")]
    proxy_from: Vec<String>,

    /// Take other clients, too, without a header.
    #[arg(long)]
    proxy_direct: bool,

    /// Give a PROXY header so long to arrive. Default: 5s.
    #[arg(long, value_name = "DURATION")]
    proxy_timeout: Option<String>,

    /// Let so many connections wait for their headers at once. Default: 1024.
    #[arg(long, value_name = "N")]
    proxy_max_waiting: Option<String>,

    /// Send the upstream a PROXY header: v1, v2 or none. Default: none.
    #[arg(long, value_name = "VERSION")]
    proxy_out: Option<String>,
}

impl RelayArgs {
    /// Where the configuration comes from: these, this process's environment, the file.
    #[must_use]
    pub fn sources(&self) -> Sources {
        let mut sources = Sources::default();
        sources.file.clone_from(&self.config);
        // One that is no text is none of ours.
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        };
        sources.variables = std::env::vars_os().filter_map(text).collect();
        let all = &self.listeners;
        let one = [
            ("history", &self.history),
            ("persist_interval", &self.persist_interval),
            ("drain_timeout", &self.drain_timeout),
            ("threads", &self.threads),
            ("log", &self.log),
            ("admin_listen", &self.admin_listen),
            ("admin_token_file", &self.admin_token_file),
            ("webhook_url", &self.webhook_url),
            ("webhook_secret_file", &self.webhook_secret_file),
            ("max_sessions", &all.max_sessions),
            ("max_rx_bitrate", &all.max_rx_bitrate),
            ("max_tx_bitrate", &all.max_tx_bitrate),
            ("expected_rx_bitrate", &all.expected_rx_bitrate),
            ("expected_tx_bitrate", &all.expected_tx_bitrate),
            ("headroom", &all.headroom),
            ("session_timeout", &all.session_timeout),
            ("inactive_timeout", &all.inactive_timeout),
            ("connect_timeout", &all.connect_timeout),
            ("buffer_bytes", &all.buffer_bytes),
            ("max_clients", &all.max_clients),
            ("proxy_timeout", &all.proxy_timeout),
            ("proxy_max_waiting", &all.proxy_max_waiting),
            ("proxy_out", &all.proxy_out),
        ];
        let one = one
            .into_iter()
            .filter_map(|(key, value)| Some((key, Setting::One(value.clone()?))));
        let lists = [
            ("tcp", &self.tcp),
            ("udp", &self.udp),
            ("block", &all.block),
            ("allow", &all.allow),
            ("proxy_from", &all.proxy_from),
        ];
        let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
        let lists = lists.map(|(key, list)| (key, Setting::List(list.clone())));
        let switch = |key, is_on: bool, value: &str| is_on.then(|| (key, Setting::One(value.to_owned())));
        let switches = [
            switch("metering", self.no_metering, "false"),
            switch("udp_batching", all.no_udp_batching, "false"),
            switch("proxy_direct", all.proxy_direct, "true"),
        ];
        sources.flags = one.chain(lists).chain(switches.into_iter().flatten()).collect();
        sources
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};
    use streamgauge_relay::config::KEYS;

    use super::*;
    use crate::args::{Cli, Command};

    #[test]
    fn every_key_at_the_top_has_a_flag_but_for_the_token_which_others_could_read() {
        let cli = Cli::command();
        let relay = cli.find_subcommand("relay").unwrap();
        let flags: Vec<_> = relay
            .get_arguments()
            .filter_map(|argument| argument.get_long())
            .collect();
        for key in KEYS.iter().filter(|key| key.is_at_top()) {
            let flag = match key.name {
                "metering" => "no-metering".to_owned(),
                "udp_batching" => "no-udp-batching".to_owned(),
                name => name.replace('_', "-"),
            };
            assert_eq!(
                flags.contains(&flag.as_str()),
                key.name != "admin_token",
                "{}",
                key.name
            );
        }
    }

    #[test]
    fn every_flag_reaches_its_key() {
        let mut arguments = vec!["streamgauge".to_owned(), "relay".to_owned()];
        let mut keys = Vec::new();
        for key in KEYS
            .iter()
            .filter(|key| key.is_at_top() && key.name != "admin_token")
        {
            keys.push(key.name);
            match key.name {
                "metering" => arguments.push("--no-metering".to_owned()),
                "udp_batching" => arguments.push("--no-udp-batching".to_owned()),
                "proxy_direct" => arguments.push("--proxy-direct".to_owned()),
                name => arguments.extend([format!("--{}", name.replace('_', "-")), format!("of {name}")]),
            }
        }
        let Command::Relay(args) = Cli::parse_from(arguments).command else {
            panic!("it is the relay that was asked for");
        };
        let flags = args.sources().flags;
        assert_eq!(flags.len(), keys.len());
        for (key, setting) in flags {
            assert!(keys.contains(&key), "{key}");
            let expected = match key {
                "metering" | "udp_batching" => Setting::One("false".to_owned()),
                "proxy_direct" => Setting::One("true".to_owned()),
                _ if KEYS.iter().any(|known| known.name == key && known.is_list) => {
                    Setting::List(vec![format!("of {key}")])
                }
                _ => Setting::One(format!("of {key}")),
            };
            assert_eq!(setting, expected);
        }
    }
}
