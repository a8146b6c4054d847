//! Owner and producers as an `AsyncWrite` of tokio, and its sources piped.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::handle::{PipeError, Writable, Writer, on_budget};
use crate::stream::Finished;

impl<W> Writable<W> {
    /// Moves a whole `AsyncRead` of tokio into the stream, and ends it at the end of the source.
    ///
    /// Dropping this future before the end of the source destroys the stream, so that half a
    /// source never looks like a whole one.
    ///
    /// # Errors
    ///
    /// As [`Writable::pipe`]; a source that panics does what it does there.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let out = highwater::Writable::builder().spawn_tokio(Vec::new())?;
    /// let done = out.pipe_tokio(&b"a source"[..]).await?;
    /// assert_eq!(done.sink, b"a source");
    /// # Ok::<_, highwater::BoxError>(())
    /// # })?;
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn pipe_tokio(
        self,
        mut source: impl AsyncRead + Unpin,
    ) -> impl Future<Output = Result<Finished<W>, PipeError<W>>> {
        self.pipe_polled(move |cx, buffer| {
            let mut buffer = ReadBuf::new(buffer);
            let poll = Pin::new(&mut source).poll_read(cx, &mut buffer);
            poll.map_ok(|()| buffer.filled().len())
        })
    }
}

/// Waits until there is room before it accepts. Shutting it down flushes: only the
/// owner ends the stream.
impl AsyncWrite for Writer {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        on_budget(cx, |cx| self.get_mut().poll_write_piece(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = on_budget(cx, |cx| self.get_mut().poll_flush(cx));
        flushed.map_err(io::Error::from)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(self, cx)
    }
}

/// As that of [`Writer`]; shutting it down ends the stream, and waits until
/// everything is written and the worker has let go of the sink.
impl<W> AsyncWrite for Writable<W> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let writer = &mut self.get_mut().writer;
        on_budget(cx, |cx| writer.poll_write_piece(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let writer = &mut self.get_mut().writer;
        let flushed = on_budget(cx, |cx| writer.poll_flush(cx));
        flushed.map_err(io::Error::from)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_end(cx).map_err(io::Error::from)
    }
}
