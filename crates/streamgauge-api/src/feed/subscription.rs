//! One who listens to a feed.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use streamgauge::SessionEvent;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::{News, Shared};

/// How many events a subscriber takes at once, under the ring's lock.
const BATCH: usize = 64;

/// Which event of which run a subscriber saw last: the id of a server-sent event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    run: u64,
    number: u64,
}

impl Position {
    /// One that is in no run: what stands for an id that cannot be read.
    pub(crate) const ELSEWHERE: Self = Self {
        run: 0,
        number: u64::MAX,
    };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.run, self.number)
    }
}

impl FromStr for Position {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (run, number) = text.split_once('-').unwrap_or_default();
        Ok(Self {
            run: u64::from_str_radix(run, 16)?,
            number: number.parse()?,
        })
    }
}

/// Events that a subscriber will not see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missed {
    /// So many.
    Events(u64),
    /// Those since another run: nobody knows how many.
    Unknown,
}

/// What a subscriber takes at once.
#[derive(Debug)]
pub(crate) struct Batch {
    /// What it missed before the events, and the position behind that; none if that is before all events.
    pub(crate) missed: Option<(Missed, Option<Position>)>,
    pub(crate) events: Vec<(Position, Arc<SessionEvent>)>,
}

/// A place in a feed. Dropping it gives its seat away.
pub(crate) struct Subscription {
    feed: Arc<Shared>,
    news: watch::Receiver<News>,
    /// The number of the event to be told next.
    next: u64,
    is_of_another_run: bool,
    _seat: OwnedSemaphorePermit,
}

impl Subscription {
    pub(super) fn new(feed: Arc<Shared>, seat: OwnedSemaphorePermit, position: Option<Position>) -> Self {
        let news = feed.news.subscribe();
        let now = feed.ring().next;
        let (next, is_of_another_run) = match position {
            None => (now, false),
            // Nobody saw an event that is yet to come.
            Some(seen) if seen.run == feed.run && seen.number < now => (seen.number + 1, false),
            Some(_) => (feed.ring().first(), true),
        };
        Self {
            feed,
            news,
            next,
            is_of_another_run,
            _seat: seat,
        }
    }

    /// Waits until there is something to take. False if nothing will be any more.
    ///
    /// Dropping it half-way loses nothing.
    pub(crate) async fn wait(&mut self) -> bool {
        loop {
            let news = *self.news.borrow_and_update();
            if news.next > self.next || self.is_of_another_run {
                return true;
            }
            if news.is_closed || self.news.changed().await.is_err() {
                return false;
            }
        }
    }

    /// Takes what is there, up to a batch.
    pub(crate) fn take(&mut self) -> Batch {
        let ring = self.feed.ring();
        let run = self.feed.run;
        let first = ring.first();
        let before_first = first.checked_sub(1).map(|number| Position { run, number });
        let missed = if std::mem::take(&mut self.is_of_another_run) {
            Some(Missed::Unknown)
        } else {
            let events = first.saturating_sub(self.next);
            (events > 0).then_some(Missed::Events(events))
        };
        self.next = self.next.max(first);
        let skipped = usize::try_from(self.next - first).unwrap_or(usize::MAX);
        let events = ring.events.iter().skip(skipped).take(BATCH);
        let events: Vec<_> = (self.next..)
            .map(|number| Position { run, number })
            .zip(events.cloned())
            .collect();
        self.next += events.len() as u64;
        Batch {
            missed: missed.map(|missed| (missed, before_first)),
            events,
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}
