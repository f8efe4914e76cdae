//! Mutants, one after the other, in front of a set of tests.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::failure::Failure;
use crate::list;
use crate::program::Program;
use crate::trial::{Limits, Outcome};

/// Has each mutant that is named meet the programs, and writes which were caught. With none chosen all have to pass.
pub(crate) fn run(
    out: &Path,
    names: &Path,
    set: &str,
    limits: Limits,
    programs: &[&str],
) -> Result<(), Failure> {
    let numbers: HashMap<String, usize> = list::read(&out.join("switched"))?
        .iter()
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(number, name)| Some((name.to_owned(), number.parse().ok()?)))
        .collect();
    let built = Program::read(&out.join("programs"))?;
    let mut tests = Vec::new();
    for program in programs {
        let mut arguments: Vec<&str> = program.split_whitespace().collect();
        let built = arguments
            .first()
            .and_then(|name| built.iter().find(|built| built.name == *name))
            .ok_or_else(|| Failure::Unknown((*program).to_owned()))?;
        arguments.remove(0);
        tests.push((built, arguments));
    }
    for (program, arguments) in &tests {
        if let Some(what) = caught(&program.meet(0, arguments, limits)?) {
            return Err(Failure::Unsound(program.name.clone(), what.to_owned()));
        }
    }

    let results = out.join(set);
    std::fs::create_dir_all(&results).map_err(Failure::of(&results))?;
    let mut lists = HashMap::new();
    for kind in ["caught", "timeout", "missed"] {
        let file = results.join(kind);
        lists.insert(kind, File::create(&file).map_err(Failure::of(&file))?);
    }
    for name in list::read(names)? {
        let number = *numbers.get(&name).ok_or_else(|| Failure::Unknown(name.clone()))?;
        let mut outcome = Outcome::Missed;
        for (program, arguments) in &tests {
            outcome = program.meet(number, arguments, limits)?;
            if !matches!(outcome, Outcome::Missed) {
                break;
            }
        }
        let (kind, line) = match outcome {
            Outcome::Missed => ("missed", name),
            Outcome::TimedOut => ("timeout", name),
            Outcome::Caught(test) => ("caught", format!("{name}\t{test}")),
        };
        if let Some(file) = lists.get_mut(kind) {
            writeln!(file, "{line}").map_err(Failure::of(&results.join(kind)))?;
        }
    }
    Ok(())
}

/// Why a set is not to be relied on.
fn caught(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Missed => None,
        Outcome::Caught(test) => Some(test),
        Outcome::TimedOut => Some("out of time"),
    }
}
