//! Configurations: where they come from, who wins, and what is wrong with them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use streamgauge_relay::config::{Protocol, RelayConfig, Setting, Sources};
use streamgauge_relay::proxy::Version;

fn of_file(text: &str) -> (tempfile::TempDir, Sources) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("relay.toml");
    fs::write(&path, text).unwrap();
    let sources = Sources {
        file: Some(path),
        ..Sources::default()
    };
    (directory, sources)
}

/// The problems, without the directory of the file.
fn problems(sources: &Sources, directory: &Path) -> Vec<String> {
    let error = sources.load().unwrap_err();
    let shown = error.problems().iter().map(ToString::to_string);
    let prefix = format!("{}/", directory.display());
    shown.map(|problem| problem.replace(&prefix, "")).collect()
}

const LISTENER: &str =
    "[[listener]]\nname = \"web\"\nlisten = \"127.0.0.1:8080\"\nupstream = \"origin:80\"\n";

#[test]
fn flags_win_over_variables_and_these_over_the_file() {
    let (_directory, mut sources) = of_file(&format!(
        "max_sessions = 1\nheadroom = 1.5\nblock = [\"192.0.2.0/24\"]\n{LISTENER}"
    ));
    let sessions = |sources: &Sources| sources.load().unwrap().listeners[0].rules.limits.max_sessions;
    assert_eq!(sessions(&sources), 1);
    sources
        .variables
        .push(("STREAMGAUGE_RELAY_MAX_SESSIONS".to_owned(), "2".to_owned()));
    sources.variables.push((
        "STREAMGAUGE_RELAY_BLOCK".to_owned(),
        "10.0.0.0/8, 2001:db8::/32".to_owned(),
    ));
    sources
        .variables
        .push(("STREAMGAUGE_OTHER".to_owned(), "none of ours".to_owned()));
    assert_eq!(sessions(&sources), 2);
    sources.flags.push(("max_sessions", Setting::One("3".to_owned())));
    assert_eq!(sessions(&sources), 3);
    let rules = sources.load().unwrap().listeners.remove(0).rules;
    assert_eq!(rules.access.block(), ["10.0.0.0/8", "2001:db8::/32"]);
    assert!((rules.admission.headroom - 1.5).abs() < f64::EPSILON);
}

#[test]
fn a_listener_wins_with_what_it_says_itself() {
    let (_directory, sources) = of_file(&format!(
        "max_sessions = 1\nsession_timeout = \"5m\"\ntcp = [\"127.0.0.1:81=b:1\"]\nudp = [\"dns@127.0.0.1:53=b:1\"]\n{LISTENER}max_sessions = 7\nproxy_out = \"v2\"\n"
    ));
    let config = sources.load().unwrap();
    let shown: Vec<_> = config
        .listeners
        .iter()
        .map(|listener| {
            (
                listener.name.as_str(),
                listener.protocol,
                listener.rules.limits.max_sessions,
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("tcp81", Protocol::Tcp, 1),
            ("dns", Protocol::Udp, 1),
            ("web", Protocol::Tcp, 7)
        ]
    );
    assert!(
        config
            .listeners
            .iter()
            .all(|listener| listener.session_timeout == Duration::from_secs(300))
    );
    assert_eq!(config.listeners[2].proxy_out, Some(Version::V2));
    assert_eq!(config.listeners[0].proxy_out, None);
}

#[test]
fn unknown_keys_are_named_with_their_place_and_the_nearest_known_one() {
    let (directory, mut sources) = of_file(&format!(
        "max_session = 1\ncolour = 1\n{LISTENER}upstraem = \"x\"\nhistory = \"x\"\n"
    ));
    sources
        .variables
        .push(("STREAMGAUGE_RELAY_LOGS".to_owned(), "x".to_owned()));
    assert_eq!(
        problems(&sources, directory.path()),
        [
            "colour in relay.toml: there is no such key",
            "max_session in relay.toml: there is no such key; is it max_sessions?",
            "history of listener 1 in relay.toml: there is no such key",
            "upstraem of listener 1 in relay.toml: there is no such key; is it upstream?",
            "STREAMGAUGE_RELAY_LOGS: there is no such variable; is it STREAMGAUGE_RELAY_LOG?",
        ]
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_where_it_was_said() {
    let (directory, mut sources) = of_file(&format!(
        "persist_interval = \"soon\"\n{LISTENER}session_timeout = 0\nallow = [\"x\"]\nproxy_out = \"v3\"\n[[listener]]\nname = \"web\"\nprotocol = \"udp\"\nlisten = \"[::1]:1\"\nupstream = \"b:1\"\nproxy_out = \"v1\"\nbuffer_bytes = 1\n"
    ));
    sources
        .variables
        .push(("STREAMGAUGE_RELAY_MAX_RX_BITRATE".to_owned(), "fast".to_owned()));
    sources
        .flags
        .push(("admin_listen", Setting::One("0.0.0.0:9090".to_owned())));
    let found = problems(&sources, directory.path());
    let expected = [
        "STREAMGAUGE_RELAY_MAX_RX_BITRATE: \"fast\" is no bitrate",
        "session_timeout of listener 1 in relay.toml: \"0\" is no time at all",
        "allow of listener 1 in relay.toml: entry 0 of the allow list, \"x\", is no network",
        "proxy_out of listener 1 in relay.toml: \"v3\" is none of v1, v2, none",
        "STREAMGAUGE_RELAY_MAX_RX_BITRATE: \"fast\" is no bitrate",
        "buffer_bytes of listener 2 in relay.toml: expected 1024 to 16777216 bytes",
        "proxy_out of listener 2 in relay.toml: version 1 is for TCP alone",
        "persist_interval in relay.toml: \"soon\" is no duration",
        "--admin-listen: 0.0.0.0:9090 can be reached from elsewhere and there is no token",
        "listener web: there is another one of this name",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found:?} begins with {expected:?}");
    }
}

#[test]
fn values_of_another_kind_and_text_that_is_no_toml_are_told_with_their_place() {
    let (directory, sources) = of_file(&format!("{LISTENER}max_sessions = \"many\"\n"));
    let found = problems(&sources, directory.path());
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("listener 1 in relay.toml: ") && found[0].contains("max_sessions"),
        "{found:?}"
    );
    let (directory, sources) = of_file("[[listener\n");
    let found = problems(&sources, directory.path());
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("relay.toml: TOML parse error at line 1, column 11: "),
        "{found:?}"
    );
    assert!(!found[0].contains('\n'), "{found:?}");
    let sources = Sources {
        file: Some("/nonexistent/relay.toml".into()),
        ..Sources::default()
    };
    let found = problems(&sources, Path::new("/elsewhere"));
    assert!(found[0].starts_with("/nonexistent/relay.toml: "), "{found:?}");
}

#[test]
fn a_value_is_not_bent_into_another_kind() {
    let (directory, mut sources) = of_file(&format!(
        "max_sessions = 0.4\nmetering = 2\nthreads = 4096\nhistory = \"\"\n{LISTENER}max_clients = true\n"
    ));
    assert_eq!(
        problems(&sources, directory.path()),
        [
            "max_sessions in relay.toml: 0.4 is no whole number",
            "metering in relay.toml: 2 is neither true nor false",
            "max_clients of listener 1 in relay.toml: true is no whole number",
        ]
    );
    let (other, sound) = of_file(&format!("threads = 4096\nhistory = \"\"\n{LISTENER}"));
    assert_eq!(
        problems(&sound, other.path()),
        [
            "history in relay.toml: expected a directory",
            "threads in relay.toml: expected 1024 at most",
        ]
    );
    sources.file = Some(directory.path().to_owned());
    let found = problems(&sources, Path::new("/elsewhere"));
    assert!(found[0].ends_with(": Is a directory (os error 21)"), "{found:?}");
}

#[test]
fn a_token_is_read_from_its_file_and_never_shown() {
    let (directory, mut sources) = of_file(LISTENER);
    let token = directory.path().join("token");
    fs::write(&token, "0123456789abcdefXYZ\n").unwrap();
    sources
        .flags
        .push(("admin_listen", Setting::One("0.0.0.0:9090".to_owned())));
    sources
        .flags
        .push(("admin_token_file", Setting::One(token.display().to_string())));
    let config = sources.load().unwrap();
    assert_eq!(
        config.admin.as_ref().unwrap().token.as_deref(),
        Some("0123456789abcdefXYZ")
    );
    assert!(!format!("{config:?}{}", config.listing()).contains("XYZ"));
    fs::write(&token, "short").unwrap();
    assert!(problems(&sources, directory.path())[0].contains("the token has 5 bytes"));
}

#[test]
fn a_webhook_is_checked_with_its_secret_which_is_read_from_its_file_and_never_shown() {
    let (directory, mut sources) = of_file(LISTENER);
    let secret = directory.path().join("secret");
    fs::write(&secret, "0123456789abcdefXYZ\n").unwrap();
    let url = |url: &str| ("webhook_url", Setting::One(url.to_owned()));
    sources.flags.push(url("https://hooks.example/closed"));
    sources
        .flags
        .push(("webhook_secret_file", Setting::One(secret.display().to_string())));
    let config = sources.load().unwrap();
    let webhook = config.webhook.as_ref().unwrap();
    assert_eq!(webhook.url, "https://hooks.example/closed");
    assert_eq!(webhook.secret.as_deref(), Some("0123456789abcdefXYZ"));
    let shown = format!("{config:?}{}", config.listing());
    assert!(shown.contains("webhook_url = \"https://hooks.example/closed\"\n"));
    assert!(!shown.contains("XYZ"));

    fs::write(&secret, "short").unwrap();
    assert_eq!(
        problems(&sources, directory.path()),
        ["--webhook-secret-file, secret: the secret cannot be signed with: it is to have 16 bytes or more"]
    );
    fs::remove_file(&secret).unwrap();
    let found = problems(&sources, directory.path());
    assert!(
        found[0].starts_with("--webhook-secret-file, secret: No such file"),
        "{found:?}"
    );
    let without = sources.flags.remove(0);
    assert_eq!(
        problems(&sources, directory.path()),
        ["--webhook-secret-file: there is no webhook_url that it is for"]
    );
    assert_eq!(without.0, "webhook_url");
    sources.flags = vec![url("hooks.example/closed")];
    let found = problems(&sources, directory.path());
    assert!(
        found[0].starts_with("--webhook-url: url \"hooks.example/closed\" cannot be posted to"),
        "{found:?}"
    );
}

#[test]
fn what_is_listed_is_a_configuration_that_says_the_same() {
    let text = format!(
        "history = \"a \\\"b\\\\\"\nthreads = 3\nlog = \"debug\"\nadmin_listen = \"127.0.0.1:1\"\nwebhook_url = \"http://hooks.example/x?y=1\"\nmax_tx_bitrate = \"1.5 Gbit/s\"\nblock = [\"192.0.2.0/24\"]\nsession_timeout = \"never\"\n{LISTENER}proxy_from = [\"10.0.0.0/8\"]\nproxy_direct = true\nheadroom = 1.25\n"
    );
    let (_directory, sources) = of_file(&text);
    let config = sources.load().unwrap();
    let (_directory, listed) = of_file(&config.listing().to_string());
    assert_eq!(listed.load().unwrap(), config);
    // And so do the defaults.
    let (_directory, sources) = of_file(LISTENER);
    let config: RelayConfig = sources.load().unwrap();
    let (_directory, listed) = of_file(&config.listing().to_string());
    assert_eq!(listed.load().unwrap(), config);
}

#[test]
fn a_listener_and_the_admin_listener_cannot_share_an_address() {
    let (directory, sources) = of_file(&format!("admin_listen = \"127.0.0.1:8080\"\n{LISTENER}"));
    assert_eq!(
        problems(&sources, directory.path()),
        ["listener web: another one, or the admin listener, is at tcp 127.0.0.1:8080"]
    );
}

#[test]
fn no_listener_is_a_problem_of_its_own() {
    let found = problems(&Sources::default(), Path::new(""));
    assert_eq!(
        found,
        ["the configuration: there is no listener: say tcp, udp or [[listener]]"]
    );
}
