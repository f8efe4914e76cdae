//! A stream that does as it is told.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Moves at most so many bytes a call, or does something else.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scripted {
    Moves(usize),
    Fails(ErrorKind),
    Waits,
}

impl Scripted {
    fn moves(self, offered: usize) -> Poll<io::Result<usize>> {
        match self {
            Self::Moves(most) => Poll::Ready(Ok(offered.min(most))),
            Self::Fails(kind) => Poll::Ready(Err(kind.into())),
            Self::Waits => Poll::Pending,
        }
    }
}

impl AsyncRead for Scripted {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.moves(buffer.remaining())
            .map_ok(|bytes| buffer.put_slice(&vec![7; bytes]))
    }
}

impl AsyncWrite for Scripted {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.moves(buffer.len())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.moves(buffers.iter().map(|buffer| buffer.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        matches!(self, Self::Moves(_))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.moves(0).map_ok(drop)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.moves(0).map_ok(drop)
    }
}
