//! The owner on its lease, without threads.

use alloc::vec::Vec;
use core::time::Duration;

use super::{By, Filler, Stream};
use crate::machine::Flow;
use crate::stream::own_lease::{CYCLE, FAST, SHORT, WITHOUT};
use crate::stream::segment::Filled;
use crate::stream::{Calls, Job, OPTIONS, WriteJob};

const MARK: u64 = 64 * 1024;

/// The owner writes lines until the stream has this many bytes. Returns how many of them took the
/// lock.
fn fill(stream: &mut Stream, filler: &mut Option<Filler>, bytes: u64) -> usize {
    let mut locked = 0;
    while stream.backlog() < bytes {
        let filled = filler.as_mut().map(|filler| filler.write(b"a line\n"));
        if filled == Some(Filled::Accepted) {
            continue;
        }
        locked += 1;
        let write = |stream: &mut Stream| stream.write_by(By::Owner, filler, b"a line\n");
        assert!(stream.change(By::Owner, write).is_ok());
    }
    locked
}

/// The sink takes all that there is.
fn work(stream: &mut Stream) {
    while let (Some(work), _) = stream.poll_work(true, core::task::Waker::noop().clone()) {
        let Some(Job::Write(items)) = work.job else {
            continue;
        };
        let mut job = WriteJob::new(items, &stream.progress(), Calls::default());
        while let Some(call) = job.next() {
            let given = call.given();
            assert!(job.book(given, Ok(Some(given))).is_ok());
        }
        stream.change(job.by(), |stream| stream.answered(&mut job));
    }
}

/// How many segments have rested, each time that the sink has taken this many bytes.
fn rested(stream: &mut Stream, bytes: u64) -> Vec<usize> {
    let mut filler = None;
    let mut rested = Vec::new();
    for _ in 0..100 {
        let locked = fill(stream, &mut filler, bytes);
        assert!(locked <= 5, "{locked} of {} lines", bytes / 7);
        work(stream);
        rested.extend(stream.own_lease.as_ref().map(|own| own.rested.len()));
    }
    rested
}

#[test]
fn a_fast_owner_seldom_takes_the_lock_and_an_idle_stream_keeps_one_segment() {
    let mut stream = Stream::new(OPTIONS.with_high_water_mark(MARK), false);
    let rested = rested(&mut stream, MARK / 2);
    // Each segment takes what is written in two turns.
    assert_eq!(
        rested[..2 * FAST + 4],
        [[0; 2], [1; 2], [1; 2], [1; 2], [1; 2], [2; 2]].concat()
    );
    assert_eq!(rested.last(), Some(&(CYCLE / MARK as usize - 1)));
    stream.shrink();
    assert!(stream.own_lease.is_some_and(|own| own.rested.is_empty()));
}

#[test]
fn an_owner_that_waits_at_each_mark_has_two_segments() {
    let mut stream = Stream::new(OPTIONS.with_high_water_mark(MARK), false);
    let rested = rested(&mut stream, MARK);
    assert_eq!(rested.iter().max(), Some(&1));
}

#[test]
fn an_owner_whose_waits_are_short_goes_round_through_all_segments() {
    let mut stream = Stream::new(OPTIONS.with_high_water_mark(MARK), false);
    let mut filler = None;
    for waited in [SHORT, Duration::ZERO] {
        for _ in 0..2 * FAST {
            fill(&mut stream, &mut filler, MARK);
            work(&mut stream);
            stream.count_wait(waited);
        }
        let rested = stream.own_lease.as_ref().map(|own| own.rested.len());
        let all = CYCLE / MARK as usize - 1;
        let expected = if waited.is_zero() { all } else { 1 };
        assert_eq!(rested, Some(expected), "{waited:?}");
    }
}

/// A stream whose sink is busy, and whose owner has written this on its lease.
fn leased(bytes: &[u8]) -> (Stream, Option<Filler>) {
    let mut stream = Stream::new(OPTIONS.with_high_water_mark(MARK), false);
    let write = |stream: &mut Stream| stream.write(b"to the sink");
    assert!(stream.change(By::Owner, write).is_ok());
    let mut filler = None;
    let write = |stream: &mut Stream| stream.write_by(By::Owner, &mut filler, bytes);
    assert_eq!(stream.change(By::Owner, write).ok(), Some(Flow::More));
    (stream, filler)
}

/// loom finds this only with three preemptions.
#[test]
fn a_write_in_doubt_is_accepted_if_it_came_before_the_lease_was_over() {
    let (mut stream, filler) = leased(b"first, ");
    let mut filler = filler.expect("the sink is busy");
    assert_eq!(filler.write(b"before, "), Filled::Accepted);
    stream.revoke(By::Other);
    assert!(stream.is_accepted(&mut filler));
    // The owner has not seen yet that the lease is over.
    filler.fill(b"after");
    assert!(!stream.is_accepted(&mut filler));
    assert_eq!(stream.position(), 26);
    assert!(
        stream.is_accepted(&mut filler),
        "what is undone is in doubt no more"
    );
}

/// Otherwise its writes would come before those that the owner has made.
#[test]
fn another_producer_has_no_lease_while_the_owner_has_one() {
    let mut stream = Stream::new(OPTIONS.with_high_water_mark(MARK), false);
    let write = |stream: &mut Stream| stream.write(b"to the sink").and(stream.write(b"queued"));
    assert!(stream.change(By::Other, write).is_ok());
    assert!(stream.write_on_lease(By::Other, b"on a lease").is_some());
    let mut filler = None;
    let write = |stream: &mut Stream| stream.write_by(By::Owner, &mut filler, b"by the owner");
    assert!(stream.change(By::Owner, write).is_ok());
    assert_eq!(filler.map(|filler| filler.reached().at()), Some(12));
    assert!(stream.write_on_lease(By::Other, b"too early").is_none());
}

/// The owner writes this under the lock. Returns whether it has a lease then.
fn has_lease_after(stream: &mut Stream, filler: &mut Option<Filler>, bytes: &[u8]) -> bool {
    if stream.write_on_lease(By::Owner, bytes).is_none() {
        let write = |stream: &mut Stream| stream.write_by(By::Owner, filler, bytes);
        assert!(stream.change(By::Owner, write).is_ok());
    }
    stream.owner_holds()
}

#[test]
fn an_owner_has_a_lease_again_once_it_has_written_alone_for_some_writes() {
    let (mut stream, mut filler) = leased(b"first, ");
    let mut locked = |stream: &mut Stream, writes| {
        for _ in 0..writes {
            assert!(!has_lease_after(stream, &mut filler, b"under the lock"));
        }
    };
    stream.change(By::Other, |_| ());
    locked(&mut stream, WITHOUT - 1);
    assert!(stream.write_on_lease(By::Other, b"by another").is_some());
    locked(&mut stream, WITHOUT);
    assert!(has_lease_after(&mut stream, &mut filler, b"on the lease"));
}

#[test]
fn an_owner_that_may_have_a_lease_of_its_own_uses_no_other() {
    let (mut stream, mut filler) = leased(b"first, ");
    stream.change(By::Other, |_| ());
    assert!(!has_lease_after(
        &mut stream,
        &mut filler,
        b"under the lock"
    ));
    assert!(stream.write_on_lease(By::Owner, b"on this one").is_some());
    while !has_lease_after(&mut stream, &mut filler, b"under the lock") {}
    stream.change(By::Owner, |stream| stream.revoke(By::Owner));
    assert!(stream.write_on_lease(By::Owner, b"on its own").is_none());
}

#[test]
fn a_segment_is_used_up_to_its_last_byte() {
    let mut stream = Stream::new(OPTIONS.with_high_water_mark(64), false);
    let mut filler = None;
    for (to_the_sink, on_the_lease) in [(12, 30), (12, 34)] {
        assert!(!has_lease_after(
            &mut stream,
            &mut filler,
            &[1; 64][..to_the_sink]
        ));
        assert!(has_lease_after(
            &mut stream,
            &mut filler,
            &[2; 64][..on_the_lease]
        ));
        work(&mut stream);
    }
    assert_eq!(filler.map(|filler| filler.reached().at()), Some(64));
    assert_eq!(stream.snapshot().delivered, 88);
}

#[test]
fn a_new_lease_begins_in_another_segment_if_less_than_half_of_this_one_is_left() {
    for (first, reached) in [(31, 63), (32, 64), (33, 32)] {
        let mut stream = Stream::new(OPTIONS.with_high_water_mark(64), false);
        let mut filler = None;
        // The last one is on the lease that holds.
        for (len, leased) in [(1, false), (first, true), (1, false), (30, true), (2, true)] {
            if !leased {
                work(&mut stream);
            }
            let holds = has_lease_after(&mut stream, &mut filler, &[1; 64][..len]);
            assert_eq!(holds, leased, "{len} after {first}");
        }
        assert_eq!(filler.map(|filler| filler.reached().at()), Some(reached));
    }
}

#[test]
fn a_segment_has_a_quarter_of_a_high_mark_up_to_the_cycle() {
    let half = CYCLE / 2;
    for (mark, capacity) in [(4 * half, half), (8 * half, CYCLE), (64 * half, CYCLE)] {
        let mut stream = Stream::new(OPTIONS.with_high_water_mark(mark as u64), false);
        let mut filler = None;
        assert!(!has_lease_after(&mut stream, &mut filler, b"to the sink"));
        assert!(has_lease_after(&mut stream, &mut filler, b"on the lease"));
        let own = stream.own_lease.expect("it holds");
        assert_eq!(own.segment.capacity(), capacity, "mark {mark}");
    }
}

#[test]
fn a_cork_takes_no_lock_while_the_sink_is_busy() {
    let (mut stream, filler) = leased(b"first, ");
    let mut filler = filler.expect("the sink is busy");
    for _ in 0..2 {
        assert_eq!(filler.cork(), Filled::Accepted);
        assert_eq!(filler.write(b"corked"), Filled::Accepted);
        assert_eq!(stream.snapshot().corked, 1);
        assert_eq!(filler.uncork(), Filled::Accepted);
        assert_eq!(stream.snapshot().corked, 0);
    }
    assert_eq!(stream.snapshot().accepted, 30);
    work(&mut stream);
    assert_eq!(stream.snapshot().delivered, 30);
}

#[test]
fn a_cork_holds_when_the_sink_has_done_its_work() {
    let (mut stream, filler) = leased(b"first, ");
    let mut filler = filler.expect("the sink is busy");
    assert_eq!(filler.cork(), Filled::Accepted);
    assert_eq!(filler.write(b"corked"), Filled::Accepted);
    work(&mut stream);
    let now = stream.snapshot();
    assert_eq!((now.corked, now.delivered, now.length), (1, 11, 13));
    assert_eq!(filler.uncork(), Filled::InDoubt);
    assert!(!stream.is_accepted(&mut filler));
    stream.change(By::Owner, Stream::uncork);
    work(&mut stream);
    let now = stream.snapshot();
    assert_eq!((now.corked, now.delivered, now.length), (0, 24, 0));
}

/// Both halves of a cork, at the moment when the lease is taken away.
#[test]
fn a_cork_in_doubt_is_accepted_if_it_came_before_the_lease_was_over() {
    let (mut stream, filler) = leased(b"first, ");
    let mut filler = filler.expect("the sink is busy");
    assert_eq!(filler.cork(), Filled::Accepted);
    stream.revoke(By::Other);
    assert!(stream.is_accepted(&mut filler));
    assert_eq!(stream.snapshot().corked, 1);
    assert_eq!(filler.uncork(), Filled::InDoubt);
    assert!(!stream.is_accepted(&mut filler));

    let (mut stream, filler) = leased(b"first, ");
    let mut filler = filler.expect("the sink is busy");
    assert_eq!(filler.cork(), Filled::Accepted);
    assert_eq!(filler.uncork(), Filled::Accepted);
    stream.revoke(By::Other);
    assert!(stream.is_accepted(&mut filler));
    assert_eq!(filler.cork(), Filled::Nothing);
    assert_eq!(stream.snapshot().corked, 0);
}

/// Its guard was forgotten.
#[test]
fn a_cork_that_is_never_taken_back_is_there_for_the_next_one() {
    let (mut stream, filler) = leased(b"first, ");
    let mut filler = filler.expect("the sink is busy");
    assert_eq!(filler.cork(), Filled::Accepted);
    assert_eq!(filler.cork(), Filled::Nothing);
    assert!(stream.change(By::Owner, Stream::cork).is_ok());
    assert_eq!(stream.snapshot().corked, 2);
    assert_eq!(filler.uncork(), Filled::Nothing);
    stream.change(By::Owner, Stream::uncork);
    assert_eq!(stream.snapshot().corked, 1);
}
