//! The observer, and the thread behind it.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use streamgauge::{SessionEvent, SessionObserver};

use crate::client::Client;
use crate::clock;
use crate::config::{WebhookConfig, WebhookError};
use crate::counts::WebhookCounts;
use crate::delivery::Delivery;
use crate::desk::Desk;
use crate::pause::Pauses;

/// Posts each session that closes to an address.
///
/// An observer, of any number of collectors. Cheap to clone; clones are the same queue and the same thread. When the last
/// one is dropped the thread posts what is queued and ends; nobody waits for it. [`stop`](Self::stop) does.
#[derive(Clone)]
pub struct Webhooks {
    owner: Arc<Owner>,
}

struct Owner {
    desk: Arc<Desk>,
    url: String,
}

impl Webhooks {
    /// Starts the thread that posts.
    ///
    /// # Errors
    ///
    /// When the configuration cannot be followed, or the thread cannot be started.
    pub fn start(config: WebhookConfig) -> Result<Self, WebhookError> {
        config.check_bounds()?;
        let desk = Arc::new(Desk::new(config.max_queued));
        let delivery = Delivery {
            desk: Arc::clone(&desk),
            client: Client::new(&config)?,
            // Its keys are random, and so is what they make of a constant.
            run: RandomState::new().hash_one(0),
            max_batch: config.max_batch,
            // Beyond what a clock can show is as good as never.
            request_timeout: config.request_timeout.min(FOREVER),
            deadline: config.deadline,
            pauses: Pauses {
                first: config.first_pause.min(FOREVER),
                longest: config.longest_pause.min(FOREVER),
            },
        };
        thread::Builder::new()
            .name("streamgauge-hook".to_owned())
            .spawn(move || delivery.run())
            .map_err(WebhookError::Thread)?;
        let url = config.url;
        Ok(Self {
            owner: Arc::new(Owner { desk, url }),
        })
    }

    /// What became of the events so far.
    ///
    /// Cost: a lock that nobody holds while the network is used.
    #[must_use]
    pub fn counts(&self) -> WebhookCounts {
        self.owner.desk.counts()
    }

    /// Posts what is queued for at most so long, then drops the rest, ends the thread, and says what became of the
    /// events. Stop the collectors before, so that their last sessions are among them.
    ///
    /// It returns in that time whatever the receiver does. A request that is under way then is left to its
    /// `request_timeout`, and its events are still `pending` in the answer. Events that come later are dropped.
    pub fn stop(&self, drain: Duration) -> WebhookCounts {
        let now = clock::now();
        // Beyond what a clock can show is as good as never.
        let until = now.checked_add(drain).unwrap_or(now + FOREVER);
        self.owner.desk.stop(until);
        self.owner.desk.wait_for_end(until);
        self.counts()
    }
}

/// A century.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

impl SessionObserver for Webhooks {
    fn on_event(&self, event: &SessionEvent) {
        if matches!(event, SessionEvent::Closed(_) | SessionEvent::Corrected(_)) {
            self.owner.desk.offer(event);
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.desk.leave();
    }
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhooks")
            .field("url", &self.owner.url)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
