//! An answer that differs from the model's, and how it is told.

use std::fmt;

use crate::script::Script;

/// An answer that differs.
#[derive(Debug)]
pub(super) struct Mismatch {
    what: String,
    found: String,
    expected: String,
}

impl Mismatch {
    pub(super) fn of(what: impl fmt::Display, found: impl fmt::Debug, expected: impl fmt::Debug) -> Self {
        Self {
            what: what.to_string(),
            found: format!("{found:?}"),
            expected: format!("{expected:?}"),
        }
    }

    pub(super) fn in_part(self, part: impl fmt::Display) -> Self {
        Self {
            what: format!("{part}: {}", self.what),
            ..self
        }
    }
}

/// Whether two values are the same, to the last bit of their numbers: the model computes with the whole numbers that the
/// answers stand for.
pub(super) fn is_same<A: PartialEq<B>, B>(found: &A, expected: &B) -> bool {
    found == expected
}

/// Answers the mismatch of two values, if they are not the same. What it is about is formatted for that alone.
macro_rules! same {
    ($found:expr, $expected:expr, $($what:tt)+) => {
        match ($found, $expected) {
            (found, expected) => {
                if !crate::trial::mismatch::is_same(&found, &expected) {
                    return Err(crate::trial::mismatch::Mismatch::of(format_args!($($what)+), found, expected));
                }
            }
        }
    };
}

pub(super) use same;

/// A script that failed: at which operation, and how.
#[derive(Debug)]
pub struct Failure {
    script: Box<Script>,
    at: usize,
    mismatch: Mismatch,
}

impl Failure {
    pub(super) fn new(script: &Script, at: usize, mismatch: Mismatch) -> Self {
        Self {
            script: Box::new(script.clone()),
            at,
            mismatch,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mismatch {
            what,
            found,
            expected,
        } = &self.mismatch;
        writeln!(f, "after operation {}, {what}:", self.at)?;
        writeln!(f, "     found {found}")?;
        writeln!(f, "  expected {expected}")?;
        let until = Script {
            setups: self.script.setups.clone(),
            operations: self.script.operations.iter().take(self.at + 1).cloned().collect(),
        };
        write!(f, "{until:?}")
    }
}

impl std::error::Error for Failure {}
