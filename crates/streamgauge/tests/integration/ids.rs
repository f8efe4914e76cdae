//! What can be an id of a session.

use streamgauge::{RefuseReason, SessionId, Verdict};

use crate::ledger_check::{Checked, bytes};

#[test]
fn ids_that_differ_in_case_do_not_meet() {
    let meter = Checked::new(|_| {});
    let (upper, lower) = (
        meter.register("ABC", "", "", ""),
        meter.register("abc", "", "", ""),
    );
    meter.ingress("ABC", 1);
    meter.ingress("abc", 2);
    lower.unregister();
    assert!(upper.is_known() && meter.is_known_session("ABC"));
    assert_eq!(bytes(meter.refreshed().live), (1, 0));
}

#[test]
fn ids_may_be_any_bytes_of_any_length_up_to_the_cap() {
    let meter = Checked::new(|config| config.max_id_bytes = 300);
    for length in [1_usize, 13, 39, 40, 41, 255, 256, 300] {
        let id: Vec<u8> = (0..=255_u8).rev().cycle().take(length).collect();
        assert_eq!(meter.register(&id, "", "", "").ingress(1), Verdict::Counted);
        assert_eq!(meter.ingress(&id, 1), Verdict::Counted, "{length}");
        assert_eq!(meter.session(&id).unwrap().id().unwrap().as_bytes(), id);
    }
    assert_eq!(meter.sessions(), 8);
    assert_eq!(bytes(meter.refreshed().live), (16, 0));
}

#[test]
fn a_prefix_of_an_id_is_another_id() {
    let meter = Checked::new(|_| {});
    meter.register("viewer-10", "", "", "");
    assert_eq!(meter.ingress("viewer-1", 1), Verdict::Unknown);
    assert_eq!(meter.ingress("viewer-10\0", 1), Verdict::Unknown);
}

#[test]
fn p5_oversized_id_is_refused_and_counted() {
    let meter = Checked::new(|config| config.max_id_bytes = 8);
    let session = meter.register("123456789", "", "", "");
    assert_eq!(session.ingress(1), Verdict::Refused(RefuseReason::IdTooLong));
    assert!(!meter.is_known_session("123456789"));
    assert_eq!(session.id().unwrap().as_bytes(), b"12345678");
    assert!(!meter.is_known_session("12345678"));
    assert_eq!(meter.refreshed().caps.refused_ids, 1);
}

#[test]
fn an_id_is_shown_escaped_where_it_is_no_text() {
    let meter = Checked::new(|_| {});
    let session = meter.register([0xc0, 0x00, b'a', b'\n'], "", "", "");
    assert_eq!(session.id().unwrap().to_string(), r"\xc0\u{0}a\n");
    assert_eq!(SessionId::from("ключ").to_string(), "ключ");
}
