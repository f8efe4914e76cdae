//! What became of the events.

/// What became of the events that webhooks were told. Each is in one of the four.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct WebhookCounts {
    /// Answered with 2xx.
    pub delivered: u64,
    /// Refused by the receiver, or out of time.
    pub failed: u64,
    /// Not taken, because the queue was full or the thread had ended; or still queued when it ended.
    pub dropped: u64,
    /// Queued, or under way.
    pub pending: u64,
    /// Requests, not events, that were sent again.
    pub retries: u64,
    /// Why the last request that failed did; none if none did, or the one after it succeeded.
    pub last_error: Option<String>,
}
