//! A file that is written behind its caller's back, and whose flush is a sync.
//!
//! A module of its own, as tests/durable.rs has it over a simulated disk.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io::{self, IoSlice};

use tokio::io::AsyncWrite;

use super::durable::sync_failed;

/// A file that takes bytes before they are written: that a write has failed is what its next call
/// says, a write or a flush. A sync, which is an `S`, says nothing of it.
#[derive(Debug)]
pub(crate) struct Synced<F, S> {
    file: F,
    now: Now<S>,
    /// Something may have been written since the last sync.
    dirty: bool,
}

#[derive(Debug)]
enum Now<S> {
    Writing,
    /// A flush has begun, and all that the file has taken is written.
    Syncing(S),
    /// A sync has failed, or a write.
    Failed,
}

impl<F, S> Synced<F, S>
where
    F: AsyncWrite + Unpin,
    S: Future<Output = io::Result<()>> + Unpin,
{
    pub(crate) fn new(file: F) -> Self {
        Self {
            file,
            now: Now::Writing,
            dirty: true,
        }
    }

    pub(crate) fn into_file(self) -> F {
        self.file
    }

    /// What the file says of a write. An error may be about bytes that it took before: they
    /// are lost, so no sync may acknowledge them.
    fn wrote<T>(&mut self, written: io::Result<T>) -> io::Result<T> {
        self.dirty = true;
        if written.is_err() {
            self.now = Now::Failed;
        }
        written
    }

    /// Waits for the sync that runs, if one does.
    fn poll_synced(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.now {
            Now::Writing => Poll::Ready(Ok(())),
            Now::Failed => Poll::Ready(Err(sync_failed())),
            Now::Syncing(sync) => {
                let synced = ready!(Pin::new(sync).poll(cx));
                self.now = match synced {
                    Ok(()) => Now::Writing,
                    Err(_) => Now::Failed,
                };
                Poll::Ready(synced)
            }
        }
    }

    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_synced(cx))?;
        let written = ready!(Pin::new(&mut self.file).poll_write(cx, bytes));
        Poll::Ready(self.wrote(written))
    }

    pub(crate) fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_synced(cx))?;
        let written = ready!(Pin::new(&mut self.file).poll_write_vectored(cx, slices));
        Poll::Ready(self.wrote(written))
    }

    /// `sync` begins a sync of what is written.
    pub(crate) fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        sync: impl FnOnce() -> S,
    ) -> Poll<io::Result<()>> {
        if matches!(self.now, Now::Writing) && self.dirty {
            let written = ready!(Pin::new(&mut self.file).poll_flush(cx));
            self.wrote(written)?;
            self.dirty = false;
            self.now = Now::Syncing(sync());
        }
        self.poll_synced(cx)
    }
}
