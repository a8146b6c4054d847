//! What a worker takes of a processor when a short line comes now and then.
//!
//! `trickle [COUNT]`, 20,000 lines by default, of 100 bytes, one every 100 µs, and then a
//! twentieth of them, one every millisecond, into a sink that does nothing; seven rounds. The
//! peer is a thread behind a channel of the standard library, which writes each message.

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use highwater::Writable;
use highwater_peers::{Failure, argument, median, ratio};

const ROUNDS: usize = 7;
const LINE: [u8; 100] = [b'x'; 100];

/// How often a line comes, and the part of `COUNT` that comes so.
const PACES: [(Duration, u64); 2] = [
    (Duration::from_micros(100), 1),
    (Duration::from_millis(1), 20),
];

/// Does nothing with what it takes. Once it has everything, it says how long its thread has
/// had a processor, in microseconds.
struct Null {
    left: u64,
    tell: Sender<io::Result<f64>>,
}

impl Null {
    /// One for this many lines, and where it says so.
    fn new(count: u64) -> (Self, Receiver<io::Result<f64>>) {
        let (tell, told) = channel();
        let left = count * LINE.len() as u64;
        (Self { left, tell }, told)
    }
}

impl Write for Null {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self.left.saturating_sub(bytes.len() as u64);
        if self.left == 0 {
            // There is no receiver any more, if the measurement has failed.
            let _ = self.tell.send(processor_time());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How long this thread has had a processor, as the kernel counts it, in microseconds.
fn processor_time() -> io::Result<f64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = text.split_whitespace().next().map(str::parse::<f64>);
    match nanos {
        Some(Ok(nanos)) => Ok(nanos / 1000.0),
        _ => Err(io::Error::other("this system does not count it")),
    }
}

/// Writes a line whenever one is due. A line that is late does not put off the next.
fn each_line(
    pace: Duration,
    count: u64,
    mut write: impl FnMut() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut due = Instant::now();
    for _ in 0..count {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        write()?;
        due += pace;
    }
    Ok(())
}

/// Microseconds of the worker's thread for each line.
fn highwater(pace: Duration, count: u64) -> Result<f64, Failure> {
    let (sink, told) = Null::new(count);
    let mut out = Writable::builder().spawn(sink)?;
    each_line(pace, count, || Ok(out.write_all(&LINE)?))?;
    Ok(told.recv()?? / count as f64)
}

/// Microseconds of the channel's thread for each line.
fn channel_and_thread(pace: Duration, count: u64) -> Result<f64, Failure> {
    let (mut sink, told) = Null::new(count);
    let (send, receive) = channel::<Vec<u8>>();
    let worker = thread::spawn(move || receive.iter().try_for_each(|line| sink.write_all(&line)));
    each_line(pace, count, || Ok(send.send(LINE.to_vec())?))?;
    let took = told.recv()?? / count as f64;
    drop(send);
    worker.join().map_err(|_| "the worker panicked")??;
    Ok(took)
}

/// Measures both at this pace, and prints a table.
fn compare(pace: Duration, count: u64) -> Result<(), Failure> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(highwater(pace, count)?);
        theirs.push(channel_and_thread(pace, count)?);
    }
    let pace = pace.as_micros();
    println!("{count} lines, one every {pace} µs, {ROUNDS} rounds.\n");
    println!("| worker | processor time for a line, µs, median | least | most | to the channel |");
    println!("| --- | --- | --- | --- | --- |");
    for (worker, times) in [
        ("highwater over a thread", &ours),
        ("std `channel` + thread", &theirs),
    ] {
        let (micros, to) = (median(times.clone()), ratio(times, &theirs));
        let least = times.iter().copied().fold(f64::INFINITY, f64::min);
        let most = times.iter().copied().fold(0.0, f64::max);
        println!("| {worker} | {micros:.2} | {least:.2} | {most:.2} | {to:.2} |");
    }
    Ok(())
}

fn run() -> Result<(), Failure> {
    let count = argument("COUNT", 20_000)?;
    for (at, (pace, part)) in PACES.into_iter().enumerate() {
        if at > 0 {
            println!();
        }
        compare(pace, (count / part).max(1))?;
    }
    Ok(())
}

fn main() -> ExitCode {
    highwater_peers::main("trickle", run)
}
