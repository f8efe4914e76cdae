//! docs/integrations/prometheus.md shows a program that compiles and runs: `examples/metrics.rs`, line by line.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use streamgauge_testkit::page::{example, programs};

use crate::samples::families;

const PAGE: &str = include_str!("../../../../docs/integrations/prometheus.md");

#[test]
fn the_program_on_the_page_is_the_one_that_is_compiled() {
    let compiled = include_str!("../../examples/metrics.rs");
    assert_eq!(programs(PAGE).next(), Some(compiled));
    assert!(compiled.lines().count() < 40);
}

/// Ends the program with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let (_killed, _ended) = (self.0.kill(), self.0.wait());
    }
}

#[test]
fn the_program_on_the_page_is_scraped() {
    let program = Command::new(example("metrics"))
        .arg("127.0.0.1:0")
        .stdout(Stdio::piped())
        .spawn();
    let mut program = Running(program.unwrap());
    let mut url = String::new();
    BufReader::new(program.0.stdout.take().unwrap())
        .read_line(&mut url)
        .unwrap();
    let address = url
        .trim()
        .strip_prefix("http://")
        .unwrap()
        .strip_suffix("/metrics")
        .unwrap();

    // Until its sampler's first tick after the bytes: within a second, or the test runner's patience.
    let total = "streamgauge_traffic_bytes_total{collector=\"relay\",direction=\"egress\"}";
    loop {
        let page = scrape(address);
        let totals = families(&page)
            .remove("streamgauge_traffic_bytes")
            .unwrap()
            .samples;
        match totals[total].as_str() {
            "0" => assert!(program.0.try_wait().unwrap().is_none()),
            seen => break assert_eq!(seen, "1500"),
        }
    }
}

fn scrape(address: &str) -> String {
    let mut connection = TcpStream::connect(address).unwrap();
    connection
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let request = "GET /metrics HTTP/1.0\r\nAccept: application/openmetrics-text\r\n\r\n";
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.0 200 OK\r\n"), "{head}");
    let content_type = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(head.lines().any(|line| line == content_type), "{head}");
    body.to_owned()
}
