//! `streamgauge relay` as a process: its exit status, its signals, what it leaves.

#![cfg(all(feature = "relay", unix))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that does not get what it needs fails"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

fn streamgauge() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamgauge"));
    command.arg("relay").env_remove("NOTIFY_SOCKET");
    command
}

/// A relay that ends with the test.
struct Running {
    child: Child,
    log: BufReader<ChildStderr>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        Self { child, log }
    }

    /// The next line of its log that has this in it.
    fn says(&mut self, what: &str) -> String {
        let mut all = String::new();
        loop {
            let begin = all.len();
            if self.log.read_line(&mut all).unwrap() == 0 {
                panic!("{what:?} is not in {all}");
            }
            if all[begin..].contains(what) {
                return all[begin..].trim_end().to_owned();
            }
        }
    }

    fn address(&mut self) -> SocketAddr {
        let line = self.says("listening");
        let (_, rest) = line.split_once("address=").unwrap();
        rest.split(' ').next().unwrap().parse().unwrap()
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let (_killed, _ended) = (self.child.kill(), self.child.wait());
    }
}

fn exchange(address: SocketAddr, upstream: &TcpListener, bytes: &[u8]) -> (TcpStream, TcpStream) {
    let mut client = TcpStream::connect(address).unwrap();
    let (mut server, _) = upstream.accept().unwrap();
    client.write_all(bytes).unwrap();
    let mut received = vec![0; bytes.len()];
    server.read_exact(&mut received).unwrap();
    assert_eq!(received, bytes);
    (client, server)
}

#[test]
fn a_terminated_relay_drains_saves_and_exits_with_0() {
    let directory = tempfile::tempdir().unwrap();
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let listener = format!("web@127.0.0.1:0={}", upstream.local_addr().unwrap());
    let mut relay = Running::start(
        streamgauge()
            .args(["--tcp", &listener, "--history"])
            .arg(directory.path()),
    );
    let address = relay.address();
    let (mut client, mut server) = exchange(address, &upstream, b"before");
    relay.signal("-TERM");
    relay.says("no more clients are taken");
    client.write_all(b" and after").unwrap();
    drop(client);
    let mut rest = String::new();
    server.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, " and after");
    drop(server);
    assert_eq!(relay.child.wait().unwrap().code(), Some(0));

    let shown = Command::new(env!("CARGO_BIN_EXE_streamgauge"))
        .arg("history")
        .arg(directory.path())
        .args(["show", "--collector", "web", "--format", "csv"])
        .output()
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("127.0.0.1") && shown.contains(",16,"), "{shown}");
}

#[test]
fn a_webhook_is_posted_what_ended_sessions_moved_before_the_relay_exits() {
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut relay = Running::start(
        streamgauge()
            .args([
                "--tcp",
                &format!("web@127.0.0.1:0={}", upstream.local_addr().unwrap()),
            ])
            .args([
                "--webhook-url",
                &format!("http://{}/closed", receiver.local_addr().unwrap()),
            ])
            .arg("--webhook-secret-file")
            .arg(&secret),
    );
    let address = relay.address();
    let held = exchange(address, &upstream, b"held");
    relay.signal("-TERM");
    relay.says("no more clients are taken");
    drop(held);
    let mut post = BufReader::new(receiver.accept().unwrap().0);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(post.read_line(&mut head).unwrap(), 0, "{head}");
    }
    let head = head.to_lowercase();
    assert!(head.contains("\r\nwebhook-signature: v1,"), "{head}");
    let (_, length) = head.split_once("content-length: ").unwrap();
    let mut body = vec![0; length.split("\r\n").next().unwrap().parse().unwrap()];
    post.read_exact(&mut body).unwrap();
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains("\"rx_bytes\":4,"), "{body}");
    assert!(
        relay.child.try_wait().unwrap().is_none(),
        "it waits for the answer"
    );
    post.get_mut()
        .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
        .unwrap();
    let line = relay.says("the webhook has everything");
    assert!(line.contains("delivered=1"), "{line}");
    assert_eq!(relay.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let listener = format!("127.0.0.1:0={}", upstream.local_addr().unwrap());
    let mut relay = Running::start(streamgauge().args(["--tcp", &listener, "--drain-timeout", "1h"]));
    let address = relay.address();
    let (mut client, _server) = exchange(address, &upstream, b"held");
    relay.signal("-INT");
    relay.says("no more clients are taken");
    relay.signal("-TERM");
    assert_eq!(relay.child.wait().unwrap().code(), Some(0));
    assert!(client.read(&mut [0]).is_err());
}

#[test]
fn a_reload_takes_up_limits_and_keeps_them_where_the_file_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("relay.toml");
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let write = |more: &str| {
        let tcp = format!(
            "tcp = [\"web@127.0.0.1:0={}\"]\n{more}",
            upstream.local_addr().unwrap()
        );
        fs::write(&file, tcp).unwrap();
    };
    write("");
    let mut relay = Running::start(streamgauge().arg("--config").arg(&file));
    let address = relay.address();
    let _held = exchange(address, &upstream, b"first");

    write("max_sessions = 1\n");
    relay.signal("-HUP");
    relay.says("limits, lists and the token are those of the configuration");
    let refused = || assert!(TcpStream::connect(address).unwrap().read(&mut [0]).is_err());
    refused();

    write("max_sessions = 1000\nmax_session = 1\n");
    relay.signal("-HUP");
    let line = relay.says("the configuration is not taken up");
    assert!(
        line.contains("there is no such key; is it max_sessions?"),
        "{line}"
    );
    refused();
}

#[test]
fn systemd_is_told_of_the_start_of_reloads_and_of_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let systemd = UnixDatagram::bind(&path).unwrap();
    let told = || {
        let mut message = [0; 256];
        let bytes = systemd.recv(&mut message).unwrap();
        String::from_utf8(message[..bytes].to_vec()).unwrap()
    };
    let mut command = streamgauge();
    command
        .args(["--tcp", "127.0.0.1:0=127.0.0.1:9"])
        .env("NOTIFY_SOCKET", &path);
    let mut relay = Running::start(&mut command);
    assert_eq!(told(), "READY=1\n");
    relay.signal("-HUP");
    assert!(told().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(told(), "READY=1\n");
    relay.signal("-TERM");
    assert_eq!(told(), "STOPPING=1\n");
    assert_eq!(relay.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_check_prints_the_configuration_or_what_is_wrong_with_it() {
    let checked = streamgauge()
        .args(["--check", "--tcp", "web@127.0.0.1:8080=192.0.2.1:80"])
        .env("STREAMGAUGE_RELAY_MAX_SESSIONS", "7")
        .output()
        .unwrap();
    assert_eq!(checked.status.code(), Some(0));
    assert!(
        String::from_utf8(checked.stdout)
            .unwrap()
            .contains("max_sessions = 7\n")
    );

    let checked = streamgauge()
        .args([
            "--check",
            "--tcp",
            "web@127.0.0.1:8080=192.0.2.1:80",
            "--admin-listen",
            "0.0.0.0:1",
        ])
        .output()
        .unwrap();
    assert_eq!(checked.status.code(), Some(2));
    assert_eq!(checked.stdout, b"");
    let told = String::from_utf8(checked.stderr).unwrap();
    assert!(
        told.starts_with("streamgauge: --admin-listen: 0.0.0.0:1 can be reached from elsewhere"),
        "{told}"
    );
}

#[test]
fn a_log_level_that_is_none_is_said_and_does_not_silence_the_log() {
    let check = |log: &str| {
        streamgauge()
            .args(["--check", "--tcp", "127.0.0.1:8080=192.0.2.1:80", "--log", log])
            .output()
            .unwrap()
    };
    for log in ["warning", "", "info,verbose"] {
        let checked = check(log);
        assert_eq!(checked.status.code(), Some(2), "{log}");
        let told = String::from_utf8(checked.stderr).unwrap();
        assert!(
            told.starts_with("streamgauge: log: ") && told.contains("is no level"),
            "{told}"
        );
    }
    for log in [
        "warn",
        "INFO",
        "off",
        "info,streamgauge_relay=debug",
        "streamgauge_relay[relay]=trace",
    ] {
        assert_eq!(check(log).status.code(), Some(0), "{log}");
    }
}

#[test]
fn an_address_that_is_taken_is_exit_status_1() {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = upstream.local_addr().unwrap();
    let started = streamgauge()
        .args(["--tcp", &format!("web@{address}={address}")])
        .output()
        .unwrap();
    assert_eq!(started.status.code(), Some(1));
    let told = String::from_utf8(started.stderr).unwrap();
    assert!(
        told.contains(&format!("web: cannot listen at {address}: ")),
        "{told}"
    );
}

#[test]
fn the_unit_starts_what_there_is() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contrib/streamgauge-relay.service");
    let unit = fs::read_to_string(unit).unwrap();
    let commands: Vec<_> = unit
        .lines()
        .filter(|line| line.contains("=/usr/bin/streamgauge "))
        .collect();
    assert_eq!(commands.len(), 2);
    for command in commands {
        let arguments = command
            .split(' ')
            .skip(1)
            .filter(|argument| argument.starts_with("--") || *argument == "relay");
        for argument in arguments {
            assert!(["relay", "--config", "--check"].contains(&argument), "{argument}");
        }
    }
}
