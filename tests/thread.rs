//! A stream with a thread, on real files and on sinks that behave badly:
//! nothing is lost, every error keeps its cause, every wait ends.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::thread;
use std::time::Duration;

use highwater::machine::Phase;
use highwater::{BoxError, Chunk, EndError, Flow, SendError, WaitError, Writable, Writer};
use highwater_testkit::gate::Gate;
use highwater_testkit::players::polled::poll_once;

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
        .spawn_with(move || File::create(opened))?;
    let mut expected = String::new();
    for n in 0..10_000 {
        let line = format!("{n}\n");
        expected.push_str(&line);
        if out.write(&line)? == Flow::Wait {
            out.drained().wait()?;
        }
    }
    let done = out.end().wait()?;
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
    let waiting = thread::spawn(move || waiter.drained().wait());
    let mut destroy = out.destroy_with("enough");
    // Whether it began to wait before or after: the waiter gets the reason.
    let told = waiting
        .join()
        .expect("no panic")
        .expect_err("no drain will come");
    assert_eq!(
        (told.code(), told.to_string()),
        ("ABORT_ERR", "enough".into())
    );
    assert!(matches!(
        destroy.wait_timeout(Duration::ZERO),
        Err(WaitError::TimedOut)
    ));
    gate.answer(Ok(()));
    let unfinished = destroy.wait()?;
    assert!(unfinished.sink.is_some());
    let reason = unfinished.cause.map(|cause| cause.to_string());
    assert_eq!(reason.as_deref(), Some("enough"));
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
    let waits = [out.drained(), out.delivered(1), out.flush(), out.closed()];
    for mut wait in waits {
        assert!(matches!(
            wait.wait_timeout(nothing),
            Err(WaitError::TimedOut)
        ));
    }
    let mut sending = out.send("y");
    assert!(matches!(
        sending.wait_timeout(nothing),
        Err(SendError::TimedOut)
    ));
    let chunk = sending
        .into_chunk()
        .expect("the stream has not accepted it");
    assert_eq!(chunk.as_ref(), b"y");
    let writer = out.writer();
    let mut end = out.end();
    assert!(matches!(end.wait_timeout(nothing), Err(EndError::TimedOut)));
    assert_eq!(writer.snapshot().phase, Phase::Ending);
    gate.wait_for_call();
    let mut destroy = end.destroy();
    assert!(matches!(
        destroy.wait_timeout(nothing),
        Err(WaitError::TimedOut)
    ));
    let unfinished = destroy.give_up();
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
    let mut end = out.end();
    for _ in 0..2 {
        let error = end.wait_timeout(Duration::ZERO);
        let error = io::Error::from(error.expect_err("the sink does not answer"));
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
    gate.open();
    assert_eq!(end.wait()?.totals.delivered, 1);
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
    out.delivered(first).wait()?;
    assert_eq!(gate.wait_for_call(), b"second");
    gate.answer(Err(io::ErrorKind::TimedOut.into()));
    let failed = out
        .delivered(second)
        .wait()
        .expect_err("it was not written");
    assert_eq!(failed.code(), "ETIMEDOUT");
    out.delivered(first).wait()?;
    let beyond = out
        .delivered(12)
        .wait()
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
    out.flush().wait()?;
    let _flow = out.write("b")?;
    assert_eq!(out.end().wait()?.sink.0, ["a", "flush", "b", "flush"]);
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
    let mut sending = out.send("longer than the limit");
    for handed_back in [&b"longer than the limit"[..], b""] {
        match sending.wait() {
            Err(SendError::Refused(error)) => {
                assert_eq!(error.code(), "TOO_LONG");
                assert_eq!(error.into_chunk().as_ref(), handed_back);
            }
            other => panic!("the stream never has so much room: {other:?}"),
        }
    }
    assert!(sending.into_chunk().is_none());
    let Err(EndError::Refused { stream: out, error }) = out.end_with("7").wait() else {
        panic!("the limit is reached");
    };
    assert_eq!(error.into_chunk().as_ref(), b"7");
    gate.open();
    out.drained().wait()?;
    assert_eq!(out.end_with("7").wait()?.totals.delivered, 7);
    assert_eq!(gate.taken(), b"1234567");
    Ok(())
}

#[test]
fn late_producers_get_an_error_and_change_nothing() -> Result<(), BoxError> {
    let gate = Gate::default();
    let mut out = Writable::builder().spawn(gate.sink())?;
    let mut late = out.writer();
    assert_eq!(out.write("x")?, Flow::More);
    let mut end = out.end();
    assert_eq!(
        late.write("y").expect_err("it has ended").code(),
        "ERR_STREAM_WRITE_AFTER_END"
    );
    assert!(matches!(late.drained().wait(), Err(WaitError::Ended)));
    assert!(matches!(late.flush().wait(), Err(WaitError::Ended)));
    let refused = late.send("y").wait().expect_err("the stream has ended");
    assert_eq!(refused.code(), "ERR_STREAM_WRITE_AFTER_END");
    assert!(matches!(late.cork(), Err(WaitError::Ended)));
    assert!(late.blocking().write(b"z").is_err());
    gate.open();
    assert_eq!(end.wait()?.totals.delivered, 1);
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
    out.delivered(out.position()).wait()?;
    for text in ["a", "", "", "b"] {
        if out.write(text)? == Flow::Wait {
            out.drained().wait()?;
        }
    }
    assert_eq!(out.end().wait()?.sink.0, b"ab");
    Ok(())
}

#[test]
fn a_panic_also_releases_a_cork() -> Result<(), BoxError> {
    let out = Writable::builder().spawn(Vec::new())?;
    let mut writer = out.writer();
    let panicked = thread::spawn(move || {
        let mut corked = writer.cork().expect("it is open");
        let _flow = corked.write("held").expect("it is open");
        panic!("in the middle");
    });
    assert!(panicked.join().is_err());
    assert_eq!(out.snapshot().corked, 0);
    out.delivered(4).wait()?;
    assert_eq!(out.end().wait()?.sink, b"held");
    Ok(())
}

#[test]
fn a_cork_also_holds_other_producers() -> Result<(), BoxError> {
    let mut out = Writable::builder().spawn(Vec::new())?;
    let other = out.writer();
    let mut corked = out.cork()?;
    assert_eq!(corked.write("a")?, Flow::More);
    assert_eq!(other.write("b")?, Flow::More);
    assert_eq!(
        (other.snapshot().delivered, other.snapshot().corked),
        (0, 1)
    );
    drop(corked);
    assert_eq!(out.end().wait()?.sink, b"ab");
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
    let mut out = Writable::builder()
        .high_water_mark(10)
        .limit(10)
        .spawn(Vec::new())?;
    let mut producer = out.writer().blocking();
    let lines: [&mut dyn Write; 2] = [&mut out, &mut producer];
    for lines in lines {
        io::copy(&mut io::repeat(b'x').take(5000), lines)?;
        lines.flush()?;
    }
    let done = out.end().wait()?;
    assert_eq!(done.sink.len(), 10_000);
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
                    Flow::Wait => out.drained().wait().expect("it is open"),
                }
            }
        })
    };
    let producers: Vec<_> = (0..4).map(|name| produce(name, out.writer())).collect();
    for producer in producers {
        producer.join().expect("no panic");
    }
    let text = String::from_utf8(out.end().wait()?.sink)?;
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
    // A close of the owner, as an `AsyncWrite`, ends the stream and leaves the owner.
    assert!(poll_once(futures::io::AsyncWriteExt::close(&mut out)).is_none());
    let Err(EndError::Refused { stream, error }) = out.end_with("tail").wait() else {
        panic!("it has ended before");
    };
    assert_eq!(error.code(), "ERR_STREAM_WRITE_AFTER_END");
    assert_eq!(error.into_chunk().as_ref(), b"tail");
    gate.open();
    assert_eq!(stream.end().wait()?.totals.delivered, 4);
    Ok(())
}

#[test]
fn a_refused_end_releases_no_cork() -> Result<(), BoxError> {
    let out = Writable::builder()
        .high_water_mark(4)
        .limit(4)
        .spawn(Vec::new())?;
    let mut other = out.writer();
    let mut corked = other.cork()?;
    assert_eq!(corked.write("1234")?, Flow::Wait);
    let Err(EndError::Refused { stream, .. }) = out.end_with("5").wait() else {
        panic!("the limit is reached");
    };
    assert_eq!(stream.snapshot().corked, 1);
    assert!(stream.snapshot().needs_drain);
    drop(corked);
    assert_eq!(stream.end().wait()?.sink, b"1234");
    Ok(())
}

#[test]
fn a_wait_that_times_out_is_counted() -> Result<(), BoxError> {
    let gate = Gate::default();
    let mut out = Writable::builder().high_water_mark(1).spawn(gate.sink())?;
    assert_eq!(out.write("x")?, Flow::Wait);
    assert!(
        out.drained()
            .wait_timeout(Duration::from_millis(1))
            .is_err()
    );
    assert!(out.snapshot().waited > Duration::ZERO);
    gate.open();
    Ok(())
}

#[test]
fn nothing_to_write_does_not_wait() -> Result<(), BoxError> {
    let gate = Gate::default();
    let mut out = Writable::builder().high_water_mark(1).spawn(gate.sink())?;
    assert_eq!(out.write("x")?, Flow::Wait);
    assert_eq!(io::Write::write(&mut out, b"")?, 0);
    assert_eq!(out.writer().blocking().write(b"")?, 0);
    gate.open();
    Ok(())
}
