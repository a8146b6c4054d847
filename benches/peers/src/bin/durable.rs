//! Durable appends: each of 1, 8 and 64 threads appends a record of 100 bytes, waits until it
//! is on disk, and goes on. On a real file system, in the folder that the program runs in.
//!
//! `durable [COUNT]`, 100 records for each thread by default, at least 800 in all. The syncs
//! are counted by strace, which is needed (Debian: strace), in runs of their own.
//! `durable WAY THREADS COUNT` is one such run.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use highwater::Writable;
use highwater::sink::Durable;
use highwater_peers::{Failure, argument, goal_at_least, goals, median, ratio};
use okaywal::{LogVoid, WriteAheadLog};

const ROUNDS: usize = 9;
const THREADS: [usize; 3] = [1, 8, 64];
const RECORD: [u8; 100] = [b'.'; 100];

/// Appends records from this number of threads, this number each.
type Way = (&'static str, fn(&Path, usize, u64) -> Result<(), Failure>);

const WAYS: [Way; 4] = [
    ("a `Mutex<File>`, `sync_data` for each", bare),
    ("highwater, `group_commit`, `sink::Durable`", highwater),
    ("a channel, a thread that takes all there is", batches),
    ("okaywal", okay),
];

/// Each thread appends by a closure of its own, one record after the other.
fn each<A>(threads: usize, count: u64, appender: impl Fn() -> A) -> Result<(), Failure>
where
    A: FnMut() -> Result<(), Failure> + Send,
{
    thread::scope(|scope| {
        let append = |mut append: A| (0..count).try_for_each(|_| append());
        let threads: Vec<_> = (0..threads)
            .map(|_| appender())
            .map(|appender| scope.spawn(move || append(appender)))
            .collect();
        let mut done = threads.into_iter().map(|thread| thread.join());
        done.try_for_each(|done| done.map_err(|_| "a thread panicked")?)
    })
}

fn bare(folder: &Path, threads: usize, count: u64) -> Result<(), Failure> {
    let file = Mutex::new(File::create(folder.join("bare"))?);
    each(threads, count, || {
        || {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.write_all(&RECORD)?;
            Ok(file.sync_data()?)
        }
    })
}

fn highwater(folder: &Path, threads: usize, count: u64) -> Result<(), Failure> {
    let file = Durable::create(folder.join("highwater"))?;
    let out = Writable::builder().group_commit(true).spawn(file)?;
    each(threads, count, || {
        let writer = out.writer();
        move || {
            writer.send(&RECORD[..]).wait()?;
            Ok(writer.flush().wait()?)
        }
    })?;
    out.end().wait()?;
    Ok(())
}

fn batches(folder: &Path, threads: usize, count: u64) -> Result<(), Failure> {
    let mut file = File::create(folder.join("batches"))?;
    let (send, records) = channel::<(&[u8], Sender<()>)>();
    let writer = thread::spawn(move || -> Result<(), Failure> {
        let (mut bytes, mut waiters) = (Vec::new(), Vec::new());
        while let Ok(first) = records.recv() {
            for (record, waiter) in std::iter::once(first).chain(records.try_iter()) {
                bytes.extend_from_slice(record);
                waiters.push(waiter);
            }
            file.write_all(&bytes)?;
            file.sync_data()?;
            bytes.clear();
            for waiter in waiters.drain(..) {
                waiter.send(())?;
            }
        }
        Ok(())
    });
    each(threads, count, || {
        let (send, (done, told)) = (send.clone(), channel());
        move || {
            send.send((&RECORD, done.clone()))?;
            Ok(told.recv()?)
        }
    })?;
    drop(send);
    writer.join().map_err(|_| "the writer panicked")?
}

fn okay(folder: &Path, threads: usize, count: u64) -> Result<(), Failure> {
    let log = WriteAheadLog::recover(folder.join("okaywal"), LogVoid)?;
    each(threads, count, || {
        || {
            let mut entry = log.begin_entry()?;
            entry.write_chunk(&RECORD)?;
            entry.commit()?;
            Ok(())
        }
    })?;
    log.shutdown()?;
    Ok(())
}

/// One run, in a folder of this one: a folder in memory could not be synced.
fn once(way: usize, threads: usize, count: u64) -> Result<f64, Failure> {
    let folder = tempfile::tempdir_in(".")?;
    let (_, append) = WAYS.get(way).ok_or("no such way")?;
    let start = Instant::now();
    append(folder.path(), threads, count)?;
    Ok(start.elapsed().as_nanos() as f64 / (count * threads as u64) as f64 / 1000.0)
}

/// How many syncs a record takes, as the system sees them.
fn syncs(way: usize, threads: usize, count: u64) -> Result<f64, Failure> {
    let calls = tempfile::NamedTempFile::new()?;
    let mut strace = Command::new("strace");
    let strace = strace.args(["-f", "-qq", "-e", "trace=fsync,fdatasync", "-o"]);
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
    let mut to_mutex = Vec::new();
    let mut to_okay = Vec::new();
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
                ratio(&figures[0], &figures[way]),
                syncs(way, threads, count)?
            );
        }
        to_mutex.push(ratio(&figures[0], &figures[1]));
        to_okay.push(ratio(&figures[3], &figures[1]));
    }
    goals();
    goal_at_least("durable", "1 thread, to the bare loop", to_mutex[0], 0.95);
    goal_at_least("durable", "64 threads, to the mutex", to_mutex[2], 20.0);
    goal_at_least("durable", "64 threads, to okaywal", to_okay[2], 1.0);
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
