//! The session table: id to session, looked up without locks. The only file that names the map.
//!
//! The map is the workspace's own, crates/streamgauge-table: a lookup on any thread takes no lock, allocates nothing and
//! frees nothing, whatever other threads do, and touches a bucket and the session. Insertions and removals take one lock.
//! What they take out is freed by [`reclaim`](Table::reclaim), which collections call. How it works is said there, and why
//! it is ours in docs/adr/0011-a-table-of-our-own.md.

use std::fmt;

pub(crate) use streamgauge_table::{Claim, prepare_thread};

use crate::collector::population::Population;
use crate::direction::Direction;
use crate::session::core::{SessionCore, SessionRef};
use crate::verdict::Verdict;

/// Lookup by id, with a pin of its own for each call or under a held one.
pub(crate) trait Lookup {
    /// Looks an id up and passes what is there, open or closed, to `found`.
    fn with<R>(&self, id: &[u8], found: impl FnOnce(&SessionRef) -> R) -> Option<R>;

    /// Counts by id: in the open session that has it, or not at all.
    #[inline]
    fn count(&self, population: &Population, id: &[u8], direction: Direction, bytes: u64) -> Verdict {
        let first = self.with(id, |session| session.count(direction, bytes, || population));
        self.settle(first, population, id, direction, bytes)
    }

    /// The answer of a call whose lookup found nothing, or a session that answered `first`.
    #[inline]
    fn settle(
        &self,
        first: Option<Verdict>,
        population: &Population,
        id: &[u8],
        direction: Direction,
        bytes: u64,
    ) -> Verdict {
        match first {
            Some(Verdict::Closed(_)) => self.count_again(population, id, direction, bytes),
            Some(verdict) => verdict,
            None => Verdict::Unknown,
        }
    }

    /// Counts in the successor of a closed session, if there is one: looks again while it finds another one than before.
    #[cold]
    fn count_again(&self, population: &Population, id: &[u8], direction: Direction, bytes: u64) -> Verdict {
        let mut met = 0;
        loop {
            let found = self.with(id, |session| {
                (session.count(direction, bytes, || population), session.address())
            });
            match found {
                Some((Verdict::Closed(_), session)) if session != met => met = session,
                Some((Verdict::Closed(_), _)) | None => return Verdict::Unknown,
                Some((verdict, _)) => return verdict,
            }
        }
    }
}

/// Sessions by id.
pub(crate) struct Table {
    map: streamgauge_table::Table<SessionCore>,
}

impl Table {
    /// A table that hardly grows before it holds more than `sessions`.
    pub(crate) fn with_room_for(sessions: usize) -> Self {
        Self {
            map: streamgauge_table::Table::with_room_for(sessions),
        }
    }

    /// Holds the table's memory, so that many lookups pay once.
    #[inline]
    pub(crate) fn pin(&self) -> Pin<'_> {
        Pin(self.map.pin())
    }

    /// Inserts a session whose id is free.
    ///
    /// `announce` runs inside the table's lock, before any lookup can find the session.
    pub(crate) fn claim<E>(
        &self,
        session: &SessionRef,
        announce: impl FnOnce() -> Result<(), E>,
    ) -> Claim<SessionCore, E> {
        self.map.claim(session, announce)
    }

    /// All sessions that are in the table throughout, in no order.
    pub(crate) fn sessions(&self) -> Vec<SessionRef> {
        self.map.entries()
    }

    /// Removes this very session, never a successor under the same id.
    pub(crate) fn remove(&self, session: &SessionRef) {
        self.map.remove(session);
    }

    /// Frees what was removed and outgrown, as far as no thread can have it any more. For collections.
    pub(crate) fn reclaim(&self) {
        self.map.reclaim();
    }
}

impl Lookup for Table {
    #[inline]
    fn with<R>(&self, id: &[u8], found: impl FnOnce(&SessionRef) -> R) -> Option<R> {
        self.map.with(id, found)
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").finish_non_exhaustive()
    }
}

/// A hold on the table's memory for a row of lookups.
pub(crate) struct Pin<'a>(streamgauge_table::Pin<'a, SessionCore>);

impl Pin<'_> {
    /// Counts each call by id as [`count`](Lookup::count) does, in order, and waits for the memory of many at once.
    #[inline]
    pub(crate) fn count_all<I: AsRef<[u8]>>(
        &self,
        population: &Population,
        calls: &[(I, u64)],
        direction: Direction,
        mut answer: impl FnMut(usize, Verdict),
    ) {
        self.0.find_each(
            calls,
            |call| call.0.as_ref(),
            |at, (id, bytes), session| {
                let first = session.map(|session| session.count(direction, *bytes, || population));
                answer(at, self.settle(first, population, id.as_ref(), direction, *bytes));
            },
        );
    }
}

impl Lookup for Pin<'_> {
    #[inline]
    fn with<R>(&self, id: &[u8], found: impl FnOnce(&SessionRef) -> R) -> Option<R> {
        self.0.find(id).map(|session| found(&session))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::cell::RefCell;

    use super::{Direction, Lookup, Population, SessionRef, Verdict};
    use crate::collector::config::Activation;
    use crate::session::core::SessionCore;
    use crate::session::labels::Labels;
    use crate::verdict::CloseReason;

    /// What one lookup after the other finds, the last first.
    struct Finds(RefCell<Vec<SessionRef>>);

    impl Lookup for Finds {
        fn with<R>(&self, _: &[u8], found: impl FnOnce(&SessionRef) -> R) -> Option<R> {
            let session = self.0.borrow_mut().pop()?;
            Some(found(&session))
        }
    }

    fn session() -> SessionRef {
        let (labels, _) = Labels::new("", "", "", 9, |text| text.into());
        SessionRef::new(b"a", SessionCore::new(labels, Activation::OnTraffic, false))
    }

    #[test]
    fn a_count_looks_again_while_it_finds_others_and_waits_for_no_closer() {
        let population = Population::new();
        let (one, two, open) = (session(), session(), session());
        for closed in [&one, &two] {
            population.enter_open();
            assert!(closed.close(&population, CloseReason::Unregistered).is_some());
        }
        population.enter_open();
        let count = |found: &[&SessionRef]| {
            let found = Finds(RefCell::new(found.iter().rev().copied().cloned().collect()));
            let verdict = found.count(&population, b"a", Direction::Ingress, 5);
            (verdict, found.0.into_inner().len())
        };
        assert_eq!(count(&[&one, &two, &open]), (Verdict::Counted, 0));
        // The same one again: whoever closed it has not come to the table yet.
        assert_eq!(count(&[&one, &one, &one, &open]), (Verdict::Unknown, 1));
    }
}
