//! Errors of the sink that only delay a stream, over a thread.

use std::io::{self, ErrorKind, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use highwater::{Cause, EndError, Event, OnDrop, ThreadOptions, Writable};
use highwater_testkit::gate::WATCHDOG;
use highwater_testkit::random;
use highwater_testkit::sinks::on_write;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

type Checked = Result<(), highwater::BoxError>;
type Builder = highwater::Builder<ThreadOptions>;

/// No test waits so long: a destroy has to interrupt it.
const HOUR: Duration = Duration::from_secs(3600);

fn is_full(error: &io::Error) -> bool {
    error.kind() == ErrorKind::StorageFull
}

/// A stream that tries again when the disk is full, after an hour, and what tells of each wait.
fn waits_an_hour() -> (Builder, Receiver<u32>) {
    let (tell, attempts) = channel();
    let backoff = move |attempt| {
        let _ = tell.send(attempt);
        HOUR
    };
    (Writable::builder().retry_if(is_full, backoff), attempts)
}

/// A sink that takes a number of bytes, and then has no room.
fn takes(mut left: usize) -> impl Write {
    on_write(move |bytes| match left.min(bytes.len()) {
        0 => Err(ErrorKind::StorageFull.into()),
        count => {
            left -= count;
            Ok(count)
        }
    })
}

/// A sink that fails now and then, and takes a part of what it gets.
fn fickle(seed: u64, taken: Arc<Mutex<Vec<u8>>>) -> impl Write {
    let mut random = SmallRng::seed_from_u64(seed);
    on_write(move |bytes| match random.random_range(0..4) {
        0 => Err(ErrorKind::StorageFull.into()),
        1 => Err(ErrorKind::Interrupted.into()),
        _ => {
            let count = random.random_range(1..=bytes.len());
            let mut taken = taken.lock().expect("no panic with the lock");
            taken.extend_from_slice(&bytes[..count]);
            Ok(count)
        }
    })
}

#[test]
fn a_sink_that_fails_now_and_then_gets_every_byte_once() -> Checked {
    const EACH: usize = 200;
    let seed = random::seed();
    for case in 0..100 {
        let taken = Arc::default();
        let out = Writable::builder()
            .high_water_mark(64)
            .records(case % 2 == 0)
            .retry_if(is_full, |attempt| Duration::from_nanos(attempt.into()))
            .spawn(fickle(seed.wrapping_add(case), Arc::clone(&taken)))?;
        thread::scope(|scope| {
            for thread in 0..3 {
                let mut lines = out.writer().blocking();
                let write = move || (0..EACH).try_for_each(|n| writeln!(lines, "{thread} {n}"));
                let mut write = write;
                scope.spawn(move || write().expect("the stream goes on"));
            }
        });
        let totals = out.end().wait()?.totals;
        let taken = taken.lock().expect("no panic with the lock");
        assert_eq!(totals.delivered, taken.len() as u64, "seed {seed}");
        let mut next = [0; 3];
        for line in std::str::from_utf8(&taken)?.lines() {
            let (thread, n) = line.split_once(' ').ok_or(line)?;
            let thread: usize = thread.parse()?;
            assert_eq!(n.parse(), Ok(next[thread]), "seed {seed}, case {case}");
            next[thread] += 1;
        }
        assert_eq!(next, [EACH; 3], "seed {seed}, case {case}");
    }
    Ok(())
}

/// At every moment of such a stream.
#[test]
fn a_destroy_hands_back_exactly_what_was_not_taken() -> Checked {
    let seed = random::seed();
    let mut random = SmallRng::seed_from_u64(seed);
    for case in 0..300 {
        let taken = Arc::default();
        let mut out = Writable::builder()
            .retry_if(is_full, |attempt| Duration::from_micros(attempt.into()))
            .spawn(fickle(random.random(), Arc::clone(&taken)))?;
        let mut all = Vec::new();
        for n in 0..random.random_range(1..50) {
            let line = format!("line {n}\n");
            let _flow = out.write(&line)?;
            all.extend(line.into_bytes());
        }
        (0..random.random_range(0..30)).for_each(|_| thread::yield_now());
        let unfinished = out.destroy().wait()?;
        let mut found = taken.lock().expect("no panic with the lock").clone();
        assert_eq!(unfinished.totals.delivered, found.len() as u64);
        for chunk in unfinished.unsent {
            found.extend(chunk.into_vec());
        }
        assert!(found == all, "seed {seed}, case {case}");
    }
    Ok(())
}

/// A real one: a pipe that is full, and a reader that comes only when it is.
#[cfg(unix)]
#[test]
fn a_pipe_that_is_full_is_tried_again_until_it_is_read() -> Checked {
    use rustix::pipe::{PipeFlags, pipe_with};
    use std::fs::File;
    use std::io::Read;

    let (reader, writer) = pipe_with(PipeFlags::NONBLOCK)?;
    let (tell, full) = channel();
    let backoff = move |_| {
        let _ = tell.send(());
        Duration::from_micros(100)
    };
    let not_ready = |error: &io::Error| error.kind() == ErrorKind::WouldBlock;
    let out = Writable::builder().retry_if(not_ready, backoff);
    let out = out.spawn(File::from(writer))?;
    let bytes: Vec<u8> = (0..1_000_000).map(|n: u32| n as u8).collect();
    let end = out.end_with(bytes.clone());
    full.recv_timeout(WATCHDOG)?;
    let (mut reader, mut found) = (File::from(reader), vec![0; bytes.len()]);
    let mut at = 0;
    while at < found.len() {
        match reader.read(&mut found[at..]) {
            Ok(count) => at += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::yield_now(),
            Err(error) => return Err(error.into()),
        }
    }
    assert!(found == bytes);
    { end }.wait()?;
    Ok(())
}

#[test]
fn a_destroy_interrupts_the_wait_for_the_next_attempt() -> Checked {
    // Several times, as a destroy may also come before the wait has begun.
    for _ in 0..20 {
        let (builder, attempts) = waits_an_hour();
        let mut out = builder.spawn(takes(2))?;
        let _flow = out.write("abcdef")?;
        assert_eq!(attempts.recv_timeout(WATCHDOG)?, 1);
        let unfinished = out.destroy().wait()?;
        assert_eq!(unfinished.totals.delivered, 2);
        let unsent: Vec<_> = unfinished.unsent.iter().map(AsRef::as_ref).collect();
        assert_eq!(unsent, [b"cdef"]);
    }
    Ok(())
}

#[test]
fn a_wait_for_what_was_taken_before_the_error_ends() -> Checked {
    let (builder, attempts) = waits_an_hour();
    let mut out = builder.spawn(takes(2))?;
    let _flow = out.write("abcdef")?;
    assert_eq!(attempts.recv_timeout(WATCHDOG)?, 1);
    out.delivered(2).wait_timeout(WATCHDOG)?;
    out.destroy().wait()?;
    Ok(())
}

#[test]
fn an_end_waits_and_can_be_bounded() -> Checked {
    let (builder, attempts) = waits_an_hour();
    let out = builder.spawn(takes(2))?;
    let mut end = out.end_with("abcdef");
    attempts.recv_timeout(WATCHDOG)?;
    let timed_out = end.wait_timeout(Duration::from_millis(1));
    assert!(matches!(timed_out, Err(EndError::TimedOut)));
    let unfinished = end.destroy().wait()?;
    assert_eq!(unfinished.totals.delivered + 4, unfinished.totals.accepted);
    let more = attempts.try_iter().count();
    assert_eq!(more, 0, "the worker tried again within the hour");
    Ok(())
}

#[test]
fn a_drop_can_be_bounded() -> Checked {
    let (builder, _attempts) = waits_an_hour();
    let (tell, events) = channel();
    let observer = move |event| {
        if let Event::Error(cause) = event {
            let _ = tell.send(cause.to_string());
        }
    };
    let within = OnDrop::FinishWithin(Duration::from_millis(1));
    let mut out = builder.on_drop(within).observer(observer).spawn(takes(0))?;
    let _flow = out.write("abcdef")?;
    drop(out);
    let text = events.recv_timeout(WATCHDOG)?;
    assert!(text.contains("not ended in time"), "{text}");
    Ok(())
}

/// A sink that does at each write what the list says: it fails, or takes a number of bytes.
fn follows(list: &'static [Result<usize, ErrorKind>]) -> impl Write {
    let mut list = list.iter();
    on_write(move |_| match list.next() {
        Some(said) => said.map_err(io::Error::from),
        None => Err(ErrorKind::BrokenPipe.into()),
    })
}

fn counts(tell: Sender<u32>) -> Builder {
    // It does not get to see an interrupted call.
    let predicate = |error: &io::Error| is_full(error) || error.kind() == ErrorKind::Interrupted;
    Writable::builder().retry_if(predicate, move |attempt| {
        let _ = tell.send(attempt);
        Duration::ZERO
    })
}

#[test]
fn attempts_are_counted_since_the_sink_took_something() -> Checked {
    const FULL: Result<usize, ErrorKind> = Err(ErrorKind::StorageFull);
    const AGAIN: Result<usize, ErrorKind> = Err(ErrorKind::Interrupted);
    let (tell, attempts) = channel();
    let list = &[FULL, AGAIN, FULL, FULL, Ok(1), AGAIN, FULL, FULL, Ok(2)];
    let out = counts(tell).spawn(follows(list))?;
    out.end_with("abc").wait()?;
    assert_eq!(attempts.iter().collect::<Vec<_>>(), [1, 2, 3, 1, 2]);
    Ok(())
}

#[test]
fn an_error_that_is_not_to_be_tried_again_ends_the_stream() -> Checked {
    let (tell, attempts) = channel();
    let out = counts(tell).spawn(follows(&[Err(ErrorKind::StorageFull), Ok(1)]))?;
    let Err(EndError::Failed {
        cause, unfinished, ..
    }) = out.end_with("abc").wait()
    else {
        return Err("the pipe is broken".into());
    };
    assert_eq!(cause.code(), "EPIPE");
    assert_eq!(unfinished.unsent[0].as_ref(), b"bc");
    assert_eq!(attempts.iter().count(), 1);
    Ok(())
}

#[test]
fn a_predicate_that_panics_ends_the_stream() -> Checked {
    let predicate = |_: &io::Error| -> bool { panic!("on purpose") };
    let out = Writable::builder().retry_if(predicate, |_| HOUR);
    let ended = out.spawn(takes(0))?.end_with("abc").wait();
    let cause = ended.err().and_then(|error| error.cause().cloned());
    let text = "`retry_if` panicked: on purpose";
    assert!(
        matches!(&cause, Some(Cause::Panic(why)) if &**why == text),
        "{cause:?}"
    );
    Ok(())
}

#[test]
fn a_predicate_is_asked_about_a_sink_that_takes_no_bytes() -> Checked {
    let (tell, asked) = channel();
    let predicate = move |error: &io::Error| {
        let _ = tell.send((error.kind(), error.to_string()));
        true
    };
    let out = Writable::builder().retry_if(predicate, |_| Duration::ZERO);
    let mut calls = 0;
    let sink = on_write(move |bytes| {
        calls += 1;
        Ok(if calls < 3 { 0 } else { bytes.len() })
    });
    out.spawn(sink)?.end_with("abc").wait()?;
    let text = "the sink took no bytes".to_owned();
    let expected = (ErrorKind::WriteZero, text);
    assert_eq!(
        asked.iter().collect::<Vec<_>>(),
        [expected.clone(), expected]
    );
    Ok(())
}

/// A real one: a pipe cannot be synced. A second sync of a disk could succeed although the
/// system has dropped the data.
#[cfg(unix)]
#[test]
fn a_sync_that_fails_is_not_tried_again() -> Checked {
    use highwater::sink::Durable;
    use std::fs::File;

    for group_commit in [false, true] {
        let (tell, attempts) = channel();
        let predicate = move |_: &io::Error| tell.send(()).is_ok();
        let (_reader, writer) = rustix::pipe::pipe()?;
        let mut out = Writable::builder()
            .group_commit(group_commit)
            .retry_if(predicate, |_| Duration::ZERO)
            .spawn(Durable::new(File::from(writer)))?;
        let _flow = out.write("pay 5 to Ann")?;
        let flushed = out.writer().flush().wait();
        assert_eq!(flushed.err().map(|error| error.code()), Some("EINVAL"));
        let ended = out.end().wait();
        assert_eq!(ended.err().map(|error| error.code()), Some("EINVAL"));
        assert_eq!(attempts.iter().count(), 0);
    }
    Ok(())
}
