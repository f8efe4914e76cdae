//! A program of tests, as cargo built it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::failure::Failure;
use crate::list;

/// One executable.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// The target's: a file of tests, or a library with tests inside.
    pub(crate) name: String,
    pub(crate) executable: PathBuf,
    /// Where cargo would run it: the root of its package.
    pub(crate) directory: PathBuf,
}

impl Program {
    /// What a message of cargo's names, if it is a program of tests.
    pub(crate) fn of_artifact(message: &Value) -> Option<Self> {
        if message["profile"]["test"] != true {
            return None;
        }
        Some(Self {
            name: message["target"]["name"].as_str()?.to_owned(),
            executable: message["executable"].as_str()?.into(),
            directory: Path::new(message["manifest_path"].as_str()?).parent()?.to_owned(),
        })
    }

    /// Writes a list of programs.
    pub(crate) fn write(file: &Path, programs: &[Self]) -> Result<(), Failure> {
        list::write(
            file,
            programs.iter().map(|program| {
                let (executable, directory) = (program.executable.display(), program.directory.display());
                format!("{}\t{executable}\t{directory}", program.name)
            }),
        )
    }

    /// Reads what [`write`](Self::write) wrote.
    pub(crate) fn read(file: &Path) -> Result<Vec<Self>, Failure> {
        let read = |line: String| {
            let mut fields = line.split('\t').map(str::to_owned);
            let (name, executable, directory) = (fields.next()?, fields.next()?, fields.next()?);
            Some(Self {
                name,
                executable: executable.into(),
                directory: directory.into(),
            })
        };
        Ok(list::read(file)?.into_iter().filter_map(read).collect())
    }
}
