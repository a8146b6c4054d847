//! What a low-water mark buys with a sink that is slower than its producer,
//! or about as fast.
//!
//! `lowwater [KIB]`, a high-water mark of 64 KiB by default, and low-water marks of
//! 0, 1/4, 1/2 and 3/4 of it, in turns.

use std::fs::{self, File};
use std::hint::{black_box, spin_loop};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use highwater::{Flow, Writable};
use highwater_peers::{Failure, argument, folder, median, ratio};

const ROUNDS: usize = 7;
const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
const TOTAL: usize = 32 * MIB;
/// In quarters of the high-water mark.
const LOWS: [(u64, &str); 4] = [(0, "0"), (1, "1/4"), (2, "1/2"), (3, "3/4")];
/// What a slow end takes for a byte, in nanoseconds: 64 KiB in 200 microseconds.
const SLOW: f64 = 200_000.0 / 65_536.0;
/// As fast as it can.
const FAST: f64 = 0.0;
/// No slow end sleeps for less.
const SHORTEST: Duration = Duration::from_micros(100);
const THREAD: &str = "slow-sink";

/// Takes its time for every byte.
struct Pace {
    nanos_a_byte: f64,
    /// Not slept yet.
    owed: Duration,
}

impl Pace {
    fn new(nanos_a_byte: f64) -> Self {
        let owed = Duration::ZERO;
        Self { nanos_a_byte, owed }
    }

    fn take(&mut self, bytes: usize) {
        self.owed += Duration::from_nanos((bytes as f64 * self.nanos_a_byte) as u64);
        if self.owed >= SHORTEST {
            thread::sleep(self.owed);
            self.owed = Duration::ZERO;
        }
    }
}

/// A file that may take its time.
struct PacedFile(File, Pace);

impl Write for PacedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.0.write(bytes)?;
        self.1.take(taken);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A connection whose other end reads at this pace, and how much it read.
fn connection(pace: f64) -> Result<(TcpStream, JoinHandle<io::Result<usize>>), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let stream = TcpStream::connect(listener.local_addr()?)?;
    let (mut peer, _) = listener.accept()?;
    let reader = thread::spawn(move || {
        let (mut buffer, mut pace, mut total) = (vec![0; 16 * KIB], Pace::new(pace), 0);
        loop {
            let count = peer.read(&mut buffer)?;
            if count == 0 {
                return Ok(total);
            }
            total += count;
            pace.take(count);
        }
    });
    Ok((stream, reader))
}

/// How the producer writes.
#[derive(Clone, Copy)]
enum Work {
    /// Lines of 128 bytes, copied.
    Lines,
    /// Owned chunks of 8 KiB, made anew.
    Chunks,
    /// The same, each of which takes [`MAKING`] to make.
    Made,
}

/// Half as long as a slow end needs for the chunk.
const MAKING: Duration = Duration::from_nanos(12_500);

/// What one run took.
struct Took {
    seconds: f64,
    waits: f64,
    drains: f64,
    /// How often the producer, and how often the thread, went to sleep.
    producer: f64,
    thread: f64,
    peak: f64,
}

/// How often a thread has gone to sleep by itself, as the kernel counts it.
fn sleeps(task: &Path) -> Result<f64, Failure> {
    let status = fs::read_to_string(task.join("status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    Ok(line.ok_or("this system does not tell")?.trim().parse()?)
}

fn sleeps_of_the_thread() -> Result<f64, Failure> {
    for task in fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        // A thread that has ended meanwhile has no name.
        let name = fs::read_to_string(task.join("comm")).unwrap_or_default();
        if name.trim_end() == THREAD {
            return sleeps(&task);
        }
    }
    Err("the thread of the stream is not there".into())
}

fn through<W: Write + Send + Sync + 'static>(
    sink: W,
    work: Work,
    high: u64,
    low: u64,
) -> Result<(Took, W), Failure> {
    let myself = Path::new("/proc/thread-self");
    let before = sleeps(myself)?;
    let start = Instant::now();
    let mut out = Writable::builder()
        .high_water_mark(high)
        .low_water_mark(low)
        .thread_name(THREAD)
        .spawn(sink)?;
    let line = [b'x'; 128];
    let size = match work {
        Work::Lines => line.len(),
        Work::Chunks | Work::Made => 8 * KIB,
    };
    for _ in 0..TOTAL / size {
        if let Work::Made = work {
            let made = Instant::now() + MAKING;
            while Instant::now() < made {
                spin_loop();
            }
        }
        let flow = match work {
            Work::Lines => out.write(black_box(line))?,
            Work::Chunks | Work::Made => {
                out.write_chunk(black_box(line.repeat(size / line.len())))?
            }
        };
        if flow == Flow::Wait {
            out.drained().wait()?;
        }
    }
    let producer = sleeps(myself)? - before;
    out.delivered(out.position()).wait()?;
    let seconds = start.elapsed().as_secs_f64();
    let thread = sleeps_of_the_thread()?;
    let done = out.end().wait()?;
    let took = Took {
        seconds,
        waits: done.totals.waits as f64,
        drains: done.totals.drains as f64,
        producer,
        thread,
        peak: done.totals.peak as f64,
    };
    Ok((took, done.sink))
}

fn to_file(path: &Path, (work, pace): (Work, f64), high: u64, low: u64) -> Result<Took, Failure> {
    let sink = PacedFile(File::create(path)?, Pace::new(pace));
    let (took, _) = through(sink, work, high, low)?;
    arrived(path.metadata()?.len() as usize)?;
    Ok(took)
}

fn to_tcp(_: &Path, (work, pace): (Work, f64), high: u64, low: u64) -> Result<Took, Failure> {
    let (sink, reader) = connection(pace)?;
    let (took, sink) = through(sink, work, high, low)?;
    drop(sink);
    arrived(reader.join().map_err(|_| "the reader panicked")??)?;
    Ok(took)
}

fn arrived(bytes: usize) -> Result<(), Failure> {
    match bytes == TOTAL {
        true => Ok(()),
        false => Err(format!("{bytes} bytes of {TOTAL} arrived").into()),
    }
}

type Run = fn(&Path, (Work, f64), u64, u64) -> Result<Took, Failure>;

const RUNS: [(&str, Run, (Work, f64)); 7] = [
    ("slow file, lines", to_file, (Work::Lines, SLOW)),
    ("slow file, chunks", to_file, (Work::Chunks, SLOW)),
    ("slow file, chunks slowly made", to_file, (Work::Made, SLOW)),
    ("file in memory, chunks", to_file, (Work::Chunks, FAST)),
    ("TCP, slow reader, lines", to_tcp, (Work::Lines, SLOW)),
    ("TCP, slow reader, chunks", to_tcp, (Work::Chunks, SLOW)),
    ("TCP, fast reader, chunks", to_tcp, (Work::Chunks, FAST)),
];

fn run() -> Result<(), Failure> {
    let high = argument("KIB", 64)? * KIB as u64;
    let folder = folder()?;
    let path = folder.path().join("slow");
    let mut all: [[Vec<Took>; LOWS.len()]; RUNS.len()] = Default::default();
    for _ in 0..ROUNDS {
        for ((_, run, work), rows) in RUNS.iter().zip(&mut all) {
            for ((quarters, _), took) in LOWS.iter().zip(rows) {
                took.push(run(&path, *work, high, high / 4 * quarters)?);
            }
        }
    }
    println!(
        "High-water mark {} KiB, {} MiB each, {ROUNDS} rounds, medians. Lines of 128 bytes, \
         owned chunks of 8 KiB; a slow end \
         sleeps 200 µs for 64 KiB, and chunks slowly made take half of that for as much.\n",
        high / KIB as u64,
        TOTAL / MIB
    );
    println!(
        "| what | low-water mark | throughput, to 0 | waits a MiB | drains a MiB | \
         sleeps of the producer a MiB | of the thread | peak, KiB |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for ((what, ..), rows) in RUNS.iter().zip(&all) {
        let seconds = |took: &[Took]| -> Vec<f64> { took.iter().map(|t| t.seconds).collect() };
        let none = seconds(&rows[0]);
        for ((_, low), took) in LOWS.iter().zip(rows) {
            let middle = |of: fn(&Took) -> f64| median(took.iter().map(of).collect());
            let each = |of: fn(&Took) -> f64| middle(of) / (TOTAL / MIB) as f64;
            println!(
                "| {what} | {low} | {:.2} | {:.1} | {:.1} | {:.1} | {:.1} | {:.0} |",
                ratio(&none, &seconds(took)),
                each(|t| t.waits),
                each(|t| t.drains),
                each(|t| t.producer),
                each(|t| t.thread),
                middle(|t| t.peak) / KIB as f64,
            );
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    highwater_peers::main("lowwater", run)
}
