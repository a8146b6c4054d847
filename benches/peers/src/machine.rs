//! Which machine measures, and whether it was quiet.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::Failure;

/// A machine is quiet if its processors do no more other work than this before a program
/// runs, as a part of one processor.
const MOST_BUSY: f64 = 0.10;

/// And if its host gives no more of a processor's time to other machines meanwhile.
const MOST_STOLEN: f64 = 0.02;

/// The time of all processors so far, in ticks of the system.
#[derive(Clone, Copy)]
struct Time {
    busy: f64,
    stolen: f64,
    all: f64,
}

impl Time {
    /// `None` where the system does not say.
    fn now() -> Option<Self> {
        let text = fs::read_to_string("/proc/stat").ok()?;
        let first = text.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Vec<f64> = first
            .split_whitespace()
            .map_while(|ticks| ticks.parse().ok())
            .collect();
        // user, nice, system, idle, iowait, irq, softirq, stolen; the rest is in user and nice.
        let ticks: [f64; 8] = ticks.get(..8)?.try_into().ok()?;
        let all: f64 = ticks.iter().sum();
        let idle = ticks[3] + ticks[4];
        Some(Self {
            busy: all - idle,
            stolen: ticks[7],
            all,
        })
    }

    /// Returns the parts of one processor that were busy, and that were stolen, since then.
    fn since(self, then: Self, processors: f64) -> (f64, f64) {
        let all = (self.all - then.all).max(1.0) / processors;
        let (busy, stolen) = (self.busy - then.busy, self.stolen - then.stolen);
        (busy / all, stolen / all)
    }
}

fn processors() -> f64 {
    thread::available_parallelism().map_or(1.0, |count| count.get() as f64)
}

/// Runs a program, and prints before its figures on which machine it runs.
///
/// # Errors
///
/// If the program fails, or the machine was not quiet before it or meanwhile.
pub(crate) fn measured(run: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    let processors = processors();
    let begin = Time::now();
    thread::sleep(Duration::from_secs(1));
    let before = Time::now();
    let busy = begin
        .zip(before)
        .map(|(then, now)| now.since(then, processors).0);
    println!("{}, {processors} processors.\n", name());
    run()?;
    let stolen = before
        .zip(Time::now())
        .map(|(then, now)| now.since(then, processors).1);
    match (busy, stolen) {
        (Some(busy), _) if busy > MOST_BUSY => {
            let percent = 100.0 * busy;
            Err(format!("not quiet: others used {percent:.0} % of a processor before").into())
        }
        (_, Some(stolen)) if stolen > MOST_STOLEN => {
            let percent = 100.0 * stolen;
            Err(format!("not quiet: the host took {percent:.0} % of a processor away").into())
        }
        _ => Ok(()),
    }
}

/// The processor, as the system names it, and the system.
fn name() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("an unknown processor", |model| {
        model.trim_start_matches([' ', '\t', ':'])
    });
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{model}, {} {}", std::env::consts::OS, release.trim())
}

/// How much time this thread has had a processor for, in nanoseconds. Not a number where the
/// system does not say.
pub(crate) fn thread_time() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    nanos.unwrap_or(f64::NAN)
}
