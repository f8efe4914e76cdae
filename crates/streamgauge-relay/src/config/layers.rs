//! Where a configuration comes from: flags, over the environment, over a file, over the defaults.
//!
//! The crate `config` is named here, and its values in `origin` and `raw`. Each value carries where it came from, so that what is wrong is told with its
//! place.

use std::path::PathBuf;

use config::{File, FileFormat, Map, Source, Value, ValueKind};

use super::RelayConfig;
use super::key::{KEYS, LISTENER, VARIABLE_PREFIX, nearest};
use super::problem::{ConfigError, Problems};
use super::raw;

/// Where a configuration comes from. [`load`](Self::load) reads it, as often as it is asked to.
///
/// ```
/// use streamgauge_relay::config::{Setting, Sources};
///
/// let mut sources = Sources::default();
/// sources.variables.push(("STREAMGAUGE_RELAY_MAX_SESSIONS".to_owned(), "100".to_owned()));
/// sources.flags.push(("tcp", Setting::List(vec!["127.0.0.1:8080=192.0.2.1:80".to_owned()])));
/// let config = sources.load()?;
/// assert_eq!(config.listeners[0].name, "tcp8080");
/// assert_eq!(config.listeners[0].rules.limits.max_sessions, 100);
///
/// sources.flags.push(("max_sessions", Setting::One("7".to_owned())));
/// assert_eq!(sources.load()?.listeners[0].rules.limits.max_sessions, 7);
/// # Ok::<(), streamgauge_relay::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A file in TOML.
    pub file: Option<PathBuf>,
    /// Variables of the environment. Those are looked at whose names begin with `STREAMGAUGE_RELAY_`.
    pub variables: Vec<(String, String)>,
    /// Keys with what flags set them to. The last of a key is the one that counts.
    pub flags: Vec<(&'static str, Setting)>,
}

/// What a flag sets a key to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// A value, as text.
    One(String),
    /// The entries of a list.
    List(Vec<String>),
}

impl Sources {
    /// Reads and checks it all. A token is read from its file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or something is wrong in it, in a variable or in a flag: everything that is wrong.
    pub fn load(&self) -> Result<RelayConfig, ConfigError> {
        let mut problems = Problems::default();
        let mut builder = config::Config::builder();
        if let Some(path) = &self.file {
            let shown = path.display().to_string();
            // What keeps it from being read is told as it is: the crate knows files that are not found alone.
            if problems.note(&shown, std::fs::read(path)).is_some() {
                let file = File::from(path.as_path()).format(FileFormat::Toml);
                let collected = file.collect().map_err(|error| in_one_line(&error.to_string()));
                if let Some(values) = problems.note(&shown, collected) {
                    check_names(&values, &shown, &mut problems);
                    // What was checked, and not what is there a moment later.
                    builder = builder.add_source(Layer(values));
                }
            }
        }
        builder = builder
            .add_source(self.of_variables(&mut problems))
            .add_source(self.of_flags());
        if !problems.is_empty() {
            // What cannot be read or is not known is told alone: the rest would only follow from it.
            return problems.settle(RelayConfig::new(Vec::new()));
        }
        let config = problems.note("the configuration", builder.build());
        let relay = config.map(|config| raw::read(config, self.file.as_deref(), &mut problems));
        problems.settle(relay.unwrap_or_else(|| RelayConfig::new(Vec::new())))
    }

    fn of_variables(&self, problems: &mut Problems) -> Layer {
        let mut layer = Layer::default();
        for (variable, text) in &self.variables {
            if !variable.starts_with(VARIABLE_PREFIX) {
                continue;
            }
            let known = || KEYS.iter().filter(|key| key.is_at_top());
            let Some(key) = known().find(|key| key.variable() == *variable) else {
                let names: Vec<_> = known().map(super::Key::variable).collect();
                problems.add(
                    variable,
                    unknown("variable", variable, names.iter().map(String::as_str)),
                );
                continue;
            };
            let kind = if key.is_list {
                let entries = text.split([',', ' ']).filter(|entry| !entry.is_empty());
                list(variable, entries)
            } else {
                ValueKind::String(text.clone())
            };
            layer.insert(key.name, variable, kind);
        }
        layer
    }

    fn of_flags(&self) -> Layer {
        let mut layer = Layer::default();
        for (key, setting) in &self.flags {
            let flag = format!("--{}", key.replace('_', "-"));
            let kind = match setting {
                Setting::One(text) => ValueKind::String(text.clone()),
                Setting::List(entries) => list(&flag, entries.iter().map(String::as_str)),
            };
            layer.insert(key, &flag, kind);
        }
        layer
    }
}

/// Keys and values of one origin.
#[derive(Clone, Debug, Default)]
struct Layer(Map<String, Value>);

impl Layer {
    fn insert(&mut self, key: &str, origin: &str, kind: ValueKind) {
        self.0
            .insert(key.to_owned(), Value::new(Some(&origin.to_owned()), kind));
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.clone())
    }
}

fn list<'a>(origin: &str, entries: impl Iterator<Item = &'a str>) -> ValueKind {
    let value = |entry: &str| Value::new(Some(&origin.to_owned()), ValueKind::String(entry.to_owned()));
    ValueKind::Array(entries.map(value).collect())
}

/// An error of TOML's without the lines that draw it: what, then where.
fn in_one_line(message: &str) -> String {
    let is_drawing = |line: &str| {
        line.trim_start()
            .trim_start_matches(|sign: char| sign.is_ascii_digit())
            .trim_start()
            .starts_with('|')
    };
    let told: Vec<_> = message
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !is_drawing(line) && !line.starts_with("in "))
        .collect();
    told.join(": ")
}

/// Names every key of a file that is not known.
fn check_names(values: &Map<String, Value>, file: &str, problems: &mut Problems) {
    let at_top = || KEYS.iter().filter(|key| key.is_at_top()).map(|key| key.name);
    let mut names: Vec<_> = values.keys().collect();
    names.sort();
    for name in names {
        if name != LISTENER && !at_top().any(|known| known == name) {
            let nearest = unknown("key", name, at_top().chain([LISTENER]));
            problems.add(format!("{name} in {file}"), nearest);
        } else if let Some(fault) = values.get(name).and_then(|value| fault_of_kind(name, value)) {
            problems.add(format!("{name} in {file}"), fault);
        }
    }
    let listeners = match values.get(LISTENER).map(|value| &value.kind) {
        None => return,
        Some(ValueKind::Array(listeners)) => listeners,
        Some(_) => return problems.add(format!("{LISTENER} in {file}"), "expected tables: [[listener]]"),
    };
    let in_listener = || KEYS.iter().filter(|key| key.is_in_listener()).map(|key| key.name);
    for (at, listener) in listeners.iter().enumerate() {
        let place = format!("{LISTENER} {} in {file}", at + 1);
        let ValueKind::Table(table) = &listener.kind else {
            problems.add(place, "expected a table: [[listener]]");
            continue;
        };
        let mut names: Vec<_> = table.keys().collect();
        names.sort();
        for name in names {
            if !in_listener().any(|known| known == name) {
                problems.add(format!("{name} of {place}"), unknown("key", name, in_listener()));
            } else if let Some(fault) = table.get(name).and_then(|value| fault_of_kind(name, value)) {
                problems.add(format!("{name} of {place}"), fault);
            }
        }
    }
}

/// What is wrong with the kind of a value. The crate rounds, and takes numbers for switches and switches for numbers: a limit of
/// 0.4 would be none.
fn fault_of_kind(name: &str, value: &Value) -> Option<String> {
    let is_switch = matches!(name, "metering" | "udp_batching" | "proxy_direct");
    let is_count = matches!(
        name,
        "threads" | "max_sessions" | "buffer_bytes" | "max_clients" | "proxy_max_waiting"
    );
    match &value.kind {
        ValueKind::Float(_) | ValueKind::Boolean(_) if is_count => {
            Some(format!("{value} is no whole number"))
        }
        ValueKind::I64(_) | ValueKind::Float(_) if is_switch => {
            Some(format!("{value} is neither true nor false"))
        }
        _ => None,
    }
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    match nearest(name, known) {
        Some(nearest) => format!("there is no such {what}; is it {nearest}?"),
        None => format!("there is no such {what}"),
    }
}
