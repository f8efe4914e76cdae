//! Reads a page back.

use std::collections::BTreeMap;

/// A metric of a page in OpenMetrics.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: String,
    /// By name and labels, as they stand there: the number, as it stands there.
    pub(crate) samples: BTreeMap<String, String>,
}

/// The metrics of a page in OpenMetrics, by the names of their families.
pub(crate) fn families(page: &str) -> BTreeMap<String, Family> {
    let mut families = BTreeMap::<String, Family>::new();
    let mut current = String::new();
    let lines = page.strip_suffix("# EOF\n").expect("the page is whole").lines();
    for line in lines {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let mut next = || words.next().unwrap().to_owned();
            let (keyword, name, text) = (next(), next(), next());
            let family = families.entry(name.clone()).or_default();
            match keyword.as_str() {
                "HELP" => family.help = text,
                "TYPE" => family.kind = text,
                "UNIT" => assert!(name.ends_with(&text), "{line}"),
                _ => panic!("{line}"),
            }
            current = name;
        } else {
            let (series, number) = line.rsplit_once(' ').unwrap();
            assert!(series.starts_with(&current), "{line} stands under {current}");
            let samples = &mut families.get_mut(&current).unwrap().samples;
            let twin = samples.insert(series.to_owned(), number.to_owned());
            assert_eq!(twin, None, "{series} is there twice");
        }
    }
    families
}

/// The samples of a page in the text format, by name and labels.
pub(crate) fn samples(page: &str) -> BTreeMap<String, String> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(series, number)| (series.to_owned(), number.to_owned()))
        .collect()
}

/// The names of the labels of a series. Their texts are without quotes, commas and braces.
pub(crate) fn label_names(series: &str) -> Vec<String> {
    let Some((_, labels)) = series.split_once('{') else {
        return Vec::new();
    };
    let labels = labels.strip_suffix('}').unwrap().split(',');
    labels
        .map(|label| label.split_once('=').unwrap().0.to_owned())
        .collect()
}
