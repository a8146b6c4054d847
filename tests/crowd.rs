//! Many that wait for the same stream: each is woken in its turn, and how often is counted.
#![cfg(feature = "tokio")]

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use futures::io::AsyncWrite;
use highwater::{Flow, Worker, Writable};
use highwater_testkit::gate::Gate;
use highwater_testkit::players::polled::{PolledGate, poll_once};
use tokio::runtime::Runtime;

type Checked = Result<(), highwater::BoxError>;

/// The tasks that were woken, in order; each as often as it was woken.
#[derive(Clone, Default)]
struct Woken(Arc<Mutex<VecDeque<usize>>>);

struct Task {
    index: usize,
    woken: Woken,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let mut woken = self.woken.0.lock().expect("no panic");
        woken.push_back(self.index);
    }
}

/// An executor that counts.
struct Crowd<F> {
    tasks: Vec<Option<F>>,
    woken: Woken,
    wakes: usize,
    done: usize,
}

impl<F: Future + Unpin> Crowd<F> {
    /// Polls each once: all of them wait.
    fn new(tasks: impl Iterator<Item = F>) -> Self {
        let mut crowd = Self {
            tasks: tasks.map(Some).collect(),
            woken: Woken::default(),
            wakes: 0,
            done: 0,
        };
        for index in 0..crowd.tasks.len() {
            assert!(crowd.poll(index).is_none(), "task {index} waits");
        }
        crowd
    }

    fn poll(&mut self, index: usize) -> Option<F::Output> {
        let woken = self.woken.clone();
        let waker = Waker::from(Arc::new(Task { index, woken }));
        let task = self.tasks[index].as_mut()?;
        match Pin::new(task).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => {
                self.tasks[index] = None;
                self.done += 1;
                Some(output)
            }
            Poll::Pending => None,
        }
    }

    /// Polls those that are woken, until none is. Returns what they have come to.
    fn run(&mut self) -> Vec<F::Output> {
        let mut outputs = Vec::new();
        loop {
            let next = self.woken.0.lock().expect("no panic").pop_front();
            let Some(index) = next else {
                return outputs;
            };
            self.wakes += 1;
            outputs.extend(self.poll(index));
        }
    }
}

fn gated(mark: u64) -> (Writable<PolledGate>, Worker<PolledGate>, PolledGate) {
    let gate = PolledGate::default();
    let (out, worker) = Writable::builder().high_water_mark(mark).pair(gate.clone());
    (out, worker, gate)
}

/// Lets the worker write what it has in hand, and take what there is next.
fn turn(worker: &mut Worker<PolledGate>, gate: &PolledGate) {
    assert!(poll_once(&mut *worker).is_none());
    gate.answer(Ok(()));
    assert!(poll_once(&mut *worker).is_none());
}

#[test]
fn ten_thousand_blocked_senders_cost_at_most_two_wakes_a_chunk() -> Checked {
    const SENDERS: usize = 10_000;
    let (mut out, mut worker, gate) = gated(64);
    assert_eq!(out.write([b'x'; 64])?, Flow::Wait);
    let sends = (0..SENDERS).map(|_| out.writer().send("0123456789"));
    let mut crowd = Crowd::new(sends);
    let mut turns = 0;
    while crowd.done < SENDERS {
        turn(&mut worker, &gate);
        for position in crowd.run() {
            position?;
        }
        turns += 1;
        assert!(turns <= SENDERS, "the senders make progress");
    }
    assert!(crowd.wakes <= 2 * SENDERS, "{} wakes", crowd.wakes);
    let peak = out.snapshot().peak;
    assert!(peak <= 64 + 10, "each waits until there is room: {peak}");
    Ok(())
}

#[test]
fn of_thirty_two_thousand_waits_for_a_position_each_is_woken_once() -> Checked {
    const WAITS: usize = 32_000;
    let (mut out, mut worker, gate) = gated(1);
    let mut waits = Vec::new();
    for _ in 0..WAITS {
        let _wait = out.write_chunk("x")?;
        waits.push(out.delivered(out.position()));
    }
    let mut crowd = Crowd::new(waits.into_iter());
    gate.open();
    assert!(poll_once(&mut worker).is_none());
    while crowd.done < WAITS {
        let _ = poll_once(&mut worker);
        for delivered in crowd.run() {
            delivered?;
        }
    }
    assert_eq!(crowd.wakes, WAITS);
    Ok(())
}

/// A wait can be kept without being polled: the room that it was woken for goes to the next.
#[test]
fn a_sender_that_is_kept_and_not_polled_keeps_no_other_asleep() -> Checked {
    let (mut out, mut worker, gate) = gated(4);
    assert_eq!(out.write("full")?, Flow::Wait);
    let mut kept: Vec<_> = (0..10).map(|_| out.send("kept")).collect();
    assert!(kept.iter_mut().all(|sending| poll_once(sending).is_none()));
    let mut last = Crowd::new([out.send("last")].into_iter());
    turn(&mut worker, &gate);
    for polls in 0.. {
        if !last.run().is_empty() {
            break;
        }
        assert!(polls < 100, "it sleeps on");
        let _ = poll_once(&mut worker);
    }
    Ok(())
}

/// Tells of each time that it is woken.
struct Tells(Sender<()>);

impl Wake for Tells {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(());
    }
}

/// The same over a thread, which has nothing else to do.
#[test]
fn a_sender_that_is_kept_and_not_polled_keeps_no_other_asleep_over_a_thread() -> Checked {
    let gate = Gate::default();
    let builder = Writable::builder().high_water_mark(4);
    let mut out = builder.spawn(gate.sink()).map_err(std::io::Error::from)?;
    assert_eq!(out.write("full")?, Flow::Wait);
    let mut kept: Vec<_> = (0..10).map(|_| out.send("kept")).collect();
    assert!(kept.iter_mut().all(|sending| poll_once(sending).is_none()));
    let (tell, woken) = channel();
    let waker = Waker::from(Arc::new(Tells(tell)));
    let mut last = out.send("last");
    let waits = Pin::new(&mut last).poll(&mut Context::from_waker(&waker));
    assert!(waits.is_pending());
    gate.open();
    woken.recv()?;
    assert_eq!(last.wait()?, 8);
    Ok(())
}

/// A chunk that does not fit keeps those behind it waiting; once it is dropped, they go on,
/// even if the sink takes nothing more.
#[test]
fn a_long_chunk_that_is_dropped_leaves_the_room_to_the_next() -> Checked {
    let gate = PolledGate::default();
    let builder = Writable::builder()
        .high_water_mark(10)
        .low_water_mark(5)
        .limit(10);
    let (mut out, mut worker) = builder.pair(gate.clone());
    assert_eq!(out.write("sixsix")?, Flow::More);
    assert!(poll_once(&mut worker).is_none());
    assert_eq!(out.write("four")?, Flow::Wait);
    let mut long = out.send("longlonglo");
    assert!(poll_once(&mut long).is_none());
    let mut short = Crowd::new([out.send("b")].into_iter());
    turn(&mut worker, &gate);
    assert!(short.run().is_empty(), "the long one is before it");
    drop(long);
    assert_eq!(short.run().len(), 1);
    Ok(())
}

/// A producer that was woken for room, and polls for something else, leaves the room.
#[test]
fn a_producer_that_has_changed_its_mind_leaves_the_room_to_the_next() -> Checked {
    let (mut out, mut worker, gate) = gated(4);
    assert_eq!(out.write("full")?, Flow::Wait);
    let (mut first, second) = (out.writer(), out.writer());
    let write = |cx: &mut Context<'_>| AsyncWrite::poll_write(Pin::new(&mut first), cx, b"x");
    assert!(poll_once(std::future::poll_fn(write)).is_none());
    let mut last = Crowd::new([second.send("last")].into_iter());
    let corked = out.writer();
    let corked = Box::leak(Box::new(corked)).cork()?;
    turn(&mut worker, &gate);
    assert!(last.run().is_empty(), "it is not its turn");
    let flush = |cx: &mut Context<'_>| AsyncWrite::poll_flush(Pin::new(&mut first), cx);
    assert!(
        poll_once(std::future::poll_fn(flush)).is_none(),
        "the cork holds it"
    );
    assert_eq!(last.run().len(), 1);
    drop(corked);
    Ok(())
}

/// Threads and tasks together, over each worker: all get in, and none overtakes the mark.
#[test]
fn a_crowd_of_threads_and_tasks_gets_in_over_each_worker() -> Checked {
    let runtime = Runtime::new()?;
    let builder = || Writable::builder().high_water_mark(16);
    let (polled, worker) = builder().pair(Vec::new());
    thread::spawn(move || futures::executor::block_on(worker));
    let tokio = builder().spawn_tokio_on(runtime.handle(), Vec::new());
    for out in [builder().spawn(Vec::new())?, polled, tokio] {
        let threads: Vec<_> = (0..50)
            .map(|_| {
                let out = out.writer();
                thread::spawn(move || (0..20).try_for_each(|_| out.send("ab").wait().map(drop)))
            })
            .collect();
        let tasks: Vec<_> = (0..500)
            .map(|_| {
                let out = out.writer();
                runtime.spawn(async move {
                    for _ in 0..20 {
                        out.send("cd").await?;
                    }
                    Ok::<_, highwater::BoxError>(())
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("no panic")?;
        }
        for task in tasks {
            runtime.block_on(task)??;
        }
        let done = out.end().wait()?;
        assert_eq!(done.sink.len(), 2 * (50 * 20 + 500 * 20));
        assert!(done.totals.peak <= 16 + 2, "{}", done.totals.peak);
    }
    Ok(())
}
