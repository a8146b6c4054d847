//! Interleavings of the thread adapter, searched by loom: the real code, over
//! loom's locks and threads. `tests/loom.sh` runs it; `tests/plant.sh` shows that
//! each model can fail.
//!
//! A waiter that nobody wakes is a deadlock, which loom reports. Its timed waits
//! take no time, so nothing here is timed.
#![cfg(highwater_loom)]

mod model;

use std::error::Error;
use std::io::{self, Write};

use highwater::{EndError, Flow, OnDrop, WaitError, Writable, Writer};
use loom::sync::{Arc, Mutex};
use loom::thread;

use model::model;

fn stream<W: Write + Send + 'static>(mark: u64, sink: W) -> Writable<W> {
    let builder = Writable::builder().high_water_mark(mark);
    builder.spawn(sink).expect("loom has threads")
}

fn ended<W>(out: Writable<W>) -> W {
    out.end().expect("nothing fails here").sink
}

/// A sink that can still be looked at when the stream is gone.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().expect("nobody panics with it").clone()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics with it").extend(bytes);
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

/// Whoever is told to wait is woken, however the answer of the sink falls.
#[test]
fn who_waits_is_woken() {
    model(|| {
        let mut out = stream(1, Vec::new());
        for byte in [b"a", b"b"] {
            if out.write(byte).expect("it is open") == Flow::Wait {
                out.wait_drain().expect("it is open");
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
                    writer.wait_drain().expect("it is open");
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
        let unfinished = out.destroy();
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

/// Dropping without waiting leaves nobody behind: loom reports what leaks.
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

/// A position is reached before whoever waits for it goes on; so is a flush.
#[test]
fn positions_and_flushes_are_reached() {
    model(|| {
        let kept = Kept::default();
        let mut out = stream(16, kept.clone());
        let _flow = out.write(b"a").expect("it is open");
        let (writer, seen) = (out.writer(), kept.clone());
        let other = thread::spawn(move || {
            writer.wait_delivered(1).expect("nothing fails");
            assert_eq!(seen.bytes(), b"a");
        });
        out.flush().expect("nothing fails");
        assert_eq!(kept.bytes(), b"a");
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
        let cork = out.cork().expect("it is open");
        let _flow = cork.write(b"a").expect("it is open");
        let _flow = cork.write(b"b").expect("it is open");
        drop(cork);
        let sink = ended(out);
        assert_eq!((&sink.0[..], sink.1), (&b"ab"[..], 1));
    });
}

/// Whoever waits is told why, and the end says it too.
fn fails_with<W: Write + Send + 'static>(out: Writable<W>, why: &'static str) {
    let waiter = |writer: Writer| move || writer.wait_delivered(1);
    let wait = waiter(out.writer());
    let other = thread::spawn(wait);
    let Err(EndError::Failed {
        cause, unfinished, ..
    }) = out.end()
    else {
        panic!("it should have failed");
    };
    assert!(says(&cause, why), "{cause}");
    assert_eq!(unfinished.unsent.len(), 1);
    match other.join().expect("it does not panic") {
        Err(WaitError::Failed(cause)) => assert!(says(&cause, why), "{cause}"),
        other => panic!("it was told {other:?}"),
    }
}

fn says(cause: &(dyn Error + 'static), why: &str) -> bool {
    let mut causes = std::iter::successors(Some(cause), |cause| (*cause).source());
    causes.any(|cause| cause.to_string().contains(why))
}

#[test]
fn a_failure_reaches_everybody() {
    model(|| {
        let mut out = stream(16, Fails);
        let _flow = out.write(b"a").expect("it is open");
        fails_with(out, "full");
    });
}

#[test]
fn a_panic_reaches_everybody() {
    std::panic::set_hook(Box::new(|_| {})); // thousands of them
    model(|| {
        let mut out = stream(16, Panics);
        let _flow = out.write(b"a").expect("it is open");
        fails_with(out, "the sink panics");
    });
}

#[test]
fn an_opening_that_fails_reaches_everybody() {
    model(|| {
        let open = || Err::<Vec<u8>, _>(io::Error::other("missing"));
        let mut out = Writable::builder().open(open).expect("loom has threads");
        if out.write(b"a").is_err() {
            return; // it has failed already
        }
        fails_with(out, "missing");
    });
}
