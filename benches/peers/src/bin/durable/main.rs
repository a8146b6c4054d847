//! Durable appends: each of 1, 8 and 64 threads, or tasks of tokio, appends a record of 100 bytes,
//! waits until it is on disk, and goes on. On a real file system, in the folder that the program runs in.
//!
//! `durable [COUNT]`, 100 records for each thread by default, at least 800 in all. The syncs
//! are counted by strace, which is needed (Debian: strace), in runs of their own.
//! `durable WAY THREADS COUNT` is one such run.

mod tasks;
mod threads;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use highwater_peers::{Failure, argument, goal_at_least, goals, median, ratio};

const ROUNDS: usize = 9;
const THREADS: [usize; 3] = [1, 8, 64];
const RECORD: [u8; 100] = [b'.'; 100];

/// Appends records from this number of threads or tasks, this number each.
type Way = (&'static str, fn(&Path, usize, u64) -> Result<(), Failure>);

const WAYS: [Way; 8] = [
    ("a `Mutex<File>`, `sync_data` for each", threads::bare),
    (
        "highwater, `group_commit`, `sink::Durable`",
        threads::highwater,
    ),
    (
        "a channel, a thread that takes all there is",
        threads::batches,
    ),
    ("a buffer in a lock, `park` and `unpark`", threads::parked),
    ("okaywal", threads::okay),
    ("tokio: a `Mutex<File>`, `sync_data` for each", tasks::bare),
    (
        "tokio: highwater, `group_commit`, `sink::AsyncDurable`",
        tasks::highwater,
    ),
    (
        "tokio: a channel, a task that takes all there is",
        tasks::batches,
    ),
];

/// Their places.
const MUTEX: usize = 0;
const OURS: usize = 1;
const PARKED: usize = 3;
const OKAY: usize = 4;
const OUR_TASK: usize = 6;
const TASK_BATCHES: usize = 7;

/// One run, in a folder of this one: a folder in memory could not be synced.
fn once(way: usize, threads: usize, count: u64) -> Result<f64, Failure> {
    let folder = tempfile::tempdir_in(".")?;
    let (_, append) = WAYS.get(way).ok_or("no such way")?;
    let start = Instant::now();
    append(folder.path(), threads, count)?;
    Ok(start.elapsed().as_nanos() as f64 / (count * threads as u64) as f64 / 1000.0)
}

/// How many syncs a record takes, as the system sees them. Its other calls run at full speed: if
/// strace stopped each of them, the groups would be other ones.
fn syncs(way: usize, threads: usize, count: u64) -> Result<f64, Failure> {
    let calls = tempfile::NamedTempFile::new()?;
    let mut strace = Command::new("strace");
    let strace = strace.args([
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-e",
        "trace=fsync,fdatasync",
        "-o",
    ]);
    let strace = strace.arg(calls.path()).arg(std::env::current_exe()?);
    let numbers = [way as u64, threads as u64, count].map(|number| number.to_string());
    let output = strace.args(numbers).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let calls = std::fs::read_to_string(calls.path())?;
    let calls = calls.matches("fsync(").count() + calls.matches("fdatasync(").count();
    Ok(calls as f64 / (count * threads as u64) as f64)
}

fn run() -> Result<(), Failure> {
    let each = argument("COUNT", 100)?;
    println!("{ROUNDS} rounds, medians:\n");
    println!("| threads | who | a record, µs | records a second, to the mutex | syncs a record |");
    println!("| --- | --- | --- | --- | --- |");
    let mut all = Vec::new();
    for threads in THREADS {
        let count = each.max(8 * each / threads as u64);
        let mut figures = vec![Vec::new(); WAYS.len()];
        for _ in 0..ROUNDS {
            for (way, figures) in figures.iter_mut().enumerate() {
                figures.push(once(way, threads, count)?);
            }
        }
        for (way, (name, _)) in WAYS.iter().enumerate() {
            println!(
                "| {threads} | {name} | {:.0} | {:.2} | {:.3} |",
                median(figures[way].clone()),
                ratio(&figures[MUTEX], &figures[way]),
                syncs(way, threads, count)?
            );
        }
        all.push(figures);
    }
    // Records a second of one way, to those of another.
    let [one, _, many]: &[Vec<Vec<f64>>] = &all else {
        return Err("there are three numbers of threads".into());
    };
    let to = |figures: &[Vec<f64>], this: usize, that: usize| ratio(&figures[that], &figures[this]);
    goals();
    let goal = |what, reached, least| goal_at_least("durable", what, reached, least);
    goal("1 thread, to the bare loop", to(one, OURS, MUTEX), 0.95);
    goal(
        "1 thread, to the cheapest hand-over",
        to(one, OURS, PARKED),
        0.95,
    );
    goal("64 threads, to the mutex", to(many, OURS, MUTEX), 20.0);
    goal(
        "64 threads, to the cheapest hand-over",
        to(many, OURS, PARKED),
        0.95,
    );
    goal("64 threads, to okaywal", to(many, OURS, OKAY), 1.0);
    goal(
        "64 tasks, to a channel and a task",
        to(many, OUR_TASK, TASK_BATCHES),
        1.0,
    );
    Ok(())
}

/// A run whose syncs are counted, if the arguments ask for that.
fn counted() -> Option<Result<(), Failure>> {
    let numbers: Vec<u64> = std::env::args()
        .skip(1)
        .map_while(|text| text.parse().ok())
        .collect();
    let [way, threads, count] = numbers[..] else {
        return None;
    };
    Some(once(way as usize, threads as usize, count).map(drop))
}

fn main() -> ExitCode {
    match counted() {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(failure)) => {
            eprintln!("durable: {failure}");
            ExitCode::FAILURE
        }
        None => highwater_peers::main("durable", run),
    }
}
