//! What a body can be read as: a `Stream` of `Bytes`, an HTTP body, an `AsyncRead`.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use bytes::{Buf, Bytes};
use futures_core::Stream;
use futures_io::AsyncRead;

use crate::cause::Cause;
use crate::worker::{Body, Part};

/// Ends with `None` if the stream has ended well. If not, the last item is an error.
impl Stream for Body {
    type Item = Result<Bytes, Cause>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let body = self.get_mut();
        match ready!(body.poll_part(cx)) {
            Some(Ok(Part::Data(bytes))) => Poll::Ready(Some(Ok(bytes))),
            // The end comes next.
            #[cfg(feature = "http-body")]
            Some(Ok(Part::Trailers(_))) => Pin::new(body).poll_next(cx),
            Some(Err(cause)) => Poll::Ready(Some(Err(cause))),
            None => Poll::Ready(None),
        }
    }
}

/// As the `Stream`, and with trailers.
#[cfg(feature = "http-body")]
impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Cause;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Cause>>> {
        let part = ready!(self.get_mut().poll_part(cx));
        Poll::Ready(part.map(|part| {
            part.map(|part| match part {
                Part::Data(bytes) => http_body::Frame::data(bytes),
                Part::Trailers(trailers) => http_body::Frame::trailers(*trailers),
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.is_end()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.left()
            .map_or_else(Default::default, http_body::SizeHint::with_exact)
    }
}

impl Body {
    /// Makes an `AsyncRead` of the body.
    ///
    /// ```
    /// use futures::{AsyncReadExt, executor::block_on};
    ///
    /// let (out, body) = highwater::Writable::builder().body();
    /// let ended = out.end_with("a line\n");
    /// let mut text = String::new();
    /// block_on(body.reader().read_to_string(&mut text))?;
    /// assert_eq!(text, "a line\n");
    /// block_on(ended)?;
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[must_use]
    pub fn reader(self) -> BodyReader {
        BodyReader {
            body: self,
            rest: Bytes::new(),
            failed: None,
        }
    }
}

/// A [`Body`] as an `AsyncRead` of futures, and with the feature `tokio` one of tokio. Its end
/// is the end of the stream. If something cuts the body off, this read and each later one returns
/// an error.
///
/// A chunk is delivered when the reader has read all of it and comes back.
#[derive(Debug)]
pub struct BodyReader {
    body: Body,
    /// What is left of the last chunk.
    rest: Bytes,
    failed: Option<Cause>,
}

impl BodyReader {
    /// What there is to read: nothing at the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.rest.is_empty() && self.failed.is_none() {
            match ready!(Pin::new(&mut self.body).poll_next(cx)) {
                Some(Ok(bytes)) => self.rest = bytes,
                Some(Err(cause)) => self.failed = Some(cause),
                None => {}
            }
        }
        let failed = self.failed.as_ref();
        Poll::Ready(failed.map_or(Ok(()), |cause| Err(cause.to_io())))
    }
}

/// A reader that leaves in the middle of a chunk does not have it.
impl Drop for BodyReader {
    fn drop(&mut self) {
        if !self.rest.is_empty() {
            self.body.abandon();
        }
    }
}

impl AsyncRead for BodyReader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let reader = self.get_mut();
        ready!(reader.poll_fill(cx))?;
        let count = reader.rest.len().min(buffer.len());
        let (filled, _) = buffer.split_at_mut(count);
        reader.rest.copy_to_slice(filled);
        Poll::Ready(Ok(count))
    }
}

#[cfg(feature = "tokio")]
impl tokio::io::AsyncRead for BodyReader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let reader = self.get_mut();
        ready!(reader.poll_fill(cx))?;
        let count = reader.rest.len().min(buffer.remaining());
        buffer.put_slice(&reader.rest.split_to(count));
        Poll::Ready(Ok(()))
    }
}
