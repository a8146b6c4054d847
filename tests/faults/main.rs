//! Streams under faults: random schedules of faults and calls, from several threads at once,
//! on each worker, with producers that block and producers that await.
//!
//! - `schedule.rs`: the schedules; `way.rs`: the ways to play them
//! - `play.rs`: plays one; `producer.rs`: its producers; `sink.rs`, `polled.rs`: its sink;
//!   `reader.rs`: the reader of a body
//! - `outcome.rs`: what has to hold; `spoilt.rs`: outcomes that are spoilt on purpose
//! - `real.rs`: the system's own faults, and sinks that never come back
//!
//! Elsewhere: a pipe that breaks at every single byte of a stream, `/dev/full`, a sink that
//! panics, sinks that lie, and observers, chunks and sinks that panic when they are dropped:
//! `thread_failures.rs`, `thread_panics.rs`. Time-outs of nothing and the policies on drop,
//! call by call: `thread.rs`. A worker that is dropped: `future.rs`. A process that
//! is killed: `kill.rs`. All interleavings of a few calls: `loom.rs`.

mod outcome;
mod play;
mod polled;
mod producer;
mod reader;
mod real;
mod schedule;
mod sink;
mod spoilt;
mod way;

use std::cell::RefCell;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;

use highwater_testkit::gate::WATCHDOG;
use highwater_testkit::random;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use outcome::{Outcome, broken};
use play::play;
use reader::Seen;
use schedule::{Schedule, at_hand, opened, schedules};
use sink::Why;
use way::{Waits, Way, Worker};

/// The random schedules have to come to an outcome of each kind: else what holds of them
/// says little.
type Kind = (&'static str, fn(&Outcome) -> bool);

const KINDS: [Kind; 7] = [
    ("finished", |outcome| outcome.finished),
    ("failed", |outcome| outcome.events.contains(&"error")),
    ("destroyed with a reason", |outcome| {
        outcome.reason.is_some()
    }),
    ("some delivered, some handed back", |outcome| {
        let unsent = outcome.unsent.as_ref().map_or(0, Vec::len);
        unsent > 0 && !outcome.delivered.is_empty()
    }),
    ("dropped, and nothing handed back", |outcome| {
        outcome.unsent.is_none()
    }),
    ("a chunk refused", |outcome| {
        let mut notes = outcome.producers.iter();
        notes.any(|notes| !notes.refused.is_empty())
    }),
    ("something acknowledged", |outcome| {
        let mut acks = outcome.producers.iter().flat_map(|notes| &notes.acks);
        acks.any(|ack| ack.position > 0)
    }),
];

/// A sink can panic.
const OF_SINKS: [Kind; 1] = [("failed by a panic", |outcome| {
    matches!(outcome.injected, Some(Why::Panic(_)))
})];

/// A reader comes to its end in these ways.
const OF_BODIES: [Kind; 7] = [
    ("an end", |outcome| outcome.seen == Some(Seen::End)),
    ("left at the end", |outcome| {
        outcome.seen == Some(Seen::MayLeave)
    }),
    ("left with the length", |outcome| {
        outcome.seen == Some(Seen::HasLength)
    }),
    ("left", |outcome| outcome.seen == Some(Seen::Left)),
    ("panicked", |outcome| outcome.seen == Some(Seen::Panicked)),
    ("too long or too short", |outcome| {
        matches!(outcome.seen, Some(Seen::Error(_))) && outcome.injected.is_some()
    }),
    ("cut off by a drop", |outcome| {
        let dropped = outcome.unsent.is_none() && !outcome.has_to_finish;
        dropped && matches!(outcome.seen, Some(Seen::Error(_)))
    }),
];

/// How many schedules each test plays, of each of four shapes.
const CASES: u32 = 1_500;

#[test]
fn a_thread_keeps_its_promises_to_producers_that_block() {
    keeps_its_promises(Worker::Thread, Waits::Blocks);
}

#[test]
fn a_thread_keeps_its_promises_to_producers_that_await() {
    keeps_its_promises(Worker::Thread, Waits::Awaits);
}

#[test]
fn a_future_keeps_its_promises_to_producers_that_block() {
    keeps_its_promises(Worker::Future, Waits::Blocks);
}

#[test]
fn a_future_keeps_its_promises_to_producers_that_await() {
    keeps_its_promises(Worker::Future, Waits::Awaits);
}

#[test]
fn a_task_of_tokio_keeps_its_promises_to_producers_that_block() {
    keeps_its_promises(Worker::Tokio, Waits::Blocks);
}

#[test]
fn a_task_of_tokio_keeps_its_promises_to_producers_that_await() {
    keeps_its_promises(Worker::Tokio, Waits::Awaits);
}

#[test]
fn a_body_keeps_its_promises_to_producers_that_block() {
    keeps_its_promises(Worker::Body, Waits::Blocks);
}

#[test]
fn a_body_keeps_its_promises_to_producers_that_await() {
    keeps_its_promises(Worker::Body, Waits::Awaits);
}

fn keeps_its_promises(worker: Worker, waits: Waits) {
    let way = Way { worker, waits };
    // The owner alone, and with one more producer.
    for others in [0, 1] {
        hold(way, &schedules(others, at_hand(), worker.policies()));
    }
    if worker == Worker::Body {
        return hold(way, &schedules(2, at_hand(), worker.policies()));
    }
    // A sink that has to be opened.
    for others in [0, 2] {
        hold(way, &schedules(others, opened(), worker.policies()));
    }
}

/// Plays random schedules. A failure names the seed, and the smallest schedule that fails.
/// Races decide what happens as well, so that schedule may have to be played several times.
fn hold(way: Way, schedules: &impl Strategy<Value = Schedule>) {
    let seed = random::seed();
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        max_shrink_iters: 5_000,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let next = watchdog(way, seed);
    let own: &[Kind] = match way.worker {
        Worker::Body => &OF_BODIES,
        _ => &OF_SINKS,
    };
    let kinds: Vec<_> = KINDS.iter().chain(own).collect();
    let seen = RefCell::new(vec![0; kinds.len()]);
    let played = TestRunner::new_with_rng(config, rng).run(schedules, |schedule| {
        next.send(schedule.clone()).expect("the watchdog lives");
        let outcome = play(way, &schedule);
        for (times, (_, is)) in seen.borrow_mut().iter_mut().zip(&kinds) {
            *times += u32::from(is(&outcome));
        }
        match broken(&outcome).as_slice() {
            [] => Ok(()),
            broken => Err(TestCaseError::fail(format!("{broken:?} in {outcome:#?}"))),
        }
    });
    if let Err(failure) = played {
        panic!("{failure}\nin {way:?}, again with HIGHWATER_SEED={seed}");
    }
    for (times, (name, _)) in seen.into_inner().into_iter().zip(&kinds) {
        println!("{name}: {times}");
        assert!(
            times > 0,
            "never {name} in {way:?}, with HIGHWATER_SEED={seed}"
        );
    }
}

/// Every call returns: if a schedule does not come to its end, this ends the
/// whole process, as a thread that hangs can be ended in no other way.
fn watchdog(way: Way, seed: u64) -> Sender<Schedule> {
    let (next, schedules) = channel::<Schedule>();
    thread::spawn(move || {
        let mut playing = None;
        loop {
            match schedules.recv_timeout(WATCHDOG) {
                Ok(schedule) => playing = Some(schedule),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    eprintln!("{way:?} hangs, with HIGHWATER_SEED={seed}: {playing:#?}");
                    std::process::abort();
                }
            }
        }
    });
    next
}
