//! What the futures of a stream promise: what acts has acted at the call, whether it is
//! polled or not, and no task waits for what does not come.
#![cfg(feature = "futures")]

use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use futures::executor::block_on;
use futures::io::{AllowStdIo, AsyncWrite, AsyncWriteExt};
use highwater::{Worker, Writable, Writer};
use highwater_testkit::players::polled::{PolledGate, poll_once};
use highwater_testkit::sinks::{on_close, on_write};
use highwater_testkit::wakes::Counted;

fn gated(discards: bool) -> (Writable<PolledGate>, Worker<PolledGate>, PolledGate) {
    let gate = PolledGate::default();
    let builder = Writable::builder().high_water_mark(4);
    let (mut out, mut worker) = match discards {
        true => builder.discard_on_drop().pair(gate.clone()),
        false => builder.pair(gate.clone()),
    };
    let _flow = out.write("a").expect("it is open");
    assert!(poll_once(&mut worker).is_none());
    assert_eq!(gate.waiting().as_deref(), Some(&b"a"[..]));
    (out, worker, gate)
}

#[test]
fn a_destroy_does_not_wait_for_an_opener() {
    let (mut out, worker) = Writable::builder().pair_with(pending::<io::Result<PolledGate>>());
    let _flow = out.write("a").expect("it is open");
    let mut worker = Counted::waiting(worker);
    let mut destroy = pin!(out.destroy());
    assert_eq!(worker.woken(), 1);
    assert!(poll_once(destroy.as_mut()).is_none());
    assert!(worker.poll().is_ready(), "it gives up");
    let unfinished = poll_once(destroy.as_mut()).expect("the worker has left");
    assert!(unfinished.sink.is_none());
    assert_eq!(unfinished.unsent.len(), 1);
}

#[test]
fn a_destroy_that_is_not_polled_is_a_destroy() {
    let (out, mut worker, gate) = gated(false);
    drop(out.destroy());
    gate.open();
    assert!(poll_once(&mut worker).is_some());
    assert_eq!((gate.taken().len(), gate.closed()), (0, 0));
}

#[test]
fn an_end_that_is_not_polled_is_an_end() {
    for discards in [false, true] {
        let (out, mut worker, gate) = gated(discards);
        let end = out.end_with("b");
        gate.open();
        assert!(poll_once(&mut worker).is_some());
        assert_eq!((gate.taken(), gate.closed()), (b"ab".to_vec(), 1));
        drop(end);
    }
}

#[test]
fn a_pipe_that_is_not_polled_is_a_destroy() {
    let (out, mut worker, gate) = gated(false);
    drop(out.pipe_async(&b"the rest"[..]));
    gate.open();
    assert!(poll_once(&mut worker).is_some());
    assert_eq!(gate.closed(), 0, "half a source is no end");
}

/// Both heed the backpressure, and fill the stream to its limit between them: that is
/// no reason to fail.
#[test]
fn a_pipe_and_a_producer_share_a_limit() {
    const EACH: usize = 1_000_000;
    let builder = Writable::builder().high_water_mark(64).limit(64);
    let (out, worker) = builder.pair(futures::io::Cursor::new(Vec::new()));
    let mut writer = out.writer();
    let working = thread::spawn(|| block_on(worker));
    let writing = thread::spawn(move || block_on(writer.write_all(&vec![1; EACH])));
    let copying = thread::spawn(move || block_on(out.pipe_async(&vec![2; EACH][..])));
    let piped = copying.join().expect("no panic");
    // The pipe may have ended the stream before the other was done.
    drop(writing.join().expect("no panic"));
    working.join().expect("no panic");
    let bytes = piped.expect("neither was refused").sink.into_inner();
    assert_eq!(bytes.iter().filter(|byte| **byte == 2).count(), EACH);
}

#[test]
fn a_pipe_whose_worker_is_dropped_says_so() {
    let (mut out, worker, gate) = gated(false);
    let _wait = out.write("bcd").expect("it is open");
    let mut pipe = pin!(out.pipe_async(&b"the rest"[..]));
    assert!(poll_once(pipe.as_mut()).is_none());
    drop(worker);
    match poll_once(pipe) {
        Some(Err(error)) => {
            assert_eq!(error.code(), "ABORT_ERR");
            let text = "the worker of the stream was dropped, 4 bytes were not delivered";
            assert_eq!(error.to_string(), text);
        }
        other => panic!("it has nothing to wait for: {other:?}"),
    }
    assert!(gate.taken().is_empty());
}

#[test]
fn an_interrupted_close_lets_others_have_a_turn() {
    let mut closes = 0;
    let interrupted = on_close(move || {
        closes += 1;
        assert!(closes < 1000, "no other task has a turn");
        Poll::Ready(Err(io::ErrorKind::Interrupted.into()))
    });
    let (out, worker) = Writable::builder().pair(interrupted);
    let mut worker = Counted::new(worker);
    let mut ending = pin!(out.end());
    assert!(poll_once(ending.as_mut()).is_none());
    for _ in 0..10 {
        assert!(worker.poll().is_pending());
        assert!(worker.woken() > 0, "it will try again");
    }
    drop(worker);
    assert!(poll_once(ending).expect("there is no worker").is_err());
}

#[test]
fn flushes_that_are_dropped_do_not_pile_up() {
    let (out, _worker, _gate) = gated(false);
    for _ in 0..1000 {
        drop(out.flush());
    }
    assert_eq!(out.snapshot().queued, 1);
}

/// A flush that was given up does not stand for one that comes later.
#[test]
fn a_flush_covers_what_was_written_before_it() {
    let writes: [fn(&mut Writer) -> bool; 5] = [
        |out| Writer::write(out, "b").is_ok(),
        |out| out.write_chunk("b").is_ok(),
        |out| poll_once(out.send("b")).is_some_and(|sent| sent.is_ok()),
        |out| out.cork().is_ok_and(|mut out| out.write("b").is_ok()),
        |out| poll_once(AsyncWriteExt::write(out, b"b")).is_some_and(|wrote| wrote.is_ok()),
    ];
    for write in writes {
        let (owner, mut worker, gate) = gated(false);
        let mut out = owner.writer();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut out).poll_flush(&mut cx).is_pending());
        gate.answer(Ok(()));
        assert!(poll_once(&mut worker).is_none());
        assert!(write(&mut out));
        assert!(poll_once(&mut worker).is_none());
        assert!(Pin::new(&mut out).poll_flush(&mut cx).is_pending());
        gate.open();
        assert!(poll_once(&mut worker).is_none());
        assert!(Pin::new(&mut out).poll_flush(&mut cx).is_ready());
        assert_eq!(gate.taken(), b"ab");
    }
}

/// Not even after the end, which a flush waits for.
#[test]
fn a_flush_after_the_end_does_not_tell_of_an_older_one() {
    let (mut owner, mut worker, gate) = gated(false);
    let mut out = owner.writer();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut out).poll_flush(&mut cx).is_pending());
    gate.answer(Ok(()));
    assert!(poll_once(&mut worker).is_none());
    let _flow = Writer::write(&out, "b").expect("it is open");
    assert!(Pin::new(&mut owner).poll_close(&mut cx).is_pending());
    for _ in 0..2 {
        assert!(Pin::new(&mut out).poll_flush(&mut cx).is_pending());
        assert!(poll_once(&mut worker).is_none());
    }
    gate.answer(Err(io::ErrorKind::BrokenPipe.into()));
    assert!(poll_once(&mut worker).is_some());
    match Pin::new(&mut out).poll_flush(&mut cx) {
        Poll::Ready(Err(error)) => assert_eq!(error.kind(), io::ErrorKind::BrokenPipe),
        other => panic!("its write is lost: {other:?}"),
    }
}

/// Takes a byte a call.
#[derive(Default)]
struct ByteByByte(u32);

impl AsyncWrite for ByteByByte {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0 += 1;
        assert!(self.0 < 1_000, "others never have their turn");
        Poll::Ready(Ok(1))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_poll_of_the_worker_ends() {
    let (mut out, mut worker) = Writable::builder().pair(ByteByByte::default());
    let _flow = out.write(vec![7; 100_000]).expect("it is open");
    assert!(poll_once(&mut worker).is_none());
    // The worker heeds a destroy meanwhile.
    let mut destroy = pin!(out.destroy());
    assert!(poll_once(destroy.as_mut()).is_none());
    assert!(poll_once(&mut worker).is_some());
    let unfinished = poll_once(destroy.as_mut()).expect("the worker has left");
    let unsent: usize = unfinished.unsent.iter().map(|chunk| chunk.len()).sum();
    let calls = unfinished.sink.map_or(0, |sink| sink.0);
    assert_eq!(calls as usize + unsent, 100_000);
}

/// A turn is a job or a call of the sink.
#[test]
fn a_poll_of_the_worker_has_128_turns_also_if_each_call_brings_the_next_job() {
    let writer = RefCell::<Option<Writer>>::default();
    let calls = Cell::new(0);
    let sink = on_write(|bytes| {
        calls.set(calls.get() + 1);
        assert!(calls.get() < 1_000, "others never have their turn");
        if let Some(writer) = &*writer.borrow() {
            let _flow = writer.write("more").map_err(io::Error::from)?;
        }
        Ok(bytes.len())
    });
    let (mut out, mut worker) = Writable::builder().pair(AllowStdIo::new(sink));
    writer.replace(Some(out.writer()));
    let _flow = out.write("first").expect("it is open");
    assert!(poll_once(&mut worker).is_none());
    assert_eq!(calls.get(), 64);
}

thread_local! {
    static LOOKED_AT: RefCell<Option<Writer>> = const { RefCell::new(None) };
}

/// A waker that looks at the stream when it is woken and when it is dropped.
struct Looks;

fn look() {
    LOOKED_AT.with_borrow(|writer| writer.as_ref().map(Writer::snapshot));
}

impl Wake for Looks {
    fn wake(self: Arc<Self>) {
        look();
    }
}

impl Drop for Looks {
    fn drop(&mut self) {
        look();
    }
}

/// Else this never ends.
#[test]
fn no_waker_is_woken_or_dropped_under_the_lock() {
    let (mut out, mut worker, gate) = gated(false);
    let _flow = out.write("bcd").expect("it is open");
    LOOKED_AT.set(Some(out.writer()));
    let mut drained = pin!(out.drained());
    for _ in 0..3 {
        // One for each: the last of it is then dropped where it is replaced.
        let wakers = [Looks, Looks].map(|looks| Waker::from(Arc::new(looks)));
        let [mut one, mut other] = wakers.each_ref().map(Context::from_waker);
        assert!(drained.as_mut().poll(&mut one).is_pending());
        assert!(Pin::new(&mut worker).poll(&mut other).is_pending());
    }
    gate.open();
    assert!(poll_once(&mut worker).is_none());
    assert!(poll_once(drained).is_some());
    LOOKED_AT.set(None);
}

#[test]
fn a_future_that_panics_as_it_opens_the_sink_is_named() {
    let opening = async { panic!("no key") };
    let (out, worker) = Writable::builder().pair_with::<PolledGate, _>(opening);
    let (ended, ()) = block_on(futures::future::join(out.end(), worker));
    let error = ended.expect_err("it cannot be opened");
    assert_eq!(error.to_string(), "the opener panicked: no key");
}
