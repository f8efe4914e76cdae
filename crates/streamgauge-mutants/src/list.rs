//! A list in a file: an item in each line.

use std::fmt::Display;
use std::path::Path;

use crate::failure::Failure;

/// Writes a list anew.
pub(crate) fn write(file: &Path, items: impl IntoIterator<Item: Display>) -> Result<(), Failure> {
    let text: String = items.into_iter().map(|item| format!("{item}\n")).collect();
    std::fs::write(file, text).map_err(Failure::of(file))
}

/// The items of a list.
pub(crate) fn read(file: &Path) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(file).map_err(Failure::of(file))?;
    Ok(text.lines().map(str::to_owned).collect())
}
