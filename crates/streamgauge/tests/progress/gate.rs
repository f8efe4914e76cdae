//! A place in a callback where a thread parks until it is let go.

use std::sync::{Condvar, Mutex};

#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_somebody_parked: bool,
    is_open: bool,
}

impl Gate {
    /// Parks until the gate opens.
    pub(crate) fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.is_somebody_parked = true;
        self.changed.notify_all();
        drop(self.changed.wait_while(state, |state| !state.is_open).unwrap());
    }

    pub(crate) fn wait_until_parked(&self) {
        let state = self.state.lock().unwrap();
        let parked = self.changed.wait_while(state, |state| !state.is_somebody_parked);
        drop(parked.unwrap());
    }

    /// Lets everybody through, now and later.
    pub(crate) fn open(&self) {
        self.state.lock().unwrap().is_open = true;
        self.changed.notify_all();
    }
}
