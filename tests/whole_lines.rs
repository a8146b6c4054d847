//! A `writeln!` on a producer's view is one write: lines of several threads stay whole.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::mpsc;
use std::thread;

use highwater::log::{Log, WhenFull};
use highwater::{BoxError, Writable};
use highwater_testkit::sinks::on_write;

type Checked = Result<(), BoxError>;

const THREADS: usize = 4;
const LINES: usize = 5_000;

/// A value that `fmt` writes in many pieces.
struct Pieces(usize);

impl fmt::Display for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (0..self.0).try_for_each(|_| f.write_str("-"))
    }
}

/// Each thread writes its lines into a view of its own.
fn write_lines<V: Write + Send>(views: Vec<V>, pieces: usize) -> io::Result<()> {
    thread::scope(|scope| {
        let write = |(thread, mut view): (usize, V)| {
            scope.spawn(move || {
                (0..LINES).try_for_each(|n| writeln!(view, "{thread} {} {n}", Pieces(pieces)))
            })
        };
        let threads: Vec<_> = views.into_iter().enumerate().map(write).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .into_iter()
            .try_for_each(|joined| joined.expect("no panic"))
    })
}

/// Every line is whole, and those of one thread are in order. Returns how many there are.
fn whole(text: &[u8], pieces: usize) -> Result<usize, BoxError> {
    let middle = "-".repeat(pieces);
    let mut next = BTreeMap::new();
    for line in std::str::from_utf8(text)?.lines() {
        let parts: Vec<_> = line.split(' ').collect();
        let &[thread, dashes, number] = &parts[..] else {
            return Err(format!("a torn line: {line}").into());
        };
        if dashes != middle {
            return Err(format!("a torn line: {line}").into());
        }
        let number: usize = number.parse()?;
        let least = next.entry(thread.to_owned()).or_insert(0);
        assert!(number >= *least, "out of order: {line}");
        *least = number + 1;
    }
    Ok(text.iter().filter(|byte| **byte == b'\n').count())
}

#[test]
fn lines_of_several_threads_are_whole() -> Checked {
    // A mark below a line, a limit of a few lines, and plenty of room.
    for (mark, limit, pieces) in [(1, u64::MAX, 10), (100, 300, 100), (65_536, u64::MAX, 3)] {
        let builder = Writable::builder().high_water_mark(mark).limit(limit);
        let out = builder.spawn(Vec::new())?;
        let views = (0..THREADS).map(|_| out.writer().blocking()).collect();
        write_lines(views, pieces)?;
        let sink = out.end().wait()?.sink;
        assert_eq!(whole(&sink, pieces)?, THREADS * LINES, "at {mark}");
    }
    Ok(())
}

#[test]
fn a_line_that_is_longer_than_the_mark_is_whole() -> Checked {
    const PIECES: usize = 6000;
    let out = Writable::builder().high_water_mark(16).spawn(Vec::new())?;
    let mut views = [out.writer().blocking(), out.writer().blocking()];
    thread::scope(|scope| {
        for view in &mut views {
            scope.spawn(|| (0..100).try_for_each(|n| writeln!(view, "x {} {n}", Pieces(PIECES))));
        }
    });
    let sink = out.end().wait()?.sink;
    let lines: Vec<_> = sink.split_inclusive(|byte| *byte == b'\n').collect();
    assert_eq!(lines.len(), 200);
    assert!(
        lines
            .iter()
            .all(|line| line.starts_with(b"x -") && line.len() > PIECES)
    );
    Ok(())
}

#[test]
fn a_line_that_the_limit_does_not_allow_is_refused_whole() -> Checked {
    let builder = Writable::builder().high_water_mark(10).limit(10);
    let out = builder.spawn(Vec::new())?;
    let mut view = out.writer().blocking();
    let error = writeln!(view, "{}", Pieces(10)).expect_err("it never fits");
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    writeln!(view, "{}", Pieces(9))?;
    assert_eq!(out.end().wait()?.sink, b"---------\n");
    Ok(())
}

/// A value that cannot be formatted.
struct Fails;

impl fmt::Display for Fails {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

#[test]
fn a_value_that_cannot_be_formatted_is_an_error_and_writes_nothing() -> Checked {
    let out = Writable::builder().spawn(Vec::new())?;
    assert!(writeln!(out.writer().blocking(), "a beginning {Fails}").is_err());
    assert_eq!(out.end().wait()?.sink, b"");
    let log = Log::builder().spawn(Vec::new())?;
    assert!(writeln!(log.writer(), "a beginning {Fails}").is_err());
    assert_eq!(log.end().wait()?.sink, b"");
    Ok(())
}

/// A log that drops lines drops them whole, and counts each once.
#[test]
fn a_log_takes_or_drops_whole_lines() -> Checked {
    for when_full in [WhenFull::Wait, WhenFull::Drop] {
        let log = Log::builder()
            .stream(Writable::builder().high_water_mark(256))
            .when_full(when_full)
            .spawn(Vec::new())?;
        let views = (0..THREADS).map(|_| log.writer()).collect();
        write_lines(views, 10)?;
        let dropped = log.dropped();
        let lines = whole(&log.end().wait()?.sink, 10)?;
        assert_eq!(lines + dropped, THREADS * LINES);
        assert!(matches!(when_full, WhenFull::Drop) || dropped == 0);
    }
    Ok(())
}

/// The sink takes all that it gets, so each of its calls ends where a line does.
#[test]
fn each_call_of_the_sink_ends_with_a_line() -> Checked {
    for (mark, vectored) in [(1, true), (100, true), (100_000, true), (100_000, false)] {
        let (tell, ends) = mpsc::channel();
        let sink = on_write(move |bytes| {
            let _ = tell.send(bytes.last().copied());
            Ok(bytes.len())
        });
        let stream = Writable::builder().high_water_mark(mark).vectored(vectored);
        let log = Log::builder().stream(stream).spawn(sink)?;
        write_lines((0..THREADS).map(|_| log.writer()).collect(), 3)?;
        log.end().wait()?;
        assert!(ends.iter().all(|end| end == Some(b'\n')));
    }
    Ok(())
}
