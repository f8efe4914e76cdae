//! A mutant as cargo-mutants lists it: some text of a file, and what stands there instead.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::failure::Failure;

/// One change of the sources.
#[derive(Debug)]
pub(crate) struct Mutant {
    /// What chooses it: from 1, since 0 is none.
    pub(crate) number: usize,
    /// File, line, column and what is replaced by what: in one line, and no other mutant's.
    pub(crate) name: String,
    /// From the root of the tree.
    pub(crate) file: PathBuf,
    pub(crate) replacement: String,
    start: Place,
    end: Place,
}

/// A place in a text, both counted from 1, the column in characters.
#[derive(Debug)]
struct Place {
    line: usize,
    column: usize,
}

impl Mutant {
    /// All mutants of a list, in its order.
    pub(crate) fn listed(list: &Path) -> Result<Vec<Self>, Failure> {
        let json = std::fs::read_to_string(list).map_err(Failure::of(list))?;
        serde_json::from_str(&json)
            .ok()
            .and_then(|listed: Vec<Value>| {
                let numbered = (1..).zip(&listed);
                numbered
                    .map(|(number, value)| Self::read(number, value))
                    .collect()
            })
            .ok_or_else(|| Failure::List(list.to_owned()))
    }

    /// One of a list.
    pub(crate) fn read(number: usize, value: &Value) -> Option<Self> {
        Some(Self {
            number,
            name: value["name"].as_str()?.to_owned(),
            file: value["file"].as_str()?.into(),
            replacement: value["replacement"].as_str()?.to_owned(),
            start: Place::read(&value["span"]["start"])?,
            end: Place::read(&value["span"]["end"])?,
        })
    }

    /// Which bytes of its file are replaced; none if the file is not long enough.
    pub(crate) fn range(&self, source: &str) -> Option<Range<usize>> {
        Some(self.start.offset(source)?..self.end.offset(source)?)
    }
}

impl Place {
    fn read(value: &Value) -> Option<Self> {
        Some(Self {
            line: usize::try_from(value["line"].as_u64()?).ok()?,
            column: usize::try_from(value["column"].as_u64()?).ok()?,
        })
    }

    fn offset(&self, source: &str) -> Option<usize> {
        let mut lines = source.split_inclusive('\n');
        let before: usize = lines.by_ref().take(self.line.checked_sub(1)?).map(str::len).sum();
        let line = lines.next()?;
        let column = self.column.checked_sub(1)?;
        let mut offsets = line.char_indices().map(|(offset, _)| offset).chain([line.len()]);
        Some(before + offsets.nth(column)?)
    }
}
