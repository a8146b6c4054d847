//! How a log is made.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use std::io::{self, Write};

use super::owner::Log;
use super::when_full::WhenFull;
use super::writer::{Lines, Report};
use crate::cause::Cause;
use crate::handle::{Builder, ThreadOptions, Writable};
use crate::stream::OnError;
use crate::worker::SpawnError;

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
    report: Option<Report>,
    on_error: OnError,
}

impl Log<()> {
    /// Makes a log; see [`LogBuilder`].
    #[must_use]
    pub fn builder() -> LogBuilder {
        LogBuilder::new()
    }
}

impl LogBuilder {
    fn new() -> Self {
        Self {
            stream: Writable::builder().with(|_| {}),
            when_full: WhenFull::Wait,
            report: None,
            on_error: Box::new(tell_on_stderr),
        }
    }

    /// Sets how the stream is made: its marks, its thread, its observer. The log drops a line that
    /// is longer than the [limit](crate::Builder::limit), and counts it.
    #[must_use]
    pub fn stream<K>(mut self, stream: Builder<K>) -> Self
    where
        ThreadOptions: From<K>,
    {
        self.stream = stream.with(|_| {});
        self
    }

    /// Sets what a thread that logs does when there is no room. By default it waits.
    #[must_use]
    pub fn when_full(mut self, policy: WhenFull) -> Self {
        self.when_full = policy;
        self
    }

    /// Sets the line that says how many lines were dropped since the last such line. By
    /// default there is none. The log writes the text as it is, so end it with a line feed.
    ///
    /// The line comes right behind the first one that the log accepts again, and at the end or
    /// the drop of the log. The thread that logs makes it, and never waits for room for it. So
    /// the numbers in these lines add up to [`Log::dropped`], apart from lines that come once
    /// the log has ended or failed. `report` must not panic.
    ///
    /// ```
    /// use highwater::log::{Log, WhenFull};
    ///
    /// let log = Log::builder()
    ///     .when_full(WhenFull::Drop)
    ///     .report_dropped(|lines| format!("{lines} lines were dropped here\n"))
    ///     .spawn(Vec::new())?;
    /// # log.end().wait()?;
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[must_use]
    pub fn report_dropped(
        mut self,
        report: impl Fn(u64) -> String + Send + Sync + 'static,
    ) -> Self {
        self.report = Some(Box::new(report));
        self
    }

    /// Sets what the log calls once, on the background thread, when the stream has failed. By
    /// default it prints a line on stderr. `tell` must neither wait for the log nor drop it.
    #[must_use]
    pub fn on_error(mut self, tell: impl FnOnce(&Cause) + Send + 'static) -> Self {
        self.on_error = Box::new(tell);
        self
    }

    /// Makes a log into this sink, which a background thread writes to.
    ///
    /// # Errors
    ///
    /// If the system starts no thread. The error has the sink.
    pub fn spawn<W>(self, sink: W) -> Result<Log<W>, SpawnError<W>>
    where
        W: Write + Send + 'static,
    {
        let stream = self.stream.on_error(self.on_error).spawn(sink)?;
        let lines = Lines::new(self.when_full, self.report);
        Ok(Log::new(stream, lines))
    }

    /// Makes a log into a sink that the background thread opens: see [`Builder::spawn_with`] of the
    /// stream.
    ///
    /// # Errors
    ///
    /// If the system starts no thread. If the sink cannot be opened, the stream fails, and the
    /// log calls [`on_error`](LogBuilder::on_error).
    pub fn spawn_with<W: Write + Send + 'static>(
        self,
        open: impl FnOnce() -> io::Result<W> + Send + 'static,
    ) -> io::Result<Log<W>> {
        let stream = self.stream.on_error(self.on_error).spawn_with(open)?;
        let lines = Lines::new(self.when_full, self.report);
        Ok(Log::new(stream, lines))
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
