//! The producer's side: write, wait, cork.

use core::fmt;
use core::future::{Future, poll_fn};
use core::mem;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, ready};
use std::io;

use super::lock::Shared;
use crate::cause::Cause;
use crate::chunk::Chunk;
use crate::machine::Flow;
use crate::stream::{Condition, Snapshot, Stream, Ticket, WaitError, WriteError};
use crate::sync::Arc;

/// One of several producers of a [`Writable`](crate::future::Writable). Dropping it does
/// nothing: only the owner ends the stream.
///
/// Among several producers it is not promised who is served first. The length
/// exceeds the high-water mark by at most one chunk for each producer that heeds
/// [`Flow::Wait`].
pub struct Writer {
    shared: Arc<Shared>,
    /// Its place among the waiters while a poll of it is pending.
    ticket: Option<Ticket>,
    /// The flush that is being polled for.
    flush: Option<u64>,
    /// Each write sets it: then `flush` is out of date. Only the holder of this writer
    /// reads it, so it is not of loom's type.
    wrote: AtomicBool,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            ticket: None,
            flush: None,
            wrote: AtomicBool::new(false),
        }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Writes these bytes, copied once. Never waits: [`Flow::Wait`] says that they
    /// were accepted, and that it is time to stop (rules 3, 4).
    ///
    /// # Errors
    ///
    /// If the stream has ended, failed or been destroyed, or if its limit would be
    /// passed. Nothing was accepted then (rule 1).
    pub fn write(&self, bytes: impl AsRef<[u8]>) -> Result<Flow, WriteError> {
        self.wrote.store(true, Ordering::Relaxed);
        self.shared.write(bytes.as_ref())
    }

    /// Writes a chunk that is owned already (`Bytes`, `Vec<u8>`, `String`,
    /// `&'static str`), without a copy.
    ///
    /// # Errors
    ///
    /// As [`Writer::write`]; the chunk is handed back.
    pub fn write_chunk(&self, chunk: impl Into<Chunk>) -> Result<Flow, WriteError<Chunk>> {
        let chunk = chunk.into();
        self.wrote.store(true, Ordering::Relaxed);
        self.shared.change(|stream| stream.write_chunk(chunk))
    }

    /// Waits until there is room again: until 'drain' is told, or if no 'drain' is
    /// to come, not at all. A 'drain' cannot be missed. May be dropped at any time.
    ///
    /// # Errors
    ///
    /// If the stream has ended, failed or been destroyed: no 'drain' will come.
    pub fn drained(&self) -> impl Future<Output = Result<(), WaitError>> + Send + '_ {
        let condition = self.shared.look(|stream| stream.next_drain());
        self.wait(condition)
    }

    /// The position of the stream: how many bytes were accepted, from all
    /// producers, since it was created.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.shared.look(|stream| stream.position())
    }

    /// Waits until everything up to this position has reached the sink. May be
    /// dropped at any time.
    ///
    /// # Errors
    ///
    /// If the stream failed or was destroyed before that; not for positions
    /// reached before the failure. [`WaitError::NotAccepted`] if so much has not
    /// been accepted.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::{executor::block_on, future::select, io::Cursor, pin_mut};
    ///
    /// let (mut out, worker) = highwater::future::Writable::builder().pair(Cursor::new(Vec::new()));
    /// let _flow = out.write("pay 5 to Ann")?;
    /// let paid = out.position();
    /// let wait = out.delivered(paid);
    /// pin_mut!(wait);
    /// block_on(select(wait, worker)); // it has reached the sink
    /// assert_eq!(out.snapshot().delivered, paid);
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub async fn delivered(&self, position: u64) -> Result<(), WaitError> {
        self.wait(Condition::Delivered(position)).await
    }

    /// Waits until everything accepted so far has reached the sink and the sink
    /// has been flushed. The call puts it in line, where it stays even if the future
    /// is dropped.
    ///
    /// # Errors
    ///
    /// If the stream has ended, or failed or was destroyed before that.
    pub fn flush(&self) -> impl Future<Output = Result<(), WaitError>> + Send + '_ {
        let number = self.shared.change(Stream::flush);
        async move { self.wait(Condition::Flushed(number?)).await }
    }

    /// Holds what is written from now on, by any producer, until the guard is
    /// dropped; then it goes to the sink together (rules 11, 12).
    ///
    /// # Errors
    ///
    /// If the stream has ended, failed or been destroyed.
    pub fn cork(&mut self) -> Result<CorkGuard<'_>, WaitError> {
        self.shared.change(Stream::cork)?;
        Ok(CorkGuard { writer: self })
    }

    /// Gauges and counters.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.shared.look(|stream| stream.snapshot())
    }

    pub(super) async fn wait(&self, condition: Condition) -> Result<(), WaitError> {
        self.wait_then(condition, |_| ()).await
    }

    /// Waits for this. Then `f` does something with it, before anybody else can.
    pub(super) async fn wait_then<T>(
        &self,
        condition: Condition,
        mut f: impl FnMut(&mut Stream) -> T,
    ) -> Result<T, WaitError> {
        /// Gives up its place when it is dropped.
        struct Waits<'a>(&'a Shared, Option<Ticket>);
        impl Drop for Waits<'_> {
            fn drop(&mut self) {
                self.0.leave(&mut self.1);
            }
        }
        let mut waits = Waits(&self.shared, None);
        poll_fn(|cx| waits.0.poll_wait(cx, &mut waits.1, condition, &mut f)).await
    }
}

/// What `Sink` and `AsyncWrite` need. It waits until there is room *before* it accepts.
impl Writer {
    /// Waits for room, then writes a piece of these bytes; how many.
    pub(crate) fn poll_write_piece(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        *self.wrote.get_mut() = true;
        if bytes.is_empty() || self.shared().write_on_lease_if_room(bytes) {
            let mut ticket = mem::take(&mut self.ticket);
            self.shared().leave(&mut ticket);
            return Poll::Ready(Ok(bytes.len()));
        }
        let write = |stream: &mut Stream| stream.write_piece(bytes);
        Poll::Ready(Ok(ready!(self.poll_place(cx, Condition::Room, write))??))
    }

    /// Flushes; after the end, waits until everything is through.
    pub(crate) fn poll_flush_all(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WaitError>> {
        if mem::take(self.wrote.get_mut()) {
            self.flush = None;
        }
        let number = match self.flush {
            Some(number) => number,
            None => match self.shared().change(Stream::flush) {
                Ok(number) => *self.flush.insert(number),
                Err(WaitError::Ended) => return self.poll_finished(cx),
                Err(error) => return Poll::Ready(Err(error)),
            },
        };
        let result = ready!(self.poll_place(cx, Condition::Flushed(number), |_| ()));
        self.flush = None;
        Poll::Ready(result)
    }

    pub(super) fn poll_finished(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WaitError>> {
        let finished =
            ready!(self.poll_place(cx, Condition::WorkerLeft, |stream| stream.finished()))?;
        Poll::Ready(finished.map_err(|cause| match cause {
            Cause::Fault(_) => WaitError::Destroyed,
            cause => WaitError::Failed(cause),
        }))
    }

    pub(crate) fn poll_place<T>(
        &mut self,
        cx: &mut Context<'_>,
        condition: Condition,
        f: impl FnOnce(&mut Stream) -> T,
    ) -> Poll<Result<T, WaitError>> {
        let mut ticket = mem::take(&mut self.ticket);
        let poll = self.shared().poll_wait(cx, &mut ticket, condition, f);
        self.ticket = ticket;
        poll
    }
}

impl Clone for Writer {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.shared))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.leave(&mut self.ticket);
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("snapshot", &self.snapshot())
            .finish_non_exhaustive()
    }
}

/// Holds what is written while it lives. Offers writing only: waiting for room
/// under one's own cork would never end.
///
/// Dropping it, by a panic too, uncorks. It holds no lock.
#[must_use = "dropping it uncorks at once"]
pub struct CorkGuard<'a> {
    writer: &'a Writer,
}

impl CorkGuard<'_> {
    /// As [`Writer::write`].
    ///
    /// # Errors
    ///
    /// As [`Writer::write`].
    pub fn write(&self, bytes: impl AsRef<[u8]>) -> Result<Flow, WriteError> {
        self.writer.write(bytes)
    }

    /// As [`Writer::write_chunk`].
    ///
    /// # Errors
    ///
    /// As [`Writer::write_chunk`].
    pub fn write_chunk(&self, chunk: impl Into<Chunk>) -> Result<Flow, WriteError<Chunk>> {
        self.writer.write_chunk(chunk)
    }
}

impl Drop for CorkGuard<'_> {
    fn drop(&mut self) {
        self.writer.shared.change(|stream| stream.uncork());
    }
}

// By hand: no lock is taken to show it.
impl fmt::Debug for CorkGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CorkGuard { .. }")
    }
}
