//! The ways to play a schedule: which worker moves the data, and how producers wait.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::io::AsyncWriteExt;
use highwater::{
    Builder, Chunk, Destroy, End, EndError, Finished, FutureOptions, OnDrop, SendError, Sending,
    Unfinished, Wait, WaitError, Writable, WriteError, Writer,
};
use proptest::prelude::{BoxedStrategy, Just, Strategy};
use proptest::sample::select;
use tokio::runtime::Runtime;

use super::polled::open;
use super::schedule::{Opener, Schedule, thread_policies};
use super::sink::Scripted;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) worker: Worker,
    pub(crate) waits: Waits,
}

/// What moves the data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Worker {
    Thread,
    /// A future, polled by an executor on a thread of its own.
    Future,
    /// A task of tokio, on a runtime with several threads.
    Tokio,
    /// The reader of a body.
    Body,
}

/// How producers and the owner wait.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Waits {
    /// The thread blocks.
    Blocks,
    /// A task awaits.
    Awaits,
}

/// The stream, and the thread of its executor if it has one.
pub(crate) type Started = (Writable<Scripted>, Option<JoinHandle<()>>);

static TOKIO: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).build();
    runtime.expect("the threads of tokio can be started")
});

impl Worker {
    /// What this worker can do with a stream that is dropped.
    pub(crate) fn policies(self) -> BoxedStrategy<OnDrop> {
        match self {
            Self::Thread => thread_policies().boxed(),
            // An owner of a body has no policy: its drop is an abort.
            Self::Body => Just(OnDrop::Discard).boxed(),
            Self::Future | Self::Tokio => select(vec![OnDrop::Detach, OnDrop::Discard]).boxed(),
        }
    }

    /// Starts a stream over a sink.
    pub(crate) fn start(self, builder: Builder, schedule: &Schedule, sink: Scripted) -> Started {
        let discards = schedule.on_drop == OnDrop::Discard;
        let opener = schedule.opener;
        match self {
            Self::Thread => {
                let builder = builder.on_drop(schedule.on_drop);
                let started = match opener {
                    Opener::None => builder.spawn(sink).map_err(|error| error.source),
                    _ => builder.spawn_with(move || sink.open(opener)),
                };
                (started.expect("a thread can be started"), None)
            }
            Self::Future if discards => over_future(builder.discard_on_drop(), opener, sink),
            Self::Future => over_future(builder, opener, sink),
            Self::Tokio if discards => over_tokio(builder.discard_on_drop(), opener, sink),
            Self::Tokio => over_tokio(builder, opener, sink),
            Self::Body => panic!("a body has no sink"),
        }
    }
}

fn over_future<K>(builder: Builder<K>, opener: Opener, sink: Scripted) -> Started
where
    FutureOptions: From<K>,
{
    if opener == Opener::None {
        let (stream, worker) = builder.pair(sink);
        return (stream, Some(thread::spawn(move || block_on(worker))));
    }
    let (stream, worker) = builder.pair_with(open(sink, opener));
    (stream, Some(thread::spawn(move || block_on(worker))))
}

fn over_tokio<K>(builder: Builder<K>, opener: Opener, sink: Scripted) -> Started
where
    FutureOptions: From<K>,
{
    let _runtime = TOKIO.enter();
    let started = match opener {
        Opener::None => builder.spawn_tokio(sink).map_err(|error| error.source),
        _ => builder.spawn_tokio_with(open(sink, opener)),
    };
    (started.expect("there is a runtime"), None)
}

/// `None` is a time-out. Without a time there is none.
impl Waits {
    pub(crate) fn wait(self, mut wait: Wait, time: Option<Duration>) -> Result<(), WaitError> {
        match (self, time) {
            (Self::Blocks, None) => wait.wait(),
            (Self::Blocks, Some(time)) => wait.wait_timeout(time),
            (Self::Awaits, _) => awaited(&mut wait, time).unwrap_or(Err(WaitError::TimedOut)),
        }
    }

    pub(crate) fn send(
        self,
        sending: &mut Sending,
        time: Option<Duration>,
    ) -> Option<Result<u64, WriteError<Chunk>>> {
        let sent = match (self, time) {
            (Self::Blocks, None) => sending.wait(),
            (Self::Blocks, Some(time)) => sending.wait_timeout(time),
            (Self::Awaits, _) => return awaited(sending, time),
        };
        match sent {
            Ok(position) => Some(Ok(position)),
            Err(SendError::Refused(error)) => Some(Err(error)),
            Err(SendError::TimedOut) => None,
            Err(other) => panic!("the worker is on another stack: {other}"),
        }
    }

    /// One call of the producer as an `io::Write` or an `AsyncWrite`.
    pub(crate) fn write(self, writer: &mut Writer, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Blocks => io::Write::write(&mut writer.blocking(), bytes),
            Self::Awaits => block_on(AsyncWriteExt::write(writer, bytes)),
        }
    }

    pub(crate) fn end<W>(
        self,
        end: &mut End<W>,
        time: Option<Duration>,
    ) -> Option<Result<Finished<W>, EndError<W>>> {
        let ended = match (self, time) {
            (Self::Blocks, None) => end.wait(),
            (Self::Blocks, Some(time)) => end.wait_timeout(time),
            (Self::Awaits, _) => return awaited(end, time),
        };
        match ended {
            Err(EndError::TimedOut) => None,
            ended => Some(ended),
        }
    }

    pub(crate) fn destroy<W>(
        self,
        destroy: &mut Destroy<W>,
        time: Option<Duration>,
    ) -> Option<Unfinished<W>> {
        let destroyed = match (self, time) {
            (Self::Blocks, None) => destroy.wait(),
            (Self::Blocks, Some(time)) => destroy.wait_timeout(time),
            (Self::Awaits, _) => return awaited(destroy, time),
        };
        match destroyed {
            Ok(unfinished) => Some(unfinished),
            Err(WaitError::TimedOut) => None,
            Err(other) => panic!("the worker is on another stack: {other}"),
        }
    }
}

/// Polls the future until it is ready, or until the time is over. The caller may await it
/// again, and then it gets another waker.
fn awaited<F: Future + Unpin>(future: &mut F, time: Option<Duration>) -> Option<F::Output> {
    let Some(time) = time else {
        return Some(block_on(future));
    };
    let waker = Waker::from(Arc::new(Unparks(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let start = Instant::now();
    loop {
        if let Poll::Ready(found) = Pin::new(&mut *future).poll(&mut cx) {
            return Some(found);
        }
        let left = time.saturating_sub(start.elapsed());
        if left.is_zero() {
            return None;
        }
        thread::park_timeout(left);
    }
}

struct Unparks(Thread);

impl Wake for Unparks {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
