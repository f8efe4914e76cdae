//! What streamgauge is measured against: families of rows, each with its goals. One family to a file or a function.

pub mod burst;
pub mod by_id;
pub mod fold;
pub mod getters;
pub mod latency;
pub mod memory;
pub mod own_session;
pub mod realtime;
pub mod register;
pub mod shared;
pub mod storm;
pub mod summary;
pub mod tick;

use crate::effort::Effort;
use crate::row::Row;

/// Rows that are measured together.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// What it is asked for by.
    pub name: &'static str,
    /// What it measures.
    pub about: &'static str,
    /// Measures it.
    pub measure: fn(&Effort) -> Vec<Row>,
}

/// All families, in the order in which they are measured.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "handle",
        about: "a count by handle, beside a bare atomic on a padded line",
        measure: own_session::handle,
    },
    Family {
        name: "writer",
        about: "a count by writer, beside a plain load, add and store",
        measure: own_session::writer,
    },
    Family {
        name: "id",
        about: "a count by id on one thread, beside DashMap and a lock for each session",
        measure: by_id::one_thread,
    },
    Family {
        name: "threads",
        about: "a count by id on two threads, 10,000 sessions, beside the same",
        measure: by_id::two_threads,
    },
    Family {
        name: "burst",
        about: "32 counts by id in a burst, beside 32 single ones",
        measure: burst::burst,
    },
    Family {
        name: "shared",
        about: "two threads on one session: shared(), unstriped, and one direction each",
        measure: shared::shared,
    },
    Family {
        name: "summary",
        about: "summary() and with_summary, beside a bare arc-swap",
        measure: summary::summary,
    },
    Family {
        name: "storm",
        about: "a count beside a core full of readers, beside a core that spins",
        measure: storm::storm,
    },
    Family {
        name: "getters",
        about: "bitrate getters, sessions(), is_*_exceeded",
        measure: getters::getters,
    },
    Family {
        name: "tick",
        about: "a tick over a million sessions, beside copying 128 MB; after 1 % changed; 1 % active",
        measure: tick::tick,
    },
    Family {
        name: "fold",
        about: "a closed session's way into the history: its key known, new with room, new where another leaves",
        measure: fold::fold,
    },
    Family {
        name: "realtime",
        about: "a tick of the sampler's own thread, once a second",
        measure: realtime::realtime,
    },
    Family {
        name: "register",
        about: "registering and activating a million sessions, and the first tick over them",
        measure: register::register,
    },
    Family {
        name: "latency",
        about: "lookups while the other core registers and unregisters, beside DashMap, papaya and scc",
        measure: latency::latency,
    },
    Family {
        name: "memory",
        about: "resident bytes for each of a million sessions",
        measure: memory::memory,
    },
];
