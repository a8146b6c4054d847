//! A whole source into the stream.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use futures_io::AsyncRead;

use super::writable::Writable;
use crate::cause::Cause;
use crate::chunk::Chunk;
use crate::handle::PipeError;
use crate::stream::{Condition, Finished, Stream};

impl<W> Writable<W> {
    /// Moves the whole source into the stream, heeding its backpressure, and ends
    /// it at the source's end. If this future is dropped, the stream is destroyed:
    /// half a source is no end.
    ///
    /// # Errors
    ///
    /// If the source fails, the stream is destroyed with that as the reason. If the
    /// stream fails, its cause. Either way what was not delivered is handed back.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::{executor::block_on, future::join, io::Cursor};
    ///
    /// let (out, worker) = highwater::future::Writable::builder().pair(Cursor::new(Vec::new()));
    /// let (done, ()) = block_on(join(out.pipe(&[7; 5000][..]), worker));
    /// assert_eq!(done?.sink.into_inner(), [7; 5000]);
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn pipe(
        self,
        mut source: impl AsyncRead + Unpin,
    ) -> impl Future<Output = Result<Finished<W>, PipeError<W>>> {
        self.pipe_from(move |cx, buffer| Pin::new(&mut source).poll_read(cx, buffer))
    }

    pub(crate) fn pipe_from(
        mut self,
        poll_read: impl FnMut(&mut Context<'_>, &mut [u8]) -> Poll<io::Result<usize>>,
    ) -> impl Future<Output = Result<Finished<W>, PipeError<W>>> {
        self.set_discards(true);
        self.pipe_all(poll_read)
    }

    async fn pipe_all(
        mut self,
        mut poll_read: impl FnMut(&mut Context<'_>, &mut [u8]) -> Poll<io::Result<usize>>,
    ) -> Result<Finished<W>, PipeError<W>> {
        let size = self.writer.shared().change(|stream| stream.pipe_size());
        let mut buffer = alloc::vec![0; size];
        loop {
            let count = match poll_fn(|cx| poll_read(cx, &mut buffer)).await {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.source_failed(error).await),
                Ok(0) => break,
                Ok(count) => count,
            };
            let piece = buffer.get(..count).unwrap_or(&buffer);
            if let Err(refused) = self.write_when_room(piece).await {
                let cause = self.writer.shared().change(|stream| stream.why_refused());
                let unfinished = Box::new(self.destroy().await);
                return Err(PipeError::Write {
                    cause,
                    refused,
                    unfinished,
                });
            }
        }
        let _ = self.end_now(None);
        self.outcome().await.map_err(PipeError::of_stream)
    }

    /// Waits for room and writes, until all of it is accepted. If that fails, what
    /// was not.
    async fn write_when_room(&self, bytes: &[u8]) -> Result<(), Option<Chunk>> {
        let mut left = bytes;
        while !left.is_empty() {
            let write = |stream: &mut Stream| stream.write_piece(left);
            match self.writer.wait_then(Condition::Room, write).await {
                Ok(Ok(count)) => left = left.get(count..).unwrap_or_default(),
                Ok(Err(_)) | Err(_) => return Err(Some(left.to_vec().into())),
            }
        }
        Ok(())
    }

    async fn source_failed(self, error: io::Error) -> PipeError<W> {
        let source = Arc::new(error);
        let reason = Cause::Io(Arc::clone(&source));
        let unfinished = Box::new(self.destroy_for(Some(reason)).await);
        PipeError::Read { source, unfinished }
    }
}
