//! Owner and producers as an [`io::Write`] that blocks until there is room.

use std::io;

use crate::handle::{Writable, Writer};

impl Writer {
    /// A view of this producer as an [`io::Write`], which blocks until there is room.
    #[must_use]
    pub fn blocking(&self) -> BlockingWriter {
        BlockingWriter {
            writer: self.clone(),
        }
    }
}

/// It waits until there is room *before* it accepts, so `writeln!` and [`io::copy`] need no
/// care. Its `flush` waits for [`Writable::flush`]. A large buffer is accepted in pieces of the
/// high-water mark, or of 4096 bytes if that is more, or of what the limit leaves.
impl<W> io::Write for Writable<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write_piece(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.writer.flush().wait()?)
    }
}

/// A producer as an [`io::Write`]: as that of [`Writable`].
///
/// ```
/// use std::io::Write;
///
/// let out = highwater::Writable::builder().high_water_mark(64).spawn(Vec::new())?;
/// let mut lines = out.writer().blocking();
/// for n in 1..=1000 {
///     writeln!(lines, "{n}")?;
/// }
/// let done = out.end().wait()?;
/// assert_eq!(done.sink.len(), 3893);
/// assert!(done.totals.peak <= 64 + 4);
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BlockingWriter {
    writer: Writer,
}

impl io::Write for BlockingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write_piece(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.writer.flush().wait()?)
    }
}
