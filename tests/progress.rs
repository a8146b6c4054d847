//! What the sink has taken counts at once, even in the middle of a long job.

use std::error::Error;
use std::io::{self, IoSlice, Write};
use std::mem;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::Poll;
use std::thread;

use futures::executor::block_on;
use highwater::{Chunk, Flow, Snapshot, Writable};
use highwater_testkit::players::polled::{PolledGate, poll_once};
use highwater_testkit::wakes::Counted;

type Checked = Result<(), Box<dyn Error>>;

/// A sink that says when a call of it begins, and then waits until it may take the bytes: as
/// many of them as the test says.
struct Slow {
    begins: Sender<()>,
    takes: Receiver<usize>,
}

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.begins.send(());
        // Once the test takes no more interest, everything goes through.
        let takes = self.takes.recv().unwrap_or(usize::MAX);
        Ok(takes.min(bytes.len()))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The sender first: once it is dropped, by a test that fails too, the drop of the stream ends.
struct Slowly {
    take: Sender<usize>,
    begun: Receiver<()>,
    out: Writable<Slow>,
}

/// A stream with a hundred chunks of ten bytes in one job: the sink has taken none of them.
fn a_long_job(builder: highwater::Builder) -> Result<Slowly, Box<dyn Error>> {
    let ((begins, begun), (take, takes)) = (channel(), channel());
    let mut out = builder.spawn(Slow { begins, takes })?;
    let corked = out.cork()?;
    for _ in 0..100 {
        let _flow = corked.write_chunk(vec![7; 10])?;
    }
    drop(corked);
    begun.recv()?;
    Ok(Slowly { take, begun, out })
}

impl Slowly {
    /// The sink takes so many bytes, and its next call begins.
    fn step(&self, bytes: usize) -> Result<Snapshot, Box<dyn Error>> {
        self.take.send(bytes)?;
        self.begun.recv()?;
        Ok(self.out.snapshot())
    }
}

#[test]
fn a_snapshot_shows_what_the_sink_has_taken_so_far() -> Checked {
    let slowly = a_long_job(Writable::builder().high_water_mark(2000))?;
    for call in 1..=50 {
        let now = slowly.step(10)?;
        assert_eq!((now.delivered, now.accepted), (10 * call, 1000));
        assert_eq!(
            (now.length, now.in_flight),
            (1000 - 10 * call, 1000 - 10 * call)
        );
    }
    let now = slowly.step(3)?;
    assert_eq!(
        (now.delivered, now.in_flight),
        (503, 497),
        "a part of a chunk"
    );
    let Slowly { out, take, .. } = slowly;
    drop(take);
    let totals = out.end().wait()?.totals;
    assert_eq!(
        (totals.delivered, totals.length, totals.peak),
        (1000, 0, 1000)
    );
    Ok(())
}

#[test]
fn a_thread_and_a_task_learn_of_a_position_in_the_middle_of_a_job() -> Checked {
    let slowly = a_long_job(Writable::builder())?;
    let waits: Vec<_> = [10, 15, 500]
        .into_iter()
        .flat_map(|position| {
            let (mut wait, task) = (
                slowly.out.delivered(position),
                slowly.out.delivered(position),
            );
            let wait = move || wait.wait().map(|()| position);
            let task = move || block_on(task).map(|()| position);
            [thread::spawn(wait), thread::spawn(task)]
        })
        .collect();
    // The sink never takes more than half of the job before all of them have come back.
    for _ in 0..50 {
        slowly.step(10)?;
    }
    for wait in waits {
        wait.join().expect("no panic")?;
    }
    assert_eq!(slowly.out.snapshot().delivered, 500);
    drop(slowly.take);
    slowly.out.end().wait()?;
    Ok(())
}

#[test]
fn a_waiter_for_a_position_is_woken_once_the_sink_has_taken_that_byte() -> Checked {
    let slowly = a_long_job(Writable::builder())?;
    let wait = Counted::waiting(slowly.out.delivered(15));
    // The worker has reported each call before its next begins.
    for (bytes, wakes) in [(10, 0), (4, 0), (1, 1), (5, 1)] {
        slowly.step(bytes)?;
        assert_eq!(wait.wakes().count(), wakes);
    }
    drop(slowly.take);
    slowly.out.end().wait()?;
    Ok(())
}

#[test]
fn the_low_water_mark_holds_within_a_job() -> Checked {
    let builder = Writable::builder()
        .high_water_mark(1000)
        .low_water_mark(700);
    let slowly = a_long_job(builder)?;
    let now = slowly.out.snapshot();
    assert!(now.needs_drain && now.length == 1000);
    let drained = Counted::waiting(slowly.out.drained());
    for _ in 0..29 {
        slowly.step(10)?;
    }
    assert_eq!(drained.woken(), 0);
    slowly.step(10)?;
    assert_eq!(drained.woken(), 1);
    let now = slowly.out.snapshot();
    assert_eq!(
        (now.delivered, now.needs_drain, now.drains),
        (300, false, 1)
    );
    assert_eq!(slowly.out.writer().write("more")?, Flow::More);
    drop(slowly.take);
    slowly.out.end().wait()?;
    Ok(())
}

#[test]
fn a_producer_goes_on_as_soon_as_the_limit_leaves_room() -> Checked {
    let builder = Writable::builder()
        .high_water_mark(1000)
        .low_water_mark(999)
        .limit(1000);
    let slowly = a_long_job(builder)?;
    let mut sending = Counted::waiting(slowly.out.writer().send(vec![7; 200]));
    for _ in 0..19 {
        slowly.step(10)?;
    }
    assert_eq!(sending.woken(), 0);
    assert!(sending.poll().is_pending());
    slowly.step(10)?;
    assert_eq!(sending.woken(), 1);
    let Poll::Ready(sent) = sending.poll() else {
        panic!("there is room");
    };
    assert_eq!(sent?, 1200);
    drop(slowly.take);
    slowly.out.end().wait()?;
    Ok(())
}

#[test]
fn what_is_in_doubt_is_only_what_the_sink_may_have() -> Checked {
    let slowly = a_long_job(Writable::builder())?;
    for _ in 0..49 {
        slowly.step(10)?;
    }
    let unfinished = slowly.out.destroy().give_up();
    assert_eq!(unfinished.totals.delivered, 490);
    assert_eq!((unfinished.in_doubt, unfinished.unsent.len()), (510, 0));
    Ok(())
}

#[test]
fn a_destroy_waits_for_the_call_that_runs_and_for_no_other() -> Checked {
    let Slowly { out, take, .. } = a_long_job(Writable::builder())?;
    let mut destroy = out.destroy();
    take.send(10)?;
    drop(take);
    let unfinished = destroy.wait()?;
    let unsent: usize = unfinished.unsent.iter().map(Chunk::len).sum();
    assert_eq!((unfinished.totals.delivered, unsent), (10, 990));
    assert_eq!(unfinished.in_doubt, 0);
    Ok(())
}

/// Each flush of a job counts once it is done.
#[test]
fn a_flush_is_done_before_the_rest_of_its_job() -> Checked {
    let ((begins, begun), (take, takes)) = (channel(), channel());
    let mut out = Writable::builder().spawn(Slow { begins, takes })?;
    let mut writer = out.writer();
    let corked = writer.cork()?;
    let _flow = out.write("before")?;
    let mut flushed = out.flush();
    let _flow = out.write("after")?;
    drop(corked);
    begun.recv()?;
    take.send(6)?;
    flushed.wait()?;
    begun.recv()?;
    assert_eq!(out.snapshot().delivered, 6);
    drop(take);
    out.end().wait()?;
    Ok(())
}

/// There is room below the mark before the limit leaves enough for a long chunk.
/// A sink that says when a flush of it begins, and then waits.
struct SlowFlush {
    begins: Sender<()>,
    ends: Receiver<()>,
}

impl Write for SlowFlush {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.begins.send(());
        let _ = self.ends.recv();
        Ok(())
    }
}

#[test]
fn what_the_sink_has_taken_counts_while_it_flushes() -> Checked {
    let ((begins, begun), (end, ends)) = (channel(), channel());
    let mut out = Writable::builder().spawn(SlowFlush { begins, ends })?;
    // Dropped before the stream, whose drop waits for the flush.
    let end = end;
    let writer = out.writer();
    let corked = out.cork()?;
    let _flow = corked.write_chunk(vec![7; 10])?;
    let mut flushed = writer.flush();
    drop(corked);
    begun.recv()?;
    assert_eq!(writer.snapshot().delivered, 10);
    drop(end);
    flushed.wait()?;
    Ok(())
}

#[test]
fn a_producer_whose_chunk_does_not_fit_yet_is_not_woken() -> Checked {
    let gate = PolledGate::default();
    let builder = Writable::builder().high_water_mark(4).low_water_mark(3);
    let (mut out, mut worker) = builder.limit(8).pair(gate.clone());
    let _flow = out.write("a")?;
    assert!(poll_once(&mut worker).is_none());
    let writer = out.writer();
    let mut corked = out.cork()?;
    let _flow = corked.write("bc")?;
    drop(writer.flush());
    assert_eq!(corked.write("def")?, Flow::Wait);
    drop(corked);
    let mut sending = Counted::waiting(writer.send("ghijkl"));
    for (taken, has_room, wakes) in [("a", false, 0), ("abc", true, 0), ("abcdef", true, 1)] {
        gate.answer(Ok(()));
        assert!(poll_once(&mut worker).is_none());
        assert_eq!(gate.taken(), taken.as_bytes());
        assert_eq!(poll_once(out.drained()).is_some(), has_room);
        assert_eq!(sending.woken(), wakes, "{taken}");
    }
    assert!(matches!(sending.poll(), Poll::Ready(Ok(12))));
    Ok(())
}

/// From the call on, a 'drain' ends the wait, even if the room is gone again.
#[test]
fn a_drain_that_came_and_went_is_not_missed() -> Checked {
    let gate = PolledGate::default();
    let (mut out, mut worker) = Writable::builder().high_water_mark(1).pair(gate.clone());
    assert_eq!(out.write("a")?, Flow::Wait);
    let mut drained = out.drained();
    assert!(poll_once(&mut worker).is_none());
    gate.answer(Ok(()));
    assert!(poll_once(&mut worker).is_none());
    assert_eq!(out.write("b")?, Flow::Wait);
    assert!(poll_once(out.drained()).is_none(), "there is no room now");
    assert!(matches!(poll_once(&mut drained), Some(Ok(()))));
    Ok(())
}

/// It would be done before what was written since.
#[test]
fn a_flush_does_not_join_one_before_what_was_written_since() -> Checked {
    let gate = PolledGate::default();
    let (mut out, mut worker) = Writable::builder().pair(gate.clone());
    let _flow = out.write("a")?;
    assert!(poll_once(&mut worker).is_none());
    let first = out.flush();
    let _flow = out.write("b")?;
    let mut second = out.flush();
    gate.answer(Ok(()));
    assert!(poll_once(&mut worker).is_none());
    assert_eq!(gate.waiting().as_deref(), Some(&b"b"[..]));
    assert!(poll_once(first).is_some());
    assert!(poll_once(&mut second).is_none());
    gate.answer(Ok(()));
    assert!(poll_once(&mut worker).is_none());
    assert!(poll_once(second).is_some());
    Ok(())
}

/// A sink that takes the first of several chunks, as any without a `write_vectored` of its
/// own. It counts the chunks that each call gets. The first call may take a part of the chunk.
struct TakesTheFirst {
    calls: Vec<usize>,
    first: usize,
}

impl Write for TakesTheFirst {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.calls.push(slices.len());
        let most = mem::replace(&mut self.first, usize::MAX);
        Ok(slices[0].len().min(most))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Else a job of n chunks would cost n slices for each of n calls.
#[test]
fn a_sink_that_looks_at_one_chunk_a_call_is_given_one() -> Checked {
    for (first, calls) in [(usize::MAX, &[3, 1, 1][..]), (1, &[3, 3, 1, 1])] {
        let mut out = Writable::builder().spawn(TakesTheFirst {
            calls: Vec::new(),
            first,
        })?;
        let corked = out.cork()?;
        for chunk in ["ab", "cd", "ef"] {
            let _flow = corked.write_chunk(chunk)?;
        }
        drop(corked);
        assert_eq!(out.end().wait()?.sink.calls, calls);
    }
    Ok(())
}
