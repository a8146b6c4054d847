//! How a stream is made.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::time::Duration;

use crate::machine::Options;
use crate::stream::{Event, OPTIONS, Observer, OnError};

/// What becomes of a stream that is dropped without [`Writable::end`](crate::Writable::end).
///
/// ```
/// use highwater::{OnDrop, Writable};
///
/// let mut out = Writable::builder()
///     .on_drop(OnDrop::Discard)
///     .spawn(std::io::sink())?;
/// let _flow = out.write("an upload that is not complete")?;
/// // An error here, and `out` is dropped: nothing more is sent.
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnDrop {
    /// End it, and wait until everything is written. The default.
    #[default]
    Finish,
    /// The drop ends the stream and waits up to this long; then it destroys the stream and
    /// leaves. The observer gets an error that says how many bytes are dropped and how many
    /// are in doubt.
    FinishWithin(Duration),
    /// The drop destroys the stream and leaves; what the sink has not taken is dropped.
    Discard,
}

/// Makes a stream. `K` has the options of its kind of worker: an option that a worker
/// cannot honour is not on its builder. What starts the worker is beside each worker
/// (`src/worker/`).
///
/// With a thread, from [`Writable::builder`](crate::Writable::builder):
///
/// ```
/// use highwater::{Flow, Writable};
///
/// let mut out = Writable::builder()
///     .high_water_mark(1024)
///     .thread_name("log")
///     .spawn(Vec::new())?;
/// assert_eq!(out.write("a line\n")?, Flow::More);
/// assert_eq!(out.end()?.sink, b"a line\n");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Builder<K = ThreadOptions> {
    pub(crate) options: Options,
    pub(crate) observer: Option<Observer>,
    /// Sees the error of the stream before the observer does.
    pub(crate) on_error: Option<OnError>,
    pub(crate) worker: K,
}

/// The options of a stream with a thread behind it, which its [`Builder`] sets.
///
/// ```
/// use highwater::{Builder, ThreadOptions, Writable};
///
/// /// How this program makes its streams.
/// fn small() -> Builder<ThreadOptions> {
///     Writable::builder().high_water_mark(1024).thread_name("small")
/// }
///
/// assert_eq!(small().spawn(Vec::new())?.end_with("a line")?.sink, b"a line");
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Debug, Default)]
pub struct ThreadOptions {
    pub(crate) thread_name: Option<String>,
    pub(crate) on_drop: OnDrop,
}

/// The options of a stream with a future behind it, which its [`Builder`] sets.
///
/// ```
/// use highwater::future::{Builder, FutureOptions, Writable};
///
/// /// How this program makes its streams.
/// fn small() -> highwater::Builder<FutureOptions> {
///     Writable::builder().high_water_mark(1024).discard_on_drop()
/// }
///
/// let builder: Builder = small(); // the same type
/// # drop(builder);
/// ```
#[cfg(feature = "futures")]
#[derive(Debug, Default)]
pub struct FutureOptions {
    pub(crate) discards: bool,
}

impl<K: Default> Builder<K> {
    pub(super) fn new() -> Self {
        Self {
            options: OPTIONS,
            observer: None,
            on_error: None,
            worker: K::default(),
        }
    }
}

impl<K> Builder<K> {
    /// Sets the length, in bytes, at which `write` returns
    /// [`Flow::Wait`](crate::Flow::Wait). Node's `highWaterMark`; 16,384 by default.
    #[must_use]
    pub fn high_water_mark(mut self, bytes: u64) -> Self {
        self.options = self.options.with_high_water_mark(bytes);
        self
    }

    /// Sets the length, in bytes, at or below which the stream emits 'drain'. 0 by default,
    /// as in Node; the stream lowers it to lie below the high-water mark.
    #[must_use]
    pub fn low_water_mark(mut self, bytes: u64) -> Self {
        self.options = self.options.with_low_water_mark(bytes);
        self
    }

    /// Sets the length, in bytes, that no write may pass: the stream refuses one that would,
    /// and hands its chunk back. It is for producers that do not heed
    /// [`Flow::Wait`](crate::Flow::Wait). None by default; the stream raises it to the
    /// high-water mark.
    #[must_use]
    pub fn limit(mut self, bytes: u64) -> Self {
        self.options = self.options.with_limit(bytes);
        self
    }

    /// Sets what sees every [`Event`], in order. The worker (the background thread, or the
    /// future) calls it, outside every lock.
    /// While it runs, the worker writes nothing: so the observer may write to the stream,
    /// but not wait for it. (On a thread such a wait returns
    /// [`WouldDeadlock`](crate::WaitError::WouldDeadlock), and an owner that is dropped there
    /// is destroyed.) The same holds for a sink and an opener that know their own stream. An
    /// observer that panics sees no more events.
    #[must_use]
    pub fn observer(mut self, observer: impl FnMut(Event) + Send + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }
}

impl Builder {
    /// The name of the background thread; `highwater` by default.
    #[must_use]
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.worker.thread_name = Some(name.into());
        self
    }

    /// Sets what sees the error of the stream, on the background thread, before the
    /// observer does.
    #[cfg(all(feature = "tracing", not(highwater_loom)))]
    pub(crate) fn on_error(mut self, on_error: OnError) -> Self {
        self.on_error = Some(on_error);
        self
    }

    /// What becomes of the stream if it is dropped without an end.
    #[must_use]
    pub fn on_drop(mut self, policy: OnDrop) -> Self {
        self.worker.on_drop = policy;
        self
    }
}

#[cfg(feature = "futures")]
impl Builder<FutureOptions> {
    /// If the stream is dropped without an end, it is destroyed, and what is not
    /// written is dropped. Otherwise it is ended, and the worker goes on until all
    /// is written.
    #[must_use]
    pub fn discard_on_drop(mut self) -> Self {
        self.worker.discards = true;
        self
    }
}

impl<K: fmt::Debug> fmt::Debug for Builder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("options", &self.options)
            .field("worker", &self.worker)
            .finish_non_exhaustive()
    }
}
