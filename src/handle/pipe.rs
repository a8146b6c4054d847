//! A whole source into the stream.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::any::Any;
use core::panic::AssertUnwindSafe;
#[cfg(feature = "futures")]
use core::{
    future::{Future, poll_fn},
    task::{Context, Poll},
};
use std::io::{self, Read};
use std::panic::{catch_unwind, resume_unwind};

#[cfg(feature = "futures")]
use super::budget::on_budget;
use super::on_drop::OnDrop;
use super::parker::Deadline;
use super::pipe_error::PipeError;
use super::writable::Writable;
use crate::cause::Cause;
use crate::stream::{By, Finished, Stream, Unfinished};

impl<W> Writable<W> {
    /// Moves the whole source into the stream, at the pace of the sink, and ends the stream at the
    /// end of the source. It blocks this thread until the stream has finished. It reads pieces of
    /// up to the high-water mark, at least 4 KiB and at most 64 KiB.
    ///
    /// # Errors
    ///
    /// If the source fails, that destroys the stream, with the error of the source as the reason. If
    /// the stream fails, the error has its cause. Either error has the sink, and what was not
    /// delivered.
    ///
    /// # Panics
    ///
    /// If the source panics: that destroys the stream, with "the source panicked" as the reason, and
    /// goes on in the caller. The sink, and what was not delivered, are dropped.
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
        // Should a waker panic: half a source is no end.
        self.on_drop = Some(OnDrop::Discard);
        let mut buffer = self.pipe_buffer();
        loop {
            let read = catch_unwind(AssertUnwindSafe(|| source.read(&mut buffer)));
            let count = read.unwrap_or_else(|panic| self.source_panicked(panic));
            let mut left = match count.and_then(|count| brought(&buffer, count)) {
                Ok([]) => break,
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.source_failed(error)),
            };
            while !left.is_empty() {
                match self.writer.write_piece(left) {
                    Ok(count) => left = left.get(count..).unwrap_or_default(),
                    Err(error) => return Err(self.refused(error, left)),
                }
            }
        }
        let _ = self.end_now(None);
        if let Err(error) = self.wait_left(Deadline::NEVER) {
            return Err(self.refused(error.into(), &[]));
        }
        self.piped()
    }

    fn source_failed(self, error: io::Error) -> PipeError<W> {
        let source = Arc::new(error);
        let unfinished = self.stop(Some(Cause::Io(Arc::clone(&source))));
        PipeError::Read { source, unfinished }
    }

    /// The source has panicked. That goes on in the caller, which drops the stream.
    fn source_panicked(&self, panic: Box<dyn Any + Send>) -> ! {
        let cause = Cause::reason("the source panicked");
        drop(
            self.shared()
                .change(By::Owner, |stream| stream.destroy(Some(cause))),
        );
        resume_unwind(panic)
    }

    /// The stream has refused these bytes, or cannot be waited for.
    fn refused(self, error: io::Error, bytes: &[u8]) -> PipeError<W> {
        let cause = match error.kind() {
            io::ErrorKind::Deadlock | io::ErrorKind::Unsupported => Cause::Io(Arc::new(error)),
            _ => self.shared().look(Stream::why_refused),
        };
        let unfinished = self.stop(None);
        PipeError::write(cause, bytes, unfinished)
    }

    fn stop(self, reason: Option<Cause>) -> Box<Unfinished<W>> {
        let mut destroy = self.destroy_for(reason);
        Box::new(destroy.wait().unwrap_or_else(|_| destroy.give_up()))
    }

    fn pipe_buffer(&self) -> Box<[u8]> {
        alloc::vec![0; self.shared().look(Stream::pipe_size)].into()
    }

    /// What the stream has come to.
    fn piped(mut self) -> Result<Finished<W>, PipeError<W>> {
        let finished = self.shared().look(Stream::finished);
        let outcome = self.collect().outcome(finished);
        outcome.map_err(|(cause, unfinished)| PipeError::write(cause, &[], unfinished))
    }
}

/// What a read has brought, unless the source says that it is more than the buffer holds.
fn brought(buffer: &[u8], count: usize) -> io::Result<&[u8]> {
    let lie = "the source says that it gave more than it was asked for";
    let bytes = buffer.get(..count);
    bytes.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, lie))
}

#[cfg(feature = "futures")]
impl<W> Writable<W> {
    /// As [`Writable::pipe`], from a source that is polled.
    pub(crate) fn pipe_polled(
        mut self,
        poll_read: impl FnMut(&mut Context<'_>, &mut [u8]) -> Poll<io::Result<usize>>,
    ) -> impl Future<Output = Result<Finished<W>, PipeError<W>>> {
        // Now, as the future may be dropped before its first poll.
        let on_drop = self.on_drop.replace(OnDrop::Discard);
        self.pipe_all(poll_read, on_drop)
    }

    async fn pipe_all(
        mut self,
        mut poll_read: impl FnMut(&mut Context<'_>, &mut [u8]) -> Poll<io::Result<usize>>,
        on_drop: Option<OnDrop>,
    ) -> Result<Finished<W>, PipeError<W>> {
        let mut buffer = self.pipe_buffer();
        loop {
            let poll = |cx: &mut Context<'_>| {
                let poll = catch_unwind(AssertUnwindSafe(|| poll_read(cx, &mut buffer)));
                poll.unwrap_or_else(|panic| self.source_panicked(panic))
            };
            let count = poll_fn(poll).await;
            let mut left = match count.and_then(|count| brought(&buffer, count)) {
                Ok([]) => break,
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let source = Arc::new(error);
                    let reason = Cause::Io(Arc::clone(&source));
                    let unfinished = Box::new(self.destroy_for(Some(reason)).await);
                    return Err(PipeError::Read { source, unfinished });
                }
            };
            while !left.is_empty() {
                match poll_fn(|cx| on_budget(cx, |cx| self.writer.poll_write_piece(cx, left))).await
                {
                    Ok(count) => left = left.get(count..).unwrap_or_default(),
                    Err(_) => {
                        let cause = self.shared().look(Stream::why_refused);
                        let unfinished = Box::new(self.destroy().await);
                        return Err(PipeError::write(cause, left, unfinished));
                    }
                }
            }
        }
        let _ = self.end_now(None);
        self.on_drop = on_drop;
        poll_fn(|cx| self.poll_left(cx)).await;
        self.piped()
    }
}
