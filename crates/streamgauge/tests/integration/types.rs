//! What each type of the public surface is to threads and to a caught panic, and how large it may be.
//!
//! One row for each type: to add a type to the crate is to add a row here, which
//! `every_type_that_is_exported_has_a_row` checks against the crate's exports. Sizes are
//! caps, in bytes, on 64-bit machines. What holds a limiter, an observer, a store or an `io::Error` is not unwind safe, since those
//! are trait objects that promise nothing; a collector that met a panic is whole all the same (`limiter.rs`, `events.rs`,
//! `store_failure.rs`).

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};

use streamgauge::{
    Activation, ActiveSession, ActiveSessions, Admission, AdmissionError, Burst, CapsHit, CidrError,
    CidrLimiter, CloseReason, Closed, ClosedSession, Collector, CollectorConfig, Config, Damage, Error,
    FileStore, Health, History, HistoryKey, HistoryRow, HistorySnapshot, InspectedFile, Inspection, Label,
    LabelMap, Limits, Loaded, ManualClock, Metered, OpenSession, OwnedSession, PeerTruncation, Peers,
    RefuseReason, Registry, RegistryError, RegistryReader, Session, SessionClosed, SessionEvent,
    SessionHandle, SessionId, SessionIdRef, SessionIdentity, SetAside, SharedHandle, Stats, StoreError,
    Summary, Verdict, Writer,
};
use streamgauge_testkit::is;

/// What a row says, and what is so.
struct Row {
    name: &'static str,
    most_bytes: usize,
    bytes: usize,
    expected: [bool; 7],
    shown: [bool; 7],
}

/// A row for each type: whether it is `Send`, `Sync`, `Clone`, `UnwindSafe` and `RefUnwindSafe`, and the most bytes that it may
/// have. All are `Unpin` and `Debug`.
macro_rules! table {
    ($($name:ident $(<$of:tt>)?: $send:literal $sync:literal $clone:literal $unwind:literal $by_ref:literal, $most:literal;)*) => {
        vec![$({
            type Public = $name $(<$of>)?;
            Row {
                name: stringify!($name),
                most_bytes: $most,
                bytes: size_of::<Public>(),
                expected: [$send == 1, $sync == 1, $clone == 1, $unwind == 1, $by_ref == 1, true, true],
                shown: [
                    is!(Public: Send),
                    is!(Public: Sync),
                    is!(Public: Clone),
                    is!(Public: UnwindSafe),
                    is!(Public: RefUnwindSafe),
                    is!(Public: Unpin),
                    is!(Public: Debug),
                ],
            }
        }),*]
    };
}

#[rustfmt::skip]
fn rows() -> Vec<Row> {
    table! {
        // Send Sync Clone UnwindSafe RefUnwindSafe, bytes
        Collector:             1 1 1 0 0, 16;
        SessionHandle:         1 1 1 1 1, 16;
        SharedHandle:          1 1 1 1 1, 32;
        Writer:                1 1 0 1 1, 24;
        OwnedSession:          1 1 0 1 1, 24;
        Closed:                1 1 0 1 1, 40;
        Metered<()>:           1 1 0 1 1, 24;
        Burst<'static>:        0 0 0 0 0, 24;
        Registry:              1 1 1 0 0, 16;
        RegistryReader:        1 1 1 0 0, 8;
        ManualClock:           1 1 1 1 1, 8;
        CollectorConfig:       1 1 1 0 0, 216;
        Config:                1 1 1 0 0, 56;
        Activation:            1 1 1 1 1, 1;
        PeerTruncation:        1 1 1 1 1, 2;
        Admission:             1 1 1 1 1, 24;
        Limits:                1 1 1 1 1, 24;
        Verdict:               1 1 1 1 1, 2;
        CloseReason:           1 1 1 1 1, 1;
        RefuseReason:          1 1 1 1 1, 1;
        Summary:               1 1 1 1 1, 480;
        ActiveSessions:        1 1 1 1 1, 32;
        ActiveSession<'static>: 1 1 1 1 1, 144;
        Session:               1 1 1 1 1, 168;
        SessionId:             1 1 1 1 1, 48;
        SessionIdRef<'static>: 1 1 1 1 1, 16;
        Label:                 1 1 1 1 1, 8;
        Stats:                 1 1 1 1 1, 40;
        Peers:                 1 1 1 1 1, 64;
        History:               1 1 1 1 1, 120;
        HistoryKey:            1 1 1 1 1, 24;
        HistoryRow:            1 1 1 1 1, 56;
        HistorySnapshot:       1 1 1 1 1, 160;
        OpenSession:           1 1 1 1 1, 144;
        LabelMap<Stats>:       1 1 1 1 1, 24;
        CapsHit:               1 1 1 1 1, 72;
        Health:                1 1 1 1 1, 256;
        SessionEvent:          1 1 1 1 1, 256;
        SessionIdentity:       1 1 1 1 1, 120;
        ClosedSession:         1 1 1 1 1, 248;
        CidrLimiter:           1 1 1 1 1, 48;
        CidrError:             1 1 1 1 1, 48;
        FileStore:             1 1 0 0 0, 144;
        Inspection:            1 1 1 1 1, 256;
        InspectedFile:         1 1 1 1 1, 56;
        Damage:                1 1 1 1 1, 80;
        Loaded:                1 1 1 1 1, 184;
        SetAside:              1 1 1 1 1, 104;
        Error:                 1 1 0 0 0, 56;
        RegistryError:         1 1 0 0 0, 80;
        AdmissionError:        1 1 1 1 1, 32;
        StoreError:            1 1 0 0 0, 48;
        SessionClosed:         1 1 1 1 1, 2;
    }
}

#[test]
fn every_type_is_to_threads_and_panics_what_its_row_says() {
    let wrong: Vec<_> = rows()
        .iter()
        .filter(|row| row.shown != row.expected)
        .map(|row| format!("{}: {:?}", row.name, row.shown.map(u8::from)))
        .collect();
    assert!(
        wrong.is_empty(),
        "Send, Sync, Clone, UnwindSafe, RefUnwindSafe, Unpin, Debug of {wrong:#?}"
    );
}

#[test]
#[cfg(target_pointer_width = "64")]
fn no_type_is_larger_than_its_row_says() {
    let larger: Vec<_> = rows()
        .iter()
        .filter(|row| row.bytes > row.most_bytes)
        .map(|row| format!("{}: {} bytes, of at most {}", row.name, row.bytes, row.most_bytes))
        .collect();
    assert!(larger.is_empty(), "{larger:#?}");
}

#[test]
fn every_type_that_is_exported_has_a_row() {
    let traits = ["HistoryStore", "IpLimiter", "SessionObserver"];
    let exported: BTreeSet<&str> = include_str!("../../src/lib.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("pub use "))
        .flat_map(|names| names.split(|sign: char| !sign.is_alphanumeric() && sign != '_'))
        .filter(|name| name.starts_with(char::is_uppercase) && !traits.contains(name))
        .collect();
    let named: BTreeSet<&str> = rows().iter().map(|row| row.name).collect();
    assert_eq!(exported, named);
}
