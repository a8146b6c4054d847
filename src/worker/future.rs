//! A future over any `futures_io::AsyncWrite`: it alone touches the sink, and calls the
//! observer.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::fmt;
use core::future::{Future, Ready};
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use futures_io::AsyncWrite;

use super::leave::leave_sink;
use super::observers::Observers;
use super::unwind::{OPENER, SINK, dispose, poll_guard};
use crate::cause::Cause;
use crate::handle::{Builder, FutureOptions, Group, OnDrop, Shared, SinkSlot, Writable};
use crate::stream::{By, Call, Calls, Event, Job, Progress, Stream, WriteJob};
use crate::sync::Arc;

/// With a future.
impl<K> Builder<K>
where
    FutureOptions: From<K>,
{
    /// Makes a stream into this sink, and the worker that moves its data. Spawn the worker on an
    /// executor, or poll it beside the producer. Nothing runs in the background: the sink gets
    /// bytes only while the worker is polled. Dropping the worker destroys the stream.
    ///
    /// ```
    /// use futures::{executor::block_on, future::join, io::Cursor};
    /// use highwater::{Flow, Writable};
    ///
    /// let builder = Writable::builder().high_water_mark(1024);
    /// let (mut out, worker) = builder.pair(Cursor::new(Vec::new()));
    /// assert_eq!(out.write("a line\n")?, Flow::More);
    /// let (done, ()) = block_on(join(out.end(), worker));
    /// assert_eq!(done?.sink.into_inner(), b"a line\n");
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn pair<W: AsyncWrite + Unpin>(self, sink: W) -> (Writable<W>, Worker<W>) {
        self.make(Some(sink), None, |sink| sink, |sink| sink)
    }

    /// Makes a stream into a sink that the worker opens first. What is written meanwhile is
    /// queued. If the sink cannot be opened, the stream fails with that error.
    ///
    /// ```
    /// use futures::executor::block_on;
    /// use futures::{future::join, io::Cursor};
    /// use highwater::Writable;
    /// use std::io;
    ///
    /// let missing = async { Err::<Cursor<Vec<u8>>, _>(io::ErrorKind::NotFound.into()) };
    /// let (mut out, worker) = Writable::builder().pair_with(missing);
    /// let _flow = out.write("hello")?;
    /// let (end, ()) = block_on(join(out.end(), worker));
    /// assert_eq!(end.err().map(|error| error.code()), Some("ENOENT"));
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn pair_with<W: AsyncWrite + Unpin, O: Future<Output = io::Result<W>>>(
        self,
        opening: O,
    ) -> (Writable<W>, Worker<W, O>) {
        self.make(None, Some(opening), |sink| sink, |sink| sink)
    }

    /// The handle and the worker, over a sink or what opens it. `wrap` makes of it what the
    /// worker writes to, and `unwrap` what the owner gets back.
    pub(super) fn make<S, W, O>(
        self,
        sink: Option<W>,
        opening: Option<O>,
        wrap: fn(W) -> S,
        unwrap: fn(S) -> W,
    ) -> (Writable<W>, Worker<W, O, S>) {
        let (future, common): (FutureOptions, _) = self.split();
        let options = common.options.with_construct(opening.is_some());
        let observers = Observers::new(common.on_error, common.observer);
        let stream = Stream::new(options, observers.is_some()).with_records(common.calls.records);
        let progress = stream.progress();
        let shared = Arc::new(Shared::new(stream));
        let slot = SinkSlot::default();
        let worker = Worker {
            shared: Arc::clone(&shared),
            progress,
            calls: common.calls,
            opener: opening.map(Box::pin),
            sink: sink.map(wrap),
            wrap,
            unwrap,
            observers,
            slot: Arc::clone(&slot),
            now: Now::Idle,
            gave_turn: false,
        };
        let on_drop = match future.discards {
            true => OnDrop::Discard,
            false => OnDrop::Detach,
        };
        (Writable::over(&shared, slot, Some(on_drop)), worker)
    }
}

/// The future that moves the data of a [`Writable`] into its sink `W`, which `O` opens first. Spawn
/// it on an executor, or poll it beside the producer. It is done once the stream is closed. Dropping
/// it before that destroys the stream.
///
/// `S` is what the worker writes to: the sink itself, unless the worker is a task of tokio.
///
/// It is [`Send`] if the sink and what opens it are: a runtime of one thread may have a
/// sink that is not.
///
/// ```
/// use futures::executor::LocalPool;
/// use futures::io::AllowStdIo;
/// use futures::task::LocalSpawnExt;
/// use highwater::Writable;
/// use std::{cell::RefCell, io, rc::Rc};
///
/// struct Page(Rc<RefCell<Vec<u8>>>);
///
/// impl io::Write for Page {
///     fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
///         self.0.borrow_mut().write(bytes)
///     }
///
///     fn flush(&mut self) -> io::Result<()> {
///         Ok(())
///     }
/// }
///
/// let page = Rc::new(RefCell::new(Vec::new()));
/// let sink = AllowStdIo::new(Page(Rc::clone(&page)));
/// let (mut out, worker) = Writable::builder().pair(sink);
/// let mut pool = LocalPool::new();
/// pool.spawner().spawn_local(worker)?;
/// let _flow = out.write("hello")?;
/// let ended = pool.run_until(out.end());
/// assert!(ended.is_ok());
/// assert_eq!(*page.borrow(), b"hello");
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[must_use = "nothing is written unless it is polled"]
pub struct Worker<W, O = Ready<io::Result<W>>, S = W> {
    shared: Arc<Shared>,
    progress: Arc<Progress>,
    /// A call of the sink may get several chunks.
    calls: Calls,
    /// What opens the sink, until it has.
    opener: Option<Pin<Box<O>>>,
    /// The sink, once it is open, until the worker leaves.
    sink: Option<S>,
    wrap: fn(W) -> S,
    unwrap: fn(S) -> W,
    observers: Observers,
    slot: SinkSlot<W>,
    now: Now,
    /// It has nothing to do, and has let those who were woken for room have their turn.
    gave_turn: bool,
}

/// What the worker is at.
#[derive(Debug)]
enum Now {
    Idle,
    Opening,
    Writing(WriteJob),
    /// A group is durable, and the worker waits for the next records of its producers.
    Gathering(WriteJob, Group),
    Flushing,
    Closing,
    Left,
}

/// How many jobs and calls of the sink one poll makes before other tasks of the executor have
/// their turn.
const TURNS_A_POLL: u32 = 128;

impl<W, O, S> Future for Worker<W, O, S>
where
    S: AsyncWrite + Unpin,
    O: Future<Output = io::Result<W>>,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let worker = &mut *self;
        let shared = Arc::clone(&worker.shared);
        let _running = shared.run_here();
        let mut turns = TURNS_A_POLL;
        while turns > 0 {
            turns -= 1;
            // Even while the sink is at something, there may be events, or a stop.
            worker.poll_work(cx);
            match &worker.now {
                Now::Idle => {
                    if shared.idle(&mut worker.gave_turn) {
                        cx.waker().wake_by_ref();
                    }
                    return Poll::Pending;
                }
                Now::Left => return Poll::Ready(()),
                Now::Opening => ready!(worker.poll_open(cx)),
                Now::Writing(_) => ready!(worker.poll_write(cx, &mut turns)),
                Now::Gathering(..) => ready!(worker.poll_gather(cx)),
                Now::Flushing | Now::Closing => ready!(worker.poll_finalize(cx)),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<W, O, S: AsyncWrite + Unpin> Worker<W, O, S> {
    /// Shows the events, and takes the next job if it is idle. When it returns, the lock
    /// holds the worker's waker, unless the worker has left.
    fn poll_work(&mut self, cx: &mut Context<'_>) {
        let idle = |now: &Now| matches!(now, Now::Idle);
        while let Poll::Ready(work) = self.shared.poll_work(cx, idle(&self.now)) {
            self.gave_turn = false;
            self.observers.emit(work.events);
            match work.job {
                None => {}
                Some(Job::Open) => self.now = Now::Opening,
                Some(Job::Write(items)) => {
                    let job = WriteJob::new(items, &self.progress, self.calls);
                    self.now = Now::Writing(job);
                }
                Some(Job::Finalize) => self.now = Now::Flushing,
                Some(Job::Close(error)) => {
                    let events = self.shared.report(By::Other, |stream| stream.closed(error));
                    return self.leave(events);
                }
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, turns: &mut u32) -> Poll<()> {
        let (Now::Writing(job), Some(sink)) = (&mut self.now, &mut self.sink) else {
            return Poll::Ready(());
        };
        let deliver = || poll_deliver(Pin::new(sink), job, &self.shared, cx, turns);
        job.failure = ready!(poll_guard(SINK, deliver)).err();
        if let Now::Writing(mut job) = mem::replace(&mut self.now, Now::Idle) {
            match self.shared.wake_group(&mut job) {
                Some(group) => self.now = Now::Gathering(job, group),
                None => self.answer(job),
            }
        }
        Poll::Ready(())
    }

    /// A group is durable: its producers have their turns before the job is answered.
    fn poll_gather(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Now::Gathering(_, group) = &mut self.now {
            if self.shared.poll_gather(group) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        if let Now::Gathering(job, _) = mem::replace(&mut self.now, Now::Idle) {
            self.answer(job);
        }
        Poll::Ready(())
    }

    fn answer(&self, mut job: WriteJob) {
        let by = job.by();
        self.shared.report(by, |stream| stream.answered(&mut job));
        job.take_left().for_each(dispose);
    }

    /// All is written: the sink is flushed, then closed.
    fn poll_finalize(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let result = match &mut self.sink {
            Some(sink) if !self.progress.is_stopped() => {
                let now = &mut self.now;
                ready!(poll_guard(SINK, || poll_close(Pin::new(sink), now, cx)))
            }
            _ => Ok(()),
        };
        self.now = Now::Idle;
        self.shared
            .report(By::Other, |stream| stream.finalized(result));
        Poll::Ready(())
    }
}

impl<W, O: Future<Output = io::Result<W>>, S> Worker<W, O, S> {
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let opened = match &mut self.opener {
            // The answer makes no difference any more.
            _ if self.shared.look(Stream::is_destroyed) => Ok(None),
            Some(opener) => {
                let poll = poll_guard(OPENER, || opener.as_mut().poll(cx));
                ready!(poll).map(Some)
            }
            None => Ok(None),
        };
        dispose(self.opener.take());
        let result = opened.map(|sink| self.sink = sink.map(self.wrap));
        self.now = Now::Idle;
        self.shared
            .report(By::Other, |stream| stream.opened(result));
        Poll::Ready(())
    }
}

impl<W, O, S> Worker<W, O, S> {
    /// The stream is closed: the observer sees the last events, and the owner finds the
    /// sink in its place.
    fn leave(&mut self, events: VecDeque<Event>) {
        self.now = Now::Left;
        self.observers.emit(events);
        dispose(mem::take(&mut self.observers));
        dispose(self.opener.take());
        let sink = self.sink.take().map(self.unwrap);
        leave_sink(&self.shared, &self.slot, sink);
    }
}

impl<W, O, S> Drop for Worker<W, O, S> {
    fn drop(&mut self) {
        if matches!(self.now, Now::Left) {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let _running = shared.run_here();
        let mut job = match mem::replace(&mut self.now, Now::Left) {
            Now::Writing(job) | Now::Gathering(job, _) => Some(job),
            _ => None,
        };
        let dropped = |undelivered| Cause::WorkerDropped { undelivered };
        let abandon = |stream: &mut Stream| stream.abandoned(dropped, job.as_mut());
        let events = self.shared.report(By::Other, abandon);
        if let Some(job) = &mut job {
            job.take_left().for_each(dispose);
        }
        self.leave(events);
    }
}

impl<W, O, S> fmt::Debug for Worker<W, O, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

/// Gives the items to the sink, in order, until all are taken, it fails, the stream
/// is destroyed meanwhile, or others are to have their turn.
fn poll_deliver(
    mut sink: Pin<&mut impl AsyncWrite>,
    job: &mut WriteJob,
    shared: &Shared,
    cx: &mut Context<'_>,
    turns: &mut u32,
) -> Poll<io::Result<()>> {
    while !job.is_stopped() {
        if job.is_due() {
            shared.report(By::Harmless, |_| ());
        }
        let Some(call) = job.next() else {
            break;
        };
        if *turns == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        *turns -= 1;
        let given = call.given();
        let result = match call {
            Call::Write(bytes) => ready!(sink.as_mut().poll_write(cx, bytes)).map(Some),
            Call::WriteVectored { slices, .. } => {
                ready!(sink.as_mut().poll_write_vectored(cx, &slices)).map(Some)
            }
            Call::Flush => ready!(sink.as_mut().poll_flush(cx)).map(|()| None),
        };
        let booked = job.book(given, result);
        job.take_spent().for_each(dispose);
        booked?;
    }
    Poll::Ready(Ok(()))
}

fn poll_close(
    mut sink: Pin<&mut impl AsyncWrite>,
    now: &mut Now,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    if matches!(now, Now::Flushing) {
        let flushed = sink.as_mut().poll_flush(cx);
        ready!(uninterrupted(cx, flushed))?;
        *now = Now::Closing;
    }
    let closed = sink.poll_close(cx);
    uninterrupted(cx, closed)
}

/// A call that was interrupted: the worker polls it again, after all else that there is to do.
fn uninterrupted(cx: &mut Context<'_>, poll: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
    match poll {
        Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        poll => poll,
    }
}
