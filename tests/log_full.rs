//! A log that is full: what each policy does, and that every line is written or counted.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use highwater::log::{Log, LogBuilder, LogWriter, WhenFull};
use highwater::{Builder, Event, Writable};
use highwater_testkit::gate::{Gate, WATCHDOG};
use highwater_testkit::random;
use highwater_testkit::sinks::on_write;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tracing_subscriber::util::SubscriberInitExt;

type Checked = Result<(), highwater::BoxError>;

fn small() -> Builder {
    Writable::builder().high_water_mark(4)
}

fn says(lines: u64) -> String {
    format!("dropped {lines}\n")
}

/// A log that drops lines when it has four bytes, and says how many.
fn drops() -> LogBuilder {
    let log = Log::builder().stream(small()).when_full(WhenFull::Drop);
    log.report_dropped(says)
}

/// A full log, whose sink is at its first line; and what tells of each 'drain'.
fn full(
    log: LogBuilder,
    gate: &Gate,
) -> Result<(Log<impl Write + use<>>, Drains), highwater::BoxError> {
    let (tell, drains) = mpsc::channel();
    let tell_drain = move |event: Event| {
        if matches!(event, Event::Drain) {
            let _ = tell.send(());
        }
    };
    let log = log
        .stream(small().observer(tell_drain))
        .spawn(gate.sink())?;
    write!(log.writer(), "full")?;
    gate.wait_for_call();
    Ok((log, drains))
}

type Drains = mpsc::Receiver<()>;

#[test]
fn a_line_says_how_many_were_dropped_once_there_is_room() -> Checked {
    let gate = Gate::default();
    let (log, drains) = full(drops(), &gate)?;
    for _ in 0..3 {
        write!(log.writer(), "lost")?;
    }
    assert_eq!(log.dropped(), 3);
    gate.open();
    drains.recv_timeout(WATCHDOG)?;
    writeln!(log.writer(), "new")?;
    log.end().wait()?;
    assert_eq!(gate.taken(), b"fullnew\ndropped 3\n");
    Ok(())
}

/// By an end, by a drop, and by a panic that drops it.
#[test]
fn the_last_line_says_what_was_dropped_since() -> Checked {
    let ways: [fn(Log<_>); 3] = [
        |log| drop(log.end().wait().expect("the sink takes all")),
        |log| drop(log),
        |log| {
            let unwinds = catch_unwind(AssertUnwindSafe(|| {
                let _log = log;
                panic!("on purpose");
            }));
            assert!(unwinds.is_err());
        },
    ];
    for way in ways {
        let gate = Gate::default();
        let (log, _) = full(drops(), &gate)?;
        let writer = log.writer();
        write!(log.writer(), "lost")?;
        gate.open();
        way(log);
        assert_eq!(gate.taken(), b"fulldropped 1\n");
        // Too late for a line, but it is counted.
        write!(&writer, "late")?;
        assert_eq!(writer.dropped(), 2);
    }
    Ok(())
}

#[test]
fn a_destroyed_log_writes_no_report() -> Checked {
    let gate = Gate::default();
    let (log, _) = full(drops(), &gate)?;
    write!(log.writer(), "lost")?;
    let mut destroy = log.destroy();
    gate.open();
    let unfinished = destroy.wait()?;
    assert_eq!(gate.taken(), b"full");
    assert!(unfinished.unsent.is_empty());
    Ok(())
}

#[test]
fn a_line_waits_at_most_so_long_and_is_dropped_then() -> Checked {
    let gate = Gate::default();
    let log = drops().when_full(WhenFull::WaitAtMost(Duration::from_millis(1)));
    let (log, _) = full(log, &gate)?;
    write!(log.writer(), "lost")?;
    assert_eq!(log.dropped(), 1);
    gate.open();
    log.end().wait()?;
    assert_eq!(gate.taken(), b"fulldropped 1\n");
    Ok(())
}

#[test]
fn a_line_that_gets_room_in_time_is_written() -> Checked {
    let gate = Gate::default();
    let log = drops().when_full(WhenFull::WaitAtMost(WATCHDOG));
    let (log, _) = full(log, &gate)?;
    let mut writer = log.writer();
    let (tell, begins) = mpsc::channel();
    let waits = thread::spawn(move || {
        let _ = tell.send(());
        write!(writer, "in time")
    });
    begins.recv()?;
    gate.open();
    waits.join().expect("a log does not panic")?;
    assert_eq!(log.dropped(), 0);
    log.end().wait()?;
    assert_eq!(gate.taken(), b"fullin time");
    Ok(())
}

#[test]
fn lines_that_pass_the_limit_are_also_reported() -> Checked {
    let gate = Gate::default();
    let log = Log::builder()
        .stream(small().limit(20))
        .report_dropped(says);
    let log = log.spawn(gate.sink())?;
    gate.open();
    log.writer().write_all(&[b'x'; 21])?;
    log.writer().write_all(b"short\n")?;
    log.end().wait()?;
    assert_eq!(gate.taken(), b"short\ndropped 1\n");
    Ok(())
}

/// What is not said in a line is said in the next one.
#[test]
fn a_report_that_panics_loses_no_count() -> Checked {
    let gate = Gate::default();
    let mut first = Some(());
    let first = std::sync::Mutex::new(move || first.take().is_some());
    let report = move |lines| {
        let panics = (first.lock().expect("not while it is locked"))();
        assert!(!panics, "on purpose");
        says(lines)
    };
    let (log, drains) = full(drops().report_dropped(report), &gate)?;
    write!(log.writer(), "lost")?;
    gate.open();
    drains.recv_timeout(WATCHDOG)?;
    let unwinds = catch_unwind(AssertUnwindSafe(|| write!(log.writer(), "new")));
    assert!(unwinds.is_err());
    log.end().wait()?;
    assert_eq!(gate.taken(), b"fullnewdropped 1\n");
    Ok(())
}

#[test]
fn a_report_may_log() -> Checked {
    let gate = Gate::default();
    let writer = Arc::new(OnceLock::<LogWriter>::new());
    let own = Arc::clone(&writer);
    let report = move |lines| {
        if let Some(mut own) = own.get().cloned() {
            let _ = writeln!(own, "from the report");
        }
        says(lines)
    };
    let (log, _) = full(drops().report_dropped(report), &gate)?;
    let _ = writer.set(log.writer());
    for _ in 0..2 {
        write!(log.writer(), "lost")?;
    }
    let mut end = log.end();
    gate.open();
    end.wait()?;
    // There was no room for its own line.
    assert_eq!(gate.taken(), b"fulldropped 2\n");
    assert_eq!(writer.get().map(LogWriter::dropped), Some(3));
    Ok(())
}

const THREADS: u64 = 6;
const EACH: u64 = 3000;

/// What a sink got: how many lines of the threads, and the sum of the reports.
fn counted(text: &str) -> Result<(u64, u64), String> {
    let (mut written, mut reported) = (0, 0);
    let mut next = [0; THREADS as usize];
    for line in text.lines() {
        let (what, number) = line.rsplit_once(' ').ok_or(line)?;
        let number: u64 = number.parse().map_err(|_| line)?;
        if what == "dropped" {
            reported += number;
            continue;
        }
        let thread: usize = what.trim_start().parse().map_err(|_| line)?;
        if number < next[thread] {
            return Err(format!("out of order: {line}"));
        }
        next[thread] = number + 1;
        written += 1;
    }
    Ok((written, reported))
}

/// Many threads log into a sink that is now and then slow, in each way to log.
fn play(when_full: WhenFull, with_tracing: bool, random: &mut SmallRng) -> Checked {
    let (mark, seed) = (1 << random.random_range(0..12), random.random());
    let mut slow = SmallRng::seed_from_u64(seed);
    let text = Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = Arc::clone(&text);
    let sink = on_write(move |bytes| {
        for _ in 0..slow.random_range(0..20) {
            thread::yield_now();
        }
        let count = slow.random_range(1..=bytes.len());
        kept.lock()
            .expect("no panic with the lock")
            .extend_from_slice(&bytes[..count]);
        Ok(count)
    });
    let log = Log::builder()
        .stream(Writable::builder().high_water_mark(mark))
        .when_full(when_full)
        .report_dropped(says)
        .spawn(sink)?;
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let mut writer = log.writer();
            let dispatch = tracing_subscriber::fmt()
                .with_writer(log.writer())
                .with_ansi(false)
                .with_level(false)
                .with_target(false)
                .without_time()
                .finish();
            scope.spawn(move || {
                let _subscriber = with_tracing.then(|| dispatch.set_default());
                for number in 0..EACH {
                    match with_tracing {
                        true => tracing::info!("{thread} {number}"),
                        false => writeln!(writer, "{thread} {number}").expect("no error comes"),
                    }
                }
            });
        }
    });
    let (dropped, mut end) = (log.dropped() as u64, log.end());
    end.wait()?;
    let text = text.lock().expect("no panic with the lock");
    let (written, reported) = counted(std::str::from_utf8(&text)?)?;
    let found = (written + dropped, reported);
    match found == (THREADS * EACH, dropped) {
        true => Ok(()),
        false => Err(format!("{written} written, {dropped} dropped, {reported} reported").into()),
    }
}

#[test]
fn every_line_is_written_or_counted_and_reported() -> Checked {
    let policies = [
        WhenFull::Wait,
        WhenFull::Drop,
        WhenFull::WaitAtMost(Duration::ZERO),
        WhenFull::WaitAtMost(Duration::from_micros(50)),
    ];
    let seed = random::seed();
    let mut random = SmallRng::seed_from_u64(seed);
    for case in 0..4 {
        for policy in policies {
            for with_tracing in [false, true] {
                let played = play(policy, with_tracing, &mut random);
                played.map_err(|error| {
                    format!("seed {seed}, case {case}, {policy:?}, {with_tracing}: {error}")
                })?;
            }
        }
    }
    Ok(())
}
