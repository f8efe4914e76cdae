//! Opens what the command line names: files, standard input, gzip in either.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Stdin};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

/// The first bytes of gzip, which decide: names lie.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Read at once where the input is compressed.
const COMPRESSED_CAPACITY: usize = 64 << 10;

/// The name that stands for standard input.
const STDIN: &str = "-";

/// An input, open and not yet read.
#[derive(Debug)]
pub struct Source {
    input: Input,
    /// Length in bytes as stored, where it is known ahead.
    length: Option<u64>,
}

#[derive(Debug)]
enum Input {
    File(File),
    Stdin(Stdin),
}

/// An input cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is a directory of this name.
    #[error("is a directory: name the captures in it")]
    Directory,
    /// The operating system refuses.
    #[error("cannot be opened: {0}")]
    Refused(#[from] io::Error),
}

impl Source {
    /// Opens a file, or standard input for `-`.
    ///
    /// # Errors
    ///
    /// There is no such file, it is a directory, or it may not be read.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        if path.as_os_str() == STDIN {
            return Ok(Self {
                input: Input::Stdin(io::stdin()),
                length: None,
            });
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(OpenError::Directory);
        }
        let length = metadata.is_file().then_some(metadata.len());
        Ok(Self {
            input: Input::File(file),
            length,
        })
    }

    /// Length in bytes as stored, where it is known ahead.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// The input as it is stored.
    #[must_use]
    pub fn into_reader(self) -> Box<dyn Read> {
        match self.input {
            Input::File(file) => Box::new(file),
            Input::Stdin(stdin) => Box::new(stdin.lock()),
        }
    }
}

/// The input decompressed, if it starts like gzip; as it is otherwise.
///
/// # Errors
///
/// Its first bytes cannot be read.
pub fn decompress(mut stored: Box<dyn Read>) -> io::Result<Box<dyn Read>> {
    let mut start = Vec::with_capacity(GZIP.len());
    stored.by_ref().take(GZIP.len() as u64).read_to_end(&mut start)?;
    let gzip = start == GZIP;
    let whole = Cursor::new(start).chain(stored);
    if gzip {
        Ok(Box::new(MultiGzDecoder::new(BufReader::with_capacity(
            COMPRESSED_CAPACITY,
            whole,
        ))))
    } else {
        Ok(Box::new(whole))
    }
}

/// Text for a terminal or a drawing: what cannot be printed, such as the escape sequences that a file's name may have,
/// is spelt out.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '"' | '\'' => shown.push(character),
            _ => shown.extend(character.escape_debug()),
        }
    }
    shown
}

/// How messages call an input.
#[must_use]
pub fn title(path: &Path) -> PathBuf {
    if path.as_os_str() == STDIN {
        PathBuf::from("standard input")
    } else {
        path.to_owned()
    }
}
