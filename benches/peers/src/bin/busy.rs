//! A hand-over there and back, on a quiet machine and on a busy one.
//!
//! `busy [COUNT]`, 10,000 hand-overs by default, 21 rounds: on a busy machine they differ by much.
//! Busy are twice as many threads as there are processors, with nothing to do but that. The peer is
//! two channels of the standard library, one there and one back.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Instant;

use highwater::Writable;
use highwater_peers::{Failure, argument, goal, goals, median, ratio};

const ROUNDS: usize = 21;

/// Microseconds for each: a byte is written, and flushed.
fn highwater(count: u64) -> Result<f64, Failure> {
    let mut out = Writable::builder().spawn(io::sink())?;
    let start = Instant::now();
    for _ in 0..count {
        let _flow = out.write(b"x")?;
        out.flush().wait()?;
    }
    Ok(start.elapsed().as_secs_f64() * 1e6 / count as f64)
}

/// Microseconds for each: a byte is sent, and answered.
fn channels(count: u64) -> Result<f64, Failure> {
    let (send, receive) = sync_channel(1);
    let (answer, answered) = sync_channel(1);
    let other = thread::spawn(move || {
        while let Ok(byte) = receive.recv() {
            if answer.send(byte).is_err() {
                break;
            }
        }
    });
    let start = Instant::now();
    for _ in 0..count {
        send.send(b'x')?;
        answered.recv()?;
    }
    let took = start.elapsed().as_secs_f64() * 1e6 / count as f64;
    drop(send);
    other.join().map_err(|_| "the other thread panicked")?;
    Ok(took)
}

/// Keeps the processors busy until it is dropped.
struct Busy(Arc<AtomicBool>);

impl Busy {
    fn new(threads: usize) -> Self {
        let busy = Arc::new(AtomicBool::new(true));
        for _ in 0..threads {
            let busy = Arc::clone(&busy);
            thread::spawn(move || while busy.load(Ordering::Relaxed) {});
        }
        Self(busy)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

fn run() -> Result<(), Failure> {
    let count = argument("COUNT", 10_000)?;
    let processors = thread::available_parallelism()?.get();
    println!("| machine | who | microseconds | to the channels |\n| --- | --- | --- | --- |");
    let mut reached = Vec::new();
    for (machine, threads) in [("quiet", 0), ("busy", 2 * processors)] {
        let busy = Busy::new(threads);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(highwater(count)?);
            theirs.push(channels(count)?);
        }
        drop(busy);
        for (who, times) in [
            ("highwater, `write` and `flush`", &ours),
            ("two channels", &theirs),
        ] {
            let to = ratio(times, &theirs);
            let micros = median(times.clone());
            println!("| {machine} | {who} | {micros:.1} | {to:.2} |");
        }
        reached.push((machine, ratio(&ours, &theirs)));
    }
    goals();
    for (machine, reached) in reached {
        let what = format!("a hand-over on a {machine} machine, to two channels");
        goal("P11", &what, reached, 1.3);
    }
    Ok(())
}

fn main() -> ExitCode {
    highwater_peers::main("busy", run)
}
