//! The kinds of files that a history has.

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Snapshot,
    Log,
}

impl Kind {
    pub(super) const ALL: [Self; 2] = [Self::Snapshot, Self::Log];

    /// As headers and checksums have it.
    pub(super) fn code(self) -> u32 {
        match self {
            Self::Snapshot => 1,
            Self::Log => 2,
        }
    }

    /// How the file of a number is called.
    pub(super) fn file_name(self, name: &str, number: u64) -> String {
        let kind = match self {
            Self::Snapshot => "snapshot",
            Self::Log => "log",
        };
        format!("{name}.{number}.{kind}")
    }
}
