//! The stream over tokio's `AsyncWrite`, with its worker as a task of tokio.
//!
//! [`spawn`] and [`open`] start it; the handle is a
//! [`future::Writable`](crate::future::Writable), which is also an `AsyncWrite` of
//! tokio. At the end the sink is flushed, shut down, and handed back.
//!
//! ```
//! use highwater::{Flow, future::Writable};
//! use tokio::io::AsyncReadExt;
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let (near, mut far) = tokio::io::duplex(64);
//! let reader = tokio::spawn(async move {
//!     let mut text = String::new();
//!     far.read_to_string(&mut text).await.map(|_| text)
//! });
//!
//! let builder = Writable::builder().high_water_mark(1024);
//! let mut out = highwater::tokio::spawn(builder, near)?;
//! for n in 1..=10_000 {
//!     if out.write(format!("{n}\n"))? == Flow::Wait {
//!         out.drained().await?;
//!     }
//! }
//! drop(out.end().await?.sink);
//! assert_eq!(reader.await??.lines().count(), 10_000);
//! # Ok::<_, highwater::BoxError>(())
//! # })?;
//! # Ok::<_, highwater::BoxError>(())
//! ```
//!
//! If the runtime shuts down before the end, the stream is destroyed.

use core::future::{Future, Ready};
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io::{self, IoSlice};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Handle;

use crate::adapter::outcome::Done;
use crate::future::{AsyncSink, Builder, Writable, Writer};
use crate::{PipeError, SpawnError};

/// A stream into this sink; its worker is spawned on the runtime of the caller.
///
/// # Errors
///
/// If there is no runtime; the sink is handed back.
pub fn spawn<W>(builder: Builder, sink: W) -> Result<Writable<W>, SpawnError<W>>
where
    W: AsyncWrite + Unpin + Send + 'static,
{
    match runtime() {
        Ok(runtime) => {
            let opening = None::<Ready<io::Result<W>>>;
            let (stream, worker) = builder.make::<Tokio<W>, _>(Some(sink), opening);
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
/// // Nobody listens there.
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
    builder: Builder,
    opening: impl Future<Output = io::Result<W>> + Send + 'static,
) -> io::Result<Writable<W>>
where
    W: AsyncWrite + Unpin + Send + 'static,
{
    let runtime = runtime()?;
    let (stream, worker) = builder.make::<Tokio<W>, _>(None, Some(opening));
    drop(runtime.spawn(worker));
    Ok(stream)
}

fn runtime() -> io::Result<Handle> {
    Handle::try_current().map_err(io::Error::other)
}

/// Moves a whole source of tokio into the stream: see
/// [`Writable::pipe`](crate::future::Writable::pipe).
///
/// # Errors
///
/// As [`Writable::pipe`](crate::future::Writable::pipe).
///
/// # Examples
///
/// ```
/// use highwater::future::Writable;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let out = highwater::tokio::spawn(Writable::builder(), Vec::new())?;
/// let done = highwater::tokio::pipe(&b"a source"[..], out).await?;
/// assert_eq!(done.sink, b"a source");
/// # Ok::<_, highwater::BoxError>(())
/// # })?;
/// # Ok::<_, highwater::BoxError>(())
/// ```
pub fn pipe<W>(
    mut source: impl AsyncRead + Unpin,
    out: Writable<W>,
) -> impl Future<Output = Result<Done<W>, PipeError<W>>> {
    out.pipe_from(move |cx, buffer| {
        let mut buffer = ReadBuf::new(buffer);
        let poll = Pin::new(&mut source).poll_read(cx, &mut buffer);
        poll.map_ok(|()| buffer.filled().len())
    })
}

/// A sink of tokio.
struct Tokio<W>(W);

impl<W: AsyncWrite + Unpin> AsyncSink for Tokio<W> {
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
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn into_inner(self) -> W {
        self.0
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
        self.get_mut().poll_write_piece(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_flush_all(cx).map_err(io::Error::from)
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
        self.get_mut().poll_write_piece(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_flush_all(cx).map_err(io::Error::from)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_end(cx).map_err(io::Error::from)
    }
}
