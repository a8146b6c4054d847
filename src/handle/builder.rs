//! How a stream is made.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::time::Duration;
use std::io;

use super::on_drop::OnDrop;
use super::retry::Retry;
use super::writable::Writable;
use crate::machine::Options;
use crate::stream::{Calls, Event, OPTIONS, Observer, OnError};

/// Makes a stream: from [`Writable::builder`](crate::Writable::builder).
///
/// The last method chooses who moves the data: [`spawn`](Self::spawn) a thread, `pair` a future,
/// `spawn_tokio` a task of tokio, `body` the reader. `K` is the kind of worker that the options
/// chosen so far allow. An option that the worker does not have does not compile: with
/// [`on_drop`](Self::on_drop), which is of a thread, `spawn_tokio` is an error of
/// unsatisfied trait bounds.
///
/// ```
/// use highwater::{Flow, Writable};
///
/// let mut out = Writable::builder()
///     .high_water_mark(1024)
///     .thread_name("log")
///     .spawn(Vec::new())?;
/// assert_eq!(out.write("a line\n")?, Flow::More);
/// assert_eq!(out.end().wait()?.sink, b"a line\n");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Builder<K = AnyWorker> {
    pub(crate) options: Options,
    pub(crate) observer: Option<Observer>,
    /// Sees the error of the stream before the observer does.
    pub(crate) on_error: Option<OnError>,
    /// How the worker calls the sink.
    pub(crate) calls: Calls,
    /// Which errors of a thread's sink only delay the stream.
    pub(crate) retry: Option<Retry>,
    worker: K,
}

/// No option chosen so far is of one kind of worker alone: the [`Builder`] can start each kind.
///
/// ```
/// use highwater::{AnyWorker, Builder, Writable};
///
/// /// How this program makes its streams, over any worker.
/// fn small() -> Builder<AnyWorker> {
///     Writable::builder().high_water_mark(1024)
/// }
///
/// assert_eq!(small().spawn(Vec::new())?.end_with("a line").wait()?.sink, b"a line");
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct AnyWorker;

/// An option was chosen that a thread alone can honour: the [`Builder`] can start no other
/// worker.
///
/// ```
/// use highwater::{Builder, ThreadOptions, Writable};
///
/// /// How this program makes its streams.
/// fn small() -> Builder<ThreadOptions> {
///     Writable::builder().high_water_mark(1024).thread_name("small")
/// }
///
/// assert_eq!(small().spawn(Vec::new())?.end_with("a line").wait()?.sink, b"a line");
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Debug, Default)]
pub struct ThreadOptions {
    pub(crate) thread_name: Option<String>,
    pub(crate) on_drop: OnDrop,
    pub(crate) flush_when_idle: Option<Duration>,
}

/// An option was chosen that is for a worker that is polled, a future or a task of tokio: the
/// [`Builder`] can start no other.
///
/// ```
/// use highwater::{Builder, FutureOptions, Writable};
///
/// /// How this program makes its streams.
/// fn small() -> Builder<FutureOptions> {
///     Writable::builder().high_water_mark(1024).discard_on_drop()
/// }
/// # drop(small());
/// ```
///
/// A thread has its own option for that:
///
/// ```compile_fail,E0277
/// let builder = highwater::Writable::builder().discard_on_drop();
/// let _ = builder.spawn(Vec::new()); // `FutureOptions` are no `ThreadOptions`
/// ```
#[cfg(feature = "futures")]
#[derive(Debug, Default)]
pub struct FutureOptions {
    pub(crate) discards: bool,
}

impl From<AnyWorker> for ThreadOptions {
    fn from(_: AnyWorker) -> Self {
        Self::default()
    }
}

#[cfg(feature = "futures")]
impl From<AnyWorker> for FutureOptions {
    fn from(_: AnyWorker) -> Self {
        Self::default()
    }
}

impl Writable<()> {
    /// Makes a stream: its options first, then what starts its worker.
    #[must_use]
    #[doc(alias("new", "createWriteStream"))]
    pub fn builder() -> Builder {
        Builder {
            options: OPTIONS,
            observer: None,
            on_error: None,
            calls: Calls::default(),
            retry: None,
            worker: AnyWorker,
        }
    }
}

impl<K> Builder<K> {
    /// Sets the length, in bytes, at which `write` returns
    /// [`Flow::Wait`](crate::Flow::Wait). Node's `highWaterMark`; 16,384 by default, as in Node 20.
    /// (Node 22 and later have 65,536.)
    #[must_use]
    #[doc(alias("capacity", "buffer_size"))]
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

    /// Sets whether one call of the sink may get several chunks, by `write_vectored`. True by
    /// default: a call gets up to 1,024 chunks, and less than 2^31 − 1 bytes. A sink that takes
    /// exactly the first of several chunks, as one without a `write_vectored` of its own does,
    /// gets single chunks for the rest of what the worker has in hand. `false` is for a sink whose
    /// `write_vectored` is slower than a call a chunk.
    ///
    /// ```
    /// use highwater::Writable;
    ///
    /// let mut out = Writable::builder().vectored(false).spawn(Vec::new())?;
    /// let corked = out.cork()?;
    /// let _flow = corked.write_chunk("a header, ")?;
    /// let _flow = corked.write_chunk("a body")?; // a call of its own
    /// drop(corked);
    /// assert_eq!(out.end().wait()?.sink, b"a header, a body");
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[must_use]
    pub fn vectored(mut self, vectored: bool) -> Self {
        self.calls.vectored = vectored;
        self
    }

    /// Sets whether each write is a record: one call of the sink, in order, never joined with
    /// another. False by default. It is for a sink that keeps the bounds of its calls, as a
    /// datagram socket does. It costs a chunk of memory for each write, and a call of the sink,
    /// so do without it where bytes alone matter, as in a file.
    ///
    /// A record is what one call accepts: `write`, `write_chunk`, `send`, `end_with`, each line
    /// of a log, each buffer of an `AsyncWrite`, and each `writeln!` of a
    /// [`BlockingWriter`](crate::BlockingWriter). (The owner's own `writeln!` is several writes,
    /// and so is the source of a `pipe`.) A write of no bytes makes no call. A sink that takes
    /// part of a record gets the rest of it in the next call; a socket takes a datagram whole, or
    /// refuses it: a record that is longer than it allows fails the stream with `EMSGSIZE`.
    /// [`vectored`](Self::vectored) makes no difference then. Over a body each record is a frame.
    ///
    /// ```
    /// # #[cfg(unix)] {
    /// use highwater::Writable;
    /// use std::io::{self, Write};
    /// use std::os::unix::net::UnixDatagram;
    ///
    /// struct Datagrams(UnixDatagram);
    ///
    /// impl Write for Datagrams {
    ///     fn write(&mut self, record: &[u8]) -> io::Result<usize> {
    ///         self.0.send(record)
    ///     }
    ///
    ///     fn flush(&mut self) -> io::Result<()> {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let (near, far) = UnixDatagram::pair()?;
    /// let mut out = Writable::builder().records(true).spawn(Datagrams(near))?;
    /// let _flow = out.write("first")?;
    /// let _flow = out.write("second")?;
    /// let mut buffer = [0; 64];
    /// assert_eq!((far.recv(&mut buffer)?, far.recv(&mut buffer)?), (5, 6));
    /// # }
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[must_use]
    pub fn records(mut self, records: bool) -> Self {
        self.calls.records = records;
        self
    }

    /// Lets callers share a flush: the worker writes all that it has in hand, and then flushes
    /// once, for every caller that waits. False by default: then only flushes without data
    /// between them are one. With [`sink::Durable`](crate::sink::Durable) it is group commit:
    /// many producers wait for one sync. No timer holds a first record back, and what is written
    /// while a flush runs goes with the next one. Between two groups the worker leaves the callers
    /// that it has woken time for their next records, as long as they come: a thread some 50
    /// microseconds for the next of them, a future some turns. If the sink fails in the middle of
    /// the data, the worker still flushes for the callers whose data the sink has. (A body has
    /// nothing to flush.)
    ///
    /// A `tokio::fs::File` takes data that it has not written, and returns the error at a later
    /// write. The flush after that would not say that data is lost, so use
    /// `sink::AsyncDurable`.
    ///
    /// ```
    /// use highwater::Writable;
    ///
    /// let out = Writable::builder().group_commit(true).spawn(Vec::new())?;
    /// let writer = out.writer();
    /// writer.send("a record\n").wait()?;
    /// writer.flush().wait()?; // others may share it
    /// assert_eq!(out.snapshot().flushed, 9);
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[must_use]
    pub fn group_commit(mut self, group_commit: bool) -> Self {
        self.calls.group_commit = group_commit;
        self
    }

    /// Sets the observer, which gets every [`Event`], in order. The worker (the background
    /// thread, or the future) calls it, outside every lock.
    ///
    /// While it runs, the worker writes nothing. So the observer may write to the stream, but
    /// not wait for it: the wait of a thread returns
    /// [`WouldDeadlock`](crate::WaitError::WouldDeadlock) there, and an owner whose drop would
    /// wait destroys the stream instead. The same holds for a sink and an opener that know their
    /// own stream. An observer that panics gets no more events.
    #[must_use]
    #[doc(alias("on", "event"))]
    pub fn observer(mut self, observer: impl FnMut(Event) + Send + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }
}

impl<K> Builder<K> {
    /// Sets what sees the error of the stream, in the worker, before the observer does.
    #[cfg(all(feature = "tracing", not(highwater_loom)))]
    pub(crate) fn on_error(mut self, on_error: OnError) -> Self {
        self.on_error = Some(on_error);
        self
    }

    /// The options of its worker, and those of every stream.
    pub(crate) fn split<L: From<K>>(self) -> (L, Builder<()>) {
        let common = Builder {
            options: self.options,
            observer: self.observer,
            on_error: self.on_error,
            calls: self.calls,
            retry: self.retry,
            worker: (),
        };
        (self.worker.into(), common)
    }

    /// The same, of this kind of worker.
    pub(crate) fn with<L: From<K>>(self, set: impl FnOnce(&mut L)) -> Builder<L> {
        let (mut worker, common) = self.split();
        set(&mut worker);
        Builder {
            options: common.options,
            observer: common.observer,
            on_error: common.on_error,
            calls: common.calls,
            retry: common.retry,
            worker,
        }
    }
}

/// With a thread.
impl<K> Builder<K>
where
    ThreadOptions: From<K>,
{
    /// Sets the name of the background thread; `highwater` by default.
    #[must_use]
    pub fn thread_name(self, name: impl Into<String>) -> Builder<ThreadOptions> {
        self.with(|thread: &mut ThreadOptions| thread.thread_name = Some(name.into()))
    }

    /// Sets what the drop of an owner that has not ended the stream does. By default it ends the
    /// stream, and waits.
    #[must_use]
    pub fn on_drop(self, policy: OnDrop) -> Builder<ThreadOptions> {
        self.with(|thread: &mut ThreadOptions| thread.on_drop = policy)
    }

    /// Makes the thread flush the sink once it has had no work for this long. It is for a sink that
    /// buffers by itself, as a `BufWriter` or an encoder does. Without this option such a sink
    /// keeps the last lines until a caller asks for a flush, or until the end.
    ///
    /// The thread does not flush if the sink has taken nothing since the last flush. A flush that
    /// fails is an error of the sink, as any other: the stream fails. A producer that writes
    /// meanwhile does not wait, and its bytes go to the sink after the flush. A cork also holds
    /// this flush.
    ///
    /// ```
    /// use highwater::Writable;
    /// use std::io::BufWriter;
    /// use std::time::Duration;
    ///
    /// let mut out = Writable::builder()
    ///     .flush_when_idle(Duration::from_secs(1))
    ///     .spawn(BufWriter::new(Vec::new()))?;
    /// let _flow = out.write("a line\n")?; // in the Vec within about a second
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    ///
    /// A worker that is polled has no clock:
    ///
    /// ```compile_fail,E0277
    /// let second = std::time::Duration::from_secs(1);
    /// let builder = highwater::Writable::builder().flush_when_idle(second);
    /// let _ = builder.pair(futures::io::Cursor::new(Vec::new()));
    /// ```
    #[must_use]
    pub fn flush_when_idle(self, after: Duration) -> Builder<ThreadOptions> {
        self.with(|thread: &mut ThreadOptions| thread.flush_when_idle = Some(after))
    }

    /// Sets which errors of a write of the sink end the stream, and which only delay it. If
    /// `predicate` returns true for an error, the thread waits as long as `backoff` says, and
    /// calls the sink again with exactly what it has not taken. `backoff` gets how many calls
    /// in a row have failed, from 1; once the sink has taken something, it counts from 1 again.
    /// Both run on the thread of the stream. Without this option every error ends the stream.
    ///
    /// It is for errors that time mends: a full disk, a quota, a peer that restarts. Meanwhile
    /// the stream fills, and producers wait. [`end`](crate::Writable::end), and
    /// the drop of the owner, wait until the sink takes the rest: bound that by
    /// [`End::wait_timeout`](crate::End::wait_timeout) or [`OnDrop::FinishWithin`].
    /// [`destroy`](crate::Writable::destroy) interrupts the wait at once, and hands back what
    /// the sink has not taken.
    ///
    /// The thread never tries again after a panic, an error of the opener, or an error of a flush:
    /// after a sync that has failed the system may have dropped the data, and a second sync would
    /// hide that. After [`Interrupted`](io::ErrorKind::Interrupted) it tries again at once, and
    /// `predicate` does not see it. A sink that returns `Ok(0)` took no bytes: `predicate` gets an
    /// error of the kind [`WriteZero`](io::ErrorKind::WriteZero).
    ///
    /// For a descriptor that is not ready (`EAGAIN`), `sink::WaitReady` is better: it waits until
    /// the descriptor is ready, not for a time. With it, `predicate` sees no `EAGAIN`.
    ///
    /// ```
    /// use highwater::Writable;
    /// use std::io::ErrorKind;
    /// use std::time::Duration;
    ///
    /// let full = |error: &std::io::Error| error.kind() == ErrorKind::StorageFull;
    /// let out = Writable::builder()
    ///     .retry_if(full, |attempt| Duration::from_secs(attempt.min(10).into()))
    ///     .spawn(Vec::new())?;
    /// # out.end().wait()?;
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[must_use]
    pub fn retry_if(
        mut self,
        predicate: impl FnMut(&io::Error) -> bool + Send + 'static,
        backoff: impl FnMut(u32) -> Duration + Send + 'static,
    ) -> Builder<ThreadOptions> {
        self.retry = Some(Retry::new(predicate, backoff));
        self.with(|_: &mut ThreadOptions| {})
    }
}

/// With a worker that is polled.
#[cfg(feature = "futures")]
impl<K> Builder<K>
where
    FutureOptions: From<K>,
{
    /// Makes the drop of an owner that has not ended the stream destroy it: what is not
    /// written is dropped. By default the drop ends the stream, and the worker goes on until all
    /// is written.
    #[must_use]
    pub fn discard_on_drop(self) -> Builder<FutureOptions> {
        self.with(|future: &mut FutureOptions| future.discards = true)
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
