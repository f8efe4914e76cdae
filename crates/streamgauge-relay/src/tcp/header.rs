//! Reads the PROXY header at the front of a connection.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::proxy::{self, Header, HeaderError, MAX_HEADER_BYTES};

/// What is read at first: most headers, whole.
const FIRST_BYTES: usize = 256;

/// A header, and what came behind it.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) header: Header,
    pub(crate) bytes: Vec<u8>,
    /// Where the connection's own bytes begin.
    pub(crate) taken: usize,
}

/// Why there is no header.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArrivalError {
    #[error("the PROXY header is malformed: {0}")]
    Malformed(#[from] HeaderError),
    #[error("the connection ended before its PROXY header did, after {0} bytes")]
    Cut(usize),
    #[error("the PROXY header did not arrive within {0:?}")]
    Late(Duration),
    #[error("the connection broke before its PROXY header arrived: {0}")]
    Broken(io::Error),
}

/// Reads a header, which has so long to arrive. At most [`MAX_HEADER_BYTES`] are read.
pub(crate) async fn read_header<R>(reader: &mut R, timeout: Duration) -> Result<Arrived, ArrivalError>
where
    R: AsyncRead + Unpin,
{
    tokio::time::timeout(timeout, read(reader))
        .await
        .unwrap_or(Err(ArrivalError::Late(timeout)))
}

async fn read<R>(reader: &mut R) -> Result<Arrived, ArrivalError>
where
    R: AsyncRead + Unpin,
{
    let mut bytes = Vec::with_capacity(FIRST_BYTES);
    loop {
        if bytes.len() == bytes.capacity() {
            // The decoder asks for no more than a header may have.
            bytes.reserve_exact(MAX_HEADER_BYTES.saturating_sub(bytes.len()).max(1));
        }
        match reader.read_buf(&mut bytes).await {
            Ok(0) => return Err(ArrivalError::Cut(bytes.len())),
            Ok(_) => {}
            Err(error) => return Err(ArrivalError::Broken(error)),
        }
        if let Some((header, taken)) = proxy::decode(&bytes)? {
            return Ok(Arrived { header, bytes, taken });
        }
    }
}
