//! P6: how long `write()` takes while the sink is slow and there is room.
//!
//! `latency [COUNT]`, 200,000 lines of 100 bytes by default, into a sink that
//! takes 5 ms for 64 KiB. A producer that waits does so outside of what is timed.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use highwater::{Flow, Writable};
use highwater_peers::{Failure, argument, goal, goals};

const LINE: [u8; 100] = [b'x'; 100];
const MARK: u64 = 1024 * 1024;
const BUFFER: usize = 64 * 1024;

/// A device of 5 ms for 64 KiB.
struct Slow;

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let nanos = bytes.len() as u64 * 5_000_000 / (64 * 1024);
        thread::sleep(Duration::from_nanos(nanos));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Microseconds, sorted.
fn measure(
    count: u64,
    mut write: impl FnMut(&mut Vec<f64>) -> Result<(), Failure>,
) -> Result<Vec<f64>, Failure> {
    let mut times = Vec::with_capacity(usize::try_from(count)?);
    for _ in 0..count {
        write(&mut times)?;
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

fn row(name: &str, times: &[f64]) {
    let at = |per_mille: usize| times[(times.len() - 1) * per_mille / 1000];
    println!(
        "| {name} | {:.2} | {:.2} | {:.2} | {:.0} |",
        at(500),
        at(990),
        at(999),
        at(1000)
    );
}

fn micros(since: Instant) -> f64 {
    since.elapsed().as_nanos() as f64 / 1000.0
}

fn run() -> Result<(), Failure> {
    let count = argument("COUNT", 200_000)?;
    let mut out = Writable::builder().high_water_mark(MARK).spawn(Slow)?;
    let ours = measure(count, |times| {
        let start = Instant::now();
        let flow = out.write(LINE)?;
        times.push(micros(start));
        if flow == Flow::Wait {
            out.drained().wait()?;
        }
        Ok(())
    })?;
    out.end().wait()?;
    let mut out = BufWriter::with_capacity(BUFFER, Slow);
    let theirs = measure(count.min(50_000), |times| {
        let start = Instant::now();
        out.write_all(&LINE)?;
        times.push(micros(start));
        Ok(())
    })?;
    println!("microseconds in `write()` of 100 bytes:\n");
    println!("| who | p50 | p99 | p99.9 | most |\n| --- | --- | --- | --- | --- |");
    row("highwater, mark 1 MiB", &ours);
    row("`BufWriter` of 64 KiB, on the caller's thread", &theirs);
    goals();
    goal(
        "P6",
        "p99.9 of `write()`, microseconds",
        ours[(ours.len() - 1) * 999 / 1000],
        2.0,
    );
    Ok(())
}

fn main() -> ExitCode {
    highwater_peers::main("latency", run)
}
