//! The owner of a log.

use core::fmt;

use super::writer::{Lines, LogWriter};
use crate::handle::{Destroy, End, Wait, Writable};
use crate::stream::Snapshot;

/// Owns a log. Dropping it waits until everything is written, unless the stream
/// was made with another [`OnDrop`](crate::OnDrop).
///
/// See [the module](crate::log) for the main example.
#[must_use = "dropping it ends the log"]
pub struct Log<W> {
    /// Dropped before the stream, so that the stream accepts its last line.
    writer: LastReport,
    stream: Writable<W>,
}

/// Reports at the end what was dropped since the last report.
#[derive(Debug)]
struct LastReport(LogWriter);

impl Drop for LastReport {
    fn drop(&mut self) {
        self.0.report();
    }
}

impl<W> Log<W> {
    pub(super) fn new(stream: Writable<W>, lines: Lines) -> Self {
        let writer = LogWriter::new(stream.writer(), lines);
        Self {
            writer: LastReport(writer),
            stream,
        }
    }

    /// Makes a writer, for `tracing_subscriber::fmt().with_writer(…)`.
    #[must_use]
    pub fn writer(&self) -> LogWriter {
        self.writer.0.clone()
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
        self.writer.0.flush_sink()
    }

    /// Returns how many lines the log has dropped: because it was full, if you
    /// [chose](crate::log::WhenFull::Drop) that, because the stream had failed or ended, or
    /// because a line was longer than its limit.
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
        self.writer.0.dropped()
    }

    /// Returns gauges and counters of the stream.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.stream.snapshot()
    }

    /// Ends the log. The wait returns when everything is written and the sink flushed, and hands
    /// the sink back.
    ///
    /// # Errors
    ///
    /// The wait fails if the stream failed. The error has the sink, and what was not delivered.
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
        drop(self.writer);
        self.stream.end()
    }

    /// Stops now. The wait hands back the sink, and what was not written. A thread that waits for
    /// room goes on, and its line is [counted](Self::dropped).
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
            .field("writer", &self.writer.0)
            .finish()
    }
}
