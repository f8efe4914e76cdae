//! Real captures, and what another program says each conversation in them moved: those that come with the crate, and the
//! public ones in `shared/captures` beside the repository, if they are there. A fresh clone has none of the latter.

use std::fs;
use std::path::Path;

use crate::command::replay;

#[test]
fn conversations_of_the_sample_are_identical() {
    assert_eq!(compare(&Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")), 1);
}

#[test]
fn conversations_of_the_reference_captures_are_identical() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    if !folder.exists() {
        eprintln!("no {}: nothing to compare with, passed", folder.display());
        return;
    }
    assert_eq!(compare(&folder), 16);
}

/// Replays every capture in a folder that has a truth file; how many there were.
fn compare(folder: &Path) -> usize {
    let mut compared = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let truth = entry.unwrap().path();
        let Some(stem) = truth
            .to_str()
            .unwrap()
            .strip_suffix(".conversations.tsv")
            .map(str::to_owned)
        else {
            continue;
        };
        let capture = [".pcap", ".pcapng"].map(|extension| stem.clone() + extension);
        let capture = capture.into_iter().find(|path| Path::new(path).exists()).unwrap();
        let ran = replay(&["--format", "conversations", &capture]);
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{capture}");
        let first_ten = |line: &str| line.split('\t').take(10).collect::<Vec<_>>().join("\t") + "\n";
        let expected: String = fs::read_to_string(&truth)
            .unwrap()
            .lines()
            .map(first_ten)
            .collect();
        assert!(ran.stdout == expected, "{capture} differs");
        compared += 1;
    }
    compared
}
