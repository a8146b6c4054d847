//! P9: the cost of a write as the backlog grows, and as producers are added.
//!
//! `scale [COUNT]`, 2,000,000 lines by default for the producers.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use highwater::{Flow, Writable};
use highwater_peers::{Failure, argument, goal, goal_at_least, goals, median};

const ROUNDS: usize = 7;
const WINDOW: u64 = 1_000;
const BACKLOGS: [u64; 4] = [1, 1_000, 10_000, 100_000];

/// Stuck in its first call until it is let go.
struct Stuck(Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Once nobody holds it any more, it goes on.
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Nanoseconds a write of an owned chunk, at each backlog.
fn backlog() -> Result<[f64; BACKLOGS.len()], Failure> {
    let (hold, held) = channel();
    // A mark of 0: each write is a chunk of its own, and is told to wait.
    let builder = Writable::builder().high_water_mark(0);
    let mut out = builder.spawn(Stuck(held)).map_err(io::Error::from)?;
    let mut queued = 0;
    let mut took = [0.0; BACKLOGS.len()];
    for (backlog, took) in BACKLOGS.iter().zip(&mut took) {
        while queued < *backlog {
            let _wait = out.write_owned("x")?;
            queued += 1;
        }
        // The queue grows by doubling, now and then: the middle of ten windows.
        let mut windows = Vec::new();
        for _ in 0..10 {
            let start = Instant::now();
            for _ in 0..WINDOW {
                let _wait = out.write_owned("x")?;
            }
            queued += WINDOW;
            windows.push(start.elapsed().as_nanos() as f64 / WINDOW as f64);
        }
        *took = median(windows);
    }
    drop(hold);
    out.end().map_err(|error| error.to_string())?;
    Ok(took)
}

/// Lines a microsecond.
fn producers(number: u64, count: u64) -> Result<f64, Failure> {
    let out = Writable::builder()
        .high_water_mark(64 * 1024)
        .spawn(io::sink())?;
    let start = Instant::now();
    let threads: Vec<_> = (0..number)
        .map(|_| {
            let out = out.writer();
            thread::spawn(move || -> Result<(), Failure> {
                for _ in 0..count / number {
                    if out.write(b"a line\n")? == Flow::Wait {
                        out.wait_drain()?;
                    }
                }
                Ok(())
            })
        })
        .collect();
    for thread in threads {
        thread.join().map_err(|_| "a producer panicked")??;
    }
    let done = out.end()?;
    if done.totals.written != count / number * number * 7 {
        return Err(format!("{} bytes were written", done.totals.written).into());
    }
    Ok(count as f64 / (start.elapsed().as_nanos() as f64 / 1000.0))
}

fn run() -> Result<(), Failure> {
    let count = argument("COUNT", 2_000_000)?;
    let mut backlogs: [Vec<f64>; BACKLOGS.len()] = Default::default();
    let mut rates = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (all, one) in backlogs.iter_mut().zip(backlog()?) {
            all.push(one);
        }
        for (rates, number) in rates.iter_mut().zip([1, 2, 4, 8]) {
            rates.push(producers(number, count)?);
        }
    }
    println!("| queued before | ns a write |\n| --- | --- |");
    let backlogs = backlogs.map(median);
    for (queued, took) in BACKLOGS.iter().zip(backlogs) {
        println!("| {queued} | {took:.0} |");
    }
    println!("\n| producers | lines a microsecond |\n| --- | --- |");
    let ratio = highwater_peers::ratio(&rates[3], &rates[0]);
    let rates = rates.map(median);
    for (number, rate) in [1, 2, 4, 8].iter().zip(rates) {
        println!("| {number} | {rate:.1} |");
    }
    goals();
    let most = backlogs.iter().copied().fold(f64::MIN, f64::max);
    goal(
        "P9",
        "a write at the worst backlog, to one at none",
        most / backlogs[0],
        1.2,
    );
    goal_at_least("P9", "throughput of 8 producers, to 1", ratio, 0.7);
    Ok(())
}

fn main() -> ExitCode {
    highwater_peers::main("scale", run)
}
