//! The adapter with its thread on real files and on sinks that behave badly:
//! nothing is lost, every error keeps its cause, every wait ends.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use highwater::machine::Phase;
use highwater::{BoxError, Chunk, EndError, Flow, OnDrop, WaitError, Writable, Writer};
use highwater_testkit::gate::{Gate, GatedSink, WATCHDOG};

fn joined(chunks: &[Chunk]) -> Vec<u8> {
    chunks
        .iter()
        .flat_map(|chunk| chunk.as_ref())
        .copied()
        .collect()
}

#[test]
fn a_file_gets_every_byte_and_comes_back() -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("numbers");
    let opened = path.clone();
    let mut out = Writable::builder()
        .high_water_mark(100)
        .open(move || File::create(opened))?;
    let mut expected = String::new();
    for n in 0..10_000 {
        let line = format!("{n}\n");
        expected.push_str(&line);
        if out.write(&line)? == Flow::Wait {
            out.wait_drain()?;
        }
    }
    let done = out.end()?;
    done.sink.sync_all()?;
    assert_eq!(fs::read_to_string(path)?, expected);
    assert_eq!(done.totals.waits, done.totals.drains);
    assert!(done.totals.peak < 100 + 5, "{}", done.totals.peak);
    Ok(())
}

#[test]
fn destroy_is_exact_and_gives_back_what_was_not_sent() -> Result<(), BoxError> {
    let gate = Gate::default();
    let mut out = Writable::builder().high_water_mark(3).spawn(gate.sink())?;
    assert_eq!(out.write("in flight")?, Flow::Wait);
    assert_eq!(gate.wait_for_call(), b"in flight");
    assert_eq!(out.write("queued")?, Flow::Wait);
    let waiter = out.writer();
    let waiting = thread::spawn(move || waiter.wait_drain());
    let destroying = thread::spawn(move || out.destroy_with("enough"));
    // Whether it began to wait before or after: the waiter is told why.
    let told = waiting
        .join()
        .expect("no panic")
        .expect_err("no drain will come");
    let cause = std::error::Error::source(&told).expect("the cause is kept");
    assert_eq!(
        (told.code(), cause.to_string()),
        ("ABORT_ERR", "enough".into())
    );
    gate.answer(Ok(()));
    let unfinished = destroying.join().expect("no panic");
    assert!(unfinished.sink.is_some());
    assert_eq!(gate.taken(), b"in flight");
    assert_eq!(joined(&unfinished.unsent), b"queued");
    assert_eq!((unfinished.in_doubt, unfinished.totals.delivered), (0, 9));
    Ok(())
}

/// Something that cannot end by itself, with a time-out of nothing.
#[test]
fn waits_with_a_time_out_end() -> Result<(), BoxError> {
    let gate = Gate::default();
    let mut out = Writable::builder().high_water_mark(1).spawn(gate.sink())?;
    assert_eq!(out.write("x")?, Flow::Wait);
    let nothing = Duration::ZERO;
    assert!(matches!(
        out.wait_drain_timeout(nothing),
        Err(WaitError::TimedOut)
    ));
    assert!(matches!(
        out.wait_delivered_timeout(1, nothing),
        Err(WaitError::TimedOut)
    ));
    let Err(EndError::TimedOut(out)) = out.end_timeout(nothing) else {
        panic!("the sink does not answer");
    };
    assert_eq!(out.snapshot().phase, Phase::Ending);
    gate.wait_for_call();
    let unfinished = out.destroy_timeout(nothing);
    assert!(unfinished.sink.is_none() && unfinished.unsent.is_empty());
    assert_eq!(unfinished.in_doubt, 1);
    gate.open();
    Ok(())
}

#[test]
fn an_end_that_timed_out_goes_on() -> Result<(), BoxError> {
    let gate = Gate::default();
    let mut out = Writable::builder().spawn(gate.sink())?;
    assert_eq!(out.write("x")?, Flow::More);
    let Err(EndError::TimedOut(out)) = out.end_timeout(Duration::ZERO) else {
        panic!("the sink does not answer");
    };
    gate.open();
    assert_eq!(out.end()?.totals.delivered, 1);
    Ok(())
}

#[test]
fn positions_are_acknowledged_up_to_the_failure() -> Result<(), BoxError> {
    let gate = Gate::default();
    let mut out = Writable::builder().spawn(gate.sink())?;
    assert_eq!(out.write("first")?, Flow::More);
    let first = out.position();
    gate.wait_for_call();
    assert_eq!(out.write("second")?, Flow::More);
    let second = out.position();
    assert_eq!((first, second), (5, 11));
    gate.answer(Ok(()));
    out.wait_delivered(first)?;
    assert_eq!(gate.wait_for_call(), b"second");
    gate.answer(Err(io::ErrorKind::TimedOut.into()));
    let failed = out.wait_delivered(second).expect_err("it was not written");
    assert_eq!(failed.code(), "ETIMEDOUT");
    out.wait_delivered(first)?;
    let beyond = out
        .wait_delivered(12)
        .expect_err("so much was not accepted");
    assert!(matches!(
        beyond,
        WaitError::NotAccepted {
            position: 12,
            accepted: 11
        }
    ));
    Ok(())
}

#[test]
fn flush_keeps_its_place_and_flushes_the_sink() -> Result<(), BoxError> {
    #[derive(Default)]
    struct Log(Vec<String>);
    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(String::from_utf8_lossy(bytes).into());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            self.0.push("flush".into());
            Ok(())
        }
    }
    let mut out = Writable::builder().spawn(Log::default())?;
    let _flow = out.write("a")?;
    out.flush()?;
    let _flow = out.write("b")?;
    assert_eq!(out.end()?.sink.0, ["a", "flush", "b", "flush"]);
    Ok(())
}

#[test]
fn a_limit_refuses_and_hands_back() -> Result<(), BoxError> {
    let gate = Gate::default();
    let mut out = Writable::builder()
        .high_water_mark(4)
        .limit(6)
        .spawn(gate.sink())?;
    assert_eq!(out.write("1234")?, Flow::Wait);
    assert_eq!(out.write("56")?, Flow::Wait);
    let error = out.write_chunk("7").expect_err("the limit is reached");
    assert_eq!(
        (error.code(), error.to_string()),
        (
            "TOO_LONG",
            "the chunk would pass the limit of 6 bytes".into()
        )
    );
    assert_eq!(error.into_chunk().as_ref(), b"7");
    let Err(EndError::Refused {
        stream: mut out,
        error,
    }) = out.end_with("7")
    else {
        panic!("the limit is reached");
    };
    assert_eq!(error.into_chunk().as_ref(), b"7");
    gate.open();
    out.wait_drain()?;
    assert_eq!(out.end_with("7")?.totals.delivered, 7);
    assert_eq!(gate.taken(), b"1234567");
    Ok(())
}

#[test]
fn late_producers_are_told_and_harm_nobody() -> Result<(), BoxError> {
    let gate = Gate::default();
    let mut out = Writable::builder().spawn(gate.sink())?;
    let mut late = out.writer();
    assert_eq!(out.write("x")?, Flow::More);
    let Err(EndError::TimedOut(out)) = out.end_timeout(Duration::ZERO) else {
        panic!("the sink does not answer");
    };
    assert_eq!(
        late.write("y").expect_err("it has ended").code(),
        "ERR_STREAM_WRITE_AFTER_END"
    );
    assert!(matches!(late.wait_drain(), Err(WaitError::Ended)));
    assert!(matches!(late.flush(), Err(WaitError::Ended)));
    assert!(matches!(late.cork(), Err(WaitError::Ended)));
    assert!(late.blocking().write(b"z").is_err());
    gate.open();
    assert_eq!(out.end()?.totals.delivered, 1);
    assert_eq!(gate.taken(), b"x");
    Ok(())
}

#[test]
fn chunks_of_no_bytes_are_acknowledged_and_never_written() -> Result<(), BoxError> {
    struct NoEmpty(Vec<u8>);
    impl Write for NoEmpty {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            assert!(!bytes.is_empty());
            self.0.extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut out = Writable::builder()
        .high_water_mark(0)
        .spawn(NoEmpty(Vec::new()))?;
    assert_eq!(out.write("")?, Flow::More);
    out.wait_delivered(out.position())?;
    for text in ["a", "", "", "b"] {
        if out.write(text)? == Flow::Wait {
            out.wait_drain()?;
        }
    }
    assert_eq!(out.end()?.sink.0, b"ab");
    Ok(())
}

fn observed(on_drop: OnDrop, gate: &Gate) -> (Writable<GatedSink>, Receiver<String>) {
    let (tell, told) = channel();
    let out = Writable::builder()
        .on_drop(on_drop)
        .observer(move |event| drop(tell.send(format!("{event:?}"))))
        .spawn(gate.sink())
        .expect("a thread can be started");
    (out, told)
}

#[test]
fn dropping_the_stream_finishes_it() -> Result<(), BoxError> {
    let gate = Gate::default();
    gate.open();
    let (mut out, told) = observed(OnDrop::Finish, &gate);
    assert_eq!(out.write("hello")?, Flow::More);
    drop(out);
    assert_eq!(gate.taken(), b"hello");
    assert_eq!(told.iter().collect::<Vec<_>>(), ["Finish", "Close"]);
    Ok(())
}

#[test]
fn dropping_the_stream_may_discard_or_give_up() -> Result<(), BoxError> {
    let given_up = "the stream had not ended in time: 9 bytes are dropped, 5 are in doubt";
    for (policy, error) in [
        (OnDrop::Discard, None),
        (OnDrop::FinishWithin(Duration::ZERO), Some(given_up)),
    ] {
        let gate = Gate::default();
        let (mut out, told) = observed(policy, &gate);
        assert_eq!(out.write("taken")?, Flow::More);
        gate.wait_for_call();
        assert_eq!(out.write("discarded")?, Flow::More);
        drop(out);
        gate.open();
        if let Some(error) = error {
            let event = told.recv_timeout(WATCHDOG)?;
            assert!(
                event.starts_with("Error(") && event.contains(error),
                "{event}"
            );
        }
        assert_eq!(told.recv_timeout(WATCHDOG)?, "Close");
        assert_eq!(gate.taken(), b"taken");
    }
    Ok(())
}

#[test]
fn a_cork_is_released_by_a_panic_too() -> Result<(), BoxError> {
    let out = Writable::builder().spawn(Vec::new())?;
    let mut writer = out.writer();
    let panicked = thread::spawn(move || {
        let corked = writer.cork().expect("it is open");
        let _flow = corked.write("held").expect("it is open");
        panic!("in the middle");
    });
    assert!(panicked.join().is_err());
    assert_eq!(out.snapshot().corked, 0);
    out.wait_delivered(4)?;
    assert_eq!(out.end()?.sink, b"held");
    Ok(())
}

#[test]
fn a_cork_holds_other_producers_too() -> Result<(), BoxError> {
    let mut out = Writable::builder().spawn(Vec::new())?;
    let other = out.writer();
    let corked = out.cork()?;
    assert_eq!(corked.write("a")?, Flow::More);
    assert_eq!(other.write("b")?, Flow::More);
    assert_eq!(
        (other.snapshot().delivered, other.snapshot().corked),
        (0, 1)
    );
    drop(corked);
    assert_eq!(out.end()?.sink, b"ab");
    Ok(())
}

#[test]
fn pipe_moves_everything_with_backpressure() -> Result<(), BoxError> {
    let source: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
    for (mark, limit) in [(0, u64::MAX), (1, 1), (1000, 1000), (1 << 20, u64::MAX)] {
        let out = Writable::builder()
            .high_water_mark(mark)
            .limit(limit)
            .spawn(Vec::new())?;
        let source = if mark < 2 { &source[..500] } else { &source };
        let done = out.pipe(source)?;
        assert_eq!(done.sink, source);
        assert!(done.totals.peak <= limit.min(mark + 65_536));
    }
    Ok(())
}

#[test]
fn blocking_writers_wait_before_they_accept() -> Result<(), BoxError> {
    let out = Writable::builder()
        .high_water_mark(10)
        .limit(10)
        .spawn(Vec::new())?;
    let mut lines = out.blocking();
    io::copy(&mut io::repeat(b'x').take(5000), &mut lines)?;
    lines.flush()?;
    let done = out.end()?;
    assert_eq!(done.sink.len(), 5000);
    assert!(done.totals.peak <= 10);
    Ok(())
}

#[test]
fn many_producers_lose_and_mix_up_nothing() -> Result<(), BoxError> {
    let out = Writable::builder().high_water_mark(64).spawn(Vec::new())?;
    let produce = |name: u8, out: Writer| {
        thread::spawn(move || {
            for n in 0..1000_u32 {
                let line = format!("{name} {n}\n");
                match out.write(line).expect("it is open") {
                    Flow::More => {}
                    Flow::Wait => out.wait_drain().expect("it is open"),
                }
            }
        })
    };
    let producers: Vec<_> = (0..4).map(|name| produce(name, out.writer())).collect();
    for producer in producers {
        producer.join().expect("no panic");
    }
    let text = String::from_utf8(out.end()?.sink)?;
    let mut next = [0; 4];
    for line in text.lines() {
        let (name, n) = line.split_once(' ').expect("a whole line");
        let next = &mut next[name.parse::<usize>()?];
        assert_eq!(n.parse::<u32>()?, *next, "in order for each");
        *next += 1;
    }
    assert_eq!(next, [1000; 4]);
    Ok(())
}

#[test]
fn a_last_chunk_after_the_end_comes_back() -> Result<(), BoxError> {
    let gate = Gate::default();
    let mut out = Writable::builder().spawn(gate.sink())?;
    assert_eq!(out.write("head")?, Flow::More);
    let Err(EndError::TimedOut(out)) = out.end_timeout(Duration::ZERO) else {
        panic!("the sink does not answer");
    };
    let Err(EndError::Refused { stream, error }) = out.end_with("tail") else {
        panic!("it has ended before");
    };
    assert_eq!(error.code(), "ERR_STREAM_WRITE_AFTER_END");
    assert_eq!(error.into_chunk().as_ref(), b"tail");
    gate.open();
    assert_eq!(stream.end()?.totals.delivered, 4);
    Ok(())
}

#[test]
fn a_refused_end_uncorks_nobody() -> Result<(), BoxError> {
    let out = Writable::builder()
        .high_water_mark(4)
        .limit(4)
        .spawn(Vec::new())?;
    let mut other = out.writer();
    let corked = other.cork()?;
    assert_eq!(corked.write("1234")?, Flow::Wait);
    let Err(EndError::Refused { stream, .. }) = out.end_with("5") else {
        panic!("the limit is reached");
    };
    assert_eq!(stream.snapshot().corked, 1);
    assert!(stream.snapshot().needs_drain);
    drop(corked);
    assert_eq!(stream.end()?.sink, b"1234");
    Ok(())
}

#[test]
fn whoever_has_waited_long_enough_does_not_wait_again() -> Result<(), BoxError> {
    let gate = Gate::default();
    let mut out = Writable::builder().spawn(gate.sink())?;
    assert_eq!(out.write("x")?, Flow::More);
    let error = io::Error::from(out.end_timeout(Duration::ZERO).expect_err("it is stuck"));
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    // The stream is gone, and goes on by itself.
    gate.wait_for_call();
    gate.open();
    Ok(())
}

#[test]
fn a_wait_that_times_out_is_counted() -> Result<(), BoxError> {
    let gate = Gate::default();
    let mut out = Writable::builder().high_water_mark(1).spawn(gate.sink())?;
    assert_eq!(out.write("x")?, Flow::Wait);
    assert!(out.wait_drain_timeout(Duration::from_millis(1)).is_err());
    assert!(out.snapshot().waited > Duration::ZERO);
    gate.open();
    Ok(())
}

#[test]
fn what_is_discarded_is_dropped_although_producers_live() -> Result<(), BoxError> {
    let gate = Gate::default();
    let bytes = bytes::Bytes::from(vec![0; 100]);
    let mut out = Writable::builder()
        .on_drop(OnDrop::Discard)
        .spawn(gate.sink())?;
    let writer = out.writer();
    assert_eq!(out.write("in flight")?, Flow::More);
    gate.wait_for_call();
    assert_eq!(out.write_chunk(bytes.clone())?, Flow::More);
    assert!(!bytes.is_unique());
    drop(out);
    assert!(bytes.is_unique());
    assert!(writer.write("x").is_err());
    gate.open();
    Ok(())
}

#[test]
fn nothing_to_write_does_not_wait() -> Result<(), BoxError> {
    let gate = Gate::default();
    let mut out = Writable::builder().high_water_mark(1).spawn(gate.sink())?;
    assert_eq!(out.write("x")?, Flow::Wait);
    assert_eq!(out.blocking().write(b"")?, 0);
    gate.open();
    Ok(())
}
