//! Why a source could not be piped.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use std::io;

use crate::cause::{Cause, io_code};
use crate::chunk::Chunk;
use crate::stream::{Failure, Unfinished};

/// A source could not be piped into the stream to its end.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum PipeError<W> {
    /// The source failed; the stream was destroyed, with this as the reason.
    #[error("the source failed")]
    Read {
        /// The error of the source.
        source: Arc<io::Error>,
        /// The sink, and what was accepted and not delivered.
        unfinished: Box<Unfinished<W>>,
    },
    /// The stream failed.
    #[error("the stream failed")]
    Write {
        /// Why.
        #[source]
        cause: Cause,
        /// What was read and not accepted.
        refused: Option<Chunk>,
        /// The sink, and what was accepted and not delivered.
        unfinished: Box<Unfinished<W>>,
    },
}

impl<W> PipeError<W> {
    /// The stream has failed by itself, with nothing refused.
    pub(super) fn of_stream((cause, unfinished): Failure<W>) -> Self {
        Self::Write {
            cause,
            refused: None,
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

// By hand, so that a sink need not be `Debug`.
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
