//! Why a source could not be piped.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::error::Error;
use core::fmt;
use std::io;

use crate::cause::{Cause, io_code};
use crate::chunk::Chunk;
use crate::stream::Unfinished;

/// Why a source was not piped into the stream to its end.
#[non_exhaustive]
pub enum PipeError<W> {
    /// The source failed; the stream was destroyed, with this as the reason.
    Read {
        /// The error of the source.
        source: Arc<io::Error>,
        /// The sink, and what was accepted and not delivered.
        unfinished: Box<Unfinished<W>>,
    },
    /// The stream failed.
    Write {
        /// Why it failed.
        cause: Cause,
        /// What was read and not accepted.
        refused: Option<Chunk>,
        /// The sink, and what was accepted and not delivered.
        unfinished: Box<Unfinished<W>>,
    },
}

impl<W> PipeError<W> {
    /// The stream has failed, and refused these bytes, if there are any.
    pub(super) fn write(cause: Cause, refused: &[u8], unfinished: Box<Unfinished<W>>) -> Self {
        Self::Write {
            cause,
            refused: (!refused.is_empty()).then(|| refused.to_vec().into()),
            unfinished,
        }
    }

    /// The code of the error of the source, or of the stream.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { source, .. } => io_code(source),
            Self::Write { cause, .. } => cause.code(),
        }
    }
}

impl<W> From<PipeError<W>> for io::Error {
    fn from(error: PipeError<W>) -> Self {
        match error {
            PipeError::Read { source, .. } => Cause::Io(source).to_io(),
            PipeError::Write { cause, .. } => cause.to_io(),
        }
    }
}

// By hand: neither error is a source, as its text is in this one's, but its sources are. And
// so that a sink need not be `Debug`.

impl<W> fmt::Display for PipeError<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { source, .. } => write!(f, "the source failed: {source}"),
            Self::Write { cause, .. } => cause.fmt(f),
        }
    }
}

impl<W> Error for PipeError<W> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Read { source, .. } => source.source(),
            Self::Write { cause, .. } => cause.source(),
        }
    }
}

impl<W> fmt::Debug for PipeError<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, error, unfinished): (_, &dyn fmt::Debug, _) = match self {
            Self::Read { source, unfinished } => ("Read", source, unfinished),
            Self::Write {
                cause, unfinished, ..
            } => ("Write", cause, unfinished),
        };
        f.debug_struct(name)
            .field("error", error)
            .field("unfinished", unfinished)
            .finish_non_exhaustive()
    }
}
