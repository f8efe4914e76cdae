//! A store in memory that does as a script says, call by call.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use streamgauge::{HistorySnapshot, HistoryStore, Loaded, ManualClock, StoreError};

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It says that it failed, and did nothing.
    Fails,
    /// It panics, and did nothing.
    Panics,
    /// It panics with something that panics when it is dropped.
    PanicsTwice,
    /// It does what it was asked for, and says that it failed: a rename that was done and a sync that was not.
    DoneButFails,
    /// It keeps what it had, and takes a year for saying so.
    SlowAndFails,
    /// It does what it was asked for, and takes a year for it.
    Slow,
}

impl Fault {
    pub(crate) const ALL: [Self; 6] = [
        Self::Fails,
        Self::Panics,
        Self::PanicsTwice,
        Self::DoneButFails,
        Self::SlowAndFails,
        Self::Slow,
    ];

    /// Whether the caller is to take the call for a failure.
    pub(crate) fn is_failure(self) -> bool {
        self != Self::Slow
    }
}

/// A panic's cause that panics when it is dropped, as code of a program's own may throw.
pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            std::panic::resume_unwind(Box::new("dropped"));
        }
    }
}

/// A store whose calls are numbered from 1; one of them, or all from one on, go wrong.
pub(crate) struct Scripted {
    clock: ManualClock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: u64,
    /// The calls that go wrong, and how.
    fault: Option<(std::ops::Range<u64>, Fault)>,
    kept: Option<HistorySnapshot>,
    failed_saves: u64,
    is_last_save_failed: bool,
}

impl Scripted {
    pub(crate) fn new(clock: &ManualClock) -> Arc<Self> {
        Arc::new(Self {
            clock: clock.clone(),
            state: Mutex::default(),
        })
    }

    pub(crate) fn plan(&self, calls: std::ops::Range<u64>, fault: Fault) {
        self.with(|state| state.fault = Some((calls, fault)));
    }

    pub(crate) fn calls(&self) -> u64 {
        self.with(|state| state.calls)
    }

    /// How many saves the caller is to take for failures, and whether the last one was one.
    pub(crate) fn failures(&self) -> (u64, bool) {
        self.with(|state| (state.failed_saves, state.is_last_save_failed))
    }

    fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Numbers the call; what goes wrong with it.
    fn next(&self) -> Option<Fault> {
        self.with(|state| {
            state.calls += 1;
            let planned = state.fault.as_ref();
            planned
                .filter(|(calls, _)| calls.contains(&state.calls))
                .map(|(_, fault)| *fault)
        })
    }

    /// Does `work` as the fault has it.
    fn perform<R>(&self, fault: Option<Fault>, work: impl FnOnce() -> R) -> Result<R, StoreError> {
        const YEAR: Duration = Duration::from_secs(365 * 86_400);
        let failed = || Err(StoreError::Other("as the script says".to_owned()));
        match fault {
            None => Ok(work()),
            Some(Fault::Fails) => failed(),
            Some(Fault::Panics) => std::panic::resume_unwind(Box::new("as the script says")),
            Some(Fault::PanicsTwice) => std::panic::resume_unwind(Box::new(Bomb)),
            Some(Fault::DoneButFails) => {
                work();
                failed()
            }
            Some(Fault::SlowAndFails) => {
                self.clock.advance(YEAR);
                failed()
            }
            Some(Fault::Slow) => {
                self.clock.advance(YEAR);
                Ok(work())
            }
        }
    }
}

impl HistoryStore for Scripted {
    fn load(&self, _: &str) -> Result<Loaded, StoreError> {
        let fault = self.next();
        self.perform(fault, || {
            let kept = self.with(|state| state.kept.clone());
            kept.map_or(Loaded::Nothing, Loaded::History)
        })
    }

    fn save(&self, _: &str, snapshot: &HistorySnapshot) -> Result<(), StoreError> {
        let fault = self.next();
        self.with(|state| {
            state.is_last_save_failed = fault.is_some_and(Fault::is_failure);
            state.failed_saves += u64::from(state.is_last_save_failed);
        });
        self.perform(fault, || self.with(|state| state.kept = Some(snapshot.clone())))
    }
}
