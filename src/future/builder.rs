//! How a stream is made.

use alloc::boxed::Box;
use core::fmt;
use core::future::Future;
use std::io;

use futures_io::AsyncWrite;

use super::shared::Shared;
use super::sink::AsyncSink;
use super::worker::{Now, Work, Worker};
use super::writable::Writable;
use crate::Event;
use crate::adapter::core::OPTIONS;
use crate::adapter::desk::Desk;
use crate::adapter::sync::{Arc, Mutex};
use crate::adapter::user::Observer;
use crate::machine::Options;

/// Makes a [`Writable`] and its [`Worker`].
///
/// ```
/// use futures::{executor::block_on, future::join, io::Cursor};
/// use highwater::{Flow, future::Writable};
///
/// let builder = Writable::builder().high_water_mark(1024);
/// let (mut out, worker) = builder.over(Cursor::new(Vec::new()));
/// assert_eq!(out.write("a line\n")?, Flow::More);
/// let (done, ()) = block_on(join(out.end(), worker));
/// assert_eq!(done?.sink.into_inner(), b"a line\n");
/// # Ok::<_, highwater::BoxError>(())
/// ```
pub struct Builder {
    options: Options,
    observer: Observer,
    discards: bool,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            options: OPTIONS,
            observer: Observer::NONE,
            discards: false,
        }
    }

    /// From how many bytes on writers are told to wait. Node's `highWaterMark`;
    /// 16,384 by default.
    #[must_use]
    pub fn high_water_mark(mut self, bytes: u64) -> Self {
        self.options = self.options.with_high_water_mark(bytes);
        self
    }

    /// At how many bytes, or fewer, 'drain' is told. 0 by default, as in Node;
    /// lowered to lie below the high-water mark.
    #[must_use]
    pub fn low_water_mark(mut self, bytes: u64) -> Self {
        self.options = self.options.with_low_water_mark(bytes);
        self
    }

    /// Past how many bytes a write is refused and its chunk handed back, for
    /// producers that do not heed [`Flow::Wait`](crate::Flow::Wait). None by
    /// default; raised to the high-water mark.
    #[must_use]
    pub fn limit(mut self, bytes: u64) -> Self {
        self.options = self.options.with_limit(bytes);
        self
    }

    /// Is told every [`Event`], in order, by the worker, outside every lock. If it
    /// panics, it is not told any more.
    #[must_use]
    pub fn observer(mut self, observer: impl FnMut(Event) + Send + 'static) -> Self {
        self.observer = Observer::new(observer);
        self
    }

    /// If the stream is dropped without an end, it is destroyed, and what is not
    /// written is dropped. Otherwise it is ended, and the worker goes on until all
    /// is written.
    #[must_use]
    pub fn discard_on_drop(mut self) -> Self {
        self.discards = true;
        self
    }

    /// A stream into this sink.
    pub fn over<W: AsyncWrite + Unpin>(self, sink: W) -> (Writable<W>, Worker<W>) {
        let (stream, work) = self.make(Some(sink), None);
        (stream, Worker(work))
    }

    /// A stream into a sink that the worker opens first: what is written meanwhile
    /// is queued, and if it cannot be opened the stream fails with that error.
    ///
    /// ```
    /// use futures::executor::block_on;
    /// use futures::{future::join, io::Cursor};
    /// use highwater::future::Writable;
    /// use std::io;
    ///
    /// let missing = async { Err::<Cursor<Vec<u8>>, _>(io::ErrorKind::NotFound.into()) };
    /// let (mut out, worker) = Writable::builder().open(missing);
    /// let _flow = out.write("hello")?;
    /// let (end, ()) = block_on(join(out.end(), worker));
    /// assert_eq!(end.err().map(|error| error.code()), Some("ENOENT"));
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn open<W, O>(self, opening: O) -> (Writable<W>, Worker<W, O>)
    where
        W: AsyncWrite + Unpin,
        O: Future<Output = io::Result<W>>,
    {
        let (stream, work) = self.make(None, Some(opening));
        (stream, Worker(work))
    }

    /// The handle and the worker, over a sink or what opens it.
    pub(crate) fn make<S: AsyncSink, O>(
        self,
        sink: Option<S::Of>,
        opening: Option<O>,
    ) -> (Writable<S::Of>, Work<S, O>) {
        let options = self.options.with_construct(opening.is_some());
        let desk = Desk::new(self.observer.is_some());
        let stop = Arc::clone(&desk.stop);
        let shared = Arc::new(Shared::new(options, desk));
        let place = Arc::new(Mutex::new(None));
        let work = Work {
            shared: Arc::clone(&shared),
            stop,
            opener: opening.map(Box::pin),
            sink: sink.map(S::new),
            observer: self.observer,
            place: Arc::clone(&place),
            now: Now::Idle,
        };
        (Writable::new(shared, place, self.discards), work)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("options", &self.options)
            .field("discards", &self.discards)
            .finish_non_exhaustive()
    }
}
