//! Wake-ups of a stream with a polled worker, counted: none is lost, and none is needless.
#![cfg(feature = "futures")]

use std::future::Future;
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::executor::block_on;
use futures::io::AsyncWrite;
use highwater::{
    Cause, Chunk, EndError, Event, Flow, Unfinished, WaitError, Worker, Writable, WriteError,
    Writer,
};
use highwater_testkit::players::polled::{PolledGate, poll_once};
use highwater_testkit::wakes::{Counted, Wakes};

type Polled = Counted<Worker<PolledGate>>;

fn gated(mark: u64) -> (Writable<PolledGate>, Polled, PolledGate) {
    let gate = PolledGate::default();
    let builder = Writable::builder().high_water_mark(mark);
    let (out, worker) = builder.pair(gate.clone());
    (out, Counted::new(worker), gate)
}

#[test]
fn the_worker_is_woken_for_work_and_for_nothing_else() {
    let (mut out, mut worker, gate) = gated(100);
    assert!(worker.poll().is_pending());
    assert_eq!(worker.woken(), 0);
    let _flow = out.write("a").expect("it is open");
    assert_eq!(worker.woken(), 1, "there is something to write");
    assert!(worker.poll().is_pending());
    for _ in 0..10 {
        let _flow = out.write("b").expect("it is open");
    }
    drop((out.snapshot(), out.position(), out.cork()));
    assert!(poll_once(out.drained()).is_some());
    assert_eq!(worker.woken(), 0, "the sink is busy: nothing to do");
    gate.answer(Ok(()));
    assert_eq!(worker.woken(), 1, "the sink has woken it");
    assert!(worker.poll().is_pending());
    assert_eq!(gate.waiting().as_deref(), Some(&b"bbbbbbbbbb"[..]));
    assert_eq!(worker.woken(), 0, "it does not wake itself");
    let destroy = out.destroy();
    let mut destroy = Counted::new(Box::pin(destroy));
    assert!(destroy.poll().is_pending());
    assert_eq!(worker.woken(), 1, "it is to let go of the sink");
    assert_eq!(worker.poll(), Poll::Ready(()));
    assert_eq!(destroy.woken(), 1);
    let Poll::Ready(Unfinished { unsent, .. }) = destroy.poll() else {
        panic!("the worker has let go");
    };
    assert_eq!(unsent.iter().map(Chunk::len).sum::<usize>(), 10);
}

#[test]
fn a_waiter_is_woken_once_and_in_time() {
    let (mut out, mut worker, gate) = gated(2);
    assert!(worker.poll().is_pending());
    let writers: Vec<Writer> = (0..4).map(|_| out.writer()).collect();
    assert_eq!(out.write("ab").ok(), Some(Flow::Wait));
    let mut drained = Counted::new(Box::pin(writers[0].drained()));
    let mut first = Counted::new(Box::pin(writers[1].delivered(2)));
    let mut second = Counted::new(Box::pin(writers[2].delivered(3)));
    assert!(matches!(
        second.poll(),
        Poll::Ready(Err(WaitError::NotAccepted { .. }))
    ));
    assert_eq!(out.write("c").ok(), Some(Flow::Wait));
    let mut second = Counted::new(Box::pin(writers[2].delivered(3)));
    let mut flush = Counted::new(Box::pin(writers[3].flush()));
    assert!(drained.poll().is_pending() && first.poll().is_pending());
    assert!(second.poll().is_pending() && flush.poll().is_pending());
    assert!(worker.poll().is_pending());
    gate.answer(Ok(()));
    assert!(worker.poll().is_pending());
    let now = [
        drained.woken(),
        first.woken(),
        second.woken(),
        flush.woken(),
    ];
    assert_eq!(now, [0, 1, 0, 0], "two bytes are there, the third is not");
    assert!(matches!(first.poll(), Poll::Ready(Ok(()))));
    gate.answer(Ok(()));
    assert!(worker.poll().is_pending());
    let now = [
        drained.woken(),
        second.woken(),
        flush.woken(),
        first.woken(),
    ];
    assert_eq!(now, [1, 1, 1, 0]);
    assert!(matches!(drained.poll(), Poll::Ready(Ok(()))));
    assert!(matches!(second.poll(), Poll::Ready(Ok(()))));
    assert!(matches!(flush.poll(), Poll::Ready(Ok(()))));
}

/// A corked batch with a flush within is one job of the worker, of several calls.
#[test]
fn waiters_are_woken_within_a_long_job() {
    let gate = PolledGate::default();
    let builder = Writable::builder().high_water_mark(2).low_water_mark(1);
    let (mut out, worker) = builder.pair(gate.clone());
    let mut worker = Counted::new(worker);
    let writer = out.writer();
    let mut corked = out.cork().expect("it is open");
    assert_eq!(corked.write("a").ok(), Some(Flow::More));
    let flushed = writer.flush();
    assert_eq!(corked.write("b").ok(), Some(Flow::Wait));
    drop(corked);
    let mut last = Counted::new(writer.delivered(2));
    let mut waits = [writer.drained(), writer.delivered(1), flushed].map(Counted::new);
    assert!(waits.iter_mut().all(|wait| wait.poll().is_pending()));
    assert!(last.poll().is_pending() && worker.poll().is_pending());
    assert_eq!(gate.waiting().as_deref(), Some(&b"a"[..]));
    gate.answer(Ok(()));
    assert!(worker.poll().is_pending());
    assert_eq!(gate.waiting().as_deref(), Some(&b"b"[..]));
    assert_eq!(waits.each_ref().map(Counted::woken), [1, 1, 1]);
    assert!(waits.iter_mut().all(|wait| wait.poll().is_ready()));
    let now = writer.snapshot();
    assert_eq!((now.delivered, now.in_flight, now.drains), (1, 1, 1));
    assert_eq!(last.woken(), 0);
    gate.answer(Ok(()));
    assert!(worker.poll().is_pending());
    assert_eq!(last.woken(), 1);
    assert!(last.poll().is_ready());
}

#[test]
fn a_wait_that_was_dropped_is_not_woken() {
    let (mut out, mut worker, gate) = gated(1);
    let _flow = out.write("a").expect("it is open");
    assert!(worker.poll().is_pending());
    let wakes = Counted::waiting(out.drained()).wakes().clone();
    gate.answer(Ok(()));
    assert!(worker.poll().is_pending());
    assert_eq!(wakes.count(), 0);
}

#[test]
fn without_its_worker_the_stream_fails_and_every_waiter_learns_it() {
    let (tell, told) = std::sync::mpsc::channel();
    let gate = PolledGate::default();
    let (mut out, worker) = Writable::builder()
        .high_water_mark(2)
        .observer(move |event| drop(tell.send(event)))
        .pair(gate.clone());
    let mut worker = Counted::new(worker);
    let _flow = out.write("abc").expect("it is open");
    assert!(worker.poll().is_pending());
    let writer = out.writer();
    let waits = [writer.delivered(3), writer.drained(), writer.closed()];
    let mut waits = waits.map(Counted::new);
    assert!(waits.iter_mut().all(|wait| wait.poll().is_pending()));
    drop(worker);
    let dropped = |cause: &Cause| matches!(cause, Cause::WorkerDropped { undelivered: 3 });
    for wait in &mut waits {
        assert_eq!(wait.woken(), 1);
        match wait.poll() {
            Poll::Ready(Err(WaitError::Failed(cause))) => assert!(dropped(&cause)),
            other => panic!("it cannot come: {other:?}"),
        }
    }
    match out.write("d") {
        Err(WriteError::Failed { cause, .. }) => assert!(dropped(&cause)),
        other => panic!("no worker would write it: {other:?}"),
    }
    let events: Vec<Event> = told.iter().collect();
    let [Event::Error(cause), Event::Close] = &events[..] else {
        panic!("an error, then the close: {events:?}");
    };
    assert!(dropped(cause) && cause.code() == "ABORT_ERR");
    let Err(EndError::Failed {
        cause, unfinished, ..
    }) = block_on(out.end())
    else {
        panic!("it cannot have finished");
    };
    assert!(dropped(&cause) && unfinished.cause.is_some_and(|cause| dropped(&cause)));
    assert!(unfinished.sink.is_some(), "the sink is handed back");
    let unsent: Vec<_> = unfinished.unsent.iter().map(AsRef::as_ref).collect();
    assert_eq!((unsent.concat(), gate.taken().len()), (b"abc".to_vec(), 0));
}

#[test]
fn a_worker_that_has_left_keeps_no_waker() {
    for drops in [false, true] {
        let (out, mut worker, gate) = gated(9);
        let writer = out.writer();
        assert!(worker.poll().is_pending());
        let wakes = worker.wakes().clone();
        if drops {
            drop(worker);
        } else {
            drop(out.end());
            gate.open();
            assert!(worker.poll().is_ready());
            drop(worker);
        }
        assert!(!wakes.is_shared(), "dropped: {drops}");
        drop(writer);
    }
}

#[test]
fn a_worker_that_gives_an_opener_up_does_not_wake_itself() {
    let opening = std::future::pending::<io::Result<PolledGate>>();
    let (out, worker) = Writable::builder().pair_with(opening);
    let mut worker = Counted::new(worker);
    assert!(worker.poll().is_pending());
    let destroy = out.destroy();
    assert_eq!(worker.woken(), 1, "there is something to give up");
    assert!(worker.poll().is_ready());
    assert_eq!(worker.woken(), 0);
    drop(destroy);
}

#[test]
fn a_poll_of_an_opener_does_not_part_what_is_written_meanwhile() {
    let gate = PolledGate::default();
    let mut sink = Some(gate.clone());
    let opens = Arc::new(AtomicUsize::new(0));
    let polls = Arc::clone(&opens);
    let opening = std::future::poll_fn(move |_| match polls.load(Ordering::Relaxed) {
        0 => Poll::Pending,
        _ => Poll::Ready(Ok(sink.take().expect("it is polled once more"))),
    });
    let (mut out, worker) = Writable::builder().pair_with(opening);
    let mut worker = Counted::new(worker);
    for _ in 0..3 {
        let _flow = out.write("a").expect("it is open");
        assert!(worker.poll().is_pending());
    }
    assert_eq!(out.snapshot().queued, 1, "all of it is one chunk");
    opens.store(1, Ordering::Relaxed);
    assert!(worker.poll().is_pending());
    assert_eq!(gate.waiting().as_deref(), Some(&b"aaa"[..]));
}

/// Writes a byte once there is room.
fn write_a_byte(mut writer: Writer) -> impl Future<Output = io::Result<usize>> + Unpin {
    std::future::poll_fn(move |cx| Pin::new(&mut writer).poll_write(cx, b"y"))
}

#[test]
fn of_many_that_wait_for_room_two_are_woken_for_a_chunk_at_most() {
    const WRITERS: usize = 1000;
    let (mut out, mut worker, gate) = gated(2);
    let _flow = out.write("xx").expect("it is open");
    let write = |_| Counted::new(write_a_byte(out.writer()));
    let mut writes: Vec<_> = (0..WRITERS).map(write).collect();
    assert!(writes.iter_mut().all(|write| write.poll().is_pending()));
    let (mut wakes, mut calls) = (0, 0);
    while !writes.is_empty() {
        assert!(worker.poll().is_pending());
        gate.answer(Ok(()));
        calls += 1;
        assert!(worker.poll().is_pending());
        // As an executor does, until no writer is woken.
        while let Some(index) = writes.iter().position(|write| write.wakes().count() > 0) {
            wakes += writes[index].woken();
            if writes[index].poll().is_ready() {
                writes.remove(index);
            }
        }
        assert!(calls <= 2 * WRITERS, "the waiters make progress");
    }
    assert!(wakes <= 2 * WRITERS, "{wakes} wakes for {WRITERS} chunks");
}

#[test]
fn a_waiter_for_room_that_is_woken_and_dropped_passes_its_turn_on() {
    let (mut out, mut worker, gate) = gated(1);
    let _flow = out.write("x").expect("it is open");
    let mut writes = [0, 1].map(|_| Counted::new(write_a_byte(out.writer())));
    assert!(writes.iter_mut().all(|write| write.poll().is_pending()));
    assert!(worker.poll().is_pending());
    gate.answer(Ok(()));
    assert!(worker.poll().is_pending());
    let [first, mut second] = writes;
    assert_eq!(
        (first.woken(), second.woken()),
        (1, 0),
        "there is one place"
    );
    drop(first);
    assert_eq!(second.woken(), 1);
    assert!(second.poll().is_ready());
}

fn woken<F: Future + Unpin>(futures: &[Counted<F>; 2]) -> [usize; 2] {
    futures.each_ref().map(Counted::woken)
}

/// The worker is polled for no reason, while one waiter has its turn.
#[test]
fn an_idle_worker_gives_a_waiter_its_turn_before_it_wakes_the_next() {
    let gate = PolledGate::default();
    let builder = Writable::builder()
        .high_water_mark(2)
        .low_water_mark(1)
        .limit(5);
    let (mut out, worker) = builder.pair(gate.clone());
    let mut worker = Counted::new(worker);
    let _flow = out.write("xx").expect("it is open");
    assert!(worker.poll().is_pending());
    let mut corker = out.writer();
    let mut corked = corker.cork().expect("it is open");
    let _flow = corked.write("z").expect("it is open");
    let mut too_long = Counted::new(out.writer().send("12345"));
    let mut writes = [0, 1].map(|_| Counted::new(write_a_byte(out.writer())));
    assert!(too_long.poll().is_pending());
    assert!(writes.iter_mut().all(|write| write.poll().is_pending()));
    gate.answer(Ok(()));
    assert!(worker.poll().is_pending());
    assert_eq!(woken(&writes), [0, 0], "it is first in line");
    drop(too_long);
    assert_eq!(woken(&writes), [1, 0]);
    assert!(worker.poll().is_pending());
    assert_eq!(woken(&writes), [0, 0], "it has its turn");
    assert!(worker.poll().is_pending());
    assert_eq!(woken(&writes), [0, 1], "it does not come");
    drop(corked);
}

/// No more need be delivered for the second: it only has to wait for its turn.
#[test]
fn a_waiter_for_all_that_the_limit_leaves_is_the_next() {
    let gate = PolledGate::default();
    let builder = Writable::builder().high_water_mark(2).low_water_mark(1);
    let (mut out, worker) = builder.limit(5).pair(gate.clone());
    let mut worker = Counted::new(worker);
    let _flow = out.write("xx").expect("it is open");
    assert!(worker.poll().is_pending());
    let _flow = out.write("z").expect("it is open");
    let mut first = Counted::new(write_a_byte(out.writer()));
    let mut second = Counted::new(out.writer().send("1234"));
    assert!(first.poll().is_pending() && second.poll().is_pending());
    gate.answer(Ok(()));
    assert!(worker.poll().is_pending());
    assert_eq!(gate.waiting().as_deref(), Some(&b"z"[..]));
    assert_eq!((first.woken(), second.woken()), (1, 0));
    drop(first);
    assert_eq!(second.woken(), 1);
    assert!(matches!(second.poll(), Poll::Ready(Ok(_))));
}

#[test]
fn a_producer_that_is_ready_leaves_the_rest_of_the_room_to_the_next() {
    let (mut out, mut worker, gate) = gated(2);
    let _flow = out.write("xx").expect("it is open");
    let ready = |mut writer: Writer| {
        Counted::new(std::future::poll_fn(move |cx| {
            futures::Sink::<bytes::Bytes>::poll_ready(Pin::new(&mut writer), cx)
        }))
    };
    let mut producers = [0, 1].map(|_| ready(out.writer()));
    assert!(producers.iter_mut().all(|ready| ready.poll().is_pending()));
    assert!(worker.poll().is_pending());
    gate.answer(Ok(()));
    assert!(worker.poll().is_pending());
    let [first, second] = &mut producers;
    assert_eq!((first.woken(), second.woken()), (1, 0));
    assert!(first.poll().is_ready());
    assert_eq!(
        second.woken(),
        1,
        "the first has not written yet, and may never"
    );
    assert!(second.poll().is_ready());
}

#[test]
fn each_wait_for_a_position_is_woken_once_and_as_soon_as_it_is_reached() {
    let (mut out, mut worker, gate) = gated(1000);
    let writer = out.writer();
    let wait = |position| (position, Counted::new(Box::pin(writer.delivered(position))));
    for round in (0..200).step_by(20) {
        for _ in 0..20 {
            let _flow = out.write_chunk("x").expect("it is open");
        }
        let mut waits: Vec<_> = (0..20).map(|n| wait(round + n * 7 % 20 + 1)).collect();
        assert!(waits.iter_mut().all(|(_, wait)| wait.poll().is_pending()));
        // Some lose interest, and later waiters get their places.
        drop(waits.drain(..5));
        waits.extend((0..10).map(|n| wait(round + n * 3 % 20 + 1)));
        assert!(waits.iter_mut().all(|(_, wait)| wait.poll().is_pending()));
        while out.snapshot().delivered < out.position() {
            let before = out.snapshot().delivered;
            assert!(worker.poll().is_pending());
            gate.answer(Ok(()));
            assert!(worker.poll().is_pending());
            let reached = before + 1..=out.snapshot().delivered;
            for (position, wait) in &mut waits {
                let now = reached.contains(position);
                assert_eq!(wait.woken(), usize::from(now), "position {position}");
                assert!(!now || wait.poll().is_ready());
            }
        }
    }
}

#[test]
fn a_wait_that_becomes_another_is_woken_for_that_alone() {
    let (mut out, mut worker, gate) = gated(1);
    let _flow = out.write("x").expect("it is open");
    let mut writer = out.writer();
    let wakes = Wakes::default();
    let waker = wakes.waker();
    let mut cx = Context::from_waker(&waker);
    assert!(Pin::new(&mut writer).poll_write(&mut cx, b"y").is_pending());
    let mut next = Counted::new(out.send("z"));
    assert!(next.poll().is_pending());
    assert!(Pin::new(&mut writer).poll_flush(&mut cx).is_pending());
    assert!(worker.poll().is_pending());
    let corked = out.cork().expect("it is open");
    gate.answer(Ok(()));
    assert!(worker.poll().is_pending());
    assert_eq!(wakes.count(), 0, "there is room, but no flush");
    assert_eq!(next.woken(), 1, "no other is before it");
    drop(corked);
    assert!(worker.poll().is_pending());
    assert_eq!(wakes.count(), 1);
    assert!(Pin::new(&mut writer).poll_flush(&mut cx).is_ready());
}

/// Panics when it is woken.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        std::panic::resume_unwind(Box::new("a waker that panics"));
    }
}

#[test]
fn a_waker_that_panics_leaves_no_other_asleep() {
    let panics = Waker::from(Arc::new(Panics));
    for by_worker in [true, false] {
        let (mut out, mut worker, gate) = gated(1);
        let _flow = out.write("x").expect("it is open");
        let writer = out.writer();
        let mut waits: Vec<_> = (0..3).map(|_| Box::pin(writer.delivered(1))).collect();
        let mut last = Counted::new(waits.pop().expect("three"));
        for wait in &mut waits {
            let mut cx = Context::from_waker(&panics);
            assert!(wait.as_mut().poll(&mut cx).is_pending());
        }
        assert!(last.poll().is_pending());
        assert!(worker.poll().is_pending());
        if by_worker {
            gate.answer(Ok(()));
            assert!(worker.poll().is_pending(), "it is no concern of the worker");
        } else {
            let destroy = AssertUnwindSafe(|| drop(out.destroy()));
            let panic = std::panic::catch_unwind(destroy).expect_err("it goes on in the caller");
            assert_eq!(panic.downcast_ref(), Some(&"a waker that panics"));
        }
        assert_eq!(last.woken(), 1);
        assert!(last.poll().is_ready());
    }
}

/// A second panic in a thread that panics already would end the process.
#[test]
fn a_waker_that_panics_beside_another_panic_ends_no_process() {
    struct WritesOnDrop(Writable<PolledGate>);

    impl Drop for WritesOnDrop {
        fn drop(&mut self) {
            let _ = self.0.write("the last words");
        }
    }

    let gate = PolledGate::default();
    let (out, mut worker) = Writable::builder().pair(gate);
    let panics = Waker::from(Arc::new(Panics));
    let mut cx = Context::from_waker(&panics);
    assert!(Pin::new(&mut worker).poll(&mut cx).is_pending());
    let caught = std::panic::catch_unwind(AssertUnwindSafe(|| {
        let _writes = WritesOnDrop(out);
        std::panic::resume_unwind(Box::new("the first panic"));
    }));
    let panic = caught.expect_err("it panicked");
    assert_eq!(panic.downcast_ref(), Some(&"the first panic"));
}
