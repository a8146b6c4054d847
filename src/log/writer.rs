//! The producers of a log: each line is accepted, or counted.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;

use super::when_full::WhenFull;
use crate::handle::{Wait, Writer};
use crate::io::text;

/// Writes lines into a [`Log`](crate::log::Log): a `MakeWriter` of `tracing-subscriber`, which
/// gives it each event in one write. Cheap to clone.
///
/// As an [`io::Write`] it takes each buffer whole, as one line, and also each `writeln!`. A line
/// that the log drops is no error: the log [counts](Self::dropped) it. Only `flush` returns an
/// error of the stream; it does what [`Log::flush`](crate::log::Log::flush) does.
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
    lines: Arc<Lines>,
}

/// Makes the line that says how many were dropped.
pub(super) type Report = Box<dyn Fn(u64) -> String + Send + Sync>;

/// What all writers of a log share.
pub(super) struct Lines {
    when_full: WhenFull,
    report: Option<Report>,
    dropped: AtomicUsize,
    /// How many of these no line has said yet.
    /// Invariant: it is 0 if there is no report.
    unreported: AtomicU64,
}

// A report that panics leaves its lines owed, and the counters fit each other.
impl RefUnwindSafe for Lines {}
impl UnwindSafe for Lines {}

impl Lines {
    pub(super) fn new(when_full: WhenFull, report: Option<Report>) -> Self {
        Self {
            when_full,
            report,
            dropped: AtomicUsize::new(0),
            unreported: AtomicU64::new(0),
        }
    }

    fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        if self.report.is_some() {
            self.unreported.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// This many dropped lines are owed a line that says so. Unless it is written, another says it.
struct Unsaid<'a> {
    lines: &'a Lines,
    count: u64,
}

impl Drop for Unsaid<'_> {
    fn drop(&mut self) {
        if self.count > 0 {
            let unreported = &self.lines.unreported;
            unreported.fetch_add(self.count, Ordering::Relaxed);
        }
    }
}

impl LogWriter {
    pub(super) fn new(writer: Writer, lines: Lines) -> Self {
        let lines = Arc::new(lines);
        Self { writer, lines }
    }

    pub(super) fn flush_sink(&self) -> Wait {
        self.writer.flush()
    }

    /// Returns how many lines of all its writers the log has dropped: see
    /// [`Log::dropped`](crate::log::Log::dropped).
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.lines.dropped.load(Ordering::Relaxed)
    }

    fn line(&self, bytes: &[u8]) {
        let accepted = match self.lines.when_full {
            WhenFull::Drop => self.writer.write_if_room(bytes),
            WhenFull::Wait => self.writer.write_when_room(bytes, None),
            WhenFull::WaitAtMost(time) => self.writer.write_when_room(bytes, Some(time)),
        };
        if !accepted {
            self.lines.drop_one();
        } else if self.lines.unreported.load(Ordering::Relaxed) > 0 {
            self.report();
        }
    }

    /// Says in a line how many lines were dropped since the last report.
    #[cold]
    pub(super) fn report(&self) {
        let Some(report) = &self.lines.report else {
            return;
        };
        let count = self.lines.unreported.swap(0, Ordering::Relaxed);
        let lines = &*self.lines;
        let mut unsaid = Unsaid { lines, count };
        // It passes the high-water mark: a log that is always full also has to say so.
        if count > 0 && self.writer.write(report(count)).is_ok() {
            unsaid.count = 0;
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
        Ok(self.flush_sink().wait()?)
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
            .field("when_full", &self.lines.when_full)
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}
