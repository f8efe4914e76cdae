//! What happened to a session.

use serde::Serialize;
use streamgauge::{CloseReason, ClosedSession, SessionEvent, SessionIdRef, SessionIdentity};

use crate::{EncodedId, Moment};

/// Something that happened to a session.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum EventBody<'a> {
    /// It was registered, or became active.
    Open(OpenBody<'a>),
    /// It closed, or more turned out to have been counted by then.
    Closed(Box<ClosedBody<'a>>),
}

impl<'a> EventBody<'a> {
    /// The body of an event; none of a kind that this crate does not know.
    #[must_use]
    pub fn of(event: &'a SessionEvent) -> Option<Self> {
        let kind = Self::kind(event)?;
        match event {
            SessionEvent::Registered(identity) | SessionEvent::Activated(identity) => {
                Some(Self::Open(OpenBody {
                    kind,
                    identity: identity.into(),
                }))
            }
            SessionEvent::Closed(closed) | SessionEvent::Corrected(closed) => {
                Some(Self::Closed(Box::new(ClosedBody::of(kind, closed))))
            }
            _ => None,
        }
    }

    /// What a kind of event is called: `registered`, `activated`, `closed` or `corrected`.
    #[must_use]
    pub fn kind(event: &SessionEvent) -> Option<&'static str> {
        match event {
            SessionEvent::Registered(_) => Some("registered"),
            SessionEvent::Activated(_) => Some("activated"),
            SessionEvent::Closed(_) => Some("closed"),
            SessionEvent::Corrected(_) => Some("corrected"),
            _ => None,
        }
    }
}

/// Which session was registered, or became active.
#[derive(Debug, Clone, Serialize)]
pub struct OpenBody<'a> {
    kind: &'static str,
    #[serde(flatten)]
    identity: IdentityBody<'a>,
}

/// Which session an event is about.
#[derive(Debug, Clone, Serialize)]
pub struct IdentityBody<'a> {
    collector: &'a str,
    /// As text for people: bytes that are none are escaped.
    id: SessionIdRef<'a>,
    id_encoded: EncodedId<'a>,
    reference: &'a str,
    location: &'a str,
    peer: &'a str,
    extra: &'a str,
    created_at: Moment,
}

impl<'a> From<&'a SessionIdentity> for IdentityBody<'a> {
    fn from(identity: &'a SessionIdentity) -> Self {
        Self {
            collector: &identity.collector,
            id: (&identity.id).into(),
            id_encoded: EncodedId::new(identity.id.as_bytes()),
            reference: &identity.reference,
            location: &identity.location,
            peer: &identity.peer,
            extra: &identity.extra,
            created_at: identity.created_at.into(),
        }
    }
}

/// What a session ended with.
#[derive(Debug, Clone, Serialize)]
pub struct ClosedBody<'a> {
    kind: &'static str,
    #[serde(flatten)]
    identity: IdentityBody<'a>,
    reason: String,
    closed_at: Moment,
    duration_seconds: f64,
    was_active: bool,
    rx_bytes: u64,
    tx_bytes: u64,
    rx_packets: u64,
    tx_packets: u64,
    average_rx_bitrate: f64,
    average_tx_bitrate: f64,
    top_rx_bitrate: f64,
    top_tx_bitrate: f64,
    peak_rx_bitrate: f64,
    peak_tx_bitrate: f64,
    is_final: bool,
}

impl<'a> ClosedBody<'a> {
    fn of(kind: &'static str, closed: &'a ClosedSession) -> Self {
        Self {
            kind,
            identity: (&closed.identity).into(),
            reason: reason_name(closed.reason),
            closed_at: closed.closed_at.into(),
            duration_seconds: closed.duration.as_secs_f64(),
            was_active: closed.was_active,
            rx_bytes: closed.totals.total_rx_bytes,
            tx_bytes: closed.totals.total_tx_bytes,
            rx_packets: closed.totals.total_rx_packets,
            tx_packets: closed.totals.total_tx_packets,
            average_rx_bitrate: closed.average_rx_bitrate,
            average_tx_bitrate: closed.average_tx_bitrate,
            top_rx_bitrate: closed.top_rx_bitrate,
            top_tx_bitrate: closed.top_tx_bitrate,
            peak_rx_bitrate: closed.peak_rx_bitrate,
            peak_tx_bitrate: closed.peak_tx_bitrate,
            is_final: closed.is_final,
        }
    }
}

/// The name of a reason in JSON: the words that it is shown as, with underscores between them.
#[must_use]
pub fn reason_name(reason: CloseReason) -> String {
    reason.to_string().replace(' ', "_")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use streamgauge::{Collector, CollectorConfig, ManualClock, SessionEvent, SessionObserver};

    use super::EventBody;

    #[derive(Default)]
    struct Lines(Mutex<Vec<String>>);

    impl SessionObserver for Lines {
        fn on_event(&self, event: &SessionEvent) {
            let body = EventBody::of(event).unwrap();
            self.0.lock().unwrap().push(serde_json::to_string(&body).unwrap());
        }
    }

    #[test]
    fn a_session_of_two_seconds_is_told_to_the_letter() {
        let lines = Arc::new(Lines::default());
        let mut config = CollectorConfig::default();
        config.observer = Some(lines.clone());
        let clock = ManualClock::default();
        let collector = Collector::manual(config, clock.clone());
        let session = collector.register(b"a\xff", "stream", "here", "there");
        session.extra("\"more\"");
        session.egress(1_000);
        collector.tick();
        clock.advance(Duration::from_secs(2));
        session.egress(250);
        session.unregister();
        collector.tick();
        let identity = r#""collector":"","id":"a\\xff","id_encoded":"a%FF","reference":"stream","location":"here","peer":"there","extra":"\"more\"","created_at":"1970-01-01T00:00:00.000Z""#;
        let told = lines.0.lock().unwrap();
        assert_eq!(told[0], format!(r#"{{"kind":"registered",{identity}}}"#));
        assert_eq!(told[1], format!(r#"{{"kind":"activated",{identity}}}"#));
        assert_eq!(
            told[2],
            format!(
                r#"{{"kind":"closed",{identity},"reason":"unregistered","closed_at":"1970-01-01T00:00:02.000Z","duration_seconds":2.0,"was_active":true,"rx_bytes":0,"tx_bytes":1250,"rx_packets":0,"tx_packets":0,"average_rx_bitrate":0.0,"average_tx_bitrate":5000.0,"top_rx_bitrate":0.0,"top_tx_bitrate":0.0,"peak_rx_bitrate":0.0,"peak_tx_bitrate":0.0,"is_final":true}}"#
            )
        );
        assert_eq!(told.len(), 3);
    }
}
