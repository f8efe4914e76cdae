//! One direction of a connection: what comes from a reader goes to a writer, and is counted.
//!
//! Bytes are read into memory of the thread's own, which all its connections share, and written from there. Only what the
//! writer does not take at once is copied into memory of the connection's, up to one read; nothing more is read before that is
//! gone. So an idle connection holds no buffer, one with a slow receiver as much as one read, and the receiver's pace is the
//! sender's.
//!
//! The end of what is read is passed on as the end of what is written, and the other direction goes on.
//!
//! Cost: for each read, a system call to read and one to write; an atomic add. No allocation but for what the writer leaves.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use streamgauge::{SessionHandle, Verdict};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Reads in one go, so that neither direction starves the other, or other connections.
const MAX_TURNS: usize = 16;

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// One direction of a connection.
#[derive(Debug)]
pub(crate) struct Pump {
    counts: Counts,
    buffer_bytes: usize,
    /// What was read, and not yet written: from `written` on.
    left: Vec<u8>,
    written: usize,
    phase: Phase,
}

/// Which end is the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counts {
    /// The reader: what is read is ingress.
    Reads,
    /// The writer: what is written is egress.
    Writes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// The reader has ended, the writer is to be told.
    Ending,
    Ended,
}

/// Why a direction cannot go on.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The end that is read from.
    Reader(io::Error),
    /// The end that is written to.
    Writer(io::Error),
    /// The session.
    Session(Verdict),
}

impl Pump {
    pub(crate) fn new(counts: Counts, buffer_bytes: usize) -> Self {
        Self {
            counts,
            buffer_bytes,
            left: Vec::new(),
            written: 0,
            phase: Phase::Open,
        }
    }

    /// Takes bytes that were read already. They are counted by whoever read them.
    pub(crate) fn put_ahead(&mut self, bytes: &[u8]) {
        self.left.extend_from_slice(bytes);
    }

    /// Moves what can be moved. Ready when everything was passed on, its end included.
    pub(crate) fn poll<R, W>(
        &mut self,
        context: &mut Context<'_>,
        mut reader: Pin<&mut R>,
        mut writer: Pin<&mut W>,
        session: &SessionHandle,
    ) -> Poll<Result<(), Broken>>
    where
        R: AsyncRead + ?Sized,
        W: AsyncWrite + ?Sized,
    {
        for _turn in 0..MAX_TURNS {
            ready!(self.poll_write_left(context, writer.as_mut(), session))?;
            match self.phase {
                Phase::Ended => return Poll::Ready(Ok(())),
                Phase::Ending => {
                    ready!(writer.as_mut().poll_shutdown(context)).map_err(Broken::Writer)?;
                    self.phase = Phase::Ended;
                    return Poll::Ready(Ok(()));
                }
                Phase::Open => {
                    let turn = SCRATCH.with_borrow_mut(|scratch| {
                        if scratch.len() < self.buffer_bytes {
                            scratch.resize(self.buffer_bytes, 0);
                        }
                        let scratch = &mut scratch[..self.buffer_bytes];
                        self.poll_turn(context, reader.as_mut(), writer.as_mut(), session, scratch)
                    });
                    if turn.is_pending() && self.left.is_empty() {
                        // Idle: what a slow moment took is given back.
                        self.left = Vec::new();
                    }
                    ready!(turn)?;
                }
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// One read, and what the writer takes of it.
    fn poll_turn<R, W>(
        &mut self,
        context: &mut Context<'_>,
        reader: Pin<&mut R>,
        mut writer: Pin<&mut W>,
        session: &SessionHandle,
        scratch: &mut [u8],
    ) -> Poll<Result<(), Broken>>
    where
        R: AsyncRead + ?Sized,
        W: AsyncWrite + ?Sized,
    {
        let mut buffer = ReadBuf::new(scratch);
        ready!(reader.poll_read(context, &mut buffer)).map_err(Broken::Reader)?;
        let read = buffer.filled();
        if read.is_empty() {
            self.phase = Phase::Ending;
            return Poll::Ready(Ok(()));
        }
        if self.counts == Counts::Reads {
            still_open(session.ingress(read.len() as u64))?;
        }
        let mut rest = read;
        while !rest.is_empty() {
            match writer.as_mut().poll_write(context, rest) {
                Poll::Ready(written) => rest = &rest[self.note_written(written, session)?..],
                Poll::Pending => {
                    self.left.extend_from_slice(rest);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_left<W>(
        &mut self,
        context: &mut Context<'_>,
        mut writer: Pin<&mut W>,
        session: &SessionHandle,
    ) -> Poll<Result<(), Broken>>
    where
        W: AsyncWrite + ?Sized,
    {
        while self.written < self.left.len() {
            let written = ready!(writer.as_mut().poll_write(context, &self.left[self.written..]));
            self.written += self.note_written(written, session)?;
        }
        self.left.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    fn note_written(&self, written: io::Result<usize>, session: &SessionHandle) -> Result<usize, Broken> {
        let bytes = match written {
            Ok(0) => return Err(Broken::Writer(io::ErrorKind::WriteZero.into())),
            Ok(bytes) => bytes,
            Err(error) => return Err(Broken::Writer(error)),
        };
        if self.counts == Counts::Writes {
            still_open(session.egress(bytes as u64))?;
        }
        Ok(bytes)
    }
}

fn still_open(verdict: Verdict) -> Result<(), Broken> {
    if verdict.is_counted() {
        Ok(())
    } else {
        Err(Broken::Session(verdict))
    }
}

#[cfg(test)]
#[path = "pump_tests.rs"]
mod tests;
