//! What a worker that is polled needs of a sink.

use core::task::{Context, Poll};
use std::io::{self, IoSlice};

/// A sink that is polled.
pub(crate) trait PolledSink {
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
