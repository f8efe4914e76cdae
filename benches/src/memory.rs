//! How much memory each of many sessions takes, all in.
//!
//! Each configuration is measured in a process of its own, which the parent starts with `--child`: a million sessions with
//! ids of 20 or 40 bytes, 500 references and a peer of its own each are registered and activated, then get traffic in both
//! directions before each of four ticks, so that the published and the spare summary are there. Nothing else is kept: no
//! handles, no history, no spare ids.
//!
//! *Resident* is what /proc/self/statm shows more of than before: it contains what the allocator rounds up, wastes and keeps.
//! *Heap* is what was asked for and not given back, by the testkit's counting allocator.

use std::fs;
use std::process::Command;

use streamgauge_testkit::count;

use crate::id::IdBuffer;
use crate::label::LabelBuffer;
use crate::load::{self, INTERVAL};
use crate::series::real;

/// Ticks with traffic before memory is looked at.
const TICKS: u32 = 4;

/// Bytes of a page. Linux on the architectures that this runs on in CI has no other by default.
const PAGE: u64 = 4096;

/// One kind of sessions.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// How the child is told.
    pub name: &'static str,
    /// How a table calls it.
    pub about: &'static str,
    /// Bytes that a session may take, where there is a target.
    pub goal: Option<f64>,
    count_packets: bool,
    is_id_long: bool,
}

/// Every kind that is measured.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "plain",
        about: "ids of 20 bytes",
        goal: Some(400.0),
        count_packets: false,
        is_id_long: false,
    },
    Kind {
        name: "packets",
        about: "ids of 20 bytes, packets",
        goal: None,
        count_packets: true,
        is_id_long: false,
    },
    Kind {
        name: "long",
        about: "ids of 40 bytes",
        goal: None,
        count_packets: false,
        is_id_long: true,
    },
    Kind {
        name: "long-packets",
        about: "ids of 40 bytes, packets",
        goal: Some(500.0),
        count_packets: true,
        is_id_long: true,
    },
];

/// Bytes for each session.
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    /// What the process grew by.
    pub resident: f64,
    /// What was allocated and not freed.
    pub heap: f64,
}

/// Measures a kind in a process of its own: this very program, which has to pass its arguments to [`child`].
///
/// # Errors
///
/// What kept the child from starting, or from printing what it measured.
pub fn measure(kind: &Kind, sessions: u64) -> Result<Bytes, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program)
        .args(["--child", kind.name, "--sessions", &sessions.to_string()])
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut figures = text.split_whitespace().map(str::parse::<u64>);
    match (figures.next(), figures.next()) {
        (Some(Ok(resident)), Some(Ok(heap))) if output.status.success() => Ok(Bytes {
            resident: real(resident) / real(sessions),
            heap: real(heap) / real(sessions),
        }),
        _ => Err(format!(
            "the child failed: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}

/// What the child does: prints resident and heap bytes of so many sessions of the kind of that name.
///
/// # Errors
///
/// No kind has that name.
pub fn child(name: &str, sessions: u64) -> Result<(), String> {
    let kind = KINDS
        .iter()
        .find(|kind| kind.name == name)
        .ok_or_else(|| format!("no kind is called {name}"))?;
    // What the program itself needs is resident before.
    drop(populated(kind, 100));
    let before = resident();
    let (collector, counts) = count(|| populated(kind, sessions));
    let after = resident();
    println!(
        "{} {}",
        after.saturating_sub(before),
        counts.bytes_allocated.saturating_sub(counts.bytes_freed)
    );
    drop(collector);
    Ok(())
}

fn populated(kind: &Kind, sessions: u64) -> streamgauge::Collector {
    let (collector, clock) = load::collector(kind.count_packets);
    let mut long = Vec::with_capacity(40);
    let (mut id, mut label) = (IdBuffer::default(), LabelBuffer::default());
    let mut id_of = |number| {
        long.clear();
        long.extend_from_slice(id.format(number).as_bytes());
        if kind.is_id_long {
            long.extend_from_within(..);
        }
        long.clone()
    };
    for number in 0..sessions {
        let (reference, peer) = label.format(number);
        collector.register_and_activate(id_of(number), reference, "here", peer);
    }
    for _ in 0..TICKS {
        for number in 0..sessions {
            let id = id_of(number);
            collector.ingress(&id, 1_000);
            collector.egress(&id, 1_000_000);
        }
        clock.advance(INTERVAL);
        collector.tick();
    }
    let summary = collector.summary();
    assert_eq!(summary.active.len() as u64, sessions);
    assert_eq!(summary.totals.total_rx_bytes, sessions * 1_000 * u64::from(TICKS));
    collector
}

/// Bytes of this process that are in memory.
fn resident() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok())
        .unwrap_or_default()
        * PAGE
}
