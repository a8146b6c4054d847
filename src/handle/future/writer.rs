//! The producer's side: write, wait, cork.

use core::fmt;
use core::future::{Future, poll_fn};
use core::sync::atomic::{AtomicBool, Ordering};

use super::lock::{Place, Shared};
use crate::chunk::Chunk;
use crate::machine::Flow;
use crate::stream::Stream;
use crate::stream::event::Snapshot;
use crate::stream::wait::{Condition, WaitError};
use crate::stream::write::WriteError;
use crate::sync::Arc;

/// One of several producers of a [`Writable`](crate::future::Writable). Dropping it does
/// nothing: only the owner ends the stream.
///
/// Among several producers it is not promised who is served first. The length
/// exceeds the high-water mark by at most one chunk for each producer that heeds
/// [`Flow::Wait`].
pub struct Writer {
    shared: Arc<Shared>,
    /// What is being polled for, as a `Sink` or an `AsyncWrite`.
    pub(super) place: Place,
    /// The flush that is being polled for.
    pub(super) flush: Option<u64>,
    /// Something was written after it, so it is not the one to wait for. Looked at by
    /// whoever owns this writer, so it is none of loom's.
    pub(super) wrote: AtomicBool,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            place: Place::default(),
            flush: None,
            wrote: AtomicBool::new(false),
        }
    }

    pub(super) fn shared(&self) -> &Shared {
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
        let condition = self.shared.change(|stream| stream.next_drain());
        self.wait(condition)
    }

    /// The position of the stream: how many bytes were accepted, from all
    /// producers, since it was created.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.shared.change(|stream| stream.position())
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
    /// let (mut out, worker) = highwater::future::Writable::builder().over(Cursor::new(Vec::new()));
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
        self.shared.change(|stream| stream.snapshot())
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
        struct Waits<'a>(&'a Shared, Place);
        impl Drop for Waits<'_> {
            fn drop(&mut self) {
                self.0.leave(&mut self.1);
            }
        }
        let mut waits = Waits(&self.shared, Place::default());
        poll_fn(|cx| waits.0.poll_wait(cx, &mut waits.1, condition, &mut f)).await
    }
}

impl Clone for Writer {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.shared))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.leave(&mut self.place);
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

impl fmt::Debug for CorkGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CorkGuard").finish_non_exhaustive()
    }
}
