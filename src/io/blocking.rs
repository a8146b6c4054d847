//! Producers as an [`io::Write`] that blocks until there is room.

use std::io;

use crate::handle::thread::{Deadline, Writable, Writer};
use crate::stream::Condition;

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
#[derive(Clone, Debug)]
pub struct BlockingWriter {
    writer: Writer,
}

impl io::Write for BlockingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if self.writer.shared().write_on_lease_if_room(bytes) {
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
