//! Names that would steer a terminal, a table or a spreadsheet.

use crate::command::history;
use crate::stored::Stored;

const ODD: [&str; 12] = [
    "\u{1b}[2J\u{1b}]0;t\u{7}",
    "line\nfeed\r\ttab",
    "\u{9b}31m\u{202e}",
    "comma, semicolon; \"quote\" 'single'",
    "=HYPERLINK(\"http://198.51.100.7\")",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "'=1",
    "",
    "日本 é",
];

fn stored() -> Stored {
    let stored = Stored::empty();
    let rows: Vec<_> = ODD.iter().map(|name| (["here", *name, *name], [1; 5])).collect();
    stored.save("http", &rows, [0; 5]);
    stored
}

#[test]
fn tables_spell_out_what_cannot_be_printed() {
    let stored = stored();
    for arguments in [
        &["show", "--by", "key"][..],
        &["show", "--by", "peer"],
        &["top"],
        &["forget", "--peer", "\u{1b}[2J"],
    ] {
        let report = history(stored.path(), arguments).report();
        let steers = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!report.contains(steers), "{report:?}");
    }
    let table = history(stored.path(), &["show", "--by", "peer"]).report();
    assert_eq!(table.lines().count(), ODD.len() + 4, "{table}");
    for part in [
        r"\u{1b}[2J\u{1b}]0;t\u{7}",
        r"line\nfeed\r\ttab",
        r"\u{9b}31m\u{202e}",
        "\"quote\" 'single'",
        "日本 é",
    ] {
        assert!(table.contains(part), "no {part:?} in\n{table}");
    }
}

#[test]
fn csv_gives_each_name_back_and_a_spreadsheet_no_formula() {
    let stored = stored();
    let columns = |arguments: &[&str], column: usize| {
        let lines = history(stored.path(), arguments).csv();
        assert!(lines.iter().all(|line| line.len() == lines[0].len()));
        let rows = lines.into_iter().skip(1).take(ODD.len());
        rows.map(|line| line[column].clone()).collect::<Vec<_>>()
    };
    let mut expected: Vec<_> = ODD.to_vec();
    expected.sort_unstable();
    for (arguments, column) in [
        (&["show", "--by", "peer", "--format", "csv"][..], 0),
        (&["show", "--by", "key", "--format", "csv"], 2),
        (&["export", "--format", "csv"], 2),
        (&["export", "--format", "csv"], 3),
    ] {
        let fields = columns(arguments, column);
        for field in &fields {
            assert!(!field.starts_with(['=', '+', '-', '@', '\t', '\r']), "{field:?}");
        }
        let names: Vec<_> = fields
            .iter()
            .map(|field| field.strip_prefix('\'').unwrap_or(field))
            .collect();
        assert_eq!(names, expected);
    }
}

#[test]
fn json_gives_each_name_back() {
    let stored = stored();
    let mut expected: Vec<_> = ODD.to_vec();
    expected.sort_unstable();
    for arguments in [
        &["show", "--by", "peer", "--format", "json"][..],
        &["export", "--format", "json"],
    ] {
        let json = history(stored.path(), arguments).json();
        let rows = json["rows"].as_array().unwrap();
        let names: Vec<_> = rows.iter().map(|row| row["peer"].as_str().unwrap()).collect();
        assert_eq!(names, expected);
    }
}

#[cfg(unix)]
#[test]
fn a_directory_that_would_steer_a_terminal_is_spelt_out() {
    let stored = Stored::empty();
    let directory = stored.path().join("\u{1b}[2J\n");
    history(&directory, &["show"]).refuses(2, &[r"\u{1b}[2J\n", "no such directory"]);
    std::fs::create_dir(&directory).unwrap();
    assert!(history(&directory, &["check"]).report().contains(r"\u{1b}[2J\n"));
}
