//! What is acknowledged by a flush is on disk: on a simulated disk that
//! dies at any moment, and loses any part of what was not synced. And which flushes are one.
//!
//! A process that is killed, with a real file: `kill.rs`. A sync that fails on a real file:
//! `durable_file.rs`.
#![cfg(feature = "tokio")]

use std::cell::RefCell;
use std::future::Future;
use std::io::{self, IoSlice, Write};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use futures::io::{AllowStdIo, AsyncWrite};
use highwater::{BoxError, Builder, Wait, Writable, Writer};
use highwater_testkit::disk::{self, Disk, Odds};
use highwater_testkit::{random, sinks};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

mod durable {
    /// What `AsyncDurable` answers once a sync has failed.
    pub(super) fn sync_failed() -> std::io::Error {
        std::io::Error::other("an earlier sync failed")
    }
}

/// What `AsyncDurable` is, over any file.
#[path = "../src/sink/synced.rs"]
#[allow(dead_code, reason = "it also hands its file back")]
mod synced;

use synced::Synced;

/// How many schedules are played on the disk, and how many on one that fails later.
const CASES: u64 = 100_000;
const LATE_CASES: u64 = 40_000;

/// A record that was acknowledged: its position, and its bytes.
type Acks = Rc<RefCell<Vec<(u64, Vec<u8>)>>>;

/// Appends records, each told when it is durable, until the stream fails.
async fn append(writer: Writer, tag: u8, lens: Vec<usize>, acks: Acks) -> Result<(), BoxError> {
    for (number, len) in lens.into_iter().enumerate() {
        let record: Vec<u8> = (0..len)
            .map(|at| tag.wrapping_mul(31) ^ (number * 7 + at) as u8)
            .collect();
        let position = writer.send(record.clone()).await?;
        writer.flush().await?;
        acks.borrow_mut().push((position, record));
    }
    Ok(())
}

type Task = Pin<Box<dyn Future<Output = Result<(), BoxError>>>>;

/// What came of a schedule.
#[derive(Debug, Default)]
struct Seen {
    died: bool,
    failed: bool,
    acks: usize,
    shared_a_sync: bool,
}

/// A file as tokio's on the simulated disk, with the code of `AsyncDurable`.
struct Late(Synced<disk::Late, Syncing>, Disk);

/// A sync that runs.
struct Syncing(Disk);

impl Future for Syncing {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
}

impl AsyncWrite for Late {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write_vectored(cx, slices)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Late(file, disk) = &mut *self;
        file.poll_flush(cx, || Syncing(disk.clone()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

/// Makes a sink of the disk.
type Open = fn(Disk) -> Box<dyn AsyncWrite + Unpin>;

/// Plays one schedule: polls what it finds at random, until all are done or the disk is dead.
fn play(seed: u64, open: Open) -> Result<Seen, String> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let rare = |rng: &mut SmallRng| if rng.random_ratio(1, 3) { 12 } else { 0 };
    let odds = Odds {
        syncs_fail: rare(&mut rng),
        writes_fail: rare(&mut rng),
    };
    let disk = Disk::new(rng.random(), rng.random_range(2..120), odds);
    let builder = Writable::builder()
        .high_water_mark([1, 16, 64, 16_384][rng.random_range(0..4)])
        .group_commit(rng.random());
    let (out, mut worker) = builder.pair(open(disk.clone()));
    let acks = Acks::default();
    let producers = match rng.random_range(0..40) {
        0 => 64,
        n if n < 10 => 1,
        _ => rng.random_range(2..6),
    };
    let mut tasks: Vec<Task> = (0..producers)
        .map(|tag| {
            let lens = (0..rng.random_range(1..4)).map(|_| rng.random_range(1..24));
            let lens = lens.collect();
            let acks = Rc::clone(&acks);
            Box::pin(append(out.writer(), tag, lens, acks)) as Task
        })
        .collect();
    let mut failed = false;
    while !tasks.is_empty() && !disk.is_dead() {
        let next = rng.random_range(0..=tasks.len());
        let mut cx = Context::from_waker(Waker::noop());
        let Some(task) = tasks.get_mut(next) else {
            let _ = Pin::new(&mut worker).poll(&mut cx);
            continue;
        };
        if let Poll::Ready(done) = task.as_mut().poll(&mut cx) {
            failed |= done.is_err();
            drop(tasks.swap_remove(next));
        }
    }
    let seen = Seen {
        died: disk.is_dead(),
        failed,
        acks: acks.borrow().len(),
        shared_a_sync: acks.borrow().len() > disk.syncs() as usize,
    };
    check(&disk, &acks.borrow())?;
    drop((out, worker));
    Ok(seen)
}

fn check(disk: &Disk, acks: &[(u64, Vec<u8>)]) -> Result<(), String> {
    let (written, kept) = (disk.written(), disk.after_a_crash());
    for (position, record) in acks {
        let end = *position as usize;
        let there = written.get(end - record.len()..end);
        if there != Some(record) {
            return Err(format!("acknowledged and not written: up to {end}"));
        }
        if kept.get(..end) != written.get(..end) {
            return Err(format!("acknowledged and lost: up to {end}"));
        }
    }
    match disk.calls_after_a_failure() {
        0 => Ok(()),
        calls => Err(format!("{calls} calls after a failure")),
    }
}

#[test]
fn what_is_acknowledged_outlives_the_disk() {
    play_all(CASES, |disk| Box::new(disk));
}

#[test]
fn what_is_acknowledged_outlives_a_disk_that_fails_later() {
    play_all(LATE_CASES, |disk| {
        Box::new(Late(Synced::new(disk::Late::new(disk.clone())), disk))
    });
}

fn play_all(cases: u64, open: Open) {
    let seed = random::seed();
    let mut all = [0_u64; 4];
    for case in 0..cases {
        let seed = seed.wrapping_add(case);
        match play(seed, open) {
            Ok(seen) => {
                all[0] += u64::from(seen.died && seen.acks > 0);
                all[1] += u64::from(seen.failed && seen.acks > 0);
                all[2] += u64::from(seen.shared_a_sync);
                all[3] += seen.acks as u64;
            }
            Err(why) => panic!("{why}, again with HIGHWATER_SEED={seed}"),
        }
    }
    println!("died, failed, shared a sync, acknowledged: {all:?}");
    assert!(all.iter().all(|times| *times > 0), "{all:?}");
}

/// A sink that keeps what it is called with.
#[derive(Clone, Default)]
struct Calls(Rc<RefCell<Vec<String>>>);

impl Calls {
    /// Everything that it was called with since.
    fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

impl Write for Calls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        let text: String = String::from_utf8_lossy(&bytes).into();
        if text.starts_with("bad") {
            return Err(io::ErrorKind::StorageFull.into());
        }
        // One that is bad fails when it comes first.
        let len = text.find("bad").unwrap_or(bytes.len());
        self.0.borrow_mut().push(text[..len].into());
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().push("flush".into());
        match self
            .0
            .borrow()
            .first()
            .is_some_and(|first| first == "unsafe")
        {
            true => Err(io::Error::other("no sync")),
            false => Ok(()),
        }
    }
}

/// A producer that flushes after each of these records, all under one cork; and a worker that
/// was polled once.
fn flushed(builder: Builder, records: &[&'static str]) -> (Vec<String>, Writable<Sink>, Waits) {
    let calls = Calls::default();
    let (mut out, mut worker) = builder.pair(AllowStdIo::new(calls.clone()));
    let mut other = out.writer();
    let corked = other.cork().expect("it is open");
    let mut waits = Vec::new();
    for record in records {
        let _flow = out.write_chunk(*record).expect("it is open");
        waits.push(out.flush());
    }
    drop(corked);
    let _ = Pin::new(&mut worker).poll(&mut Context::from_waker(Waker::noop()));
    (calls.take(), out, waits)
}

fn grouped() -> Builder {
    Writable::builder().group_commit(true)
}

type Sink = AllowStdIo<Calls>;
type Waits = Vec<Wait>;

const RECORDS: [&str; 3] = ["one", "two", "three"];

#[test]
fn a_group_has_one_write_and_one_flush() {
    let (calls, out, _waits) = flushed(grouped(), &RECORDS);
    assert_eq!(calls, ["onetwothree", "flush"]);
    assert_eq!(out.snapshot().flushed, 11);
}

#[test]
fn a_group_whose_chunks_are_calls_of_their_own_has_one_flush() {
    let (calls, out, _waits) = flushed(grouped().vectored(false), &RECORDS);
    assert_eq!(calls, ["one", "two", "three", "flush"]);
    assert_eq!(out.snapshot().flushed, 11);
}

#[test]
fn without_group_commit_a_flush_stands_before_the_data_after_it() {
    let (calls, out, _waits) = flushed(Writable::builder(), &RECORDS);
    let each = ["one", "flush", "two", "flush", "three", "flush"];
    assert_eq!(calls, each);
    assert_eq!(out.snapshot().flushed, 11);
}

#[test]
fn a_flush_is_made_though_the_data_after_it_could_not_be_written() {
    let (calls, out, mut waits) = flushed(grouped(), &["one", "two", "bad", "four"]);
    assert_eq!(calls, ["onetwo", "flush"]);
    let done: Vec<_> = waits.iter_mut().map(|wait| wait.wait().is_ok()).collect();
    assert_eq!(done, [true, true, false, false]);
    assert_eq!((out.snapshot().flushed, out.snapshot().delivered), (6, 6));
}

#[test]
fn the_first_error_is_that_of_the_data() {
    let (calls, _out, mut waits) = flushed(grouped(), &["unsafe", "bad"]);
    assert_eq!(calls, ["unsafe", "flush"]);
    for wait in &mut waits {
        assert_eq!(wait.wait().map_err(|error| error.code()), Err("ENOSPC"));
    }
}

/// The observer looks while the worker is at the second record.
#[test]
fn a_snapshot_shows_a_flush_within_a_job() {
    let seen = Arc::new(AtomicU64::new(0));
    let tell = Arc::clone(&seen);
    let (shown, show) = std::sync::mpsc::channel::<Writer>();
    let sink = sinks::on_write(move |bytes| {
        if bytes == b"two" {
            let writer = show.recv().expect("the test has sent it");
            tell.store(writer.snapshot().flushed, Ordering::Relaxed);
        }
        Ok(bytes.len())
    });
    let mut out = Writable::builder().spawn(sink).expect("a thread");
    shown.send(out.writer()).expect("the sink listens");
    let mut other = out.writer();
    let corked = other.cork().expect("it is open");
    for record in ["one", "two"] {
        let _flow = out.write_chunk(record).expect("it is open");
        drop(out.flush());
    }
    drop(corked);
    assert!(out.end().wait().is_ok());
    assert_eq!(seen.load(Ordering::Relaxed), 3);
}
