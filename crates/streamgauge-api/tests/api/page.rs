//! The page on this crate shows a program that is compiled, and runs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use streamgauge_testkit::page::{example, programs};

use crate::harness::TOKEN;

#[test]
fn the_program_of_the_page_is_the_example() {
    let page = include_str!("../../../../docs/integrations/api.md");
    let compiled = include_str!("../../examples/api_server.rs");
    assert_eq!(programs(page).next(), Some(compiled));
    assert!(compiled.lines().count() < 40);
}

fn ask(address: &str, path: &str, headers: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let text = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(text.as_bytes()).unwrap();
    stream
}

#[test]
fn the_program_of_the_page_answers_and_ends_though_somebody_listens() {
    for token in [None, Some(TOKEN)] {
        let mut command = Command::new(example("api_server"));
        command.env_remove("TOKEN");
        let mut headers = String::new();
        if let Some(token) = token {
            command.env("TOKEN", token);
            headers = format!("Authorization: Bearer {token}\r\n");
        }
        let mut program = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(program.stdout.as_mut().unwrap())
            .read_line(&mut url)
            .unwrap();
        let (address, path) = url
            .trim()
            .strip_prefix("http://")
            .unwrap()
            .split_once('/')
            .unwrap();

        let mut answer = String::new();
        ask(address, &format!("/{path}"), &headers)
            .read_to_string(&mut answer)
            .unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("\"collector\":\"hls\""), "{answer}");
        answer.clear();
        ask(address, &format!("/{path}"), "Authorization: Bearer x\r\n")
            .read_to_string(&mut answer)
            .unwrap();
        assert_eq!(answer.starts_with("HTTP/1.1 401"), token.is_some(), "{answer}");

        let mut listening = BufReader::new(ask(address, "/api/v1/events", &headers)).lines();
        assert!(listening.any(|line| line.unwrap() == "event: summary"));
        drop(program.stdin.take());
        assert!(program.wait().unwrap().success());
        // The stream ends: no error, and nothing to wait for.
        assert!(listening.all(|line| line.is_ok()));
    }
}
