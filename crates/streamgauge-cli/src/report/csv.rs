//! Lines of values between commas, for spreadsheets and programs: quoted as RFC 4180 has it, lines ended by LF.
//!
//! A name comes from whoever connects, and a spreadsheet takes text that begins like a formula for one. Such a name has a `'`
//! before it, and so has one that begins with a `'`: a program that takes one `'` off the front has the name as it was.
//!
//! csv is named in this file alone.

use std::io::{self, Write};

/// What a spreadsheet may take for the beginning of a formula, or of a mark like ours.
const GUARDED: [char; 9] = ['=', '+', '-', '@', '\t', '\r', '\n', '\'', '＝'];

/// A writer of such lines.
#[derive(Debug)]
pub(crate) struct Csv<W: Write> {
    writer: csv::Writer<W>,
}

impl<W: Write> Csv<W> {
    pub(crate) fn new(out: W) -> Self {
        Self {
            writer: csv::Writer::from_writer(out),
        }
    }

    /// Writes the names of the columns.
    pub(crate) fn header<'a>(&mut self, columns: impl IntoIterator<Item = &'a &'a str>) -> io::Result<()> {
        Ok(self.writer.write_record(columns)?)
    }

    /// Writes a name that is not ours.
    pub(crate) fn name(&mut self, name: &str) -> io::Result<()> {
        if name.starts_with(GUARDED) {
            Ok(self.writer.write_field(format!("'{name}"))?)
        } else {
            Ok(self.writer.write_field(name)?)
        }
    }

    /// Writes a number, or a word of ours.
    pub(crate) fn value(&mut self, value: impl ToString) -> io::Result<()> {
        Ok(self.writer.write_field(value.to_string())?)
    }

    /// Ends a line.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        Ok(self.writer.write_record(None::<&[u8]>)?)
    }

    /// Writes what is still held back.
    pub(crate) fn flush(mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
