//! The sink: a multipart upload of object_store.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use object_store::{MultipartUpload, PutResult, Result, WriteMultipart};
use tokio::io::AsyncWrite;
use tokio::time::timeout;

/// The length of each part except the last: the least that S3 takes.
pub(crate) const PART: usize = 5 * 1024 * 1024;

/// How many parts are on their way at most. One more is being filled.
pub(crate) const ON_THEIR_WAY: usize = 2;

/// How long an abort waits for the parts that are on their way: a store may take one
/// in although its upload is aborted meanwhile, and then keep it.
const PATIENCE: Duration = Duration::from_secs(5);

/// An upload in parts. The end commits it, an abort takes it back; before either,
/// nothing of the object can be seen.
pub(crate) struct Parts {
    /// `None` once it was committed, or is being.
    parts: Option<WriteMultipart>,
    commit: Option<Pin<Box<dyn Future<Output = Result<PutResult>> + Send>>>,
}

impl Parts {
    pub(crate) fn of(upload: Box<dyn MultipartUpload>) -> Self {
        Self {
            parts: Some(WriteMultipart::new_with_chunk_size(upload, PART)),
            commit: None,
        }
    }

    /// Takes everything back.
    pub(crate) async fn abort(self) -> io::Result<()> {
        // A commit that failed has tried it, and does not say with what success.
        let Some(mut parts) = self.parts else {
            return Err(io::Error::other("its commit had begun"));
        };
        // Whether they arrive makes no difference any more.
        let _ = timeout(PATIENCE, parts.wait_for_capacity(1)).await;
        Ok(parts.abort().await?)
    }
}

impl AsyncWrite for Parts {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Some(parts) = &mut self.parts else {
            return Poll::Ready(Err(io::Error::other("the upload has ended")));
        };
        ready!(parts.poll_for_capacity(cx, ON_THEIR_WAY))?;
        // It ends one part at most.
        let bytes = &bytes[..bytes.len().min(PART)];
        parts.write(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    /// The part that is being filled stays: it may be too short to be sent.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.parts {
            Some(parts) => Poll::Ready(Ok(ready!(parts.poll_for_capacity(cx, 1))?)),
            None => Poll::Ready(Ok(())),
        }
    }

    /// The last part, and the commit. If that fails, it is aborted.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(parts) = self.parts.take() {
            self.commit = Some(Box::pin(parts.finish()));
        }
        if let Some(commit) = &mut self.commit {
            let committed = ready!(commit.as_mut().poll(cx));
            self.commit = None;
            committed?;
        }
        Poll::Ready(Ok(()))
    }
}
