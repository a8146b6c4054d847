//! What a drop does, of each value that the one handle has: the list stands in the crate's
//! documentation, *Dropping*.
#![cfg(feature = "tokio")]

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use futures::io::AllowStdIo;
use highwater::{Cause, Event, Flow, OnDrop, SendError, WaitError, Worker, Writable};
use highwater_testkit::gate::Gate;
use highwater_testkit::players::polled::{PolledGate, poll_once};
use highwater_testkit::sinks::on_write;
use highwater_testkit::wakes::Counted;
use tokio::runtime::Runtime;

type Checked = Result<(), highwater::BoxError>;

/// A stream whose sink has a byte in hand, and its events.
struct Stuck {
    out: Writable<PolledGate>,
    worker: Worker<PolledGate>,
    gate: PolledGate,
    events: Receiver<String>,
}

fn stuck() -> Stuck {
    let gate = PolledGate::default();
    let (tell, events) = channel();
    let builder = Writable::builder()
        .high_water_mark(4)
        .limit(8)
        .observer(move |event| drop(tell.send(shown(event))));
    let (mut out, mut worker) = builder.pair(gate.clone());
    let _flow = out.write("a").expect("it is open");
    assert!(poll_once(&mut worker).is_none());
    Stuck {
        out,
        worker,
        gate,
        events,
    }
}

fn shown(event: Event) -> String {
    match event {
        Event::Error(cause) => format!("Error: {cause}"),
        event => format!("{event:?}"),
    }
}

impl Stuck {
    /// Drops the owner, and lets the sink go on. Returns what the sink has taken.
    fn finish(self) -> String {
        self.finish_after(drop).0
    }

    /// Lets the sink go on after the last call of the owner. Returns what the sink has taken, and
    /// the events.
    fn finish_after(mut self, last: impl FnOnce(Writable<PolledGate>)) -> (String, Vec<String>) {
        last(self.out);
        self.gate.open();
        assert!(poll_once(&mut self.worker).is_some(), "it has ended");
        drop(self.worker);
        let taken = String::from_utf8(self.gate.taken()).expect("it is text");
        (taken, self.events.iter().collect())
    }
}

#[test]
fn a_wait_that_is_dropped_changes_nothing() {
    let mut stuck = stuck();
    let _flow = stuck.out.write("bc").expect("it is open");
    let before = stuck.out.snapshot();
    let waits = [
        stuck.out.drained(),
        stuck.out.delivered(3),
        stuck.out.closed(),
    ];
    for mut wait in waits {
        drop(poll_once(&mut wait));
    }
    assert_eq!(stuck.out.snapshot(), before);
    assert_eq!(stuck.finish(), "abc");
}

/// The flush is in line from the call on.
#[test]
fn a_flush_whose_wait_is_dropped_is_still_done() {
    let mut stuck = stuck();
    drop(stuck.out.flush());
    let _flow = stuck.out.write("b").expect("it is open");
    assert_eq!(
        stuck.out.snapshot().queued,
        2,
        "the flush, and the chunk after it"
    );
    assert_eq!(stuck.finish(), "ab");
}

#[test]
fn a_sending_that_is_dropped_drops_its_chunk_unless_it_is_in() {
    let mut stuck = stuck();
    drop(stuck.out.send("bcd"));
    let mut late = stuck.out.send("never");
    assert!(poll_once(&mut late).is_none(), "there is no room");
    drop(late);
    assert_eq!(stuck.finish(), "abcd");
}

/// A place in the line for room is passed on.
#[test]
fn a_sending_that_is_dropped_once_it_is_woken_leaves_its_turn_to_the_next() {
    let mut stuck = stuck();
    assert_eq!(stuck.out.write("bcd").ok(), Some(Flow::Wait));
    let writer = stuck.out.writer();
    let first = Counted::waiting(writer.send("x"));
    let mut second = Counted::waiting(Box::pin(async move { writer.send("y").await }));
    stuck.gate.open();
    assert!(poll_once(&mut stuck.worker).is_none());
    assert_eq!((first.woken(), second.woken()), (1, 0));
    drop(first);
    assert_eq!(second.woken(), 1);
    assert!(second.poll().is_ready());
    assert_eq!(stuck.finish(), "abcdy");
}

/// The place of one that was dropped goes to another, at the end of the line.
#[test]
fn a_sending_that_comes_after_a_drop_does_not_overtake_the_others() {
    let mut stuck = stuck();
    assert_eq!(stuck.out.write("bcd").ok(), Some(Flow::Wait));
    let writer = stuck.out.writer();
    let [first, second] = ["x", "y"].map(|chunk| Counted::waiting(writer.send(chunk)));
    drop(first);
    let third = Counted::waiting(writer.send("z"));
    stuck.gate.open();
    assert!(poll_once(&mut stuck.worker).is_none());
    assert_eq!((second.woken(), third.woken()), (1, 0));
}

/// The thread that has given up does not stand in the line for room.
#[test]
fn a_sending_that_has_timed_out_leaves_its_turn_to_the_next() {
    let mut stuck = stuck();
    assert_eq!(stuck.out.write("bcd").ok(), Some(Flow::Wait));
    let writer = stuck.out.writer();
    let mut first = writer.send("x");
    let late = first.wait_timeout(Duration::ZERO);
    assert!(matches!(late, Err(SendError::TimedOut)));
    let second = Counted::waiting(writer.send("y"));
    stuck.gate.open();
    assert!(poll_once(&mut stuck.worker).is_none());
    assert_eq!(second.woken(), 1);
    assert_eq!(first.into_chunk(), Some("x".into()));
}

/// Not only the first in the line: none of them will get room.
#[test]
fn an_end_and_a_destroy_wake_every_sending_that_waits_for_room() {
    let stops: [fn(Writable<PolledGate>); 2] = [|out| drop(out.end()), |out| drop(out.destroy())];
    for stop in stops {
        let mut stuck = stuck();
        assert_eq!(stuck.out.write("bcd").ok(), Some(Flow::Wait));
        let writer = stuck.out.writer();
        let sends = [0; 3].map(|_| Counted::waiting(writer.send("x")));
        stop(stuck.out);
        assert_eq!(sends.each_ref().map(Counted::woken), [1, 1, 1]);
        for mut sending in sends {
            assert!(matches!(sending.poll(), Poll::Ready(Err(_))));
        }
    }
}

#[test]
fn an_end_that_is_dropped_does_what_the_owner_does() {
    let (taken, events) = stuck().finish_after(|out| drop(out.end_with("bc")));
    assert_eq!(taken, "abc", "the last chunk was accepted by the call");
    assert_eq!(events, ["Finish", "Close"]);

    let gate = PolledGate::default();
    let (out, worker) = Writable::builder().discard_on_drop().pair(gate.clone());
    let writer = out.writer();
    let mut end = out.end_with("never");
    assert!(poll_once(&mut end).is_none());
    drop(end);
    assert!(poll_once(writer.closed()).is_none());
    block_on(worker);
    let closed = poll_once(writer.closed()).expect("it is closed");
    assert!(matches!(closed, Err(WaitError::Destroyed)));
    assert_eq!(gate.taken(), b"");
}

#[test]
fn an_end_over_a_thread_that_is_dropped_waits_like_the_owner() -> Checked {
    for policy in [OnDrop::Finish, OnDrop::FinishWithin(Duration::MAX)] {
        let gate = Gate::default();
        let mut out = Writable::builder()
            .on_drop(policy)
            .spawn(gate.sink())
            .map_err(io::Error::from)?;
        let _flow = out.write("a")?;
        gate.wait_for_call();
        let mut end = out.end_with("b");
        assert!(end.wait_timeout(Duration::ZERO).is_err());
        let opens = gate.clone();
        let other = thread::spawn(move || opens.open());
        drop(end);
        assert_eq!(gate.taken(), b"ab", "the drop has waited");
        other.join().expect("no panic");
    }
    Ok(())
}

#[test]
fn a_detached_owner_is_dropped_at_once_and_the_thread_goes_on() -> Checked {
    let gate = Gate::default();
    let builder = Writable::builder().on_drop(OnDrop::Detach);
    let mut out = builder.spawn(gate.sink()).map_err(io::Error::from)?;
    let _flow = out.write("a")?;
    gate.wait_for_call();
    let _flow = out.write("b")?;
    let closed = out.writer();
    // A drop that waited would wait for ever: the gate is opened after it.
    drop(out);
    gate.open();
    closed.closed().wait()?;
    assert_eq!(gate.taken(), b"ab");
    Ok(())
}

#[test]
fn a_destroy_that_is_dropped_leaves_the_stream_destroyed() {
    let (taken, events) = stuck().finish_after(|out| drop(out.destroy_with("enough")));
    assert_eq!(taken, "", "the call that was pending has taken nothing");
    assert_eq!(events, ["Error: enough", "Close"]);
}

#[test]
fn a_producer_that_is_dropped_ends_nothing() {
    let stuck = stuck();
    let writer = stuck.out.writer();
    let _flow = writer.write("b").expect("it is open");
    drop(writer);
    let late = stuck.out.writer().write("c");
    assert!(late.is_ok());
    assert_eq!(stuck.finish(), "abc");
}

/// Up to the end of the source a pipe that is dropped is a destroy; then it is as an end.
#[test]
fn a_pipe_that_is_dropped_after_the_end_of_its_source_ends_the_stream() {
    let (taken, events) = stuck().finish_after(|out| {
        let mut pipe = Box::pin(out.pipe_async(&b"bc"[..]));
        assert!(poll_once(pipe.as_mut()).is_none(), "the sink is stuck");
    });
    assert_eq!(taken, "abc");
    assert_eq!(events, ["Finish", "Close"]);
}

/// Even if the worker, which is done, is not dropped yet.
#[test]
fn a_sink_that_was_given_up_is_dropped_once_the_worker_lets_go_of_it() {
    let lives = Arc::new(());
    let held = Arc::clone(&lives);
    let sink = on_write(move |bytes| {
        let _sink_has = &held;
        Ok(bytes.len())
    });
    let (out, mut worker) = Writable::builder().pair(AllowStdIo::new(sink));
    let unfinished = out.destroy().give_up();
    assert!(unfinished.sink.is_none(), "the worker has it");
    assert_eq!(Arc::strong_count(&lives), 2);
    assert!(poll_once(&mut worker).is_some());
    assert_eq!(Arc::strong_count(&lives), 1);
}

#[test]
fn a_cork_guard_that_is_dropped_uncorks() {
    let mut stuck = stuck();
    let mut corked = stuck.out.cork().expect("it is open");
    let _flow = corked.write("b").expect("it is open");
    drop(corked);
    assert_eq!(stuck.out.snapshot().corked, 0);
    assert_eq!(stuck.finish(), "ab");
}

/// `let (out, _) = builder.pair(sink)` drops the worker at once: the error says so.
#[test]
fn a_worker_that_is_dropped_fails_the_stream_and_is_named() -> Checked {
    let Stuck {
        mut out,
        worker,
        events,
        ..
    } = stuck();
    let _flow = out.write("bc")?;
    let mut drained = out.closed();
    assert!(poll_once(&mut drained).is_none());
    drop(worker);
    let text = "the worker of the stream was dropped, 3 bytes were not delivered";
    let refused = out.write("late").expect_err("no worker is there");
    assert_eq!(
        (refused.to_string().as_str(), refused.code()),
        (text, "ABORT_ERR")
    );
    assert!(matches!(
        refused.cause(),
        Some(Cause::WorkerDropped { undelivered: 3 })
    ));
    let closed = poll_once(&mut drained)
        .expect("it is closed")
        .expect_err("it has failed");
    assert_eq!(closed.to_string(), text);
    let failed = poll_once(out.end())
        .expect("it is closed")
        .expect_err("it has failed");
    assert_eq!(failed.to_string(), text);
    assert_eq!(
        events.iter().collect::<Vec<_>>(),
        [format!("Error: {text}").as_str(), "Close"]
    );
    Ok(())
}

/// An owner that a task has dropped cannot wait; what a runtime that shuts down has not written
/// goes to the observer, counted to the byte.
#[test]
fn a_runtime_that_shuts_down_tells_the_observer_what_is_lost() -> Checked {
    let (tell, told) = channel();
    let observer = move |event: Event| {
        if let Event::Error(Cause::WorkerDropped { undelivered }) = event {
            let _ = tell.send(undelivered);
        }
    };
    let runtime = Runtime::new()?;
    let (near, far) = tokio::io::duplex(1000);
    let builder = Writable::builder().observer(observer);
    let mut out = builder.spawn_tokio_on(runtime.handle(), near);
    for n in 0..100_000 {
        let _flow = out.write(format!("{n}\n"))?;
    }
    let accepted = out.position();
    let writer = out.writer();
    drop(out);
    runtime.shutdown_timeout(Duration::from_secs(10));
    let undelivered = told.recv()?;
    let now = writer.snapshot();
    assert_eq!(now.delivered + undelivered, accepted);
    assert!(undelivered > 0, "the pipe holds less");
    drop(far);
    Ok(())
}

/// A stream that has finished before its runtime shuts down has lost nothing.
#[test]
fn a_runtime_that_shuts_down_after_the_end_tells_nothing() -> Checked {
    let (tell, told) = channel();
    let runtime = Runtime::new()?;
    let builder = Writable::builder().observer(move |event| drop(tell.send(shown(event))));
    let mut out = builder.spawn_tokio_on(runtime.handle(), Vec::new());
    write!(out, "a line")?;
    assert_eq!(out.end().wait()?.sink, b"a line");
    drop(runtime);
    assert_eq!(told.iter().collect::<Vec<_>>(), ["Finish", "Close"]);
    Ok(())
}
