//! Producers and owner as a `Sink` of chunks and as an `AsyncWrite`. They wait
//! until there is room *before* they accept.

use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use bytes::Bytes;
use futures_io::AsyncWrite;
use futures_sink::Sink;

use super::writable::Writable;
use super::writer::Writer;
use crate::adapter::core::{Core, Want};
use crate::{Cause, Chunk, Flow, WaitError, WriteError};

impl Writer {
    /// Waits for room, then writes a piece of these bytes; how many.
    pub(crate) fn poll_write_piece(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        *self.wrote.get_mut() = true;
        if bytes.is_empty() || self.shared().write_if_room(bytes) {
            let mut place = mem::take(&mut self.place);
            self.shared().leave(&mut place);
            return Poll::Ready(Ok(bytes.len()));
        }
        let write = |core: &mut Core| core.write_piece(bytes);
        Poll::Ready(Ok(ready!(self.poll_place(cx, Want::Room, write))??))
    }

    /// Flushes; after the end, waits until everything is through.
    pub(crate) fn poll_flush_all(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WaitError>> {
        if mem::take(self.wrote.get_mut()) {
            self.flush = None;
        }
        let number = match self.flush {
            Some(number) => number,
            None => match self.shared().call(Core::flush) {
                Ok(number) => *self.flush.insert(number),
                Err(WaitError::Ended) => return self.poll_finished(cx),
                Err(error) => return Poll::Ready(Err(error)),
            },
        };
        let result = ready!(self.poll_place(cx, Want::Flushed(number), |_| ()));
        self.flush = None;
        Poll::Ready(result)
    }

    fn poll_finished(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WaitError>> {
        let finished = ready!(self.poll_place(cx, Want::Left, |core| core.finished()))?;
        Poll::Ready(finished.map_err(|cause| match cause {
            Cause::Fault(_) => WaitError::Destroyed,
            cause => WaitError::Failed(cause),
        }))
    }

    fn poll_place<T>(
        &mut self,
        cx: &mut Context<'_>,
        want: Want,
        f: impl FnOnce(&mut Core) -> T,
    ) -> Poll<Result<T, WaitError>> {
        let mut place = mem::take(&mut self.place);
        let poll = self.shared().poll_wait(cx, &mut place, want, f);
        self.place = place;
        poll
    }
}

impl<W> Writable<W> {
    pub(crate) fn poll_write_piece(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writer.poll_write_piece(cx, bytes)
    }

    pub(crate) fn poll_flush_all(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WaitError>> {
        self.writer.poll_flush_all(cx)
    }

    /// Ends the stream, and waits until everything is through.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WaitError>> {
        // What has ended, or failed, stays so.
        let _ = self.end_now(None);
        self.writer.poll_finished(cx)
    }
}

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
        let ready = self.get_mut().poll_place(cx, Want::Room, |_| ());
        ready.map_err(without_chunk)
    }

    fn start_send(self: Pin<&mut Self>, chunk: Bytes) -> Result<(), Self::Error> {
        match self.get_mut().write_owned(chunk) {
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
        self.get_mut().poll_flush_all(cx).map_err(without_chunk)
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
        self.get_mut().poll_write_piece(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_flush_all(cx).map_err(io::Error::from)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_end(cx).map_err(io::Error::from)
    }
}
