//! Input that is missing, foreign, damaged or cut off: a line, a status, and the report of what was read.

use std::process::{Command, Stdio};

use crate::capture_writer::{Endian, MICROSECONDS, Pcap, Pcapng, answer, gzip, query};
use crate::command::{Scratch, conversations, replay};

/// Two packets, 24 + 2 x 44 bytes.
fn pcap() -> Vec<u8> {
    let mut file = Pcap::new(Endian::Little, MICROSECONDS);
    file.packet(1, 0, 60, &query()).packet(2, 0, 100, &answer());
    file.bytes
}

const FIRST_ROW: &str = "10.0.0.1\t4000\t10.0.0.2\t53\t1\t60\t0\t0";
const BOTH_ROW: &str = "10.0.0.1\t4000\t10.0.0.2\t53\t1\t60\t1\t100";

#[test]
fn a_capture_cut_at_any_byte_gives_what_was_before() {
    let file = pcap();
    for length in (0..file.len()).step_by(3) {
        let ran = conversations(&file[..length]);
        let at_record = matches!(length, 24 | 68);
        assert_eq!(ran.status, if at_record { 0 } else { 2 }, "{length}: {ran:?}");
        if !at_record {
            ran.complains(&["standard input: at byte"]);
        }
        let rows: &[&str] = if length < 68 { &[] } else { &[FIRST_ROW] };
        assert_eq!(ran.rows(), rows, "{length}");
        assert_eq!(
            ran.stdout.is_empty(),
            length < 24,
            "{length}: a header makes a capture"
        );
    }
}

#[test]
fn a_cut_record_names_place_and_lengths() {
    let file = pcap();
    let ran = conversations(&file[..file.len() - 5]);
    ran.complains(&["standard input", "at byte 68", "cut off", "39 bytes", "of 44"]);
    assert_eq!((ran.status, ran.rows()), (2, vec![FIRST_ROW]));
}

#[test]
fn a_damaged_record_names_place_and_claim() {
    let mut file = pcap();
    file[68 + 8..68 + 12].copy_from_slice(&u32::MAX.to_le_bytes());
    let ran = conversations(&file);
    ran.complains(&["at byte 68", "4294967311 bytes", "damaged"]);
    assert_eq!((ran.status, ran.rows()), (2, vec![FIRST_ROW]));
}

#[test]
fn a_damaged_block_names_place_and_cause() {
    let mut file = Pcapng::new(Endian::Big);
    file.interface(101, 6, 0).packet(0, 0, 60, &query());
    let at = file.bytes.len();
    file.packet(3, 0, 60, &query());
    let ran = conversations(&file.bytes);
    ran.complains(&[&format!("at byte {at}:"), "interface 3", "1 are described"]);
    assert_eq!((ran.status, ran.rows()), (2, vec![FIRST_ROW]));
}

#[test]
fn what_is_no_capture_is_refused() {
    for (input, cause) in [
        (&b"hello, world"[..], "68 65 6c 6c"),
        (b"x", "neither pcap nor pcapng"),
        (b"\x28\xb5\x2f\xfd and so on", "zstd -dc"),
        (b"snoop\0\0\0\0\0\0\x02", "editcap"),
        (
            &[
                0xa1, 0xb2, 0xc3, 0xd4, 0, 9, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
            ],
            "version 9.9",
        ),
        (&gzip(b"hello, world"), "68 65 6c 6c"),
    ] {
        let ran = conversations(input);
        ran.complains(&["standard input: at byte 0:", cause]);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
    }
}

#[test]
fn an_empty_input_is_no_capture() {
    let scratch = Scratch::new("empty");
    let path = scratch.file("empty.pcap", &[]);
    let ran = replay(&[&path]);
    ran.complains(&[&path, "empty"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
}

#[test]
fn damaged_gzip_gives_what_was_before() {
    // The data is all there, its checksum is not.
    let packed = gzip(&pcap());
    let ran = conversations(&packed[..packed.len() - 8]);
    ran.complains(&["standard input", "at byte 112", "cannot read on"]);
    assert_eq!((ran.status, ran.rows()), (2, vec![BOTH_ROW]));
}

#[test]
fn a_missing_file_or_a_directory_does_not_stop_the_others() {
    let scratch = Scratch::new("missing");
    let (missing, folder) = (scratch.path("none.pcap"), scratch.path(""));
    let good = scratch.file("good.pcap", &pcap());
    let ran = replay(&["--format", "conversations", &missing, &good]);
    ran.complains(&[&missing, "cannot be opened"]);
    assert_eq!((ran.status, ran.rows()), (2, vec![BOTH_ROW]));
    let ran = replay(&[&folder]);
    ran.complains(&[&folder, "is a directory"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
}

#[test]
fn a_reader_that_leaves_ends_the_report_quietly() {
    let scratch = Scratch::new("pipe");
    let good = scratch.file("good.pcap", &pcap());
    let mut child = Command::new(env!("CARGO_BIN_EXE_streamgauge"))
        .args(["replay", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The report's reader goes before the capture comes.
    drop(child.stdout.take());
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), &std::fs::read(good).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap().as_str()
        ),
        (Some(0), "")
    );
}

#[cfg(unix)]
#[test]
fn a_name_that_would_steer_a_terminal_is_spelt_out() {
    let scratch = Scratch::new("a_name_that_would_steer_a_terminal_is_spelt_out");
    let name = "\u{1b}[2J\u{1b}]0;t\u{7}\n\u{202e}é.pcap";
    let mut cut = pcap();
    cut.pop();
    let path = scratch.file(name, &cut);
    let svg = scratch.path("chart.svg");
    for arguments in [
        vec![&*path],
        vec!["--svg", &svg, &path],
        vec!["--format", "json", &path],
    ] {
        let ran = replay(&arguments);
        ran.complains(&[r"\u{1b}[2J\u{1b}]0;t\u{7}\n\u{202e}é.pcap", "cut off"]);
        let drawn = std::fs::read_to_string(&svg).unwrap_or_default();
        for text in [&ran.stdout, &ran.stderr, &drawn] {
            let steers = |c: char| c.is_control() && c != '\n' || c == '\u{202e}' && arguments.len() != 3;
            assert!(!text.contains(steers), "{text:?}");
        }
    }
    // A program that reads the report finds the name as it is.
    let report = replay(&["--format", "json", &path]).json();
    assert!(report.to_string().contains("202e") || report.to_string().contains('\u{202e}'));
}
