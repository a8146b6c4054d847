//! The owner's side: everything that a producer can; its end is in `end.rs` and
//! `destroy.rs`.

use alloc::format;
use core::fmt;
use core::task::{Context, Poll};

use super::lock::Shared;
use super::on_drop::OnDrop;
use super::parker::Deadline;
use super::sending::Sending;
use super::wait::Wait;
use super::writer::{CorkGuard, Writer};
use crate::cause::Cause;
use crate::chunk::Chunk;
use crate::machine::Flow;
use crate::stream::{By, Condition, Snapshot, Stream, Unfinished, WaitError, WriteError};
use crate::sync::{Arc, Mutex, PoisonError};

/// Where the worker leaves the sink for the owner.
pub(crate) type SinkSlot<W> = Arc<Mutex<Option<W>>>;

/// A writable stream: its owner, who can end it.
///
/// `W` is the sink, which a [worker](crate#who-moves-the-data) writes to: it comes back from
/// [`end`](Self::end) and [`destroy`](Self::destroy). What becomes of a stream that is
/// dropped without either is an [option](OnDrop) of the [`Builder`](crate::Builder).
///
/// Ending consumes it, so writing after the end does not compile:
///
/// ```compile_fail,E0382
/// let mut out = highwater::Writable::builder().spawn(Vec::new()).unwrap();
/// out.end().wait().unwrap();
/// out.write("too late").unwrap(); // borrow of moved value: `out`
/// ```
///
/// While the sink is busy, a small write of the owner, or under its [`CorkGuard`], is a copy
/// into a buffer, and a cork is a bit beside it, both without a lock; a [`Writer`] takes the
/// lock of the stream. A write of another producer takes this away from the owner for a while,
/// and no caller sees any other difference.
///
/// It is an [`io::Write`](std::io::Write) that blocks until there is room; with the feature
/// `futures` a `Sink` of `Bytes` and an `AsyncWrite` of futures, and with `tokio` one of
/// tokio, which wait until there is room. Closing these ends the stream, and
/// [`end`](Self::end) still hands the sink back.
///
/// ```
/// use std::io::Write;
///
/// let mut out = highwater::Writable::builder().high_water_mark(64).spawn(Vec::new())?;
/// for n in 1..=1000 {
///     writeln!(out, "{n}")?;
/// }
/// let done = out.end().wait()?;
/// assert_eq!(done.sink.len(), 3893);
/// assert!(done.totals.peak <= 64 + 4);
/// # Ok::<_, highwater::BoxError>(())
/// ```
pub struct Writable<W> {
    pub(crate) writer: Writer,
    /// Where the worker leaves the sink.
    slot: SinkSlot<W>,
    /// `None` over a body: an abort.
    pub(super) on_drop: Option<OnDrop>,
    /// What is left was collected: then drop has nothing to do.
    collected: bool,
}

impl<W> Writable<W> {
    pub(crate) fn over(shared: &Arc<Shared>, slot: SinkSlot<W>, on_drop: Option<OnDrop>) -> Self {
        Self {
            writer: Writer::over(shared, By::Owner),
            slot,
            on_drop,
            collected: false,
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.writer.shared
    }

    /// A further producer.
    #[must_use]
    pub fn writer(&self) -> Writer {
        self.writer.clone()
    }

    /// Writes these bytes, copied once, and says whether to go on: see
    /// [`Writer::write`].
    ///
    /// # Errors
    ///
    /// As [`Writer::write`].
    #[inline]
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) -> Result<Flow, WriteError> {
        self.writer.write_mut(bytes.as_ref())
    }

    /// Writes a chunk without a copy: see [`Writer::write_chunk`].
    ///
    /// # Errors
    ///
    /// As [`Writer::write_chunk`]; the chunk is handed back.
    pub fn write_chunk(&mut self, chunk: impl Into<Chunk>) -> Result<Flow, WriteError<Chunk>> {
        self.writer.write_chunk(chunk)
    }

    /// Writes a chunk when there is room: see [`Writer::send`].
    ///
    /// # Errors
    ///
    /// As [`Writer::send`].
    pub fn send(&mut self, chunk: impl Into<Chunk>) -> Sending {
        self.writer.send(chunk)
    }

    /// Waits until there is room again: see [`Writer::drained`].
    ///
    /// # Errors
    ///
    /// As [`Writer::drained`].
    pub fn drained(&self) -> Wait {
        self.writer.drained()
    }

    /// How many bytes were accepted: see [`Writer::position`].
    #[must_use]
    pub fn position(&self) -> u64 {
        self.writer.position()
    }

    /// Waits until everything up to this position, in bytes, has reached the
    /// sink: see [`Writer::delivered`].
    ///
    /// # Errors
    ///
    /// As [`Writer::delivered`].
    pub fn delivered(&self, position: u64) -> Wait {
        self.writer.delivered(position)
    }

    /// Flushes the sink, once it has everything accepted so far: see [`Writer::flush`].
    ///
    /// # Errors
    ///
    /// As [`Writer::flush`].
    #[must_use = "the call puts the flush in line; the wait says when it is done"]
    pub fn flush(&self) -> Wait {
        self.writer.flush()
    }

    /// Waits until the stream is closed: see [`Writer::closed`].
    ///
    /// # Errors
    ///
    /// As [`Writer::closed`].
    pub fn closed(&self) -> Wait {
        self.writer.closed()
    }

    /// Holds what is written while the guard lives: see [`Writer::cork`].
    ///
    /// # Errors
    ///
    /// As [`Writer::cork`].
    pub fn cork(&mut self) -> Result<CorkGuard<'_>, WaitError> {
        self.writer.cork()
    }

    /// Gauges and counters.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.writer.snapshot()
    }

    /// Ends the stream, after this last chunk if there is one. A stream that has failed
    /// gives the chunk back.
    pub(super) fn end_now(
        &mut self,
        chunk: Option<Chunk>,
    ) -> Result<Option<Chunk>, WriteError<Chunk>> {
        self.shared().change(By::Owner, |stream| stream.end(chunk))
    }

    /// Ends the stream, and waits until it is closed: the end of a `Sink` or `AsyncWrite`.
    #[cfg(feature = "futures")]
    pub(crate) fn poll_end(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), WriteError<Option<Chunk>>>> {
        self.writer.polls.closes = true;
        // A stream that has ended or failed stays so.
        let _ = self.end_now(None);
        self.writer.poll_closed(cx)
    }

    /// Waits until the worker has let go of the sink.
    pub(super) fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let ticket = &mut self.writer.polls.ticket;
        let left = self
            .writer
            .shared
            .poll_wait(cx, ticket, Condition::WorkerLeft);
        // This wait cannot fail.
        left.map(drop)
    }

    /// As [`Writable::poll_left`], for a thread.
    pub(super) fn wait_left(&mut self, deadline: Deadline) -> Result<(), WaitError> {
        let shared = Arc::clone(self.shared());
        let left = shared.block_on(deadline, |cx| self.poll_left(cx));
        shared.leave(&mut self.writer.polls.ticket);
        left
    }

    /// What there is to hand back. The owner does not come back for the sink.
    pub(super) fn collect(&mut self) -> Unfinished<W> {
        self.collected = true;
        let mut unfinished = self.shared().change(By::Owner, Stream::unfinished);
        unfinished.sink = self.leave();
        unfinished
    }

    /// The owner leaves, with the sink if the worker has left it.
    fn leave(&self) -> Option<W> {
        self.shared().change(By::Owner, Stream::owner_leaves);
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        slot.take()
    }

    /// Stops, for this reason, and drops what is unsent, outside the lock.
    fn discard(&self, reason: impl FnOnce(&Stream) -> Option<Cause>) {
        drop(self.shared().change(By::Owner, |stream| {
            let reason = reason(stream);
            stream.destroy(reason)
        }));
        drop(self.shared().change(By::Owner, Stream::discard));
    }

    /// Aborts a stream that has not ended: its reader must not take it for whole.
    fn cut_off(&self) {
        let cause = Cause::reason("the owner was dropped before the end");
        drop(
            self.shared()
                .change(By::Owner, |stream| stream.cut_off(cause)),
        );
    }

    /// Ends the stream, and waits so long for it.
    fn finish(&mut self, deadline: Deadline) {
        // The observer learns of a failure.
        let _ = self.end_now(None);
        if let Err(error) = self.wait_left(deadline) {
            self.discard(|stream| Some(given_up(&error, stream)));
        }
    }
}

impl<W> Drop for Writable<W> {
    fn drop(&mut self) {
        if self.collected {
            return;
        }
        match self.on_drop {
            Some(OnDrop::Finish) => self.finish(Deadline::NEVER),
            Some(OnDrop::FinishWithin(timeout)) => self.finish(Deadline::after(timeout)),
            Some(OnDrop::Detach) => drop(self.end_now(None)),
            Some(OnDrop::Discard) => self.discard(|_| None),
            None => self.cut_off(),
        }
        drop(self.leave());
    }
}

/// What the observer learns of a drop that could not wait, or not so long.
fn given_up(error: &WaitError, stream: &Stream) -> Cause {
    let in_doubt = stream.in_doubt();
    let dropped = stream.backlog().saturating_sub(in_doubt);
    let why = match error {
        WaitError::TimedOut => "the stream had not ended in time",
        _ => "the owner was dropped on the stack of the stream's worker",
    };
    let text = format!("{why}: {dropped} bytes are dropped, {in_doubt} are in doubt");
    Cause::reason(text)
}

// By hand, so that a sink need not be `Debug`.
impl<W> fmt::Debug for Writable<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writable")
            .field("snapshot", &self.snapshot())
            .finish_non_exhaustive()
    }
}
