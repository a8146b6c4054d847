//! How a stream ends, and what is left then.

use super::condition::WaitError;
use super::event::Snapshot;
use super::stream::Stream;
use super::write::WriteError;
use crate::cause::Cause;
use crate::chunk::Chunk;
use crate::machine::Fault;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

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

    /// As [`Stream::destroy`], unless the stream has ended: what was accepted is whole then.
    pub(crate) fn cut_off(&mut self, reason: Cause) -> Option<Cause> {
        match self.driver.state().is_ended() {
            true => Some(reason),
            false => self.destroy(Some(reason)),
        }
    }

    /// A producer was dropped by a panic, for this reason.
    pub(crate) fn producer_panicked(&mut self, reason: Cause) -> Option<Cause> {
        match self.panics_cut_off {
            true => self.cut_off(reason),
            false => Some(reason),
        }
    }

    /// How many bytes the stream has left before its end, if it has ended and goes well.
    #[cfg(feature = "futures")]
    pub(crate) fn ends_after(&self) -> Option<u64> {
        let state = self.driver.state();
        let goes_well = state.is_ended() && !state.is_destroyed();
        goes_well.then(|| self.snapshot().length)
    }

    /// Takes what is unsent so far, for the caller to drop outside the lock. What
    /// comes later is dropped.
    pub(crate) fn discard(&mut self) -> VecDeque<Chunk> {
        self.driver.host_mut().take_unsent()
    }

    /// The owner leaves.
    pub(crate) fn owner_leaves(&mut self) {
        self.owner_left = true;
    }

    /// How many bytes the sink has in hand: what of them it has taken is not known.
    pub(crate) fn in_doubt(&self) -> u64 {
        match self.driver.host().job {
            // No worker has taken it yet.
            Some(_) => 0,
            None => self.driver.state().in_flight(),
        }
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
            cause: self.failure(),
            totals,
        }
    }
}

/// A stream that has finished.
#[non_exhaustive]
pub struct Finished<W> {
    /// The sink: all is written and flushed, and durable if it is a
    /// [`sink::Durable`](crate::sink::Durable).
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
    /// was half written comes first. What a sink that buffers by itself has taken is not here,
    /// even if it is lost there: see "Who moves the data" in the crate's documentation.
    pub unsent: Vec<Chunk>,
    /// How many bytes are with a sink that has not come back in time: it is not
    /// known whether they will be delivered. 0 otherwise.
    ///
    /// Delivered, unsent and in doubt together are what was accepted.
    pub in_doubt: u64,
    /// Why the stream failed, if it did, or the reason it was destroyed with.
    pub cause: Option<Cause>,
    /// Its counters at the end; `totals.delivered` is what was delivered, in bytes.
    pub totals: Snapshot,
}

impl<W> Unfinished<W> {
    /// For a stream that has handed back all that there was.
    pub(crate) const fn nothing(totals: Snapshot) -> Self {
        Self {
            sink: None,
            unsent: Vec::new(),
            in_doubt: 0,
            cause: None,
            totals,
        }
    }

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
            .field("cause", &self.cause)
            .field("totals", &self.totals)
            .finish_non_exhaustive()
    }
}
