//! The owner's side: everything that a producer can, and the end.

use alloc::boxed::Box;
use core::error::Error;
use core::fmt;
use core::future::Future;
use core::mem;
use core::task::{Context, Poll};

use super::lock::Shared;
use super::writer::{CorkGuard, Writer};
use crate::cause::Cause;
use crate::chunk::Chunk;
use crate::handle::{Builder, FutureOptions};
use crate::machine::Flow;
use crate::stream::{
    Condition, EndError, Failure, Finished, Snapshot, Stream, Unfinished, WaitError, WriteError,
};
use crate::sync::{Arc, Mutex, PoisonError};

/// Where the worker leaves the sink for the owner.
pub(crate) type SinkSlot<W> = Arc<Mutex<Option<W>>>;

/// A writable stream for async code: see the [module](crate::future).
///
/// Dropping it ends the stream, and the worker goes on until all is written,
/// unless the builder was told to [discard](Builder::discard_on_drop).
///
/// Ending consumes it, so writing after the end does not compile:
///
/// ```compile_fail,E0382
/// # async fn f(mut out: highwater::future::Writable<futures::io::Sink>) {
/// out.end().await.unwrap();
/// out.write("too late").unwrap(); // borrow of moved value: `out`
/// # }
/// ```
pub struct Writable<W> {
    pub(crate) writer: Writer,
    /// Where the worker leaves the sink.
    slot: SinkSlot<W>,
    /// Whether a drop destroys the stream instead of ending it.
    discards: bool,
    /// What is left was collected: drop has nothing to do.
    collected: bool,
}

impl Writable<()> {
    /// Makes a stream; see [`Builder`].
    #[must_use]
    pub fn builder() -> Builder<FutureOptions> {
        Builder::new()
    }
}

impl<W> Writable<W> {
    pub(crate) fn new(shared: Arc<Shared>, slot: SinkSlot<W>, discards: bool) -> Self {
        Self {
            writer: Writer::new(shared),
            slot,
            discards,
            collected: false,
        }
    }

    /// What becomes of it if it is dropped.
    pub(super) fn set_discards(&mut self, discards: bool) {
        self.discards = discards;
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

    /// Waits until there is room again: see [`Writer::drained`].
    ///
    /// # Errors
    ///
    /// As [`Writer::drained`].
    pub fn drained(&self) -> impl Future<Output = Result<(), WaitError>> + Send + '_ {
        self.writer.drained()
    }

    /// How many bytes were accepted: see [`Writer::position`].
    #[must_use]
    pub fn position(&self) -> u64 {
        self.writer.position()
    }

    /// Waits until everything up to this position, in bytes, has reached the sink:
    /// see [`Writer::delivered`].
    ///
    /// # Errors
    ///
    /// As [`Writer::delivered`].
    pub async fn delivered(&self, position: u64) -> Result<(), WaitError> {
        self.writer.delivered(position).await
    }

    /// Waits until all of it is written and the sink flushed: see [`Writer::flush`].
    ///
    /// # Errors
    ///
    /// As [`Writer::flush`].
    pub fn flush(&self) -> impl Future<Output = Result<(), WaitError>> + Send + '_ {
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

    /// Ends the stream and waits: everything is written, the sink flushed, closed,
    /// and handed back (rules 13 to 16, 18, 19). It is ended by the call: if the
    /// future is dropped, the worker goes on ending.
    ///
    /// # Errors
    ///
    /// If the stream failed. What was not delivered is handed back.
    pub fn end(self) -> impl Future<Output = Result<Finished<W>, EndError<W, Self>>> {
        self.end_after(None)
    }

    /// As [`Writable::end`], after this last chunk, without a copy.
    ///
    /// # Errors
    ///
    /// As [`Writable::end`]. If the chunk is not accepted although the stream has
    /// not failed, the stream is handed back with it, and goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::{executor::block_on, future::join, io::Cursor};
    ///
    /// let (mut out, worker) = highwater::future::Writable::builder().pair(Cursor::new(Vec::new()));
    /// let _flow = out.write("first\n")?;
    /// let (done, ()) = block_on(join(out.end_with("last\n"), worker));
    /// assert_eq!(done?.sink.into_inner(), b"first\nlast\n");
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn end_with(
        self,
        chunk: impl Into<Chunk>,
    ) -> impl Future<Output = Result<Finished<W>, EndError<W, Self>>> {
        self.end_after(Some(chunk.into()))
    }

    fn end_after(
        mut self,
        chunk: Option<Chunk>,
    ) -> impl Future<Output = Result<Finished<W>, EndError<W, Self>>> {
        let ended = self.end_now(chunk);
        async move {
            let refused = match ended {
                Ok(refused) => refused,
                Err(error) => {
                    return Err(EndError::Refused {
                        stream: self,
                        error,
                    });
                }
            };
            let outcome = self.outcome().await;
            outcome.map_err(|failure| EndError::failed(failure, refused))
        }
    }

    /// Ends the stream. After that a drop discards nothing.
    pub(super) fn end_now(
        &mut self,
        chunk: Option<Chunk>,
    ) -> Result<Option<Chunk>, WriteError<Chunk>> {
        let refused = self.writer.shared().change(|stream| stream.end(chunk))?;
        self.discards &= refused.is_some();
        Ok(refused)
    }

    /// What the stream has come to, once the worker has left.
    pub(super) async fn outcome(self) -> Result<Finished<W>, Failure<W>> {
        self.worker_left().await;
        let finished = self.writer.shared().change(|stream| stream.finished());
        self.collect().outcome(finished)
    }

    /// Ends the stream, and waits until everything is through.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WaitError>> {
        // A stream that has ended or failed stays so.
        let _ = self.end_now(None);
        self.writer.poll_finished(cx)
    }

    /// Stops now and gives back the sink and what was not sent: what was delivered
    /// and what is handed back are together what was accepted (rule 18). Waits for
    /// the worker to let go of the sink; a call of the sink that is pending has
    /// taken nothing. It is destroyed by the call, even if the future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::{executor::block_on, future::join, io::Cursor};
    ///
    /// let (mut out, worker) = highwater::future::Writable::builder().pair(Cursor::new(Vec::new()));
    /// out.cork()?.write("held until now")?;
    /// let (unfinished, ()) = block_on(join(out.destroy(), worker));
    /// let unsent: usize = unfinished.unsent.iter().map(|chunk| chunk.len()).sum();
    /// assert_eq!(unfinished.totals.delivered + unsent as u64, unfinished.totals.accepted);
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn destroy(self) -> impl Future<Output = Unfinished<W>> {
        self.destroy_for(None)
    }

    /// As [`Writable::destroy`]; waiters and the observer are told the reason.
    pub fn destroy_with(
        self,
        reason: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> impl Future<Output = Unfinished<W>> {
        let reason = Cause::Reason(reason.into().into());
        self.destroy_for(Some(reason))
    }

    pub(super) fn destroy_for(self, reason: Option<Cause>) -> impl Future<Output = Unfinished<W>> {
        drop(self.writer.shared().change(|stream| stream.destroy(reason)));
        async move {
            self.worker_left().await;
            self.collect()
        }
    }

    /// Waits until the worker has let go of the sink.
    async fn worker_left(&self) {
        // It always does, so there is nothing that could fail.
        let _ = self.writer.wait(Condition::WorkerLeft).await;
    }

    /// What there is to hand back.
    fn collect(mut self) -> Unfinished<W> {
        self.collected = true;
        let unfinished = self.writer.shared().change(Stream::unfinished);
        let sink = self.take_sink();
        Unfinished { sink, ..unfinished }
    }

    fn take_sink(&self) -> Option<W> {
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        slot.take()
    }
}

impl<W> Drop for Writable<W> {
    fn drop(&mut self) {
        if mem::replace(&mut self.collected, true) {
            return;
        }
        let shared = self.writer.shared();
        if self.discards {
            shared.change(|stream| drop(stream.destroy(None)));
            drop(shared.change(|stream| stream.discard()));
        } else {
            // A failure is told to the observer.
            let _ = shared.change(|stream| stream.end(None));
        }
        if shared.change(Stream::owner_leaves) {
            drop(self.take_sink());
        }
    }
}

impl<W> fmt::Debug for Writable<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writable")
            .field("snapshot", &self.snapshot())
            .finish_non_exhaustive()
    }
}
