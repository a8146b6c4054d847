//! Log lines of `tracing-subscriber`, written in the background: a [`Log`] owns
//! the stream, its [`LogWriter`] is the `MakeWriter`.
//!
//! ```
//! use highwater::{Writable, log::Log};
//! use std::fs::{self, File};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("log");
//! # let file = path.clone();
//! let log = Log::builder()
//!     .stream(Writable::builder().high_water_mark(64 * 1024))
//!     .spawn_with(move || File::create(file))?;
//! let subscriber = tracing_subscriber::fmt()
//!     .with_writer(log.writer())
//!     .with_ansi(false)
//!     .finish();
//! tracing::subscriber::with_default(subscriber, || {
//!     tracing::info!("hello");
//! });
//! log.end().wait()?; // or drop it: both wait until all is written
//! assert!(fs::read_to_string(path)?.ends_with("hello\n"));
//! # Ok::<_, highwater::BoxError>(())
//! ```
//!
//! # What is promised
//!
//! - An event is one accepted write: lines of several threads do not mix, and
//!   those of one thread keep their order.
//! - Nothing is lost: a thread that logs waits until there is room. With
//!   [`WhenFull::Drop`] the log loses lines instead, and [counts](Log::dropped) them.
//!   Every event is either accepted or counted.
//! - When the sink fails, the log calls [`on_error`](LogBuilder::on_error) once. The threads
//!   that log neither panic nor get an error; the log counts what they log from then on.
//!   What was accepted and not delivered comes back from [`Log::end`].
//! - Keep the `Log` until the end of `main`: dropping it writes what is left.
//!   `std::process::exit` drops nothing, so call [`Log::end`] before it.
//!
//! A sink, observer or handler that logs into its own log does not wait, as it
//! would wait for itself: these lines pass the high-water mark.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;

use crate::cause::Cause;
use crate::handle::{Builder, Destroy, End, ThreadOptions, Wait, Writable, Writer};
use crate::io::text;
use crate::stream::{OnError, Snapshot};
use crate::worker::SpawnError;

/// What a thread does that logs when there is no room.
///
/// ```
/// use highwater::log::{Log, WhenFull};
///
/// let log = Log::builder().when_full(WhenFull::Drop).spawn(std::io::sink())?;
/// assert_eq!(log.dropped(), 0);
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// It waits until there is room. The default.
    #[default]
    Wait,
    /// From [`Flow::Wait`](crate::Flow::Wait) to the next 'drain', lines are
    /// dropped and [counted](Log::dropped).
    Drop,
}

/// Makes a [`Log`].
///
/// ```
/// use highwater::{Writable, log::Log};
///
/// let log = Log::builder()
///     .stream(Writable::builder().thread_name("log"))
///     .on_error(|cause| println!("the log failed: {}", cause.code()))
///     .spawn(Vec::new())?;
/// # log.end().wait()?;
/// # Ok::<_, highwater::BoxError>(())
/// ```
pub struct LogBuilder {
    stream: Builder<ThreadOptions>,
    when_full: WhenFull,
    on_error: OnError,
}

impl LogBuilder {
    /// How the stream is made: its marks, its thread, its observer. A line longer
    /// than its [limit](crate::Builder::limit) is dropped and counted.
    #[must_use]
    pub fn stream<K>(mut self, stream: Builder<K>) -> Self
    where
        ThreadOptions: From<K>,
    {
        self.stream = stream.with(|_| {});
        self
    }

    /// What a thread does that logs when there is no room; it waits by default.
    #[must_use]
    pub fn when_full(mut self, policy: WhenFull) -> Self {
        self.when_full = policy;
        self
    }

    /// The log calls this once, on the background thread, with the reason why the stream
    /// has failed. By default it prints a line on stderr. It must not wait for the log, nor
    /// drop it.
    #[must_use]
    pub fn on_error(mut self, tell: impl FnOnce(&Cause) + Send + 'static) -> Self {
        self.on_error = Box::new(tell);
        self
    }

    /// A log into this sink.
    ///
    /// # Errors
    ///
    /// If no thread can be started; the sink is handed back.
    pub fn spawn<W>(self, sink: W) -> Result<Log<W>, SpawnError<W>>
    where
        W: Write + Send + 'static,
    {
        let stream = self.stream.on_error(self.on_error).spawn(sink)?;
        Ok(Log::new(stream, self.when_full))
    }

    /// A log into a sink that is opened on the background thread: see
    /// [`Builder::spawn_with`] of the stream.
    ///
    /// # Errors
    ///
    /// If no thread can be started. If the sink cannot be opened, the stream fails, and the
    /// log calls [`on_error`](LogBuilder::on_error).
    pub fn spawn_with<W: Write + Send + 'static>(
        self,
        open: impl FnOnce() -> io::Result<W> + Send + 'static,
    ) -> io::Result<Log<W>> {
        let stream = self.stream.on_error(self.on_error).spawn_with(open)?;
        Ok(Log::new(stream, self.when_full))
    }
}

impl fmt::Debug for LogBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogBuilder")
            .field("stream", &self.stream)
            .field("when_full", &self.when_full)
            .finish_non_exhaustive()
    }
}

/// Not `eprintln!`, which panics if stderr is closed.
fn tell_on_stderr(cause: &Cause) {
    let _ = writeln!(
        io::stderr(),
        "the log failed, nothing more is logged: {cause}"
    );
}

/// Owns a log. Dropping it waits until everything is written, unless the stream
/// was made with another [`OnDrop`](crate::OnDrop).
///
/// See [the module](self) for the main example.
#[must_use = "dropping it ends the log"]
pub struct Log<W> {
    stream: Writable<W>,
    writer: LogWriter,
}

impl Log<()> {
    /// Makes a log; see [`LogBuilder`].
    #[must_use]
    pub fn builder() -> LogBuilder {
        LogBuilder {
            stream: Writable::builder().with(|_| {}),
            when_full: WhenFull::Wait,
            on_error: Box::new(tell_on_stderr),
        }
    }
}

impl<W> Log<W> {
    fn new(stream: Writable<W>, when_full: WhenFull) -> Self {
        let writer = LogWriter {
            writer: stream.writer(),
            when_full,
            dropped: Arc::default(),
        };
        Self { stream, writer }
    }

    /// The writer for `tracing_subscriber::fmt().with_writer(…)`.
    #[must_use]
    pub fn writer(&self) -> LogWriter {
        self.writer.clone()
    }

    /// Flushes the sink, once it has everything logged so far.
    ///
    /// # Errors
    ///
    /// The wait fails if the stream failed before that.
    ///
    /// # Examples
    ///
    /// ```
    /// # use highwater::log::Log;
    /// use std::io::{BufWriter, Write};
    ///
    /// let log = Log::builder().spawn(BufWriter::new(Vec::new()))?;
    /// log.writer().write_all(b"a line\n")?;
    /// log.flush().wait()?; // in the Vec now, not only in the BufWriter
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[must_use = "the call puts the flush in line; the wait says when it is done"]
    pub fn flush(&self) -> Wait {
        self.writer.writer.flush()
    }

    /// How many lines were not accepted: for want of room, if that was
    /// [chosen](WhenFull::Drop), or because the stream had failed or ended, or
    /// because they were longer than its limit.
    ///
    /// ```
    /// # use highwater::log::Log;
    /// use std::io::Write;
    ///
    /// let log = Log::builder().spawn(Vec::new())?;
    /// let mut writer = log.writer();
    /// log.end().wait()?;
    /// writer.write_all(b"too late\n")?;
    /// assert_eq!(writer.dropped(), 1);
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.writer.dropped()
    }

    /// Gauges and counters of the stream.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.stream.snapshot()
    }

    /// Ends the log; the [`End`] waits until everything is written, the sink flushed, and
    /// hands it back.
    ///
    /// # Errors
    ///
    /// The wait fails if the stream failed. What was not delivered is handed back.
    ///
    /// # Examples
    ///
    /// ```
    /// # use highwater::log::Log;
    /// use std::io::Write;
    ///
    /// let log = Log::builder().spawn(Vec::new())?;
    /// log.writer().write_all(b"a line\n")?;
    /// assert_eq!(log.end().wait()?.sink, b"a line\n");
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn end(self) -> End<W> {
        self.stream.end()
    }

    /// Stops now, without writing what is left: it is handed back, with the sink. A
    /// thread that waits for room goes on, and its line is [counted](Self::dropped).
    ///
    /// ```
    /// # use highwater::log::Log;
    /// use std::io::Write;
    ///
    /// let log = Log::builder().spawn(Vec::new())?;
    /// log.writer().write_all(b"a line\n")?;
    /// let unfinished = log.destroy().wait()?;
    /// let unsent: u64 = unfinished.unsent.iter().map(|chunk| chunk.len() as u64).sum();
    /// assert_eq!(unfinished.totals.delivered + unsent, 7);
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn destroy(self) -> Destroy<W> {
        self.stream.destroy()
    }
}

// By hand, so that a sink need not be `Debug`.
impl<W> fmt::Debug for Log<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("stream", &self.stream)
            .field("writer", &self.writer)
            .finish()
    }
}

/// Writes lines into a [`Log`]: a `MakeWriter` of `tracing-subscriber`, which
/// gives it each event in one write. Cheap to clone.
///
/// As an [`io::Write`] it takes each buffer whole, as one line, and each `writeln!` too. What
/// is not accepted is no error, it is [counted](Self::dropped). Only its `flush` tells an
/// error of the stream; it is that of [`Log::flush`].
///
/// ```
/// use highwater::log::Log;
/// use tracing_subscriber::fmt::MakeWriter;
///
/// let log = Log::builder().spawn(Vec::new())?;
/// let writer = log.writer();
/// std::io::Write::write_all(&mut writer.make_writer(), b"a line\n")?;
/// assert_eq!(log.end().wait()?.sink, b"a line\n");
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Clone)]
pub struct LogWriter {
    writer: Writer,
    when_full: WhenFull,
    dropped: Arc<AtomicUsize>,
}

impl LogWriter {
    /// How many lines were not accepted, by all writers of this log: see
    /// [`Log::dropped`].
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.dropped.load(Ordering::Relaxed)
    }

    fn line(&self, bytes: &[u8]) {
        let accepted = match self.when_full {
            WhenFull::Drop => self.writer.write_if_room(bytes).unwrap_or(false),
            WhenFull::Wait => self.writer.write_when_room(bytes).is_ok(),
        };
        if !accepted {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Write for &LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line(bytes);
        Ok(bytes.len())
    }

    fn write_fmt(&mut self, arguments: fmt::Arguments<'_>) -> io::Result<()> {
        self.line(text(arguments)?.as_bytes());
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.writer.flush().wait()?)
    }
}

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn write_fmt(&mut self, arguments: fmt::Arguments<'_>) -> io::Result<()> {
        (&*self).write_fmt(arguments)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self).flush()
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = &'a LogWriter;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl fmt::Debug for LogWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogWriter")
            .field("when_full", &self.when_full)
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}
