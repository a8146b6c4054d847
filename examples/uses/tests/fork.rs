//! A program that forks while it has a log: the child has no thread of the stream.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use fork::{Fork, fork, waitpid};
use highwater::log::Log;
use highwater::{EndError, SendError, WaitError, Writable};
use rustix::pipe::pipe;

type Checked = Result<(), Box<dyn std::error::Error>>;

/// Runs this in a forked process. What it says is wrong there is an error here.
fn in_a_child(act: impl FnOnce() -> Result<(), String>) -> Checked {
    let (mut reader, mut writer) = {
        let (reader, writer) = pipe()?;
        (File::from(reader), File::from(writer))
    };
    match fork()? {
        Fork::Child => {
            let acted = catch_unwind(AssertUnwindSafe(act));
            let text = match acted {
                Ok(Ok(())) => "well".into(),
                Ok(Err(text)) => text,
                Err(_) => "a panic".into(),
            };
            let _ = writer.write_all(text.as_bytes());
            process::exit(0)
        }
        Fork::Parent(child) => {
            drop(writer);
            let mut text = String::new();
            reader.read_to_string(&mut text)?;
            waitpid(child)?;
            match text.as_str() {
                "well" => Ok(()),
                _ => Err(format!("in the child: {text:?}").into()),
            }
        }
    }
}

fn is(right: bool, what: &str) -> Result<(), String> {
    right.then_some(()).ok_or_else(|| what.into())
}

/// A sink without a reader at work, so that a stream into it becomes full.
fn stuck() -> io::Result<(File, File)> {
    let (reader, writer) = pipe()?;
    let (reader, mut writer) = (File::from(reader), File::from(writer));
    let size = rustix::pipe::fcntl_getpipe_size(&writer)?;
    writer.write_all(&vec![b'.'; size])?;
    Ok((reader, writer))
}

#[test]
fn a_wait_in_a_forked_process_is_an_error() -> Checked {
    let (reader, writer) = stuck()?;
    let mut out = Writable::builder().high_water_mark(4).spawn(writer)?;
    let _flow = out.write("full")?;
    let mut out = Some(out);
    in_a_child(|| {
        let mut out = out.take().ok_or("it was there")?;
        let flush = out.writer().flush().wait();
        is(matches!(flush, Err(WaitError::Forked)), "a flush")?;
        is(
            matches!(out.drained().wait(), Err(WaitError::Forked)),
            "a drain",
        )?;
        is(out.write_all(b"more").is_err(), "a write that waits")?;
        let sent = out.send("more").wait();
        is(matches!(sent, Err(SendError::Forked)), "a send")?;
        let mut end = out.end();
        is(matches!(end.wait(), Err(EndError::Forked)), "an end")?;
        let mut destroy = end.destroy();
        is(
            matches!(destroy.wait(), Err(WaitError::Forked)),
            "a destroy",
        )?;
        let text = WaitError::Forked.code();
        is(text == "ESRCH", text)
    })?;
    drop(reader);
    Ok(())
}

#[test]
fn a_drop_in_a_forked_process_returns() -> Checked {
    let (reader, writer) = stuck()?;
    let mut out = Writable::builder().spawn(writer)?;
    let _flow = out.write("a line")?;
    let mut out = Some(out);
    in_a_child(|| {
        let out = out.take().ok_or("it was there")?;
        let writer = out.writer();
        drop(out);
        let why = writer.write("late").expect_err("it is cut off").to_string();
        is(why.contains("dropped in a forked process"), &why)
    })?;
    drop(reader);
    Ok(())
}

/// What a child writes is lost; what its parent writes is not.
#[test]
fn a_full_log_drops_and_counts_in_a_forked_process() -> Checked {
    let (mut reader, writer) = stuck()?;
    let log = Log::builder()
        .stream(Writable::builder().high_water_mark(4))
        .spawn(writer)?;
    let mut lines = log.writer();
    write!(lines, "full")?;
    in_a_child(|| {
        let mut lines = lines.clone();
        for _ in 0..100 {
            is(lines.write_all(b"lost\n").is_ok(), "a line")?;
        }
        is(lines.dropped() == 100, "100 are lost")?;
        is(lines.flush().is_err(), "a flush")
    })?;
    assert_eq!(log.dropped(), 0);
    let end = thread::spawn(move || write!(lines, " and more").is_ok() && log.end().wait().is_ok());
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    assert!(end.join().is_ok_and(|ended| ended));
    assert_eq!(text.trim_start_matches('.'), "full and more");
    Ok(())
}

/// Other threads hold the lock of the stream at some of these moments.
#[test]
fn a_fork_at_any_moment_leaves_no_process_that_waits_for_ever() -> Checked {
    const FORKS: usize = 300;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("log");
    let log = Log::builder().spawn(File::create(&path)?)?;
    let stop = AtomicBool::new(false);
    let forked = thread::scope(|scope| {
        for thread in 0..3 {
            let (mut lines, stop) = (log.writer(), &stop);
            scope.spawn(move || {
                let mut n = 0;
                while !stop.load(Ordering::Relaxed) {
                    let _ = writeln!(lines, "{thread} {n}");
                    n += 1;
                }
            });
        }
        let forked = (0..FORKS).try_for_each(|_| {
            in_a_child(|| {
                let mut lines = log.writer();
                is(writeln!(lines, "lost").is_ok(), "a line")?;
                is(lines.flush().is_err(), "a flush")
            })
            .map_err(|error| error.to_string())
        });
        stop.store(true, Ordering::Relaxed);
        forked
    });
    forked?;
    log.end().wait()?;
    let text = fs::read_to_string(path)?;
    let mut next = [0; 3];
    for line in text.lines() {
        let (thread, n) = line
            .split_once(' ')
            .ok_or("a line of a child, or a torn one")?;
        let thread: usize = thread.parse()?;
        assert_eq!(n.parse(), Ok(next[thread]), "a line is lost");
        next[thread] += 1;
    }
    Ok(())
}
