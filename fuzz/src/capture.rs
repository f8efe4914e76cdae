//! Target: a capture, through all that `streamgauge replay` does with it but print to a terminal.
//!
//! An input is replayed twice: at once, without a timeout, and read in small pieces, with conversations that time out after
//! two captured seconds, and batches of three packets. What was read of it and what was counted have to be the same both
//! times, and of a classic pcap what a second, slow reader finds. Each packet was a record of the input; the meter counts each once, in the row of its
//! conversation and in the sample of its second; a report can be made of it in every form.
//!
//! The reader may allocate so many bytes for each byte of the input, and no more: lengths in it may lie.

mod frames;
mod inline;
mod oracle;
mod seeds;

use std::io::{self, Cursor, Read};
use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use streamgauge_cli::args::{Format, Rank};
use streamgauge_cli::capture::{CaptureReader, Cause, Fault};
use streamgauge_cli::dispatch::Dispatcher;
use streamgauge_cli::measurement::{Measurement, Tally};
use streamgauge_cli::meter::{Meter, MeterConfig};
use streamgauge_cli::report::{InputReport, Report, chart};
use streamgauge_cli::source;
use streamgauge_testkit::count;

use self::inline::Inline;
use crate::target::Target;

/// The replay of captures.
pub const TARGET: Target = Target {
    name: "capture",
    run,
    seeds: seeds::all,
};

/// What is read of what an input holds in gzip, which may be a thousand times the input.
const MOST_INFLATED: u64 = 256 << 10;

/// What reading may allocate for each byte that it was given: the window grows to twice the largest record, and a packet of
/// 16 bytes may be the first of a conversation.
const MOST_PER_BYTE: u64 = 64;

/// What reading may allocate whatever the input: the window, the inflater, two batches, what remembers flows.
const MOST_AT_ALL: u64 = 2 << 20;

fn run(input: &[u8]) {
    let whole = gunzipped(input);
    let (at_once, measurement) = replay(&whole, usize::MAX, None);
    oracle::check(&whole, &at_once);
    check(&whole, &at_once, &measurement);
    report(&at_once, &measurement);
    let (in_pieces, closing) = replay(&whole, 7, Some(Duration::from_secs(2)));
    assert_eq!(at_once, in_pieces, "read otherwise in pieces");
    check(&whole, &in_pieces, &closing);
    assert_eq!(by_conversation(measurement), by_conversation(closing));
}

/// What was read of an input.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    packets: u64,
    wire_bytes: u64,
    captured_bytes: u64,
    /// Where and why reading ended early.
    fault: Option<(u64, Discriminant<Cause>)>,
    /// Whether it is a capture at all.
    recognized: bool,
}

/// The input as the command takes it: out of its gzip, if it is in one, as far as that can be read.
fn gunzipped(input: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    if let Ok(stream) = source::decompress(Box::new(Cursor::new(input.to_vec()))) {
        // A damaged stream ends where it is damaged.
        let _ = stream.take(MOST_INFLATED).read_to_end(&mut whole);
    }
    whole
}

/// Replays an input as the command does.
fn replay(input: &[u8], step: usize, idle_timeout: Option<Duration>) -> (Seen, Measurement) {
    let config = MeterConfig {
        idle_timeout,
        history: None,
    };
    let meter = Meter::new(&config).unwrap();
    // One in eight as the command does it, with the meter on a thread of its own: on a busy machine each waits for the other.
    let mut sink = if step == usize::MAX && input.len().is_multiple_of(8) {
        Sink::Thread(Dispatcher::new(meter).unwrap())
    } else {
        Sink::Inline(Inline::new(meter))
    };
    let mut seen = Seen::default();
    let (fault, counts) = count(|| {
        read(
            InPieces {
                rest: input,
                length: step,
            },
            &mut sink,
            &mut seen,
        )
        .err()
    });
    seen.fault = fault.map(|fault| {
        assert!(fault.offset <= input.len() as u64, "{fault}, beyond the end");
        assert!(!fault.to_string().contains('\n'), "{fault}");
        (fault.offset, discriminant(&fault.cause))
    });
    let most = MOST_AT_ALL + MOST_PER_BYTE * input.len() as u64;
    assert!(
        counts.bytes_allocated <= most,
        "{} bytes allocated for an input of {}",
        counts.bytes_allocated,
        input.len()
    );
    let mut meter = match sink {
        Sink::Thread(dispatcher) => dispatcher.finish(),
        Sink::Inline(inline) => inline.finish(),
    };
    let (measurement, saved) = meter.finish();
    assert!(saved.is_ok());
    (seen, measurement)
}

/// Where packets go.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one of them, and it stays where it is"
)]
enum Sink {
    Thread(Dispatcher),
    Inline(Inline),
}

fn read(input: InPieces<'_>, sink: &mut Sink, seen: &mut Seen) -> Result<(), Fault> {
    let mut capture = CaptureReader::open(input)?;
    seen.recognized = true;
    while let Some(packet) = capture.next_packet()? {
        match sink {
            Sink::Thread(dispatcher) => dispatcher.dispatch(&packet),
            Sink::Inline(inline) => inline.dispatch(&packet),
        }
        seen.packets += 1;
        seen.wire_bytes += u64::from(packet.wire_bytes);
        seen.captured_bytes += packet.data.len() as u64;
    }
    Ok(())
}

/// That a measurement is of what was read, and adds up.
fn check(input: &[u8], seen: &Seen, measurement: &Measurement) {
    assert!(seen.captured_bytes + 16 * seen.packets <= input.len() as u64);
    let counted = measurement.counted();
    assert_eq!(
        (counted.packets(), counted.bytes()),
        (seen.packets, seen.wire_bytes)
    );
    assert_eq!(
        counted,
        sum(measurement.rows.iter().map(|row| row.tally)),
        "the rows"
    );
    let parts = [
        measurement.live,
        measurement.history,
        measurement.pending,
        measurement.discarded,
    ];
    assert_eq!(measurement.totals, sum(parts), "the parts");
    if measurement.started_at.is_some() {
        let samples = measurement.samples.iter();
        let (rx, tx) = samples.fold((0, 0), |(rx, tx), sample| {
            (rx + sample.rx_bytes, tx + sample.tx_bytes)
        });
        assert_eq!((rx, tx), (counted.rx_bytes, counted.tx_bytes), "the samples");
    }
    for rates in measurement
        .rows
        .iter()
        .map(|row| row.rates)
        .chain([measurement.rates])
    {
        for rate in [
            rates.rx_bitrate,
            rates.tx_bitrate,
            rates.top_rx_bitrate,
            rates.top_tx_bitrate,
        ] {
            assert!(rate.is_finite() && rate >= 0.0, "{rate} bit/s");
        }
    }
}

/// That a report can be made of it, in every form.
fn report(seen: &Seen, measurement: &Measurement) {
    let input = InputReport {
        name: "input".to_owned(),
        recognized: seen.recognized,
        packets: seen.packets,
        bytes: seen.wire_bytes,
        error: seen.fault.map(|(offset, _)| format!("at byte {offset}")),
        ..InputReport::default()
    };
    for format in [Format::Table, Format::Json, Format::Conversations] {
        let report = Report::new(
            vec![input.clone()],
            measurement.clone(),
            Rank::Total,
            Some(0),
            format,
        );
        let mut out = Vec::new();
        report.write(format, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let is_control = |c: char| c.is_control() && c != '\n' && c != '\t';
        assert!(!text.contains(is_control), "{text:?}");
        match format {
            Format::Json => {
                serde_json::from_str::<serde::de::IgnoredAny>(&text).unwrap();
            }
            Format::Conversations => assert_eq!(text.lines().count(), 1 + measurement.rows.len()),
            // One in sixteen: a chart takes ten times as long as all the rest.
            Format::Table if seen.captured_bytes.is_multiple_of(16) => {
                chart::render(&report).map(drop).unwrap();
            }
            Format::Table => {}
        }
    }
}

/// Who moved how much, by conversation, however many sessions that took.
fn by_conversation(mut measurement: Measurement) -> Vec<(String, bool, u64, u64, u64, u64)> {
    measurement.rows.sort_unstable_by_key(|row| row.conversation.key);
    let name = |row: &streamgauge_cli::measurement::Row| {
        let (peer, location) = (row.conversation.peer(), row.conversation.location());
        format!("{peer} {location} {}", row.conversation.reference())
    };
    let rows = measurement.rows.iter().map(|row| {
        let Tally {
            rx_bytes,
            tx_bytes,
            rx_packets,
            tx_packets,
            ..
        } = row.tally;
        (
            name(row),
            row.conversation.began_low,
            rx_bytes,
            tx_bytes,
            rx_packets,
            tx_packets,
        )
    });
    rows.collect()
}

fn sum(parts: impl IntoIterator<Item = Tally>) -> Tally {
    parts.into_iter().fold(Tally::default(), |mut sum, part| {
        sum.sessions += part.sessions;
        sum.rx_bytes += part.rx_bytes;
        sum.tx_bytes += part.tx_bytes;
        sum.rx_packets += part.rx_packets;
        sum.tx_packets += part.tx_packets;
        sum
    })
}

/// An input that gives so many bytes at a time at most, as a pipe does.
struct InPieces<'a> {
    rest: &'a [u8],
    length: usize,
}

impl Read for InPieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(self.length);
        self.rest.read(&mut buffer[..length])
    }
}
