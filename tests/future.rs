//! A stream with a polled worker: cancelling, sinks that fail, closing twice, and no hidden
//! runtime.
#![cfg(feature = "futures")]

use std::cell::Cell;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::executor::block_on;
use futures::future::join;
use futures::io::{AsyncWrite, AsyncWriteExt, Cursor};
use futures::{SinkExt, StreamExt};
use highwater::{Chunk, EndError, Flow, PipeError, Worker, Writable, WriteError};
use highwater_testkit::players::polled::poll_once;
use highwater_testkit::random;
use proptest::prelude::*;

/// A sink that takes what its script says: nothing yet, or so many bytes at most.
/// At the end of the script it takes everything, or fails.
#[derive(Default)]
struct Scripted {
    script: std::vec::IntoIter<usize>,
    then: Option<io::ErrorKind>,
    taken: Arc<Mutex<Vec<u8>>>,
}

impl AsyncWrite for Scripted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let most = match (self.script.next(), self.then) {
            (Some(0), _) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            (Some(most), _) => most,
            (None, Some(error)) => return Poll::Ready(Err(error.into())),
            (None, None) => usize::MAX,
        };
        let part = &bytes[..bytes.len().min(most)];
        self.taken.lock().expect("no panic").extend(part);
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Write(u8),
    /// Begins a wait, polls it so often, and drops it.
    Drained(u8),
    Written(u8),
    Flush(u8),
    Send(u8),
    /// As a `Sink`.
    Feed(u8),
    /// As an `AsyncWrite`: so many bytes.
    Put(u8, u8),
    Cork,
    Work(u8),
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        6 => (0..9_u8).prop_map(Call::Write),
        1 => (0..3_u8).prop_map(Call::Drained),
        1 => (0..3_u8).prop_map(Call::Written),
        1 => (0..3_u8).prop_map(Call::Flush),
        3 => (0..3_u8).prop_map(Call::Send),
        3 => (0..3_u8).prop_map(Call::Feed),
        3 => (0..3_u8, 0..9_u8).prop_map(|(times, len)| Call::Put(times, len)),
        1 => Just(Call::Cork),
        3 => (0..4_u8).prop_map(Call::Work),
    ]
}

#[derive(Clone, Copy, Debug)]
enum Last {
    End,
    Destroy,
    /// The worker is dropped first.
    Abandon,
    /// Begins it, polls it and the worker so often, and drops it.
    DropEnd(u8),
    DropDestroy(u8),
    DropPipe(u8),
}

/// Polls at most so often, then drops.
fn poll_then_drop<T>(times: u8, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    (0..times).find_map(|_| poll_once(future.as_mut()))
}

/// Polls both at most so often, then drops the one; the worker goes on alone.
fn polled_then_dropped<T>(
    times: u8,
    future: impl Future<Output = T>,
    worker: Option<Worker<Scripted>>,
) -> Worker<Scripted> {
    let mut worker = worker.expect("it is there");
    let mut future = pin!(future);
    for _ in 0..times {
        if poll_once(future.as_mut()).is_some() {
            break;
        }
        poll_once(&mut worker);
    }
    worker
}

/// Plays; what was accepted, what was delivered, what came back, or was to be dropped.
fn play(mark: u64, calls: &[Call], sink: Scripted, last: Last) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let (taken, fails) = (Arc::clone(&sink.taken), sink.then.is_some());
    let (mut out, worker) = Writable::builder().high_water_mark(mark).pair(sink);
    let mut worker = Some(worker);
    let mut accepted = Vec::new();
    let mut next = 0_u8;
    let mut bytes = |len: u8| -> Vec<u8> {
        (0..len)
            .map(|_| {
                next = next.wrapping_add(1);
                next
            })
            .collect()
    };
    for call in calls {
        match *call {
            Call::Write(len) => {
                let chunk = bytes(len);
                if out.write(&chunk).is_ok() {
                    accepted.extend(chunk);
                }
            }
            Call::Drained(times) => drop(poll_then_drop(times, out.drained())),
            Call::Written(times) => drop(poll_then_drop(times, out.delivered(out.position()))),
            Call::Flush(times) => drop(poll_then_drop(times, out.flush())),
            Call::Send(times) | Call::Feed(times) => {
                let chunk = bytes(3);
                let owned = Bytes::from(chunk.clone());
                let before = out.position();
                match call {
                    Call::Send(_) => drop(poll_then_drop(times, out.send(owned))),
                    _ => drop(poll_then_drop(times, SinkExt::send(&mut out, owned))),
                }
                // All of it, or nothing.
                match out.position() - before {
                    0 => {}
                    3 => accepted.extend(chunk),
                    part => panic!("{part} bytes of 3 were accepted"),
                }
            }
            Call::Put(times, len) => {
                let chunk = bytes(len);
                let before = out.position();
                let put = poll_then_drop(times, AsyncWriteExt::write(&mut out, &chunk));
                let count = (out.position() - before) as usize;
                let told = put.map_or(0, |count| count.unwrap_or_default());
                assert_eq!(count, told, "the result is what was accepted");
                accepted.extend(&chunk[..count]);
            }
            Call::Cork => drop(out.cork()),
            Call::Work(times) => {
                for _ in 0..times {
                    worker.as_mut().map(poll_once);
                }
            }
        }
    }
    let mut dropped = false;
    let unsent = match last {
        Last::DropEnd(times) => {
            block_on(polled_then_dropped(times, out.end(), worker.take()));
            dropped = fails;
            Vec::new()
        }
        Last::DropDestroy(times) => {
            block_on(polled_then_dropped(times, out.destroy(), worker.take()));
            dropped = true;
            Vec::new()
        }
        Last::DropPipe(times) => {
            let source = bytes(9);
            let pipe = out.pipe_async(&source[..]);
            block_on(polled_then_dropped(times, pipe, worker.take()));
            accepted.extend(source);
            dropped = true;
            Vec::new()
        }
        Last::Abandon => {
            worker = None;
            block_on(out.destroy()).unsent
        }
        Last::Destroy => {
            let worker = worker.take().expect("it is there");
            block_on(join(out.destroy(), worker)).0.unsent
        }
        Last::End => {
            let worker = worker.take().expect("it is there");
            match block_on(join(out.end(), worker)).0 {
                Ok(_) => Vec::new(),
                Err(EndError::Failed { unfinished, .. }) => unfinished.unsent,
                Err(other) => panic!("no last chunk was given: {other}"),
            }
        }
    };
    drop(worker);
    let delivered = taken.lock().expect("no panic").clone();
    if dropped {
        let unsent = accepted.get(delivered.len()..).unwrap_or_default().to_vec();
        return (accepted, delivered, unsent);
    }
    let unsent = unsent.iter().flat_map(|chunk| chunk.as_ref().to_vec());
    (accepted, delivered, unsent.collect())
}

fn scripts() -> impl Strategy<Value = (u64, Vec<Call>, Vec<usize>, bool, Last)> {
    let last = prop_oneof![
        Just(Last::End),
        Just(Last::Destroy),
        Just(Last::Abandon),
        (0..9_u8).prop_map(Last::DropEnd),
        (0..9_u8).prop_map(Last::DropDestroy),
        (0..9_u8).prop_map(Last::DropPipe),
    ];
    (
        0..20_u64,
        prop::collection::vec(call(), 0..40),
        prop::collection::vec(0..6_usize, 0..60),
        any::<bool>(),
        last,
    )
}

fn nothing_lost(accepted: &[u8], delivered: &[u8], unsent: &[u8]) -> bool {
    [delivered, unsent].concat() == accepted
}

#[test]
fn after_each_drop_delivered_and_unsent_are_what_was_accepted() {
    let (moved, came_back) = (Cell::new(0), Cell::new(0));
    random::check(10_000, &scripts(), |(mark, calls, script, fails, last)| {
        let sink = Scripted {
            script: script.into_iter(),
            then: fails.then_some(io::ErrorKind::BrokenPipe),
            ..Scripted::default()
        };
        let (accepted, delivered, unsent) = play(mark, &calls, sink, last);
        prop_assert!(nothing_lost(&accepted, &delivered, &unsent));
        moved.set(moved.get() + delivered.len());
        came_back.set(came_back.get() + unsent.len());
        Ok(())
    });
    assert!(moved.get() > 10_000 && came_back.get() > 10_000);
}

/// The check sees a byte that is lost, doubled or out of order.
#[test]
fn a_spoilt_outcome_is_noticed() {
    let (accepted, delivered, unsent) = (b"abcdef", b"abc", b"def");
    assert!(nothing_lost(accepted, delivered, unsent));
    assert!(!nothing_lost(accepted, delivered, b"ef"));
    assert!(!nothing_lost(accepted, delivered, b"cdef"));
    assert!(!nothing_lost(accepted, b"acb", unsent));
}

/// Closing and flushing after the end, as often as one likes.
#[test]
fn closing_twice_is_closing_once() {
    let (mut out, worker) = Writable::builder().pair(Cursor::new(Vec::new()));
    block_on(join(
        async {
            out.write_all(b"hello").await.expect("it is open");
            for _ in 0..3 {
                AsyncWriteExt::close(&mut out).await.expect("nothing fails");
                AsyncWriteExt::flush(&mut out)
                    .await
                    .expect("all is through");
                SinkExt::<Bytes>::close(&mut out)
                    .await
                    .expect("it is closed");
                SinkExt::<Bytes>::flush(&mut out)
                    .await
                    .expect("all is through");
            }
            assert!(out.write_all(b"late").await.is_err());
        },
        worker,
    ));
    let done = block_on(out.end()).expect("it had ended");
    assert_eq!(done.sink.into_inner(), b"hello");
}

#[test]
fn a_producer_does_not_end_the_stream_of_others() {
    let (out, worker) = Writable::builder().pair(Cursor::new(Vec::new()));
    let end = async {
        let mut one = out.writer();
        one.write_all(b"one").await?;
        AsyncWriteExt::close(&mut one).await?;
        drop(one);
        out.writer().write_all(b"two").await?;
        out.end().await.map_err(io::Error::from)
    };
    let done = block_on(join(end, worker)).0.expect("nothing fails");
    assert_eq!(done.sink.into_inner(), b"onetwo");
}

#[test]
fn a_stream_of_chunks_is_forwarded() {
    let (out, worker) = Writable::builder()
        .high_water_mark(10)
        .pair(Cursor::new(Vec::new()));
    let writer = out.writer();
    let chunks = futures::stream::iter((0..1000).map(|n| Ok(Bytes::from(format!("{n}\n")))));
    let end = async {
        chunks.forward(writer).await.expect("nothing fails");
        out.end().await.expect("nothing fails")
    };
    let done = block_on(join(end, worker)).0;
    assert!(done.totals.peak < 10 + 4, "it waits before it accepts");
    let numbers: String = (0..1000).map(|n| format!("{n}\n")).collect();
    assert_eq!(done.sink.into_inner(), numbers.into_bytes());
}

#[test]
fn a_refused_chunk_comes_back_from_the_sink() {
    let builder = Writable::builder().high_water_mark(2).limit(4);
    let (mut out, _worker) = builder.pair(Cursor::new(Vec::new()));
    let refused = block_on(out.feed(Bytes::from_static(b"too long")));
    match refused {
        Err(WriteError::TooLong {
            chunk: Some(chunk),
            limit: 4,
        }) => {
            assert_eq!(chunk.as_ref(), b"too long");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_dropped_owner_ends_or_discards() {
    for discards in [false, true] {
        let builder = Writable::builder().high_water_mark(4);
        let sink = Scripted::default();
        let taken = Arc::clone(&sink.taken);
        let (mut out, worker) = match discards {
            true => builder.discard_on_drop().pair(sink),
            false => builder.pair(sink),
        };
        let _flow = out.write("hello").expect("it is open");
        drop(out);
        block_on(worker);
        let taken = taken.lock().expect("no panic").clone();
        assert_eq!(taken, if discards { &b""[..] } else { b"hello" });
    }
}

/// Says that it took more than it was given, takes nothing, or panics.
struct Broken(&'static str);

impl AsyncWrite for Broken {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.0 {
            "lies" => Poll::Ready(Ok(bytes.len() + 1)),
            "takes nothing" => Poll::Ready(Ok(0)),
            _ => panic!("the sink panics"),
        }
    }
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write(cx, &slices[0])
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_broken_sink_is_an_error_with_its_cause() {
    for (broken, code) in [
        ("lies", "UNKNOWN"),
        ("takes nothing", "UNKNOWN"),
        ("panics", "PANIC"),
    ] {
        let (mut out, worker) = Writable::builder().pair(Broken(broken));
        let _flow = out.write("abc").expect("it is open");
        let (end, ()) = block_on(join(out.end(), worker));
        let Err(EndError::Failed {
            cause, unfinished, ..
        }) = end
        else {
            panic!("{broken}: it must fail");
        };
        assert_eq!(cause.code(), code, "{broken}");
        assert_eq!(unfinished.unsent.concat_bytes(), b"abc", "{broken}");
    }
}

trait Bytewise {
    fn concat_bytes(&self) -> Vec<u8>;
}

impl Bytewise for Vec<Chunk> {
    fn concat_bytes(&self) -> Vec<u8> {
        self.iter()
            .flat_map(|chunk| chunk.as_ref().to_vec())
            .collect()
    }
}

#[test]
fn pipe_tells_which_side_failed() {
    let sink = Scripted {
        then: Some(io::ErrorKind::StorageFull),
        ..Scripted::default()
    };
    let (out, worker) = Writable::builder().high_water_mark(4).pair(sink);
    let (piped, ()) = block_on(join(out.pipe_async(&b"hello"[..]), worker));
    match piped {
        Err(PipeError::Write {
            cause,
            unfinished,
            refused,
        }) => {
            assert_eq!(cause.code(), "ENOSPC");
            let mut rest = unfinished.unsent.concat_bytes();
            rest.extend(refused.into_iter().flat_map(Chunk::into_vec));
            assert_eq!(rest, b"hello");
        }
        other => panic!("{other:?}"),
    }
    let source = futures::io::AsyncReadExt::chain(&b"abc"[..], Reset);
    let (out, worker) = Writable::builder().pair(Cursor::new(Vec::new()));
    let (piped, ()) = block_on(join(out.pipe_async(source), worker));
    assert_eq!(piped.err().map(|error| error.code()), Some("ECONNRESET"));
}

/// A source whose other side has gone.
struct Reset;

impl futures::io::AsyncRead for Reset {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
    }
}

/// Worker and producer on bare threads: no runtime anywhere.
#[test]
fn any_executor_will_do() {
    let builder = Writable::builder().high_water_mark(64);
    let (mut out, worker) = builder.pair(Cursor::new(Vec::new()));
    let working = std::thread::spawn(move || block_on(worker));
    let producer = async move {
        for n in 0..20_000 {
            if out.write(format!("{n}\n"))? == Flow::Wait {
                out.drained().await?;
            }
        }
        Ok::<_, highwater::BoxError>(out.end().await?)
    };
    let done = block_on(producer).expect("nothing fails");
    working.join().expect("the worker does not panic");
    let text = String::from_utf8(done.sink.into_inner()).expect("digits");
    assert!(
        text.lines()
            .enumerate()
            .all(|(n, line)| line == n.to_string())
    );
    assert_eq!(done.totals.waits, done.totals.drains);
}
