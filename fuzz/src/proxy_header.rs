//! Target: PROXY headers.
//!
//! An input is what a connection begins with. However it is cut into reads the answer has to be the same: more is needed for
//! every front that is shorter than the header, and for those fronts alone; an error stays one whatever follows. A header takes
//! at most what there is and what it may have, and nothing that stands behind it changes it. Encoded again it is the same
//! header, and an IPv4 line of version 1 the same bytes: there is one way to write it.

mod seeds;

use streamgauge_proxy_header::{Endpoints, Header, MAX_HEADER_BYTES, Transport, Version, decode};

use crate::target::Target;

/// The codec of PROXY headers.
pub const TARGET: Target = Target {
    name: "proxy_header",
    run,
    seeds: seeds::all,
};

fn run(input: &[u8]) {
    // What is behind the longest header is the connection's own.
    let input = &input[..input.len().min(MAX_HEADER_BYTES + 64)];
    match decode(input) {
        Ok(None) => {
            assert!(input.len() < MAX_HEADER_BYTES, "it would wait for ever");
            for end in 0..input.len() {
                assert_eq!(decode(&input[..end]), Ok(None), "the front of {end}");
            }
        }
        Ok(Some((header, taken))) => check(input, &header, taken),
        Err(_) => {
            let is_error = |end: usize| decode(&input[..end]).is_err();
            let first = (0..=input.len()).find(|end| is_error(*end)).unwrap_or_default();
            for end in 0..first {
                assert_eq!(decode(&input[..end]), Ok(None), "the front of {end}");
            }
            assert!((first..=input.len()).all(is_error), "an error is none any more");
        }
    }
}

fn check(input: &[u8], header: &Header, taken: usize) {
    assert!((1..=MAX_HEADER_BYTES).contains(&taken) && taken <= input.len());
    for end in 0..taken {
        assert_eq!(decode(&input[..end]), Ok(None), "the front of {end}");
    }
    let same = |bytes: &[u8]| assert_eq!(decode(bytes), Ok(Some((header.clone(), taken))));
    same(&input[..taken]);
    for behind in [&b"\r\n"[..], b"PROXY ", &[0; 300]] {
        same(&[&input[..taken], behind].concat());
    }

    let mut again = Vec::new();
    header.endpoints.encode(header.version, &mut again);
    assert_eq!(decode(&again), Ok(Some((header.clone(), again.len()))));
    if let (Version::V1, Endpoints::Ipv4 { .. }) = (header.version, &header.endpoints) {
        assert_eq!(again, &input[..taken], "it was not written as it has to be");
    }
    // In the other version, as far as that has a word for it.
    let other = match header.version {
        Version::V1 => Version::V2,
        Version::V2 => Version::V1,
    };
    let mut translated = Vec::new();
    header.endpoints.encode(other, &mut translated);
    let expected = match (&header.endpoints, other) {
        (endpoints, Version::V2) => endpoints.clone(),
        (
            endpoints @ (Endpoints::Ipv4 {
                transport: Transport::Stream,
                ..
            }
            | Endpoints::Ipv6 {
                transport: Transport::Stream,
                ..
            }),
            Version::V1,
        ) => endpoints.clone(),
        (_, Version::V1) => Endpoints::Unknown,
    };
    let expected = Header {
        version: other,
        endpoints: expected,
    };
    assert_eq!(decode(&translated), Ok(Some((expected, translated.len()))));
}
