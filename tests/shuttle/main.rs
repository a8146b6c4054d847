//! Interleavings of more threads than loom can search, sampled by shuttle: the real code, over
//! shuttle's locks and threads. Blocking and async producers are mixed, over each worker.
//!
//! `tests/shuttle.sh` runs it; `tests/plant.sh` shows that each scenario can fail. A waiter that
//! is never woken is a deadlock, which shuttle reports.
#![cfg(highwater_loom = "shuttle")]

mod producers;
mod sample;
mod workers;

use highwater::{EndError, Writable};
use shuttle::future::block_on;
use shuttle::thread::{spawn, yield_now};

use producers::{WAYS, Way, each, joined, record, records_of, write_all_of_owner};
use sample::{poll_once, sample};
use workers::{Open, Sink, future, reader, thread};

/// How many records each producer writes.
const RECORDS: usize = 3;

/// Every record reaches the sink once, and those of a producer in its order.
fn nothing_is_lost<W: Send + 'static>(open: Open<W>) {
    sample(move || {
        let (mut out, sink) = open(Writable::builder().high_water_mark(8));
        let writers = (1..6).map(|id| (id, out.writer())).collect();
        let producers = each(writers, |id, writer| {
            WAYS[id % WAYS.len()].write_all(&writer, id, RECORDS);
        });
        // The owner writes on its lease meanwhile.
        write_all_of_owner(&mut out, 0, 0..RECORDS);
        joined(producers);
        let position = out.position();
        assert!(block_on(out.end()).is_ok(), "nothing fails here");
        let bytes = sink.bytes();
        assert_eq!(bytes.len() as u64, position);
        for id in 0..6 {
            assert_eq!(records_of(&bytes, id), (0..RECORDS).collect::<Vec<_>>());
        }
    });
}

#[test]
fn a_thread_loses_nothing_of_six_producers() {
    nothing_is_lost(thread);
}

#[test]
fn a_future_loses_nothing_of_six_producers() {
    nothing_is_lost(future);
}

#[test]
fn a_reader_loses_nothing_of_six_producers() {
    nothing_is_lost(reader);
}

/// Four callers flush: each finds its record flushed.
fn flushes_cover_what_came_before<W: Send + 'static>(open: Open<W>) {
    sample(move || {
        let builder = Writable::builder().high_water_mark(64).group_commit(true);
        let (out, sink) = open(builder);
        let writers = (0..4).map(|id| (id, out.writer())).collect();
        let flushers = each(writers, move |id, writer| {
            for n in 0..2 {
                assert!(
                    Way::Blocking.write_one(&writer, record(id, n)),
                    "it is open"
                );
                let mut flushed = writer.flush();
                let flushed = match id % 2 {
                    0 => flushed.wait(),
                    _ => block_on(flushed),
                };
                assert!(flushed.is_ok(), "nothing fails here");
                assert!(records_of(&sink.flushed(), id).contains(&n), "{id}.{n}");
            }
        });
        joined(flushers);
        assert!(block_on(out.end()).is_ok(), "nothing fails here");
    });
}

#[test]
fn a_thread_flushes_what_four_callers_wrote_before() {
    flushes_cover_what_came_before(thread);
}

#[test]
fn a_future_flushes_what_four_callers_wrote_before() {
    flushes_cover_what_came_before(future);
}

/// The owner destroys the stream while others write and wait: every waiter comes back, and what
/// is delivered and what is unsent is what was accepted.
fn a_destroy_keeps_count<W: Send + 'static>(open: Open<W>) {
    sample(move || {
        let (out, sink) = open(Writable::builder().high_water_mark(4));
        let writers = (0..6).map(|id| (id, out.writer())).collect();
        let producers = each(writers, |id, writer| {
            WAYS[id % WAYS.len()].write_until_refused(&writer, id, RECORDS)
        });
        let Ok(unfinished) = out.destroy_with("enough").wait() else {
            panic!("the worker is on another thread");
        };
        let accepted: u64 = joined(producers).into_iter().sum();
        let unsent = unfinished.unsent.iter().map(|chunk| chunk.len() as u64);
        assert_eq!(sink.bytes().len() as u64 + unsent.sum::<u64>(), accepted);
    });
}

#[test]
fn a_thread_that_is_destroyed_keeps_count_of_six_producers() {
    a_destroy_keeps_count(thread);
}

#[test]
fn a_future_that_is_destroyed_keeps_count_of_six_producers() {
    a_destroy_keeps_count(future);
}

/// The sink fails in the middle: each producer gets an error, or has written all.
fn a_failure_reaches_every_producer<W: Send + 'static>(open: Open<W>) {
    sample(move || {
        let (out, sink) = open(Writable::builder().high_water_mark(4));
        sink.fail_after(20);
        let writers = (0..5).map(|id| (id, out.writer())).collect();
        let producers = each(writers, |id, writer| {
            WAYS[id % WAYS.len()].write_until_refused(&writer, id, RECORDS)
        });
        let accepted: u64 = joined(producers).into_iter().sum();
        let Err(EndError::Failed { unfinished, .. }) = block_on(out.end()) else {
            panic!("the sink fails");
        };
        let unsent = unfinished.unsent.iter().map(|chunk| chunk.len() as u64);
        assert_eq!(sink.bytes().len() as u64 + unsent.sum::<u64>(), accepted);
    });
}

#[test]
fn a_thread_that_fails_says_so_to_five_producers() {
    a_failure_reaches_every_producer(thread);
}

#[test]
fn a_future_that_fails_says_so_to_five_producers() {
    a_failure_reaches_every_producer(future);
}

/// The owner writes and corks on its lease, while others look, flush, wait and write once. All
/// that it wrote reaches the sink by itself, in order, and a cork holds what comes after it.
fn an_owner_writes_beside_others<W: Send + 'static>(open: Open<W>) {
    sample(move || {
        let (mut out, sink) = open(Writable::builder().high_water_mark(64));
        let writers = (1..5).map(|id| (id, out.writer())).collect();
        let others = each(writers, |id, writer| match id {
            1 => {
                let _now = writer.snapshot();
            }
            2 => assert!(writer.flush().wait().is_ok(), "nothing fails here"),
            3 => {
                let position = writer.position();
                assert!(
                    writer.delivered(position).wait().is_ok(),
                    "nothing fails here"
                );
            }
            _ => assert!(Way::Async.write_one(&writer, record(id, 0)), "it is open"),
        });
        write_all_of_owner(&mut out, 0, 0..4);
        let looker = out.writer();
        let mut cork = out.cork().expect("it is open");
        let before = looker.position();
        for n in 4..6 {
            let _flow = cork.write(record(0, n)).expect("it is open");
            yield_now();
        }
        assert!(
            sink.bytes().len() as u64 <= before,
            "the cork holds nothing"
        );
        drop(cork);
        write_all_of_owner(&mut out, 0, 6..10);
        let position = out.position();
        assert!(out.delivered(position).wait().is_ok(), "nothing fails here");
        assert_eq!(records_of(&sink.bytes(), 0), (0..10).collect::<Vec<_>>());
        joined(others);
        assert!(block_on(out.end()).is_ok(), "nothing fails here");
    });
}

#[test]
fn a_thread_serves_an_owner_beside_others() {
    an_owner_writes_beside_others(thread);
}

#[test]
fn a_future_serves_an_owner_beside_others() {
    an_owner_writes_beside_others(future);
}

/// The sink fails while the owner writes on its lease and others look: what was
/// accepted is written, or handed back.
fn an_owner_keeps_count_of_a_failure<W: Send + 'static>(open: Open<W>) {
    sample(move || {
        let (mut out, sink) = open(Writable::builder().high_water_mark(64));
        sink.fail_after(10);
        let writers = (1..4).map(|id| (id, out.writer())).collect();
        let others = each(writers, |_, writer| {
            let _now = writer.snapshot();
            let _ = writer.flush().wait();
        });
        let mut accepted = 0;
        for n in 0..10 {
            let record = record(0, n);
            match out.write(&record) {
                Ok(_flow) => accepted += record.len() as u64,
                Err(_) => break,
            }
        }
        joined(others);
        let unsent = match block_on(out.end()) {
            Err(EndError::Failed { unfinished, .. }) => unfinished.unsent,
            _ => panic!("the sink fails"),
        };
        let unsent = unsent.iter().map(|chunk| chunk.len() as u64);
        assert_eq!(sink.bytes().len() as u64 + unsent.sum::<u64>(), accepted);
    });
}

#[test]
fn a_thread_that_fails_keeps_count_of_its_owner() {
    an_owner_keeps_count_of_a_failure(thread);
}

#[test]
fn a_future_that_fails_keeps_count_of_its_owner() {
    an_owner_keeps_count_of_a_failure(future);
}

/// A waiter that was woken for room gives up, and passes its turn on. It takes that waiter, one
/// behind it, a producer that fills the stream, and the worker: four threads.
fn a_turn_that_is_given_up_goes_to_the_next<W: Send + 'static>(open: Open<W>) {
    sample(move || {
        let (out, _) = open(Writable::builder().high_water_mark(4));
        let writers = (0..4).map(|id| (id, out.writer())).collect();
        let producers = each(writers, |id, writer| match id {
            0 | 1 => {
                let mut waits = writer.send(record(id, 0));
                yield_now();
                let _ = poll_once(&mut waits);
            }
            _ => Way::Blocking.write_all(&writer, id, RECORDS),
        });
        joined(producers);
        assert!(block_on(out.end()).is_ok(), "nothing fails here");
    });
}

#[test]
fn a_turn_over_a_thread_goes_to_the_next() {
    a_turn_that_is_given_up_goes_to_the_next(thread);
}

#[test]
fn a_turn_over_a_future_goes_to_the_next() {
    a_turn_that_is_given_up_goes_to_the_next(future);
}

#[test]
fn a_turn_over_a_reader_goes_to_the_next() {
    a_turn_that_is_given_up_goes_to_the_next(reader);
}

/// The reader of a body takes some of it and leaves, while five producers wait.
#[test]
fn a_reader_that_leaves_wakes_every_producer() {
    sample(|| {
        let (out, body) = Writable::builder().high_water_mark(4).body();
        let writers = (0..5).map(|id| (id, out.writer())).collect();
        let producers = each(writers, |id, writer| {
            WAYS[id % WAYS.len()].write_until_refused(&writer, id, RECORDS)
        });
        let sink = Sink::default();
        let taken = sink.clone();
        let reader = spawn(move || block_on(workers::read(body, taken, 2)));
        let accepted: u64 = joined(producers).into_iter().sum();
        joined(vec![reader]);
        let Err(EndError::Failed { unfinished, .. }) = block_on(out.end()) else {
            panic!("the reader has left");
        };
        // What the reader had and did not come back for is also handed back.
        let unsent = unfinished.unsent.iter().map(|chunk| chunk.len() as u64);
        assert!(sink.bytes().len() as u64 + unsent.sum::<u64>() >= accepted);
    });
}
