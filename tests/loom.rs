//! Interleavings of the thread adapter, searched by loom: the real code, over
//! loom's locks and threads. `tests/loom.sh` runs it; `tests/plant.sh` shows that
//! each model can fail.
//!
//! A waiter that is never woken is a deadlock, which loom reports. No time passes in a
//! model, so no wait here has a time-out.
#![cfg(highwater_loom)]

mod model;

use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use highwater::{EndError, Flow, OnDrop, WaitError, Writable, Writer};
use loom::future::block_on;
use loom::sync::mpsc::{Receiver, Sender, channel};
use loom::sync::{Arc, Mutex};
use loom::thread;

use model::{model, poll_once};

fn stream<W: Write + Send + 'static>(mark: u64, sink: W) -> Writable<W> {
    let builder = Writable::builder().high_water_mark(mark);
    builder.spawn(sink).expect("loom has threads")
}

fn ended<W>(out: Writable<W>) -> W {
    out.end().wait().expect("nothing fails here").sink
}

/// A sink that can still be looked at when the stream is gone.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().expect("no panic with the lock").clone()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic with the lock").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Fails;

impl Write for Fails {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::other("full"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Panics;

impl Write for Panics {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        panic!("the sink panics")
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A producer that has to wait is woken, whenever the call of the sink returns.
#[test]
fn a_waiter_is_woken() {
    model(|| {
        let mut out = stream(1, Vec::new());
        for byte in [b"a", b"b"] {
            if out.write(byte).expect("it is open") == Flow::Wait {
                out.drained().wait().expect("it is open");
            }
        }
        assert_eq!(ended(out), b"ab");
    });
}

#[test]
fn two_producers_lose_nothing() {
    model(|| {
        let out = stream(1, Vec::new());
        let producer = |out: &Writable<_>, byte: &'static [u8]| {
            let writer = out.writer();
            move || {
                let flow = writer.write(byte).expect("it is open");
                if flow == Flow::Wait {
                    writer.drained().wait().expect("it is open");
                }
            }
        };
        let other = thread::spawn(producer(&out, b"a"));
        producer(&out, b"b")();
        other.join().expect("it does not panic");
        let mut bytes = ended(out);
        bytes.sort_unstable();
        assert_eq!(bytes, b"ab");
    });
}

/// A write that meets the end is accepted and written, or refused and not.
#[test]
fn a_write_meets_the_end() {
    model(|| {
        let out = stream(16, Vec::new());
        let writer = out.writer();
        let other = thread::spawn(move || writer.write(b"a").is_ok());
        let bytes = ended(out);
        let accepted = other.join().expect("it does not panic");
        assert_eq!(bytes, if accepted { &b"a"[..] } else { b"" });
    });
}

/// Delivered and unsent are what was accepted, to the byte and in order.
#[test]
fn destroy_meets_a_write_in_flight() {
    model(|| {
        let mut out = stream(16, Vec::new());
        let _flow = out.write(b"a").expect("it is open");
        let _flow = out.write(b"b").expect("it is open");
        let unfinished = out
            .destroy()
            .wait()
            .expect("the worker has a thread of its own");
        let mut bytes = unfinished.sink.expect("the worker has come back");
        for chunk in unfinished.unsent {
            bytes.extend(chunk.as_ref());
        }
        assert_eq!(bytes, b"ab");
        assert_eq!(unfinished.in_doubt, 0);
    });
}

#[test]
fn drop_waits_until_all_is_written() {
    model(|| {
        let kept = Kept::default();
        let mut out = stream(16, kept.clone());
        let _flow = out.write(b"a").expect("it is open");
        drop(out);
        assert_eq!(kept.bytes(), b"a");
    });
}

/// A drop that does not wait leaks nothing: loom reports leaks.
#[test]
fn drop_can_leave_at_once() {
    model(|| {
        let kept = Kept::default();
        let builder = Writable::builder().on_drop(OnDrop::Discard);
        let mut out = builder.spawn(kept.clone()).expect("loom has threads");
        let _flow = out.write(b"a").expect("it is open");
        drop(out);
        assert!(matches!(&kept.bytes()[..], b"" | b"a"));
    });
}

/// A position is reached before its waiter goes on; so is a flush.
#[test]
fn positions_and_flushes_are_reached() {
    model(|| {
        let kept = Kept::default();
        let mut out = stream(16, kept.clone());
        let _flow = out.write(b"a").expect("it is open");
        let (writer, seen) = (out.writer(), kept.clone());
        let other = thread::spawn(move || {
            writer.delivered(1).wait().expect("nothing fails");
            assert_eq!(seen.bytes(), b"a");
        });
        out.flush().wait().expect("nothing fails");
        assert_eq!(kept.bytes(), b"a");
        other.join().expect("it does not panic");
        let _sink = ended(out);
    });
}

/// Two producers that flush may share a sync, and none returns before its own data is in one.
#[test]
fn two_producers_that_flush_share_no_sync_that_comes_too_early() {
    /// Knows how much was written when it was flushed last.
    struct Synced(Kept, Arc<Mutex<usize>>);
    impl Write for Synced {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            *self.1.lock().expect("no panic with the lock") = self.0.bytes().len();
            Ok(())
        }
    }
    model(|| {
        let synced = Arc::new(Mutex::new(0));
        let sink = Synced(Kept::default(), Arc::clone(&synced));
        let builder = Writable::builder().group_commit(true).high_water_mark(16);
        let mut out = builder.spawn(sink).expect("a thread can be started");
        let (writer, seen) = (out.writer(), Arc::clone(&synced));
        let other = thread::spawn(move || {
            let _flow = writer.write(b"b").expect("it is open");
            let position = writer.position() as usize;
            writer.flush().wait().expect("nothing fails");
            assert!(*seen.lock().expect("no panic with the lock") >= position);
        });
        let _flow = out.write(b"a").expect("it is open");
        let position = out.position() as usize;
        out.flush().wait().expect("nothing fails");
        assert!(*synced.lock().expect("no panic with the lock") >= position);
        other.join().expect("it does not panic");
        let _sink = ended(out);
    });
}

/// What is written under a cork goes out together.
#[test]
fn a_cork_holds() {
    /// Counts its calls.
    struct Counts(Vec<u8>, u32);
    impl Write for Counts {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 += 1;
            self.0.write(bytes)
        }
        fn write_vectored(&mut self, bytes: &[io::IoSlice<'_>]) -> io::Result<usize> {
            self.1 += 1;
            self.0.write_vectored(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    model(|| {
        let mut out = stream(16, Counts(Vec::new(), 0));
        let mut cork = out.cork().expect("it is open");
        let _flow = cork.write(b"a").expect("it is open");
        let _flow = cork.write(b"b").expect("it is open");
        drop(cork);
        let sink = ended(out);
        assert_eq!((&sink.0[..], sink.1), (&b"ab"[..], 1));
    });
}

/// A waiter gets the cause, and so does the end.
fn fails_with<W: Write + Send + 'static>(out: Writable<W>, why: &'static str) {
    let waiter = |writer: Writer| move || writer.delivered(1).wait();
    let wait = waiter(out.writer());
    let other = thread::spawn(wait);
    let Err(EndError::Failed {
        cause, unfinished, ..
    }) = out.end().wait()
    else {
        panic!("it should have failed");
    };
    assert!(says(&cause, why), "{cause}");
    assert_eq!(unfinished.unsent.len(), 1);
    match other.join().expect("it does not panic") {
        Err(WaitError::Failed(cause)) => assert!(says(&cause, why), "{cause}"),
        other => panic!("the waiter got {other:?}"),
    }
}

fn says(cause: &(dyn Error + 'static), why: &str) -> bool {
    let mut causes = std::iter::successors(Some(cause), |cause| (*cause).source());
    causes.any(|cause| cause.to_string().contains(why))
}

#[test]
fn a_failure_reaches_every_waiter() {
    model(|| {
        let mut out = stream(16, Fails);
        let _flow = out.write(b"a").expect("it is open");
        fails_with(out, "full");
    });
}

#[test]
fn a_panic_reaches_every_waiter() {
    std::panic::set_hook(Box::new(|_| {})); // thousands of them
    model(|| {
        let mut out = stream(16, Panics);
        let _flow = out.write(b"a").expect("it is open");
        fails_with(out, "the sink panics");
    });
}

#[test]
fn an_opening_that_fails_reaches_every_waiter() {
    model(|| {
        let open = || Err::<Vec<u8>, _>(io::Error::other("missing"));
        let mut out = Writable::builder()
            .spawn_with(open)
            .expect("loom has threads");
        if out.write(b"a").is_err() {
            return; // it has failed already
        }
        fails_with(out, "missing");
    });
}

/// A thread and a task that wait for the same position are both woken.
#[test]
fn a_thread_and_a_task_wait_for_the_same_position() {
    model(|| {
        let mut out = stream(16, Vec::new());
        let _flow = out.write(b"a").expect("it is open");
        let writer = out.writer();
        let other = thread::spawn(move || writer.delivered(1).wait());
        block_on(out.delivered(1)).expect("nothing fails");
        let waited = other.join().expect("it does not panic");
        waited.expect("nothing fails");
        assert_eq!(ended(out), b"a");
    });
}

/// A task that goes on waiting with another waker is woken by that one, even if the worker
/// is just about to wake the first.
#[test]
fn a_waker_is_replaced_while_it_is_woken() {
    model(|| {
        let mut out = stream(1, Vec::new());
        let _flow = out.write(b"a").expect("it is open");
        let mut wait = out.drained();
        let _poll = poll_once(&mut wait);
        block_on(wait).expect("it is open");
        assert_eq!(ended(out), b"a");
    });
}

/// A waiter for room that was woken and gives up passes its turn on to the next.
#[test]
fn a_wait_that_is_dropped_while_it_is_woken_passes_its_turn_on() {
    model(|| {
        let mut out = stream(1, Vec::new());
        let _flow = out.write(b"a").expect("it is open");
        let mut first = out.send("b");
        let accepted = poll_once(&mut first).is_ready();
        let writer = out.writer();
        let second = thread::spawn(move || writer.send("c").wait());
        drop(first);
        let sent = second.join().expect("it does not panic");
        sent.expect("it is open");
        let all: &[u8] = if accepted { b"abc" } else { b"ac" };
        assert_eq!(ended(out), all);
    });
}

/// Takes a chunk a call. Its second call returns only once the waiter has gone on.
struct WaitsForTheWaiter {
    taken: Vec<u8>,
    waiter: Receiver<()>,
}

impl Write for WaitsForTheWaiter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.taken.is_empty() {
            self.waiter.recv().expect("the waiter goes on");
        }
        self.taken.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream whose worker has a job of two calls, of a byte each, and the signal of the
/// waiter. There is room once the sink has taken the first.
fn stream_with_a_job_of_two_calls() -> (Writable<WaitsForTheWaiter>, Sender<()>) {
    let (goes_on, waiter) = channel();
    let sink = WaitsForTheWaiter {
        taken: Vec::new(),
        waiter,
    };
    let builder = Writable::builder().high_water_mark(2).low_water_mark(1);
    let mut out = builder.spawn(sink).expect("loom has threads");
    let cork = out.cork().expect("it is open");
    let _flow = cork.write_chunk("a").expect("it is open");
    let _flow = cork.write_chunk("b").expect("it is open");
    drop(cork);
    (out, goes_on)
}

#[test]
fn progress_within_a_job_wakes_a_waiter_for_a_position() {
    model(|| {
        let (out, goes_on) = stream_with_a_job_of_two_calls();
        out.delivered(1).wait().expect("nothing fails");
        goes_on.send(()).expect("the sink lives");
        assert_eq!(ended(out).taken, b"ab");
    });
}

#[test]
fn progress_within_a_job_wakes_a_waiter_for_room() {
    model(|| {
        let (out, goes_on) = stream_with_a_job_of_two_calls();
        out.drained().wait().expect("it is open");
        goes_on.send(()).expect("the sink lives");
        assert_eq!(ended(out).taken, b"ab");
    });
}

/// A worker that waits before it makes a call again is woken by a destroy, whenever that comes.
#[test]
fn a_destroy_meets_a_wait_before_the_next_attempt() {
    model(|| {
        let long = Duration::from_secs(1);
        let builder = Writable::builder().retry_if(|_| true, move |_| long);
        let mut out = builder.spawn(Fails).expect("loom has threads");
        let _flow = out.write("a").expect("it is open");
        let unfinished = out.destroy().wait().expect("not in the worker");
        assert_eq!(
            (unfinished.totals.delivered, unfinished.unsent.len()),
            (0, 1)
        );
    });
}

/// A worker that is idle at once puts a flush in line, beside writes and an end.
#[test]
fn an_idle_flush_meets_a_write_and_an_end() {
    model(|| {
        let builder = Writable::builder().flush_when_idle(Duration::ZERO);
        let mut out = builder.spawn(Vec::new()).expect("loom has threads");
        for byte in ["a", "b"] {
            let _flow = out.write(byte).expect("it is open");
        }
        assert_eq!(ended(out), b"ab");
    });
}
