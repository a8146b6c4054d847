//! Owner and producers as a `Sink` of chunks and as an `AsyncWrite` of futures. They
//! wait until there is room *before* they accept.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use bytes::Bytes;
use futures_io::AsyncWrite;
use futures_sink::Sink;

use crate::chunk::Chunk;
use crate::handle::future::{Writable, Writer};
use crate::machine::Flow;
use crate::stream::{Condition, WaitError, WriteError};

/// No chunk came with it.
fn without_chunk(error: WaitError) -> WriteError<Option<Chunk>> {
    let chunk = None;
    match error {
        WaitError::Ended => WriteError::AfterEnd { chunk },
        WaitError::Failed(cause) => WriteError::Failed { chunk, cause },
        _ => WriteError::Destroyed { chunk },
    }
}

/// Waits until there is room before it accepts. Closing it flushes: only the owner
/// ends the stream. The errors of `start_send` hand the chunk back.
impl Sink<Bytes> for Writer {
    type Error = WriteError<Option<Chunk>>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let ready = self.get_mut().poll_place(cx, Condition::Room, |_| ());
        ready.map_err(without_chunk)
    }

    fn start_send(self: Pin<&mut Self>, chunk: Bytes) -> Result<(), Self::Error> {
        match self.get_mut().write_chunk(chunk) {
            // Told to wait, it does so in its next `poll_ready`.
            Ok(Flow::More | Flow::Wait) => Ok(()),
            Err(error) => Err(error.map(Some)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.get_mut().poll_flush_all(cx).map_err(without_chunk)
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
        Pin::new(&mut self.get_mut().writer).poll_ready(cx)
    }

    fn start_send(self: Pin<&mut Self>, chunk: Bytes) -> Result<(), Self::Error> {
        Pin::new(&mut self.get_mut().writer).start_send(chunk)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Sink::<Bytes>::poll_flush(Pin::new(&mut self.get_mut().writer), cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.get_mut().poll_end(cx).map_err(without_chunk)
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
        self.get_mut().poll_write_piece(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_flush_all(cx).map_err(io::Error::from)
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
        self.get_mut().writer.poll_write_piece(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut()
            .writer
            .poll_flush_all(cx)
            .map_err(io::Error::from)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_end(cx).map_err(io::Error::from)
    }
}
