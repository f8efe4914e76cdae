//! A build of all mutants that compile.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::diagnosis::Diagnosis;
use crate::failure::Failure;
use crate::list;
use crate::mutant::Mutant;
use crate::program::Program;
use crate::switch::{CHOICE, Switched, switched};

/// Makes a copy of the tree whose sources choose between themselves and their mutants, and builds until what is left of the
/// mutants compiles.
pub(crate) fn build(tree: &Path, listed: &Path, out: &Path, cargo: &[&str]) -> Result<(), Failure> {
    let mutants = Mutant::listed(listed)?;
    let mut by_file: BTreeMap<&Path, Vec<&Mutant>> = BTreeMap::new();
    for mutant in &mutants {
        by_file.entry(&mutant.file).or_default().push(mutant);
    }
    let roots: HashSet<PathBuf> = by_file.keys().filter_map(|file| root(file)).collect();
    copy(tree, |file| by_file.contains_key(file) || roots.contains(file))?;

    let mut unviable = HashSet::new();
    loop {
        let mut rewritten = BTreeMap::new();
        for root in roots.iter().filter(|root| !by_file.contains_key(root.as_path())) {
            replace(&tree.join(root), (read(root)? + CHOICE).as_bytes())?;
        }
        for (file, of_file) in &by_file {
            let mut switched = switched(&read(file)?, of_file, &unviable)
                .map_err(|error| Failure::Source(file.to_path_buf(), error))?;
            if roots.contains(*file) {
                switched.text += CHOICE;
            }
            replace(&tree.join(file), switched.text.as_bytes())?;
            rewritten.insert(*file, switched);
        }
        let (is_built, diagnosis) = built(tree, cargo)?;
        if is_built {
            return write(out, &mutants, &unviable, &rewritten, &diagnosis);
        }
        let before = unviable.len();
        unviable.extend(diagnosis.errors.iter().filter_map(|error| {
            let mut places = error.places.iter();
            places.find_map(|(file, line)| rewritten.get(file.as_path())?.at(*line))
        }));
        eprintln!(
            "{} of {} mutants do not compile so far",
            unviable.len(),
            mutants.len()
        );
        if unviable.len() == before {
            let rendered = diagnosis.errors.into_iter().map(|error| error.rendered);
            return Err(Failure::Build(rendered.collect()));
        }
    }
}

impl Switched {
    /// The mutant whose copy a line is in.
    fn at(&self, line: usize) -> Option<usize> {
        let copy = self.copies.iter().find(|(lines, _)| lines.contains(&line));
        copy.map(|(_, number)| *number)
    }
}

/// The root of the library that a source belongs to.
fn root(file: &Path) -> Option<PathBuf> {
    let source = file.ancestors().find(|above| above.ends_with("src"))?;
    Some(source.join("lib.rs"))
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(Failure::of(file))
}

/// Copies what git knows of, or would if it were added, but for some files.
fn copy(tree: &Path, is_left_out: impl Fn(&Path) -> bool) -> Result<(), Failure> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()
        .map_err(|error| Failure::Command("git", error))?;
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let files = listed.split_terminator('\0').map(Path::new);
    for file in files.filter(|file| !is_left_out(file) && file.is_file()) {
        replace(&tree.join(file), &std::fs::read(file).map_err(Failure::of(file))?)?;
    }
    Ok(())
}

/// Writes a file that is another than before, so that cargo builds no more than that anew.
fn replace(file: &Path, contents: &[u8]) -> Result<(), Failure> {
    if std::fs::read(file).is_ok_and(|found| found == contents) {
        return Ok(());
    }
    if let Some(directory) = file.parent() {
        std::fs::create_dir_all(directory).map_err(Failure::of(directory))?;
    }
    std::fs::write(file, contents).map_err(Failure::of(file))
}

/// Runs cargo, and answers whether all was built, and what it said.
fn built(tree: &Path, arguments: &[&str]) -> Result<(bool, Diagnosis), Failure> {
    let output = Command::new("cargo")
        .current_dir(tree)
        .args(["test", "--no-run", "--message-format=json"])
        .args(arguments)
        // What is denied of the sources is not held against the copies; what would be of a mutant is a warning, and it lives.
        .env("RUSTFLAGS", "--cap-lints=warn")
        .stderr(Stdio::null())
        .output()
        .map_err(|error| Failure::Command("cargo", error))?;
    let diagnosis = Diagnosis::read(&String::from_utf8_lossy(&output.stdout));
    Ok((output.status.success(), diagnosis))
}

/// Writes what became of each mutant, and what to run.
fn write(
    out: &Path,
    mutants: &[Mutant],
    unviable: &HashSet<usize>,
    rewritten: &BTreeMap<&Path, Switched>,
    diagnosis: &Diagnosis,
) -> Result<(), Failure> {
    let apart: HashSet<usize> = rewritten
        .values()
        .flat_map(|switched| &switched.apart)
        .copied()
        .collect();
    let functions = rewritten.values().flat_map(|switched| &switched.functions);
    let left_out =
        functions.filter(|function| !function.iter().any(|number| diagnosis.compiled.contains(number)));
    let tests = rewritten.values().flat_map(|switched| &switched.tests);
    let elsewhere: HashSet<usize> = left_out.flatten().chain(tests).copied().collect();
    let names = |is_of: &dyn Fn(usize) -> bool| -> Vec<&str> {
        let of_it = mutants.iter().filter(|mutant| is_of(mutant.number));
        of_it.map(|mutant| mutant.name.as_str()).collect()
    };
    list::write(&out.join("unviable"), names(&|number| unviable.contains(&number)))?;
    list::write(
        &out.join("elsewhere"),
        names(&|number| elsewhere.contains(&number)),
    )?;
    list::write(&out.join("apart"), names(&|number| apart.contains(&number)))?;
    let is_switched =
        |number| !unviable.contains(&number) && !elsewhere.contains(&number) && !apart.contains(&number);
    let switched = mutants.iter().filter(|mutant| is_switched(mutant.number));
    list::write(
        &out.join("switched"),
        switched.map(|mutant| format!("{}\t{}", mutant.number, mutant.name)),
    )?;
    Program::write(&out.join("programs"), &diagnosis.programs)
}
