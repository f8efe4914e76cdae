//! The part of the input that is in memory: a buffer that slides over it.

use std::io::{ErrorKind, Read};

use super::{Cause, Fault};

/// Bytes read at once. Large enough that reading costs nothing beside parsing, small enough for a processor's cache.
const CAPACITY: usize = 256 << 10;

/// A buffer over an input, with the offset of its first byte.
///
/// It grows only while one record does not fit, so to twice the largest record at most.
pub(super) struct Window<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Offset of `buffer[start]` in the input.
    offset: u64,
}

impl<R: Read> Window<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            buffer: vec![0; CAPACITY],
            start: 0,
            end: 0,
            offset: 0,
        }
    }

    /// Reads more; the number of new bytes, 0 at the end of the input.
    pub(super) fn fill(&mut self) -> Result<usize, Fault> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let free = self.buffer.get_mut(self.end..).unwrap_or_default();
        loop {
            match self.input.read(free) {
                Ok(length) => {
                    self.end += length;
                    return Ok(length);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    let read = self.offset + (self.end - self.start) as u64;
                    return Err(Fault {
                        offset: read,
                        cause: Cause::Unreadable(error),
                    });
                }
            }
        }
    }
}

impl<R> Window<R> {
    /// What has been read and not consumed.
    pub(super) fn data(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Moves on by `length` bytes and gives them.
    pub(super) fn consume(&mut self, length: usize) -> &[u8] {
        let from = self.start;
        self.start = self.end.min(from.saturating_add(length));
        self.offset += (self.start - from) as u64;
        self.buffer.get(from..self.start).unwrap_or_default()
    }

    /// Offset of the first byte of `data` in the input.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// A fault at this place.
    pub(super) fn fault(&self, cause: Cause) -> Fault {
        Fault {
            offset: self.offset,
            cause,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte per read, and is interrupted before each.
    struct Trickle(Vec<u8>, bool);

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(ErrorKind::Interrupted.into());
            }
            (&self.0[..1.min(self.0.len())])
                .read(buffer)
                .inspect(|&n| drop(self.0.drain(..n)))
        }
    }

    #[test]
    fn short_and_interrupted_reads_add_up() {
        let mut window = Window::new(Trickle(vec![1, 2, 3], false));
        assert_eq!(window.fill().unwrap() + window.fill().unwrap(), 2);
        assert_eq!(window.consume(1), [1]);
        assert_eq!(window.fill().unwrap(), 1);
        assert_eq!((window.data(), window.offset()), (&[2, 3][..], 1));
        assert_eq!(window.fill().unwrap(), 0);
    }

    #[test]
    fn a_record_larger_than_the_window_still_fits() {
        let input = vec![5; CAPACITY * 2 + 1];
        let mut window = Window::new(&input[..]);
        while window.fill().unwrap() > 0 {}
        assert_eq!(window.data().len(), input.len());
    }
}
