//! What a stream counts, and what a look at it and a write of nothing must not change.
#![cfg(feature = "futures")]

use std::pin::Pin;
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Waker};

use futures::executor::block_on;
use futures::io::AsyncWrite;
use highwater::{Chunk, Flow, Worker, Writable};
use highwater_testkit::players::polled::{PolledGate, poll_once};

/// A stream whose sink has a byte in hand and takes no more.
fn stuck(mark: u64, limit: u64) -> (Writable<PolledGate>, Worker<PolledGate>, PolledGate) {
    let gate = PolledGate::default();
    let builder = Writable::builder().high_water_mark(mark).limit(limit);
    let (mut out, mut worker) = builder.pair(gate.clone());
    let _flow = out.write("a").expect("it is open");
    assert!(poll_once(&mut worker).is_none());
    assert_eq!(gate.waiting().as_deref(), Some(&b"a"[..]));
    (out, worker, gate)
}

#[test]
fn a_look_does_not_part_what_is_written() {
    let (mut out, mut worker, gate) = stuck(4096, 4096);
    let writer = out.writer();
    for n in 1..=2000 {
        let _flow = out.write("b").expect("it is open");
        let now = writer.snapshot();
        assert_eq!((now.length, now.in_flight, now.accepted), (n + 1, 1, n + 1));
        assert_eq!((now.peak, now.delivered), (n + 1, 0));
        assert_eq!((out.position(), out.snapshot().queued), (n + 1, 1));
        drop(writer.drained());
    }
    gate.answer(Ok(()));
    assert!(poll_once(&mut worker).is_none());
    assert_eq!(gate.waiting().map(|bytes| bytes.len()), Some(2000));
    assert_eq!(out.snapshot().queued, 0, "all of it is one chunk");
}

#[test]
fn a_write_of_nothing_costs_nothing_in_any_form() {
    let (mut out, mut worker, gate) = stuck(8, 16);
    let mut writer = out.writer();
    let mut cx = Context::from_waker(Waker::noop());
    let _flow = out.write("bc").expect("it is open");
    let before = out.snapshot();
    for _ in 0..1000 {
        assert_eq!(out.write("").ok(), Some(Flow::More));
        assert_eq!(out.write_chunk(Chunk::from("")).ok(), Some(Flow::More));
        assert_eq!(writer.write_chunk(String::new()).ok(), Some(Flow::More));
        let mut corked = out.cork().expect("it is open");
        assert_eq!(corked.write("").ok(), Some(Flow::More));
        drop(corked);
        let empty = Pin::new(&mut writer).poll_write(&mut cx, b"");
        assert!(matches!(empty, Poll::Ready(Ok(0))));
    }
    assert_eq!(out.snapshot(), before);
    let _wait = out.write("defghij").expect("it is open");
    assert_eq!(out.write("").ok(), Some(Flow::Wait), "as any write here");
    let late = out.writer();
    let end = out.end_with("");
    let refused = late.write("").expect_err("the stream has ended");
    assert_eq!(refused.code(), "ERR_STREAM_WRITE_AFTER_END");
    gate.open();
    assert!(poll_once(&mut worker).is_some());
    let done = block_on(end).expect("nothing fails");
    assert_eq!(done.sink.taken(), b"abcdefghij");
}

#[test]
fn chunks_of_equal_bytes_are_equal_and_show_no_bytes() {
    let made = [
        Chunk::from("secret"),
        Chunk::from(b"secret".to_vec()),
        Chunk::from(bytes::Bytes::from_static(b"secret")),
    ];
    for chunk in &made {
        assert_eq!(*chunk, made[0]);
        assert_eq!(format!("{chunk:?}"), "Chunk(6 bytes)");
    }
    let (out, _worker, _gate) = stuck(8, 16);
    let writer = out.writer();
    drop(out);
    let refused = writer.write_chunk("secret").expect_err("it has ended");
    assert!(!format!("{refused:?} {refused}").contains("secret"));
}

/// The bytes of a user: what it does when it is dropped is the user's code.
struct Memory<T: Fn() + Send>(&'static [u8], T);

impl<T: Fn() + Send> AsRef<[u8]> for Memory<T> {
    fn as_ref(&self) -> &[u8] {
        self.0
    }
}

impl<T: Fn() + Send> Drop for Memory<T> {
    fn drop(&mut self) {
        (self.1)();
    }
}

/// Memory that looks at the stream when it is dropped: it would wait for the lock for ever.
#[test]
fn a_chunk_is_dropped_outside_of_the_lock_in_any_form() {
    for bytes in [&b""[..], b"some bytes"] {
        let (mut out, mut worker, gate) = stuck(64, 64);
        let mut writer = out.writer();
        let looks = out.writer();
        let (tell, told) = channel();
        let chunk = || {
            let (looks, tell) = (looks.clone(), tell.clone());
            bytes::Bytes::from_owner(Memory(bytes, move || {
                let _ = tell.send(looks.snapshot());
            }))
        };
        let _flow = out.write_chunk(chunk()).expect("it is open");
        drop(out.send(chunk()));
        let sent = futures::Sink::start_send(Pin::new(&mut writer), chunk());
        sent.expect("it fits");
        let end = out.end_with(chunk());
        drop(writer.write_chunk(chunk()));
        drop(writer.send(chunk()));
        gate.open();
        assert!(poll_once(&mut worker).is_some());
        drop(block_on(end));
        assert_eq!(told.try_iter().count(), 6, "each chunk was dropped");
    }
    let (mut out, worker, _gate) = stuck(64, 64);
    let looks = out.writer();
    let (tell, told) = channel();
    let memory = Memory(b"unsent", move || {
        let _ = tell.send(looks.snapshot());
    });
    let _flow = out
        .write_chunk(bytes::Bytes::from_owner(memory))
        .expect("it is open");
    drop(out.destroy());
    drop(worker);
    assert_eq!(told.try_iter().count(), 1);
}
