//! `check`: whether every file of every collector checks out, and what recovery would do where one does not.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::archive::Found;
use super::{Ended, choose, look_into};
use crate::args::{CheckArgs, CheckFormat};
use crate::outcome::Outcome;
use crate::report::quantity::{Quantity, counted};
use crate::source;

#[derive(Serialize)]
struct Document {
    directory: String,
    sound: bool,
    collectors: Vec<CollectorObject>,
}

#[derive(Serialize)]
struct CollectorObject {
    collector: String,
    sound: bool,
    /// Rows that recovery would leave.
    rows: u64,
    open_sessions: u64,
    damage: Vec<DamageObject>,
    set_aside: Vec<String>,
}

#[derive(Serialize)]
struct DamageObject {
    path: String,
    offset: u64,
    cause: String,
    lost: String,
}

pub(super) fn run(directory: &Path, args: &CheckArgs) -> Ended {
    let found = choose(directory, look_into(directory)?, args.collector.as_deref())?;
    let is_sound = found.iter().all(|found| found.damage.is_empty());
    let written = Outcome::of_report(|out| match args.format {
        CheckFormat::Table => write_text(directory, &found, out),
        CheckFormat::Json => write_json(directory, &found, is_sound, out),
    });
    let verdict = if is_sound {
        Outcome::Success
    } else {
        Outcome::OutputFailed
    };
    Ok(written.max(verdict))
}

fn write_text(directory: &Path, found: &[Found], out: &mut dyn Write) -> io::Result<()> {
    let mut line = |text: String| writeln!(out, "{}", source::printable(&text));
    if found.is_empty() {
        return line(format!("no history in {}", directory.display()));
    }
    for found in found {
        let verdict = match found.damage.len() {
            0 => "sound".to_owned(),
            places => format!("damaged, in {}", counted(places as u64, "place")),
        };
        line(format!(
            "{}: {verdict}; {}, {} found open",
            found.collector,
            counted(found.history.rows.len() as u64, "row"),
            counted(found.open_sessions, "session")
        ))?;
        for file in &found.files {
            line(format!(
                "  {}: {}, {}",
                file.path.display(),
                file.content,
                Quantity::bytes(file.bytes)
            ))?;
        }
        for damage in &found.damage {
            let path = damage.path.display();
            line(format!("  {path}: at byte {}: {}", damage.offset, damage.cause))?;
            line(format!(
                "    recovery would set it aside and do without: {}",
                damage.lost
            ))?;
        }
        for path in &found.set_aside {
            line(format!("  {}: set aside by an earlier recovery", path.display()))?;
        }
    }
    Ok(())
}

fn write_json(directory: &Path, found: &[Found], is_sound: bool, out: &mut dyn Write) -> io::Result<()> {
    let document = Document {
        directory: directory.display().to_string(),
        sound: is_sound,
        collectors: found.iter().map(CollectorObject::from).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

impl From<&Found> for CollectorObject {
    fn from(found: &Found) -> Self {
        Self {
            collector: found.collector.clone(),
            sound: found.damage.is_empty(),
            rows: found.history.rows.len() as u64,
            open_sessions: found.open_sessions,
            damage: found
                .damage
                .iter()
                .map(|damage| DamageObject {
                    path: damage.path.display().to_string(),
                    offset: damage.offset,
                    cause: damage.cause.clone(),
                    lost: damage.lost.clone(),
                })
                .collect(),
            set_aside: found
                .set_aside
                .iter()
                .map(|path| path.display().to_string())
                .collect(),
        }
    }
}
