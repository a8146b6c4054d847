//! A journal: threads append records, and each learns when its record is durable. After a
//! crash the journal goes on behind its last whole record.
//! `cargo run --release --example journal -- target/journal`

use std::{fs::OpenOptions, io::Read, thread};

use highwater::{BoxError, Writable, Writer, sink::Durable};

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

/// Cuts what a crash has torn, and returns how many whole records there are.
fn repair(path: &str) -> Result<usize, BoxError> {
    let mut options = OpenOptions::new();
    let mut file = options.read(true).append(true).create(true).open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let (mut whole, mut rest) = (0, &bytes[..]);
    while let Some((_, behind)) = split(rest) {
        (whole, rest) = (whole + 1, behind);
    }
    file.set_len((bytes.len() - rest.len()) as u64)?;
    file.sync_all()?;
    Ok(whole)
}

/// Appends a hundred records, and waits until each is on disk.
fn append(journal: &Writer, name: usize) -> Result<(), BoxError> {
    for n in 0..100 {
        journal
            .send(frame(format!("{name}.{n}").as_bytes())?)
            .wait()?;
        journal.flush().wait()?;
    }
    Ok(())
}

fn main() -> Result<(), BoxError> {
    let path = std::env::args()
        .nth(1)
        .ok_or("the path of the journal is missing")?;
    let whole = repair(&path).map_err(|error| format!("{path}: {error}"))?;
    println!("{whole} whole records");
    let journal = Writable::builder()
        .group_commit(true)
        .spawn(Durable::open(path)?)?;
    let threads = [0, 1, 2, 3, 4, 5, 6, 7].map(|name| {
        let journal = journal.writer();
        thread::spawn(move || append(&journal, name))
    });
    for thread in threads {
        thread.join().map_err(|_| "a thread panicked")??;
    }
    println!("{} bytes are durable", journal.end().wait()?.totals.flushed);
    Ok(())
}
