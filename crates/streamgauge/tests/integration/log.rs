//! The log: what becomes of a session, for whoever subscribes to it.

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::ledger_check::{Checked, S};

/// Keeps a line for each event.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Line(String);
        impl Visit for Line {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                write!(self.0, " {field}={value:?}").unwrap();
            }
        }
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn a_session_is_logged_from_its_registration_to_its_close() {
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), || {
        let meter = Checked::patient(|_| {});
        let session = meter.register("a", "stream", "here", "there");
        session.extra("more");
        meter.tick_after(S);
        session.ingress(4_000);
        session.egress(1_000);
        meter.tick_after(S);
        meter.session_set_top_egress_bitrate("a", 7e6);
        session.unregister();
        meter.tick_after(S);
    });
    let lines = lines.0.lock().unwrap();
    let [registered, activated, closed] = &lines[..] else {
        panic!("{lines:?}");
    };
    let who = "collector= id=a reference=stream location=here peer=there extra=more";
    assert_eq!(*registered, format!(" message=session pending {who}"));
    assert_eq!(*activated, format!(" message=session active {who}"));
    // 4,000 bytes in two seconds of life are 16 kbit/s.
    let totals = "rx_bytes=4000 tx_bytes=1000 rx_bitrate_kbit=16.0 tx_bitrate_kbit=4.0";
    let tops = "rx_top_kbit=16.0 tx_top_kbit=7000.0 rx_peak_kbit=16.0 tx_peak_kbit=4.0";
    let end = "reason=unregistered is_final=true";
    assert_eq!(
        *closed,
        format!(" message=session closed {who} {totals} {tops} {end}")
    );
}
