//! What cargo says of a build, in JSON, a message in each line.

use std::collections::HashSet;
use std::path::PathBuf;

use serde_json::Value;

use crate::program::Program;
use crate::switch::MARK;

/// All that a build said.
#[derive(Debug, Default)]
pub(crate) struct Diagnosis {
    pub(crate) errors: Vec<Error>,
    /// The functions that were compiled, by the numbers of their marks.
    pub(crate) compiled: HashSet<usize>,
    pub(crate) programs: Vec<Program>,
}

/// An error of the compiler's.
#[derive(Debug)]
pub(crate) struct Error {
    /// Files and lines that it points at, those that it is about first.
    pub(crate) places: Vec<(PathBuf, usize)>,
    pub(crate) rendered: String,
}

impl Diagnosis {
    /// Reads what cargo printed.
    pub(crate) fn read(output: &str) -> Self {
        let mut diagnosis = Self::default();
        for message in output
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        {
            if message["reason"] == "compiler-artifact" {
                diagnosis.programs.extend(Program::of_artifact(&message));
            }
            let message = &message["message"];
            if message["level"] == "error" {
                diagnosis.errors.extend(Error::read(message));
            }
            if message["code"]["code"] == "unused_variables" {
                diagnosis.compiled.extend(marked(message));
            }
        }
        diagnosis
    }
}

impl Error {
    /// None for the sum of errors at the end, which points nowhere.
    fn read(message: &Value) -> Option<Self> {
        let spans = message["spans"].as_array().filter(|spans| !spans.is_empty())?;
        let (about, beside): (Vec<_>, Vec<_>) = spans.iter().partition(|span| span["is_primary"] == true);
        let places = about.into_iter().chain(beside).filter_map(|span| {
            let line = usize::try_from(span["line_start"].as_u64()?).ok()?;
            Some((span["file_name"].as_str()?.into(), line))
        });
        Some(Self {
            places: places.collect(),
            rendered: message["rendered"].as_str().unwrap_or_default().to_owned(),
        })
    }
}

fn marked(warning: &Value) -> Option<usize> {
    let (_, rest) = warning["message"].as_str()?.split_once(MARK)?;
    rest.trim_end_matches('`').parse().ok()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::Diagnosis;

    #[test]
    fn errors_marks_and_programs_are_told_apart() {
        let diagnosis = Diagnosis::read(concat!(
            r#"{"reason":"compiler-message","message":{"level":"error","rendered":"no","spans":["#,
            r#"{"file_name":"src/b.rs","line_start":7,"is_primary":false},"#,
            r#"{"file_name":"src/a.rs","line_start":5,"is_primary":true}]}}"#,
            "\nno JSON\n",
            r#"{"reason":"compiler-message","message":{"level":"error","spans":[]}}"#,
            "\n",
            r#"{"reason":"compiler-message","message":{"level":"warning","code":{"code":"unused_variables"},"#,
            r#""message":"unused variable: `switched_17`"}}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"a"},"profile":{"test":true},"executable":"/t/a-1","#,
            r#""manifest_path":"/w/a/Cargo.toml"}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"b"},"profile":{"test":false},"executable":null}"#,
        ));
        let [error] = &diagnosis.errors[..] else {
            panic!("{diagnosis:?}")
        };
        // What it is about comes first.
        assert_eq!(
            error.places,
            [(PathBuf::from("src/a.rs"), 5), (PathBuf::from("src/b.rs"), 7)]
        );
        assert!(diagnosis.compiled.contains(&17) && diagnosis.compiled.len() == 1);
        let [program] = &diagnosis.programs[..] else {
            panic!("{diagnosis:?}")
        };
        assert_eq!(
            (program.name.as_str(), program.directory.to_str()),
            ("a", Some("/w/a"))
        );
    }
}
