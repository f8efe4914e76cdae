//! Which addresses may be metered.

use std::sync::Arc;

use streamgauge::{CidrLimiter, IpLimiter};

use crate::ledger_check::Checked;

fn limited(block: &[&str], allow: &[&str]) -> Checked {
    let limiter = CidrLimiter::new(block, allow).unwrap();
    Checked::new(|config| config.limiter = Some(Arc::new(limiter)))
}

#[test]
fn without_a_limiter_everything_that_parses_is_collectable() {
    let meter = Checked::new(|_| {});
    for ip in ["192.0.2.1", "2001:db8::1", "::ffff:10.0.0.1", "0.0.0.0", "::"] {
        assert!(meter.is_collectable_ip(ip), "{ip}");
    }
}

#[test]
fn a_limiter_shows_its_networks() {
    let limiter = CidrLimiter::new(&["192.0.2.0/24"], &["2001:db8::/32"]).unwrap();
    assert_eq!(limiter.to_string(), "block [192.0.2.0/24], allow [2001:db8::/32]");
}

#[test]
fn text_that_is_no_address_is_not_collectable() {
    for meter in [Checked::new(|_| {}), limited(&[], &[])] {
        for ip in [
            "",
            " ",
            "localhost",
            "1.2.3",
            "1.2.3.4:80",
            "1.2.3.4 ",
            "[::1]",
            "256.1.1.1",
        ] {
            assert!(!meter.is_collectable_ip(ip), "{ip:?}");
        }
    }
}

#[test]
fn the_block_list_comes_first_then_the_allow_list_if_there_is_one() {
    let meter = limited(&["10.1.0.0/16"], &["10.0.0.0/8", "2001:db8::/32"]);
    assert!(meter.is_collectable_ip("10.2.0.1"));
    assert!(!meter.is_collectable_ip("10.1.0.1"));
    assert!(!meter.is_collectable_ip("192.0.2.1"));
    assert!(meter.is_collectable_ip("2001:db8::1"));
    let meter = limited(&["10.1.0.0/16"], &[]);
    assert!(meter.is_collectable_ip("192.0.2.1") && !meter.is_collectable_ip("10.1.0.1"));
}

#[test]
fn an_ipv4_mapped_address_is_its_ipv4() {
    let meter = limited(&["10.0.0.0/8"], &[]);
    assert!(!meter.is_collectable_ip("::ffff:10.0.0.1"));
    assert!(meter.is_collectable_ip("::ffff:192.0.2.1"));
    let meter = limited(&[], &["::ffff:10.0.0.0/104"]);
    assert!(meter.is_collectable_ip("10.0.0.1"));
    assert!(!meter.is_collectable_ip("192.0.2.1"));
}

#[test]
fn entries_are_trimmed_and_empty_ones_skipped() {
    let meter = limited(&["  ", "", " 10.0.0.0/8\t"], &[" "]);
    assert!(!meter.is_collectable_ip("10.0.0.1"));
    assert!(meter.is_collectable_ip("192.0.2.1"));
}

#[test]
fn a_limiter_of_ones_own_is_asked_about_addresses_alone() {
    struct Odd;
    impl IpLimiter for Odd {
        fn is_allowed(&self, ip: &str) -> bool {
            ip.parse::<std::net::IpAddr>().is_ok_and(|_| ip.ends_with('1'))
        }
    }
    let meter = Checked::new(|config| config.limiter = Some(Arc::new(Odd)));
    assert!(meter.is_collectable_ip("192.0.2.1"));
    assert!(!meter.is_collectable_ip("192.0.2.2"));
    assert!(!meter.is_collectable_ip("no address 1"));
}

#[test]
fn a_panicking_limiter_is_counted_and_collects_nothing() {
    struct Panicking;
    impl IpLimiter for Panicking {
        fn is_allowed(&self, _: &str) -> bool {
            std::panic::resume_unwind(Box::new("a limiter of a test"))
        }
    }
    let meter = Checked::new(|config| config.limiter = Some(Arc::new(Panicking)));
    assert!(!meter.is_collectable_ip("192.0.2.1"));
    assert!(!meter.is_collectable_ip("192.0.2.2"));
    assert_eq!(meter.health().limiter_panics, 2);
}
