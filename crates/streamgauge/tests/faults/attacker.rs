//! Ids and labels that somebody chose to do harm: too many, too long, empty, no text. Memory stays within the caps, and what
//! the caps refused, folded and cut is counted.

use streamgauge::{RefuseReason, Verdict};
use streamgauge_testkit::{Counts, count};

use crate::ledger_check::{Checked, S, bytes};

const MIB: u64 = 1 << 20;

/// What is still held of what was allocated.
fn held(counts: Counts) -> u64 {
    counts.bytes_allocated.saturating_sub(counts.bytes_freed)
}

#[test]
fn p5_a_million_ids_take_no_more_than_the_caps_allow() {
    const IDS: u64 = 1_000_000;
    const CAP: u64 = 10_000;
    let meter = Checked::patient(|config| config.max_tracked_sessions = CAP);
    let ((), counts) = count(|| {
        for n in 0..IDS {
            let session = meter.register(n.to_be_bytes(), "stream", "here", "there");
            let verdict = session.ingress(1);
            if n < CAP {
                assert_eq!(verdict, Verdict::Counted);
            } else {
                assert_eq!(verdict, Verdict::Refused(RefuseReason::TooManySessions));
            }
        }
        meter.tick_after(S);
    });
    // Some 400 bytes for each session that there may be.
    assert!(held(counts) < 8 * MIB, "{} bytes are held", held(counts));
    let summary = meter.summary();
    assert_eq!(summary.caps.refused_sessions, IDS - CAP);
    assert_eq!(
        (summary.live.total_sessions, bytes(summary.totals)),
        (CAP, (CAP, 0))
    );
    // There is room again for as many.
    for n in 0..CAP {
        meter.unregister(n.to_be_bytes());
    }
    meter.tick_after(S);
    assert_eq!(meter.register("late", "", "", "").ingress(1), Verdict::Counted);
    assert_eq!(bytes(meter.stopped().totals), (CAP + 1, 0));
}

#[test]
fn p5_ids_and_labels_that_come_and_go_take_no_more_than_the_caps_allow() {
    const SESSIONS: u64 = 100_000;
    const KEYS: u64 = 1_000;
    let meter = Checked::patient(|config| config.max_history_keys = KEYS);
    let churn = |from: u64, to: u64| {
        for n in from..to {
            let id = format!("{n:x}");
            // A peer of its own for each: no two have the same key.
            meter.register(&id, "stream", "here", &id).ingress(1);
            meter.unregister(&id);
            if n % 1_000 == 999 {
                meter.tick_after(S);
            }
        }
    };
    let (warm, cold) = (SESSIONS / 10, SESSIONS);
    let ((), first) = count(|| churn(0, warm));
    let ((), rest) = count(|| churn(warm, cold));
    // Ten times as many take nothing more.
    assert!(held(first) < 8 * MIB, "{} bytes are held", held(first));
    assert!(held(rest) < MIB, "{} bytes more are held", held(rest));
    let summary = meter.refreshed();
    assert_eq!(summary.caps.folded_sessions, SESSIONS - KEYS);
    assert_eq!(summary.history.peers.len() as u64, KEYS + 1);
    assert_eq!(bytes(summary.totals), (SESSIONS, 0));
    let other = summary.history.peers.get("(other)").unwrap();
    assert_eq!(other.stats.total_sessions, SESSIONS - KEYS);
}

#[test]
fn p5_ids_of_ten_megabytes_are_refused_without_a_copy() {
    let meter = Checked::new(|_| {});
    let long = vec![b'x'; 10 << 20];
    let text = String::from_utf8(long.clone()).unwrap();
    let (session, counts) = count(|| meter.register(&long, "", "", ""));
    // The memory of small things comes in blocks of 32 KiB.
    assert!(counts.bytes_allocated < 128 << 10, "{counts:?}");
    assert_eq!(session.ingress(1), Verdict::Refused(RefuseReason::IdTooLong));
    let ((), counts) = count(|| {
        assert_eq!(meter.ingress(&long, 1), Verdict::Unknown);
        assert!(!meter.activate(&long) && !meter.unregister(&long));
        assert!(meter.session(&long).is_none() && !meter.is_known_session(&long));
        meter.extra(&long, "");
        meter.session_set_top_ingress_bitrate(&long, 5.0);
    });
    assert!(counts.bytes_allocated < 64 << 10, "{counts:?}");
    let (_, counts) = count(|| meter.register("a", &text, &text, &text).extra(&text));
    assert!(counts.bytes_allocated < 128 << 10, "{counts:?}");
    let caps = meter.refreshed().caps;
    assert_eq!((caps.refused_ids, caps.cut_labels), (1, 4));
    assert_eq!(meter.refreshed().pending_sessions, 1);
}

#[test]
fn an_id_of_ten_megabytes_is_an_id_where_the_cap_allows_it() {
    let meter = Checked::new(|config| config.max_id_bytes = usize::MAX);
    let mut long = vec![0; 10 << 20];
    assert_eq!(meter.register(&long, "", "", "").ingress(1), Verdict::Counted);
    assert_eq!(meter.ingress(&long, 1), Verdict::Counted);
    *long.last_mut().unwrap() = 1;
    assert_eq!(meter.ingress(&long, 1), Verdict::Unknown);
    assert_eq!(bytes(meter.stopped().history.stats), (2, 0));
}

#[test]
fn an_empty_id_registers_nothing_and_one_of_one_byte_is_an_id() {
    let meter = Checked::new(|_| {});
    assert_eq!(
        meter.register("", "", "", "").ingress(1),
        Verdict::Refused(RefuseReason::EmptyId)
    );
    assert!(!meter.is_known_session("") && !meter.activate("") && !meter.unregister(""));
    assert_eq!(meter.ingress("", 1), Verdict::Unknown);
    for byte in 0..=255_u8 {
        assert_eq!(meter.register([byte], "", "", "").ingress(1), Verdict::Counted);
        assert_eq!(meter.ingress([byte], 1), Verdict::Counted);
    }
    let summary = meter.refreshed();
    assert_eq!(
        (summary.live.total_sessions, bytes(summary.live)),
        (256, (512, 0))
    );
    assert_eq!(summary.caps.refused_empty_ids, 1);
}

#[test]
fn ids_that_are_no_text_or_not_to_be_printed_count_and_are_shown_escaped() {
    let meter = Checked::new(|_| {});
    let hostile: [&[u8]; 5] = [
        b"\x1b[2J\x1b]0;title\x07",
        b"\xff\xfe\x80",
        b"a\0b\r\n",
        "\u{202e}txt.exe".as_bytes(),
        "\u{9b}31m\u{7f}".as_bytes(),
    ];
    for id in hostile {
        meter.register(id, "", "", "").ingress(1);
        assert_eq!(meter.ingress(id, 1), Verdict::Counted);
    }
    let shown: Vec<String> = meter
        .active()
        .iter()
        .map(|session| session.id.to_string())
        .collect();
    for text in &shown {
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
    assert_eq!(shown[1], r"\xff\xfe\x80");
    assert_eq!(bytes(meter.stopped().history.stats), (10, 0));
}
