//! docs/integrations/relay.md shows a program that compiles and runs, and a row for every key; contrib/ has files that are taken.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use streamgauge_relay::config::{KEYS, ListenerConfig, Protocol, RelayConfig, Sources};
use streamgauge_testkit::page::{example, programs};

const PAGE: &str = include_str!("../../../../docs/integrations/relay.md");
const SAMPLE: &str = include_str!("../../../../contrib/streamgauge-relay.toml");

#[test]
fn the_program_on_the_page_is_the_one_that_is_compiled() {
    let compiled = include_str!("../../examples/embedded.rs");
    assert_eq!(programs(PAGE).next(), Some(compiled));
    assert!(compiled.lines().count() < 40);
}

#[test]
fn the_program_on_the_page_relays() {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut program = Command::new(example("embedded"))
        .args(["127.0.0.1:0", &upstream.local_addr().unwrap().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let address = lines.next().unwrap().unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    let (mut server, _) = upstream.accept().unwrap();
    client.write_all(b"ping").unwrap();
    let mut received = [0; 4];
    server.read_exact(&mut received).unwrap();
    assert_eq!(&received, b"ping");
    server.write_all(b"answer").unwrap();
    drop((client, server));
    drop(program.stdin.take());
    let last = lines.next().unwrap().unwrap();
    // The answer may have met a client that was gone.
    assert!(last.starts_with("4 received, "), "{last}");
    assert!(program.wait().unwrap().success());
}

#[test]
fn every_key_has_a_row_with_its_default_and_no_row_is_of_another() {
    let rows: Vec<_> = PAGE.lines().filter(|line| line.starts_with("| `")).collect();
    for key in KEYS {
        let begin = format!("| `{}` |", key.name);
        let count = rows.iter().filter(|row| row.starts_with(&begin)).count();
        assert_eq!(count, 1, "{}", key.name);
    }
    let names = rows.iter().map(|row| row.split('`').nth(1).unwrap());
    for name in names {
        assert!(KEYS.iter().any(|key| key.name == name), "{name}");
    }
}

#[test]
fn the_sample_is_taken_has_every_key_and_says_the_defaults() {
    let sources = sample();
    let config = sources.load().unwrap();
    for key in KEYS.iter().filter(|key| key.is_at_top()) {
        let is_there = SAMPLE.lines().any(|line| {
            line.trim_start_matches("# ")
                .starts_with(&format!("{} = ", key.name))
        });
        assert!(
            is_there || matches!(key.name, "tcp" | "udp" | "admin_token"),
            "{}",
            key.name
        );
    }
    let srt = &config.listeners[1];
    let expected = ListenerConfig::new("srt", Protocol::Udp, srt.listen, srt.upstream.clone());
    assert_eq!(*srt, expected);
    let mut defaults = RelayConfig::new(config.listeners.clone());
    defaults.history = Some("/var/lib/streamgauge-relay".into());
    defaults.admin.clone_from(&config.admin);
    assert_eq!(config, defaults);
}

fn sample() -> Sources {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Sources {
        file: Some(root.join("contrib/streamgauge-relay.toml")),
        ..Sources::default()
    }
}
