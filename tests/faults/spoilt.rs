//! Outcomes that are spoilt on purpose: the checks have to find each.

use std::io;

use highwater::OnDrop;

use super::outcome::{Outcome, Property, broken};
use super::play::play;
use super::reader::Seen;
use super::schedule::{Answer, Call, Fault, Last, Length, Opener, Schedule};
use super::sink::Why;
use super::way::{Waits, Way, Worker};

/// A future, as it closes its sink and a thread does not.
const WAY: Way = Way {
    worker: Worker::Future,
    waits: Waits::Awaits,
};

const BODY: Way = Way {
    worker: Worker::Body,
    waits: Waits::Awaits,
};

/// Takes 10 bytes of 40, and fails.
fn breaks_in_the_middle() -> Schedule {
    Schedule {
        mark: 40,
        low: 0,
        limit: Some(64),
        on_drop: OnDrop::Detach,
        opener: Opener::None,
        vectored: true,
        length: None,
        answers: vec![
            Answer::Storm(3),
            Answer::Take(10),
            Answer::Fault(Fault::Kind(io::ErrorKind::BrokenPipe)),
        ],
        flushes: Vec::new(),
        owner: vec![
            Call::WriteOwned(65),
            Call::Corked(vec![7, 8, 12, 13], true),
            Call::Drained(None),
        ],
        producers: vec![Vec::new()],
        last: Last::EndWith(3),
    }
}

fn never_breaks() -> Schedule {
    Schedule {
        answers: vec![Answer::Take(1), Answer::Take(10)],
        owner: vec![Call::Write(20), Call::Delivered(None), Call::Flush(None)],
        ..breaks_in_the_middle()
    }
}

fn is_aborted() -> Schedule {
    Schedule {
        last: Last::Drop,
        ..never_breaks()
    }
}

fn has_a_length() -> Schedule {
    Schedule {
        length: Some(Length::Off(0)),
        ..never_breaks()
    }
}

/// What spoils an outcome, and the check that has to find it.
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
            outcome.producers[0].causes[0] = Why::Io(io::ErrorKind::Other, message);
        }),
        spoilt("the message is lost", breaks, Cause, |outcome| {
            let message = "broken pipe".to_owned();
            outcome.producers[0].causes[0] = Why::Io(io::ErrorKind::BrokenPipe, message);
        }),
        spoilt("another cause comes later", breaks, Cause, |outcome| {
            outcome.reason = Some(Why::Reason("enough".into()));
            let reason = outcome.reason.clone();
            outcome.producers[0].causes.extend(reason);
        }),
        spoilt("a failure out of nothing", never, Cause, |outcome| {
            let fault = Why::Other("destroyed".into());
            outcome.producers[0].causes.push(fault);
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
        spoilt("finished, but not closed", never, Finished, |outcome| {
            outcome.sink_closed = false;
        }),
        spoilt("called after its failure", breaks, LeftAlone, |outcome| {
            outcome.calls_after = 1;
        }),
        spoilt("never closes", breaks, Events, |outcome| {
            outcome.events.retain(|event| *event != "close");
        }),
        spoilt("has two errors", breaks, Events, |outcome| {
            outcome.events.insert(0, "error");
        }),
        spoilt("closes well, though it failed", breaks, Events, |outcome| {
            outcome.producers[1].closed_well = Some(true);
        }),
        spoilt("keeps the sink", never, SinkBack, |outcome| {
            outcome.sink_came_back = false;
        }),
    ]
}

fn spoilt_bodies() -> Vec<Spoilt> {
    use Property::*;
    let (never, aborted, length) = (never_breaks, is_aborted, has_a_length);
    vec![
        spoilt("an abort ends", aborted, NoFalseEnd, |outcome| {
            outcome.seen = Some(Seen::End);
        }),
        spoilt("an abort lets it leave", aborted, NoFalseEnd, |outcome| {
            outcome.seen = Some(Seen::MayLeave);
        }),
        spoilt("another error", aborted, NoFalseEnd, |outcome| {
            outcome.seen = Some(Seen::Error(Why::Reason("another".into())));
        }),
        spoilt("an error at the end", never, NoFalseEnd, |outcome| {
            outcome.reason = Some(Why::Reason("enough".into()));
            outcome.seen = outcome.reason.clone().map(Seen::Error);
        }),
        spoilt("finished without it", never, NoFalseEnd, |outcome| {
            outcome.seen = Some(Seen::Left);
        }),
        spoilt("an early end", never, NoFalseEnd, |outcome| {
            outcome.delivered.pop();
        }),
        spoilt("an end too early", length, NoFalseEnd, |outcome| {
            outcome.seen = Some(Seen::End);
            outcome.length = Some(24);
        }),
        spoilt("left before its length", length, NoFalseEnd, |outcome| {
            outcome.seen = Some(Seen::HasLength);
            outcome.length = Some(24);
        }),
        spoilt("it flushed too little", never, Finished, |outcome| {
            outcome.flushed_to -= 1;
        }),
    ]
}

#[test]
fn what_is_spoilt_is_found() {
    is_found(WAY, spoilt_outcomes());
}

#[test]
fn what_is_spoilt_of_a_body_is_found() {
    is_found(BODY, spoilt_bodies());
}

fn is_found(way: Way, all: Vec<Spoilt>) {
    for spoilt in all {
        let mut outcome = play(way, &(spoilt.of)());
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

#[test]
fn the_outcomes_have_what_is_spoilt_in_them() {
    let outcome = play(WAY, &breaks_in_the_middle());
    assert_eq!(outcome.delivered.len(), 10);
    assert_eq!(outcome.unsent.map(|unsent| unsent.len()), Some(30));
    let notes = &outcome.producers[0];
    assert_eq!(notes.refused.len(), 2, "past the limit; after the failure");
    assert!(notes.causes.len() >= 2);
    let outcome = play(WAY, &never_breaks());
    assert!(outcome.finished);
    assert_eq!(outcome.delivered.len(), 23);
}
