//! How a stream with a future behind it is made.

use alloc::boxed::Box;
use core::fmt;

use crate::machine::Options;
use crate::stream::OPTIONS;
use crate::stream::event::{Event, Observer};

/// Makes a [`Writable`](crate::future::Writable) and its [`Worker`](crate::future::Worker).
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
    pub(crate) options: Options,
    pub(crate) observer: Option<Observer>,
    pub(crate) discards: bool,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            options: OPTIONS,
            observer: None,
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
        self.observer = Some(Box::new(observer));
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
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("options", &self.options)
            .field("discards", &self.discards)
            .finish_non_exhaustive()
    }
}
