//! What a producer puts into the stream.

use core::error::Error;
use core::fmt;
use std::io;

use super::condition::WaitError;
use super::own_lease::By;
use super::stream::{MIN_PIECE, Stream};
use super::write_job::Item;
use crate::cause::Cause;
use crate::chunk::Chunk;
use crate::driver::Refused;
use crate::machine::{Fault, Flow, codes};

impl Stream {
    /// Accepts a small write on the lease. `None` if the lease is too small, or may be out of
    /// date: then nothing was done. No lease covers a write of no bytes.
    #[inline]
    pub(crate) fn write_on_lease(&mut self, by: By, bytes: &[u8]) -> Option<Flow> {
        match by {
            By::Owner if self.owner_wants_lease() => return None,
            By::Owner => {}
            _ => self.owner_is_not_alone(),
        }
        self.copy_to_lease(bytes)
    }

    #[inline]
    fn copy_to_lease(&mut self, bytes: &[u8]) -> Option<Flow> {
        if self.driver.state().needs_drain() && self.driver.host().has_progressed() {
            // There may be room again, and the 'drain' that is owed: it comes before this write.
            return None;
        }
        let flow = self.lease.write(bytes)?;
        self.waits += u64::from(flow == Flow::Wait);
        Some(flow)
    }

    /// As [`Stream::write_on_lease`], if the stream has room.
    #[inline]
    pub(crate) fn write_on_lease_if_room(&mut self, by: By, bytes: &[u8]) -> bool {
        self.leases_room() && self.write_on_lease(by, bytes).is_some()
    }

    /// Whether a producer that waits for room may also write on the lease: no 'drain' is
    /// owed.
    #[inline]
    pub(super) fn leases_room(&self) -> bool {
        self.lease.answer == Flow::More && !self.driver.state().needs_drain()
    }

    /// Writes these bytes, copied once: on the lease, if it covers them.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<Flow, WriteError> {
        let lease = self.driver.state().lease_to_queue(self.driver.options());
        if self.lease.prepare(lease, bytes.len()) {
            if let Some(flow) = self.copy_to_lease(bytes) {
                return Ok(flow);
            }
        }
        let written = self.write_chunk(bytes.to_vec().into());
        written.map_err(|error| error.map(drop))
    }

    /// The piece of these bytes that a producer writes which has waited for room. If the
    /// stream says `Wait`, it waits before its next piece. A record is one piece.
    pub(crate) fn piece<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        if self.records {
            return bytes;
        }
        let options = self.driver.options();
        let mark = options.high_water_mark();
        let max = mark.max(MIN_PIECE).min(self.room_below_limit()).max(1);
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        bytes.get(..max).unwrap_or(bytes)
    }

    /// Writes this chunk, without a copy.
    #[inline]
    pub(crate) fn write_chunk(&mut self, chunk: Chunk) -> Result<Flow, WriteError<Chunk>> {
        let flow = self.accept(chunk)?;
        self.waits += u64::from(flow == Flow::Wait);
        Ok(flow)
    }

    /// Puts a chunk in, without counting its answer. A chunk of no bytes goes nowhere.
    #[inline]
    pub(super) fn accept(&mut self, chunk: Chunk) -> Result<Flow, WriteError<Chunk>> {
        let len = chunk.len() as u64;
        if len == 0 && self.stopped().is_none() {
            self.wakers.chunks.push(chunk);
            return Ok(self.driver.state().answer(self.driver.options()));
        }
        match self.driver.write(Item::Data(chunk), len, None) {
            Ok(flow) => {
                self.peak = self.peak.max(self.driver.state().length());
                Ok(flow)
            }
            Err(refused) => Err(self.refused(refused)),
        }
    }

    /// Puts a flush in line and returns its number. Joins the last flush if that is not
    /// done and nothing was written since.
    pub(crate) fn flush(&mut self) -> Result<u64, WaitError> {
        let position = self.position();
        let last = self.driver.host().flush_at(position);
        if let Some(last) = last.filter(|_| self.stopped().is_none()) {
            return Ok(last);
        }
        match self.driver.write(Item::Flush, 0, None) {
            Ok(_) => Ok(self.driver.host_mut().queue_flush(position)),
            Err(_) => Err(self.stopped().unwrap_or(WaitError::Destroyed)),
        }
    }

    /// Holds what is written from now on, until as many [`Stream::uncork`].
    pub(crate) fn cork(&mut self) -> Result<(), WaitError> {
        self.stopped().map_or(Ok(()), Err)?;
        self.driver.cork();
        Ok(())
    }

    pub(crate) fn uncork(&mut self) {
        self.driver.uncork();
    }

    fn refused(&self, refused: Refused<Item>) -> WriteError<Chunk> {
        let chunk = match refused.chunk {
            Item::Data(chunk) => chunk,
            Item::Flush => Chunk::from(""),
        };
        match (refused.fault, self.failure()) {
            (Fault::TooLong, _) => WriteError::TooLong {
                chunk,
                limit: self.driver.options().limit(),
            },
            (_, Some(cause)) => WriteError::Failed { chunk, cause },
            (Fault::WriteAfterEnd, None) => WriteError::AfterEnd { chunk },
            (_, None) => WriteError::Destroyed { chunk },
        }
    }
}

/// A write was refused: the chunk was not accepted, and is handed back.
/// (A borrowed chunk needs no handing back: then `C` is `()`.)
///
/// ```
/// use highwater::{Writable, WriteError};
///
/// let out = Writable::builder().spawn(Vec::new())?;
/// let late = out.writer();
/// out.end().wait()?;
/// let refused = late.write_chunk("too late").expect_err("the stream has ended");
/// assert_eq!(refused.code(), "ERR_STREAM_WRITE_AFTER_END");
/// assert_eq!(refused.into_chunk().as_ref(), b"too late");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum WriteError<C = ()> {
    /// The stream has been ended.
    AfterEnd {
        /// What was not accepted.
        chunk: C,
    },
    /// The stream has been destroyed.
    Destroyed {
        /// What was not accepted.
        chunk: C,
    },
    /// The stream has failed: its cause says why.
    Failed {
        /// What was not accepted.
        chunk: C,
        /// Why the stream failed.
        cause: Cause,
    },
    /// The chunk would pass the limit of the length.
    TooLong {
        /// What was not accepted.
        chunk: C,
        /// The limit, in bytes.
        limit: u64,
    },
}

impl<C> WriteError<C> {
    /// Node's code (`ERR_STREAM_…`), that of the cause, or `TOO_LONG`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::AfterEnd { .. } => codes::WRITE_AFTER_END,
            Self::Destroyed { .. } => codes::DESTROYED,
            Self::Failed { cause, .. } => cause.code(),
            Self::TooLong { .. } => codes::TOO_LONG,
        }
    }

    /// Why the stream failed, if it did.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Failed { cause, .. } => Some(cause),
            _ => None,
        }
    }

    /// What was not accepted.
    pub fn into_chunk(self) -> C {
        match self {
            Self::AfterEnd { chunk }
            | Self::Destroyed { chunk }
            | Self::Failed { chunk, .. }
            | Self::TooLong { chunk, .. } => chunk,
        }
    }

    /// The same, for another caller that has no chunk.
    pub(crate) fn without_chunk(&self) -> WriteError {
        match self {
            Self::AfterEnd { .. } => WriteError::AfterEnd { chunk: () },
            Self::Destroyed { .. } => WriteError::Destroyed { chunk: () },
            Self::Failed { cause, .. } => WriteError::Failed {
                chunk: (),
                cause: cause.clone(),
            },
            Self::TooLong { limit, .. } => WriteError::TooLong {
                chunk: (),
                limit: *limit,
            },
        }
    }

    pub(crate) fn map<D>(self, f: impl FnOnce(C) -> D) -> WriteError<D> {
        match self {
            Self::AfterEnd { chunk } => WriteError::AfterEnd { chunk: f(chunk) },
            Self::Destroyed { chunk } => WriteError::Destroyed { chunk: f(chunk) },
            Self::Failed { chunk, cause } => WriteError::Failed {
                chunk: f(chunk),
                cause,
            },
            Self::TooLong { chunk, limit } => WriteError::TooLong {
                chunk: f(chunk),
                limit,
            },
        }
    }
}

// By hand: the cause is not a source, as its text is in this one's, but its sources are.

impl<C> fmt::Display for WriteError<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AfterEnd { .. } => f.write_str("write after end"),
            Self::Destroyed { .. } => f.write_str("the stream was destroyed"),
            Self::Failed { cause, .. } => cause.fmt(f),
            Self::TooLong { limit, .. } => {
                write!(f, "the chunk would pass the limit of {limit} bytes")
            }
        }
    }
}

impl<C: fmt::Debug> Error for WriteError<C> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause()?.source()
    }
}

impl<C> From<WriteError<C>> for io::Error {
    fn from(error: WriteError<C>) -> Self {
        let error = error.map(drop);
        match &error {
            WriteError::Failed { cause, .. } => cause.to_io(),
            WriteError::TooLong { .. } => io::Error::new(io::ErrorKind::InvalidInput, error),
            _ => io::Error::new(io::ErrorKind::BrokenPipe, error),
        }
    }
}
