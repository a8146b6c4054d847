//! P7 and P8: what a stream takes in memory.
//!
//! `memory [MIB]`, 256 MiB by default, and ten times that, through a sink that moves only while the
//! producer waits, so that the stream is as full as it can be. Then a million idle
//! drivers.

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use highwater::machine::{Event, Fault, Options};
use highwater::{Driver, Flow, Host, Writable};
use highwater_peers::{Failure, argument, goal, goals};

const MARK: u64 = 64 * 1024;
const PIECE: usize = 1000;
const IDLE: usize = 1_000_000;

/// Open while the producer waits.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn set(&self, open: bool) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = open;
        self.0.1.notify_all();
    }
}

struct Gated(Gate, u64);

impl Write for Gated {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (open, changed) = &*self.0.0;
        let open = open.lock().unwrap_or_else(PoisonError::into_inner);
        drop(
            changed
                .wait_while(open, |open| !*open)
                .unwrap_or_else(PoisonError::into_inner),
        );
        self.1 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A line of the kernel's about this process, in KiB.
fn status(name: &str) -> Result<u64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.trim_start_matches(':').split_whitespace().next());
    Ok(number.ok_or("this system does not tell")?.parse()?)
}

/// KiB at the highest, above what there was before.
fn through_a_gate(mib: u64) -> Result<u64, Failure> {
    let gate = Gate::default();
    // So that what a thread takes by itself is there before.
    Writable::builder().spawn(io::sink())?.end().wait()?;
    fs::write("/proc/self/clear_refs", "5")?;
    let before = status("VmRSS")?;
    let builder = Writable::builder().high_water_mark(MARK);
    let mut out = builder.spawn(Gated(gate.clone(), 0))?;
    let piece = [b'x'; PIECE];
    let total = mib * 1024 * 1024 / PIECE as u64;
    for _ in 0..total {
        if out.write(piece)? == Flow::Wait {
            gate.set(true);
            out.drained().wait()?;
            gate.set(false);
        }
    }
    gate.set(true);
    let done = out.end().wait()?;
    if done.sink.1 != total * PIECE as u64 {
        return Err(format!("{} bytes arrived", done.sink.1).into());
    }
    println!(
        "{mib} MiB, waits={} drains={} peak={}",
        done.totals.waits, done.totals.drains, done.totals.peak
    );
    Ok(status("VmHWM")?.saturating_sub(before))
}

/// Does nothing.
struct Nothing;

impl Host for Nothing {
    type Chunk = Vec<u8>;
    type Callback = ();

    fn write(_: &mut Driver<Self>, _: Vec<u8>) {}
    fn event(_: &mut Driver<Self>, _: Event) {}
    fn callback(_: &mut Driver<Self>, (): (), _: Result<(), Fault>) {}
}

/// Bytes each, whatever they hold.
fn idle() -> Result<f64, Failure> {
    let before = status("VmRSS")?;
    let drivers: Vec<_> = (0..IDLE)
        .map(|_| Driver::new(Options::new(), Nothing))
        .collect();
    let after = status("VmRSS")?;
    let open = drivers
        .iter()
        .filter(|driver| driver.state().is_writable())
        .count();
    if open != IDLE {
        return Err(format!("{open} are open").into());
    }
    Ok((after.saturating_sub(before) * 1024) as f64 / IDLE as f64)
}

fn run() -> Result<(), Failure> {
    let mib = argument("MIB", 256)?;
    let mut above = Vec::new();
    for mib in [mib, 10 * mib] {
        above.push((mib, through_a_gate(mib)?));
    }
    let each = idle()?;
    println!(
        "an idle driver: {each:.0} bytes resident, its own size is {}",
        size_of::<Driver<Nothing>>()
    );
    goals();
    let most = (4 * MARK / 1024 + 256) as f64;
    for (mib, above) in above {
        let what = format!("peak memory above the start, {mib} MiB, in KiB");
        goal("P7", &what, above as f64, most);
    }
    goal(
        "P8",
        "bytes for each of a million idle streams",
        each,
        256.0,
    );
    Ok(())
}

fn main() -> ExitCode {
    highwater_peers::main("memory", run)
}
