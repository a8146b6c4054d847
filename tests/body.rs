//! A body: its reader takes what a stream has, chunk by chunk, and only an end looks like one.
//!
//! What HTTP asks of it: `body_http.rs`. Random schedules: `invariants.rs`, `faults/`. All
//! interleavings of a few calls: `loom_body.rs`. Over HTTP, with clients in processes of their
//! own: `examples/uses/tests/bodies.rs`.
#![cfg(feature = "futures")]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread;

use bytes::Bytes;
use futures::{AsyncReadExt, StreamExt, executor::block_on, stream};
use highwater::{BoxError, Cause, Chunk, Event, Flow, WaitError, Writable, Writer};
use highwater_testkit::bodies::{body, ends, error, next, waits};
use highwater_testkit::players::polled::poll_once;
use highwater_testkit::wakes::{Counted, Wakes};

#[test]
fn a_chunk_is_given_as_it_is() {
    let (mut out, mut body) = body();
    let (vec, bytes) = (vec![1; 5000], Bytes::from(vec![2; 10]));
    let memory = [vec.as_ptr(), bytes.as_ptr(), "text".as_ptr()];
    for chunk in [Chunk::from(vec), bytes.into(), "text".into()] {
        let _flow = out.write_chunk(chunk).expect("it is open");
    }
    for at in memory {
        assert_eq!(next(&mut body).as_ptr(), at);
    }
    waits(&mut body);
}

#[test]
fn small_writes_are_joined() {
    let (mut out, mut body) = body();
    waits(&mut body);
    for _ in 0..100 {
        let _flow = out.write("a line\n").expect("it is open");
    }
    // The first found an idle reader, and the rest were gathered meanwhile.
    assert_eq!(next(&mut body).len(), 7);
    assert_eq!(next(&mut body).len(), 693);
    waits(&mut body);
}

#[test]
fn a_chunk_is_delivered_when_the_reader_comes_back() {
    let (mut out, mut body) = body();
    assert_eq!(out.write_chunk(vec![0; 1024]).ok(), Some(Flow::Wait));
    let mut delivered = Counted::waiting(out.delivered(1024));
    let mut drained = Counted::waiting(out.drained());
    let chunk = next(&mut body);
    drop(chunk);
    assert!(delivered.poll().is_pending() && drained.poll().is_pending());
    waits(&mut body);
    assert!(delivered.poll().is_ready() && drained.poll().is_ready());
    assert_eq!((delivered.woken(), drained.woken()), (1, 1));
}

#[test]
fn each_chunk_is_delivered_by_itself() {
    let (mut out, mut body) = body();
    let corked = out.cork().expect("it is open");
    for text in ["one", "two", "three"] {
        let _flow = corked.write_chunk(text).expect("it is open");
    }
    drop(corked);
    let mut delivered = Counted::waiting(out.delivered(3));
    assert_eq!(next(&mut body), "one");
    assert!(delivered.poll().is_pending());
    assert_eq!(next(&mut body), "two");
    assert_eq!(delivered.woken(), 1, "the reader came back for two");
    assert!(delivered.poll().is_ready());
}

#[test]
fn a_reader_within_a_batch_makes_room_for_small_writes() {
    let (mut out, mut body) = Writable::builder().high_water_mark(5).body();
    let corked = out.cork().expect("it is open");
    for chunk in ["12345", "6"] {
        let _flow = corked.write_chunk(chunk).expect("it is open");
    }
    drop(corked);
    assert_eq!(next(&mut body), "12345");
    assert_eq!(out.write("7").ok(), Some(Flow::Wait));
    assert_eq!(next(&mut body), "6");
    assert_eq!(out.write("8").ok(), Some(Flow::More), "3 bytes are there");
}

#[test]
fn a_flush_is_done_when_the_reader_has_taken_what_came_before() {
    let (mut out, mut body) = body();
    let _flow = out.write("before").expect("it is open");
    let mut flush = Counted::waiting(out.flush());
    let _flow = out.write_chunk("after").expect("it is open");
    assert_eq!(next(&mut body), "before");
    assert!(flush.poll().is_pending());
    assert_eq!(next(&mut body), "after");
    assert!(flush.poll().is_ready());
}

#[test]
fn a_write_wakes_a_reader_that_waits() {
    let (mut out, mut body) = body();
    let wakes = Wakes::default();
    let waker = wakes.waker();
    let mut cx = Context::from_waker(&waker);
    assert!(body.poll_next_unpin(&mut cx).is_pending());
    let _flow = out.write("a line").expect("it is open");
    assert_eq!(wakes.take(), 1);
    assert!(body.poll_next_unpin(&mut cx).is_ready());
    assert!(body.poll_next_unpin(&mut cx).is_pending());
    drop(out.end());
    assert_eq!(wakes.take(), 1);
}

#[test]
fn an_end_is_an_end_to_both() {
    let (out, mut body) = body();
    let mut end = out.end_with("all");
    assert_eq!(next(&mut body), "all");
    assert!(poll_once(&mut end).is_none(), "the reader may not have it");
    ends(&mut body);
    let finished = poll_once(&mut end)
        .expect("it is over")
        .expect("it is well");
    assert_eq!(finished.totals.delivered, 3);
    ends(&mut body);
}

/// What cuts a stream off, and what the reader learns of it.
type Cut = (fn(Writable<()>), &'static str);

const CUTS: [Cut; 4] = [
    (|out| drop(out.destroy()), "the stream was destroyed"),
    (|out| drop(out.destroy_with("no disk")), "no disk"),
    (|out| drop(out), "the owner was dropped before the end"),
    (
        |out| {
            let writer = out.writer();
            let panics = thread::spawn(move || {
                let _moved = writer;
                panic!("as planned");
            });
            assert!(panics.join().is_err());
            std::mem::forget(out);
        },
        "a producer panicked",
    ),
];

#[test]
fn a_stream_that_is_cut_off_is_an_error_to_its_reader() {
    for (cut, text) in CUTS {
        // Before the reader comes, while it has a chunk, and while it waits.
        let (mut out, mut reader) = body();
        let _flow = out.write("half").expect("it is open");
        cut(out);
        assert_eq!(error(&mut reader).to_string(), text);

        let (mut out, mut reader) = body();
        let _flow = out.write("half").expect("it is open");
        assert_eq!(next(&mut reader), "half");
        cut(out);
        assert_eq!(error(&mut reader).to_string(), text);

        let (out, mut reader) = body();
        waits(&mut reader);
        cut(out);
        assert_eq!(error(&mut reader).to_string(), text);
    }
}

#[test]
fn a_producer_that_panics_after_the_end_cuts_nothing_off() {
    let (out, mut body) = body();
    let writer = out.writer();
    drop(out.end_with("all"));
    let panics = thread::spawn(move || {
        let _moved = writer;
        panic!("as planned");
    });
    assert!(panics.join().is_err());
    assert_eq!(next(&mut body), "all");
    ends(&mut body);
}

#[test]
fn a_producer_that_panics_cuts_off_no_stream_with_a_sink() {
    let out = Writable::builder().spawn(Vec::new()).expect("a thread");
    let writer = out.writer();
    let panics = thread::spawn(move || {
        let _moved = writer;
        panic!("as planned");
    });
    assert!(panics.join().is_err());
    assert!(out.end_with("all").wait().is_ok());
}

#[test]
fn a_producer_that_is_made_during_a_panic_cuts_nothing_off() {
    /// Says goodbye when it is dropped.
    struct Guest(Arc<Mutex<Writable<()>>>);
    impl Drop for Guest {
        fn drop(&mut self) {
            let writer = self.0.lock().expect("it is free").writer();
            let _flow = writer.write("goodbye").expect("it is open");
        }
    }

    let (out, mut body) = body();
    let out = Arc::new(Mutex::new(out));
    let guest = Guest(Arc::clone(&out));
    let panics = thread::spawn(move || {
        let _moved = guest;
        panic!("as planned");
    });
    assert!(panics.join().is_err());
    let out = Arc::into_inner(out).expect("the guest has left");
    drop(out.into_inner().expect("no panic under the lock").end());
    assert_eq!(next(&mut body), "goodbye");
    ends(&mut body);
}

#[test]
fn a_destroy_cuts_a_batch_off() {
    let (mut out, mut body) = body();
    let corked = out.cork().expect("it is open");
    for text in ["one", "two"] {
        let _flow = corked.write_chunk(text).expect("it is open");
    }
    drop(corked);
    assert_eq!(next(&mut body), "one");
    let mut destroy = out.destroy();
    drop(error(&mut body));
    let unfinished = destroy.wait().expect("the reader came back");
    let unsent: Vec<_> = unfinished.unsent.iter().map(Chunk::as_ref).collect();
    assert_eq!(unsent, [b"two"]);
}

#[test]
fn the_reason_of_a_destroy_comes_with_its_type() {
    #[derive(Debug, thiserror::Error)]
    #[error("row {0} is bad")]
    struct BadRow(u64);

    let (out, mut body) = body();
    drop(out.destroy_with(BadRow(7)));
    let Cause::Reason(reason) = error(&mut body) else {
        panic!("it was a reason");
    };
    assert!(matches!(reason.downcast_ref(), Some(BadRow(7))));
}

#[test]
fn an_end_that_is_not_awaited_is_an_end() {
    let (out, mut body) = body();
    drop(out.end_with("all"));
    assert_eq!(next(&mut body), "all");
    ends(&mut body);
}

#[test]
fn a_reader_that_leaves_is_an_error_to_the_producer() {
    let (mut out, mut body) = body();
    let corked = out.cork().expect("it is open");
    for text in ["one", "two", "three"] {
        let _flow = corked.write_chunk(text).expect("it is open");
    }
    drop(corked);
    let mut closed = Counted::waiting(out.closed());
    let mut second = Counted::waiting(out.delivered(6));
    assert_eq!(next(&mut body), "one");
    assert_eq!(next(&mut body), "two");
    drop(body);
    let left = |found| {
        matches!(
            found,
            Poll::Ready(Err(WaitError::Failed(Cause::ReaderLeft { undelivered: 8 })))
        )
    };
    assert!(left(closed.poll()) && left(second.poll()));
    assert_eq!((closed.woken(), second.woken()), (1, 1));
    assert!(out.delivered(3).wait().is_ok(), "the reader came back");
    let error = out.write("more").expect_err("no reader");
    assert_eq!(error.code(), "EPIPE");
    let unfinished = out.destroy().wait().expect("the reader has left");
    let unsent: Vec<_> = unfinished.unsent.iter().map(Chunk::as_ref).collect();
    assert_eq!(unsent, [&b"two"[..], b"three"], "what it had may be lost");
    assert_eq!(unfinished.in_doubt, 0);
}

#[test]
fn a_writer_as_io_write_gets_a_broken_pipe_when_the_reader_leaves() {
    let (mut out, body) = body();
    drop(body);
    let error = out.write_all(b"a line").expect_err("no reader");
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    assert_eq!(
        error.to_string(),
        "the reader has left, 0 bytes were not delivered"
    );
}

#[test]
fn a_reader_of_bytes_gets_all_of_a_blocking_producer() -> Result<(), BoxError> {
    let (mut out, body) = body();
    let producer = thread::spawn(move || -> Result<u64, BoxError> {
        for n in 1..=100_000 {
            writeln!(out, "{n}")?;
        }
        Ok(out.end().wait()?.totals.peak)
    });
    let mut text = String::new();
    block_on(body.reader().read_to_string(&mut text))?;
    let mut lines = text.lines().enumerate();
    assert!(lines.all(|(at, line)| (at + 1).to_string() == line));
    assert_eq!(text.len(), 588_895);
    let peak = producer.join().expect("no panic")?;
    assert!(peak <= 1024 + 7, "{peak}");
    Ok(())
}

#[test]
fn a_reader_of_bytes_gets_an_error_at_each_read_after_a_cut() {
    let (mut out, body) = body();
    let _flow = out.write("half").expect("it is open");
    let mut reader = body.reader();
    let mut half = [0; 4];
    assert_eq!(block_on(reader.read(&mut half)).expect("it is there"), 4);
    drop(out.destroy_with("no disk"));
    for _ in 0..2 {
        let error = block_on(reader.read(&mut half)).expect_err("it is cut off");
        assert_eq!(error.to_string(), "no disk");
        let cause = error
            .into_inner()
            .and_then(|error| error.downcast::<Cause>().ok());
        assert_eq!(cause.map(|cause| cause.code()), Some("ABORT_ERR"));
    }
}

#[cfg(feature = "tokio")]
#[tokio::test]
async fn a_body_is_a_reader_of_tokio() -> Result<(), BoxError> {
    let (mut out, body) = body();
    let producer = tokio::spawn(async move {
        for n in 1..=10_000 {
            out.send(format!("{n}\n")).await?;
        }
        out.end().await?;
        Ok::<_, BoxError>(())
    });
    let mut text = Vec::new();
    let copied = tokio::io::copy(&mut body.reader(), &mut text).await?;
    producer.await??;
    assert_eq!(copied, 48_894);
    assert!(text.ends_with(b"\n10000\n"));
    Ok(())
}

#[test]
fn an_observer_sees_what_the_reader_does() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&seen);
    let observer = move |event| tell.lock().expect("no panic").push(event);
    let builder = Writable::builder().high_water_mark(1).observer(observer);
    let (mut out, mut body) = builder.body();
    assert_eq!(out.write("a").ok(), Some(Flow::Wait));
    assert_eq!(next(&mut body), "a");
    waits(&mut body);
    drop(out.end());
    ends(&mut body);
    let events = std::mem::take(&mut *seen.lock().expect("no panic"));
    let names: Vec<_> = events.iter().map(|event| format!("{event:?}")).collect();
    assert_eq!(names, ["Drain", "Finish", "Close"]);
    assert!(events.iter().all(|event| !matches!(event, Event::Error(_))));
    assert_eq!(Arc::strong_count(&seen), 1, "the observer is gone");
    drop(body);
}

#[test]
fn an_observer_that_waits_for_its_stream_gets_an_error() {
    for leaves in [false, true] {
        let writer = Arc::new(Mutex::new(None::<Writer>));
        let (out_of, errors) = (Arc::clone(&writer), Arc::new(Mutex::new(Vec::new())));
        let seen = Arc::clone(&errors);
        let observer = move |_| {
            let writer = out_of.lock().expect("no panic").clone().expect("it is set");
            let error = writer.closed().wait().expect_err("it waits for itself");
            seen.lock().expect("no panic").push(error.code());
        };
        let (out, mut body) = Writable::builder().observer(observer).body();
        *writer.lock().expect("no panic") = Some(out.writer());
        let end = out.end();
        if !leaves {
            ends(&mut body);
        }
        drop((body, end));
        assert_eq!(*errors.lock().expect("no panic"), ["EDEADLK"; 2]);
        *writer.lock().expect("no panic") = None;
    }
}

#[test]
fn a_body_can_be_sent_and_shared() {
    fn sent_and_shared<T: Send + Sync + Unpin + 'static>(_: &T) {}
    let (out, body) = body();
    sent_and_shared(&body);
    let reader = body.reader();
    sent_and_shared(&reader);
    drop((out, reader));
}

#[test]
fn many_bodies_are_read_as_one() {
    let (bodies, ends): (Vec<_>, Vec<_>) = (0..3)
        .map(|n| {
            let (out, body) = body();
            (body, out.end_with(format!("part {n}\n")))
        })
        .unzip();
    let parts: Vec<_> = block_on(stream::iter(bodies).flatten().collect());
    let parts: Result<Vec<_>, _> = parts.into_iter().collect();
    assert_eq!(
        parts.expect("they end well").concat(),
        b"part 0\npart 1\npart 2\n"
    );
    for mut end in ends {
        assert!(end.wait().is_ok());
    }
}
