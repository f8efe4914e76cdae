//! The page on this crate shows a program that is compiled, and runs.

use std::process::{Command, Stdio};
use std::thread;

use streamgauge_testkit::page::{example, programs};

use crate::receiver::{Receiver, Reply};

#[test]
fn the_program_of_the_page_is_the_example() {
    let page = include_str!("../../../../docs/integrations/webhook.md");
    let compiled = include_str!("../../examples/closed_sessions.rs");
    assert_eq!(programs(page).next(), Some(compiled));
    assert!(compiled.lines().count() < 40);
}

#[test]
fn the_program_of_the_page_posts_its_session_and_ends() {
    let receiver = Receiver::new();
    let program = Command::new(example("closed_sessions"))
        .arg(receiver.url())
        .env("SECRET", "0123456789abcdef")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let post = thread::scope(|scope| {
        let waiting = scope.spawn(|| program.wait_with_output().unwrap());
        let post = receiver.answer(Reply::Status(200));
        let output = waiting.join().unwrap();
        assert!(output.status.success());
        assert_eq!(String::from_utf8_lossy(&output.stdout), "delivered 1, failed 0\n");
        post
    });
    assert_eq!(post.ids(), ["viewer-7"]);
    assert_eq!(post.json()["events"][0]["tx_bytes"], 1_250_000);
    assert!(post.headers["webhook-signature"].starts_with("v1,"));
}
