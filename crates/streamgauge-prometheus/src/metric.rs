//! A metric: its name, its kind, and the samples that it has at a scrape. The [`list`] has all of them.

pub(crate) mod list;

use std::borrow::Cow;

use crate::exporter::CollectorState;

/// What kind of number a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Never falls, while its collector is registered.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Is 1: its labels tell.
    Info,
}

/// A number of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    Whole(u64),
    Real(f64),
}

/// What a metric is at a scrape, for one set of labels.
#[derive(Debug)]
pub(crate) struct Sample<'a> {
    pub(crate) labels: Labels<'a>,
    pub(crate) value: Value,
}

pub(crate) type Labels<'a> = Vec<(&'static str, Cow<'a, str>)>;

/// Something that is measured of each collector, or of the program.
#[derive(Debug)]
pub(crate) struct Metric {
    /// Without the unit and the suffix.
    pub(crate) name: &'static str,
    pub(crate) unit: Option<&'static str>,
    pub(crate) kind: Kind,
    pub(crate) help: &'static str,
    read: Read,
}

/// Where the samples come from.
#[derive(Debug)]
enum Read {
    Program(fn() -> Vec<Sample<'static>>),
    /// The label `collector` is added.
    Collector(fn(&CollectorState) -> Vec<Sample<'_>>),
}

impl Metric {
    pub(crate) fn samples<'a>(&self, collectors: &'a [CollectorState]) -> Vec<Sample<'a>> {
        match self.read {
            Read::Program(read) => read(),
            Read::Collector(read) => {
                let of_one = |state: &'a CollectorState| {
                    read(state).into_iter().map(|mut sample| {
                        sample.labels.insert(0, ("collector", Cow::from(&state.name)));
                        sample
                    })
                };
                collectors.iter().flat_map(of_one).collect()
            }
        }
    }
}
