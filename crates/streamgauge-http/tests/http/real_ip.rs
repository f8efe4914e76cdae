//! Who the client is behind proxies: a table of examples, and what holds for whatever a client sends.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use streamgauge_http::{ProxyHeader, TrustedProxies};

const TRUSTED: [&str; 3] = ["10.0.0.0/8", "2001:db8:10::/48", "192.0.2.1"];

fn client(header: ProxyHeader, peer: &str, lines: &[&str]) -> String {
    let proxies = TrustedProxies::new(&TRUSTED, header).unwrap();
    let mut headers = HeaderMap::new();
    let name = match header {
        ProxyHeader::Forwarded => "forwarded",
        _ => "x-forwarded-for",
    };
    for line in lines {
        headers.append(name, HeaderValue::from_bytes(line.as_bytes()).unwrap());
    }
    proxies.client(peer.parse().unwrap(), &headers).to_string()
}

#[test]
fn examples_of_x_forwarded_for() {
    let examples: &[(&str, &[&str], &str)] = &[
        // No header; a peer that is not trusted.
        ("10.0.0.1", &[], "10.0.0.1"),
        ("198.51.100.7", &["203.0.113.9"], "198.51.100.7"),
        // One proxy, two, and more lines than one.
        ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", &["198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        (
            "10.0.0.1",
            &["203.0.113.9", "198.51.100.7", "10.0.0.2,10.0.0.3"],
            "198.51.100.7",
        ),
        ("192.0.2.1", &["198.51.100.7"], "198.51.100.7"),
        ("192.0.2.2", &["198.51.100.7"], "192.0.2.2"),
        // What a client claims stands before what the proxy saw.
        (
            "10.0.0.1",
            &["10.0.0.9, 203.0.113.9, 198.51.100.7"],
            "198.51.100.7",
        ),
        // All of them are trusted: the first.
        ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        // Forms of addresses.
        ("10.0.0.1", &["198.51.100.7:4711"], "198.51.100.7"),
        ("10.0.0.1", &["2001:db8::7"], "2001:db8::7"),
        ("10.0.0.1", &["[2001:db8::7]"], "2001:db8::7"),
        ("10.0.0.1", &["[2001:db8::7]:4711"], "2001:db8::7"),
        ("10.0.0.1", &["::ffff:198.51.100.7"], "198.51.100.7"),
        ("::ffff:10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
        (
            "2001:db8:10::1",
            &["198.51.100.7, ::ffff:10.0.0.2"],
            "198.51.100.7",
        ),
        // Empty elements.
        ("10.0.0.1", &["198.51.100.7, ,", "", " ,\t"], "198.51.100.7"),
        // No address: the walk stops at the hop that wrote it.
        ("10.0.0.1", &["198.51.100.7, unknown"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.7, _hidden, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", &["198.51.100.7, 10.0.0.300, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", &["010.0.0.2"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.7:port"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.7:123456"], "10.0.0.1"),
        ("10.0.0.1", &["[198.51.100.7]"], "10.0.0.1"),
        ("10.0.0.1", &["[2001:db8::7"], "10.0.0.1"),
        ("10.0.0.1", &["[2001:db8::7]4711"], "10.0.0.1"),
        ("10.0.0.1", &["fe80::1%eth0"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.0/24"], "10.0.0.1"),
        ("10.0.0.1", &["\"198.51.100.7\""], "10.0.0.1"),
        // What is behind what is no text stands.
        ("10.0.0.1", &["\u{fc}, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", &["\", 198.51.100.7"], "198.51.100.7"),
    ];
    for (peer, lines, expected) in examples {
        let seen = client(ProxyHeader::XForwardedFor, peer, lines);
        assert_eq!(&seen, expected, "{peer} {lines:?}");
    }
}

#[test]
fn examples_of_forwarded() {
    let examples: &[(&str, &[&str], &str)] = &[
        ("10.0.0.1", &[], "10.0.0.1"),
        ("198.51.100.7", &["for=203.0.113.9"], "198.51.100.7"),
        // Those of RFC 7239, 4 and 7.1.
        (
            "10.0.0.1",
            &["For=\"[2001:db8:cafe::17]:4711\""],
            "2001:db8:cafe::17",
        ),
        (
            "10.0.0.1",
            &["for=192.0.2.60;proto=http;by=203.0.113.43"],
            "192.0.2.60",
        ),
        (
            "10.0.0.1",
            &["for=192.0.2.43, for=198.51.100.17"],
            "198.51.100.17",
        ),
        (
            "10.0.0.1",
            &["for=192.0.2.43,for=\"[2001:db8:cafe::17]\""],
            "2001:db8:cafe::17",
        ),
        ("10.0.0.1", &["for=\"_gazonk\""], "10.0.0.1"),
        ("10.0.0.1", &["for=_hidden, for=_SEVKISEK"], "10.0.0.1"),
        ("10.0.0.1", &["for=192.0.2.43, for=unknown"], "10.0.0.1"),
        // Ports, obfuscated too.
        ("10.0.0.1", &["for=\"198.51.100.7:4711\""], "198.51.100.7"),
        ("10.0.0.1", &["for=\"198.51.100.7:_p\""], "198.51.100.7"),
        ("10.0.0.1", &["for=\"[2001:db8::7]:_p.1\""], "2001:db8::7"),
        ("10.0.0.1", &["for=\"198.51.100.7:_\""], "10.0.0.1"),
        // Several hops, parameters and lines.
        (
            "10.0.0.1",
            &["for=198.51.100.7;by=10.0.0.2, by=\"10.0.0.1\"; for=10.0.0.2"],
            "198.51.100.7",
        ),
        (
            "10.0.0.1",
            &["for=203.0.113.9", "for=198.51.100.7", "for=10.0.0.2"],
            "198.51.100.7",
        ),
        ("10.0.0.1", &["proto=https;FOR=198.51.100.7;;"], "198.51.100.7"),
        // Commas and semicolons in quotes.
        (
            "10.0.0.1",
            &["for=198.51.100.7;host=\"a, for=203.0.113.9; b\""],
            "198.51.100.7",
        ),
        (
            "10.0.0.1",
            &["for=198.51.100.7;host=\"a\\\", for=203.0.113.9; \\\\\""],
            "198.51.100.7",
        ),
        // A quote that a client left open takes in nothing that a proxy wrote.
        (
            "10.0.0.1",
            &["for=\"203.0.113.9, for=198.51.100.7"],
            "198.51.100.7",
        ),
        ("10.0.0.1", &["for=\"\\, for=198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", &["for=\"", "for=\"[2001:db8::7]\""], "2001:db8::7"),
        ("10.0.0.1", &["x\\, for=\"[2001:db8::7]\""], "2001:db8::7"),
        // Elements that say nothing of the client, or two things.
        ("10.0.0.1", &["for=198.51.100.7, proto=https"], "10.0.0.1"),
        ("10.0.0.1", &["for=198.51.100.7;for=198.51.100.7"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.7"], "10.0.0.1"),
        ("10.0.0.1", &["for = 198.51.100.7"], "10.0.0.1"),
        ("10.0.0.1", &["for=\"198.51.100.7"], "10.0.0.1"),
        ("10.0.0.1", &["for=\"198.51.100.7\"x"], "10.0.0.1"),
        ("10.0.0.1", &["for="], "10.0.0.1"),
    ];
    for (peer, lines, expected) in examples {
        let seen = client(ProxyHeader::Forwarded, peer, lines);
        assert_eq!(&seen, expected, "{peer} {lines:?}");
    }
}

#[test]
fn the_header_that_the_proxies_do_not_write_is_not_read() {
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-for", "198.51.100.7".parse().unwrap());
    headers.insert("forwarded", "for=203.0.113.9".parse().unwrap());
    for (header, expected) in [
        (ProxyHeader::XForwardedFor, "198.51.100.7"),
        (ProxyHeader::Forwarded, "203.0.113.9"),
    ] {
        let proxies = TrustedProxies::new(&TRUSTED, header).unwrap();
        assert_eq!(
            proxies.client("10.0.0.1".parse().unwrap(), &headers).to_string(),
            expected
        );
    }
    let none = TrustedProxies::none();
    assert_eq!(
        none.client("10.0.0.1".parse().unwrap(), &headers).to_string(),
        "10.0.0.1"
    );
}

#[test]
fn an_entry_that_is_no_network_is_named() {
    for entry in [
        "10.0.0.0/33",
        "proxy.example",
        "",
        "010.0.0.1",
        "10.0.0.0/+8",
        "::/129",
    ] {
        let error = TrustedProxies::new(&["10.0.0.0/8", entry], ProxyHeader::Forwarded).unwrap_err();
        assert_eq!((error.position, error.entry.as_str()), (1, entry));
    }
    let mapped = TrustedProxies::new(&["::ffff:10.0.0.0/104"], ProxyHeader::XForwardedFor).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-for", "198.51.100.7".parse().unwrap());
    assert_eq!(
        mapped.client("10.9.9.9".parse().unwrap(), &headers).to_string(),
        "198.51.100.7"
    );
}

/// A header as trusted proxies append to it, behind what a client sent.
fn appended(header: ProxyHeader, hops: &[IpAddr], style: u8) -> Vec<String> {
    let node = |hop: &IpAddr| match (header, hop, style % 3) {
        (ProxyHeader::Forwarded, IpAddr::V4(hop), 0) => format!("for={hop}"),
        (ProxyHeader::Forwarded, IpAddr::V4(hop), 1) => format!("for=\"{hop}:4711\";proto=https"),
        (ProxyHeader::Forwarded, IpAddr::V4(hop), _) => format!("by=\"_a\";For=\"{hop}\";host=\"a, \\\"b\""),
        (ProxyHeader::Forwarded, IpAddr::V6(hop), 0) => format!("for=\"[{hop}]\""),
        (ProxyHeader::Forwarded, IpAddr::V6(hop), _) => format!("host=\"b\\\\\";for=\"[{hop}]:_x\""),
        (_, IpAddr::V4(hop), 0) => format!("{hop}:4711"),
        (_, IpAddr::V6(hop), 0) => format!("[{hop}]:4711"),
        (_, hop, _) => hop.to_string(),
    };
    hops.iter().map(node).collect()
}

fn trusted_hop() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<[u8; 3]>().prop_map(|[a, b, c]| IpAddr::V4(Ipv4Addr::new(10, a, b, c))),
        any::<u64>().prop_map(|host| {
            let network = 0x2001_0db8_0010_u128 << 80;
            IpAddr::V6(Ipv6Addr::from_bits(network | u128::from(host)))
        }),
    ]
}

fn untrusted_hop() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u8>().prop_map(|host| IpAddr::V4(Ipv4Addr::new(198, 51, 100, host))),
        any::<u64>().prop_map(|host| {
            let network = 0x2001_0db8_0011_u128 << 80;
            IpAddr::V6(Ipv6Addr::from_bits(network | u128::from(host)))
        }),
    ]
}

/// What a client may put in the header: any bytes that a server lets in, and those that matter more often.
fn claim() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        3 => prop::sample::select(b"\",\\;=for 1.[]:_".to_vec()),
        1 => prop_oneof![Just(b'\t'), 0x20..=0x7e_u8, 0x80..=0xff_u8],
    ];
    prop::collection::vec(byte, 0..40)
}

proptest! {
    #[test]
    fn whatever_a_client_claims_it_is_who_the_first_trusted_proxy_saw(
        is_forwarded: bool,
        claims in prop::collection::vec(claim(), 0..3),
        is_one_line: bool,
        real in untrusted_hop(),
        proxies in prop::collection::vec(trusted_hop(), 1..4),
        style: u8,
    ) {
        let header = if is_forwarded { ProxyHeader::Forwarded } else { ProxyHeader::XForwardedFor };
        let (peer, between) = proxies.split_last().unwrap();
        let mut hops = vec![real];
        hops.extend(between);
        let appended = appended(header, &hops, style);
        let mut lines = claims;
        if is_one_line {
            // Proxies go on behind the client's last line.
            let mut last = lines.pop().unwrap_or_default();
            for element in appended {
                last.extend_from_slice(b", ");
                last.extend_from_slice(element.as_bytes());
            }
            lines.push(last);
        } else {
            lines.extend(appended.into_iter().map(String::into_bytes));
        }
        let mut headers = HeaderMap::new();
        let name = if is_forwarded { "forwarded" } else { "x-forwarded-for" };
        for line in lines {
            headers.append(name, HeaderValue::from_bytes(&line).unwrap());
        }
        let trusted = TrustedProxies::new(&TRUSTED, header).unwrap();
        prop_assert_eq!(trusted.client(*peer, &headers), real);
        prop_assert_eq!(trusted.client(real, &headers), real);
    }

    #[test]
    fn the_client_is_the_peer_or_an_address_in_the_header(lines in prop::collection::vec(claim(), 0..4), is_forwarded: bool) {
        let header = if is_forwarded { ProxyHeader::Forwarded } else { ProxyHeader::XForwardedFor };
        let name = if is_forwarded { "forwarded" } else { "x-forwarded-for" };
        let mut headers = HeaderMap::new();
        for line in &lines {
            headers.append(name, HeaderValue::from_bytes(line).unwrap());
        }
        let trusted = TrustedProxies::new(&TRUSTED, header).unwrap();
        let peer = "10.0.0.1".parse().unwrap();
        let client = trusted.client(peer, &headers);
        let text = String::from_utf8_lossy(&lines.concat()).into_owned();
        // Zeros and capitals aside, which the strategy's addresses of IPv6 may have: those are too short to be written out.
        prop_assert!(client == peer || client.is_ipv6() || text.contains(&client.to_string()));
    }
}
