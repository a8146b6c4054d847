//! Owner and producers as an [`io::Write`] that blocks until there is room.

use alloc::string::String;
use core::fmt::{self, Write as _};
use std::io;

use crate::handle::{Writable, Writer};

impl Writer {
    /// Returns a view of this producer as an [`io::Write`], which blocks until there is room. A
    /// `writeln!` on it is one write, so that the lines of several producers stay whole.
    #[must_use]
    pub fn blocking(&self) -> BlockingWriter {
        BlockingWriter {
            writer: self.clone(),
        }
    }
}

/// It waits until there is room *before* it accepts, so `writeln!` and [`io::copy`] need no
/// care. A `writeln!` is several writes, though: what other producers write meanwhile may come
/// within the line. If there are others, use a [`BlockingWriter`], or write the text of a
/// `format!`. Its `flush` waits for [`Writable::flush`]. The stream accepts a large buffer in pieces:
/// of the high-water mark or 4096 bytes, the larger of the two, but of no more than the limit leaves.
impl<W> io::Write for Writable<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write_piece(bytes)
    }

    /// `writeln!` calls this for each piece of a line: so it is short where the lease of the
    /// owner covers the piece.
    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.writer.write_on_own_lease(bytes) {
            true => Ok(()),
            false => self.writer.write_pieces(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.writer.flush().wait()?)
    }
}

/// A producer as an [`io::Write`], which blocks until there is room: [`Writer::blocking`] makes it.
/// A `write!` or `writeln!` is one write. It waits until there is room for all of it, so the bytes of
/// no other producer come within it. (A `write_all` of a long buffer may be several writes.)
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

    fn write_fmt(&mut self, arguments: fmt::Arguments<'_>) -> io::Result<()> {
        self.writer.send(text(arguments)?).wait()?;
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.writer.flush().wait()?)
    }
}

/// The text of a `write!`, for one write.
pub(crate) fn text(arguments: fmt::Arguments<'_>) -> io::Result<String> {
    let mut text = String::new();
    match text.write_fmt(arguments) {
        Ok(()) => Ok(text),
        Err(fmt::Error) => Err(io::Error::other("a value cannot be formatted")),
    }
}
