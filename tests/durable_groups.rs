//! How many syncs there are for many producers, counted without a clock: the test says when a
//! sync ends, and what runs next.
#![cfg(feature = "futures")]

use std::cell::RefCell;
use std::future::Future;
use std::io::{self, IoSlice, Write};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use futures::AsyncWrite;
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt as _;
use highwater::{Builder, Wait, Writable, Writer};

const PRODUCERS: u64 = 16;
const ROUNDS: u32 = 5;
const RECORD: &str = "a record\n";

fn grouped() -> Builder {
    Writable::builder().group_commit(true)
}

/// A sink whose syncs the test holds.
struct Held {
    /// Gets a message when a sync begins.
    begins: Sender<()>,
    /// Each message lets one sync end.
    end: Receiver<()>,
}

/// The sink, and the test's side of it.
fn held() -> (Held, Receiver<()>, Sender<()>) {
    let ((begins, begun), (release, end)) = (channel(), channel());
    (Held { begins, end }, begun, release)
}

impl Write for Held {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.begins.send(()).map_err(io::Error::other)?;
        self.end.recv().map_err(io::Error::other)
    }
}

fn append(writer: &Writer) -> Wait {
    let _flow = writer.write(RECORD).expect("it is open");
    writer.flush()
}

#[test]
fn records_that_come_during_a_sync_of_a_thread_have_one_sync() {
    let (sink, begun, release) = held();
    let out = grouped().spawn(sink).expect("a thread");
    let mut waits = vec![append(&out.writer())];
    begun.recv().expect("the first sync begins");
    waits.extend((1..PRODUCERS).map(|_| append(&out.writer())));
    let accepted = out.snapshot().accepted;
    assert_eq!(accepted, PRODUCERS * RECORD.len() as u64);
    for _ in 0..2 {
        release.send(()).expect("the sink is there");
    }
    for wait in &mut waits {
        wait.wait().expect("no sync fails");
    }
    assert_eq!(begun.try_iter().count(), 1, "syncs after the first");
    assert_eq!(out.snapshot().flushed, accepted);
    release.send(()).expect("the sink is there");
    assert!(out.end().wait().is_ok());
}

/// A producer that goes on within the call of its waker: at once, on the stack of the worker.
struct AtOnce {
    writer: Writer,
    left: AtomicU32,
    wait: Mutex<Option<Wait>>,
    done: Sender<()>,
}

impl AtOnce {
    fn start(writer: Writer, rounds: u32, done: &Sender<()>) {
        let wait = Mutex::new(Some(append(&writer)));
        let (left, done) = (AtomicU32::new(rounds), done.clone());
        let producer = AtOnce {
            writer,
            left,
            wait,
            done,
        };
        Arc::new(producer).wake();
    }
}

impl Wake for AtOnce {
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(Arc::clone(&self));
        let mut cx = Context::from_waker(&waker);
        let mut place = self.wait.lock().expect("no panic with the lock");
        while let Some(wait) = &mut *place {
            let Poll::Ready(durable) = Pin::new(wait).poll(&mut cx) else {
                return;
            };
            durable.expect("no sync fails");
            let left = self.left.fetch_sub(1, Ordering::Relaxed) - 1;
            *place = (left > 0).then(|| append(&self.writer));
        }
        let _ = self.done.send(());
    }
}

/// Starts producers. Their first records are one group, as they are under one cork.
fn start(count: u64, out: &Writable<impl Sized>, rounds: u32, done: &Sender<()>) {
    let mut other = out.writer();
    let corked = other.cork().expect("it is open");
    for _ in 0..count {
        AtOnce::start(out.writer(), rounds, done);
    }
    drop(corked);
}

/// The first half of the producers has a sync when the other half comes. From then on the worker
/// waits for those that it wakes, so their records go with those of the others.
#[test]
fn two_halves_over_a_thread_become_one_group() {
    let (sink, begun, release) = held();
    let out = grouped().spawn(sink).expect("a thread");
    let (tell, done) = channel();
    start(PRODUCERS / 2, &out, ROUNDS, &tell);
    begun.recv().expect("the first sync begins");
    start(PRODUCERS / 2, &out, ROUNDS, &tell);
    for _ in 0..2 * ROUNDS + 1 {
        release.send(()).expect("the sink is there");
    }
    let done = done.iter().take(PRODUCERS as usize);
    assert_eq!(done.count(), PRODUCERS as usize);
    assert_eq!(begun.try_iter().count(), ROUNDS as usize);
}

/// A thread that waited for ever would never come to this record.
#[test]
fn a_thread_does_not_wait_for_a_producer_that_has_left() {
    let (sink, begun, release) = held();
    let out = grouped().spawn(sink).expect("a thread");
    let first = append(&out.writer());
    begun.recv().expect("the first sync begins");
    let mut second = append(&out.writer());
    drop(first);
    for _ in 0..3 {
        release.send(()).expect("the sink is there");
    }
    second.wait().expect("no sync fails");
    assert!(out.end().wait().is_ok());
}

/// A sink for a worker that is polled; the test lets its syncs end. It keeps its calls.
#[derive(Clone, Default)]
struct Polled(Rc<RefCell<Inside>>);

#[derive(Default)]
struct Inside {
    held: bool,
    /// How many turns a sync leaves to other tasks, and how many the one that runs has left.
    takes: u32,
    turns: u32,
    /// Of the worker, while a sync is held.
    waker: Option<Waker>,
    calls: Vec<String>,
}

impl Polled {
    fn hold(&self, held: bool) {
        self.0.borrow_mut().held = held;
        let waker = self.0.borrow_mut().waker.take();
        waker.into_iter().for_each(Waker::wake);
    }

    /// How many records each write had, and each flush, since this was asked last.
    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.0.borrow_mut().calls)
    }

    fn syncs(&self) -> usize {
        let calls = self.calls();
        calls.iter().filter(|call| *call == "sync").count()
    }
}

impl AsyncWrite for Polled {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let len: usize = slices.iter().map(|slice| slice.len()).sum();
        let records = (len / RECORD.len()).to_string();
        self.0.borrow_mut().calls.push(records);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inside = self.0.borrow_mut();
        if inside.held {
            inside.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        inside.turns += 1;
        if inside.turns <= inside.takes {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        inside.turns = 0;
        inside.calls.push("sync".into());
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Counts how often it is woken.
#[derive(Default)]
struct Turns(AtomicU32);

impl Wake for Turns {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Turns {
    /// Polls the worker once. Returns whether it asks for another turn.
    fn poll(self: &Arc<Self>, worker: &mut (impl Future<Output = ()> + Unpin)) -> bool {
        self.0.store(0, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(self));
        let poll = Pin::new(worker).poll(&mut Context::from_waker(&waker));
        poll.is_pending() && self.0.load(Ordering::Relaxed) > 0
    }
}

#[test]
fn records_that_come_during_a_sync_of_a_future_have_one_sync() {
    let (sink, turns) = (Polled::default(), Arc::new(Turns::default()));
    let (out, mut worker) = grouped().pair(sink.clone());
    sink.hold(true);
    let first = append(&out.writer());
    assert!(!turns.poll(&mut worker));
    let _others: Vec<_> = (1..PRODUCERS).map(|_| append(&out.writer())).collect();
    sink.hold(false);
    while turns.poll(&mut worker) {}
    drop(first);
    assert_eq!(sink.calls(), ["1", "sync", "15", "sync"]);
    assert_eq!(out.snapshot().flushed, PRODUCERS * RECORD.len() as u64);
}

/// They come before the worker asks for a turn, so one poll is enough.
#[test]
fn producers_that_a_future_wakes_have_one_sync_each_round() {
    let (sink, turns) = (Polled::default(), Arc::new(Turns::default()));
    let (out, mut worker) = grouped().pair(sink.clone());
    start(PRODUCERS, &out, ROUNDS, &channel().0);
    turns.poll(&mut worker);
    assert_eq!(sink.calls(), ["16", "sync"].repeat(ROUNDS as usize));
}

#[test]
fn a_future_asks_for_no_more_turns_once_its_producers_have_left() {
    let (sink, turns) = (Polled::default(), Arc::new(Turns::default()));
    let (out, mut worker) = grouped().pair(sink);
    start(PRODUCERS, &out, 1, &channel().0);
    assert!(turns.poll(&mut worker), "they may come back");
    assert!((0..1000).any(|_| !turns.poll(&mut worker)));
}

/// A producer in full waits for room, so it cannot come before the job is answered.
#[test]
fn a_future_asks_for_no_turn_while_the_stream_is_full() {
    let (sink, turns) = (Polled::default(), Arc::new(Turns::default()));
    let builder = grouped().high_water_mark(RECORD.len() as u64);
    let (out, mut worker) = builder.pair(sink.clone());
    let _waits = [append(&out.writer()), {
        sink.hold(true);
        assert!(!turns.poll(&mut worker));
        append(&out.writer())
    }];
    sink.hold(false);
    turns.poll(&mut worker);
    assert_eq!(sink.calls(), ["1", "sync", "1", "sync"]);
}

#[test]
fn a_future_asks_for_no_turn_once_the_stream_has_ended() {
    let (sink, turns) = (Polled::default(), Arc::new(Turns::default()));
    let (out, mut worker) = grouped().pair(sink);
    let _wait = append(&out.writer());
    let mut end = out.end();
    turns.poll(&mut worker);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut end).poll(&mut cx).is_ready());
}

#[test]
fn a_future_that_is_dropped_while_it_waits_for_producers_fails_the_stream() {
    let (sink, turns) = (Polled::default(), Arc::new(Turns::default()));
    let (out, mut worker) = grouped().pair(sink);
    start(PRODUCERS, &out, 1, &channel().0);
    assert!(turns.poll(&mut worker), "they may come back");
    drop(worker);
    let closed = out.closed().wait().map_err(|error| error.to_string());
    let error = closed.expect_err("the worker has left early");
    assert!(error.contains("dropped"), "{error}");
    assert_eq!(out.snapshot().flushed, PRODUCERS * RECORD.len() as u64);
    assert_eq!(out.snapshot().length, 0);
}

/// Leaves this many turns to other tasks.
async fn rest(mut turns: u32) {
    std::future::poll_fn(|cx| {
        let goes_on = turns > 0;
        turns = turns.saturating_sub(1);
        if goes_on {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

/// The same on an executor of one thread, of tasks that have some turns to do between two records.
#[test]
fn two_halves_over_a_future_become_one_group() {
    let sink = Polled::default();
    let (out, worker) = grouped().pair(sink.clone());
    let mut pool = LocalPool::new();
    let spawner = pool.spawner();
    let start_half = || {
        for _ in 0..PRODUCERS / 2 {
            let writer = out.writer();
            let task = async move {
                for _ in 0..ROUNDS {
                    append(&writer).await.expect("no sync fails");
                    rest(3).await;
                }
            };
            spawner.spawn_local(task).expect("the pool is there");
        }
    };
    start_half();
    spawner.spawn_local(worker).expect("the pool is there");
    // Longer than a producer is away: all of the other half come during a sync.
    sink.0.borrow_mut().takes = 8;
    sink.hold(true);
    pool.run_until_stalled();
    start_half();
    pool.run_until_stalled();
    sink.hold(false);
    pool.run_until_stalled();
    assert_eq!(sink.syncs(), 1 + ROUNDS as usize);
    let bytes = PRODUCERS * u64::from(ROUNDS) * RECORD.len() as u64;
    assert_eq!(out.snapshot().flushed, bytes);
}
