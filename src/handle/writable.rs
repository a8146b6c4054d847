//! The owner's side: everything that a producer can; its end is in `end.rs` and
//! `destroy.rs`.

use alloc::format;
use core::fmt;
use core::task::{Context, Poll};

#[cfg(feature = "futures")]
use super::budget::on_budget;
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

/// A writable stream: you write, and its [worker](crate#who-moves-the-data) moves the bytes to
/// the sink `W`. This is its owner, which alone can end it.
///
/// ```
/// use highwater::{Flow, Writable};
///
/// let mut out = Writable::builder().high_water_mark(64).spawn(Vec::new())?; // any `io::Write`
/// for n in 1..=1000 {
///     if out.write(format!("{n}\n"))? == Flow::Wait {
///         out.drained().wait()?; // in a task: `.await`
///     }
/// }
/// let finished = out.end().wait()?; // all is written, the sink flushed and handed back
/// assert_eq!(finished.sink.len(), 3893);
/// assert!(finished.totals.peak < 64 + 5); // the mark, and one line
/// # Ok::<_, highwater::BoxError>(())
/// ```
///
/// # In the order of use
///
/// | to | call |
/// | --- | --- |
/// | make a stream | [`builder`](Writable::builder), and one of the methods of the [`Builder`](crate::Builder) that start a worker |
/// | write, and learn whether to keep writing | [`write`](Self::write), [`write_chunk`](Self::write_chunk) |
/// | wait until there is room | [`drained`](Self::drained); before the write: [`send`](Self::send) |
/// | send several writes together | [`cork`](Self::cork) |
/// | know what has arrived | [`position`](Self::position), [`delivered`](Self::delivered), [`flush`](Self::flush), [`snapshot`](Self::snapshot) |
/// | write from further threads or tasks | [`writer`](Self::writer) |
/// | end | [`end`](Self::end), [`end_with`](Self::end_with), [`pipe`](Self::pipe) |
/// | stop | [`destroy`](Self::destroy), [`destroy_with`](Self::destroy_with) |
///
/// # For code that writes to something else
///
/// It is an [`io::Write`](std::io::Write) that blocks until there is room. With the feature
/// `futures` it is a `Sink` of `Bytes` and an `AsyncWrite` of futures, and with `tokio` an
/// `AsyncWrite` of tokio: these wait until there is room. Closing them ends the stream, and
/// [`end`](Self::end) still hands the sink back.
///
/// ```
/// use std::io::Write;
///
/// let mut out = highwater::Writable::builder().spawn(Vec::new())?;
/// writeln!(out, "{:>4}", 42)?;
/// assert_eq!(out.end().wait()?.sink, b"  42\n");
/// # Ok::<_, highwater::BoxError>(())
/// ```
///
/// # After the end
///
/// Ending consumes it, so a write after the end does not compile:
///
/// ```compile_fail,E0382
/// let mut out = highwater::Writable::builder().spawn(Vec::new()).unwrap();
/// out.end().wait().unwrap();
/// out.write("too late").unwrap(); // borrow of moved value: `out`
/// ```
///
/// What becomes of a stream that is dropped without an end is an [option](crate::OnDrop) of
/// the builder, and listed under [Dropping](crate#dropping).
///
/// # What a write costs
///
/// While the sink is busy, a small write of the owner, or under its [`CorkGuard`], is a copy into
/// a buffer, without a lock. A [`Writer`] takes the lock of the stream. After a write of another
/// producer the owner also takes the lock for a while. Only the cost differs.
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

    /// Writes these bytes, copied once, and tells you whether to keep writing. It never waits:
    /// [`Flow::Wait`] says that the bytes are accepted, and that the stream is now full.
    ///
    /// # Errors
    ///
    /// If the stream has ended, failed or been destroyed, or if its
    /// [limit](crate::Builder::limit) would be passed. Then nothing was accepted.
    ///
    /// # Examples
    ///
    /// ```
    /// use highwater::{Flow, Writable};
    ///
    /// let mut out = Writable::builder().high_water_mark(4).spawn(Vec::new())?;
    /// let corked = out.cork()?; // nothing leaves the stream meanwhile
    /// assert_eq!(corked.write_chunk("ab")?, Flow::More);
    /// assert_eq!(corked.write_chunk("cd")?, Flow::Wait); // accepted; 4 bytes are the mark
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[inline]
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) -> Result<Flow, WriteError> {
        self.writer.write_mut(bytes.as_ref())
    }

    /// Writes a chunk that you own (`Vec<u8>`, `String`, `&'static str`, with the feature
    /// `bytes` also `Bytes`) without a copy. A slice of a large `Bytes` keeps all of its memory
    /// until the sink has taken it; [`Chunk`] says what others keep.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write); the error has the chunk.
    pub fn write_chunk(&mut self, chunk: impl Into<Chunk>) -> Result<Flow, WriteError<Chunk>> {
        self.writer.write_chunk(chunk)
    }

    /// Waits until there is room, and then writes this chunk without a copy. If there is room
    /// now, the call writes it. The wait returns the position of the stream after the chunk, in
    /// bytes.
    ///
    /// # Errors
    ///
    /// The wait fails if the stream has ended, failed or been destroyed, or if its limit is
    /// less than the chunk: the error has the chunk.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut out = highwater::Writable::builder().high_water_mark(4).spawn(Vec::new())?;
    /// for n in 1..=100 {
    ///     out.send(format!("{n}\n")).wait()?; // in a task: `.await`
    /// }
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[doc(alias("ready", "reserve"))]
    pub fn send(&mut self, chunk: impl Into<Chunk>) -> Sending {
        self.writer.send(chunk)
    }

    /// Waits until there is room: until the next 'drain' if the stream is full, and not at
    /// all if it is not. A 'drain' that comes after this call cannot be missed.
    ///
    /// # Errors
    ///
    /// The wait fails if the stream has ended, failed or been destroyed: no 'drain' will
    /// come.
    #[doc(alias("on_drain", "once", "poll_ready"))]
    pub fn drained(&self) -> Wait {
        self.writer.drained()
    }

    /// Corks the stream: it holds what any producer writes from now on. Dropping the guard pulls
    /// the cork, and all of it goes to the sink together.
    ///
    /// # Errors
    ///
    /// If the stream has ended, failed or been destroyed.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut out = highwater::Writable::builder().spawn(Vec::new())?;
    /// let mut corked = out.cork()?;
    /// for field in ["a", ",", "b", "\n"] {
    ///     let _flow = corked.write(field)?; // never waits
    /// }
    /// drop(corked);
    /// assert_eq!(out.end().wait()?.sink, b"a,b\n");
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[doc(alias = "uncork")]
    pub fn cork(&mut self) -> Result<CorkGuard<'_>, WaitError> {
        self.writer.cork()
    }

    /// Returns the position of the stream: how many bytes it has accepted from all producers
    /// since it was created.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.writer.position()
    }

    /// Waits until the sink has taken everything up to this position, in bytes.
    ///
    /// *Delivered* is less than flushed, and flushed less than durable: see
    /// [`sink::Durable`](crate::sink::Durable).
    ///
    /// # Errors
    ///
    /// The wait fails if the stream failed or was destroyed before that; not for positions
    /// reached before the failure. [`WaitError::NotAccepted`] if the position is
    /// past what the stream has accepted when the wait begins.
    #[doc(alias = "ack")]
    pub fn delivered(&self, position: u64) -> Wait {
        self.writer.delivered(position)
    }

    /// Flushes the sink once it has everything accepted so far. The call puts the flush in line,
    /// where it stays even if the wait is dropped. Over a [`sink::Durable`](crate::sink::Durable)
    /// what was written before is on disk when the wait returns.
    ///
    /// # Errors
    ///
    /// The wait fails if the stream has ended, or failed or was destroyed before the flush.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::BufWriter;
    ///
    /// let mut out = highwater::Writable::builder().spawn(BufWriter::new(Vec::new()))?;
    /// let _flow = out.write("hello")?;
    /// out.flush().wait()?; // in the Vec now, not only in the BufWriter
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    ///
    /// Nothing waits for a flush whose value you drop. The spelling of `io::Write`, `out.flush()?`,
    /// does not compile, as this method goes first. Name the trait, or wait:
    ///
    /// ```
    /// use std::io::Write;
    ///
    /// let mut out = highwater::Writable::builder().spawn(Vec::new())?;
    /// writeln!(out, "hello")?;
    /// Write::flush(&mut out)?; // blocks, as
    /// out.flush().wait()?; // does; in a task: `.await`
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[must_use = "nothing waits for the flush: call `.wait()` on it, or `.await` it"]
    pub fn flush(&self) -> Wait {
        self.writer.flush()
    }

    /// Waits until the stream is closed: the worker has let go of the sink, and nothing more
    /// will happen. The owner ends or destroys it; this wait is for a task beside the owner's.
    ///
    /// # Errors
    ///
    /// The wait fails if the stream failed or was destroyed before it finished.
    #[doc(alias("is_closed", "finished"))]
    pub fn closed(&self) -> Wait {
        self.writer.closed()
    }

    /// Returns gauges and counters of this moment.
    #[must_use]
    #[doc(alias("metrics", "stats", "writableLength"))]
    pub fn snapshot(&self) -> Snapshot {
        self.writer.snapshot()
    }

    /// Makes a further producer, for another thread or task.
    #[must_use]
    #[doc(alias("sender", "producer"))]
    pub fn writer(&self) -> Writer {
        self.writer.clone()
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
        on_budget(cx, |cx| self.writer.poll_closed(cx))
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

    /// Ends the stream, and waits for it until the deadline.
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

/// What the observer gets from a drop that could not wait, or not long enough.
fn given_up(error: &WaitError, stream: &Stream) -> Cause {
    let in_doubt = stream.in_doubt();
    let dropped = stream.backlog().saturating_sub(in_doubt);
    let why = match error {
        WaitError::TimedOut => "the stream had not ended in time",
        WaitError::Forked => "the owner was dropped in a forked process",
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
