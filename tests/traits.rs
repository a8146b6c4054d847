//! Owner and producer as a `Sink` and as the `AsyncWrite`s, in the hands of the libraries that
//! use them: each poll function may be polled again, at any time, and says the same.
#![cfg(feature = "tokio")]

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures::executor::block_on;
use futures::io::AsyncWrite;
use futures::sink::{Sink, SinkExt};
use futures::stream::{self, StreamExt};
use highwater::{Flow, Worker, Writable, WriteError, Writer};
use highwater_testkit::players::polled::{PolledGate, poll_once};
use highwater_testkit::wakes::Wakes;
use tokio::io::AsyncWrite as TokioWrite;
use tokio::runtime::Runtime;
use tokio_util::codec::{FramedWrite, LinesCodec};

type Checked = Result<(), highwater::BoxError>;
type Gated = (Writable<PolledGate>, Worker<PolledGate>, PolledGate);

fn gated(mark: u64, limit: u64) -> Gated {
    let gate = PolledGate::default();
    let builder = Writable::builder().high_water_mark(mark).limit(limit);
    let (out, worker) = builder.pair(gate.clone());
    (out, worker, gate)
}

/// Runs a future with tokio, beside the worker.
fn with_tokio<T>(
    future: impl Future<Output = Result<T, highwater::BoxError>>,
) -> Result<T, highwater::BoxError> {
    Runtime::new()?.block_on(future)
}

/// `FramedWrite::close` flushes and closes at each poll; of a producer a close is a flush.
#[test]
fn a_framed_write_over_a_producer_closes() -> Checked {
    with_tokio(async {
        let (near, far) = tokio::io::duplex(1);
        let out = Writable::builder().spawn_tokio(near)?;
        let reader = tokio::spawn(async move { read(far).await });
        let mut lines = FramedWrite::new(out.writer(), LinesCodec::new());
        for n in 0..100 {
            lines.send(n.to_string()).await?;
        }
        SinkExt::<String>::close(&mut lines).await?;
        drop(out.end().await?.sink);
        assert_eq!(reader.await??.lines().count(), 100);
        Ok(())
    })
}

#[test]
fn a_framed_write_over_the_owner_closes() -> Checked {
    with_tokio(async {
        let (near, far) = tokio::io::duplex(1);
        let out = Writable::builder().spawn_tokio(near)?;
        let reader = tokio::spawn(async move { read(far).await });
        let mut lines = FramedWrite::new(out, LinesCodec::new());
        lines.send("a line").await?;
        SinkExt::<&str>::close(&mut lines).await?;
        let mut out = lines.into_inner();
        let late = out.write("late").expect_err("it has ended");
        assert_eq!(late.code(), "ERR_STREAM_WRITE_AFTER_END");
        drop(out.end().await?.sink);
        assert_eq!(reader.await??, "a line\n");
        Ok(())
    })
}

async fn read(mut far: tokio::io::DuplexStream) -> std::io::Result<String> {
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut far, &mut text).await?;
    Ok(text)
}

/// `Buffer::poll_close` asks for room first, at each poll.
#[test]
fn a_buffer_over_the_owner_closes() -> Checked {
    with_tokio(async {
        let (near, far) = tokio::io::duplex(1);
        let out = Writable::builder().high_water_mark(2).spawn_tokio(near)?;
        let reader = tokio::spawn(async move { read(far).await });
        let mut buffer = SinkExt::<Bytes>::buffer(out, 8);
        for _ in 0..20 {
            buffer.send(Bytes::from_static(b"abc")).await?;
        }
        buffer.close().await?;
        drop(buffer.into_inner().end().await?.sink);
        assert_eq!(reader.await??.len(), 60);
        Ok(())
    })
}

#[test]
fn a_sink_waits_until_the_chunk_fits_below_the_limit() -> Checked {
    with_tokio(async {
        let (near, far) = tokio::io::duplex(1);
        let builder = Writable::builder().high_water_mark(16).limit(16);
        let out = builder.spawn_tokio(near)?;
        let reader = tokio::spawn(async move { read(far).await });
        let chunks = stream::iter((0..50).map(|_| Ok(Bytes::from_static(b"0123456789"))));
        let mut out = out;
        chunks.forward(&mut out).await?;
        let totals = out.snapshot();
        assert!(totals.peak <= 16, "{}", totals.peak);
        drop(out.end().await?.sink);
        assert_eq!(reader.await??.len(), 500);
        Ok(())
    })
}

#[test]
fn a_chunk_past_the_limit_is_refused_at_once_and_comes_back() {
    let (mut out, _worker, _gate) = gated(4, 8);
    let sent = Pin::new(&mut out).start_send(Bytes::from_static(b"nine byte"));
    let refused = sent.expect_err("it never fits");
    assert_eq!(refused.code(), "TOO_LONG");
    assert_eq!(refused.into_chunk(), Some("nine byte".into()));
}

/// A `Sink` cannot say how long its next chunk is, so it is ready once any chunk fits.
#[test]
fn a_limited_sink_is_ready_once_any_chunk_fits() -> Checked {
    let (mut out, mut worker, gate) = gated(4, 8);
    assert_eq!(out.write("1")?, Flow::More);
    let mut ready = || {
        poll_once(poll_fn(|cx| {
            Sink::<Bytes>::poll_ready(Pin::new(&mut out), cx)
        }))
    };
    assert!(ready().is_none());
    gate.open();
    assert!(poll_once(&mut worker).is_none());
    assert!(ready().is_some());
    Pin::new(&mut out).start_send("12345678".into())?;
    assert_eq!(out.position(), 9);
    Ok(())
}

/// Another producer may take the room that a `Sink` was ready for.
#[test]
fn a_chunk_that_finds_the_room_taken_is_refused_and_comes_back() -> Checked {
    let (mut out, _worker, _gate) = gated(4, 8);
    assert_eq!(out.writer().write("123")?, Flow::More);
    let sent = Pin::new(&mut out).start_send("456789".into());
    let refused = sent.expect_err("it does not fit");
    assert_eq!(
        (refused.code(), refused.into_chunk()),
        ("TOO_LONG", Some("456789".into()))
    );
    let end = poll_once(out.end_with("4"));
    assert!(end.is_none(), "the stream ends with what was accepted");
    Ok(())
}

/// A long write is accepted in pieces, so that it never fails for want of room.
#[test]
fn a_write_longer_than_the_limit_is_accepted_up_to_it() -> Checked {
    let (mut out, _worker, _gate) = gated(4, 8);
    let mut cx = Context::from_waker(Waker::noop());
    let written = AsyncWrite::poll_write(Pin::new(&mut out), &mut cx, &[7; 100]);
    assert!(matches!(written, Poll::Ready(Ok(8))), "{written:?}");
    let more = AsyncWrite::poll_write(Pin::new(&mut out), &mut cx, &[7; 92]);
    assert!(more.is_pending());
    Ok(())
}

/// It writes less than there is room for, and its next poll may never come.
#[test]
fn a_small_write_leaves_the_rest_of_the_room_to_the_next() -> Checked {
    let gate = PolledGate::default();
    let builder = Writable::builder().high_water_mark(8).low_water_mark(5);
    let (mut out, mut worker) = builder.pair(gate.clone());
    assert_eq!(out.write("123")?, Flow::More);
    assert!(poll_once(&mut worker).is_none());
    assert_eq!(out.write("45678")?, Flow::Wait);
    let wakes = [(); 2].map(|()| Wakes::default());
    let mut writers = [out.writer(), out.writer()];
    let mut write = |index: usize| {
        let waker = wakes[index].waker();
        let writer = Pin::new(&mut writers[index]);
        AsyncWrite::poll_write(writer, &mut Context::from_waker(&waker), b"x")
    };
    assert!(write(0).is_pending() && write(1).is_pending());
    gate.answer(Ok(()));
    assert!(poll_once(&mut worker).is_none());
    // This write makes the buffer that the next small writes are copied to.
    assert_eq!(out.write("9")?, Flow::More);
    let woken = || wakes.each_ref().map(Wakes::take);
    assert_eq!(woken(), [1, 0], "it is the turn of the first");
    assert!(write(0).is_ready());
    assert_eq!(woken(), [0, 1]);
    assert!(write(1).is_ready());
    Ok(())
}

/// Each poll function that can wait, by name.
type Polls<T> = [(
    &'static str,
    fn(Pin<&mut T>, &mut Context<'_>) -> Poll<bool>,
); 6];

fn polls<T>() -> Polls<T>
where
    T: Sink<Bytes> + AsyncWrite + TokioWrite,
{
    fn ok<T, E>(poll: Poll<Result<T, E>>) -> Poll<bool> {
        poll.map(|result| result.is_ok())
    }
    [
        ("Sink::poll_ready", |out, cx| ok(Sink::poll_ready(out, cx))),
        ("Sink::poll_flush", |out, cx| ok(Sink::poll_flush(out, cx))),
        ("AsyncWrite::poll_flush", |out, cx| {
            ok(AsyncWrite::poll_flush(out, cx))
        }),
        ("tokio::poll_flush", |out, cx| {
            ok(TokioWrite::poll_flush(out, cx))
        }),
        ("Sink::poll_close", |out, cx| ok(Sink::poll_close(out, cx))),
        ("tokio::poll_shutdown", |out, cx| {
            ok(TokioWrite::poll_shutdown(out, cx))
        }),
    ]
}

/// Polls it until it is ready, with the worker, and then a hundred times without the worker.
fn stays_ready<T: Unpin>(
    name: &str,
    out: &mut T,
    worker: &mut Worker<PolledGate>,
    poll: fn(Pin<&mut T>, &mut Context<'_>) -> Poll<bool>,
) {
    let mut once = || poll_once(poll_fn(|cx| poll(Pin::new(&mut *out), cx)));
    let first = (0..10).find_map(|_| {
        let _ = poll_once(&mut *worker);
        once()
    });
    assert_eq!(first, Some(true), "{name}");
    for _ in 0..100 {
        assert_eq!(once(), Some(true), "{name}, polled again");
    }
}

/// Only the owner ends a stream: the close of a producer is a flush.
#[test]
fn a_close_of_a_producer_waits_for_what_it_has_written() -> Checked {
    let closes: [fn(Pin<&mut Writer>, &mut Context<'_>) -> bool; 3] = [
        |out, cx| Sink::<Bytes>::poll_close(out, cx).is_ready(),
        |out, cx| AsyncWrite::poll_close(out, cx).is_ready(),
        |out, cx| TokioWrite::poll_shutdown(out, cx).is_ready(),
    ];
    for close in closes {
        let (out, mut worker, gate) = gated(4, 8);
        let mut writer = out.writer();
        let _flow = writer.write("a")?;
        let mut close = || poll_once(poll_fn(|cx| Poll::Ready(close(Pin::new(&mut writer), cx))));
        assert_eq!(close(), Some(false));
        gate.open();
        assert!(poll_once(&mut worker).is_none());
        assert_eq!(close(), Some(true));
        assert!(out.writer().write("b").is_ok(), "the stream goes on");
    }
    Ok(())
}

#[test]
fn what_is_ready_stays_ready_until_the_next_write() -> Checked {
    for (name, poll) in polls() {
        let (mut out, mut worker, gate) = gated(16, 16);
        gate.open();
        let _flow = out.write("abc")?;
        stays_ready(name, &mut out, &mut worker, poll);
    }
    for (name, poll) in polls() {
        let (out, mut worker, gate) = gated(16, 16);
        gate.open();
        let mut writer = out.writer();
        let _flow = writer.write("abc")?;
        stays_ready(name, &mut writer, &mut worker, poll);
        let _flow = writer.write("def")?;
        stays_ready(name, &mut writer, &mut worker, poll);
        assert_eq!(gate.taken(), b"abcdef", "{name}");
    }
    Ok(())
}

/// Under a limit even `poll_ready` waits until the stream is empty.
#[test]
fn no_poll_is_ready_while_the_sink_has_the_bytes() -> Checked {
    fn is_ready<T: Unpin>(
        out: &mut T,
        poll: fn(Pin<&mut T>, &mut Context<'_>) -> Poll<bool>,
    ) -> bool {
        poll_once(poll_fn(|cx| poll(Pin::new(&mut *out), cx))).is_some()
    }
    for (name, poll) in polls() {
        let (mut out, mut worker, _gate) = gated(16, 16);
        let _flow = out.write("abc")?;
        assert!(poll_once(&mut worker).is_none());
        assert!(!is_ready(&mut out, poll), "{name} of the owner");
    }
    for (name, poll) in polls() {
        let (out, mut worker, _gate) = gated(16, 16);
        let mut writer = out.writer();
        let _flow = writer.write("abc")?;
        assert!(poll_once(&mut worker).is_none());
        assert!(!is_ready(&mut writer, poll), "{name} of a producer");
    }
    Ok(())
}

/// A fan-out polls both until both are ready: the fast one must not begin anew.
#[test]
fn two_streams_of_different_speed_are_flushed_and_closed_together() -> Checked {
    for (name, poll) in polls() {
        let (mut fast, mut fast_worker, open) = gated(16, 16);
        let (mut slow, mut slow_worker, gate) = gated(16, 16);
        open.open();
        let _flow = fast.write("abc")?;
        let _flow = slow.write("abc")?;
        let mut both = || {
            poll_once(poll_fn(|cx| {
                let both = [&mut fast, &mut slow];
                Poll::Ready(both.map(|out| poll(Pin::new(out), cx).is_ready()))
            }))
        };
        let mut turns = 0;
        while both() != Some([true, true]) {
            let _ = poll_once(&mut fast_worker);
            let _ = poll_once(&mut slow_worker);
            if gate.waiting().is_some() {
                gate.answer(Ok(()));
            }
            turns += 1;
            assert!(turns < 20, "{name} does not end");
        }
    }
    Ok(())
}

/// While its own close is pending, each method is polled by some wrapper.
#[test]
fn every_method_can_be_polled_while_the_close_is_pending() -> Checked {
    for (name, poll) in polls() {
        let (mut out, mut worker, gate) = gated(16, 16);
        let _flow = out.write("abc")?;
        assert!(poll_once(&mut worker).is_none());
        let mut close = || {
            poll_once(poll_fn(|cx| {
                Sink::<Bytes>::poll_close(Pin::new(&mut out), cx)
            }))
        };
        assert!(close().is_none(), "the sink has not answered");
        let polled = poll_once(poll_fn(|cx| poll(Pin::new(&mut out), cx)));
        assert_ne!(polled, Some(false), "{name} fails on a healthy stream");
        gate.open();
        stays_ready(name, &mut out, &mut worker, poll);
        let done = block_on(out.end())?;
        assert_eq!(done.sink.taken(), b"abc", "{name}");
    }
    Ok(())
}

/// The chunk of a `send` may be accepted after a flush of its producer: the next one flushes it.
#[test]
fn a_flush_after_a_late_send_reaches_the_sink() -> Checked {
    let (mut out, mut worker, gate) = gated(2, 16);
    assert_eq!(out.write("ab")?, Flow::Wait);
    let mut writer = out.writer();
    let mut sending = writer.send("c");
    assert!(poll_once(&mut sending).is_none());
    let mut flush = || {
        let flush = |cx: &mut Context<'_>| AsyncWrite::poll_flush(Pin::new(&mut writer), cx);
        poll_once(poll_fn(flush))
    };
    assert!(flush().is_none());
    gate.open();
    assert!(poll_once(&mut worker).is_none());
    flush().expect("the sink has flushed")?;
    assert_eq!(poll_once(&mut sending).expect("there is room")?, 3);
    assert!(flush().is_none(), "the sink does not even have it");
    assert!(poll_once(&mut worker).is_none());
    flush().expect("the sink has flushed")?;
    assert_eq!(gate.taken(), b"abc");
    Ok(())
}

#[test]
fn a_producer_is_not_ready_after_the_end() {
    let (out, _worker, _gate) = gated(4, 8);
    let mut writer = out.writer();
    let _end = out.end();
    let ready = poll_fn(|cx| Sink::<Bytes>::poll_ready(Pin::new(&mut writer), cx));
    let error = poll_once(ready).expect("it is an error at once");
    assert!(
        matches!(error, Err(WriteError::AfterEnd { .. })),
        "{error:?}"
    );
}

#[test]
fn a_producer_of_a_failed_stream_gets_its_cause() {
    let (out, worker, _gate) = gated(4, 8);
    let mut writer = out.writer();
    drop(out.destroy_with("the reason"));
    drop(worker);
    let ready = poll_fn(|cx| Sink::<Bytes>::poll_ready(Pin::new(&mut writer), cx));
    let error = poll_once(ready).expect("it is an error at once");
    let error = error.expect_err("it has failed");
    assert!(matches!(error, WriteError::Failed { .. }), "{error:?}");
    assert_eq!(error.to_string(), "the reason");
}
