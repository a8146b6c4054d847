//! Interleavings of a body with its producers, searched by loom: the reader is the worker, and
//! once it has left with everything, its waker is. `tests/loom.sh` runs it; `tests/plant.sh`
//! shows that each model can fail.
//!
//! A task that is never woken is a deadlock, which loom reports.
#![cfg(all(highwater_loom, feature = "futures"))]

mod model;

use std::pin::Pin;

use bytes::Bytes;
use futures::Stream;
use highwater::{Body, Cause, EndError, Flow, Writable};
use loom::future::block_on;
use loom::thread;

use model::{model, poll_once};

fn body(mark: u64) -> (Writable<()>, Body) {
    Writable::builder().high_water_mark(mark).body()
}

/// The next chunk, the error, or the end.
fn next(body: &mut Body) -> Option<Result<Bytes, Cause>> {
    block_on(std::future::poll_fn(|cx| {
        Pin::new(&mut *body).poll_next(cx)
    }))
}

/// All that the body gives, and what it ends with.
fn read(mut body: Body) -> (Vec<u8>, Result<(), Cause>) {
    let mut taken = Vec::new();
    loop {
        match next(&mut body) {
            Some(Ok(bytes)) => taken.extend(bytes),
            Some(Err(cause)) => return (taken, Err(cause)),
            None => return (taken, Ok(())),
        }
    }
}

fn has_left(cause: &Cause) -> bool {
    matches!(cause, Cause::ReaderLeft { .. })
}

/// Reader and producer wait for each other.
#[test]
fn a_reader_and_a_producer_wake_each_other() {
    model(|| {
        let (mut out, body) = body(1);
        let reader = thread::spawn(|| read(body));
        for byte in [b"a", b"b"] {
            if out.write(byte).expect("it is open") == Flow::Wait {
                block_on(out.drained()).expect("it is open");
            }
        }
        assert!(block_on(out.end()).is_ok(), "nothing fails here");
        let (taken, end) = reader.join().expect("it does not panic");
        assert!(end.is_ok());
        assert_eq!(taken, b"ab");
    });
}

/// What the reader came back for and what is handed back are all that was accepted, and the
/// reader sees that the stream is cut off.
#[test]
fn a_destroy_meets_the_reader() {
    model(|| {
        let (mut out, body) = body(16);
        let reader = thread::spawn(|| read(body));
        let _flow = out.write(b"a").expect("it is open");
        let _flow = out.write(b"b").expect("it is open");
        let unfinished = block_on(out.destroy());
        let (mut bytes, end) = reader.join().expect("it does not panic");
        assert!(end.is_err(), "a destroy is no end");
        for chunk in unfinished.unsent {
            bytes.extend(chunk.as_ref());
        }
        assert_eq!(bytes, b"ab");
    });
}

/// An owner that is dropped without an end wakes the reader, with an error.
#[test]
fn a_drop_of_the_owner_cuts_the_reader_off() {
    model(|| {
        let (mut out, body) = body(16);
        let reader = thread::spawn(|| read(body));
        let _flow = out.write(b"a").expect("it is open");
        drop(out);
        let (_, end) = reader.join().expect("it does not panic");
        let cause = end.expect_err("it has not ended");
        assert_eq!(cause.to_string(), "the owner was dropped before the end");
    });
}

/// A reader that leaves while it is woken reaches every waiter.
#[test]
fn a_reader_that_leaves_while_it_is_woken_reaches_the_waiters() {
    model(|| {
        let (mut out, mut body) = body(1);
        assert!(
            poll_once(&mut std::future::poll_fn(
                |cx| Pin::new(&mut body).poll_next(cx)
            ))
            .is_pending()
        );
        let reader = thread::spawn(|| drop(body));
        let written = out.write(b"a");
        if written.is_ok() {
            let waited = block_on(out.drained());
            assert!(waited.is_err(), "the reader takes nothing");
        }
        let accepted = u64::from(written.is_ok());
        match block_on(out.end()) {
            Err(EndError::Failed {
                cause, unfinished, ..
            }) => {
                assert!(has_left(&cause), "{cause}");
                assert_eq!(unfinished.unsent.len() as u64, accepted);
            }
            other => panic!("the reader has left: {other:?}"),
        }
        reader.join().expect("it does not panic");
    });
}

/// A reader that leaves with the last byte of the length: the stream ends well, before that or
/// after it.
#[test]
fn an_end_meets_a_reader_that_leaves_with_the_length() {
    model(|| {
        let (mut out, body) = body(16);
        let mut body = body.with_length(1);
        let reader = thread::spawn(move || {
            let bytes = next(&mut body).expect("no end").expect("it goes well");
            assert_eq!(bytes, "a");
        });
        let _flow = out.write(b"a").expect("it is open");
        let done = block_on(out.end()).expect("nothing fails here");
        assert_eq!(done.totals.delivered, 1);
        reader.join().expect("it does not panic");
    });
}

/// A byte after the last one is an error to the producer, in each case; to the reader only if it
/// was there before the last one was given.
#[test]
fn a_further_write_meets_a_reader_that_leaves_with_the_length() {
    model(|| {
        let (mut out, body) = body(16);
        let mut body = body.with_length(1);
        let reader = thread::spawn(move || match next(&mut body).expect("no end") {
            Ok(bytes) => assert_eq!(bytes, "a"),
            Err(cause) => assert_eq!(cause.to_string(), TOO_LONG),
        });
        let _flow = out.write(b"a").expect("it is open");
        // It may have failed if the reader has seen the first of two writes on a lease only.
        drop(out.write(b"b"));
        let error = block_on(out.end()).expect_err("it is too long");
        assert_eq!(error.to_string(), TOO_LONG);
        reader.join().expect("it does not panic");
    });
}

const TOO_LONG: &str = "the body is longer than its 1 bytes";

/// Two wake-ups at once, of a body whose reader has left with the length: one of them polls, and
/// sees what the other is for.
#[test]
fn two_producers_wake_a_body_whose_reader_has_left_with_the_length() {
    model(|| {
        let (out, body) = body(16);
        drop(body.with_length(0));
        let writer = out.writer();
        let other = thread::spawn(move || {
            drop(writer.write_chunk(""));
            block_on(writer.flush())
        });
        let ended = block_on(out.end());
        assert!(ended.is_ok(), "nothing is too long");
        // It may come after the end.
        drop(other.join().expect("it does not panic"));
    });
}

/// The owner writes on its lease while the reader goes idle and comes back.
#[test]
fn the_lease_of_the_owner_meets_the_reader() {
    model(|| {
        let (mut out, body) = body(16);
        let reader = thread::spawn(|| read(body));
        for byte in [b"a", b"b", b"c"] {
            assert_eq!(out.write(byte).ok(), Some(Flow::More));
        }
        drop(out.end());
        let (taken, end) = reader.join().expect("it does not panic");
        assert!(end.is_ok());
        assert_eq!(taken, b"abc");
    });
}
