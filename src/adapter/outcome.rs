//! What is left of a stream at its end.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use super::core::Core;
use super::event::Snapshot;
use crate::machine::Fault;
use crate::{Cause, Chunk, EndError};

/// A stream that has finished.
#[non_exhaustive]
pub struct Done<W> {
    /// The sink: all is written and flushed. For durability, use it (for a
    /// file, [`File::sync_all`](std::fs::File::sync_all)).
    pub sink: W,
    /// Its counters at the end.
    pub totals: Snapshot,
}

/// What is left of a stream that was destroyed, or failed.
#[non_exhaustive]
pub struct Remains<W> {
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
    /// Its counters at the end; `totals.written` is what was delivered, in bytes.
    pub totals: Snapshot,
}

impl<W> Remains<W> {
    /// What there is to hand back: the sink, if it is here, and what is unsent.
    pub(crate) fn collect(core: &mut Core) -> Self {
        let unsent: Vec<_> = core.driver.host_mut().discard().into();
        let unsent_bytes: u64 = unsent.iter().map(|chunk| chunk.len() as u64).sum();
        let totals = core.snapshot();
        let undelivered = totals.accepted.saturating_sub(totals.written);
        Self {
            sink: None,
            unsent,
            in_doubt: undelivered.saturating_sub(unsent_bytes),
            totals,
        }
    }

    /// How the stream has ended: with this.
    pub(crate) fn end<S>(
        self,
        finished: Result<(), Cause>,
        refused: Option<Chunk>,
    ) -> Result<Done<W>, EndError<W, S>> {
        let totals = self.totals;
        match (finished, self.sink) {
            (Ok(()), Some(sink)) => Ok(Done { sink, totals }),
            (finished, sink) => Err(EndError::Failed {
                cause: finished.err().unwrap_or(Cause::Fault(Fault::Destroyed)),
                refused,
                remains: Box::new(Remains { sink, ..self }),
            }),
        }
    }
}

// By hand, so that a sink need not be `Debug`.

impl<W> fmt::Debug for Done<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Done")
            .field("totals", &self.totals)
            .finish_non_exhaustive()
    }
}

impl<W> fmt::Debug for Remains<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remains")
            .field("unsent", &format_args!("{} chunks", self.unsent.len()))
            .field("in_doubt", &self.in_doubt)
            .field("totals", &self.totals)
            .finish_non_exhaustive()
    }
}
