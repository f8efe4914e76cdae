//! `streamgauge replay`: captures in, report out.

use std::fs;
use std::io;
use std::mem;
use std::path::Path;

use crate::args::ReplayArgs;
use crate::capture::{CaptureReader, Cause, Fault};
use crate::dispatch::Dispatcher;
use crate::measurement::Measurement;
use crate::meter::{Meter, MeterConfig};
use crate::outcome::{Outcome, complain};
use crate::progress::Progress;
use crate::report::{self, InputReport, Report};
use crate::source::{self, Source};

/// Replays captures and reports to standard output; troubles go to standard error, a line each.
#[must_use]
pub fn run(args: &ReplayArgs) -> Outcome {
    let config = MeterConfig {
        idle_timeout: args.idle_timeout,
        history: args.history.clone(),
    };
    let meter = match Meter::new(&config) {
        Ok(meter) => meter,
        Err(error) => return complain("history", &error, Outcome::OutputFailed),
    };
    if let Some(warning) = meter.warning() {
        complain("history", &warning, Outcome::Success);
    }
    let mut dispatcher = match Dispatcher::new(meter) {
        Ok(dispatcher) => dispatcher,
        Err(error) => return complain("meter", &error, Outcome::OutputFailed),
    };
    let mut outcome = Outcome::Success;
    let mut inputs = Vec::with_capacity(args.files.len());
    for path in &args.files {
        let (input, fault) = feed(path, &mut dispatcher, !args.no_progress);
        if let Some(fault) = &fault {
            outcome = outcome.max(complain(&input.name, fault, Outcome::InputFailed));
        }
        inputs.push(input);
    }
    let mut meter = dispatcher.finish();
    if !inputs.iter().any(|input| input.recognized) {
        return outcome;
    }
    let (measurement, saved) = meter.finish();
    if args.history.is_none() {
        // Dropped, the collector would end every session and enter it in a history that nobody reads, which takes longer
        // than all of its packets did. A command ends here, and its memory with it.
        mem::forget(meter);
    }
    if let Err(error) = saved {
        outcome = outcome.max(complain("history", &error, Outcome::OutputFailed));
    }
    // Conservation: the sessions counted what was read, exactly.
    let counted = measurement.counted();
    debug_assert_eq!(
        counted.packets(),
        inputs.iter().map(|input| input.packets).sum::<u64>()
    );
    debug_assert_eq!(
        counted.bytes(),
        inputs.iter().map(|input| input.bytes).sum::<u64>()
    );
    outcome.max(publish(args, inputs, measurement))
}

/// Reads one capture into the meter: what was read of it, and what was wrong with it.
fn feed(path: &Path, dispatcher: &mut Dispatcher, progress: bool) -> (InputReport, Option<String>) {
    let mut input = InputReport {
        name: source::title(path).display().to_string(),
        ..InputReport::default()
    };
    let source = match Source::open(path) {
        Ok(source) => source,
        Err(error) => {
            input.error = Some(error.to_string());
            return (input, Some(error.to_string()));
        }
    };
    let progress = Progress::new(source.length(), progress);
    let stored = progress.watch(source.into_reader());
    let fault = match source::decompress(stored) {
        Ok(stream) => read(stream, dispatcher, &mut input).err(),
        Err(error) => Some(Fault {
            offset: 0,
            cause: Cause::Unreadable(error),
        }),
    };
    let message = fault.map(|fault| fault.to_string());
    input.error.clone_from(&message);
    (input, message)
}

fn read(
    stream: Box<dyn io::Read>,
    dispatcher: &mut Dispatcher,
    input: &mut InputReport,
) -> Result<(), Fault> {
    let mut capture = CaptureReader::open(stream)?;
    input.recognized = true;
    let mut last_link = None;
    while let Some(packet) = capture.next_packet()? {
        dispatcher.dispatch(&packet);
        input.packets += 1;
        input.bytes += u64::from(packet.wire_bytes);
        if last_link != Some(packet.link) {
            last_link = Some(packet.link);
            if !packet.link.is_known() {
                input.opaque.insert(packet.link);
            }
        }
    }
    Ok(())
}

/// Writes the report, and the chart where one is wanted.
fn publish(args: &ReplayArgs, inputs: Vec<InputReport>, measurement: Measurement) -> Outcome {
    for input in &inputs {
        for link in &input.opaque {
            complain(
                &input.name,
                &format!("{link} is not looked into: its packets count as not IP"),
                Outcome::Success,
            );
        }
    }
    let report = Report::new(inputs, measurement, args.by, args.top, args.format);
    let mut outcome = Outcome::Success;
    if let Some(path) = &args.svg {
        let chart = report::chart::render(&report).map_err(|error| error.to_string());
        let written = chart.and_then(|svg| fs::write(path, svg).map_err(|error| error.to_string()));
        if let Err(error) = written {
            outcome = complain(&path.display().to_string(), &error, Outcome::OutputFailed);
        }
    }
    outcome.max(Outcome::of_report(|mut out| report.write(args.format, &mut out)))
}
