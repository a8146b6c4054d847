//! A background thread over any [`io::Write`](std::io::Write): it alone touches the
//! sink, and calls the observer.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::time::Duration;
use std::io::{self, Write};

use super::leave::leave_sink;
use super::observers::Observers;
use super::spawn_error::SpawnError;
use super::unwind::{OPENER, SINK, caught, dispose, guard};
use crate::cause::Cause;
use crate::handle::{Builder, Parker, Retry, Shared, SinkSlot, ThreadOptions, Writable};
use crate::stream::{By, Call, Calls, Item, Job, Progress, Stream, WriteJob, heard};
use crate::sync::{Arc, Mutex, PoisonError, thread};

/// With a thread.
impl<K> Builder<K>
where
    ThreadOptions: From<K>,
{
    /// Makes a stream into this sink, which a background thread writes to. A TCP connection whose
    /// peer may send something ends with [`close_tcp`](crate::sink::close_tcp).
    ///
    /// # Errors
    ///
    /// If the system starts no thread. The error holds the sink, and so do those of
    /// [`end`](Writable::end) and [`pipe`](Writable::pipe). So for a `?` into a
    /// [`BoxError`](crate::BoxError) the sink must also be `Sync`: use
    /// `Box<dyn Write + Send + Sync>`, or `.map_err(io::Error::from)?`.
    ///
    /// # Examples
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
    pub fn spawn<W: Write + Send + 'static>(self, sink: W) -> Result<Writable<W>, SpawnError<W>> {
        self.start(None, Some(sink))
            .map_err(|(source, sink)| match sink {
                Some(sink) => SpawnError { source, sink },
                None => unreachable!("a worker that has not run has its sink"),
            })
    }

    /// Makes a stream into a sink that the background thread opens first, as Node does. What is
    /// written meanwhile is queued. If the sink cannot be opened, the stream fails with that error.
    ///
    /// # Errors
    ///
    /// If the system starts no thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use highwater::Writable;
    /// use std::fs::File;
    ///
    /// let mut out = Writable::builder().spawn_with(|| File::create("/no/such/folder/file"))?;
    /// let _ = out.write("hello"); // accepted, or the error if the thread was faster
    /// let error = out.end().wait().expect_err("there is no such folder");
    /// assert_eq!(error.code(), "ENOENT");
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn spawn_with<W: Write + Send + 'static>(
        self,
        open: impl FnOnce() -> io::Result<W> + Send + 'static,
    ) -> io::Result<Writable<W>> {
        let started = self.start(Some(Box::new(open)), None);
        started.map_err(|(source, _)| source)
    }

    fn start<W: Write + Send + 'static>(
        self,
        opener: Option<Opener<W>>,
        sink: Option<W>,
    ) -> Result<Writable<W>, (io::Error, Option<W>)> {
        let (thread, common): (ThreadOptions, _) = self.split();
        let options = common.options.with_construct(opener.is_some());
        let observers = Observers::new(common.on_error, common.observer);
        let stream = Stream::new(options, observers.is_some()).with_records(common.calls.records);
        let progress = stream.progress();
        let shared = Arc::new(Shared::new(stream).with_thread());
        let slot = SinkSlot::default();
        let worker = Worker {
            shared: Arc::clone(&shared),
            progress,
            calls: common.calls,
            opener,
            sink,
            observers,
            flush_when_idle: thread.flush_when_idle,
            retry: common.retry,
            slot: Arc::clone(&slot),
        };
        // The worker lies here for the thread to take, so that it is still here if no
        // thread can be started.
        let start = Arc::new(Mutex::new(Some(worker)));
        let for_thread = Arc::clone(&start);
        let name = thread.thread_name.as_deref().unwrap_or("highwater");
        let started = start_thread(name, move || {
            let _ = take(&for_thread).map(Worker::run);
        });
        match started {
            Ok(()) => Ok(Writable::over(&shared, slot, Some(thread.on_drop))),
            Err(error) => Err((error, take(&start).and_then(|worker| worker.sink))),
        }
    }
}

fn take<T>(slot: &Mutex<Option<T>>) -> Option<T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn start_thread(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    if name.contains('\0') {
        let text = "the name of the thread has a zero byte";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    // It says itself when it has done its work.
    thread::Builder::new()
        .name(name.into())
        .spawn(run)
        .map(drop)
}

/// Opens a sink.
type Opener<W> = Box<dyn FnOnce() -> io::Result<W> + Send>;

struct Worker<W> {
    shared: Arc<Shared>,
    progress: Arc<Progress>,
    /// A call of the sink may get several chunks.
    calls: Calls,
    /// What opens the sink, until it has.
    opener: Option<Opener<W>>,
    /// The sink, once it is open.
    sink: Option<W>,
    observers: Observers,
    /// How long without work the thread waits before it flushes the sink.
    flush_when_idle: Option<Duration>,
    retry: Option<Retry>,
    slot: SinkSlot<W>,
}

/// Reports that the worker has left. No code of a user can make the worker unwind; if
/// it does all the same, no waiter waits for ever.
struct Leaves(Arc<Shared>);

impl Drop for Leaves {
    fn drop(&mut self) {
        let panic = |_| Cause::Panic("the thread of the stream panicked".into());
        drop(
            self.0
                .report(By::Other, |stream| stream.abandoned(panic, None)),
        );
        self.0.worker_leaves();
    }
}

impl<W: Write> Worker<W> {
    /// Works until the stream is closed.
    fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let _running = shared.run_here();
        let _leaves = Leaves(Arc::clone(&shared));
        let parker = Parker::new();
        let mut idle = self.flush_when_idle;
        loop {
            let Some(work) = shared.wait_for_work(&parker, idle) else {
                shared.report(By::Other, Stream::flush_idle);
                // Not again before there is work.
                idle = None;
                continue;
            };
            idle = self.flush_when_idle;
            self.observers.emit(work.events);
            match work.job {
                None => {}
                Some(Job::Open) => self.open(),
                Some(Job::Write(items)) => self.write(items, &parker),
                Some(Job::Finalize) => self.finalize(),
                Some(Job::Close(error)) => {
                    let events = shared.report(By::Other, |stream| stream.closed(error));
                    self.observers.emit(events);
                    return self.leave();
                }
            }
        }
    }

    fn leave(self) {
        dispose(self.observers);
        dispose(self.opener);
        dispose(self.retry);
        leave_sink(&self.shared, &self.slot, self.sink);
    }

    fn open(&mut self) {
        let opener = self.opener.take();
        let opened = guard(OPENER, || opener.map(|open| open()).transpose());
        let result = opened.map(|sink| self.sink = sink);
        self.shared
            .report(By::Other, |stream| stream.opened(result));
    }

    fn write(&mut self, items: VecDeque<Item>, parker: &Parker) {
        let mut job = WriteJob::new(items, &self.progress, self.calls);
        if let Some(sink) = &mut self.sink {
            let pause = |time| self.shared.pause(parker, time);
            let retry = self.retry.as_mut().map(|retry| (retry, pause));
            let delivered = caught(SINK, || deliver(sink, &mut job, &self.shared, retry));
            job.failure = delivered.and_then(|result| result).err();
        }
        match self.shared.wake_group(&mut job) {
            Some(group) => self.shared.gather(parker, group),
            None => self.shared.linger(),
        }
        let by = job.by();
        self.shared.report(by, |stream| stream.answered(&mut job));
        job.take_left().for_each(dispose);
    }

    fn finalize(&mut self) {
        let sink = self.sink.as_mut();
        let result = sink.map_or(Ok(()), |sink| guard(SINK, || flush(sink, &self.progress)));
        self.shared
            .report(By::Other, |stream| stream.finalized(result));
    }
}

fn flush(sink: &mut impl Write, progress: &Progress) -> io::Result<()> {
    while !progress.is_stopped() {
        match sink.flush() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
    Ok(())
}

/// Gives the items to the sink, in order, until all are taken, it fails, or
/// the stream is destroyed meanwhile. A write that has failed is made again after a pause, if
/// `retry` says so; a flush never is.
fn deliver(
    sink: &mut impl Write,
    job: &mut WriteJob,
    shared: &Shared,
    mut retry: Option<(&mut Retry, impl Fn(Duration))>,
) -> Result<(), Cause> {
    while !job.is_stopped() {
        if job.is_due() {
            shared.report(By::Harmless, |_| ());
        }
        let Some(call) = job.next() else {
            return Ok(());
        };
        let given = call.given();
        let result = match call {
            Call::Write(bytes) => sink.write(bytes).map(Some),
            Call::WriteVectored { slices, .. } => sink.write_vectored(&slices).map(Some),
            Call::Flush => sink.flush().map(|()| None),
        };
        let result = heard(result);
        if let (Some((retry, pause)), true) = (&mut retry, given > 0) {
            if let Some(time) = caught("`retry_if`", || retries(retry, &result))? {
                pause(time);
                continue;
            }
        }
        let booked = job.book(given, result);
        job.take_spent().for_each(dispose);
        booked?;
    }
    Ok(())
}

/// How long to wait before this call is made again, which was a write; `None` if it is not.
fn retries<T>(retry: &mut Retry, result: &io::Result<T>) -> Option<Duration> {
    match result {
        Ok(_) => {
            retry.succeeded();
            None
        }
        Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
        Err(error) => retry.after(error),
    }
}
