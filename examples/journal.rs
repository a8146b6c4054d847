//! A journal: threads append records, and each learns when its record is durable. After a
//! crash the journal goes on behind its last whole record.
//!
//! ```sh
//! cargo run --release --example journal -- target/journal
//! ```

use std::fs::OpenOptions;
use std::io::Read;
use std::process::ExitCode;
use std::thread;

use highwater::sink::Durable;
use highwater::{BoxError, Writable, Writer};

/// How many threads append, and how many records each.
const THREADS: u64 = 8;
const RECORDS: u64 = 100;

/// A record on disk: its length, its checksum, its bytes.
fn frame(record: &[u8]) -> Result<Vec<u8>, BoxError> {
    let len = u32::try_from(record.len())?.to_le_bytes();
    let sum = crc32fast::hash(record).to_le_bytes();
    Ok([&len, &sum, record].concat())
}

/// The first record, if it is whole, and what comes behind it.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    let (sum, rest) = rest.split_first_chunk()?;
    let (record, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    (crc32fast::hash(record) == u32::from_le_bytes(*sum)).then_some((record, rest))
}

/// Appends a record, and returns when it is on disk.
fn append(journal: &Writer, record: &[u8]) -> Result<(), BoxError> {
    journal.send(frame(record)?).wait()?;
    Ok(journal.flush().wait()?)
}

fn run(path: &str) -> Result<(), BoxError> {
    let options = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .clone();
    let (mut file, mut bytes) = (options.open(path)?, Vec::new());
    file.read_to_end(&mut bytes)?;
    let (mut whole, mut rest) = (0, &bytes[..]);
    while let Some((_, behind)) = split(rest) {
        (whole, rest) = (whole + 1, behind);
    }
    file.set_len((bytes.len() - rest.len()) as u64)?; // cuts what a crash has torn
    file.sync_all()?;
    drop(file);
    println!("{whole} whole records, {} bytes cut", rest.len());

    let journal = Writable::builder()
        .group_commit(true)
        .spawn(Durable::open(path)?)?;
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let journal = journal.writer();
            thread::spawn(move || {
                (0..RECORDS).try_for_each(|n| append(&journal, format!("{thread}.{n}").as_bytes()))
            })
        })
        .collect();
    for thread in threads {
        thread.join().map_err(|_| "a thread panicked")??;
    }
    let flushed = journal.end().wait()?.totals.flushed;
    println!("{} records are durable, {flushed} bytes", THREADS * RECORDS);
    Ok(())
}

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("journal: a path is missing");
        return ExitCode::from(2);
    };
    match run(&path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("journal: {path}: {error}");
            ExitCode::FAILURE
        }
    }
}
