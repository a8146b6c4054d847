//! The owner's side: everything that a producer can, and the end.

use alloc::boxed::Box;
use alloc::format;
use core::error::Error;
use core::fmt;
use core::time::Duration;

use super::lock::Deadline;
use super::writer::{CorkGuard, Writer};
use crate::cause::Cause;
use crate::chunk::Chunk;
use crate::handle::{Builder, OnDrop};
use crate::machine::Flow;
use crate::stream::{
    Condition, EndError, Failure, Finished, Snapshot, Stream, Unfinished, WaitError, WriteError,
};
use crate::sync::JoinHandle;

/// A writable stream over an [`io::Write`](std::io::Write), which a background thread writes to.
///
/// `W` is the sink: it comes back from [`end`](Self::end) and
/// [`destroy`](Self::destroy). Dropping the stream ends it and waits until
/// everything is written, unless the builder was told otherwise.
///
/// Ending consumes it, so writing after the end does not compile:
///
/// ```compile_fail,E0382
/// let mut out = highwater::Writable::builder().spawn(Vec::new()).unwrap();
/// out.end().unwrap();
/// out.write("too late").unwrap(); // borrow of moved value: `out`
/// ```
///
/// The main example, the loop that writes until it is told to wait and goes on
/// at 'drain', is [in the crate's documentation](crate).
pub struct Writable<W> {
    pub(super) writer: Writer,
    /// `collect` or `leave` takes it; then drop has nothing to do.
    thread: Option<JoinHandle<Option<W>>>,
    pub(super) on_drop: OnDrop,
    /// False once `end` or `end_timeout` has returned without the end.
    waits_on_drop: bool,
}

impl Writable<()> {
    /// Makes a stream; see [`Builder`].
    #[must_use]
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl<W> Writable<W> {
    pub(crate) fn new(writer: Writer, thread: JoinHandle<Option<W>>, on_drop: OnDrop) -> Self {
        Self {
            writer,
            thread: Some(thread),
            on_drop,
            waits_on_drop: true,
        }
    }

    /// A further producer.
    #[must_use]
    pub fn writer(&self) -> Writer {
        self.writer.clone()
    }

    /// The background thread, which must not wait for the stream.
    #[cfg(all(feature = "tracing", not(highwater_loom)))]
    pub(crate) fn thread_id(&self) -> Option<std::thread::ThreadId> {
        self.thread.as_ref().map(|thread| thread.thread().id())
    }

    /// Writes these bytes, copied once, and says whether to go on: see
    /// [`Writer::write`].
    ///
    /// # Errors
    ///
    /// As [`Writer::write`].
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) -> Result<Flow, WriteError> {
        self.writer.write(bytes)
    }

    /// Writes a chunk without a copy: see [`Writer::write_chunk`].
    ///
    /// # Errors
    ///
    /// As [`Writer::write_chunk`]; the chunk is handed back.
    pub fn write_chunk(&mut self, chunk: impl Into<Chunk>) -> Result<Flow, WriteError<Chunk>> {
        self.writer.write_chunk(chunk)
    }

    /// Waits until there is room again: see [`Writer::wait_drain`].
    ///
    /// # Errors
    ///
    /// As [`Writer::wait_drain`].
    pub fn wait_drain(&mut self) -> Result<(), WaitError> {
        self.writer.wait_drain()
    }

    /// As [`Writable::wait_drain`], but not longer than this.
    ///
    /// # Errors
    ///
    /// As [`Writer::wait_drain_timeout`].
    pub fn wait_drain_timeout(&mut self, timeout: Duration) -> Result<(), WaitError> {
        self.writer.wait_drain_timeout(timeout)
    }

    /// How many bytes were accepted: see [`Writer::position`].
    #[must_use]
    pub fn position(&self) -> u64 {
        self.writer.position()
    }

    /// Waits until everything up to this position, in bytes, has reached the
    /// sink: see [`Writer::wait_delivered`].
    ///
    /// # Errors
    ///
    /// As [`Writer::wait_delivered`].
    pub fn wait_delivered(&self, position: u64) -> Result<(), WaitError> {
        self.writer.wait_delivered(position)
    }

    /// As [`Writable::wait_delivered`], but not longer than this.
    ///
    /// # Errors
    ///
    /// As [`Writer::wait_delivered_timeout`].
    pub fn wait_delivered_timeout(
        &self,
        position: u64,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        self.writer.wait_delivered_timeout(position, timeout)
    }

    /// Waits until all of it is written and the sink flushed: see [`Writer::flush`].
    ///
    /// # Errors
    ///
    /// As [`Writer::flush`].
    pub fn flush(&mut self) -> Result<(), WaitError> {
        self.writer.flush()
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

    /// Ends the stream and waits: everything is written, the sink flushed, and
    /// handed back (rules 13 to 16, 18, 19).
    ///
    /// # Errors
    ///
    /// If the stream failed. What was not delivered is handed back.
    pub fn end(self) -> Result<Finished<W>, EndError<W, Self>> {
        self.end_until(None, Deadline::NEVER)
    }

    /// As [`Writable::end`], after these last bytes, copied once.
    ///
    /// # Errors
    ///
    /// As [`Writable::end`]. If the last bytes are not accepted although the
    /// stream has not failed, it is handed back with them, and goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut out = highwater::Writable::builder().spawn(Vec::new())?;
    /// let _flow = out.write("first\n")?;
    /// assert_eq!(out.end_with("last\n")?.sink, b"first\nlast\n");
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn end_with(self, bytes: impl AsRef<[u8]>) -> Result<Finished<W>, EndError<W, Self>> {
        self.end_with_chunk(bytes.as_ref().to_vec())
    }

    /// As [`Writable::end`], after this last chunk, without a copy.
    ///
    /// # Errors
    ///
    /// As [`Writable::end_with`].
    pub fn end_with_chunk(self, chunk: impl Into<Chunk>) -> Result<Finished<W>, EndError<W, Self>> {
        self.end_until(Some(chunk.into()), Deadline::NEVER)
    }

    /// As [`Writable::end`], but waits no longer than this.
    ///
    /// # Errors
    ///
    /// As [`Writable::end`]; [`EndError::TimedOut`] hands the stream back, which
    /// goes on ending. Its drop does not wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use highwater::{EndError, Writable};
    /// use std::time::Duration;
    ///
    /// let out = Writable::builder().spawn(std::io::sink())?;
    /// match out.end_timeout(Duration::from_secs(5)) {
    ///     Ok(_) => println!("all is written"),
    ///     Err(EndError::TimedOut(out)) => drop(out.destroy_timeout(Duration::ZERO)),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn end_timeout(self, timeout: Duration) -> Result<Finished<W>, EndError<W, Self>> {
        self.end_until(None, Deadline::after(timeout))
    }

    fn end_until(
        mut self,
        chunk: Option<Chunk>,
        by: Deadline,
    ) -> Result<Finished<W>, EndError<W, Self>> {
        let refused = match self.writer.shared().change(|stream| stream.end(chunk)) {
            Ok(refused) => refused,
            Err(error) => {
                return Err(EndError::Refused {
                    stream: self,
                    error,
                });
            }
        };
        if let Err(error) = self.wait_for_worker(by) {
            self.waits_on_drop = false;
            return Err(match error {
                WaitError::WouldDeadlock => EndError::WouldDeadlock(self),
                _ => EndError::TimedOut(self),
            });
        }
        self.outcome()
            .map_err(|failure| EndError::failed(failure, refused))
    }

    /// What the stream has come to. The worker has left.
    pub(super) fn outcome(self) -> Result<Finished<W>, Failure<W>> {
        let finished = self.writer.shared().change(|stream| stream.finished());
        self.collect().outcome(finished)
    }

    /// Stops now and gives back what was not sent. Waits for the call that is
    /// running (of the sink, the opener or the observer), and is exact: what was
    /// delivered and what is handed back are together what was accepted (rule 18).
    ///
    /// # Examples
    ///
    /// ```
    /// let mut out = highwater::Writable::builder().spawn(Vec::new())?;
    /// out.cork()?.write("held until now")?;
    /// let unfinished = out.destroy();
    /// let unsent: usize = unfinished.unsent.iter().map(|chunk| chunk.len()).sum();
    /// assert_eq!(unfinished.totals.delivered + unsent as u64, unfinished.totals.accepted);
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[must_use = "it holds what was not sent"]
    pub fn destroy(self) -> Unfinished<W> {
        self.destroy_until(None, Deadline::NEVER)
    }

    /// As [`Writable::destroy`]; waiters and the observer are told the reason.
    #[must_use = "it holds what was not sent"]
    pub fn destroy_with(self, reason: impl Into<Box<dyn Error + Send + Sync>>) -> Unfinished<W> {
        self.destroy_until(Some(Cause::Reason(reason.into().into())), Deadline::NEVER)
    }

    /// As [`Writable::destroy`], but waits no longer than this for the sink:
    /// what it has in hand is [in doubt](Unfinished::in_doubt) then, and the sink
    /// is dropped when it comes back.
    #[must_use = "it holds what was not sent"]
    pub fn destroy_timeout(self, timeout: Duration) -> Unfinished<W> {
        self.destroy_until(None, Deadline::after(timeout))
    }

    pub(super) fn destroy_until(self, reason: Option<Cause>, by: Deadline) -> Unfinished<W> {
        drop(self.writer.shared().change(|stream| stream.destroy(reason)));
        let _ = self.wait_for_worker(by);
        self.collect()
    }

    /// Waits until the worker has left.
    pub(super) fn wait_for_worker(&self, by: Deadline) -> Result<(), WaitError> {
        let left = |stream: &mut Stream| stream.check(Condition::WorkerLeft);
        self.writer.shared().wait_until(by, left)?
    }

    /// Takes leave of the thread: its sink is dropped here if it has left, and
    /// there if it has not.
    fn leave(&mut self) {
        let left = self.writer.shared().change(Stream::owner_leaves);
        let thread = self.thread.take().filter(|_| left);
        drop(thread.map(JoinHandle::join));
    }

    /// Stops, for this reason, and drops what is unsent, outside the lock.
    fn discard(&self, reason: impl FnOnce(&Snapshot) -> Option<Cause>) {
        let shared = self.writer.shared();
        drop(shared.change(|stream| {
            let reason = reason(&stream.snapshot());
            stream.destroy(reason)
        }));
        drop(shared.change(|stream| stream.discard()));
    }

    /// What there is to hand back.
    fn collect(mut self) -> Unfinished<W> {
        let (left, unfinished) = self.writer.shared().change(|stream| {
            let unfinished = stream.unfinished();
            // Past its time-out, the owner does not come back for the sink.
            (stream.owner_leaves(), unfinished)
        });
        let sink = match self.thread.take() {
            // No panic of a user's code gets here: the worker catches it.
            Some(thread) if left => thread.join().ok().flatten(),
            _ => None,
        };
        Unfinished { sink, ..unfinished }
    }
}

impl<W> Drop for Writable<W> {
    fn drop(&mut self) {
        if self.thread.is_none() {
            return;
        }
        let by = match self.on_drop {
            _ if !self.waits_on_drop => return self.leave(),
            OnDrop::Finish => Deadline::NEVER,
            OnDrop::FinishWithin(timeout) => Deadline::after(timeout),
            OnDrop::Discard => {
                self.discard(|_| None);
                return self.leave();
            }
        };
        // A failure is told to the observer.
        let _ = self.writer.shared().change(|stream| stream.end(None));
        if self.wait_for_worker(by).is_err() {
            self.discard(|now| Some(out_of_time(now)));
        }
        self.leave();
    }
}

/// What the observer is told of a drop that has given up.
fn out_of_time(now: &Snapshot) -> Cause {
    let in_doubt = now.in_flight;
    let dropped = now.length.saturating_sub(in_doubt);
    let text = format!(
        "the stream had not ended in time: {dropped} bytes are dropped, {in_doubt} are in doubt"
    );
    Cause::Reason(Box::<dyn Error + Send + Sync>::from(text).into())
}

// By hand, so that a sink need not be `Debug`.
impl<W> fmt::Debug for Writable<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writable")
            .field("snapshot", &self.snapshot())
            .finish_non_exhaustive()
    }
}
