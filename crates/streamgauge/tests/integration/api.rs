//! What the types of the public surface are: which threads they may go to, and how large they are.

use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};

use streamgauge::{
    Activation, ActiveSession, ActiveSessions, Admission, AdmissionError, Burst, CapsHit, CidrError,
    CidrLimiter, CloseReason, ClosedSession, Collector, CollectorConfig, Config, Error, FileStore, Health,
    History, HistoryKey, HistorySnapshot, LabelMap, Loaded, ManualClock, Peers, RefuseReason, Registry,
    RegistryError, RegistryReader, Session, SessionEvent, SessionHandle, SessionId, SessionIdentity,
    SetAside, SharedHandle, Stats, StoreError, Summary, Verdict, Writer,
};

/// Which of `Send`, `Sync`, `Clone` and `Debug` a type is, asked of the type itself: a method of the type's own bounds is
/// found before that of the trait.
macro_rules! is {
    ($type:ty: $bound:path) => {{
        struct Asked<T>(std::marker::PhantomData<T>);
        trait No {
            fn answer(&self) -> bool {
                false
            }
        }
        impl<T> No for Asked<T> {}
        impl<T: $bound> Asked<T> {
            fn answer(&self) -> bool {
                true
            }
        }
        Asked::<$type>(std::marker::PhantomData).answer()
    }};
}

/// A row of the table: a type, and whether it is `Send`, `Sync` and `Clone`.
macro_rules! table {
    ($($type:ty: $send:literal $sync:literal $clone:literal;)*) => {
        $(
            assert_eq!(
                (is!($type: Send), is!($type: Sync), is!($type: Clone), is!($type: Debug)),
                ($send == 1, $sync == 1, $clone == 1, true),
                stringify!($type is Send, Sync, Clone, Debug)
            );
        )*
    };
}

#[test]
#[expect(
    dead_code,
    reason = "the macro asks with items of its own, of which one answers"
)]
fn every_public_type_goes_to_the_threads_that_it_should() {
    table! {
        // Send Sync Clone
        Collector: 1 1 1;
        SessionHandle: 1 1 1;
        SharedHandle: 1 1 1;
        Writer: 1 1 0;
        Registry: 1 1 1;
        RegistryReader: 1 1 1;
        ManualClock: 1 1 1;
        CollectorConfig: 1 1 1;
        Config: 1 1 1;
        Summary: 1 1 1;
        ActiveSessions: 1 1 1;
        ActiveSession<'static>: 1 1 1;
        Session: 1 1 1;
        SessionId: 1 1 1;
        Stats: 1 1 1;
        Peers: 1 1 1;
        History: 1 1 1;
        HistoryKey: 1 1 1;
        HistorySnapshot: 1 1 1;
        LabelMap<Stats>: 1 1 1;
        CapsHit: 1 1 1;
        Health: 1 1 1;
        Verdict: 1 1 1;
        CloseReason: 1 1 1;
        RefuseReason: 1 1 1;
        Activation: 1 1 1;
        Admission: 1 1 1;
        AdmissionError: 1 1 1;
        Error: 1 1 0;
        RegistryError: 1 1 0;
        StoreError: 1 1 0;
        SessionEvent: 1 1 1;
        SessionIdentity: 1 1 1;
        ClosedSession: 1 1 1;
        CidrLimiter: 1 1 1;
        CidrError: 1 1 1;
        FileStore: 1 1 0;
        Loaded: 1 1 1;
        SetAside: 1 1 1;
    }
}

#[test]
fn a_burst_stays_on_its_thread() {
    #[expect(
        dead_code,
        reason = "the macro asks with items of its own, of which one answers"
    )]
    let answers = (is!(Burst<'static>: Send), is!(Burst<'static>: Debug));
    assert_eq!(answers, (false, true));
}

#[test]
fn plain_data_survives_a_caught_panic() {
    fn assert_unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
    assert_unwind_safe::<Verdict>();
    assert_unwind_safe::<Stats>();
    assert_unwind_safe::<Session>();
}

#[test]
fn what_packet_threads_hold_is_small() {
    assert!(size_of::<Verdict>() <= 2);
    assert!(size_of::<Option<Verdict>>() <= 2);
    assert!(size_of::<Collector>() <= 16);
    assert!(size_of::<SessionHandle>() <= 16);
    assert!(size_of::<SharedHandle>() <= 32);
    assert!(size_of::<Writer>() <= 24);
    assert!(size_of::<SessionId>() <= 48);
    assert!(size_of::<Stats>() == 40);
}

#[test]
fn defaults_are_as_documented() {
    let config = CollectorConfig::default();
    let seconds = |duration: std::time::Duration| duration.as_secs();
    assert_eq!((seconds(config.window), seconds(config.sample_interval)), (10, 1));
    assert_eq!(
        (config.max_rx_bitrate, config.max_tx_bitrate, config.max_sessions),
        (0, 0, 0)
    );
    assert_eq!(config.activation, Activation::OnTraffic);
    assert!(config.session_timeout.is_zero() && config.inactive_timeout.is_zero());
    assert!(config.persist_interval.is_zero() && !config.count_packets);
    assert!(config.limiter.is_none() && config.observer.is_none());
    let config = Config::default();
    assert!(config.persist_dir.is_none() && config.store.is_none());
}

#[test]
fn only_counted_is_counted() {
    assert!(Verdict::Counted.is_counted());
    for verdict in [
        Verdict::Unknown,
        Verdict::Closed(CloseReason::TimedOut),
        Verdict::Refused(RefuseReason::TooLarge),
    ] {
        assert!(!verdict.is_counted());
    }
}

#[test]
fn prepare_thread_may_be_called_at_any_time() {
    streamgauge::prepare_thread();
    streamgauge::prepare_thread();
}
