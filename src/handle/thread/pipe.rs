//! A whole source into the stream.

use alloc::boxed::Box;
use alloc::sync::Arc;
use std::io::{self, Read};

use super::lock::Deadline;
use super::writable::Writable;
use crate::cause::Cause;
use crate::chunk::Chunk;
use crate::handle::{OnDrop, PipeError};
use crate::machine::Flow;
use crate::stream::{Finished, WriteError};

impl<W> Writable<W> {
    /// Moves the whole source into the stream, heeding its backpressure, and
    /// ends it at the source's end. It reads pieces of up to the high-water
    /// mark, but of 4 KiB at least and 64 KiB at most.
    ///
    /// # Errors
    ///
    /// If the source fails, the stream is destroyed with that as the reason (if
    /// it panics, too). If the stream fails, its cause. Either way what was not
    /// delivered is handed back.
    ///
    /// # Examples
    ///
    /// ```
    /// let out = highwater::Writable::builder().high_water_mark(1000).spawn(Vec::new())?;
    /// let done = out.pipe(&[7; 5000][..])?;
    /// assert_eq!(done.sink, [7; 5000]);
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn pipe(mut self, mut source: impl Read) -> Result<Finished<W>, PipeError<W>> {
        let size = self.writer.shared().change(|stream| stream.pipe_size());
        let mut buffer = alloc::vec![0; size];
        // A source that panics is a source that fails.
        self.on_drop = OnDrop::Discard;
        loop {
            match read_chunk(&mut source, &mut buffer) {
                Err(error) => return Err(self.source_failed(error)),
                Ok(None) => {
                    let _ = self.writer.shared().change(|stream| stream.end(None));
                    let _ = self.wait_for_worker(Deadline::NEVER);
                    return self.outcome().map_err(PipeError::of_stream);
                }
                Ok(Some(chunk)) => {
                    if let Err(refused) = self.write_waiting(chunk) {
                        return Err(self.pipe_failed(refused));
                    }
                }
            }
        }
    }

    /// Writes, and waits until there is room again. If that fails, what was
    /// refused, if anything was.
    fn write_waiting(&mut self, mut chunk: Chunk) -> Result<(), Option<Chunk>> {
        loop {
            chunk = match self.write_chunk(chunk) {
                Ok(Flow::More) => return Ok(()),
                Ok(Flow::Wait) => return self.wait_drain().map_err(|_| None),
                // Other producers have filled the stream to its limit.
                Err(WriteError::TooLong { chunk, limit }) if chunk.len() as u64 <= limit => {
                    if self.wait_drain().is_err() {
                        return Err(Some(chunk));
                    }
                    chunk
                }
                Err(error) => return Err(Some(error.into_chunk())),
            }
        }
    }

    fn source_failed(self, error: io::Error) -> PipeError<W> {
        let source = Arc::new(error);
        let reason = Cause::Io(Arc::clone(&source));
        let unfinished = Box::new(self.destroy_until(Some(reason), Deadline::NEVER));
        PipeError::Read { source, unfinished }
    }

    fn pipe_failed(self, refused: Option<Chunk>) -> PipeError<W> {
        let cause = self.writer.shared().change(|stream| stream.why_refused());
        let unfinished = Box::new(self.destroy());
        PipeError::Write {
            cause,
            refused,
            unfinished,
        }
    }
}

/// Reads some bytes, in a chunk no larger than they are; `None` at the end.
fn read_chunk(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<Option<Chunk>> {
    loop {
        match source.read(buffer) {
            Ok(0) => return Ok(None),
            Ok(count) => {
                let bytes = buffer.get(..count).unwrap_or(buffer);
                return Ok(Some(bytes.to_vec().into()));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
