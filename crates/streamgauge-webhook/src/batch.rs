//! What a request says.

use serde::Serialize;
use streamgauge_json::EventBody;

use crate::desk::Numbered;

/// A request, the same in every attempt.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Another one for each request, in all runs.
    pub(crate) id: String,
    pub(crate) body: Vec<u8>,
    pub(crate) events: usize,
}

#[derive(Debug, Serialize)]
struct BatchBody<'a> {
    events: Vec<NumberedBody<'a>>,
}

#[derive(Debug, Serialize)]
struct NumberedBody<'a> {
    event_id: String,
    #[serde(flatten)]
    event: EventBody<'a>,
}

impl Batch {
    /// The request of these events, in a run of the program.
    pub(crate) fn new(run: u64, events: &[Numbered]) -> Result<Self, serde_json::Error> {
        let name = |number: u64| format!("{run:016x}-{number}");
        let bodies = events.iter().filter_map(|(number, event)| {
            Some(NumberedBody {
                event_id: name(*number),
                event: EventBody::of(event)?,
            })
        });
        let body = BatchBody {
            events: bodies.collect(),
        };
        Ok(Self {
            id: name(events.first().map_or(0, |(number, _)| *number)),
            body: serde_json::to_vec(&body)?,
            events: events.len(),
        })
    }
}
