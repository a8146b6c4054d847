//! Owner and producers as a `Sink` of chunks and as an `AsyncWrite` of futures, and its
//! sources piped.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use bytes::Bytes;
use futures_io::{AsyncRead, AsyncWrite};
use futures_sink::Sink;

use crate::chunk::Chunk;
use crate::handle::{PipeError, Writable, Writer, on_budget};
use crate::stream::{Finished, WriteError};

impl<W> Writable<W> {
    /// Moves a whole `AsyncRead` of futures into the stream, and ends it at the end of the source.
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
    /// use futures::{executor::block_on, future::join, io::Cursor};
    ///
    /// let (out, worker) = highwater::Writable::builder().pair(Cursor::new(Vec::new()));
    /// let (done, ()) = block_on(join(out.pipe_async(&[7; 5000][..]), worker));
    /// assert_eq!(done?.sink.into_inner(), [7; 5000]);
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn pipe_async(
        self,
        mut source: impl AsyncRead + Unpin,
    ) -> impl Future<Output = Result<Finished<W>, PipeError<W>>> {
        self.pipe_polled(move |cx, buffer| Pin::new(&mut source).poll_read(cx, buffer))
    }
}

impl Writer {
    fn send_now(&self, chunk: Bytes) -> Result<(), WriteError<Option<Chunk>>> {
        // If the stream says `Wait`, the next `poll_ready` waits.
        let written = self.write_chunk(chunk);
        written.map(|_flow| ()).map_err(|error| error.map(Some))
    }
}

/// Waits until there is room before it accepts. Closing it flushes: only the owner
/// ends the stream. Under a limit it waits until the stream is empty, as it cannot say how
/// long its next chunk is. If another producer takes the room meanwhile, the stream refuses the
/// chunk: the error hands it back.
impl Sink<Bytes> for Writer {
    type Error = WriteError<Option<Chunk>>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        on_budget(cx, |cx| self.get_mut().poll_ready(cx))
    }

    fn start_send(self: Pin<&mut Self>, chunk: Bytes) -> Result<(), Self::Error> {
        self.get_mut().send_now(chunk)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        on_budget(cx, |cx| self.get_mut().poll_flush(cx))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Sink::<Bytes>::poll_flush(self, cx)
    }
}

/// As that of [`Writer`]; closing it ends the stream, and waits until everything is
/// written and the worker has let go of the sink. [`Writable::end`] still hands
/// that back.
impl<W> Sink<Bytes> for Writable<W> {
    type Error = WriteError<Option<Chunk>>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        on_budget(cx, |cx| self.get_mut().writer.poll_ready(cx))
    }

    fn start_send(self: Pin<&mut Self>, chunk: Bytes) -> Result<(), Self::Error> {
        self.get_mut().writer.send_now(chunk)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        on_budget(cx, |cx| self.get_mut().writer.poll_flush(cx))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.get_mut().poll_end(cx)
    }
}

/// Waits until there is room before it accepts. Closing it flushes: only the owner
/// ends the stream.
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

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(self, cx)
    }
}

/// As that of [`Writer`]; closing it ends the stream, and waits until everything is
/// written and the worker has let go of the sink.
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

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_end(cx).map_err(io::Error::from)
    }
}
