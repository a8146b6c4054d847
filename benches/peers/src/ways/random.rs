//! Lines of random length, into a sink that says what it was called for: so the table shows where
//! the time of a line goes.

use std::fs::{self, File};
use std::io::{self, BufWriter, IoSlice, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use highwater::Writable;

use super::bare::{Exchange, Turns};
use super::streams::write;
use super::{BUFFER, DEFAULT_MARK, Kind, MARK, Measured, begin};
use crate::machine::thread_time;
use crate::{Failure, folder};

/// The longest line, in bytes.
const LONGEST: usize = 200;

/// What it is called, what it is measured for, and what writes so many lines into this sink.
type Way = (&'static str, Kind, fn(u64, Counted) -> Result<(), Failure>);

/// The first is what the others are compared with.
const WAYS: [Way; 9] = [
    (
        "`BufWriter<File>` on the caller's thread",
        Kind::Random,
        buffered,
    ),
    (
        "highwater over a thread, `write` a line",
        Kind::HighwaterRandom,
        |count, sink| highwater(count, sink, [MARK, 0]),
    ),
    (
        "highwater over a thread, the default mark of 16 KiB",
        Kind::HighwaterRandomDefault,
        |count, sink| highwater(count, sink, [DEFAULT_MARK, 0]),
    ),
    (
        "highwater over a thread, a low-water mark of 32 KiB",
        Kind::HighwaterRandomLow,
        |count, sink| highwater(count, sink, [MARK, MARK / 2]),
    ),
    (
        "bare: two buffers of 32 KiB, handed to a thread when full",
        Kind::Bare,
        |count, sink| bare(count, sink, [MARK / 2; 2]),
    ),
    (
        "bare: one buffer of 64 KiB, filled and written in turns",
        Kind::Bare,
        |count, sink| bare(count, sink, [MARK]),
    ),
    (
        "bare: one buffer of 16 KiB, filled and written in turns",
        Kind::Bare,
        |count, sink| bare(count, sink, [DEFAULT_MARK]),
    ),
    (
        "bare: Node's rule at a mark of 64 KiB, and a thread",
        Kind::Bare,
        |count, sink| turns(count, sink, MARK),
    ),
    (
        "bare: Node's rule at a mark of 16 KiB, and a thread",
        Kind::Bare,
        |count, sink| turns(count, sink, DEFAULT_MARK),
    ),
];

/// As [`measure`](super::measure), of lines of 1 to 200 bytes.
///
/// # Errors
///
/// If one of them fails, or writes other bytes.
pub fn measure_random(count: u64, rounds: usize) -> Result<Vec<Measured>, Failure> {
    let folder = folder()?;
    let path = folder.path().join("lines");
    let mut right = Vec::new();
    each_line(count, |line| {
        right.extend_from_slice(line);
        Ok(())
    })?;
    let mut all = begin(&WAYS);
    for _ in 0..rounds {
        for ((name, _, run), measured) in WAYS.iter().zip(&mut all) {
            once(measured, *run, count, &path)?;
            if fs::read(&path)? != right {
                return Err(format!("{name}: other bytes arrived").into());
            }
        }
    }
    Ok(all)
}

/// One round of one way.
fn once(
    measured: &mut Measured,
    run: fn(u64, Counted) -> Result<(), Failure>,
    count: u64,
    path: &Path,
) -> Result<(), Failure> {
    let sink = Counted {
        file: File::create(path)?,
        calls: Arc::default(),
    };
    let calls = Arc::clone(&sink.calls);
    let (start, busy) = (Instant::now(), thread_time());
    run(count, sink)?;
    let lines = count as f64;
    measured
        .nanos
        .push(start.elapsed().as_nanos() as f64 / lines);
    measured.busy.push((thread_time() - busy) / lines);
    let calls = *calls.lock().unwrap_or_else(PoisonError::into_inner);
    measured.sink.push(Sink {
        nanos: calls.nanos / lines,
        bytes: calls.bytes / calls.count,
    });
    Ok(())
}

/// What the sink was called for in one round.
#[derive(Clone, Copy, Debug)]
pub struct Sink {
    /// How long its calls took, in nanoseconds a line.
    pub nanos: f64,
    /// How many bytes a call had.
    pub bytes: f64,
}

/// The calls of a sink so far.
#[derive(Clone, Copy, Default)]
struct Calls {
    count: f64,
    bytes: f64,
    nanos: f64,
}

/// A file that counts how it is called.
struct Counted {
    file: File,
    calls: Arc<Mutex<Calls>>,
}

impl Counted {
    fn count(&mut self, call: impl FnOnce(&mut File) -> io::Result<usize>) -> io::Result<usize> {
        let start = Instant::now();
        let bytes = call(&mut self.file)?;
        let nanos = start.elapsed().as_nanos() as f64;
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.count += 1.0;
        calls.bytes += bytes as f64;
        calls.nanos += nanos;
        Ok(bytes)
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.count(|file| file.write(bytes))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.count(|file| file.write_vectored(slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn buffered(count: u64, sink: Counted) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(BUFFER, sink);
    each_line(count, |line| Ok(out.write_all(line)?))?;
    Ok(out.flush()?)
}

/// A stream with this high-water mark and low-water mark, in bytes.
fn highwater(count: u64, sink: Counted, [high, low]: [usize; 2]) -> Result<(), Failure> {
    let builder = Writable::builder()
        .high_water_mark(high as u64)
        .low_water_mark(low as u64);
    let mut out = builder.spawn(sink)?;
    each_line(count, |line| write(&mut out, line))?;
    out.end().wait()?;
    Ok(())
}

/// Buffers of these capacities, in bytes, without a stream.
fn bare<const N: usize>(count: u64, sink: Counted, capacities: [usize; N]) -> Result<(), Failure> {
    let (mut out, thread) = Exchange::spawn(sink, capacities)?;
    each_line(count, |line| out.write(line))?;
    out.end(thread)
}

/// Node's rule at this mark, in bytes, and nothing else of a stream.
fn turns(count: u64, sink: Counted, mark: usize) -> Result<(), Failure> {
    let (mut out, thread) = Turns::spawn(sink, mark);
    each_line(count, |line| out.write(line))?;
    out.end(thread)
}

/// Lines of 1 to [`LONGEST`] bytes, the same in each run.
fn each_line(
    count: u64,
    mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut text = [b'x'; LONGEST];
    text[LONGEST - 1] = b'\n';
    // xorshift: it costs less than a line does.
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    (0..count).try_for_each(|_| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        take(&text[(random % LONGEST as u64) as usize..])
    })
}
