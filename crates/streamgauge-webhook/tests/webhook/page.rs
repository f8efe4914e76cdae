//! The page on this crate shows a program that is compiled, and runs.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use crate::receiver::{Receiver, Reply};

/// The example beside this test's own program, as `cargo test` builds both.
fn example(name: &str) -> PathBuf {
    let own = env::current_exe().unwrap();
    let target = own.ancestors().nth(2).unwrap();
    target
        .join("examples")
        .join(name)
        .with_extension(env::consts::EXE_EXTENSION)
}

#[test]
fn the_program_of_the_page_is_the_example() {
    let page = include_str!("../../../../docs/integrations/webhook.md");
    let shown = page
        .split_once("```rust\n")
        .and_then(|(_, rest)| rest.split_once("```"))
        .map(|(shown, _)| shown);
    let compiled = include_str!("../../examples/closed_sessions.rs");
    assert_eq!(shown, Some(compiled));
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
