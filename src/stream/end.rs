//! How a stream ends, and what is left then.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;
use std::io;

use super::event::Snapshot;
use super::stream::Stream;
use super::wait::WaitError;
use super::write::WriteError;
use crate::cause::Cause;
use crate::chunk::Chunk;
use crate::machine::Fault;

impl Stream {
    /// Ends the stream, after this last chunk if there is one. A stream that has failed
    /// gives the chunk back. An error is a chunk that is refused all the same: then the
    /// stream has not ended.
    pub(crate) fn end(&mut self, chunk: Option<Chunk>) -> Result<Option<Chunk>, WriteError<Chunk>> {
        // Before the end and by itself: a chunk that is refused undoes no cork.
        match chunk.map(|chunk| self.accept(chunk)) {
            Some(Err(error @ (WriteError::TooLong { .. } | WriteError::AfterEnd { .. }))) => {
                return Err(error);
            }
            Some(Err(error)) => return Ok(Some(error.into_chunk())),
            Some(Ok(_)) | None => {}
        }
        // An end without a chunk has nothing that could be refused.
        let _ = self.driver.end(None, None);
        Ok(None)
    }

    /// Destroys the stream for this reason. If it was destroyed before, the reason
    /// comes back, for the caller to drop outside the lock.
    pub(crate) fn destroy(&mut self, reason: Option<Cause>) -> Option<Cause> {
        if self.driver.state().is_destroyed() {
            return reason;
        }
        let fault = reason.map(|cause| self.driver.host_mut().register(cause));
        self.driver.destroy(fault);
        None
    }

    /// Takes what is unsent so far, for the caller to drop outside the lock. What
    /// comes later is dropped.
    pub(crate) fn discard(&mut self) -> VecDeque<Chunk> {
        self.driver.host_mut().take_unsent()
    }

    /// The owner leaves. Whether the worker has left before.
    pub(crate) fn owner_leaves(&mut self) -> bool {
        self.owner_left = true;
        self.worker_left
    }

    /// Whether the stream has finished; if not, why.
    pub(crate) fn finished(&self) -> Result<(), Cause> {
        match self.failure() {
            Some(cause) => Err(cause),
            None if self.driver.state().is_finished() => Ok(()),
            None => Err(Cause::Fault(Fault::Destroyed)),
        }
    }

    /// Why the stream has just refused a chunk of a piped source.
    pub(crate) fn why_refused(&self) -> Cause {
        match self.stopped() {
            Some(WaitError::Failed(cause)) => cause,
            Some(WaitError::Ended) => Cause::Fault(Fault::WriteAfterEnd),
            Some(_) => Cause::Fault(Fault::Destroyed),
            None => Cause::Fault(Fault::TooLong),
        }
    }

    /// What there is to hand back, without the sink.
    pub(crate) fn unfinished<W>(&mut self) -> Unfinished<W> {
        let unsent: Vec<_> = self.driver.host_mut().take_unsent().into();
        let unsent_bytes: u64 = unsent.iter().map(|chunk| chunk.len() as u64).sum();
        let totals = self.snapshot();
        let undelivered = totals.accepted.saturating_sub(totals.delivered);
        Unfinished {
            sink: None,
            unsent,
            in_doubt: undelivered.saturating_sub(unsent_bytes),
            totals,
        }
    }
}

/// A stream that has finished.
#[non_exhaustive]
pub struct Finished<W> {
    /// The sink: all is written and flushed. For durability, use it (for a
    /// file, [`File::sync_all`](std::fs::File::sync_all)).
    pub sink: W,
    /// Its counters at the end.
    pub totals: Snapshot,
}

/// What is left of a stream that was destroyed, or failed.
#[non_exhaustive]
pub struct Unfinished<W> {
    /// The sink; `None` if it was never opened, or has not come back in time.
    pub sink: Option<W>,
    /// What was accepted and not delivered, in order. The rest of a chunk that
    /// was half written comes first.
    pub unsent: Vec<Chunk>,
    /// How many bytes are with a sink that has not come back in time: it is not
    /// known whether they will be delivered. 0 otherwise.
    ///
    /// Delivered, unsent and in doubt together are what was accepted.
    pub in_doubt: u64,
    /// Its counters at the end; `totals.delivered` is what was delivered, in bytes.
    pub totals: Snapshot,
}

impl<W> Unfinished<W> {
    /// What a stream with this left has come to.
    pub(crate) fn outcome(self, finished: Result<(), Cause>) -> Result<Finished<W>, Failure<W>> {
        let totals = self.totals;
        match (finished, self.sink) {
            (Ok(()), Some(sink)) => Ok(Finished { sink, totals }),
            (finished, sink) => {
                let cause = finished.err().unwrap_or(Cause::Fault(Fault::Destroyed));
                Err((cause, Box::new(Unfinished { sink, ..self })))
            }
        }
    }
}

/// Why a stream has failed, and what is left of it.
pub(crate) type Failure<W> = (Cause, Box<Unfinished<W>>);

/// The stream could not be ended.
///
/// It holds the sink, so it can go into a `Box<dyn Error + Send + Sync>` if the
/// sink could; into an [`io::Error`], with the cause, it always can.
///
/// ```
/// use highwater::{EndError, Writable};
/// use std::fs::File;
///
/// let mut out = Writable::builder().open(|| File::create("/no/such/folder/file"))?;
/// let _ = out.write("hello");
/// if let Err(EndError::Failed { cause, unfinished, .. }) = out.end() {
///     assert_eq!(cause.code(), "ENOENT");
///     let unsent: usize = unfinished.unsent.iter().map(|chunk| chunk.len()).sum();
///     assert_eq!(unsent as u64, unfinished.totals.accepted);
/// }
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum EndError<W, S> {
    /// It failed, before or now. What was not delivered is handed back.
    #[error("the stream failed")]
    Failed {
        /// Why.
        #[source]
        cause: Cause,
        /// The last chunk, if there was one and it was not accepted.
        refused: Option<Chunk>,
        /// The sink, and what was accepted and not delivered.
        unfinished: Box<Unfinished<W>>,
    },
    /// The last chunk was not accepted: it would pass the limit, or an end
    /// before (that timed out) was the end. The stream is handed back.
    #[error("the last chunk was refused")]
    Refused {
        /// The stream.
        stream: S,
        /// Why, and the chunk.
        #[source]
        error: WriteError<Chunk>,
    },
    /// The stream has ended but did not finish in time. It comes back: end it again to go
    /// on waiting, or destroy it. Its drop does not wait; the worker goes on by itself.
    #[error("the stream did not finish in time")]
    TimedOut(S),
    /// The caller runs on the thread of the worker, which ends the stream once the caller
    /// has returned. The stream is handed back; dropped, it goes on by itself.
    #[error("a wait for the end on the thread of the stream's worker would deadlock")]
    WouldDeadlock(S),
}

impl<W, S> EndError<W, S> {
    pub(crate) fn failed((cause, unfinished): Failure<W>, refused: Option<Chunk>) -> Self {
        Self::Failed {
            cause,
            refused,
            unfinished,
        }
    }

    /// The code of the cause, `TOO_LONG`, `ETIMEDOUT`, or `EDEADLK`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Failed { cause, .. } => cause.code(),
            Self::Refused { error, .. } => error.code(),
            Self::TimedOut(_) => "ETIMEDOUT",
            Self::WouldDeadlock(_) => "EDEADLK",
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
}

impl<W, S> From<EndError<W, S>> for io::Error {
    fn from(error: EndError<W, S>) -> Self {
        match error {
            EndError::Failed { cause, .. } => cause.to_io(),
            EndError::Refused { error, .. } => error.into(),
            EndError::TimedOut(_) => WaitError::TimedOut.into(),
            EndError::WouldDeadlock(_) => WaitError::WouldDeadlock.into(),
        }
    }
}

// By hand, so that a sink need not be `Debug`.

impl<W> fmt::Debug for Finished<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finished")
            .field("totals", &self.totals)
            .finish_non_exhaustive()
    }
}

impl<W> fmt::Debug for Unfinished<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unfinished")
            .field("unsent", &format_args!("{} chunks", self.unsent.len()))
            .field("in_doubt", &self.in_doubt)
            .field("totals", &self.totals)
            .finish_non_exhaustive()
    }
}

impl<W, S> fmt::Debug for EndError<W, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed {
                cause, unfinished, ..
            } => f
                .debug_struct("Failed")
                .field("cause", cause)
                .field("unfinished", unfinished)
                .finish_non_exhaustive(),
            Self::Refused { error, .. } => f.debug_tuple("Refused").field(error).finish(),
            Self::TimedOut(_) => f.debug_tuple("TimedOut").finish_non_exhaustive(),
            Self::WouldDeadlock(_) => f.debug_tuple("WouldDeadlock").finish_non_exhaustive(),
        }
    }
}
