//! Server-sent events: summaries at an interval, and what happens to sessions as it is delivered.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use streamgauge::SessionEvent;
use streamgauge_json::EventBody;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::api::Shared;
use crate::collectors::CollectorBody;
use crate::feed::{Batch, Missed, Position, Subscription};
use crate::problem::Problem;
use crate::query::Query;

/// What is said where nothing happens for so long, so that neither end takes the other for gone.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How often summaries are looked for, in milliseconds, and between which bounds that may be asked for.
const DEFAULT_INTERVAL_MS: u64 = 1_000;
const INTERVALS_MS: std::ops::RangeInclusive<u64> = 100..=3_600_000;

/// A kind of event that may be asked for. What was missed is always told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Summary,
    Session(&'static str),
}

const KINDS: [(&str, Kind); 5] = [
    ("summary", Kind::Summary),
    ("registered", Kind::Session("registered")),
    ("activated", Kind::Session("activated")),
    ("closed", Kind::Session("closed")),
    ("corrected", Kind::Session("corrected")),
];

pub(crate) async fn stream(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = Query::read(uri.query(), &["collectors", "kinds", "interval_ms"])?;
    let wanted = Wanted {
        collectors: collectors(&query, &shared)?,
        kinds: query.choices("kinds", &KINDS)?,
    };
    let every = query
        .number("interval_ms", INTERVALS_MS)?
        .unwrap_or(DEFAULT_INTERVAL_MS);
    let position = headers.get("last-event-id").map(|id| {
        let id = id.to_str().ok().and_then(|id| id.parse().ok());
        id.unwrap_or(Position::ELSEWHERE)
    });
    let subscription = shared.feed.subscribe(position).ok_or_else(|| {
        Problem::busy(
            format!(
                "all {} subscriptions are taken, or the server is shutting down",
                shared.feed.max_subscribers()
            ),
            "try again later, or end another subscription; FeedLimits::max_subscribers is the number",
            HeaderValue::from_static("5"),
        )
    })?;
    let listener = Listener::new(shared, subscription, wanted, Duration::from_millis(every));
    let events = stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(event), listener))
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(events).keep_alive(keep_alive).into_response())
}

/// The collectors that are asked for, each known; none for all, those included that are yet to come.
fn collectors(query: &Query<'_>, shared: &Shared) -> Result<Option<Vec<String>>, Problem> {
    let Some(names) = query.list("collectors") else {
        return Ok(None);
    };
    let mut known: Vec<String> = Vec::new();
    for name in names {
        shared.collector(name)?;
        if !known.iter().any(|there| there == name) {
            known.push(name.to_owned());
        }
    }
    Ok(Some(known))
}

/// What a subscriber asked for; none is all.
#[derive(Debug)]
struct Wanted {
    collectors: Option<Vec<String>>,
    kinds: Option<Vec<Kind>>,
}

impl Wanted {
    fn has_kind(&self, kind: Kind) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind))
    }

    fn has_collector(&self, name: &str) -> bool {
        let names = self.collectors.as_ref();
        names.is_none_or(|names| names.iter().any(|wanted| wanted == name))
    }
}

/// One who listens.
struct Listener {
    shared: Arc<Shared>,
    subscription: Subscription,
    wanted: Wanted,
    interval: Interval,
    /// The sequence of each collector's summary that was told last.
    told: HashMap<String, u64>,
    /// What is to be sent before anything else is looked for.
    ready: VecDeque<Event>,
}

impl Listener {
    fn new(shared: Arc<Shared>, subscription: Subscription, wanted: Wanted, every: Duration) -> Self {
        let mut interval = interval(every);
        // To who was slow, the next one matters, not those that are past.
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            shared,
            subscription,
            wanted,
            interval,
            told: HashMap::new(),
            ready: VecDeque::new(),
        }
    }

    /// The next event; none when the feed was closed.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            tokio::select! {
                // Summaries first: they are due at times, and events could be there always.
                biased;
                _ = self.interval.tick(), if self.wanted.has_kind(Kind::Summary) => self.look_for_summaries(),
                has_news = self.subscription.wait() => {
                    if !has_news {
                        return None;
                    }
                    let batch = self.subscription.take();
                    self.tell(batch);
                }
            }
        }
    }

    fn look_for_summaries(&mut self) {
        let all;
        let names = match &self.wanted.collectors {
            Some(names) => names,
            None => {
                all = self.shared.registry.collectors();
                &all
            }
        };
        self.told.retain(|name, _| names.contains(name));
        for name in names {
            let Some(collector) = self.shared.registry.collector(name) else {
                continue;
            };
            let body = CollectorBody::of(name, &collector);
            if self.told.insert(name.clone(), body.sequence()) != Some(body.sequence()) {
                self.ready.extend(event("summary", &body));
            }
        }
    }

    fn tell(&mut self, batch: Batch) {
        if let Some((missed, position)) = batch.missed {
            let body = MissedBody {
                events: match missed {
                    Missed::Events(events) => Some(events),
                    Missed::Unknown => None,
                },
            };
            let told = event("missed", &body).map(|event| match position {
                Some(position) => event.id(position.to_string()),
                None => event,
            });
            self.ready.extend(told);
        }
        for (position, session) in batch.events {
            let Some(kind) = EventBody::kind(&session) else {
                continue;
            };
            if self.wanted.has_kind(Kind::Session(kind)) && self.wanted.has_collector(collector(&session)) {
                let told = EventBody::of(&session).and_then(|body| event(kind, &body));
                self.ready
                    .extend(told.map(|event| event.id(position.to_string())));
            }
        }
    }
}

/// The collector that an event is about.
fn collector(event: &SessionEvent) -> &str {
    match event {
        SessionEvent::Registered(identity) | SessionEvent::Activated(identity) => &identity.collector,
        SessionEvent::Closed(closed) | SessionEvent::Corrected(closed) => &closed.identity.collector,
        _ => "",
    }
}

#[derive(Debug, Serialize)]
struct MissedBody {
    /// How many; none if nobody knows.
    events: Option<u64>,
}

fn event(kind: &str, body: &impl Serialize) -> Option<Event> {
    // JSON in one line: nothing in it can break an event.
    let text = serde_json::to_string(body).ok()?;
    Some(Event::default().event(kind).data(text))
}
