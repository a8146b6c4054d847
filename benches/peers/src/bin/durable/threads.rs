//! Threads that append.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Thread};

use highwater::Writable;
use highwater::sink::Durable;
use highwater_peers::Failure;
use okaywal::{LogVoid, WriteAheadLog};

use super::RECORD;

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

pub fn bare(folder: &Path, threads: usize, count: u64) -> Result<(), Failure> {
    let file = Mutex::new(File::create(folder.join("bare"))?);
    each(threads, count, || {
        || {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.write_all(&RECORD)?;
            Ok(file.sync_data()?)
        }
    })
}

pub fn highwater(folder: &Path, threads: usize, count: u64) -> Result<(), Failure> {
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

pub fn batches(folder: &Path, threads: usize, count: u64) -> Result<(), Failure> {
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

/// What threads hand over to the one that syncs.
#[derive(Default)]
struct Handed {
    bytes: Vec<u8>,
    /// The producers of these, and the sign of each that its record is on disk.
    waiters: Vec<(Thread, Arc<AtomicBool>)>,
    ended: bool,
}

/// The cheapest hand-over there is: a buffer under a lock, and a wake-up each way.
pub fn parked(folder: &Path, threads: usize, count: u64) -> Result<(), Failure> {
    let mut file = File::create(folder.join("parked"))?;
    let shared = Arc::new(Mutex::new(Handed::default()));
    let lock = |handed: &'_ Mutex<Handed>| -> Handed {
        std::mem::take(&mut *handed.lock().unwrap_or_else(PoisonError::into_inner))
    };
    let for_worker = Arc::clone(&shared);
    let worker = thread::spawn(move || -> Result<(), Failure> {
        loop {
            let handed = lock(&for_worker);
            if handed.ended {
                return Ok(());
            }
            if handed.waiters.is_empty() {
                thread::park();
                continue;
            }
            file.write_all(&handed.bytes)?;
            file.sync_data()?;
            for (thread, done) in handed.waiters {
                done.store(true, Ordering::Release);
                thread.unpark();
            }
        }
    });
    each(threads, count, || {
        let (shared, worker) = (&shared, worker.thread());
        let done = Arc::new(AtomicBool::new(false));
        move || {
            let mut handed = shared.lock().unwrap_or_else(PoisonError::into_inner);
            handed.bytes.extend_from_slice(&RECORD);
            handed.waiters.push((thread::current(), Arc::clone(&done)));
            let is_first = handed.waiters.len() == 1;
            drop(handed);
            if is_first {
                worker.unpark();
            }
            while !done.swap(false, Ordering::Acquire) {
                thread::park();
            }
            Ok(())
        }
    })?;
    shared.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
    worker.thread().unpark();
    worker
        .join()
        .map_err(|_| "the thread that syncs panicked")?
}

pub fn okay(folder: &Path, threads: usize, count: u64) -> Result<(), Failure> {
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
