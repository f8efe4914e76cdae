//! The query of a request, read strictly: a parameter that is not known, or comes twice, is an error and not silently
//! something else.

use std::borrow::Cow;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::problem::{Problem, shown};

/// The parameters of a request, each known and there once.
#[derive(Debug)]
pub(crate) struct Query<'a> {
    parameters: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Query<'a> {
    /// Reads the text behind the question mark.
    pub(crate) fn read(text: Option<&'a str>, known: &[&str]) -> Result<Self, Problem> {
        let mut parameters: Vec<(Cow<str>, Cow<str>)> = Vec::new();
        for (name, value) in form_urlencoded::parse(text.unwrap_or_default().as_bytes()) {
            if !known.contains(&&*name) {
                let mend = match known {
                    [] => "leave it out: there is none here".to_owned(),
                    known => format!("leave it out; there are: {}", known.join(", ")),
                };
                return Err(Problem::parameter(&name, "there is no such parameter", mend));
            }
            if parameters.iter().any(|(there, _)| *there == name) {
                return Err(Problem::parameter(&name, "it is there twice", "give it once"));
            }
            parameters.push((name, value));
        }
        Ok(Self { parameters })
    }

    /// The value of a parameter, as it is.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(there, _)| there == name);
        found.map(|(_, value)| &**value)
    }

    /// A number that lies in a range.
    pub(crate) fn number<N>(&self, name: &str, range: RangeInclusive<N>) -> Result<Option<N>, Problem>
    where
        N: FromStr + PartialOrd + Display,
    {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => Err(Problem::parameter(
                name,
                format!("{} is no number of that range", shown(text)),
                format!("a number from {} to {}", range.start(), range.end()),
            )),
        }
    }

    /// One of several words.
    pub(crate) fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<Option<T>, Problem> {
        self.text(name)
            .map(|text| choose(name, text, choices))
            .transpose()
    }

    /// Several of several words, separated by commas; none if the parameter is empty.
    pub(crate) fn choices<T: Copy>(
        &self,
        name: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<Vec<T>>, Problem> {
        let Some(words) = self.list(name) else {
            return Ok(None);
        };
        words
            .map(|word| choose(name, word, choices))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// What stands between commas, trimmed; empty parts are passed over. None if nothing is left.
    pub(crate) fn list(&self, name: &str) -> Option<impl Iterator<Item = &str>> {
        let mut parts = self
            .text(name)?
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .peekable();
        parts.peek()?;
        Some(parts)
    }
}

fn choose<T: Copy>(name: &str, text: &str, choices: &[(&str, T)]) -> Result<T, Problem> {
    let found = choices.iter().find(|(word, _)| *word == text);
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        Problem::parameter(
            name,
            format!("{} is none of its values", shown(text)),
            format!("one of: {}", words.join(", ")),
        )
    })
}
