//! Where a value was said, as a problem names it.

use std::collections::HashMap;
use std::path::Path;

use config::Value;

use super::key::VARIABLE_PREFIX;

/// Where each key at the top was said.
pub(super) struct Origins(HashMap<String, String>);

impl Origins {
    /// Flags and variables by their names; all else comes of the file, whose name is as it was given.
    pub(super) fn of(root: &Value, file: Option<&Path>) -> Self {
        let file = file.map(|file| file.display().to_string());
        let config::ValueKind::Table(table) = &root.kind else {
            return Self(HashMap::new());
        };
        let origin = |value: &Value| match value.origin() {
            Some(origin) if is_flag_or_variable(origin) => Some(origin.to_owned()),
            _ => file.clone(),
        };
        let origins = table
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), origin(value)?)));
        Self(origins.collect())
    }

    /// The key with where it was said; a flag or a variable by its own name.
    pub(super) fn place(&self, key: &str) -> String {
        match self.0.get(key) {
            Some(origin) if is_flag_or_variable(origin) => origin.clone(),
            origin => format!("{key}{}", origin_suffix(origin.map(String::as_str))),
        }
    }
}

fn is_flag_or_variable(origin: &str) -> bool {
    origin.starts_with("--") || origin.starts_with(VARIABLE_PREFIX)
}

pub(super) fn origin_suffix(origin: Option<&str>) -> String {
    origin.map(|origin| format!(" in {origin}")).unwrap_or_default()
}

/// Where a key of a listener was said.
pub(super) enum Place<'a> {
    /// At the top, for all; the listener it is applied to.
    Top(&'a Origins, String),
    /// In the listener.
    Own(&'a str),
}

impl Place<'_> {
    pub(super) fn of(&self, key: &str) -> String {
        match self {
            Self::Top(origins, _) => origins.place(key),
            Self::Own(place) => format!("{key} of {place}"),
        }
    }

    /// Of what is wrong with a listener as a whole.
    pub(super) fn whole(&self) -> &str {
        match self {
            Self::Top(_, place) => place,
            Self::Own(place) => place,
        }
    }
}
