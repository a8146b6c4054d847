//! Ways to write many short lines into a file: highwater's, and what one would
//! use instead.

mod bare;
mod node;
mod queues;
mod random;
mod streams;
mod tasks;

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

pub use bare::Pair;
pub use random::{Sink, measure_random};

use crate::machine::thread_time;
use crate::{Failure, folder, median, ratio};

/// In bytes, of each way that has a buffer.
const BUFFER: usize = 16 * 1024;
/// highwater's high-water mark, in bytes, and what the bare hand-overs hold.
const MARK: usize = 64 * 1024;

/// The high-water mark of a stream that sets none, in bytes.
const DEFAULT_MARK: usize = 16 * 1024;

/// In lines, of each way that has a queue.
const QUEUE: usize = 1024;

/// What a way is measured for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What all others do too: the lines themselves.
    Generating,
    /// A buffer on the caller's thread: what all are compared with.
    Buffer,
    /// highwater over a thread, a write a line.
    HighwaterThread,
    /// The same at the default mark.
    HighwaterDefault,
    /// highwater over a thread, with cork guards of 1,000 lines.
    HighwaterCorks,
    /// The same of 10 lines.
    HighwaterShortCorks,
    /// `writeln!` into a buffer on the caller's thread.
    Formatted,
    /// `writeln!` into highwater.
    HighwaterFormatted,
    /// highwater over a task of tokio, a write a line.
    HighwaterTask,
    /// A hand-over to a thread without any rule: the floor.
    Bare,
    /// A queue with a thread behind it.
    Queue,
    /// A queue with a task behind it.
    TaskQueue,
    /// A buffer in a runtime's task.
    Task,
    /// Another language.
    Node,
    /// Lines of random length into a buffer on the caller's thread.
    Random,
    /// The same lines into highwater over a thread.
    HighwaterRandom,
    /// The same at the default mark.
    HighwaterRandomDefault,
    /// The same with a low-water mark of half the mark.
    HighwaterRandomLow,
}

/// Writes so many lines into this file.
type Run = fn(u64, &Path) -> Result<(), Failure>;

/// What it is called, what it is measured for, and what it does.
type Way = (&'static str, Kind, Run);

/// With lines that are numbers.
const WAYS: [Way; 19] = [
    ("generating the lines alone", Kind::Generating, generate),
    (
        "`BufWriter<File>` on the caller's thread",
        Kind::Buffer,
        streams::buf_writer,
    ),
    (
        "highwater over a thread, `write` a line",
        Kind::HighwaterThread,
        streams::highwater,
    ),
    (
        "highwater over a thread, the default mark of 16 KiB",
        Kind::HighwaterDefault,
        streams::highwater_default,
    ),
    (
        "highwater over a thread, cork guards of 1,000 lines",
        Kind::HighwaterCorks,
        streams::highwater_corks,
    ),
    (
        "highwater over a thread, cork guards of 10 lines",
        Kind::HighwaterShortCorks,
        streams::highwater_short_corks,
    ),
    (
        "`writeln!` into a `BufWriter<File>`",
        Kind::Formatted,
        streams::buf_writer_formatted,
    ),
    (
        "`writeln!` into highwater over a thread",
        Kind::HighwaterFormatted,
        streams::highwater_formatted,
    ),
    (
        "bare: buffers handed to a thread when full",
        Kind::Bare,
        bare::exchange,
    ),
    (
        "bare: two buffers under a lock, and a thread",
        Kind::Bare,
        bare::pair,
    ),
    (
        "bare: Node's rule at a mark of 16 KiB, and a thread",
        Kind::Bare,
        bare::turns,
    ),
    (
        "std `sync_channel` + thread + BufWriter",
        Kind::Queue,
        queues::std_channel,
    ),
    (
        "crossbeam-channel + thread + BufWriter",
        Kind::Queue,
        queues::crossbeam,
    ),
    ("kanal + thread + BufWriter", Kind::Queue, queues::kanal),
    ("flume + thread + BufWriter", Kind::Queue, queues::flume),
    (
        "tracing-appender `non_blocking`, lossless",
        Kind::Queue,
        queues::tracing_appender,
    ),
    ("tokio `BufWriter<File>`", Kind::Task, tasks::buf_writer),
    (
        "highwater over a task of tokio, `write` a line",
        Kind::HighwaterTask,
        tasks::highwater,
    ),
    (
        "tokio mpsc + task + tokio `BufWriter`",
        Kind::TaskQueue,
        tasks::channel,
    ),
];

const NODE: &str = "Node `fs.createWriteStream`, drain respected";

/// One way, with its nanoseconds a line in each round.
#[derive(Clone, Debug)]
pub struct Measured {
    /// What it is called in tables.
    pub name: &'static str,
    /// What it is measured for.
    pub kind: Kind,
    /// Nanoseconds a line, by round.
    pub nanos: Vec<f64>,
    /// Of these, how many the producer's thread has had a processor for.
    pub busy: Vec<f64>,
    /// What the sink was called for, of lines of random length.
    pub sink: Vec<Sink>,
}

/// All ways to write short lines, in turns, so many rounds. Node is missing if there is none.
///
/// # Errors
///
/// If one of them fails, or writes other bytes.
pub fn measure(count: u64, rounds: usize) -> Result<Vec<Measured>, Failure> {
    let folder = folder()?;
    let path = folder.path().join("lines");
    let right = written(streams::buf_writer, count, &path)?;
    let mut all = begin(&WAYS);
    let mut nodes = Vec::new();
    for _ in 0..rounds {
        turn(&WAYS, &mut all, count, &path, &right)?;
        nodes.extend(node::run(count, &path)?.map(|nanos| nanos / count as f64));
    }
    if nodes.len() == rounds {
        all.push(Measured {
            name: NODE,
            kind: Kind::Node,
            nanos: nodes,
            busy: Vec::new(),
            sink: Vec::new(),
        });
    }
    Ok(all)
}

/// What this way writes.
fn written(run: Run, count: u64, path: &Path) -> Result<Vec<u8>, Failure> {
    run(count, path)?;
    Ok(fs::read(path)?)
}

fn begin<R>(ways: &[(&'static str, Kind, R)]) -> Vec<Measured> {
    let measured = |(name, kind, _): &(&'static str, Kind, R)| Measured {
        name,
        kind: *kind,
        nanos: Vec::new(),
        busy: Vec::new(),
        sink: Vec::new(),
    };
    ways.iter().map(measured).collect()
}

/// Each way once.
fn turn(
    ways: &[Way],
    all: &mut [Measured],
    count: u64,
    path: &Path,
    right: &[u8],
) -> Result<(), Failure> {
    for ((name, kind, run), measured) in ways.iter().zip(all) {
        let (start, busy) = (Instant::now(), thread_time());
        run(count, path)?;
        let nanos = start.elapsed().as_nanos() as f64;
        measured.nanos.push(nanos / count as f64);
        measured.busy.push((thread_time() - busy) / count as f64);
        if *kind != Kind::Generating && fs::read(path)? != right {
            return Err(format!("{name}: other bytes arrived").into());
        }
    }
    Ok(())
}

/// The rounds of the first way of this kind; none if it was not measured.
#[must_use]
pub fn of(all: &[Measured], kind: Kind) -> &[f64] {
    let found = all.iter().find(|measured| measured.kind == kind);
    found.map_or(&[], |measured| &measured.nanos)
}

/// As [`of`], of the producer's processor time.
#[must_use]
pub fn busy_of(all: &[Measured], kind: Kind) -> &[f64] {
    let found = all.iter().find(|measured| measured.kind == kind);
    found.map_or(&[], |measured| &measured.busy)
}

/// The fastest of the queues.
///
/// # Errors
///
/// If none was measured.
pub fn fastest_queue(all: &[Measured]) -> Result<&Measured, Failure> {
    let buffered = of(all, Kind::Buffer);
    let queues = all.iter().filter(|measured| measured.kind == Kind::Queue);
    let fastest =
        queues.min_by(|a, b| ratio(&a.nanos, buffered).total_cmp(&ratio(&b.nanos, buffered)));
    Ok(fastest.ok_or("no queue was measured")?)
}

impl Measured {
    /// The median of the rounds, in nanoseconds a line.
    #[must_use]
    pub fn median(&self) -> f64 {
        median(self.nanos.clone())
    }
}

/// Writes the number and a newline into the end of the buffer.
fn line(number: u64, buffer: &mut [u8; 21]) -> &[u8] {
    let mut at = buffer.len() - 1;
    buffer[at] = b'\n';
    let mut left = number;
    loop {
        at -= 1;
        buffer[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            return &buffer[at..];
        }
    }
}

fn each_line(
    count: u64,
    mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut buffer = [0; 21];
    (1..=count).try_for_each(|number| take(line(number, &mut buffer)))
}

fn generate(count: u64, _: &Path) -> Result<(), Failure> {
    each_line(count, |line| {
        black_box(line);
        Ok(())
    })
}
