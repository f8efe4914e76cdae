//! The events of the collectors, kept for a while, and who listens to them.
//!
//! An observer that puts each event into a ring of the last so many. A subscriber holds a position in it and takes what came
//! since: one that is slower than the events finds that the ring has moved on, and is told how many it missed. The
//! worker that delivers the events waits for nobody: it holds the ring's lock for one push, and so does a subscriber for
//! one batch. One that comes back says which event it saw last, and goes on behind it while the ring has it.

mod subscription;

use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use streamgauge::{SessionEvent, SessionObserver};
use tokio::sync::{Semaphore, watch};

pub(crate) use self::subscription::{Batch, Missed, Position, Subscription};

/// How much a feed keeps, and for how many.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct FeedLimits {
    /// The last so many events are kept, some 300 bytes each and their labels. At least 1.
    pub max_events: usize,
    /// So many listen at once; a further one is refused.
    pub max_subscribers: usize,
}

impl Default for FeedLimits {
    /// 4,096 events, 64 subscribers.
    fn default() -> Self {
        Self {
            max_events: 4_096,
            max_subscribers: 64,
        }
    }
}

/// The events of the collectors that it observes, for who listens at `/api/v1/events`.
///
/// Cheap to clone; clones are the same feed.
///
/// ```
/// use std::sync::Arc;
/// use streamgauge::CollectorConfig;
/// use streamgauge_api::Feed;
///
/// let feed = Feed::default();
/// let mut config = CollectorConfig::default();
/// config.observer = Some(Arc::new(feed.clone()));
/// assert_eq!(feed.subscribers(), 0);
/// ```
#[derive(Clone)]
pub struct Feed {
    shared: Arc<Shared>,
}

struct Shared {
    limits: FeedLimits,
    /// Another one in each run, so that what a subscriber saw of an earlier one is not taken for one of this.
    run: u64,
    ring: Mutex<Ring>,
    news: watch::Sender<News>,
    seats: Arc<Semaphore>,
}

/// What subscribers wake up to.
#[derive(Debug, Clone, Copy, Default)]
struct News {
    /// The number of the event that comes next.
    next: u64,
    is_closed: bool,
}

/// The last events. The last one of them has the number before `next`.
#[derive(Debug, Default)]
struct Ring {
    next: u64,
    events: VecDeque<Arc<SessionEvent>>,
}

impl Ring {
    /// The number of the first event that is still there; of the one that comes next if none is.
    fn first(&self) -> u64 {
        self.next - self.events.len() as u64
    }
}

impl Feed {
    /// A feed that keeps no more than this.
    #[must_use]
    pub fn new(limits: FeedLimits) -> Self {
        let limits = FeedLimits {
            max_events: limits.max_events.max(1),
            max_subscribers: limits.max_subscribers.min(Semaphore::MAX_PERMITS),
        };
        Self {
            shared: Arc::new(Shared {
                limits,
                // Its keys are random, and so is what they make of a constant.
                run: RandomState::new().hash_one(0),
                ring: Mutex::default(),
                news: watch::Sender::default(),
                seats: Arc::new(Semaphore::new(limits.max_subscribers)),
            }),
        }
    }

    /// How many listen now.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.shared.limits.max_subscribers - self.shared.seats.available_permits()
    }

    /// Ends all subscriptions, once they have told what is there, and admits no further one. A server that stops
    /// gracefully waits for its replies, and these would never end by themselves.
    pub fn close(&self) {
        self.shared.news.send_modify(|news| news.is_closed = true);
    }

    /// Listens from a position on; none if all seats are taken, or the feed is closed.
    pub(crate) fn subscribe(&self, position: Option<Position>) -> Option<Subscription> {
        if self.shared.news.borrow().is_closed {
            return None;
        }
        let seat = Arc::clone(&self.shared.seats).try_acquire_owned().ok()?;
        Some(Subscription::new(Arc::clone(&self.shared), seat, position))
    }

    /// How many may listen.
    pub(crate) fn max_subscribers(&self) -> usize {
        self.shared.limits.max_subscribers
    }
}

impl Default for Feed {
    fn default() -> Self {
        Self::new(FeedLimits::default())
    }
}

impl SessionObserver for Feed {
    fn on_event(&self, event: &SessionEvent) {
        let event = Arc::new(event.clone());
        let mut ring = self.shared.ring();
        let is_full = ring.events.len() == self.shared.limits.max_events;
        let oldest = is_full.then(|| ring.events.pop_front());
        ring.events.push_back(event);
        ring.next += 1;
        let next = ring.next;
        drop(ring);
        // Freed where no subscriber waits for the ring.
        drop(oldest);
        self.shared
            .news
            .send_modify(|news| news.next = news.next.max(next));
    }
}

impl Shared {
    fn ring(&self) -> MutexGuard<'_, Ring> {
        // What panicked while it held the lock left a whole ring: nothing in there can.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed")
            .field("limits", &self.shared.limits)
            .field("subscribers", &self.subscribers())
            .finish_non_exhaustive()
    }
}
