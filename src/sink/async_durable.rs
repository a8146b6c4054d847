//! A file of tokio whose flush is a sync.

use alloc::borrow::ToOwned;
use alloc::sync::Arc;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io::{self, IoSlice};
use std::path::Path;

use tokio::fs::File;
use tokio::io::AsyncWrite;
use tokio::task::JoinHandle;

use super::durable::Durable;
use super::synced::Synced;

/// As [`Durable`], over a `tokio::fs::File`: a flush is a sync. A sync runs on a thread of tokio's
/// pool for blocking calls.
///
/// A write that fails counts as a sync that fails: tokio takes data before it is written, so the
/// error may be about any data since the last flush. Every later flush is an error, also in a
/// [group](crate::Builder::group_commit).
///
/// ```
/// use highwater::Writable;
/// use highwater::sink::AsyncDurable;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("journal");
/// let file = AsyncDurable::open(path).await?;
/// let mut out = Writable::builder().group_commit(true).spawn_tokio(file)?;
/// let _flow = out.write("pay 5 to Ann\n")?;
/// out.flush().await?; // on disk
/// assert_eq!(out.snapshot().flushed, 13);
/// # Ok::<_, highwater::BoxError>(())
/// # })?;
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Debug)]
pub struct AsyncDurable {
    file: Synced<File, Syncing>,
    /// The same file, for the thread that syncs it.
    twin: Arc<std::fs::File>,
}

impl AsyncDurable {
    /// Makes it of a file that is open. If the file is new, a crash may lose its name:
    /// [`AsyncDurable::create`] and [`AsyncDurable::open`] see to that.
    ///
    /// # Errors
    ///
    /// If the file has taken bytes that it could not write, or the system has no further
    /// descriptor for it.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let file = tokio::fs::File::from_std(tempfile::tempfile()?);
    /// let durable = highwater::sink::AsyncDurable::new(file).await?;
    /// assert_eq!(durable.into_inner().metadata().await?.len(), 0);
    /// # Ok::<_, std::io::Error>(())
    /// # })?;
    /// # Ok::<_, std::io::Error>(())
    /// ```
    pub async fn new(mut file: File) -> io::Result<Self> {
        // `into_std` says nothing of an error.
        poll_fn(|cx| Pin::new(&mut file).poll_flush(cx)).await?;
        Self::over(file.into_std().await)
    }

    /// As [`Durable::create`].
    ///
    /// # Errors
    ///
    /// As [`Durable::create`].
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let folder = tempfile::tempdir()?;
    /// let file = highwater::sink::AsyncDurable::create(folder.path().join("file")).await?;
    /// # drop(file);
    /// # Ok::<_, std::io::Error>(())
    /// # })?;
    /// # Ok::<_, std::io::Error>(())
    /// ```
    pub async fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().to_owned();
        Self::opened(move || Durable::create(path)).await
    }

    /// As [`Durable::open`].
    ///
    /// # Errors
    ///
    /// As [`Durable::open`].
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let folder = tempfile::tempdir()?;
    /// let file = highwater::sink::AsyncDurable::open(folder.path().join("file")).await?;
    /// # drop(file);
    /// # Ok::<_, std::io::Error>(())
    /// # })?;
    /// # Ok::<_, std::io::Error>(())
    /// ```
    pub async fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().to_owned();
        Self::opened(move || Durable::open(path)).await
    }

    async fn opened(
        open: impl FnOnce() -> io::Result<Durable> + Send + 'static,
    ) -> io::Result<Self> {
        let opened = tokio::task::spawn_blocking(open).await;
        Self::over(opened.map_err(io::Error::other)??.into_inner())
    }

    fn over(file: std::fs::File) -> io::Result<Self> {
        let twin = Arc::new(file.try_clone()?);
        let file = Synced::new(File::from_std(file));
        Ok(Self { file, twin })
    }

    /// The file.
    #[must_use]
    pub fn into_inner(self) -> File {
        self.file.into_file()
    }
}

/// A sync that runs on another thread.
#[derive(Debug)]
struct Syncing(JoinHandle<io::Result<()>>);

impl Future for Syncing {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let synced = ready!(Pin::new(&mut self.0).poll(cx));
        Poll::Ready(synced.unwrap_or_else(|error| Err(io::Error::other(error))))
    }
}

impl AsyncWrite for AsyncDurable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.file.poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.file.poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let durable = &mut *self;
        let twin = &durable.twin;
        durable.file.poll_flush(cx, || {
            let twin = Arc::clone(twin);
            Syncing(tokio::task::spawn_blocking(move || twin.sync_data()))
        })
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
