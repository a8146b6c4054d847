//! The adapter with its thread under faults.
//!
//! Here: random schedules of faults and calls, from several threads at once,
//! with what has to hold of each (`faults/outcome.rs`), and outcomes that are
//! spoilt on purpose, which have to be found out. In `faults/real.rs`: the
//! system's own faults, and sinks that never come back.
//!
//! Elsewhere: a pipe that breaks at every single byte of a stream, `/dev/full`,
//! a sink that panics, sinks that lie, and observers, chunks and sinks that
//! panic when they are dropped: `thread_failures.rs`. Time-outs of nothing and
//! the policies on drop, call by call: `thread.rs`. A process that is killed:
//! `kill.rs`. All interleavings of a few calls: `loom.rs`.

mod outcome;
mod play;
mod real;
mod schedule;
mod sink;

use std::cell::RefCell;
use std::io;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;

use highwater::OnDrop;
use highwater_testkit::gate::WATCHDOG;
use highwater_testkit::random;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use outcome::{Outcome, Property, broken};
use play::play;
use schedule::{Answer, Call, Fault, Last, Opener, Schedule, at_hand, opened, schedules};
use sink::Told;

/// What outcomes have to be among those that random schedules come to: else
/// what holds of them says little.
type Kind = (&'static str, fn(&Outcome) -> bool);

const KINDS: [Kind; 8] = [
    ("finished", |outcome| outcome.finished),
    ("failed", |outcome| outcome.events.contains(&"error")),
    ("failed by a panic", |outcome| {
        matches!(outcome.injected, Some(Told::Panic(_)))
    }),
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

/// How many schedules each of the four tests plays.
const CASES: u32 = 5_000;

#[test]
fn one_producer() {
    hold(&schedules(0, at_hand()));
}

#[test]
fn one_producer_and_a_sink_to_be_opened() {
    hold(&schedules(0, opened()));
}

#[test]
fn two_producers() {
    hold(&schedules(1, at_hand()));
}

#[test]
fn three_producers_and_a_sink_to_be_opened() {
    hold(&schedules(2, opened()));
}

/// Plays random schedules; what does not hold is told with the seed and the
/// smallest schedule for which it did not. As races decide, too, what happens,
/// that schedule may have to be played several times.
fn hold(schedules: &impl Strategy<Value = Schedule>) {
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
    let next = watchdog(seed);
    let seen = RefCell::new([0; KINDS.len()]);
    let played = TestRunner::new_with_rng(config, rng).run(schedules, |schedule| {
        next.send(schedule.clone()).expect("the watchdog lives");
        let outcome = play(&schedule);
        for (times, (_, is)) in seen.borrow_mut().iter_mut().zip(KINDS) {
            *times += u32::from(is(&outcome));
        }
        match broken(&outcome).as_slice() {
            [] => Ok(()),
            broken => Err(TestCaseError::fail(format!("{broken:?} in {outcome:#?}"))),
        }
    });
    if let Err(failure) = played {
        panic!("{failure}\nagain with HIGHWATER_SEED={seed}");
    }
    for (times, (name, _)) in seen.into_inner().into_iter().zip(KINDS) {
        println!("{name}: {times}");
        assert!(times > 0, "never {name}, with HIGHWATER_SEED={seed}");
    }
}

/// Every call returns: if a schedule does not come to its end, this ends the
/// whole process, as a thread that hangs can be ended in no other way.
fn watchdog(seed: u64) -> Sender<Schedule> {
    let (next, schedules) = channel::<Schedule>();
    thread::spawn(move || {
        let mut playing = None;
        loop {
            match schedules.recv_timeout(WATCHDOG) {
                Ok(schedule) => playing = Some(schedule),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    eprintln!("it hangs, with HIGHWATER_SEED={seed}: {playing:#?}");
                    std::process::abort();
                }
            }
        }
    });
    next
}

/// Takes 10 bytes of 40, and fails.
fn breaks_in_the_middle() -> Schedule {
    Schedule {
        mark: 40,
        low: 0,
        limit: Some(64),
        on_drop: OnDrop::Finish,
        opener: Opener::None,
        vectored: true,
        answers: vec![
            Answer::Storm(3),
            Answer::Take(10),
            Answer::Fault(Fault::Kind(io::ErrorKind::BrokenPipe)),
        ],
        flushes: Vec::new(),
        owner: vec![
            Call::WriteOwned(65),
            Call::Corked(vec![7, 8, 12, 13], true),
            Call::WaitDrain,
        ],
        producers: Vec::new(),
        last: Last::EndWith(3),
    }
}

fn never_breaks() -> Schedule {
    Schedule {
        answers: vec![Answer::Take(1), Answer::Take(10)],
        owner: vec![Call::Write(20), Call::WaitWritten, Call::Flush],
        ..breaks_in_the_middle()
    }
}

/// What spoils an outcome, and what has to find it.
struct Spoilt {
    name: &'static str,
    of: fn() -> Schedule,
    spoil: fn(&mut Outcome),
    found_by: Property,
}

/// A line of the table below.
const fn spoilt(
    name: &'static str,
    of: fn() -> Schedule,
    found_by: Property,
    spoil: fn(&mut Outcome),
) -> Spoilt {
    Spoilt {
        name,
        of,
        spoil,
        found_by,
    }
}

fn spoilt_outcomes() -> Vec<Spoilt> {
    use Property::*;
    let breaks = breaks_in_the_middle;
    let never = never_breaks;
    vec![
        spoilt("a delivered byte is lost", breaks, Bytes, |outcome| {
            outcome.delivered.remove(4);
        }),
        spoilt("a delivered byte is another", never, Bytes, |outcome| {
            outcome.delivered[4] ^= 1;
        }),
        spoilt("the last byte is lost", never, Finished, |outcome| {
            outcome.delivered.pop();
            outcome.unsent = None;
        }),
        spoilt("unsent chunks are swapped", breaks, Bytes, |outcome| {
            // After the rest of the second chunk, the third and the fourth.
            outcome.unsent.as_mut().expect("it failed")[5..].rotate_left(12);
        }),
        spoilt("a chunk is doubled", breaks, Bytes, |outcome| {
            let unsent = outcome.unsent.as_mut().expect("it failed");
            unsent.extend_from_within(unsent.len() - 13..);
        }),
        spoilt(
            "the taken part is handed back too",
            breaks,
            Bytes,
            |outcome| {
                let taken = outcome.delivered[7..].to_vec();
                outcome
                    .unsent
                    .as_mut()
                    .expect("it failed")
                    .splice(..0, taken);
            },
        ),
        spoilt("nothing is handed back", breaks, Bytes, |outcome| {
            outcome.unsent = Some(Vec::new());
        }),
        spoilt("unsent is not counted", breaks, Counts, |outcome| {
            outcome.totals = Some((10, 10));
        }),
        spoilt("a refused chunk is counted", breaks, Counts, |outcome| {
            let (accepted, written) = outcome.totals.expect("it was handed back");
            outcome.totals = Some((accepted + 65, written));
        }),
        spoilt("written is counted twice", breaks, Counts, |outcome| {
            let (accepted, written) = outcome.totals.expect("it was handed back");
            outcome.totals = Some((accepted, written * 2));
        }),
        spoilt("unsent is called in doubt", breaks, NoDoubt, |outcome| {
            outcome.in_doubt = 30;
        }),
        spoilt("too little is in doubt", breaks, Bytes, |outcome| {
            outcome.in_doubt = 1;
            outcome.unsent = Some(Vec::new());
        }),
        spoilt("the kind is lost", breaks, Cause, |outcome| {
            let message = "the sink at call 5".to_owned();
            outcome.producers[0].told[0] = Told::Io(io::ErrorKind::Other, message);
        }),
        spoilt("the message is lost", breaks, Cause, |outcome| {
            let message = "broken pipe".to_owned();
            outcome.producers[0].told[0] = Told::Io(io::ErrorKind::BrokenPipe, message);
        }),
        spoilt("another cause is told later", breaks, Cause, |outcome| {
            outcome.reason = Some(Told::Reason("enough".into()));
            let reason = outcome.reason.clone();
            outcome.producers[0].told.extend(reason);
        }),
        spoilt("a failure out of nothing", never, Cause, |outcome| {
            let fault = Told::Other("destroyed".into());
            outcome.producers[0].told.push(fault);
        }),
        spoilt("a refused chunk is cut", breaks, Refused, |outcome| {
            outcome.producers[0].refused[0].1.pop();
        }),
        spoilt("acknowledged too early", never, Acknowledged, |outcome| {
            outcome.producers[0].acks[0].reached -= 1;
        }),
        spoilt("finished, though it failed", breaks, Finished, |outcome| {
            outcome.finished = true;
        }),
        spoilt("finished, but not flushed", never, Finished, |outcome| {
            outcome.flushed_to -= 1;
        }),
        spoilt("called after its failure", breaks, LeftAlone, |outcome| {
            outcome.calls_after = 1;
        }),
        spoilt("never closes", breaks, Events, |outcome| {
            outcome.events.retain(|event| *event != "close");
        }),
        spoilt("tells two errors", breaks, Events, |outcome| {
            outcome.events.insert(0, "error");
        }),
        spoilt("keeps the sink", never, SinkBack, |outcome| {
            outcome.sink_came_back = false;
        }),
    ]
}

#[test]
fn what_is_spoilt_is_found() {
    for spoilt in spoilt_outcomes() {
        let mut outcome = play(&(spoilt.of)());
        assert_eq!(broken(&outcome), [], "before: {}", spoilt.name);
        (spoilt.spoil)(&mut outcome);
        let broken = broken(&outcome);
        let mut properties = broken.iter().map(|(property, _)| *property);
        assert!(
            properties.any(|property| property == spoilt.found_by),
            "{}: {broken:?}",
            spoilt.name
        );
    }
}

/// The outcomes above are what they are said to be: else they would be spoilt
/// in vain.
#[test]
fn the_outcomes_to_be_spoilt() {
    let outcome = play(&breaks_in_the_middle());
    assert_eq!(outcome.delivered.len(), 10);
    assert_eq!(outcome.unsent.map(|unsent| unsent.len()), Some(30));
    let notes = &outcome.producers[0];
    assert_eq!(notes.refused.len(), 2, "past the limit; after the failure");
    assert!(notes.told.len() >= 2);
    let outcome = play(&never_breaks());
    assert!(outcome.finished);
    assert_eq!(outcome.delivered.len(), 23);
}
