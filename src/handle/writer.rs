//! The producer's side: write, wait, cork.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
#[cfg(all(feature = "tracing", not(highwater_loom)))]
use core::time::Duration;
use std::sync::OnceLock;

use super::lock::Shared;
#[cfg(all(feature = "tracing", not(highwater_loom)))]
use super::parker::Deadline;
use super::sending::Sending;
use super::wait::Wait;
use crate::chunk::Chunk;
use crate::machine::Flow;
use crate::stream::{
    By, Condition, Filled, Filler, Snapshot, Stream, Ticket, WaitError, WriteError,
};
use crate::sync::Arc;

/// One of several producers of a [`Writable`](crate::Writable). Cheap to clone, and to send
/// to other threads and tasks. Dropping it does nothing: only the owner ends the stream.
///
/// Over a [body](crate::Builder#method.body), a `Writer` that a panic drops cuts the body off: its
/// reader gets an error. A `Writer` that a destructor makes while its thread already panics does not.
///
/// For `writeln!` and for code that wants an [`io::Write`](std::io::Write), take its
/// [`blocking`](Self::blocking) view. With the feature `tokio` or `futures` it is an
/// `AsyncWrite` and a `Sink` itself.
///
/// The stream serves several producers in no promised order. The length exceeds the
/// high-water mark by at most one chunk for each producer that heeds [`Flow::Wait`].
///
/// ```
/// use highwater::{Flow, Writable};
/// use std::thread;
///
/// let mut out = Writable::builder().spawn(Vec::new())?;
/// let producers = ["a", "b"].map(|name| {
///     let out = out.writer();
///     thread::spawn(move || -> Result<(), highwater::BoxError> {
///         for _ in 0..1000 {
///             if out.write(name)? == Flow::Wait {
///                 out.drained().wait()?;
///             }
///         }
///         Ok(())
///     })
/// });
/// for producer in producers {
///     producer.join().expect("no panic")?;
/// }
/// assert_eq!(out.end().wait()?.sink.len(), 2000);
/// # Ok::<_, highwater::BoxError>(())
/// ```
pub struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) polls: Polls,
    /// The owner's own producer, or another.
    pub(super) by: By,
    /// The owner's side of its lease, once it has had one.
    pub(super) filler: Option<Filler>,
    /// Its thread panicked already when it was made: then its drop is none of that panic's.
    pub(super) made_in_panic: bool,
}

/// What a producer keeps between two polls of a `Sink` or an `AsyncWrite` (`polls.rs`).
#[derive(Debug, Default)]
pub(super) struct Polls {
    /// Its place among the waiters.
    pub(super) ticket: Option<Ticket>,
    /// The last flush.
    #[cfg(feature = "futures")]
    pub(super) flush: Option<u64>,
    /// Each write sets it: then `flush` is out of date. Only the holder of this producer
    /// reads it, so it is not of loom's type.
    pub(super) wrote: AtomicBool,
    /// Set once a [`Sending`] of this producer was accepted later than its call. It is there
    /// once one has had to wait.
    pub(super) sent: OnceLock<alloc::sync::Arc<AtomicBool>>,
    /// The owner was closed by a poll.
    #[cfg(feature = "futures")]
    pub(super) closes: bool,
}

impl Polls {
    #[inline]
    pub(super) fn wrote(&self) {
        // A store before each lock would cost more than the lock does.
        if !self.wrote.load(Ordering::Relaxed) {
            self.wrote.store(true, Ordering::Relaxed);
        }
    }
}

impl Writer {
    pub(super) fn over(shared: &Arc<Shared>, by: By) -> Self {
        Self {
            shared: Arc::clone(shared),
            polls: Polls::default(),
            by,
            filler: None,
            made_in_panic: std::thread::panicking(),
        }
    }

    /// As [`Writer::write`]. Most of the time, the owner does without the lock.
    #[inline]
    pub(super) fn write_mut(&mut self, bytes: &[u8]) -> Result<Flow, WriteError> {
        *self.polls.wrote.get_mut() = true;
        let filler = self.filler.as_mut();
        match filler.map_or(Filled::Nothing, |filler| filler.write(bytes)) {
            Filled::Accepted => Ok(Flow::More),
            filled => self.write_locked(filled, bytes),
        }
    }

    /// Out of line, so that the usual write is short.
    #[inline(never)]
    fn write_locked(&mut self, filled: Filled, bytes: &[u8]) -> Result<Flow, WriteError> {
        if filled == Filled::InDoubt && self.is_accepted() {
            return Ok(Flow::More);
        }
        match self.by {
            By::Owner => self.shared.write_own(&mut self.filler, bytes),
            _ => self.shared.write(bytes),
        }
    }

    /// `false` if the owner has no lease, or the lease is too small.
    #[inline]
    pub(crate) fn write_on_own_lease(&mut self, bytes: &[u8]) -> bool {
        *self.polls.wrote.get_mut() = true;
        self.on_own_lease(|filler| filler.write(bytes))
    }

    /// Does this on the lease of the owner. `false` if the lease does not cover it.
    #[inline]
    fn on_own_lease(&mut self, act: impl FnOnce(&mut Filler) -> Filled) -> bool {
        match self.filler.as_mut().map_or(Filled::Nothing, act) {
            Filled::Accepted => true,
            Filled::Nothing => false,
            Filled::InDoubt => self.is_accepted(),
        }
    }

    /// Whether what is in doubt is accepted.
    fn is_accepted(&mut self) -> bool {
        let filler = self.filler.as_mut();
        filler.is_some_and(|filler| self.shared.look(|stream| stream.is_accepted(filler)))
    }

    /// Writes these bytes, copied once, and tells you whether to keep writing. It never waits:
    /// [`Flow::Wait`] says that the bytes are accepted, and that the stream is now full.
    ///
    /// # Errors
    ///
    /// If the stream has ended, failed or been destroyed, or if its limit would
    /// be passed. Then nothing was accepted.
    #[inline]
    pub fn write(&self, bytes: impl AsRef<[u8]>) -> Result<Flow, WriteError> {
        self.polls.wrote();
        self.shared.write(bytes.as_ref())
    }

    /// Writes a chunk that you own (`Vec<u8>`, `String`, `&'static str`,
    /// with the feature `bytes` also `Bytes`), without a copy. A slice of a large `Bytes`
    /// keeps all of its memory until the sink has taken it; [`Chunk`] says what others keep.
    ///
    /// # Errors
    ///
    /// As [`Writer::write`]; the error has the chunk.
    pub fn write_chunk(&self, chunk: impl Into<Chunk>) -> Result<Flow, WriteError<Chunk>> {
        self.write_owned(chunk.into())
    }

    fn write_owned(&self, chunk: Chunk) -> Result<Flow, WriteError<Chunk>> {
        self.polls.wrote();
        self.shared
            .change(self.by, |stream| stream.write_chunk(chunk))
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
    /// let out = highwater::Writable::builder().spawn(Vec::new())?;
    /// let writer = out.writer();
    /// let position = writer.send("a line\n").wait()?;
    /// writer.delivered(position).wait()?; // the sink has it
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn send(&self, chunk: impl Into<Chunk>) -> Sending {
        self.polls.wrote();
        Sending::new(self.by, &self.shared, chunk.into(), &self.polls.sent)
    }

    /// Waits until there is room: until the next 'drain' if the stream is full, and not at
    /// all if it is not. A 'drain' that comes after this call cannot be missed.
    ///
    /// # Errors
    ///
    /// The wait fails if the stream has ended, failed or been destroyed: no 'drain' will
    /// come.
    ///
    /// # Examples
    ///
    /// ```
    /// use highwater::Flow;
    ///
    /// let out = highwater::Writable::builder().high_water_mark(1).spawn(Vec::new())?;
    /// let writer = out.writer();
    /// for text in ["a", "b", "c"] {
    ///     if writer.write(text)? == Flow::Wait {
    ///         writer.drained().wait()?; // at once, if 'drain' came in the meantime
    ///     }
    /// }
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn drained(&self) -> Wait {
        let condition = self.shared.look(Stream::next_drain);
        Wait::new(&self.shared, Ok(condition))
    }

    /// Returns the position of the stream: how many bytes it has accepted from all producers
    /// since it was created.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.shared.look(Stream::position)
    }

    /// Waits until the sink has taken everything up to this position, in bytes.
    ///
    /// *Delivered*: the sink has taken the bytes. *Flushed*: the sink has passed on what it
    /// buffers by itself. *Durable*: flushed, and the sink is a
    /// [`sink::Durable`](crate::sink::Durable), whose flush is a sync.
    ///
    /// # Errors
    ///
    /// The wait fails if the stream failed or was destroyed before that; not for positions
    /// reached before the failure. [`WaitError::NotAccepted`] if the position is
    /// past what the stream has accepted when the wait begins.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut out = highwater::Writable::builder().spawn(Vec::new())?;
    /// let _flow = out.write("pay 5 to Ann")?;
    /// let paid = out.position();
    /// let _flow = out.write("a remark")?;
    /// out.delivered(paid).wait()?; // the remark may still be on its way
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn delivered(&self, position: u64) -> Wait {
        Wait::new(&self.shared, Ok(Condition::Delivered(position)))
    }

    /// Flushes the sink once it has everything accepted so far. The call puts the flush in line,
    /// where it stays even if the wait is dropped. A cork holds it, as it holds writes. Other
    /// writes may follow.
    ///
    /// *Delivered*: the sink has taken the bytes. *Flushed*: the sink has passed on what it
    /// buffers by itself. *Durable*: flushed, and the sink is a
    /// [`sink::Durable`](crate::sink::Durable), whose flush is a sync.
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
    /// Nothing waits for a flush whose value you drop. `out.flush()?` does not compile: write
    /// `out.flush().wait()?`, or in a task `out.flush().await?`.
    #[must_use = "nothing waits for the flush: call `.wait()` on it, or `.await` it"]
    pub fn flush(&self) -> Wait {
        let flush = self.shared.change(self.by, Stream::flush);
        Wait::new(&self.shared, flush.map(Condition::Flushed))
    }

    /// Waits until the stream is closed: the worker has let go of the sink, and nothing more
    /// will happen.
    ///
    /// # Errors
    ///
    /// The wait fails if the stream has failed or been destroyed before it has finished.
    ///
    /// # Examples
    ///
    /// ```
    /// let out = highwater::Writable::builder().spawn(Vec::new())?;
    /// let writer = out.writer();
    /// drop(out.destroy_with("the client has left"));
    /// let error = writer.closed().wait().expect_err("it has not finished");
    /// assert_eq!(error.to_string(), "the client has left");
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn closed(&self) -> Wait {
        Wait::new(&self.shared, Ok(Condition::Closed))
    }

    /// As [`Writer::write`], whole, but first waits, for a thread, until there is room and the limit
    /// allows these bytes. A `timeout` bounds the wait. It does not wait on the stack of the worker.
    /// Returns whether the stream has accepted the bytes.
    #[cfg(all(feature = "tracing", not(highwater_loom)))]
    pub(crate) fn write_when_room(&self, bytes: &[u8], timeout: Option<Duration>) -> bool {
        let shared = &self.shared;
        if shared.write_on_lease_if_room(By::Other, bytes) {
            return true;
        }
        let mut ticket = None;
        let deadline = timeout.map_or(Deadline::NEVER, Deadline::after);
        let written = shared.block_on(deadline, |cx| {
            let write = |stream: &mut Stream| stream.write(bytes).is_ok();
            shared.poll_room(By::Other, cx, &mut ticket, bytes.len(), write)
        });
        shared.leave(&mut ticket);
        match written {
            Ok(accepted) => accepted,
            Err(WaitError::WouldDeadlock) => shared.write(bytes).is_ok(),
            Err(_) => false,
        }
    }

    /// As [`Writer::write`], unless a 'drain' is to come. Returns whether the stream has
    /// accepted it.
    #[cfg(all(feature = "tracing", not(highwater_loom)))]
    pub(crate) fn write_if_room(&self, bytes: &[u8]) -> bool {
        self.shared.write_on_lease_if_room(By::Other, bytes)
            || self.shared.change(By::Other, |stream| {
                stream.has_room_for(0) && stream.write(bytes).is_ok()
            })
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
    /// # let out = highwater::Writable::builder().spawn(Vec::new())?;
    /// let mut writer = out.writer();
    /// let mut corked = writer.cork()?;
    /// for field in ["a", ",", "b", "\n"] {
    ///     let _flow = corked.write(field)?; // never waits
    /// }
    /// drop(corked);
    /// assert_eq!(out.end().wait()?.sink, b"a,b\n");
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn cork(&mut self) -> Result<CorkGuard<'_>, WaitError> {
        if !self.on_own_lease(Filler::cork) {
            self.shared.change(self.by, Stream::cork)?;
        }
        Ok(CorkGuard { writer: self })
    }

    /// Returns gauges and counters of this moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.shared.look(Stream::snapshot)
    }
}

impl Clone for Writer {
    fn clone(&self) -> Self {
        Self::over(&self.shared, By::Other)
    }
}

// By hand: no lock is held while the snapshot is shown.
impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("snapshot", &self.snapshot())
            .finish_non_exhaustive()
    }
}

/// Corks a stream while it lives: what is written stays in the stream. Dropping it uncorks, also
/// when a panic drops it. It holds no lock.
///
/// It borrows its producer, so write through the guard. It can only write, as a wait for room under
/// its own cork would deadlock. If a write returns [`Flow::Wait`], wait after the guard is dropped.
#[must_use = "dropping it uncorks at once"]
pub struct CorkGuard<'a> {
    writer: &'a mut Writer,
}

impl CorkGuard<'_> {
    /// Writes these bytes, copied once; the stream holds them until the cork is pulled.
    ///
    /// # Errors
    ///
    /// As [`Writer::write`].
    #[inline]
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) -> Result<Flow, WriteError> {
        self.writer.write_mut(bytes.as_ref())
    }

    /// Writes a chunk that you own, without a copy; the stream holds it until the cork is pulled.
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
        let writer = &mut *self.writer;
        if !writer.on_own_lease(Filler::uncork) {
            writer.shared.change(writer.by, Stream::uncork);
        }
    }
}

// By hand: no lock is taken to show it.
impl fmt::Debug for CorkGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CorkGuard { .. }")
    }
}
