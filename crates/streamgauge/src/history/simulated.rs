//! A disk that loses, reorders and tears what was not synced.
//!
//! Each call is a step, and the disk can be told at which step the power goes: from then on every call fails. What is left
//! of it then is any of [`SimulatedDisk::aftermaths`]: each write that was not synced is there, or not, or in part, or as
//! zeros; each name that was made, changed or removed since the directory was synced is so, or not, whatever came later.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::{Disk, DiskFile, shorter};

type Names = BTreeMap<PathBuf, usize>;

/// Something that was done to a file and not synced.
#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Cut { at: usize },
}

/// Something that was done to the directory and not synced.
#[derive(Debug, Clone)]
enum Naming {
    Made { path: PathBuf, file: usize },
    Renamed { from: PathBuf, to: PathBuf, file: usize },
    Removed { path: PathBuf },
}

/// What is left of a change after the power went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remains {
    Nothing,
    All,
    /// So many bytes from its beginning.
    Beginning(usize),
    /// So many bytes from its beginning are zeros, the others are there.
    End(usize),
}

#[derive(Debug, Clone, Default)]
struct File {
    /// As it is seen.
    content: Vec<u8>,
    /// As it is on the platter, and what was done since.
    synced: Vec<u8>,
    changes: Vec<Change>,
}

#[derive(Debug, Clone, Default)]
struct State {
    files: Vec<File>,
    names: Names,
    synced_names: Names,
    namings: Vec<Naming>,
    steps: u64,
    power_goes_at: Option<u64>,
}

/// The disk. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct SimulatedDisk(Arc<Mutex<State>>);

impl File {
    /// What is seen is on the platter.
    fn settle(&mut self) {
        self.synced.clone_from(&self.content);
        self.changes.clear();
    }
}

impl Change {
    /// What may be left of it.
    fn remains(&self) -> Vec<Remains> {
        let mut remains = vec![Remains::Nothing, Remains::All];
        if let Self::Write { bytes, .. } = self {
            remains.extend((1..bytes.len()).map(Remains::Beginning));
            remains.extend([bytes.len() / 2, bytes.len()].map(Remains::End));
        }
        remains
    }

    /// Applies what is left of it.
    fn apply(&self, content: &mut Vec<u8>, remains: Remains) {
        match (self, remains) {
            (_, Remains::Nothing) => {}
            (Self::Cut { at }, _) => content.truncate(*at),
            (Self::Write { at, bytes }, remains) => {
                let (from, to) = match remains {
                    Remains::Beginning(length) => (0, length),
                    Remains::End(from) => (from, bytes.len()),
                    _ => (0, bytes.len()),
                };
                if content.len() < at + to {
                    content.resize(at + to, 0);
                }
                content[at + from..at + to].copy_from_slice(&bytes[from..to]);
            }
        }
    }
}

impl Naming {
    fn apply(&self, names: &mut Names) {
        match self {
            Self::Made { path, file } => drop(names.insert(path.clone(), *file)),
            Self::Renamed { from, to, file } => {
                names.remove(from);
                names.insert(to.clone(), *file);
            }
            Self::Removed { path } => drop(names.remove(path)),
        }
    }
}

impl SimulatedDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The power goes at this step, counted from now, the first being 0.
    pub(super) fn lose_power_at(&self, step: u64) {
        let mut state = self.state();
        state.power_goes_at = Some(state.steps + step);
    }

    /// Whether the power went.
    pub(super) fn is_dark(&self) -> bool {
        let state = self.state();
        state.power_goes_at.is_some_and(|at| state.steps > at)
    }

    /// A disk whose every name and content is synced, with what is seen of this one.
    pub(super) fn settled(&self) -> Self {
        let mut state = self.state().clone();
        for file in &mut state.files {
            file.settle();
        }
        state.synced_names.clone_from(&state.names);
        state.namings.clear();
        state.power_goes_at = None;
        Self(Arc::new(Mutex::new(state)))
    }

    /// Every disk that may be left after the power went now.
    pub(super) fn aftermaths(&self) -> Vec<Self> {
        let state = self.state();
        let mut contents = vec![Vec::new()];
        for file in &state.files {
            let versions = versions(file);
            contents = contents
                .into_iter()
                .flat_map(|before: Vec<Vec<u8>>| {
                    versions.iter().map(move |version| {
                        let mut all = before.clone();
                        all.push(version.clone());
                        all
                    })
                })
                .collect();
        }
        let mut aftermaths = Vec::new();
        for kept in 0..1_u32 << state.namings.len() {
            let mut names = state.synced_names.clone();
            for (n, naming) in state.namings.iter().enumerate() {
                if kept >> n & 1 == 1 {
                    naming.apply(&mut names);
                }
            }
            for contents in &contents {
                let files = contents.iter().map(|content| File {
                    content: content.clone(),
                    synced: content.clone(),
                    changes: Vec::new(),
                });
                aftermaths.push(Self(Arc::new(Mutex::new(State {
                    files: files.collect(),
                    names: names.clone(),
                    synced_names: names.clone(),
                    ..State::default()
                }))));
            }
        }
        aftermaths
    }

    /// A call begins: another step, which fails if the power is gone.
    fn step(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        let step = state.steps;
        state.steps += 1;
        if state.power_goes_at.is_some_and(|at| step >= at) {
            return Err(io::Error::other("the power is gone"));
        }
        Ok(state)
    }

    /// Of how many steps it knows.
    pub(super) fn steps(&self) -> u64 {
        self.state().steps
    }
}

/// What may be left of a file.
fn versions(file: &File) -> Vec<Vec<u8>> {
    let mut versions = vec![file.synced.clone()];
    for change in &file.changes {
        versions = versions
            .into_iter()
            .flat_map(|before| {
                change.remains().into_iter().map(move |remains| {
                    let mut after = before.clone();
                    change.apply(&mut after, remains);
                    after
                })
            })
            .collect();
        versions.sort();
        versions.dedup();
    }
    versions
}

fn missing() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

impl Disk for SimulatedDisk {
    fn names(&self, _: &Path) -> io::Result<Vec<String>> {
        let state = self.step()?;
        let names = state.names.keys().filter_map(|path| path.file_name());
        Ok(names.map(|name| name.to_string_lossy().into_owned()).collect())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.step()?;
        let file = state.names.get(path).ok_or_else(missing)?;
        Ok(state.files[*file].content.clone())
    }

    fn open(&self, path: &Path, at: u64) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.step()?;
        let at = usize::try_from(at).map_err(io::Error::other)?;
        let file = match state.names.get(path).copied() {
            Some(file) => file,
            None if at == 0 => {
                let file = state.files.len();
                state.files.push(File::default());
                state.names.insert(path.to_owned(), file);
                let path = path.to_owned();
                state.namings.push(Naming::Made { path, file });
                file
            }
            None => return Err(missing()),
        };
        let found = state.files[file].content.len();
        if found < at {
            return Err(shorter(found as u64, at as u64));
        }
        if found > at {
            state.files[file].content.truncate(at);
            state.files[file].changes.push(Change::Cut { at });
            // Cutting syncs.
            if at > 0 {
                state.files[file].settle();
            }
        }
        let disk = self.clone();
        Ok(Box::new(SimulatedFile { disk, file, at }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.step()?;
        let file = *state.names.get(from).ok_or_else(missing)?;
        let (from, to) = (from.to_owned(), to.to_owned());
        let naming = Naming::Renamed { from, to, file };
        naming.apply(&mut state.names);
        state.namings.push(naming);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.step()?;
        state.names.get(path).ok_or_else(missing)?;
        let naming = Naming::Removed {
            path: path.to_owned(),
        };
        naming.apply(&mut state.names);
        state.namings.push(naming);
        Ok(())
    }

    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        let mut state = self.step()?;
        state.synced_names = state.names.clone();
        state.namings.clear();
        Ok(())
    }
}

struct SimulatedFile {
    disk: SimulatedDisk,
    file: usize,
    at: usize,
}

impl DiskFile for SimulatedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.step()?;
        let change = Change::Write {
            at: self.at,
            bytes: bytes.to_vec(),
        };
        let file = &mut state.files[self.file];
        change.apply(&mut file.content, Remains::All);
        file.changes.push(change);
        self.at += bytes.len();
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.step()?;
        state.files[self.file].settle();
        Ok(())
    }
}
