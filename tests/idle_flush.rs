//! A thread that has nothing to do flushes a sink that buffers.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use highwater::{Event, Writable};
use highwater_testkit::gate::WATCHDOG;

type Checked = Result<(), highwater::BoxError>;

const SOON: Duration = Duration::from_millis(1);

/// Says when it is flushed, and what it answers.
struct Flushes(Sender<()>, fn() -> io::Result<()>);

impl Write for Flushes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.send(());
        (self.1)()
    }
}

fn stream(answer: fn() -> io::Result<()>) -> Result<(Writable<Flushes>, Receiver<()>), io::Error> {
    let (tell, flushes) = channel();
    let builder = Writable::builder().flush_when_idle(SOON);
    let out = builder.spawn(Flushes(tell, answer))?;
    Ok((out, flushes))
}

#[test]
fn the_last_line_does_not_stay_in_a_buffer() -> Checked {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("log");
    let file = BufWriter::new(File::create(&path)?);
    let mut out = Writable::builder().flush_when_idle(SOON).spawn(file)?;
    for line in ["first\n", "second\n"] {
        let _flow = out.write(line)?;
        while !fs::read_to_string(&path)?.ends_with(line) {
            thread::yield_now();
        }
    }
    // The thread reports a flush after the sink has made it.
    while out.snapshot().flushed != 13 {
        thread::yield_now();
    }
    out.end().wait()?;
    assert_eq!(fs::read_to_string(path)?, "first\nsecond\n");
    Ok(())
}

/// The second wait is for what must not come.
#[test]
fn an_idle_thread_flushes_once_after_each_burst() -> Checked {
    let (mut out, flushes) = stream(|| Ok(()))?;
    // Nothing to flush yet.
    assert_eq!(
        flushes.recv_timeout(20 * SOON),
        Err(RecvTimeoutError::Timeout)
    );
    for _ in 0..3 {
        let _flow = out.write("a line\n")?;
        flushes.recv_timeout(WATCHDOG)?;
        assert_eq!(
            flushes.recv_timeout(20 * SOON),
            Err(RecvTimeoutError::Timeout)
        );
    }
    out.end().wait()?;
    // That of the end.
    assert_eq!(flushes.iter().count(), 1);
    Ok(())
}

#[test]
fn what_a_caller_has_flushed_is_not_flushed_again() -> Checked {
    let (mut out, flushes) = stream(|| Ok(()))?;
    // Both go to the worker together.
    let mut corked = out.cork()?;
    let _flow = corked.write("a line\n")?;
    drop(corked);
    out.writer().flush().wait()?;
    let before = flushes.try_iter().count();
    assert!((1..=2).contains(&before));
    assert_eq!(
        flushes.recv_timeout(20 * SOON),
        Err(RecvTimeoutError::Timeout)
    );
    out.end().wait()?;
    Ok(())
}

#[test]
fn a_flush_that_fails_ends_the_stream() -> Checked {
    let (mut out, _flushes) = stream(|| Err(io::ErrorKind::StorageFull.into()))?;
    let _flow = out.write("a line\n")?;
    let closed = out.closed().wait_timeout(WATCHDOG);
    assert_eq!(closed.err().map(|error| error.code()), Some("ENOSPC"));
    assert!(out.end().wait().is_err());
    Ok(())
}

/// A write, an end and a destroy each end an idle wait of an hour.
#[test]
fn writes_an_end_and_a_destroy_interrupt_the_wait() -> Checked {
    let hour = Duration::from_secs(3600);
    let builder = || Writable::builder().flush_when_idle(hour);
    let (tell, events) = channel();
    let mut out = builder()
        .observer(move |event| tell.send(matches!(event, Event::Close)).unwrap_or(()))
        .spawn(Vec::new())?;
    let _flow = out.write("a line\n")?;
    out.delivered(7).wait_timeout(WATCHDOG)?;
    let ended = out.end().wait_timeout(WATCHDOG)?;
    assert_eq!(ended.sink, b"a line\n");
    assert_eq!(events.iter().last(), Some(true));
    let out = builder().spawn(Vec::new())?;
    out.destroy().wait_timeout(WATCHDOG)?;
    Ok(())
}
