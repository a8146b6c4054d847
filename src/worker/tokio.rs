//! A task of tokio over its `AsyncWrite`.

use core::future::{Future, Ready};
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io::{self, IoSlice};

use tokio::io::AsyncWrite;
use tokio::runtime::Handle;

use super::spawn_error::SpawnError;
use crate::handle::{Builder, FutureOptions, Writable};

/// With a task of tokio.
impl<K> Builder<K>
where
    FutureOptions: From<K>,
{
    /// Makes a stream into this sink. A task of tokio writes to it, on the runtime of the caller.
    /// At the end the task flushes the sink, shuts it down, and hands it back.
    ///
    /// If the runtime shuts down before the end, the stream fails. Waiters and the observer get
    /// the error, which says how many bytes were not delivered.
    ///
    /// A `tokio::fs::File` buffers by itself: what is delivered may not be in the file, and only
    /// [`Writable::flush`] and [`Writable::end`] return the error of a full disk. A TCP socket
    /// that is dropped while it has unread input resets its connection, and the peer may lose
    /// the last bytes. If the peer may send something, read to its end first:
    ///
    /// ```
    /// use highwater::Writable;
    /// use std::time::Duration;
    /// use tokio::net::{TcpListener, TcpStream};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let connection = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (mut peer, _) = listener.accept().await?;
    /// # let peer = tokio::spawn(async move {
    /// #     tokio::io::AsyncWriteExt::write_all(&mut peer, b"welcome").await?;
    /// #     tokio::io::copy(&mut peer, &mut tokio::io::sink()).await
    /// # });
    /// let mut out = Writable::builder().spawn_tokio(connection)?;
    /// let _flow = out.write(vec![b'x'; 100_000])?;
    /// let mut connection = out.end().await?.sink; // its write side is shut down
    /// let mut nowhere = tokio::io::sink();
    /// let rest = tokio::io::copy(&mut connection, &mut nowhere);
    /// tokio::time::timeout(Duration::from_secs(10), rest).await??; // the peer has all
    /// # assert_eq!(peer.await??, 100_000);
    /// # Ok::<_, highwater::BoxError>(())
    /// # })?;
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the caller is not in a runtime of tokio. The error holds the sink, so a `?` into a
    /// [`BoxError`](crate::BoxError) needs a sink that is also `Sync`; otherwise use
    /// `.map_err(io::Error::from)?`.
    ///
    /// # Examples
    ///
    /// ```
    /// use highwater::{Flow, Writable};
    /// use tokio::io::AsyncReadExt;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let (near, mut far) = tokio::io::duplex(64);
    /// let reader = tokio::spawn(async move {
    ///     let mut text = String::new();
    ///     far.read_to_string(&mut text).await.map(|_| text)
    /// });
    ///
    /// let mut out = Writable::builder().high_water_mark(1024).spawn_tokio(near)?;
    /// for n in 1..=10_000 {
    ///     if out.write(format!("{n}\n"))? == Flow::Wait {
    ///         out.drained().await?;
    ///     }
    /// }
    /// drop(out.end().await?.sink);
    /// assert_eq!(reader.await??.lines().count(), 10_000);
    /// # Ok::<_, highwater::BoxError>(())
    /// # })?;
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn spawn_tokio<W>(self, sink: W) -> Result<Writable<W>, SpawnError<W>>
    where
        W: AsyncWrite + Unpin + Send + 'static,
    {
        match runtime() {
            Ok(runtime) => Ok(self.spawn_tokio_on(&runtime, sink)),
            Err(source) => Err(SpawnError { source, sink }),
        }
    }

    /// As [`Builder::spawn_tokio`], on this runtime.
    pub fn spawn_tokio_on<W>(self, runtime: &Handle, sink: W) -> Writable<W>
    where
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let opening = None::<Ready<io::Result<_>>>;
        let (stream, worker) = self.make(Some(sink), opening, Tokio, |Tokio(sink)| sink);
        drop(runtime.spawn(worker));
        stream
    }

    /// Makes a stream into a sink that the worker opens first. What is written meanwhile is
    /// queued. If the sink cannot be opened, the stream fails with that error.
    ///
    /// # Errors
    ///
    /// If the caller is not in a runtime of tokio.
    ///
    /// # Examples
    ///
    /// ```
    /// use highwater::Writable;
    /// use tokio::net::TcpStream;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(async {
    /// // No listener is left there.
    /// let free = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    /// let mut out = Writable::builder().spawn_tokio_with(TcpStream::connect(free))?;
    /// let _flow = out.write("hello")?;
    /// let error = out.end().await.expect_err("refused");
    /// assert_eq!(error.code(), "ECONNREFUSED");
    /// # Ok::<_, highwater::BoxError>(())
    /// # })?;
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn spawn_tokio_with<W>(
        self,
        opening: impl Future<Output = io::Result<W>> + Send + 'static,
    ) -> io::Result<Writable<W>>
    where
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let runtime = runtime()?;
        let (stream, worker) = self.make(None, Some(opening), Tokio, |Tokio(sink)| sink);
        drop(runtime.spawn(worker));
        Ok(stream)
    }
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
