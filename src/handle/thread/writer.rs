//! The producer's side: write, wait, cork.

use core::fmt;
use core::time::Duration;

use super::lock::{Deadline, Shared};
use crate::chunk::Chunk;
use crate::machine::Flow;
use crate::stream::{Condition, Snapshot, Stream, WaitError, WriteError};
use crate::sync::Arc;

/// One of several producers of a [`Writable`](crate::Writable). Cheap to clone,
/// and to send to other threads. Dropping it does nothing: only the owner ends
/// the stream.
///
/// Among several producers it is not promised who is served first. The length
/// exceeds the high-water mark by at most one chunk for each producer that
/// heeds [`Flow::Wait`].
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
///                 out.wait_drain()?;
///             }
///         }
///         Ok(())
///     })
/// });
/// for producer in producers {
///     producer.join().expect("no panic")?;
/// }
/// assert_eq!(out.end()?.sink.len(), 2000);
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Clone)]
pub struct Writer {
    shared: Arc<Shared>,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Writes these bytes, copied once. Never waits: [`Flow::Wait`] says that
    /// they were accepted, and that it is time to stop (rules 3, 4).
    ///
    /// # Errors
    ///
    /// If the stream has ended, failed or been destroyed, or if its limit would
    /// be passed. Nothing was accepted then (rule 1).
    pub fn write(&self, bytes: impl AsRef<[u8]>) -> Result<Flow, WriteError> {
        self.shared.write(bytes.as_ref())
    }

    /// As [`Writer::write`], whole, but waits before it until there is room, and
    /// until the limit leaves so much. `TooLong` if the limit never does.
    #[cfg(all(feature = "tracing", not(highwater_loom)))]
    pub(crate) fn write_when_room(&self, bytes: &[u8]) -> Result<(), WriteError> {
        if self.shared.write_on_lease_if_room(bytes) {
            return Ok(());
        }
        let written = self.shared.wait_counted(Deadline::NEVER, |stream| {
            // If the stream has stopped, the write says so itself.
            let _ = stream.check(Condition::Room)?;
            if stream.will_fit(bytes.len()) {
                return None;
            }
            Some(Ok(stream.write(bytes).map(drop)))
        });
        // Nothing else ends this wait: the log does not wait on the thread of its worker.
        written.unwrap_or(Err(WriteError::Destroyed { chunk: () }))
    }

    /// As [`Writer::write`], unless a 'drain' is to come: then `Ok(false)`, and
    /// nothing was done.
    #[cfg(all(feature = "tracing", not(highwater_loom)))]
    pub(crate) fn write_if_room(&self, bytes: &[u8]) -> Result<bool, WriteError> {
        if self.shared.write_on_lease_if_room(bytes) {
            return Ok(true);
        }
        self.shared.change(|stream| {
            if stream.check(Condition::Room).is_none() {
                return Ok(false);
            }
            stream.write(bytes).map(|_| true)
        })
    }

    /// Writes a chunk that is owned already (`Vec<u8>`, `String`, `&'static str`,
    /// with the feature `bytes` also `Bytes`), without a copy.
    ///
    /// # Errors
    ///
    /// As [`Writer::write`]; the chunk is handed back.
    pub fn write_chunk(&self, chunk: impl Into<Chunk>) -> Result<Flow, WriteError<Chunk>> {
        let chunk = chunk.into();
        self.shared.change(|stream| stream.write_chunk(chunk))
    }

    /// Waits until there is room again: until 'drain' is told, or if no 'drain'
    /// is to come, not at all. A 'drain' cannot be missed.
    ///
    /// # Errors
    ///
    /// If the stream has ended, failed or been destroyed: no 'drain' will come.
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
    ///         writer.wait_drain()?; // at once, if it was told in the meantime
    ///     }
    /// }
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn wait_drain(&self) -> Result<(), WaitError> {
        self.wait_drain_until(Deadline::NEVER)
    }

    /// As [`Writer::wait_drain`], but not longer than this.
    ///
    /// # Errors
    ///
    /// As [`Writer::wait_drain`], and [`WaitError::TimedOut`].
    pub fn wait_drain_timeout(&self, timeout: Duration) -> Result<(), WaitError> {
        self.wait_drain_until(Deadline::after(timeout))
    }

    fn wait_drain_until(&self, deadline: Deadline) -> Result<(), WaitError> {
        let condition = self.shared.look(|stream| stream.next_drain());
        self.shared.wait_for(condition, deadline)
    }

    /// The position of the stream: how many bytes were accepted, from all
    /// producers, since it was created.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.shared.look(|stream| stream.position())
    }

    /// Waits until everything up to this position has reached the sink: until
    /// the sink's calls have returned. (That is not yet durable: see
    /// [`Finished::sink`](crate::Finished::sink).)
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
    /// let mut out = highwater::Writable::builder().spawn(Vec::new())?;
    /// let _flow = out.write("pay 5 to Ann")?;
    /// let paid = out.position();
    /// let _flow = out.write("a remark")?;
    /// out.wait_delivered(paid)?; // the remark may still be on its way
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn wait_delivered(&self, position: u64) -> Result<(), WaitError> {
        self.shared
            .wait_for(Condition::Delivered(position), Deadline::NEVER)
    }

    /// As [`Writer::wait_delivered`], but not longer than this.
    ///
    /// # Errors
    ///
    /// As [`Writer::wait_delivered`], and [`WaitError::TimedOut`].
    pub fn wait_delivered_timeout(
        &self,
        position: u64,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        let by = Deadline::after(timeout);
        self.shared.wait_for(Condition::Delivered(position), by)
    }

    /// Waits until everything accepted so far has reached the sink and the sink
    /// has been flushed. It keeps its place in line: it comes after what was
    /// written before, and a cork holds it too.
    ///
    /// # Errors
    ///
    /// If the stream has ended, or failed or was destroyed before that.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::BufWriter;
    ///
    /// let mut out = highwater::Writable::builder().spawn(BufWriter::new(Vec::new()))?;
    /// let _flow = out.write("hello")?;
    /// out.flush()?; // in the Vec now, not only in the BufWriter
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn flush(&self) -> Result<(), WaitError> {
        let number = self.shared.change(Stream::flush)?;
        self.shared
            .wait_for(Condition::Flushed(number), Deadline::NEVER)
    }

    /// Holds what is written from now on, by any producer, until the guard is
    /// dropped; then it goes to the sink together (rules 11, 12).
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
    /// let corked = writer.cork()?;
    /// for field in ["a", ",", "b", "\n"] {
    ///     let _flow = corked.write(field)?; // never waits
    /// }
    /// drop(corked);
    /// assert_eq!(out.end()?.sink, b"a,b\n");
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn cork(&mut self) -> Result<CorkGuard<'_>, WaitError> {
        self.shared.change(Stream::cork)?;
        Ok(CorkGuard { writer: self })
    }

    /// Gauges and counters.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.shared.look(|stream| stream.snapshot())
    }
}

// By hand, like the others: what was written is nobody's business, and no lock may be
// held while somebody else formats.
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
