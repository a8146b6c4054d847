//! A task of tokio over its `AsyncWrite`.

use core::future::{Future, Ready};
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io::{self, IoSlice};

use tokio::io::AsyncWrite;
use tokio::runtime::Handle;

use super::spawn_error::SpawnError;
use crate::handle::future::Writable;
use crate::handle::{Builder, FutureOptions};

/// A stream into this sink; its worker is spawned on the runtime of the caller.
///
/// # Errors
///
/// If there is no runtime; the sink is handed back.
pub fn spawn<W>(builder: Builder<FutureOptions>, sink: W) -> Result<Writable<W>, SpawnError<W>>
where
    W: AsyncWrite + Unpin + Send + 'static,
{
    match runtime() {
        Ok(runtime) => {
            let opening = None::<Ready<io::Result<_>>>;
            let (stream, worker) = builder.make(Some(sink), opening, Tokio, |Tokio(sink)| sink);
            drop(runtime.spawn(worker));
            Ok(stream)
        }
        Err(source) => Err(SpawnError { source, sink }),
    }
}

/// A stream into a sink that the worker opens first: what is written meanwhile is
/// queued, and if it cannot be opened the stream fails with that error.
///
/// # Errors
///
/// If there is no runtime.
///
/// # Examples
///
/// ```
/// use highwater::future::Writable;
/// use tokio::net::TcpStream;
///
/// # tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(async {
/// // No listener is left there.
/// let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
/// let mut out = highwater::tokio::open(Writable::builder(), TcpStream::connect(free))?;
/// let _flow = out.write("hello")?;
/// let error = out.end().await.expect_err("refused");
/// assert_eq!(error.code(), "ECONNREFUSED");
/// # Ok::<_, highwater::BoxError>(())
/// # })?;
/// # Ok::<_, highwater::BoxError>(())
/// ```
pub fn open<W>(
    builder: Builder<FutureOptions>,
    opening: impl Future<Output = io::Result<W>> + Send + 'static,
) -> io::Result<Writable<W>>
where
    W: AsyncWrite + Unpin + Send + 'static,
{
    let runtime = runtime()?;
    let (stream, worker) = builder.make(None, Some(opening), Tokio, |Tokio(sink)| sink);
    drop(runtime.spawn(worker));
    Ok(stream)
}

fn runtime() -> io::Result<Handle> {
    Handle::try_current().map_err(io::Error::other)
}

/// A sink of tokio as one of `futures-io`.
struct Tokio<W>(W);

impl<W: AsyncWrite + Unpin> futures_io::AsyncWrite for Tokio<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
