//! What is acknowledged by a flush is on disk, whatever happens: on a simulated disk that
//! dies at any moment, and loses any part of what was not synced. And which flushes are one.
//!
//! A process that is killed, with a real file: `kill.rs`. A sync that fails on a real file:
//! `durable_file.rs`.
#![cfg(feature = "futures")]

use std::cell::RefCell;
use std::future::Future;
use std::io::{self, IoSlice, Write};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use futures::io::AllowStdIo;
use highwater::{BoxError, Writable, Writer};
use highwater_testkit::disk::{Disk, Odds};
use highwater_testkit::random;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// How many schedules are played.
const CASES: u64 = 100_000;

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

/// What came of a schedule.
#[derive(Debug, Default)]
struct Seen {
    died: bool,
    failed: bool,
    acks: usize,
    shared_a_sync: bool,
}

/// Plays one schedule: polls what it finds at random, until all are done or the disk is dead.
fn play(seed: u64) -> Result<Seen, String> {
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
    let (out, mut worker) = builder.pair(disk.clone());
    let acks = Acks::default();
    let producers = match rng.random_range(0..40) {
        0 => 64,
        n if n < 10 => 1,
        _ => rng.random_range(2..6),
    };
    let mut tasks: Vec<Pin<Box<dyn Future<Output = Result<(), BoxError>>>>> = (0..producers)
        .map(|tag| {
            let lens = (0..rng.random_range(1..4)).map(|_| rng.random_range(1..24));
            let lens = lens.collect();
            let acks = Rc::clone(&acks);
            Box::pin(append(out.writer(), tag, lens, acks)) as Pin<Box<_>>
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
        if let std::task::Poll::Ready(done) = task.as_mut().poll(&mut cx) {
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
    let seed = random::seed();
    let mut all = [0_u64; 4];
    for case in 0..CASES {
        let seed = seed.wrapping_add(case);
        match play(seed) {
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

impl Write for Calls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        let text = String::from_utf8_lossy(&bytes).into();
        self.0.borrow_mut().push(text);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().push("flush".into());
        Ok(())
    }
}

/// The calls of the sink, of a producer that flushes after each of three records, all under
/// one cork.
fn calls(group_commit: bool) -> Vec<String> {
    let calls = Calls::default();
    let builder = Writable::builder().group_commit(group_commit);
    let (mut out, mut worker) = builder.pair(AllowStdIo::new(calls.clone()));
    let mut other = out.writer();
    let corked = other.cork().expect("it is open");
    for record in ["one", "two", "three"] {
        let _flow = out.write_chunk(record).expect("it is open");
        drop(out.flush());
    }
    drop(corked);
    let _ = Pin::new(&mut worker).poll(&mut Context::from_waker(Waker::noop()));
    let flushed = out.snapshot().flushed;
    assert_eq!(flushed, 11);
    calls.0.take()
}

#[test]
fn a_group_has_one_write_and_one_flush() {
    assert_eq!(calls(true), ["onetwothree", "flush"]);
}

#[test]
fn without_group_commit_a_flush_stands_before_the_data_after_it() {
    let each = ["one", "flush", "two", "flush", "three", "flush"];
    assert_eq!(calls(false), each);
}
