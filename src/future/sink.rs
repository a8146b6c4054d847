//! What the worker needs of a sink.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io::{self, IoSlice};

/// A sink that is polled.
pub(crate) trait AsyncSink {
    /// What it is made of, and becomes again.
    type Of;

    fn new(sink: Self::Of) -> Self;

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    fn into_inner(self) -> Self::Of;
}

/// A sink of `futures-io`.
pub(super) struct FuturesIo<W>(W);

impl<W: futures_io::AsyncWrite + Unpin> AsyncSink for FuturesIo<W> {
    type Of = W;

    fn new(sink: W) -> Self {
        Self(sink)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }

    fn into_inner(self) -> W {
        self.0
    }
}
