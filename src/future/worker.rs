//! The future that alone touches the sink, and tells the observer.

use alloc::boxed::Box;
use core::fmt;
use core::future::{Future, Ready};
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use futures_io::AsyncWrite;

use super::shared::Shared;
use super::sink::{AsyncSink, FuturesIo};
use crate::Cause;
use crate::adapter::core::Core;
use crate::adapter::delivery::{Call, Delivery};
use crate::adapter::desk::{Desk, Job, delivered};
use crate::adapter::sync::{Arc, AtomicBool, Mutex, Ordering, PoisonError};
use crate::adapter::user::{Observer, caught, dispose};

/// Where the owner finds the sink in the end.
pub(super) type Place<W> = Arc<Mutex<Option<W>>>;

/// The future that moves the data of a [`Writable`](super::Writable) into its sink `W`,
/// which `O` opens first: to be spawned on an executor, or polled beside the producer. It
/// is done once the stream is closed. Dropped before, it destroys the stream.
///
/// It is [`Send`] if the sink and what opens it are: a runtime of one thread may have a
/// sink that is not.
///
/// ```
/// use futures::executor::LocalPool;
/// use futures::io::AllowStdIo;
/// use futures::task::LocalSpawnExt;
/// use highwater::future::Writable;
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
/// let (mut out, worker) = Writable::builder().over(sink);
/// let mut pool = LocalPool::new();
/// pool.spawner().spawn_local(worker)?;
/// let _flow = out.write("hello")?;
/// let ended = pool.run_until(out.end());
/// assert!(ended.is_ok());
/// assert_eq!(*page.borrow(), b"hello");
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[must_use = "nothing is written unless it is polled"]
pub struct Worker<W: AsyncWrite + Unpin, O = Ready<io::Result<W>>>(
    pub(super) Work<FuturesIo<W>, O>,
);

impl<W, O> Future for Worker<W, O>
where
    W: AsyncWrite + Unpin,
    O: Future<Output = io::Result<W>>,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl<W: AsyncWrite + Unpin, O> fmt::Debug for Worker<W, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

/// The worker over whatever is polled as a sink.
pub(crate) struct Work<S: AsyncSink, O> {
    pub(super) shared: Arc<Shared>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) opener: Option<Pin<Box<O>>>,
    pub(super) sink: Option<S>,
    pub(super) observer: Observer,
    pub(super) place: Place<S::Of>,
    pub(super) now: Now,
}

/// What the worker is at.
#[derive(Debug)]
pub(super) enum Now {
    Idle,
    Opening,
    Writing(Delivery),
    Flushing,
    Closing,
    Left,
}

/// After so many jobs and calls of the sink, other tasks of the executor have their
/// turn.
const TURNS_A_POLL: u32 = 128;

impl<S, O> Future for Work<S, O>
where
    S: AsyncSink + Unpin,
    O: Future<Output = io::Result<S::Of>>,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let work = &mut *self;
        let mut turns = TURNS_A_POLL;
        while turns > 0 {
            turns -= 1;
            // Even while the sink is at something, there may be events, or a stop.
            work.poll_desk(cx);
            match &work.now {
                Now::Idle => return Poll::Pending,
                Now::Left => return Poll::Ready(()),
                Now::Opening => ready!(work.poll_open(cx)),
                Now::Writing(_) => ready!(work.poll_write(cx, &mut turns)),
                Now::Flushing | Now::Closing => ready!(work.poll_finalize(cx)),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: AsyncSink, O> Work<S, O> {
    /// Tells the events, and takes the next job: an idle worker any; a busy one
    /// only learns that it is to let go of the sink. When it returns with nothing
    /// to do, the desk has its waker.
    fn poll_desk(&mut self, cx: &mut Context<'_>) {
        loop {
            let idle = matches!(self.now, Now::Idle);
            let look = |desk: &mut Desk| {
                let events = mem::take(&mut desk.events);
                let job = if idle { desk.job.take() } else { None };
                let stop = matches!(desk.job, Some(Job::Close(_)));
                (job.is_some() || stop || !events.is_empty()).then_some((events, job, stop))
            };
            let Poll::Ready((events, job, stop)) = self.shared.poll_work(cx, look) else {
                return;
            };
            self.observer.tell(events);
            if let Some(job) = job {
                self.start(job);
            }
            if stop || matches!(self.now, Now::Left) {
                return;
            }
        }
    }

    fn start(&mut self, job: Job) {
        match job {
            Job::Open => self.now = Now::Opening,
            Job::Write(items) => self.now = Now::Writing(Delivery::new(items)),
            Job::Finalize => self.now = Now::Flushing,
            Job::Close(error) => {
                self.shared.answer(|core| core.driver.destroyed(error));
                self.leave();
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, turns: &mut u32) -> Poll<()> {
        let stop = &*self.stop;
        let (Now::Writing(delivery), Some(sink)) = (&mut self.now, &mut self.sink) else {
            return Poll::Ready(());
        };
        match caught(|| poll_deliver(sink, delivery, stop, cx, turns)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(result)) => delivery.failure = result.err().map(Cause::from),
            Err(cause) => delivery.failure = Some(cause),
        }
        if let Now::Writing(mut delivery) = mem::replace(&mut self.now, Now::Idle) {
            self.shared.answer(|core| {
                delivered(&mut core.driver, &mut delivery);
                core.recycle(&mut delivery.done);
            });
            delivery.done.into_iter().for_each(dispose);
        }
        Poll::Ready(())
    }

    /// All is written: the sink is flushed, then closed.
    fn poll_finalize(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let result = match &mut self.sink {
            Some(sink) if !self.stop.load(Ordering::Acquire) => {
                let closing = &mut self.now;
                match caught(|| poll_close(sink, closing, cx)) {
                    Ok(Poll::Pending) => return Poll::Pending,
                    Ok(Poll::Ready(result)) => result.map_err(Cause::from),
                    Err(cause) => Err(cause),
                }
            }
            _ => Ok(()),
        };
        self.now = Now::Idle;
        self.shared.answer(|core| {
            let result = result.map_err(|cause| core.driver.host_mut().file(cause));
            core.driver.finalized(result);
        });
        Poll::Ready(())
    }

    /// The stream is closed: the last events are told, and the sink is put where
    /// the owner finds it.
    fn leave(&mut self) {
        self.now = Now::Left;
        let take = |core: &mut Core| mem::take(&mut core.driver.host_mut().events);
        let events = self.shared.answer(take);
        self.observer.tell(events);
        dispose(mem::replace(&mut self.observer, Observer::NONE));
        dispose(self.opener.take());
        let sink = self.sink.take().map(AsyncSink::into_inner);
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        *place = sink;
        drop(place);
        if self.shared.answer(Core::worker_leaves) {
            // Nobody will take it.
            let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
            let sink = place.take();
            drop(place);
            dispose(sink);
        }
    }
}

impl<S: AsyncSink, O: Future<Output = io::Result<S::Of>>> Work<S, O> {
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let opened = match &mut self.opener {
            // The answer makes no difference any more.
            _ if self.shared.is_destroyed() => Ok(None),
            Some(opener) => match caught(|| opener.as_mut().poll(cx)) {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(opened)) => opened.map(Some).map_err(Cause::from),
                Err(cause) => Err(cause),
            },
            None => Ok(None),
        };
        dispose(self.opener.take());
        let result = opened.map(|sink| self.sink = sink.map(S::new));
        self.now = Now::Idle;
        self.shared.answer(|core| {
            let result = result.map_err(|cause| core.driver.host_mut().file(cause));
            core.driver.constructed(result);
        });
        Poll::Ready(())
    }
}

impl<S: AsyncSink, O> Drop for Work<S, O> {
    fn drop(&mut self) {
        if matches!(self.now, Now::Left) {
            return;
        }
        let now = mem::replace(&mut self.now, Now::Left);
        let done = self.shared.answer(|core| {
            drop(core.destroy(None));
            let mut done = None;
            if let Now::Writing(mut delivery) = now {
                delivered(&mut core.driver, &mut delivery);
                done = Some(delivery.done);
            }
            // If it has not answered yet, it does not any more.
            core.driver.constructed(Ok(()));
            core.driver.run_ticks();
            core.driver.destroyed(core.driver.state().errored());
            done
        });
        done.into_iter().flatten().for_each(dispose);
        self.leave();
    }
}

/// Gives the items to the sink, in order, until all are taken, it fails, the stream
/// is destroyed meanwhile, or others are to have their turn.
fn poll_deliver(
    sink: &mut impl AsyncSink,
    delivery: &mut Delivery,
    stop: &AtomicBool,
    cx: &mut Context<'_>,
    turns: &mut u32,
) -> Poll<io::Result<()>> {
    while !stop.load(Ordering::Acquire) {
        let Some(call) = delivery.next() else {
            break;
        };
        if *turns == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        *turns -= 1;
        let given = call.given();
        let result = match call {
            Call::Write(bytes) => ready!(sink.poll_write(cx, bytes)).map(Some),
            Call::WriteVectored { slices, .. } => {
                ready!(sink.poll_write_vectored(cx, &slices)).map(Some)
            }
            Call::Flush => ready!(sink.poll_flush(cx)).map(|()| None),
        };
        match result {
            Ok(Some(count)) => delivery.took(given, count)?,
            Ok(None) => delivery.flushed(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
    Poll::Ready(Ok(()))
}

fn poll_close(
    sink: &mut impl AsyncSink,
    now: &mut Now,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    if matches!(now, Now::Flushing) {
        let flushed = sink.poll_flush(cx);
        ready!(uninterrupted(cx, flushed))?;
        *now = Now::Closing;
    }
    let closed = sink.poll_close(cx);
    uninterrupted(cx, closed)
}

/// What was interrupted is to be polled again, after whatever else there is to do.
fn uninterrupted(cx: &mut Context<'_>, poll: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
    match poll {
        Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        poll => poll,
    }
}
