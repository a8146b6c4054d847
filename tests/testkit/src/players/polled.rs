//! A stream whose worker is polled, on a stage: the worker is polled when the stage says
//! so, and only then.

use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, IoSlice};
use std::marker::PhantomData;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use futures::channel::oneshot;
use futures::io::AsyncWrite;
use highwater::{
    Builder, Chunk, CorkGuard, Destroy, End, EndError, Event, Flow, Snapshot, WaitError, Writable,
    WriteError, Writer,
};

use super::adapter::Stage;
pub use super::producers::poll_once;
use super::producers::{Ended, Producers, write};
use crate::replay::scenario::{Mode, Plan};

/// The sink's side of the gate, and the test's.
#[derive(Clone, Default)]
pub struct PolledGate(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    /// What the call that is pending was given.
    waiting: Option<Vec<u8>>,
    answer: Option<io::Result<()>>,
    waker: Option<Waker>,
    taken: Vec<u8>,
    /// Every call is answered ok at once.
    open: bool,
    closed: u32,
}

impl PolledGate {
    /// Lets every call through from now on.
    pub fn open(&self) {
        self.lock().open = true;
        self.answer(Ok(()));
    }

    /// How often the sink was closed.
    pub fn closed(&self) -> u32 {
        self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().expect("no panic at the gate")
    }

    /// Everything that was taken.
    pub fn taken(&self) -> Vec<u8> {
        self.lock().taken.clone()
    }

    /// What the call that is pending was given.
    pub fn waiting(&self) -> Option<Vec<u8>> {
        self.lock().waiting.clone()
    }

    /// Lets the call that is pending answer.
    pub fn answer(&self, answer: io::Result<()>) {
        let mut inside = self.lock();
        inside.answer = Some(answer);
        let waker = inside.waker.take();
        drop(inside);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl AsyncWrite for PolledGate {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut inside = self.lock();
        let at_once = inside.open.then_some(Ok(()));
        match inside.answer.take().or(at_once) {
            None => {
                inside.waiting = Some(bytes.to_vec());
                inside.waker = Some(cx.waker().clone());
                Poll::Pending
            }
            Some(answer) => {
                inside.waiting = None;
                Poll::Ready(answer.map(|()| {
                    inside.taken.extend(bytes);
                    bytes.len()
                }))
            }
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let slices = slices.iter().flat_map(|slice| slice.iter());
        self.poll_write(cx, &slices.copied().collect::<Vec<_>>())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lock().closed += 1;
        Poll::Ready(Ok(()))
    }
}

/// What opens the gate's side of the sink.
pub(crate) type Opening = Pin<Box<dyn Future<Output = io::Result<PolledGate>> + Send>>;

/// Polls the worker. Its drop is a drop of the worker.
pub(crate) trait Executor: Sized {
    /// The sink, as the owner knows it.
    type Sink;
    /// See [`Stage`].
    const OPENS: bool = true;
    const PARTS_BATCHES: bool = false;
    const ANSWERS_AFTER_DESTROY: bool = false;

    /// Starts a stream into this sink, which is at hand unless the worker opens it first.
    fn start(
        builder: Builder,
        sink: PolledGate,
        opening: Option<Opening>,
    ) -> (Writable<Self::Sink>, Self);
    /// Polls the worker: it does all that it can.
    fn work(&mut self);
}

/// The stage alone.
pub(crate) struct Alone(Option<Pin<Box<dyn Future<Output = ()>>>>);

impl Alone {
    /// Polls this when it is to work.
    pub(super) fn polls(worker: impl Future<Output = ()> + 'static) -> Self {
        Self(Some(Box::pin(worker)))
    }
}

impl Executor for Alone {
    type Sink = PolledGate;

    fn start(
        builder: Builder,
        sink: PolledGate,
        opening: Option<Opening>,
    ) -> (Writable<PolledGate>, Self) {
        if let Some(opening) = opening {
            let (owner, worker) = builder.pair_with(opening);
            return (owner, Self::polls(worker));
        }
        let (owner, worker) = builder.pair(sink);
        (owner, Self::polls(worker))
    }

    fn work(&mut self) {
        if let Some(worker) = &mut self.0 {
            if poll_once(worker).is_some() {
                self.0 = None;
            }
        }
    }
}

pub(crate) struct Polled<E: Executor, P> {
    producers: PhantomData<P>,
    gate: PolledGate,
    writer: Writer,
    executor: Option<E>,
    owner: Option<Writable<E::Sink>>,
    ending: Option<End<E::Sink>>,
    destroying: Option<Destroy<E::Sink>>,
    events: Arc<Mutex<VecDeque<Event>>>,
    corks: Vec<CorkGuard<'static>>,
    opener: Option<oneshot::Sender<bool>>,
}

fn failure() -> io::Error {
    io::Error::other("the test says so")
}

/// What opens this sink once the sender says so, or fails.
fn opening(sink: PolledGate) -> (oneshot::Sender<bool>, Opening) {
    let (opener, go_on) = oneshot::channel();
    let opening = async move {
        match go_on.await {
            Ok(true) => Ok(sink),
            _ => Err(failure()),
        }
    };
    (opener, Box::pin(opening))
}

impl<E: Executor, P: Producers> Polled<E, P> {
    fn work(&mut self) {
        if let Some(executor) = &mut self.executor {
            executor.work();
        }
    }

    fn unsent(ended: Ended<E::Sink>) -> Option<Vec<Chunk>> {
        match ended {
            Ok(_) => None,
            Err(EndError::Failed { unfinished, .. }) => Some(unfinished.unsent),
            Err(other) => panic!("no chunk was to be refused: {other}"),
        }
    }
}

impl<E: Executor, P: Producers> Stage for Polled<E, P> {
    fn new(plan: &Plan) -> Self {
        let gate = PolledGate::default();
        let events = Arc::new(Mutex::new(VecDeque::new()));
        let tell = Arc::clone(&events);
        let options = &plan.options;
        let builder = Writable::builder()
            .high_water_mark(options.high_water_mark())
            .low_water_mark(options.low_water_mark())
            .limit(options.limit())
            .observer(move |event| tell.lock().expect("no panic").push_back(event));
        let sink = gate.clone();
        let (opener, opening) = match plan.construct {
            Mode::Absent => (None, None),
            _ => {
                let (opener, opening) = opening(sink.clone());
                (Some(opener), Some(opening))
            }
        };
        let (owner, executor) = E::start(builder, sink, opening);
        let mut stage = Self {
            producers: PhantomData,
            gate,
            writer: owner.writer(),
            executor: Some(executor),
            owner: Some(owner),
            ending: None,
            destroying: None,
            events,
            corks: Vec::new(),
            opener,
        };
        stage.work();
        stage
    }

    fn snapshot(&self) -> Snapshot {
        self.writer.snapshot()
    }

    fn position(&self) -> u64 {
        self.writer.position()
    }

    fn write(&mut self, bytes: Vec<u8>) -> Result<Flow, WriteError<Chunk>> {
        let written = write(self.owner.as_mut(), &self.writer, bytes);
        self.work();
        written
    }

    fn written(&mut self, position: u64) -> Option<Result<(), WaitError>> {
        P::ask(&mut self.writer.delivered(position))
    }

    fn cork(&mut self) -> bool {
        // The guard borrows its writer, and lives as long as the scenario wants.
        let writer: &'static mut Writer = Box::leak(Box::new(self.writer.clone()));
        let cork = writer.cork();
        let corked = cork.is_ok();
        self.corks.extend(cork);
        corked
    }

    fn uncork(&mut self) -> bool {
        let uncorked = self.corks.pop().is_some();
        self.work();
        uncorked
    }

    fn corks(&self) -> usize {
        self.corks.len()
    }

    fn end(&mut self) -> Option<Vec<Chunk>> {
        // An end is an uncork of all corks.
        mem::take(&mut self.corks).into_iter().for_each(mem::forget);
        let mut ending = match (self.owner.take(), self.ending.take()) {
            (Some(owner), _) => owner.end(),
            (None, ending) => ending?,
        };
        let mut ended = P::ask_end(&mut ending);
        self.work();
        if ended.is_none() {
            ended = P::ask_end(&mut ending);
        }
        match ended {
            Some(ended) => Self::unsent(ended),
            None => {
                self.ending = Some(ending);
                None
            }
        }
    }

    fn is_owned(&self) -> bool {
        self.owner.is_some() || self.ending.is_some()
    }

    fn begin_destroy(&mut self, error: bool) {
        let reason = "the test says so";
        self.destroying = match (self.owner.take(), self.ending.take()) {
            (Some(owner), _) if error => Some(owner.destroy_with(reason)),
            (Some(owner), _) => Some(owner.destroy()),
            (None, ending) if error => ending.map(|end| end.destroy_with(reason)),
            (None, ending) => ending.map(End::destroy),
        };
    }

    const OPENS: bool = E::OPENS;
    const PARTS_BATCHES: bool = E::PARTS_BATCHES;
    const ANSWERS_AFTER_DESTROY: bool = E::ANSWERS_AFTER_DESTROY;

    fn destroyed(&mut self) -> Vec<Chunk> {
        if E::ANSWERS_AFTER_DESTROY {
            self.gate.open();
        }
        self.work();
        let mut destroying = self.destroying.take().expect("it was begun");
        let unfinished = P::ask_destroy(&mut destroying).expect("the worker lets go");
        assert_eq!(unfinished.in_doubt, 0);
        unfinished.unsent
    }

    fn ended(&mut self) -> Option<Vec<Chunk>> {
        let unsent = self.end();
        assert!(self.ending.is_none(), "it ends");
        unsent
    }

    fn opening(&self) -> bool {
        self.opener.is_some()
    }

    fn open(&mut self, ok: bool) {
        let opener = self.opener.take().expect("it waits");
        // A worker that has gone does not hear it.
        let _ = opener.send(ok);
        self.work();
    }

    fn next_event(&mut self) -> Event {
        self.work();
        let event = self.events.lock().expect("no panic").pop_front();
        event.expect("an event is due")
    }

    fn wait_for_call(&mut self) -> Vec<u8> {
        self.work();
        self.gate.waiting().expect("a call is pending")
    }

    fn answer(&mut self, ok: bool) {
        self.gate.answer(if ok { Ok(()) } else { Err(failure()) });
        self.work();
    }

    fn taken(&self) -> u64 {
        self.gate.taken().len() as u64
    }
}
