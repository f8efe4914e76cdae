//! Why a file is no history, and where in it.

use std::fmt;
use std::io;

use serde_json::error::Category;

/// What can go wrong in reading a file.
#[derive(Debug)]
pub(in crate::history) enum ReadError {
    Unreadable(io::Error),
    Document(DocumentError),
}

/// Which entry, and which of its fields.
#[derive(Debug, Default)]
pub(super) struct Place {
    pub(super) key: Option<String>,
    pub(super) field: Option<String>,
}

/// Why a file is none of these, and where.
#[derive(Debug, thiserror::Error)]
#[error("line {line}, column {column}{place}: {cause}; {remedy}; nothing was imported")]
pub(in crate::history) struct DocumentError {
    line: usize,
    column: usize,
    place: Place,
    cause: String,
    remedy: &'static str,
}

impl DocumentError {
    pub(super) fn new(place: Place, error: &serde_json::Error) -> Self {
        let cause = error.to_string();
        let (line, column) = (error.line(), error.column());
        let position = format!(" at line {line} column {column}");
        Self {
            line,
            column,
            cause: cause.strip_suffix(&position).unwrap_or(&cause).to_owned(),
            remedy: match (&place.key, error.classify()) {
                (_, Category::Eof) => "copy the file anew from where it was whole",
                (Some(_), Category::Data) => "mend this entry or take it out of the file",
                _ => {
                    "name a file that datarhei Core keeps a session history in, with an object \"sessions\" in it"
                }
            },
            place,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(key) = &self.key {
            write!(f, ", entry \"{}\"", abridged(key))?;
        }
        match &self.field {
            Some(field) => write!(f, ", {}", abridged(field)),
            None => Ok(()),
        }
    }
}

/// Text of any length, for a line.
pub(super) fn abridged(text: &str) -> String {
    const MOST: usize = 120;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
