//! How a stream is made.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::time::Duration;
use std::io::{self, Write};

use super::shared::Shared;
use super::worker::{Opener, Worker};
use super::writable::Writable;
use super::writer::Writer;
#[cfg(all(feature = "tracing", not(highwater_loom)))]
use crate::Cause;
use crate::SpawnError;
use crate::adapter::core::OPTIONS;
use crate::adapter::desk::Desk;
use crate::adapter::event::Event;
use crate::adapter::sync::{Arc, JoinHandle, Mutex, PoisonError, thread};
use crate::adapter::user::Observer;
use crate::machine::Options;

/// What becomes of a stream that is dropped without [`Writable::end`].
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
    /// End it, and wait so long; then destroy it and leave. The observer is told that,
    /// as an error, with how much is dropped and how much is in doubt.
    FinishWithin(Duration),
    /// Destroy it and leave; what is not written is dropped.
    Discard,
}

/// Makes a [`Writable`].
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
pub struct Builder {
    options: Options,
    thread_name: Option<String>,
    observer: Observer,
    on_drop: OnDrop,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            options: OPTIONS,
            thread_name: None,
            observer: Observer::NONE,
            on_drop: OnDrop::Finish,
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

    /// The name of the background thread; `highwater` by default.
    #[must_use]
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.thread_name = Some(name.into());
        self
    }

    /// Is told every [`Event`], in order, on the background thread, outside
    /// every lock. While it runs, nothing is written: so it may write to the
    /// stream, but must not wait for it, nor drop its owner. If it panics, it is
    /// not told any more. The same holds for a sink and an opener that know
    /// their own stream.
    #[must_use]
    pub fn observer(mut self, observer: impl FnMut(Event) + Send + 'static) -> Self {
        self.observer = Observer::new(observer);
        self
    }

    /// Tells this the error of the stream, on the background thread, before the
    /// observer.
    #[cfg(all(feature = "tracing", not(highwater_loom)))]
    pub(crate) fn on_error(mut self, tell: impl FnOnce(&Cause) + Send + 'static) -> Self {
        self.observer = self.observer.after_error(tell);
        self
    }

    /// What becomes of the stream if it is dropped without an end.
    #[must_use]
    pub fn on_drop(mut self, policy: OnDrop) -> Self {
        self.on_drop = policy;
        self
    }

    /// A stream into this sink.
    ///
    /// # Errors
    ///
    /// If no thread can be started; the sink is handed back.
    pub fn spawn<W>(self, sink: W) -> Result<Writable<W>, SpawnError<W>>
    where
        W: Write + Send + 'static,
    {
        self.start(None, Some(sink))
            .map_err(|(source, worker)| match worker.sink {
                Some(sink) => SpawnError { source, sink },
                None => unreachable!("a worker that did not run has its sink"),
            })
    }

    /// A stream into a sink that is opened on the background thread, as Node
    /// does: what is written meanwhile is queued, and if it cannot be opened
    /// the stream fails with that error.
    ///
    /// # Errors
    ///
    /// If no thread can be started.
    pub fn open<W>(
        self,
        open: impl FnOnce() -> io::Result<W> + Send + 'static,
    ) -> io::Result<Writable<W>>
    where
        W: Write + Send + 'static,
    {
        let started = self.start(Some(Box::new(open)), None);
        started.map_err(|(source, _)| source)
    }

    fn start<W>(
        self,
        opener: Option<Opener<W>>,
        sink: Option<W>,
    ) -> Result<Writable<W>, (io::Error, Worker<W>)>
    where
        W: Write + Send + 'static,
    {
        let options = self.options.with_construct(opener.is_some());
        let desk = Desk::new(self.observer.is_some());
        let stop = Arc::clone(&desk.stop);
        let shared = Arc::new(Shared::new(options, desk));
        let worker = Worker {
            shared: Arc::clone(&shared),
            stop,
            opener,
            sink,
            observer: self.observer,
        };
        let name = self.thread_name.unwrap_or_else(|| "highwater".into());
        match start_thread(name, worker) {
            Ok(thread) => Ok(Writable::new(Writer::new(shared), thread, self.on_drop)),
            Err(failed) => Err(failed),
        }
    }
}

/// Starts the thread; if that fails, the worker comes back.
fn start_thread<W>(
    name: String,
    worker: Worker<W>,
) -> Result<JoinHandle<Option<W>>, (io::Error, Worker<W>)>
where
    W: Write + Send + 'static,
{
    if name.contains('\0') {
        let error = io::Error::new(
            io::ErrorKind::InvalidInput,
            "the name of the thread has a zero byte",
        );
        return Err((error, worker));
    }
    // The worker lies here for the thread to pick up, so that it is still here
    // if no thread comes.
    let place = Arc::new(Mutex::new(Some(worker)));
    let pick_up = |place: &Mutex<Option<Worker<W>>>| {
        place.lock().unwrap_or_else(PoisonError::into_inner).take()
    };
    let for_thread = Arc::clone(&place);
    let thread = thread::Builder::new()
        .name(name)
        .spawn(move || pick_up(&for_thread).and_then(Worker::run));
    thread.map_err(|error| match pick_up(&place) {
        Some(worker) => (error, worker),
        None => unreachable!("no thread has picked the worker up"),
    })
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("options", &self.options)
            .field("thread_name", &self.thread_name)
            .field("on_drop", &self.on_drop)
            .finish_non_exhaustive()
    }
}
