//! What is wrong with a configuration: all of it at once.

use std::fmt;

/// A configuration that a relay cannot start with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key, variable, flag or file.
    pub subject: String,
    /// What is wrong with it.
    pub message: String,
}

impl ConfigError {
    /// Everything that is wrong, in the order of the keys.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            if at > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.message)
    }
}

/// Problems as they are found.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn add(&mut self, subject: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem {
            subject: subject.into(),
            message: message.into(),
        });
    }

    /// The value, or none and a problem.
    pub(super) fn note<T, E: fmt::Display>(&mut self, subject: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(subject, error.to_string())).ok()
    }

    /// What was made, if nothing is wrong.
    pub(super) fn settle<T>(self, made: T) -> Result<T, ConfigError> {
        if self.0.is_empty() {
            Ok(made)
        } else {
            Err(ConfigError { problems: self.0 })
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
