//! What a `Sink` and an `AsyncWrite` poll of a producer. They wait until there is room
//! *before* they accept. Each may be polled again once it is ready, and says the same.

#[cfg(feature = "futures")]
use core::mem;
#[cfg(feature = "futures")]
use core::sync::atomic::Ordering;
#[cfg(feature = "futures")]
use core::task::ready;
use core::task::{Context, Poll};
use std::io;

use super::parker::Deadline;
use super::writer::Writer;
use crate::cause::Cause;
#[cfg(feature = "futures")]
use crate::chunk::Chunk;
#[cfg(feature = "futures")]
use crate::stream::{By, Condition, WriteError};
use crate::stream::{Stream, WaitError};

/// An error of a `Sink`: with the chunk, if it was about one.
#[cfg(feature = "futures")]
type SinkError = WriteError<Option<Chunk>>;

impl Writer {
    /// Waits for room, then writes a piece of these bytes. Returns its length.
    pub(crate) fn poll_write_piece(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.polls.wrote();
        if bytes.is_empty() || self.write_on_a_lease(bytes) {
            self.shared.leave(&mut self.polls.ticket);
            return Poll::Ready(Ok(bytes.len()));
        }
        let (by, filler) = (self.by, &mut self.filler);
        let write = |stream: &mut Stream| {
            let piece = stream.piece(bytes);
            let written = stream.write_by(by, filler, piece);
            // If the stream says `Wait`, the next piece waits.
            written.map(|_flow| piece.len())
        };
        let ticket = &mut self.polls.ticket;
        // A record is not written in pieces, so all of it has to fit below the limit.
        let len = if self.shared.records { bytes.len() } else { 0 };
        let written = self.shared.poll_room(by, cx, ticket, len, write);
        written.map_err(io::Error::from)
    }

    /// Writes all of these bytes, piece by piece.
    #[cold]
    pub(crate) fn write_pieces(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = self.write_piece(bytes)?;
            bytes = bytes.get(written..).unwrap_or_default();
        }
        Ok(())
    }

    /// As [`Writer::poll_write_piece`], for a thread.
    pub(crate) fn write_piece(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.write_on_a_lease(bytes) {
            self.polls.wrote();
            return Ok(bytes.len());
        }
        self.block_on(Deadline::NEVER, |writer, cx| {
            writer.poll_write_piece(cx, bytes)
        })?
    }

    /// Writes on a lease, if there is room. `false` if none covers it.
    #[inline]
    fn write_on_a_lease(&mut self, bytes: &[u8]) -> bool {
        self.write_on_own_lease(bytes) || self.shared.write_on_lease_if_room(self.by, bytes)
    }

    /// Waits until `poll` is ready, as a thread does.
    pub(super) fn block_on<T>(
        &mut self,
        deadline: Deadline,
        mut poll: impl FnMut(&mut Self, &mut Context<'_>) -> Poll<T>,
    ) -> Result<T, WaitError> {
        let shared = self.shared.clone();
        let found = shared.block_on(deadline, |cx| poll(self, cx));
        // Without this, one who has given up could be woken in place of another.
        shared.leave(&mut self.polls.ticket);
        found
    }

    /// Waits for room. A `Sink` cannot say how long its next chunk is: so under a limit it
    /// waits until any chunk fits that the limit allows at all.
    #[cfg(feature = "futures")]
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        if self.polls.closes {
            // A wrapper that closes asks for room first, at each poll.
            return Poll::Ready(Ok(()));
        }
        let len = self.shared.look(Stream::longest_chunk);
        let stopped = |stream: &mut Stream| stream.stopped();
        let ticket = &mut self.polls.ticket;
        match ready!(
            self.shared
                .poll_room(By::Harmless, cx, ticket, len, stopped)
        ) {
            Some(error) => Poll::Ready(Err(without_chunk(error))),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Flushes, unless this producer has written nothing since the last flush; after the
    /// end, waits until the stream is closed.
    #[cfg(feature = "futures")]
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        let sent = self.polls.sent.get();
        let sent = sent.is_some_and(|sent| sent.swap(false, Ordering::Relaxed));
        if mem::take(self.polls.wrote.get_mut()) || sent {
            self.polls.flush = None;
        }
        let number = match self.polls.flush {
            Some(number) => number,
            None => match self.shared.change(self.by, Stream::flush) {
                Ok(number) => *self.polls.flush.insert(number),
                Err(WaitError::Ended) => return self.poll_closed(cx),
                Err(error) => return Poll::Ready(Err(without_chunk(error))),
            },
        };
        let ticket = &mut self.polls.ticket;
        let flushed = self
            .shared
            .poll_wait(cx, ticket, Condition::Flushed(number));
        flushed.map_err(without_chunk)
    }

    /// Waits until the stream is closed.
    #[cfg(feature = "futures")]
    pub(super) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SinkError>> {
        let ticket = &mut self.polls.ticket;
        let closed = self.shared.poll_wait(cx, ticket, Condition::Closed);
        closed.map_err(without_chunk)
    }
}

/// No chunk came with it.
#[cfg(feature = "futures")]
fn without_chunk(error: WaitError) -> SinkError {
    let chunk = None;
    match error {
        WaitError::Ended => WriteError::AfterEnd { chunk },
        WaitError::Failed(cause) => WriteError::Failed { chunk, cause },
        _ => WriteError::Destroyed { chunk },
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.leave(&mut self.polls.ticket);
        if std::thread::panicking() && !self.made_in_panic {
            let cause = Cause::reason("a producer panicked");
            let panicked = |stream: &mut Stream| stream.producer_panicked(cause);
            drop(self.shared.report(self.by, panicked));
        }
    }
}
