//! Sinks that do in one call what a closure says. In all other calls they succeed.

use std::io::{self, Write};
#[cfg(feature = "futures")]
use std::pin::Pin;
#[cfg(feature = "futures")]
use std::task::{Context, Poll};

/// A sink whose writes are a closure: [`on_write`]. `futures::io::AllowStdIo` makes an
/// `AsyncWrite` of it.
#[derive(Debug)]
pub struct OnWrite<F>(F);

/// Makes a sink that calls a closure at each write.
pub fn on_write<F: FnMut(&[u8]) -> io::Result<usize>>(write: F) -> OnWrite<F> {
    OnWrite(write)
}

/// Makes a sink that takes everything. At its first write it calls a closure, and drops it.
pub fn at_first_write(
    first: impl FnOnce() -> io::Result<()>,
) -> OnWrite<impl FnMut(&[u8]) -> io::Result<usize>> {
    let mut first = Some(first);
    on_write(move |bytes| {
        first.take().map_or(Ok(()), |first| first())?;
        Ok(bytes.len())
    })
}

impl<F: FnMut(&[u8]) -> io::Result<usize>> Write for OnWrite<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.0)(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A sink whose close is a closure: [`on_close`].
#[cfg(feature = "futures")]
#[derive(Debug)]
pub struct OnClose<F>(F);

/// Makes a sink that takes everything, and calls a closure at each poll of its close.
#[cfg(feature = "futures")]
pub fn on_close<F: FnMut() -> Poll<io::Result<()>>>(close: F) -> OnClose<F> {
    OnClose(close)
}

#[cfg(feature = "futures")]
impl<F: FnMut() -> Poll<io::Result<()>> + Unpin> futures::io::AsyncWrite for OnClose<F> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        (self.0)()
    }
}

/// Implements tokio's `AsyncWrite` for a sink: each call passes on to futures' one, also a call
/// with several slices, of which `tokio_util::compat` would pass on the first alone.
#[macro_export]
macro_rules! sink_of_tokio {
    ($sink:ty) => {
        impl ::tokio::io::AsyncWrite for $sink {
            fn poll_write(
                self: ::std::pin::Pin<&mut Self>,
                cx: &mut ::std::task::Context<'_>,
                bytes: &[u8],
            ) -> ::std::task::Poll<::std::io::Result<usize>> {
                ::futures::io::AsyncWrite::poll_write(self, cx, bytes)
            }

            fn poll_write_vectored(
                self: ::std::pin::Pin<&mut Self>,
                cx: &mut ::std::task::Context<'_>,
                slices: &[::std::io::IoSlice<'_>],
            ) -> ::std::task::Poll<::std::io::Result<usize>> {
                ::futures::io::AsyncWrite::poll_write_vectored(self, cx, slices)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(
                self: ::std::pin::Pin<&mut Self>,
                cx: &mut ::std::task::Context<'_>,
            ) -> ::std::task::Poll<::std::io::Result<()>> {
                ::futures::io::AsyncWrite::poll_flush(self, cx)
            }

            fn poll_shutdown(
                self: ::std::pin::Pin<&mut Self>,
                cx: &mut ::std::task::Context<'_>,
            ) -> ::std::task::Poll<::std::io::Result<()>> {
                ::futures::io::AsyncWrite::poll_close(self, cx)
            }
        }
    };
}
