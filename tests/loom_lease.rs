//! Interleavings of the owner's lease, searched by loom: the owner writes without the lock
//! while the worker, or another caller, takes the lease away. `tests/loom.sh` runs it;
//! `tests/plant.sh` shows that each model can fail.
//!
//! Both halves of the barrier are fences here: loom knows no call of the system.
#![cfg(highwater_loom)]

mod model;

use std::io::{self, Write};

use highwater::{EndError, Flow, Writable};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::sync::mpsc::{Receiver, Sender, channel};
use loom::thread;

use model::{model, poll_once};

/// A sink that says what it has taken.
struct Says(Sender<Vec<u8>>);

impl Write for Says {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.send(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn says(mark: u64) -> (Writable<Says>, Receiver<Vec<u8>>) {
    let (say, said) = channel();
    let builder = Writable::builder().high_water_mark(mark);
    let out = builder.spawn(Says(say)).expect("loom has threads");
    (out, said)
}

fn stream(mark: u64) -> Writable<Vec<u8>> {
    let builder = Writable::builder().high_water_mark(mark);
    builder.spawn(Vec::new()).expect("loom has threads")
}

fn ended<W>(out: Writable<W>) -> W {
    out.end().wait().expect("nothing fails here").sink
}

/// Reads what the sink says, until it has taken so many bytes.
fn taken(said: &Receiver<Vec<u8>>, count: usize) -> Vec<u8> {
    let mut taken = Vec::new();
    while taken.len() < count {
        taken.extend(said.recv().expect("the sink goes on"));
    }
    taken
}

/// Writes each chunk, and waits when the stream says so. Returns how often it has waited.
fn write_each<W>(out: &mut Writable<W>, chunks: &[&[u8]]) -> u64 {
    let mut waits = 0;
    for chunk in chunks {
        if out.write(chunk).expect("it is open") == Flow::Wait {
            waits += 1;
            out.drained().wait().expect("it is open");
        }
    }
    waits
}

/// The worker goes idle while the owner writes: it sees the write, or the owner sees that its
/// lease is over. No later call of the owner helps it.
#[test]
fn a_write_on_a_lease_reaches_the_sink_by_itself() {
    model(|| {
        let (mut out, said) = says(16);
        for byte in [b"a", b"b", b"c"] {
            assert_eq!(out.write(byte).ok(), Some(Flow::More));
        }
        assert_eq!(taken(&said, 3), b"abc");
        drop(out);
    });
}

/// What the stream has said of a write is what it is counted as.
#[test]
fn a_write_on_a_lease_meets_a_failure() {
    struct Fails;

    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("full"))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    model(|| {
        let builder = Writable::builder().high_water_mark(16);
        let mut out = builder.spawn(Fails).expect("loom has threads");
        let writes = [b"a", b"b", b"c"].map(|byte| out.write(byte).is_ok());
        let accepted = writes.iter().filter(|&&accepted| accepted).count();
        assert!(writes.is_sorted_by(|before, after| before >= after));
        match out.end().wait() {
            Err(EndError::Failed { unfinished, .. }) => {
                assert_eq!(unfinished.totals.accepted, accepted as u64);
                let unsent: Vec<u8> = unfinished
                    .unsent
                    .iter()
                    .flat_map(|chunk| chunk.as_ref().to_vec())
                    .collect();
                assert_eq!(unsent, &b"abc"[..accepted]);
            }
            other => panic!("the sink fails: {other:?}"),
        }
    });
}

/// The lease is never longer than the mark leaves, and begins again after each 'drain'.
#[test]
fn a_lease_is_renewed_while_the_owner_writes() {
    model(|| {
        let mut out = stream(3);
        let waits = write_each(&mut out, &[b"a", b"b", b"c", b"d"]);
        let done = out.end().wait().expect("nothing fails here");
        assert_eq!(done.sink, b"abcd");
        assert!(done.totals.peak <= 3);
        assert_eq!(done.totals.waits, waits);
    });
}

/// Another producer takes the lease away, and each keeps its order.
#[test]
fn a_second_producer_loses_nothing() {
    model(|| {
        let mut out = stream(16);
        let other = out.writer();
        let other = thread::spawn(move || {
            let _flow = other.write(b"x").expect("it is open");
        });
        for byte in [b"a", b"b", b"c"] {
            let _flow = out.write(byte).expect("it is open");
        }
        other.join().expect("it does not panic");
        let taken = ended(out);
        let own: Vec<u8> = taken.iter().copied().filter(|&byte| byte != b'x').collect();
        assert_eq!((taken.len(), own.as_slice()), (4, &b"abc"[..]));
    });
}

/// A segment is filled again once all of it was copied.
#[test]
fn a_segment_is_used_again() {
    model(|| {
        let mut out = stream(8);
        write_each(&mut out, &[b"aaa", b"bbb", b"ccc", b"ddd"]);
        assert_eq!(ended(out), b"aaabbbcccddd");
    });
}

/// What the owner has written under the cork of another goes on with the uncork.
#[test]
fn another_producer_uncorks_while_the_owner_writes() {
    model(|| {
        let (mut out, said) = says(16);
        let mut other = out.writer();
        let (corks, corked) = channel();
        let other = thread::spawn(move || {
            let cork = other.cork().expect("it is open");
            corks.send(()).expect("it is heard");
            drop(cork);
        });
        corked.recv().expect("it corks");
        for byte in [b"a", b"b"] {
            let _flow = out.write(byte).expect("it is open");
        }
        other.join().expect("it does not panic");
        assert_eq!(taken(&said, 2), b"ab");
        drop(out);
    });
}

/// A look counts what was written on the lease.
#[test]
fn a_look_sees_what_was_accepted() {
    model(|| {
        let mut out = stream(16);
        let other = out.writer();
        for byte in [b"a", b"b"] {
            let _flow = out.write(byte).expect("it is open");
        }
        let looks = thread::spawn(move || {
            let (before, now) = (other.position(), other.snapshot());
            assert!(2 <= before && before <= now.accepted);
            assert!(now.delivered + now.length == now.accepted);
        });
        let _flow = out.write(b"c").expect("it is open");
        assert_eq!(out.position(), 3);
        looks.join().expect("it does not panic");
        assert_eq!(ended(out), b"abc");
    });
}

/// A sink that says what it has taken, unless that is a `c` while it is held.
struct Watches {
    held: Arc<AtomicBool>,
    says: Says,
}

impl Write for Watches {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.contains(&b'c') && self.held.load(Ordering::SeqCst) {
            return Err(io::Error::other("a cork holds it"));
        }
        self.says.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream that is busy with an `a`, what its sink says, and whether the sink must not take
/// a `c`.
fn watched() -> (Writable<Watches>, Receiver<Vec<u8>>, Arc<AtomicBool>) {
    let (say, said) = channel();
    let held = Arc::new(AtomicBool::new(false));
    let sink = Watches {
        held: Arc::clone(&held),
        says: Says(say),
    };
    let builder = Writable::builder().high_water_mark(16);
    let mut out = builder.spawn(sink).expect("loom has threads");
    assert_eq!(out.write(b"a").ok(), Some(Flow::More));
    (out, said, held)
}

fn write_corked<W>(out: &mut Writable<W>, held: &AtomicBool) {
    let mut cork = out.cork().expect("it is open");
    held.store(true, Ordering::SeqCst);
    let _flow = cork.write(b"c").expect("it is open");
    held.store(false, Ordering::SeqCst);
    drop(cork);
}

/// The sink does its work while the owner corks, writes and uncorks: what the owner writes
/// meanwhile waits for the end of the cork, and needs no later call to go on.
#[test]
fn a_cork_on_a_lease_holds_what_is_written() {
    model(|| {
        let (mut out, said, held) = watched();
        assert_eq!(out.write(b"b").ok(), Some(Flow::More));
        write_corked(&mut out, &held);
        assert_eq!(taken(&said, 3), b"abc");
        drop(out);
    });
}

/// The sink does its work during the first of two corks, or between them, or during the second.
#[test]
fn each_of_two_corks_holds_what_is_written() {
    model(|| {
        let (mut out, said, held) = watched();
        assert_eq!(out.write(b"b").ok(), Some(Flow::More));
        drop(out.cork().expect("it is open"));
        write_corked(&mut out, &held);
        assert_eq!(taken(&said, 3), b"abc");
        drop(out);
    });
}

/// The sink has found the cork, and while the owner takes it back, a waiter looks at the stream.
#[test]
fn a_waiter_comes_while_the_owner_uncorks() {
    model(|| {
        let (mut out, said, held) = watched();
        let other = out.writer();
        assert_eq!(out.write(b"b").ok(), Some(Flow::More));
        let waits = thread::spawn(move || drop(poll_once(&mut other.delivered(1))));
        write_corked(&mut out, &held);
        waits.join().expect("it does not panic");
        assert_eq!(taken(&said, 3), b"abc");
        drop(out);
    });
}

/// Another producer writes while the owner corks: it takes the lease away, and the cork also
/// holds what it writes.
#[test]
fn a_second_producer_meets_a_cork() {
    model(|| {
        let (mut out, said, held) = watched();
        assert_eq!(out.write(b"b").ok(), Some(Flow::More));
        let other = out.writer();
        let other = thread::spawn(move || {
            let _flow = other.write(b"x").expect("it is open");
        });
        write_corked(&mut out, &held);
        other.join().expect("it does not panic");
        let taken = taken(&said, 4);
        let own: Vec<u8> = taken.iter().copied().filter(|&byte| byte != b'x').collect();
        assert_eq!(own, b"abc");
        drop(out);
    });
}

/// A look sees a cork together with what was accepted at that moment.
#[test]
fn a_look_sees_a_cork() {
    model(|| {
        let mut out = stream(16);
        let look = out.writer();
        for byte in [b"a", b"b"] {
            let _flow = out.write(byte).expect("it is open");
        }
        let looks = thread::spawn(move || {
            let now = look.snapshot();
            match now.corked {
                0 => assert!((2..=4).contains(&now.accepted)),
                corked => assert!(corked == 1 && (2..=3).contains(&now.accepted)),
            }
        });
        let mut cork = out.cork().expect("it is open");
        let _flow = cork.write(b"c").expect("it is open");
        drop(cork);
        let _flow = out.write(b"d").expect("it is open");
        looks.join().expect("it does not panic");
        assert_eq!(ended(out), b"abcd");
    });
}

/// A waiter that comes and goes takes no lease away, and what it settles is in order.
#[test]
fn a_waiter_comes_while_the_owner_writes() {
    model(|| {
        let (mut out, said) = says(16);
        let other = out.writer();
        assert_eq!(out.write(b"a").ok(), Some(Flow::More));
        let waits = thread::spawn(move || drop(poll_once(&mut other.delivered(1))));
        for byte in [b"b", b"c"] {
            assert_eq!(out.write(byte).ok(), Some(Flow::More));
        }
        waits.join().expect("it does not panic");
        assert_eq!(taken(&said, 3), b"abc");
        drop(out);
    });
}
