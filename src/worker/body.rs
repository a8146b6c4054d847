//! The reader as the worker: nothing runs in the background, and the reader moves the data as it
//! polls the body. `frames.rs` has what it does; `io/body.rs` what a body can be read as.

use core::fmt;
use core::task::{Context, Poll, Waker};

use super::frames::{Frames, Part};
use super::observers::Observers;
use crate::cause::Cause;
use crate::handle::{AnyWorker, Builder, Shared, SinkSlot, Writable, on_budget};
use crate::stream::Stream;
use crate::sync::{Arc, AtomicUsize, Mutex, MutexGuard, Ordering, PoisonError};

/// With a body.
impl Builder {
    /// Makes a stream without a sink, a `Writable<()>`, and the [`Body`] that gives its bytes to
    /// a reader: an HTTP body, a `Stream` of `Bytes`, an `AsyncRead`.
    ///
    /// The producer goes at the pace of the reader. It may be a task, or a blocking
    /// program on another thread: the owner is an [`io::Write`](std::io::Write).
    ///
    /// Only [`end`](Writable::end) ends the body. If the stream is destroyed or fails, or its
    /// owner is dropped, or a producer panics, then the body ends with an error: a body that is
    /// cut off never looks whole.
    ///
    /// ```
    /// use futures::executor::block_on;
    /// use futures::{StreamExt, TryStreamExt, future::join};
    ///
    /// let (mut out, body) = highwater::Writable::builder().body();
    /// let producer = async move {
    ///     for n in 1..=3 {
    ///         out.send(format!("line {n}\n")).await?;
    ///     }
    ///     out.end().await?; // the reader has everything
    ///     Ok::<_, highwater::BoxError>(())
    /// };
    /// let (produced, read) = block_on(join(producer, body.try_collect::<Vec<_>>()));
    /// produced?;
    /// assert_eq!(read?.concat(), b"line 1\nline 2\nline 3\n");
    ///
    /// let (out, mut body) = highwater::Writable::builder().body();
    /// drop(out.destroy_with("the database has gone"));
    /// let error = block_on(body.next()).expect("no end").expect_err("no data");
    /// assert_eq!(error.to_string(), "the database has gone");
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn body(self) -> (Writable<()>, Body) {
        let (AnyWorker, common) = self.split();
        let observers = Observers::new(common.on_error, common.observer);
        let stream = Stream::new(common.options, observers.is_some())
            .with_records(common.calls.records)
            .cut_off_by_panics();
        let progress = stream.progress();
        let shared = Arc::new(Shared::new(stream));
        let slot = SinkSlot::default();
        let stream = Writable::over(&shared, Arc::clone(&slot), None);
        let frames = Frames::new(shared, &progress, observers, slot);
        (
            stream,
            Body(alloc::sync::Arc::new(Worker {
                frames: Mutex::new(frames),
                wakes: AtomicUsize::new(0),
            })),
        )
    }
}

/// What a reader takes from a stream: the worker of [`Builder::body`].
///
/// It is a `Stream` of `Bytes`, with the feature `http-body` an `http_body::Body`, and by
/// [`reader`](Self::reader) an `AsyncRead` of futures and of tokio. A chunk reaches the reader
/// as it was written, without a copy; small writes are joined, unless they are
/// [records](Builder::records).
///
/// A chunk is *delivered* when the reader comes back for the next one, or sees the end.
/// Dropping the body before that makes the stream fail with [`Cause::ReaderLeft`]: every waiter
/// gets that error, and the chunks that were not delivered come back.
///
/// What is cut off never looks whole: the body ends with an error if the owner is dropped without an
/// end, or if a panic drops a [`Writer`](crate::Writer). A `Writer` that a destructor makes while its
/// thread already panics does not count.
///
/// A reader need not poll for the end if `is_end_stream` returns true, or if it has all bytes of the
/// [length](Self::with_length). An HTTP server then drops the body, and the stream finishes. (An
/// exact size hint is not enough.)
pub struct Body(alloc::sync::Arc<Worker>);

/// It is the worker of a body, and its waker once the reader needs no more.
struct Worker {
    frames: Mutex<Frames>,
    /// How many wake-ups no poll has followed yet.
    wakes: AtomicUsize,
}

impl Body {
    /// Sets how long the body will be, in bytes. With HTTP/1.1 it becomes the `content-length`.
    /// What the reader has taken before does not count.
    ///
    /// A stream that writes more, or ends with less, fails: reader and producer get an error
    /// that says so.
    ///
    /// ```
    /// use futures::{StreamExt, executor::block_on};
    ///
    /// let (out, body) = highwater::Writable::builder().body();
    /// let mut body = body.with_length(10);
    /// drop(out.end_with("too short"));
    /// assert_eq!(block_on(body.next()).expect("no end")?, "too short");
    /// let error = block_on(body.next()).expect("no end").expect_err("it is cut off");
    /// assert_eq!(error.to_string(), "the body ended after 9 of its 10 bytes");
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[must_use]
    pub fn with_length(self, bytes: u64) -> Self {
        self.frames().set_length(bytes);
        self
    }

    /// Adds trailers. The body calls `trailers` once the reader has taken all data of a stream
    /// that has ended, so they can hold a checksum of what was written. `None` is no trailers.
    ///
    /// A reader other than one of HTTP ignores them.
    ///
    /// ```
    /// use futures::executor::block_on;
    /// use http_body::Body as _;
    /// use std::{future::poll_fn, pin::Pin};
    ///
    /// let (out, body) = highwater::Writable::builder().body();
    /// let mut body = body.with_trailers(|| {
    ///     let mut trailers = http::HeaderMap::new();
    ///     trailers.insert("checksum", http::HeaderValue::from_static("294"));
    ///     Some(trailers)
    /// });
    /// drop(out.end_with("abc"));
    /// let mut next = || block_on(poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)));
    /// assert!(next().expect("data")?.is_data());
    /// let trailers = next().expect("trailers")?.into_trailers();
    /// assert_eq!(trailers.expect("no data")["checksum"], "294");
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[cfg(feature = "http-body")]
    #[must_use]
    pub fn with_trailers(
        self,
        trailers: impl FnOnce() -> Option<http::HeaderMap> + Send + 'static,
    ) -> Self {
        self.frames().trailers = Some(alloc::boxed::Box::new(trailers));
        self
    }

    #[inline]
    pub(crate) fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Part, Cause>>> {
        on_budget(cx, |cx| {
            // No other has it while the body is there.
            match alloc::sync::Arc::get_mut(&mut self.0) {
                Some(worker) => worker
                    .frames
                    .get_mut()
                    .unwrap_or_else(PoisonError::into_inner)
                    .poll_part(cx),
                None => self.frames().poll_part(cx),
            }
        })
    }

    /// Whether the reader has everything. From then on it may drop the body.
    #[cfg(feature = "http-body")]
    pub(crate) fn is_end(&self) -> bool {
        self.frames().is_end()
    }

    /// How many bytes are still to come, if that is known.
    pub(crate) fn left(&self) -> Option<u64> {
        self.frames().left()
    }

    /// The reader leaves, and does not have everything.
    pub(crate) fn abandon(&self) {
        self.frames().abandon();
    }

    fn frames(&self) -> MutexGuard<'_, Frames> {
        self.0.frames()
    }
}

impl Worker {
    fn frames(&self) -> MutexGuard<'_, Frames> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reader has left with everything. A caller that wakes the worker does what the stream
/// still needs: it answers the end, and refuses a further byte.
impl alloc::task::Wake for Worker {
    fn wake(self: alloc::sync::Arc<Self>) {
        let mut wakes = 1;
        if self.wakes.fetch_add(wakes, Ordering::AcqRel) > 0 {
            // Another thread polls, or this one does so further down its stack: it polls again.
            return;
        }
        let waker = Waker::from(alloc::sync::Arc::clone(&self));
        let mut cx = Context::from_waker(&waker);
        while wakes > 0 {
            while let Poll::Ready(Some(_)) = self.frames().poll_part(&mut cx) {}
            wakes = self.wakes.fetch_sub(wakes, Ordering::AcqRel) - wakes;
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let has_all = self.frames().has_given_all();
        match has_all {
            true => alloc::task::Wake::wake(alloc::sync::Arc::clone(&self.0)),
            false => self.abandon(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("left", &self.left())
            .finish_non_exhaustive()
    }
}
