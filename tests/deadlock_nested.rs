//! A worker within a worker: a sink that polls another stream's worker. A thread that waits for
//! either of them on that stack gets an error; one that waits elsewhere does not.
#![cfg(feature = "futures")]

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use futures::future::FutureExt;
use futures::io::{AllowStdIo, AsyncWrite};
use highwater::{EndError, Event, OnDrop, WaitError, Writable, Writer};
use highwater_testkit::deadlocks::{Waited, assert_all_deadlock, waits};
use highwater_testkit::players::polled::{PolledGate, poll_once};
use highwater_testkit::sinks::at_first_write;
use highwater_testkit::wakes::Counted;

type Said = (&'static str, Vec<Waited>);

/// The type of a sink that has its own stream.
type Sink = Box<dyn Write + Send>;

/// A sink that makes a call at its first write.
fn sink(first: impl FnOnce() + Send + 'static) -> Sink {
    Box::new(at_first_write(move || {
        first();
        Ok(())
    }))
}

/// A producer of a stream of mark 1 with this sink, over this kind of worker.
fn over(kind: &str, sink: Sink) -> Writer {
    let builder = Writable::builder().high_water_mark(1);
    match kind {
        "thread" => {
            let out = builder.spawn(sink).map_err(io::Error::from);
            kept(out.expect("there are threads"))
        }
        _ => {
            let (out, worker) = builder.pair(AllowStdIo::new(sink));
            thread::spawn(move || block_on(worker));
            kept(out)
        }
    }
}

/// Keeps the owner on a thread: the stream does not end.
fn kept<W: Send + 'static>(out: Writable<W>) -> Writer {
    let writer = out.writer();
    drop(thread::spawn(move || out.closed().wait()));
    writer
}

/// What a sink does that is called by the inner worker: it waits for both streams.
fn inner(outer: Writer, say: Sender<Said>) -> impl FnOnce() {
    let (give, take) = channel::<Writer>();
    let say_first = say.clone();
    let outer_first = outer.clone();
    let sink = sink(move || {
        let inner = take.recv().expect("it is given");
        let _ = say_first.send(("inner, by its own sink", waits(&inner)));
        let _ = say_first.send(("outer, by the inner sink", waits(&outer_first)));
    });
    move || {
        let builder = Writable::builder().high_water_mark(1);
        let (mut out, mut worker) = builder.pair(AllowStdIo::new(sink));
        let writer = out.writer();
        drop(give.send(writer.clone()));
        let _wait = out.write("x");
        let _ = (&mut worker).now_or_never();
        drop(out);
        assert!(worker.now_or_never().is_some(), "the sink never waits");
        let _ = say.send(("outer, after the inner worker", waits(&outer)));
        // The inner worker has gone from this stack: this wait ends.
        writer.closed().wait().expect("it has finished");
    }
}

#[test]
fn a_wait_for_any_worker_on_the_stack_gets_an_error() {
    for kind in ["thread", "future"] {
        let (say, said) = channel::<Said>();
        let (give, take) = channel::<Writer>();
        let sink = sink(move || {
            let outer = take.recv().expect("it is given");
            inner(outer, say)();
        });
        let outer = over(kind, sink);
        drop(give.send(outer.clone()));
        let _wait = outer.write("x");
        let said: Vec<Said> = said.iter().collect();
        assert_eq!(said.len(), 3, "{kind}");
        for (whom, waits) in said {
            assert_all_deadlock(&format!("{kind}: {whom}"), &waits);
        }
    }
}

/// Only the stack counts: another thread that the sink has started waits as any other.
#[test]
fn a_wait_on_another_thread_than_the_worker_ends() {
    let (give, take) = channel::<Writer>();
    let (say, said) = channel();
    let sink = sink(move || {
        let outer = take.recv().expect("it is given");
        // A join here would be a deadlock which nothing can see.
        thread::spawn(move || say.send(outer.drained().wait().is_ok()));
    });
    let outer = over("thread", sink);
    drop(give.send(outer.clone()));
    let _wait = outer.write("x");
    assert_eq!(said.recv(), Ok(true));
}

/// A future worker whose sink owns the stream: the waits of the owner return as well.
#[test]
fn an_owner_on_the_stack_of_its_worker_gets_itself_back() {
    let (give, take) = channel::<Writable<AllowStdIo<Sink>>>();
    let (say, said) = channel();
    let sink = sink(move || {
        let out = take.recv().expect("it is given");
        let mut end = out.end();
        let _ = say.send(matches!(end.wait(), Err(EndError::WouldDeadlock)));
        let mut destroy = end.destroy();
        let late = destroy.wait_timeout(Duration::MAX);
        let _ = say.send(matches!(late, Err(WaitError::WouldDeadlock)));
        let unfinished = destroy.give_up();
        let _ = say.send(unfinished.in_doubt == 1);
    });
    let (mut out, worker) = Writable::builder().pair(AllowStdIo::new(sink));
    let _flow = out.write("x").expect("it is open");
    drop(give.send(out));
    block_on(worker);
    assert_eq!(said.iter().collect::<Vec<_>>(), [true, true, true]);
}

/// An owner that is dropped where its drop cannot wait: as with no time left.
#[test]
fn an_owner_that_is_dropped_on_the_stack_of_its_worker_tells_the_observer() {
    for policy in [OnDrop::Finish, OnDrop::FinishWithin(Duration::MAX)] {
        let (give, take) = channel::<Writable<Sink>>();
        let (tell, told): (Sender<String>, Receiver<String>) = channel();
        let outer = sink(move || {
            let mut out = take.recv().expect("it is given");
            let _flow = out.write("never written");
            // The drop is within another worker, which is on this stack as well.
            let owned = sink(move || drop(out));
            let (mut inner, worker) = Writable::builder().pair(AllowStdIo::new(owned));
            let _flow = inner.write("x");
            drop(inner);
            block_on(worker);
        });
        let observer = move |event: Event| {
            if let Event::Error(cause) = event {
                drop(tell.send(cause.to_string()));
            }
        };
        let builder = Writable::builder().observer(observer).on_drop(policy);
        let out = builder.spawn(outer).map_err(io::Error::from);
        let mut out = out.expect("there are threads");
        let _flow = out.write("x").expect("it is open");
        drop(give.send(out));
        let said = told.recv().expect("the observer learns it");
        assert_eq!(
            said,
            "the owner was dropped on the stack of the stream's worker: \
             13 bytes are dropped, 1 are in doubt"
        );
    }
}

/// What the worker has not taken yet is not in doubt.
#[test]
fn an_owner_that_is_dropped_by_the_observer_leaves_nothing_in_doubt() {
    let (give, take) = channel::<Writable<Vec<u8>>>();
    let (tell, told) = channel();
    let observer = move |event: Event| match event {
        Event::Drain => {
            let mut out = take.recv().expect("it is given");
            let _wait = out.write("more");
        }
        Event::Error(cause) => drop(tell.send(cause.to_string())),
        _ => {}
    };
    let builder = Writable::builder().high_water_mark(1).observer(observer);
    let mut out = builder.spawn(Vec::new()).expect("there are threads");
    let _wait = out.write("x").expect("it is open");
    drop(give.send(out));
    assert_eq!(
        told.recv().expect("the observer learns it"),
        "the owner was dropped on the stack of the stream's worker: \
         4 bytes are dropped, 0 are in doubt"
    );
}

/// An opener and an observer also run on the stack of the worker.
#[test]
fn an_observer_and_an_opener_of_a_polled_worker_get_an_error() {
    let (say, said) = channel::<Said>();
    let (give, take) = channel::<Writer>();
    let (give_opener, take_opener) = channel::<Writer>();
    let say_opener = say.clone();
    let observer = move |event: Event| {
        if let Event::Open = event {
            let writer = take.recv().expect("it is given");
            let _ = say.send(("by the observer", waits(&writer)));
        }
    };
    let opening = async move {
        let writer = take_opener.recv().expect("it is given");
        let _ = say_opener.send(("by the opener", waits(&writer)));
        Ok::<_, io::Error>(futures::io::Cursor::new(Vec::new()))
    };
    let builder = Writable::builder().high_water_mark(1).observer(observer);
    let (mut out, mut worker) = builder.pair_with(opening);
    let _wait = out.write("x").expect("it is open");
    drop(give.send(out.writer()));
    drop(give_opener.send(out.writer()));
    // Neither the opener nor the sink waits, so one poll does all.
    assert!(
        (&mut worker).now_or_never().is_none(),
        "nothing has ended it"
    );
    let said: Vec<Said> = said.try_iter().collect();
    assert_eq!(said.len(), 2);
    for (whom, waits) in said {
        assert_all_deadlock(whom, &waits);
    }
}

/// A worker that is dropped also calls the observer.
#[test]
fn an_observer_of_a_worker_that_is_dropped_gets_an_error() {
    let (say, said) = channel();
    let (give, take) = channel::<Writer>();
    let observer = move |event: Event| {
        if let Event::Error(_) = event {
            let writer = take.recv().expect("it is given");
            let waited = writer.closed().wait();
            let _ = say.send(matches!(waited, Err(WaitError::WouldDeadlock)));
        }
    };
    let builder = Writable::builder().observer(observer);
    let (out, worker) = builder.pair(AllowStdIo::new(Vec::new()));
    drop(give.send(out.writer()));
    drop(worker);
    assert_eq!(said.recv(), Ok(true));
    assert!(out.closed().wait().is_err(), "here it can be waited for");
}

/// A worker that was polled on this stack, and has returned, may go on elsewhere.
#[test]
fn a_worker_that_has_returned_can_be_waited_for() {
    let (mut out, mut worker) = Writable::builder().pair(AllowStdIo::new(Vec::new()));
    assert!((&mut worker).now_or_never().is_none());
    let _flow = out.write("x").expect("it is open");
    let mut delivered = out.delivered(1);
    let late = delivered.wait_timeout(Duration::ZERO);
    assert!(matches!(late, Err(WaitError::TimedOut)));
    let worker = thread::spawn(move || block_on(worker));
    delivered.wait().expect("nothing fails");
    drop(out);
    worker.join().expect("no panic");
}

/// A sink that does something before its first call, which may be pending.
struct Before<F>(Option<F>, PolledGate);

impl<F: FnOnce() + Unpin> AsyncWrite for Before<F> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(first) = self.0.take() {
            first();
        }
        Pin::new(&mut self.1).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.1).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.1).poll_close(cx)
    }
}

/// It does not stand in the line for room.
#[test]
fn a_write_that_would_deadlock_leaves_its_turn_to_the_next() {
    let (give, take) = channel::<Writer>();
    let (keep, kept) = channel();
    let first = move || {
        let mut view = take.recv().expect("it is given").blocking();
        let late = view.write(b"more").map_err(|error| error.kind());
        assert_eq!(late, Err(io::ErrorKind::Deadlock));
        let _ = keep.send(view);
    };
    let gate = PolledGate::default();
    let sink = Before(Some(first), gate.clone());
    let (mut out, mut worker) = Writable::builder().high_water_mark(1).pair(sink);
    drop(give.send(out.writer()));
    let _wait = out.write("x").expect("it is open");
    assert!(poll_once(&mut worker).is_none());
    let view = kept.recv().expect("the sink has returned");
    let sending = Counted::waiting(out.send("y"));
    gate.open();
    assert!(poll_once(&mut worker).is_none());
    assert_eq!(sending.woken(), 1);
    drop(view);
}
