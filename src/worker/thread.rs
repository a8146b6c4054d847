//! A background thread over any [`io::Write`](std::io::Write): it alone touches the
//! sink, and calls the observer.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use std::io::{self, Write};

use super::observers::Observers;
use super::spawn_error::SpawnError;
use super::unwind::{dispose, guard};
use crate::cause::Cause;
use crate::handle::Builder;
use crate::handle::thread::{PLENTY, Shared, Writable, Writer};
use crate::stream::{Call, Item, Job, Stream, WriteJob};
use crate::sync::{Arc, AtomicBool, JoinHandle, Mutex, Ordering, PoisonError, thread};

impl Builder {
    /// A stream into this sink.
    ///
    /// # Errors
    ///
    /// If no thread can be started; the sink is handed back.
    pub fn spawn<W: Write + Send + 'static>(self, sink: W) -> Result<Writable<W>, SpawnError<W>> {
        self.start(None, Some(sink))
            .map_err(|(source, sink)| match sink {
                Some(sink) => SpawnError { source, sink },
                None => unreachable!("a worker that has not run has its sink"),
            })
    }

    /// A stream into a sink that is opened on the background thread, as Node
    /// does: what is written meanwhile is queued, and if it cannot be opened
    /// the stream fails with that error.
    ///
    /// # Errors
    ///
    /// If no thread can be started.
    pub fn open<W: Write + Send + 'static>(
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
        let options = self.options.with_construct(opener.is_some());
        let observers = Observers::new(self.on_error, self.observer);
        let stream = Stream::new(options, observers.is_some());
        let stop = stream.stop_flag();
        let shared = Arc::new(Shared::new(stream));
        let worker = Worker {
            shared: Arc::clone(&shared),
            stop,
            opener,
            sink,
            observers,
        };
        // The worker lies here for the thread to take, so that it is still here if no
        // thread can be started.
        let slot = Arc::new(Mutex::new(Some(worker)));
        let for_thread = Arc::clone(&slot);
        let name = self.worker.thread_name.as_deref().unwrap_or("highwater");
        let thread = start_thread(name, move || take(&for_thread).and_then(Worker::run));
        match thread {
            Ok(thread) => {
                let writer = Writer::new(shared);
                Ok(Writable::new(writer, thread, self.worker.on_drop))
            }
            Err(error) => Err((error, take(&slot).and_then(|worker| worker.sink))),
        }
    }
}

fn take<T>(slot: &Mutex<Option<T>>) -> Option<T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn start_thread<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    if name.contains('\0') {
        let text = "the name of the thread has a zero byte";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    thread::Builder::new().name(name.into()).spawn(run)
}

/// Opens a sink.
type Opener<W> = Box<dyn FnOnce() -> io::Result<W> + Send>;

struct Worker<W> {
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    /// What opens the sink, until it has.
    opener: Option<Opener<W>>,
    /// The sink, once it is open.
    sink: Option<W>,
    observers: Observers,
}

/// Reports that the worker has left. No code of a user can make the worker unwind; if
/// it does all the same, no waiter waits for ever.
struct Leaves(Arc<Shared>);

impl Drop for Leaves {
    fn drop(&mut self) {
        self.0.change(|stream| {
            let cause = Cause::Panic("the thread of the stream".into());
            drop(stream.abandoned(Some(cause), None));
            stream.worker_leaves();
        });
    }
}

impl<W: Write> Worker<W> {
    /// Works until the stream is closed; returns the sink.
    fn run(mut self) -> Option<W> {
        let _leaves = Leaves(Arc::clone(&self.shared));
        self.shared.worker_starts();
        loop {
            let work = self.shared.wait_for_work();
            self.observers.emit(work.events);
            match work.job {
                None => {}
                Some(Job::Open) => self.open(),
                Some(Job::Write(items)) => self.write(items),
                Some(Job::Finalize) => self.finalize(),
                Some(Job::Close(error)) => {
                    let events = self.shared.change(|stream| stream.closed(error));
                    self.observers.emit(events);
                    return self.leave();
                }
            }
        }
    }

    fn leave(self) -> Option<W> {
        dispose(self.observers);
        dispose(self.opener);
        let owner_left = self.shared.change(Stream::worker_leaves);
        if owner_left {
            dispose(self.sink);
            return None;
        }
        self.sink
    }

    fn open(&mut self) {
        let opener = self.opener.take();
        let opened = guard(|| opener.map(|open| open()).transpose());
        let result = opened.map(|sink| self.sink = sink);
        self.shared.change(|stream| stream.opened(result));
    }

    fn write(&mut self, items: VecDeque<Item>) {
        let mut job = WriteJob::new(items);
        if let Some(sink) = &mut self.sink {
            job.failure = guard(|| deliver(sink, &mut job, &self.stop)).err();
        }
        if job.bytes < PLENTY {
            self.shared.linger();
        }
        self.shared.change(|stream| stream.answered(&mut job));
        job.done.into_iter().for_each(dispose);
    }

    fn finalize(&mut self) {
        let sink = self.sink.as_mut();
        let result = sink.map_or(Ok(()), |sink| guard(|| flush(sink, &self.stop)));
        self.shared.change(|stream| stream.finalized(result));
    }
}

fn flush(sink: &mut impl Write, stop: &AtomicBool) -> io::Result<()> {
    while !stop.load(Ordering::Acquire) {
        match sink.flush() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
    Ok(())
}

/// Gives the items to the sink, in order, until all are taken, it fails, or
/// the stream is destroyed meanwhile.
fn deliver(sink: &mut impl Write, job: &mut WriteJob, stop: &AtomicBool) -> io::Result<()> {
    while !stop.load(Ordering::Acquire) {
        let Some(call) = job.next() else {
            return Ok(());
        };
        let given = call.given();
        let result = match call {
            Call::Write(bytes) => sink.write(bytes).map(Some),
            Call::WriteVectored { slices, .. } => sink.write_vectored(&slices).map(Some),
            Call::Flush => sink.flush().map(|()| None),
        };
        job.book(given, result)?;
    }
    Ok(())
}
