//! Captures of every variant give the same report.

use crate::capture_writer::{Endian, MICROSECONDS, MODIFIED, NANOSECONDS, Pcap, Pcapng, answer, gzip, query};
use crate::command::{Scratch, conversations, replay, replay_input};

const ROW: &str = "10.0.0.1\t4000\t10.0.0.2\t53\t2\t1060\t1\t100";

/// One conversation over 1.5 seconds.
fn pcap(endian: Endian, magic: u32) -> Vec<u8> {
    let half = if magic == NANOSECONDS {
        500_000_000
    } else {
        500_000
    };
    let mut file = Pcap::new(endian, magic);
    file.packet(1000, 0, 60, &query())
        .packet(1000, half, 100, &answer())
        .packet(1001, half, 1000, &query());
    file.bytes
}

#[test]
fn pcap_in_every_byte_order_and_resolution() {
    for endian in [Endian::Little, Endian::Big] {
        for magic in [MICROSECONDS, NANOSECONDS] {
            let file = pcap(endian, magic);
            assert_eq!(conversations(&file).rows(), [ROW], "{endian:?} {magic:#x}");
            let json = replay_input(&["--format", "json", "-"], &file).json();
            assert_eq!(json["captured_seconds"], 1.5, "{endian:?} {magic:#x}");
            assert_eq!(json["started_at_unix"], "1000.000000000");
        }
    }
}

#[test]
fn modified_pcap() {
    assert_eq!(conversations(&pcap(Endian::Little, MODIFIED)).rows(), [ROW]);
}

#[test]
fn pcapng_in_every_byte_order_and_both_in_one_file() {
    let half = 1 << 31;
    let second = 1 << 32;
    for endian in [Endian::Little, Endian::Big] {
        let mut file = Pcapng::new(endian);
        // Binary fractions of a second on an interface whose clock started at 900.
        file.interface(101, 0x80 | 32, 900)
            .packet(0, 100 * second, 60, &query());
        file.packet(0, 100 * second + half, 100, &answer());
        // Then a section of the other byte order, in microseconds.
        file.turn()
            .interface(101, 6, 0)
            .packet(0, 1_001_500_000, 1000, &query());
        assert_eq!(conversations(&file.bytes).rows(), [ROW], "{endian:?}");
        let json = replay_input(&["--format", "json", "-"], &file.bytes).json();
        assert_eq!(json["captured_seconds"], 1.5, "{endian:?}");
        assert_eq!(json["started_at_unix"], "1000.000000000");
    }
}

#[test]
fn interfaces_have_their_own_link_types_and_clocks() {
    let ethernet = [&[2; 12][..], &[8, 0], &answer()].concat();
    let mut file = Pcapng::new(Endian::Little);
    file.interface(101, 9, 0).interface(1, 0, 0);
    // Blocks of other kinds lie between: name resolution, statistics, one nobody knows.
    file.block(4, &[0; 4]).block(0x0bad_cafe, &[1; 8]);
    file.packet(0, 5_000_000_000, 1060, &query())
        .packet(1, 7, 100, &ethernet);
    let json = replay_input(&["--format", "json", "-"], &file.bytes).json();
    assert_eq!(json["captured_seconds"], 2.0);
    assert_eq!(json["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(json["sessions"][0]["tx_bytes"], 100);
}

#[test]
fn gzip_is_known_by_its_content() {
    let scratch = Scratch::new("gzip");
    let plain = pcap(Endian::Little, MICROSECONDS);
    // Two members, as `cat a.gz b.gz` makes them, cut in the middle of a record.
    let (head, tail) = plain.split_at(50);
    let packed = [gzip(head), gzip(tail)].concat();
    let path = scratch.file("not-called.pcap", &packed);
    let misnamed = scratch.file("plain.pcap.gz", &plain);
    for path in [path, misnamed] {
        assert_eq!(
            replay(&["--format", "conversations", &path]).rows(),
            [ROW],
            "{path}"
        );
    }
    assert_eq!(conversations(&packed).rows(), [ROW]);
}

#[test]
fn several_files_feed_one_meter_in_their_order() {
    let scratch = Scratch::new("several");
    let mut reply = Pcap::new(Endian::Big, NANOSECONDS);
    reply.packet(900, 0, 77, &answer());
    let reply = scratch.file("reply.pcap", &reply.bytes);
    let first = scratch.file("first.pcap", &pcap(Endian::Little, MICROSECONDS));
    let ran = replay(&["--format", "conversations", &first, &reply]);
    assert_eq!(ran.rows(), ["10.0.0.1\t4000\t10.0.0.2\t53\t2\t1060\t2\t177"]);
    let ran = replay(&["--format", "conversations", &reply, &first]);
    assert_eq!(ran.rows(), ["10.0.0.2\t53\t10.0.0.1\t4000\t2\t177\t2\t1060"]);
}

#[test]
fn what_is_no_ip_is_one_conversation() {
    let mut file = Pcap::new(Endian::Little, MICROSECONDS);
    file.packet(1, 0, 60, &[0x55; 20])
        .packet(2, 0, 60, &[])
        .packet(3, 0, 60, &query());
    let ran = conversations(&file.bytes);
    assert_eq!(
        ran.rows(),
        [
            "10.0.0.1\t4000\t10.0.0.2\t53\t1\t60\t0\t0",
            "-\t-\t-\t-\t2\t120\t0\t0"
        ]
    );
}

#[test]
fn a_link_type_that_is_not_known_is_said_so() {
    let mut file = Pcapng::new(Endian::Little);
    file.interface(147, 6, 0).packet(0, 0, 60, &query());
    let ran = conversations(&file.bytes);
    assert_eq!(ran.status, 0);
    ran.complains(&["standard input", "link type 147"]);
    assert_eq!(ran.rows(), ["-\t-\t-\t-\t1\t60\t0\t0"]);
}
