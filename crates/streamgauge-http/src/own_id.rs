//! Ids of the crate's own sessions, which nobody else comes upon.
//!
//! Ids of shared sessions are the program's, which may take them from its clients. So an id has a number, which no other of this
//! process has, and a seal, which is not worked out from those of other ids: who guessed one would be in somebody else's session, and a
//! session that has an id already is joined without asking the limits.

use std::hash::{BuildHasher, RandomState};
use std::sync::{LazyLock, Mutex, PoisonError};

/// An id that no other session of this process has: `kind-number-seal`.
pub(crate) fn own_id(kind: &str) -> String {
    static NEXT: Mutex<u64> = Mutex::new(0);
    /// Std's hash is keyed, by random numbers of the operating system.
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let number = {
        let mut next = NEXT.lock().unwrap_or_else(PoisonError::into_inner);
        *next += 1;
        *next
    };
    let seal = KEY.hash_one(number);
    format!("{kind}-{number}-{seal:016x}")
}
