//! Producers as an [`io::Write`] that blocks until there is room.

use core::fmt;
use std::io;

use crate::handle::thread::lock::Deadline;
use crate::handle::thread::writable::Writable;
use crate::handle::thread::writer::Writer;
use crate::stream::wait::Condition;

impl Writer {
    /// A view of this producer as an [`io::Write`], which blocks until there is room.
    #[must_use]
    pub fn blocking(&self) -> BlockingWriter {
        BlockingWriter {
            writer: self.clone(),
        }
    }
}

impl<W> Writable<W> {
    /// A view as an [`io::Write`], which blocks until there is room.
    #[must_use]
    pub fn blocking(&self) -> BlockingWriter {
        self.writer().blocking()
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
pub struct BlockingWriter {
    writer: Writer,
}

impl fmt::Debug for BlockingWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingWriter")
            .field("writer", &self.writer)
            .finish()
    }
}

impl io::Write for BlockingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if self.writer.shared().write_if_room(bytes) {
            return Ok(bytes.len());
        }
        let shared = self.writer.shared();
        let accepted = shared.wait_counted(Deadline::NEVER, |stream| {
            let room = stream.check(Condition::Room)?;
            Some(room.map(|()| stream.write_piece(bytes)))
        });
        Ok(accepted??)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.writer.flush()?)
    }
}
