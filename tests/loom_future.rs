//! Interleavings of the async adapter, searched by loom: the real code, over
//! loom's locks, its threads and its `block_on`. `tests/loom.sh` runs it;
//! `tests/plant.sh` shows that each model can fail.
//!
//! A task that is never woken is a deadlock, which loom reports.
#![cfg(all(highwater_loom, feature = "futures"))]

mod model;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures::io::{AsyncWrite, Cursor};
use highwater::{Cause, EndError, Flow, WaitError, Writable};
use loom::future::block_on;
use loom::sync::{Arc, Mutex};
use loom::thread::{self, JoinHandle};

use model::{model, poll_once};

fn stream<W>(mark: u64, sink: W) -> (Writable<W>, JoinHandle<()>)
where
    W: AsyncWrite + Send + Unpin + 'static,
{
    let (out, worker) = Writable::builder().high_water_mark(mark).pair(sink);
    // An executor of its own for the worker.
    (out, thread::spawn(|| block_on(worker)))
}

type Bytes = Cursor<Vec<u8>>;

fn bytes() -> Bytes {
    Cursor::new(Vec::new())
}

/// A sink whose write is pending until the test opens the gate, which wakes the worker.
#[derive(Clone, Default)]
struct Gate(Arc<Mutex<Gated>>);

#[derive(Default)]
struct Gated {
    open: bool,
    /// So many calls go through before that.
    passes: u32,
    waker: Option<Waker>,
    bytes: Vec<u8>,
}

impl Gate {
    fn passing(calls: u32) -> Self {
        let gated = Gated {
            passes: calls,
            ..Gated::default()
        };
        Self(Arc::new(Mutex::new(gated)))
    }

    fn open(&self) {
        let mut gated = self.0.lock().expect("no panic with the lock");
        gated.open = true;
        let waker = gated.waker.take();
        drop(gated);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.lock().expect("no panic with the lock").bytes.clone()
    }
}

impl AsyncWrite for Gate {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let waker = cx.waker().clone();
        let mut gated = self.0.lock().expect("no panic with the lock");
        if gated.open || gated.passes > 0 {
            gated.passes = gated.passes.saturating_sub(1);
            gated.bytes.extend(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        let old = gated.waker.replace(waker);
        drop(gated);
        drop(old);
        Poll::Pending
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A producer that has to wait is woken, whenever the worker has its turns.
#[test]
fn a_waiter_is_woken() {
    model(|| {
        let (mut out, worker) = stream(1, bytes());
        let done = block_on(async {
            for byte in [b"a", b"b"] {
                if out.write(byte).expect("it is open") == Flow::Wait {
                    out.drained().await.expect("it is open");
                }
            }
            out.end().await.expect("nothing fails here")
        });
        worker.join().expect("it does not panic");
        assert_eq!(done.sink.into_inner(), b"ab");
    });
}

#[test]
fn two_producers_lose_nothing() {
    model(|| {
        let (out, worker) = stream(1, bytes());
        let producer = |byte: &'static [u8]| {
            let writer = out.writer();
            move || {
                if writer.write(byte).expect("it is open") == Flow::Wait {
                    block_on(writer.drained()).expect("it is open");
                }
            }
        };
        let other = thread::spawn(producer(b"a"));
        producer(b"b")();
        other.join().expect("it does not panic");
        let done = block_on(out.end()).expect("nothing fails here");
        worker.join().expect("it does not panic");
        let mut bytes = done.sink.into_inner();
        bytes.sort_unstable();
        assert_eq!(bytes, b"ab");
    });
}

/// A sink that has its waker called by another thread is asked again.
#[test]
fn a_sink_that_is_ready_later_is_asked_again() {
    model(|| {
        let gate = Gate::default();
        let (mut out, worker) = stream(16, gate.clone());
        let other = gate.clone();
        let other = thread::spawn(move || other.open());
        let _flow = out.write(b"a").expect("it is open");
        let done = block_on(out.end()).expect("nothing fails here");
        assert_eq!(done.totals.delivered, 1);
        assert_eq!(gate.bytes(), b"a");
        other.join().expect("it does not panic");
        worker.join().expect("it does not panic");
    });
}

/// Delivered and unsent are what was accepted, to the byte and in order.
#[test]
fn destroy_meets_a_write_in_flight() {
    model(|| {
        let gate = Gate::default();
        let (mut out, worker) = stream(16, gate.clone());
        let other = gate.clone();
        let other = thread::spawn(move || other.open());
        let _flow = out.write(b"a").expect("it is open");
        let _flow = out.write(b"b").expect("it is open");
        let unfinished = block_on(out.destroy());
        worker.join().expect("it does not panic");
        other.join().expect("it does not panic");
        let mut bytes = gate.bytes();
        for chunk in unfinished.unsent {
            bytes.extend(chunk.as_ref());
        }
        assert_eq!(bytes, b"ab");
        assert!(unfinished.sink.is_some());
    });
}

/// A destroy gets through to a worker whose sink never answers.
#[test]
fn destroy_meets_a_sink_that_is_stuck() {
    model(|| {
        let (mut out, worker) = stream(16, Gate::default());
        let _flow = out.write(b"a").expect("it is open");
        let unfinished = block_on(out.destroy());
        worker.join().expect("it does not panic");
        let unsent: Vec<_> = unfinished.unsent.iter().map(AsRef::as_ref).collect();
        assert_eq!(unsent, [b"a"]);
    });
}

/// A wait that is given up takes no other waiter's wake-up with it.
#[test]
fn a_wait_that_is_given_up_takes_no_other_wake_up() {
    model(|| {
        let (mut out, worker) = stream(1, bytes());
        let _flow = out.write(b"a").expect("it is open");
        let writer = out.writer();
        let other = thread::spawn(move || {
            let mut wait = Box::pin(writer.drained());
            block_on(poll_fn(|cx| {
                let _poll = wait.as_mut().poll(cx);
                Poll::Ready(())
            }));
        });
        block_on(out.drained()).expect("it is open");
        other.join().expect("it does not panic");
        let done = block_on(out.end()).expect("nothing fails here");
        worker.join().expect("it does not panic");
        assert_eq!(done.sink.into_inner(), b"a");
    });
}

/// Positions and flushes are reached before their waiters go on.
#[test]
fn positions_and_flushes_are_reached() {
    model(|| {
        let gate = Gate::default();
        gate.open();
        let (mut out, worker) = stream(16, gate.clone());
        let _flow = out.write(b"a").expect("it is open");
        let (writer, seen) = (out.writer(), gate.clone());
        let other = thread::spawn(move || {
            block_on(writer.delivered(1)).expect("nothing fails");
            assert_eq!(seen.bytes(), b"a");
        });
        block_on(out.flush()).expect("nothing fails");
        assert_eq!(gate.bytes(), b"a");
        other.join().expect("it does not panic");
        drop(block_on(out.end()).expect("nothing fails here"));
        worker.join().expect("it does not panic");
    });
}

/// A worker that is dropped makes the stream fail, and the rest is handed back.
#[test]
fn a_worker_that_is_dropped_reaches_every_waiter() {
    model(|| {
        let (mut out, worker) = Writable::builder().high_water_mark(1).pair(bytes());
        let _flow = out.write(b"a").expect("it is open");
        let writer = out.writer();
        let waiter = thread::spawn(move || block_on(writer.drained()));
        let other = thread::spawn(move || drop(worker));
        let ended = block_on(out.end());
        let Err(EndError::Failed {
            cause, unfinished, ..
        }) = ended
        else {
            panic!("it should have failed");
        };
        assert!(is_of_the_drop(&cause), "{cause}");
        other.join().expect("it does not panic");
        match waiter.join().expect("it does not panic") {
            Err(WaitError::Failed(cause)) => assert!(is_of_the_drop(&cause), "{cause}"),
            Err(WaitError::Ended) => {}
            other => panic!("the waiter got {other:?}"),
        }
        let unsent: Vec<_> = unfinished.unsent.iter().map(AsRef::as_ref).collect();
        assert_eq!(unsent, [b"a"]);
    });
}

fn is_of_the_drop(cause: &Cause) -> bool {
    matches!(cause, Cause::WorkerDropped { undelivered: 1 })
}

/// Neither fails if the other has filled the stream, as both wait for room.
#[test]
fn a_pipe_and_a_producer_share_a_limit() {
    model(|| {
        let builder = Writable::builder().high_water_mark(1).limit(1);
        let (out, worker) = builder.pair(bytes());
        let worker = thread::spawn(|| block_on(worker));
        let mut writer = out.writer();
        let piping = thread::spawn(move || block_on(out.pipe_async(&b"a"[..])));
        // It may come too late: the pipe ends the stream.
        drop(block_on(poll_fn(|cx| {
            Pin::new(&mut writer).poll_write(cx, b"b")
        })));
        let piped = piping.join().expect("no panic");
        assert!(piped.is_ok(), "the pipe was refused");
        worker.join().expect("no panic");
    });
}

/// A thread waits for a worker that is polled as it does for a thread.
#[test]
fn a_blocking_producer_is_woken_by_a_worker_that_is_polled() {
    model(|| {
        let (mut out, worker) = stream(1, bytes());
        for byte in ["a", "b"] {
            out.send(byte).wait().expect("it is open");
        }
        let done = out.end().wait().expect("nothing fails here");
        worker.join().expect("it does not panic");
        assert_eq!(done.sink.into_inner(), b"ab");
    });
}

/// A worker that moves to another executor is woken there.
#[test]
fn a_worker_that_moves_to_another_executor_is_woken_there() {
    model(|| {
        let (mut out, mut worker) = Writable::builder().pair(bytes());
        assert!(poll_once(&mut worker).is_pending());
        let worker = thread::spawn(|| block_on(worker));
        let _flow = out.write(b"a").expect("it is open");
        let done = block_on(out.end()).expect("nothing fails here");
        worker.join().expect("it does not panic");
        assert_eq!(done.sink.into_inner(), b"a");
    });
}

/// The waiter goes on before the second call of the job is through.
#[test]
fn progress_within_a_job_wakes_a_waiter_for_a_position() {
    model(|| {
        let gate = Gate::passing(1);
        let (mut out, worker) = stream(16, gate.clone());
        let cork = out.cork().expect("it is open");
        let _flow = cork.write_chunk("a").expect("it is open");
        let _flow = cork.write_chunk("b").expect("it is open");
        drop(cork);
        block_on(out.delivered(1)).expect("nothing fails");
        gate.open();
        drop(block_on(out.end()).expect("nothing fails here"));
        worker.join().expect("it does not panic");
        assert_eq!(gate.bytes(), b"ab");
    });
}
