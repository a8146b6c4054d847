//! One handle: a task and a thread use the same stream in the same ways, over each
//! worker. What does not compile here was promised and is gone.
#![cfg(feature = "tokio")]

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io::Write;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use futures::executor::block_on;
use futures::io::AllowStdIo;
use highwater::{Builder, Chunk, EndError, Event, Flow, SendError, WaitError, Writable};
use highwater_testkit::players::polled::poll_once;
use highwater_testkit::sinks::{on_close, on_write};
use tokio::runtime::Runtime;

type Checked = Result<(), highwater::BoxError>;

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime can be made")
}

/// How a stream into a `Vec` is made: the same for every test, over each worker.
struct Kind {
    name: &'static str,
    make: fn(Builder) -> Made,
}

struct Made {
    out: Writable<Vec<u8>>,
    /// What runs the worker, if it is no thread.
    #[allow(dead_code)] // dropped after the stream
    runs: Option<Runtime>,
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "thread",
        make: |builder| Made {
            out: builder.spawn(Vec::new()).expect("there are threads"),
            runs: None,
        },
    },
    Kind {
        name: "future",
        make: |builder| {
            let (out, worker) = builder.pair(Vec::new());
            thread::spawn(move || block_on(worker));
            Made { out, runs: None }
        },
    },
    Kind {
        name: "tokio",
        make: |builder| {
            let runtime = runtime();
            let out = builder.spawn_tokio_on(runtime.handle(), Vec::new());
            let runs = Some(runtime);
            Made { out, runs }
        },
    },
];

/// Runs a test over each kind of worker.
fn each(test: impl Fn(Writable<Vec<u8>>) -> Checked) -> Checked {
    for kind in &KINDS {
        let made = (kind.make)(Writable::builder().high_water_mark(16));
        test(made.out).map_err(|error| format!("{}: {error}", kind.name))?;
    }
    Ok(())
}

fn numbers() -> Vec<u8> {
    (1..=1000)
        .flat_map(|n| format!("{n}\n").into_bytes())
        .collect()
}

#[test]
fn a_thread_writes_to_every_worker() -> Checked {
    each(|mut out| {
        for n in 1..=1000 {
            if out.write(format!("{n}\n"))? == Flow::Wait {
                out.drained().wait()?;
            }
        }
        let done = out.end().wait()?;
        assert_eq!(done.sink, numbers());
        assert_eq!(done.totals.waits, done.totals.drains);
        Ok(())
    })
}

#[test]
fn a_task_writes_to_every_worker() -> Checked {
    each(|mut out| {
        runtime().block_on(async {
            for n in 1..=1000 {
                if out.write(format!("{n}\n"))? == Flow::Wait {
                    out.drained().await?;
                }
            }
            let done = out.end().await?;
            assert_eq!(done.sink, numbers());
            assert_eq!(done.totals.waits, done.totals.drains);
            Ok(())
        })
    })
}

#[test]
fn a_thread_and_a_task_send_to_every_worker() -> Checked {
    each(|mut out| {
        let other = out.writer();
        let thread =
            thread::spawn(move || (0..1000).try_for_each(|_| other.send("ab").wait().map(drop)));
        runtime().block_on(async {
            for _ in 0..1000 {
                out.send("cd").await?;
            }
            Ok::<_, highwater::BoxError>(())
        })?;
        thread.join().expect("no panic")?;
        let done = out.end_with("end").wait()?;
        assert_eq!(done.sink.len(), 4003);
        assert!(done.totals.peak <= 16 + 2 + 3, "{}", done.totals.peak);
        Ok(())
    })
}

#[test]
fn the_owner_of_every_worker_is_an_io_write() -> Checked {
    each(|mut out| {
        for n in 1..=1000 {
            writeln!(out, "{n}")?;
        }
        Write::flush(&mut out)?;
        let mut view = out.writer().blocking();
        view.write_all(b"end")?;
        assert_eq!(
            out.pipe(&b" of it"[..])?.sink,
            [&numbers()[..], b"end of it"].concat()
        );
        Ok(())
    })
}

#[test]
fn the_owner_writes_a_long_buffer_whole() -> Checked {
    each(|mut out| {
        let long: Vec<u8> = (0..20_000_u32).map(|n| (n % 251) as u8).collect();
        out.write_all(b"short, ")?;
        out.write_all(&long)?;
        assert_eq!(out.end().wait()?.sink, [b"short, ", &long[..]].concat());
        Ok(())
    })
}

#[test]
fn an_unfinished_stream_comes_back_from_every_worker() -> Checked {
    each(|mut out| {
        let _flow = out.write("not corked")?;
        let mut writer = out.writer();
        let mut corked = writer.cork()?;
        let _flow = corked.write("held")?;
        let destroy = out.destroy_with("enough").wait()?;
        let unsent: usize = destroy.unsent.iter().map(Chunk::len).sum();
        assert_eq!(unsent as u64 + destroy.totals.delivered, 14);
        assert_eq!(
            destroy.cause.map(|cause| cause.to_string()).as_deref(),
            Some("enough")
        );
        assert!(destroy.sink.is_some());
        Ok(())
    })
}

#[test]
fn closed_says_how_the_stream_has_ended() -> Checked {
    each(|out| {
        let (writer, mut closed) = (out.writer(), out.closed());
        assert!(matches!(
            closed.wait_timeout(Duration::ZERO),
            Err(WaitError::TimedOut)
        ));
        out.end().wait()?;
        closed.wait()?;
        block_on(writer.closed())?;
        Ok(())
    })?;
    each(|out| {
        let writer = out.writer();
        drop(out.destroy_with("the client has left"));
        let error = writer.closed().wait().expect_err("it has not finished");
        assert_eq!(error.to_string(), "the client has left");
        Ok(())
    })
}

/// What takes time borrows nothing: the stream may be written to meanwhile.
#[test]
fn a_write_follows_while_a_flush_is_awaited() -> Checked {
    each(|mut out| {
        runtime().block_on(async {
            let _flow = out.write("first")?;
            let mut flushed = out.flush();
            let sent = tokio::select! {
                flushed = &mut flushed => flushed.map(|()| 0)?,
                position = out.send("second") => position?,
            };
            assert!(sent == 0 || sent == 11);
            let flush = tokio::spawn(out.flush());
            let _flow = out.write("third")?;
            flush.await??;
            let done = out.end().await?;
            assert!(done.sink.starts_with(b"first") && done.sink.ends_with(b"third"));
            Ok(())
        })
    })
}

#[test]
fn an_end_that_took_too_long_is_destroyed() -> Checked {
    runtime().block_on(async {
        let (near, _far) = tokio::io::duplex(4);
        let mut out = Writable::builder().spawn_tokio(near)?;
        let _flow = out.write("more than the pipe holds")?;
        out.delivered(4).await?;
        let mut end = out.end();
        let late = tokio::time::timeout(Duration::ZERO, &mut end).await;
        assert!(late.is_err(), "nothing reads");
        let unfinished = end.destroy().await;
        let unsent: usize = unfinished.unsent.iter().map(Chunk::len).sum();
        assert_eq!((unfinished.totals.delivered, unsent), (4, 20));
        Ok(())
    })
}

/// A wait can be kept without being polled: the room that it was woken for goes to the next.
#[test]
fn a_sender_that_is_kept_and_not_polled_keeps_no_other_asleep() -> Checked {
    each(|mut out| {
        let writer = out.writer();
        let mut corked = out.cork()?;
        assert_eq!(corked.write([b'x'; 16])?, Flow::Wait);
        let mut kept = [0; 3].map(|_| writer.send("kept"));
        assert!(kept.iter_mut().all(|sending| poll_once(sending).is_none()));
        let mut last = writer.send("last");
        let (tell, told) = channel();
        let last = thread::spawn(move || {
            block_on(poll_fn(|cx| {
                let sent = Pin::new(&mut last).poll(cx);
                let _ = tell.send(sent.is_pending());
                sent
            }))
        });
        assert_eq!(told.recv(), Ok(true), "it waits behind the others");
        drop(corked);
        assert_eq!(last.join().expect("no panic")?, 20);
        Ok(())
    })
}

#[test]
fn an_observer_that_has_panicked_sees_no_more_events() -> Checked {
    for kind in &KINDS {
        let (tell, told) = channel();
        let builder = Writable::builder().observer(move |event| {
            let _ = tell.send(event);
            std::panic::resume_unwind(Box::new("no more"));
        });
        (kind.make)(builder).out.end().wait()?;
        let told: Vec<_> = told.iter().collect();
        assert!(
            matches!(told[..], [Event::Finish]),
            "{}: {told:?}",
            kind.name
        );
    }
    Ok(())
}

#[test]
fn a_destroy_does_not_wait_for_a_close_that_is_pending() {
    let (out, mut worker) = Writable::builder().pair(on_close(|| Poll::Pending));
    let mut end = out.end();
    assert!(poll_once(&mut end).is_none());
    assert!(poll_once(&mut worker).is_none(), "it waits for the close");
    let destroy = end.destroy();
    assert!(poll_once(&mut worker).is_some());
    let unfinished = poll_once(destroy).expect("the worker has left");
    assert!(unfinished.sink.is_some());
}

/// What is waited for once more says what there is: it neither panics nor waits for ever.
#[test]
fn a_wait_that_is_over_can_be_repeated() -> Checked {
    each(|mut out| {
        let mut sending = out.send("ab");
        assert_eq!((sending.wait()?, sending.wait()?), (2, 2));
        let mut flushed = out.flush();
        flushed.wait()?;
        flushed.wait()?;
        let mut end = out.end();
        assert_eq!(end.wait()?.sink, b"ab");
        assert!(matches!(end.wait(), Err(EndError::Failed { .. })));
        let unfinished = end.destroy().wait()?;
        assert!(unfinished.sink.is_none() && unfinished.unsent.is_empty());
        Ok(())
    })
}

#[test]
fn a_chunk_that_was_not_sent_comes_back() -> Checked {
    let (mut out, _worker) = Writable::builder().high_water_mark(4).pair(Vec::new());
    assert_eq!(out.send("full").into_chunk(), None);
    let waits = out.send("more");
    assert_eq!(waits.into_chunk(), Some("more".into()));
    let mut waits = out.send("more");
    let late = waits.wait_timeout(Duration::ZERO);
    assert!(matches!(late, Err(SendError::TimedOut)));
    let writer = out.writer();
    drop(out.destroy());
    match waits.wait() {
        Err(SendError::Refused(error)) => assert_eq!(error.into_chunk(), "more".into()),
        other => panic!("{other:?}"),
    }
    match block_on(writer.send("late")) {
        Err(error) => assert_eq!(error.into_chunk(), "late".into()),
        other => panic!("{other:?}"),
    }
    Ok(())
}

/// A sink that cannot cross threads makes a stream that cannot, and producers that can.
#[test]
fn a_sink_of_one_thread_has_producers_on_others() -> Checked {
    let taken = Rc::new(RefCell::new(Vec::new()));
    let takes = Rc::clone(&taken);
    let sink = on_write(move |bytes| takes.borrow_mut().write(bytes));
    let (mut out, worker) = Writable::builder().pair(AllowStdIo::new(sink));
    let writer = out.writer();
    let other = thread::spawn(move || writer.write("from another thread").map(drop));
    other.join().expect("no panic")?;
    let _flow = out.write_chunk(Bytes::from_static(b" and this"))?;
    let (done, ()) = block_on(futures::future::join(out.end(), worker));
    drop(done.map_err(|error| error.to_string())?.sink);
    assert_eq!(*taken.borrow(), b"from another thread and this");
    Ok(())
}
