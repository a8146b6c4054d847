//! The producer's side: write, wait, cork.

use core::fmt;
use core::time::Duration;
use std::io;

use super::shared::{Deadline, Shared};
use crate::adapter::core::{Core, Want};
use crate::adapter::event::Snapshot;
use crate::adapter::sync::Arc;
use crate::{Chunk, Flow, WaitError, WriteError};

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
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(super) fn shared(&self) -> &Shared {
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
        if self.shared.write_if_room(bytes) {
            return Ok(());
        }
        let len = bytes.len() as u64;
        let written = self.shared.wait_counted(Deadline::NEVER, |core| {
            // If the stream has stopped, the write says so itself.
            let _ = core.found(Want::Room)?;
            let length = core.driver.state().length();
            let limit = core.driver.options().limit();
            let may_fit = length > 0 && core.stopped().is_none();
            if may_fit && length.saturating_add(len) > limit {
                return None;
            }
            Some(Ok(core.write_copy(bytes).map(drop)))
        });
        // Nothing else ends this wait.
        written.unwrap_or(Err(WriteError::Destroyed { chunk: () }))
    }

    /// As [`Writer::write`], unless a 'drain' is to come: then `Ok(false)`, and
    /// nothing was done.
    #[cfg(all(feature = "tracing", not(highwater_loom)))]
    pub(crate) fn write_if_room(&self, bytes: &[u8]) -> Result<bool, WriteError> {
        if self.shared.write_if_room(bytes) {
            return Ok(true);
        }
        self.shared.call(|core| {
            if core.stopped().is_none() && core.driver.state().needs_drain() {
                return Ok(false);
            }
            core.write_copy(bytes).map(|_| true)
        })
    }

    /// Writes a chunk that is owned already (`Vec<u8>`, `String`, `&'static str`,
    /// with the feature `bytes` also `Bytes`), without a copy.
    ///
    /// # Errors
    ///
    /// As [`Writer::write`]; the chunk is handed back.
    pub fn write_owned(&self, chunk: impl Into<Chunk>) -> Result<Flow, WriteError<Chunk>> {
        let chunk = chunk.into();
        self.shared.call(|core| core.write(chunk))
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
        let want = self.shared.call(|core| core.drain());
        self.shared.wait_for(want, deadline)
    }

    /// The position of the stream: how many bytes were accepted, from all
    /// producers, since it was created.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.shared.call(|core| core.driver.accepted())
    }

    /// Waits until everything up to this position has reached the sink: until
    /// the sink's calls have returned. (That is not yet durable: see
    /// [`Done::sink`](crate::Done::sink).)
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
    /// out.wait_written(paid)?; // the remark may still be on its way
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn wait_written(&self, position: u64) -> Result<(), WaitError> {
        self.shared
            .wait_for(Want::Written(position), Deadline::NEVER)
    }

    /// As [`Writer::wait_written`], but not longer than this.
    ///
    /// # Errors
    ///
    /// As [`Writer::wait_written`], and [`WaitError::TimedOut`].
    pub fn wait_written_timeout(&self, position: u64, timeout: Duration) -> Result<(), WaitError> {
        let by = Deadline::after(timeout);
        self.shared.wait_for(Want::Written(position), by)
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
        let number = self.shared.call(Core::flush)?;
        self.shared.wait_for(Want::Flushed(number), Deadline::NEVER)
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
    pub fn cork(&mut self) -> Result<Corked<'_>, WaitError> {
        self.shared.call(|core| match core.stopped() {
            Some(error) => Err(error),
            None => {
                core.driver.cork();
                Ok(())
            }
        })?;
        Ok(Corked { writer: self })
    }

    /// Gauges and counters.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.shared.call(|core| core.snapshot())
    }

    /// A view of this producer as an [`io::Write`], which waits by itself.
    #[must_use]
    pub fn blocking(&self) -> Blocking {
        Blocking {
            writer: self.clone(),
        }
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
pub struct Corked<'a> {
    writer: &'a Writer,
}

impl Corked<'_> {
    /// As [`Writer::write`].
    ///
    /// # Errors
    ///
    /// As [`Writer::write`].
    pub fn write(&self, bytes: impl AsRef<[u8]>) -> Result<Flow, WriteError> {
        self.writer.write(bytes)
    }

    /// As [`Writer::write_owned`].
    ///
    /// # Errors
    ///
    /// As [`Writer::write_owned`].
    pub fn write_owned(&self, chunk: impl Into<Chunk>) -> Result<Flow, WriteError<Chunk>> {
        self.writer.write_owned(chunk)
    }
}

impl Drop for Corked<'_> {
    fn drop(&mut self) {
        self.writer.shared.call(|core| core.driver.uncork());
    }
}

impl fmt::Debug for Corked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Corked").finish_non_exhaustive()
    }
}

/// A producer as an [`io::Write`]: it waits until there is room *before* it
/// accepts, so `writeln!` and [`io::copy`] need no care. Its `flush` is
/// [`Writer::flush`]. A large buffer is accepted in pieces of the high-water
/// mark, or of 4096 bytes if that is more, or of what the limit leaves.
///
/// ```
/// use std::io::Write;
///
/// let out = highwater::Writable::builder().high_water_mark(64).spawn(Vec::new())?;
/// let mut lines = out.writer().blocking();
/// for n in 1..=1000 {
///     writeln!(lines, "{n}")?;
/// }
/// let done = out.end()?;
/// assert_eq!(done.sink.len(), 3893);
/// assert!(done.totals.peak <= 64 + 4);
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Clone)]
pub struct Blocking {
    writer: Writer,
}

impl fmt::Debug for Blocking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocking")
            .field("writer", &self.writer)
            .finish()
    }
}

impl io::Write for Blocking {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if self.writer.shared.write_if_room(bytes) {
            return Ok(bytes.len());
        }
        let shared = &self.writer.shared;
        let accepted = shared.wait_counted(Deadline::NEVER, |core| {
            let room = core.found(Want::Room)?;
            Some(room.map(|()| core.write_piece(bytes)))
        });
        Ok(accepted??)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.writer.flush()?)
    }
}
