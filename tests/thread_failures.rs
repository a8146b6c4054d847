//! A stream with a thread, on sinks and sources that fail: nothing is lost,
//! and every error keeps its cause.

use std::fs::File;
use std::io::{self, Read, Write};

use highwater::machine::Phase;
use highwater::{
    BoxError, Cause, Chunk, EndError, Finished, Flow, PipeError, Unfinished, WaitError, Writable,
    WriteError,
};
use highwater_testkit::sinks::on_write;

/// A sink that takes so many bytes, at most so many a call, and then fails.
#[derive(Debug, Default)]
struct Flaky {
    taken: Vec<u8>,
    most_a_call: usize,
    fails_after: usize,
    interrupts: usize,
}

impl Write for Flaky {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.interrupts > 0 {
            self.interrupts -= 1;
            return Err(io::ErrorKind::Interrupted.into());
        }
        let left = self.fails_after - self.taken.len();
        if left == 0 {
            return Err(io::Error::new(
                io::ErrorKind::BrokenPipe,
                "the reader is gone",
            ));
        }
        let count = bytes.len().min(self.most_a_call).min(left);
        self.taken.extend(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn joined(chunks: &[Chunk]) -> Vec<u8> {
    chunks
        .iter()
        .flat_map(|chunk| chunk.as_ref())
        .copied()
        .collect()
}

fn failure<W>(ended: Result<Finished<W>, EndError<W>>) -> (Cause, Unfinished<W>) {
    match ended {
        Err(EndError::Failed {
            cause, unfinished, ..
        }) => (cause, *unfinished),
        other => panic!("it should have failed: {other:?}"),
    }
}

#[test]
fn short_writes_and_interruptions_lose_nothing() -> Result<(), BoxError> {
    for most_a_call in [1, 2, 3, 7] {
        let sink = Flaky {
            most_a_call,
            fails_after: usize::MAX,
            interrupts: 5,
            ..Flaky::default()
        };
        let mut out = Writable::builder().spawn(sink)?;
        {
            let mut corked = out.cork()?;
            for text in ["one", "", "two", "three"] {
                assert_eq!(corked.write(text)?, Flow::More);
            }
        }
        assert_eq!(out.end().wait()?.sink.taken, b"onetwothree");
    }
    Ok(())
}

#[test]
fn a_sink_that_fails_in_the_middle_hands_back_the_rest() -> Result<(), BoxError> {
    let text: Vec<u8> = (0..60).collect();
    for fails_after in 0..text.len() {
        let sink = Flaky {
            most_a_call: 4,
            fails_after,
            ..Flaky::default()
        };
        let mut out = Writable::builder().spawn(sink)?;
        let mut accepted: Vec<u8> = Vec::new();
        for piece in text.chunks(7) {
            match out.write(piece) {
                Ok(_) => accepted.extend(piece),
                Err(WriteError::Failed { cause, .. }) => assert_eq!(cause.code(), "EPIPE"),
                Err(other) => panic!("{other}"),
            }
        }
        let (cause, unfinished) = failure(out.end().wait());
        assert_eq!(cause.code(), "EPIPE");
        assert_eq!(cause.to_string(), "the reader is gone");
        let sink = unfinished.sink.expect("it comes back");
        assert_eq!(sink.taken.len(), fails_after);
        let unsent = joined(&unfinished.unsent);
        assert_eq!(
            [sink.taken, unsent].concat(),
            accepted,
            "delivered + unsent"
        );
        assert_eq!(unfinished.in_doubt, 0);
    }
    Ok(())
}

#[test]
fn a_full_disk_tells_the_producer() -> Result<(), BoxError> {
    let mut out = Writable::builder()
        .high_water_mark(10)
        .spawn_with(|| File::options().write(true).open("/dev/full"))?;
    let told = loop {
        match out.write("0123456789") {
            Ok(Flow::More) => {}
            Ok(Flow::Wait) => match out.drained().wait() {
                Ok(()) => {}
                Err(WaitError::Failed(cause)) => break cause,
                Err(other) => panic!("{other}"),
            },
            Err(error) => panic!("a wait comes first: {error}"),
        }
    };
    assert_eq!(told.code(), "ENOSPC");
    assert_eq!(
        out.write("more").expect_err("it has failed").code(),
        "ENOSPC"
    );
    assert!(matches!(out.cork(), Err(WaitError::Failed(_))));
    assert_eq!(
        out.flush().wait().expect_err("it has failed").code(),
        "ENOSPC"
    );
    assert_eq!(out.snapshot().phase, Phase::Errored);
    let (_, unfinished) = failure(out.end().wait());
    assert_eq!(joined(&unfinished.unsent), b"0123456789");
    Ok(())
}

#[test]
fn sinks_that_lie_are_found_out() -> Result<(), BoxError> {
    for (says, kind) in [(0, io::ErrorKind::WriteZero), (9, io::ErrorKind::Other)] {
        let mut out = Writable::builder().spawn(on_write(move |_| Ok(says)))?;
        assert_eq!(out.write("hello")?, Flow::More);
        let Err(EndError::Failed {
            cause, unfinished, ..
        }) = out.end().wait()
        else {
            panic!("it should have failed");
        };
        assert_eq!(cause.io().map(io::Error::kind), Some(kind));
        assert_eq!(joined(&unfinished.unsent), b"hello");
    }
    Ok(())
}

#[test]
fn pipe_tells_which_side_failed() -> Result<(), BoxError> {
    struct Breaks(u32);
    impl Read for Breaks {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0 {
                0 => Err(io::ErrorKind::ConnectionReset.into()),
                _ => {
                    self.0 -= 1;
                    buffer[0] = b'x';
                    Ok(1)
                }
            }
        }
    }
    let out = Writable::builder().spawn(Vec::new())?;
    match out.pipe(Breaks(3)) {
        Err(PipeError::Read { source, unfinished }) => {
            assert_eq!(source.kind(), io::ErrorKind::ConnectionReset);
            assert_eq!(
                unfinished.totals.delivered + joined(&unfinished.unsent).len() as u64,
                3
            );
        }
        other => panic!("the source failed: {other:?}"),
    }
    let out = Writable::builder().spawn(Flaky {
        most_a_call: 10,
        fails_after: 25,
        ..Flaky::default()
    })?;
    match out.pipe(io::repeat(b'x')) {
        Err(PipeError::Write {
            cause, unfinished, ..
        }) => {
            assert_eq!(cause.code(), "EPIPE");
            assert_eq!(unfinished.totals.delivered, 25);
            let unsent = joined(&unfinished.unsent).len() as u64;
            assert_eq!(
                unfinished.totals.delivered + unsent,
                unfinished.totals.accepted
            );
        }
        other => panic!("the sink failed: {other:?}"),
    }
    Ok(())
}

#[test]
fn a_thread_that_cannot_be_started_gives_the_sink_back() {
    let builder = Writable::builder().thread_name("zero\0byte");
    let error = builder.spawn(b"mine".to_vec()).expect_err("no such name");
    assert_eq!(error.source.kind(), io::ErrorKind::InvalidInput);
    assert_eq!(error.sink, b"mine");
}

#[test]
fn an_interrupted_flush_goes_on() -> Result<(), BoxError> {
    #[derive(Default)]
    struct Interrupted(u32);
    impl Write for Interrupted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            self.0 += 1;
            match self.0 % 3 {
                0 => Ok(()),
                _ => Err(io::ErrorKind::Interrupted.into()),
            }
        }
    }
    let out = Writable::builder().spawn(Interrupted::default())?;
    out.flush().wait()?;
    assert_eq!(out.end().wait()?.sink.0, 6);
    Ok(())
}

#[test]
fn an_interrupted_flush_does_not_keep_a_destroy_waiting() -> Result<(), BoxError> {
    struct Interrupted(std::sync::mpsc::SyncSender<()>);
    impl Write for Interrupted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            let _ = self.0.try_send(());
            Err(io::ErrorKind::Interrupted.into())
        }
    }
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    let out = Writable::builder().spawn(Interrupted(tell))?;
    let mut end = out.end();
    assert!(matches!(
        end.wait_timeout(std::time::Duration::ZERO),
        Err(EndError::TimedOut)
    ));
    told.recv()?;
    assert!(end.destroy().wait()?.sink.is_some());
    Ok(())
}

/// Nor do they hold a lock while they are formatted: what formats them may write to them.
#[test]
fn producers_do_not_show_what_was_written() -> Result<(), BoxError> {
    let mut out = Writable::builder().spawn(Vec::new())?;
    let _flow = out.write("swordfish")?;
    let writer = out.writer();
    let mut text = format!("{out:?} {writer:?} {:?}", writer.blocking());
    text += &format!("{:?} {:?}", writer.flush(), writer.send("swordfish"));
    let bytes = format!("{:?}", b"sword");
    let shown = [bytes.trim_matches(['[', ']']), "sword"];
    assert!(!shown.iter().any(|shown| text.contains(shown)), "{text}");
    writeln!(out, "{:?} {writer:?}", writer.blocking())?;
    writeln!(writer.blocking(), "{out:?}")?;
    assert!(out.end().wait()?.totals.delivered > 18);
    Ok(())
}

#[test]
fn errors_do_not_show_the_chunk() -> Result<(), BoxError> {
    let mut out = Writable::builder().spawn(Flaky::default())?;
    assert_eq!(out.write("the password is swordfish")?, Flow::More);
    let error = out.end().wait().expect_err("it takes nothing");
    assert!(!format!("{error:?} {error}").contains("swordfish"));
    Ok(())
}

#[test]
fn a_last_chunk_for_a_failed_stream_comes_back() -> Result<(), BoxError> {
    let mut out = Writable::builder().spawn(Flaky::default())?;
    assert_eq!(out.write("first")?, Flow::More);
    while out.delivered(5).wait().is_ok() {}
    match out.end_with("last").wait() {
        Err(EndError::Failed {
            refused: Some(chunk),
            unfinished,
            ..
        }) => {
            assert_eq!(chunk.as_ref(), b"last");
            assert_eq!(joined(&unfinished.unsent), b"first");
        }
        other => panic!("it has failed: {other:?}"),
    }
    Ok(())
}

/// No bytes are no exception.
#[test]
fn an_empty_write_after_the_end_is_refused() {
    let out = Writable::builder().spawn(Vec::new()).expect("a thread");
    let writer = out.writer();
    assert!(writer.write("").is_ok());
    assert!(out.end().wait().is_ok());
    for refused in [writer.write(""), writer.write("x")] {
        assert_eq!(
            refused.err().map(|error| error.code()),
            Some("ERR_STREAM_WRITE_AFTER_END")
        );
    }
}

/// A source whose second piece comes only once the stream has failed.
struct AfterTheFailure(highwater::Writer, u32);

impl Read for AfterTheFailure {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 += 1;
        if self.1 > 1 {
            self.0.closed().wait().expect_err("the sink has failed");
        }
        let piece: &[u8] = if self.1 > 1 { b"second" } else { b"first" };
        buffer
            .get_mut(..piece.len())
            .expect("the buffer is longer")
            .copy_from_slice(piece);
        Ok(piece.len())
    }
}

#[test]
fn a_pipe_hands_back_the_piece_that_the_stream_has_refused() {
    let refuses = || on_write(|_| Err(io::ErrorKind::StorageFull.into()));
    let out = Writable::builder()
        .spawn(refuses())
        .expect("there are threads");
    let source = AfterTheFailure(out.writer(), 0);
    let PipeError::Write { refused, .. } = out.pipe(source).expect_err("the sink fails") else {
        panic!("the source has not failed");
    };
    assert_eq!(refused, Some("second".into()));

    // All that it has read was accepted.
    let out = Writable::builder()
        .spawn(refuses())
        .expect("there are threads");
    let error = out.pipe(&b"first"[..]).expect_err("the sink fails");
    assert!(
        matches!(error, PipeError::Write { refused: None, .. }),
        "{error:?}"
    );
}

/// A sink that buffers, and fails when it is flushed.
struct FailsAtFlush;

impl Write for FailsAtFlush {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
}

#[test]
fn a_last_flush_that_fails_flushes_nothing() {
    let mut out = Writable::builder()
        .spawn(FailsAtFlush)
        .expect("there are threads");
    let _flow = out.write("a line").expect("it is open");
    let (_, unfinished) = failure(out.end().wait());
    let totals = unfinished.totals;
    assert_eq!((totals.delivered, totals.flushed), (6, 0));
}
