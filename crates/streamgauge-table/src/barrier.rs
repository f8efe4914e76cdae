//! How a pin becomes visible to the thread that reclaims: who of the two pays for it.
//!
//! A pin is a store followed by loads, and no ordering weaker than a full fence keeps a processor from doing the loads
//! first. On Linux the reader goes without: membarrier(2) makes every running thread of the process pass a full fence at
//! the reclaimer's bidding, about a microsecond once per tick. Where that is not to be had (another system, an old kernel, a
//! sandbox that forbids the call) the reader pins by a swap and the reclaimer reads by read-modify-writes. Which of the two
//! it is, is found out once, before the first pin.

#[cfg(loom)]
use std::cell::Cell;
#[cfg(not(loom))]
use std::sync::OnceLock;

#[cfg(loom)]
use crate::sync::{Ordering, compiler_fence};

/// Who pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Barrier {
    /// The reclaimer, by membarrier(2).
    #[cfg_attr(
        all(loom, not(test)),
        expect(dead_code, reason = "chosen by the models of this crate alone")
    )]
    Reclaimers,
    /// The reader, by a swap.
    Readers,
}

#[cfg(not(loom))]
static CHOICE: OnceLock<Barrier> = OnceLock::new();

#[cfg(loom)]
thread_local! {
    // Of the model: its threads are all run on one of the system's.
    static CHOICE: Cell<Barrier> = const { Cell::new(Barrier::Readers) };
}

impl Barrier {
    /// The choice of this process.
    #[cfg(not(loom))]
    pub(crate) fn chosen() -> Self {
        *CHOICE.get_or_init(|| {
            if register() {
                Self::Reclaimers
            } else {
                Self::Readers
            }
        })
    }

    /// The choice of this model.
    #[cfg(loom)]
    pub(crate) fn chosen() -> Self {
        CHOICE.get()
    }

    /// Chooses for the models that this thread runs.
    #[cfg(all(loom, test))]
    pub(crate) fn choose(self) {
        CHOICE.set(self);
    }

    /// Chooses the swap, and answers whether that is what holds now.
    #[cfg(not(loom))]
    pub(crate) fn choose_readers() -> bool {
        *CHOICE.get_or_init(|| Self::Readers) == Self::Readers
    }

    /// Passes the reclaimer's half of the barrier. After it, a pin that cannot be seen is one whose reader sees everything
    /// that was unlinked before. False if it could not be had: then nothing may be freed.
    pub(crate) fn pass(self) -> bool {
        match self {
            // A child of a fork, or a process restored from a checkpoint, may have lost its registration.
            Self::Reclaimers => command(EXPEDITED) || (register() && command(EXPEDITED)),
            Self::Readers => true,
        }
    }
}

fn register() -> bool {
    command(REGISTER)
}

#[cfg(all(target_os = "linux", not(any(loom, miri))))]
const EXPEDITED: libc::c_int = libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED;
#[cfg(all(target_os = "linux", not(any(loom, miri))))]
const REGISTER: libc::c_int = libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;

#[cfg(all(target_os = "linux", not(any(loom, miri))))]
fn command(command: libc::c_int) -> bool {
    // SAFETY: membarrier takes a command, flags and a processor's number, and touches no memory of the caller.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

#[cfg(any(not(target_os = "linux"), loom, miri))]
const EXPEDITED: i32 = 0;
#[cfg(any(not(target_os = "linux"), loom, miri))]
const REGISTER: i32 = 0;

#[cfg(all(any(not(target_os = "linux"), miri), not(loom)))]
fn command(_: i32) -> bool {
    false
}

/// What stands for the call in the models: a full fence here, and one where the reader has the compiler's.
#[cfg(loom)]
fn command(_: i32) -> bool {
    // SeqCst: the reclaimer's half. Under the models a compiler fence is a full one [M9].
    compiler_fence(Ordering::SeqCst);
    true
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::Barrier;

    #[test]
    fn who_asks_for_swaps_too_late_is_told() {
        let chosen = Barrier::chosen();
        assert_eq!(Barrier::choose_readers(), chosen == Barrier::Readers);
        assert_eq!(crate::table::pin_by_swap(), chosen == Barrier::Readers);
        assert_eq!(Barrier::chosen(), chosen);
    }

    #[test]
    #[cfg(all(target_os = "linux", not(miri)))]
    fn where_the_system_has_the_barrier_reclaimers_pay() {
        // SAFETY: as in command().
        let offered = unsafe { libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_QUERY, 0, 0) };
        let has_it = offered > 0 && offered & libc::c_long::from(super::EXPEDITED) != 0;
        assert_eq!(Barrier::chosen() == Barrier::Reclaimers, has_it);
        assert!(Barrier::chosen().pass());
    }
}
