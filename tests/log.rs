//! The log under real threads, `tracing-subscriber` and files.
#![cfg(feature = "tracing")]

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{IoSlice, Write};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use highwater::log::{Log, LogWriter, WhenFull};
use highwater::sink::{Reopen, RollingFile};
use highwater::{Cause, EndError, Event, Writable};
use highwater_testkit::gate::Gate;
use tracing::{Dispatch, dispatcher};

type Checked = Result<(), highwater::BoxError>;

#[test]
fn a_log_can_go_through_a_panic_that_is_caught() {
    fn is_unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
    is_unwind_safe::<Log<Reopen>>();
    is_unwind_safe::<Log<RollingFile>>();
    is_unwind_safe::<LogWriter>();
}

/// Events become their messages, and a line end.
fn subscriber(writer: LogWriter) -> Dispatch {
    let subscriber = tracing_subscriber::fmt()
        .with_writer(writer)
        .with_ansi(false)
        .with_level(false)
        .with_target(false)
        .without_time();
    Dispatch::new(subscriber.finish())
}

/// A line says who wrote it, its number, and something whose length follows
/// from that, so that a torn one shows.
fn line(thread: usize, number: usize) -> String {
    let tail = "x".repeat((thread * 7 + number) % 40);
    format!("{thread} {number} {tail}.")
}

/// Whether the text is each line of each thread, once, whole, and in the order of
/// its thread; if not, what is wrong.
fn check(text: &str, counts: &[usize]) -> Result<(), String> {
    let mut next: HashMap<usize, usize> = HashMap::new();
    if !text.is_empty() && !text.ends_with('\n') {
        return Err("the last line is torn".into());
    }
    for found in text.lines() {
        let mut words = found.split(' ').map(str::parse::<usize>);
        let (Some(Ok(thread)), Some(Ok(number))) = (words.next(), words.next()) else {
            return Err(format!("torn: {found}"));
        };
        if found != line(thread, number) {
            return Err(format!("torn: {found}"));
        }
        let expected = next.entry(thread).or_default();
        if number != *expected {
            return Err(format!("{expected} of {thread} was to come: {found}"));
        }
        *expected += 1;
    }
    for (thread, count) in counts.iter().enumerate() {
        let found = next.remove(&thread).unwrap_or_default();
        if found != *count {
            return Err(format!("{found} of the {count} lines of {thread}"));
        }
    }
    match next.is_empty() {
        true => Ok(()),
        false => Err("lines of no thread".into()),
    }
}

#[test]
fn the_check_notices_what_is_lost_doubled_torn_or_out_of_order() {
    let good: Vec<_> = (0..3)
        .flat_map(|n| [0, 1].map(|t| line(t, n) + "\n"))
        .collect();
    let verdict = |lines: &[String]| check(&lines.concat(), &[3, 3]);
    assert_eq!(verdict(&good), Ok(()));
    for at in 0..good.len() {
        let mut lost = good.clone();
        lost.remove(at);
        assert!(verdict(&lost).is_err());
        let mut doubled = good.clone();
        doubled.insert(at, good[at].clone());
        assert!(verdict(&doubled).is_err());
        let mut of_no_thread = good.clone();
        of_no_thread.insert(at, line(2, 0) + "\n");
        assert!(verdict(&of_no_thread).is_err());
        // At each byte, the line end too.
        for byte in 0..good[at].len() {
            let mut torn = good.clone();
            torn[at].remove(byte);
            assert!(verdict(&torn).is_err(), "{torn:?}");
        }
        if at + 2 < good.len() {
            let mut swapped = good.clone();
            swapped.swap(at, at + 2);
            assert!(verdict(&swapped).is_err());
        }
        // The rest of a line after that of another thread.
        if at + 1 < good.len() {
            let mut mixed = good.clone();
            let rest = mixed[at].split_off(2);
            mixed.insert(at + 2, rest);
            assert!(verdict(&mixed).is_err());
        }
    }
}

/// Logs so many lines as this thread.
fn log_lines(to: &Dispatch, thread: usize, count: usize) {
    dispatcher::with_default(to, || {
        for number in 0..count {
            tracing::info!("{}", line(thread, number));
        }
    });
}

#[test]
fn every_line_of_four_threads_once_and_whole() -> Checked {
    const EACH: usize = 5000;
    let folder = tempfile::tempdir()?;
    // A mark below a line, some lines, many lines.
    for mark in [1, 256, 64 * 1024] {
        let path = folder.path().join("log");
        let file = path.clone();
        let log = Log::builder()
            .stream(Writable::builder().high_water_mark(mark))
            .spawn_with(move || File::create(file))?;
        let to = subscriber(log.writer());
        thread::scope(|scope| {
            for thread in 0..4 {
                let to = &to;
                scope.spawn(move || log_lines(to, thread, EACH));
            }
        });
        assert_eq!(log.dropped(), 0);
        // Dropping it writes what is left.
        drop(log);
        check(&fs::read_to_string(path)?, &[EACH; 4])?;
    }
    Ok(())
}

/// Panics while it is formatted.
struct Panics;

impl fmt::Display for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("within an event, on purpose");
    }
}

#[test]
fn a_thread_that_panics_while_it_logs_leaves_the_log_to_the_others() -> Checked {
    let log = Log::builder()
        .stream(Writable::builder().high_water_mark(64))
        .spawn(Vec::new())?;
    let to = subscriber(log.writer());
    thread::scope(|scope| {
        scope.spawn(|| log_lines(&to, 0, 2000));
        let panics = scope.spawn(|| {
            log_lines(&to, 1, 100);
            dispatcher::with_default(&to, || tracing::info!("1 100 {Panics}"));
        });
        assert!(panics.join().is_err());
        scope.spawn(|| log_lines(&to, 2, 2000));
    });
    assert_eq!(log.dropped(), 0);
    let text = String::from_utf8(log.end().wait()?.sink)?;
    check(&text, &[2000, 100, 2000])?;
    Ok(())
}

/// Every event is accepted or counted, and the threads go on.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported_once_and_fails_no_thread() -> Checked {
    for policy in [WhenFull::Wait, WhenFull::Drop] {
        let told = Arc::new(AtomicUsize::new(0));
        let observed = Arc::new(AtomicUsize::new(0));
        let (tell, observe) = (Arc::clone(&told), Arc::clone(&observed));
        let stream = Writable::builder()
            .high_water_mark(100)
            .observer(move |event| {
                if matches!(event, Event::Error(_)) {
                    observe.fetch_add(1, Ordering::Relaxed);
                }
            });
        let log = Log::builder()
            .stream(stream)
            .when_full(policy)
            .on_error(move |cause: &Cause| {
                assert_eq!(cause.code(), "ENOSPC");
                tell.fetch_add(1, Ordering::Relaxed);
                panic!("the handler, on purpose");
            })
            .spawn_with(|| File::options().write(true).open("/dev/full"))?;
        let to = subscriber(log.writer());
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    dispatcher::with_default(&to, || {
                        for _ in 0..1000 {
                            tracing::info!("nine char");
                        }
                    });
                });
            }
        });
        assert!(log.flush().wait().is_err());
        let writer = log.writer();
        let Err(EndError::Failed {
            cause, unfinished, ..
        }) = log.end().wait()
        else {
            return Err("it must fail".into());
        };
        assert_eq!(cause.code(), "ENOSPC");
        assert_eq!(told.load(Ordering::Relaxed), 1);
        assert_eq!(observed.load(Ordering::Relaxed), 1);
        let accepted = unfinished.totals.accepted as usize;
        assert_eq!(accepted + writer.dropped() * 10, 4 * 1000 * 10);
        let unsent: usize = unfinished.unsent.iter().map(|chunk| chunk.len()).sum();
        assert_eq!((unsent, unfinished.totals.delivered), (accepted, 0));
    }
    Ok(())
}

#[test]
fn lines_are_dropped_and_counted_from_wait_to_drain() -> Checked {
    let gate = Gate::default();
    let log = Log::builder()
        .stream(Writable::builder().high_water_mark(10))
        .when_full(WhenFull::Drop)
        .spawn(gate.sink())?;
    let to = subscriber(log.writer());
    let say = |text: &str| dispatcher::with_default(&to, || tracing::info!("{text}"));
    say("first");
    assert_eq!(gate.wait_for_call(), b"first\n");
    // It passes the mark, and is accepted.
    say("second");
    assert!(log.snapshot().needs_drain);
    assert_eq!(log.dropped(), 0);
    say("third");
    say("4");
    assert_eq!(log.dropped(), 2);
    // There is room, but no drain yet: that comes when all is taken.
    gate.answer(Ok(()));
    assert_eq!(gate.wait_for_call(), b"second\n");
    say("fifth");
    assert_eq!(log.dropped(), 3);
    gate.open();
    log.flush().wait()?;
    say("sixth");
    assert_eq!(log.dropped(), 3);
    log.end().wait()?;
    assert_eq!(gate.taken(), b"first\nsecond\nsixth\n");
    Ok(())
}

/// A thread that waits for room need not wait for the sink that is stuck.
#[test]
fn a_destroy_hands_the_rest_back_and_wakes_the_waiters() -> Checked {
    let gate = Gate::default();
    let log = Log::builder()
        .stream(Writable::builder().high_water_mark(10))
        .spawn(gate.sink())?;
    let writer = log.writer();
    let to = subscriber(log.writer());
    let say = |text: &str| dispatcher::with_default(&to, || tracing::info!("{text}"));
    say("first");
    assert_eq!(gate.wait_for_call(), b"first\n");
    say("second");
    let unfinished = thread::scope(|scope| {
        let waits = scope.spawn(|| say("third"));
        let mut destroy = log.destroy();
        waits.join().expect("no panic");
        gate.open();
        destroy.wait()
    })?;
    assert_eq!(writer.dropped(), 1);
    assert_eq!(gate.taken(), b"first\n");
    let unsent: Vec<_> = unfinished.unsent.iter().map(AsRef::as_ref).collect();
    assert_eq!(unsent, [b"second\n"]);
    Ok(())
}

#[test]
fn a_limit_makes_a_thread_wait_and_only_what_never_fits_is_dropped() -> Checked {
    let log = Log::builder()
        .stream(Writable::builder().high_water_mark(8).limit(16))
        .spawn(Vec::new())?;
    let to = subscriber(log.writer());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                dispatcher::with_default(&to, || {
                    for _ in 0..1000 {
                        tracing::info!("nine char");
                        tracing::info!("six ch");
                    }
                    tracing::info!("longer than the limit");
                });
            });
        }
    });
    assert_eq!(log.dropped(), 4);
    let done = log.end().wait()?;
    assert!(done.totals.peak <= 16);
    assert_eq!(done.sink.len(), 4 * 1000 * (10 + 7));
    Ok(())
}

#[test]
fn a_file_moved_away_under_load_loses_and_tears_nothing() -> Checked {
    const MOVES: usize = 20;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("log");
    let moved = |n: usize| folder.path().join(format!("log.{n}"));
    let file = Reopen::open(&path)?;
    let reopener = file.reopener();
    let log = Log::builder()
        .stream(Writable::builder().high_water_mark(4096))
        .spawn(file)?;
    let to = subscriber(log.writer());
    let stop = AtomicBool::new(false);
    let (counts, rotated) = thread::scope(|scope| {
        let threads = [0, 1, 2, 3].map(|thread| {
            let (to, stop) = (&to, &stop);
            scope.spawn(move || {
                dispatcher::with_default(to, || {
                    let mut number = 0;
                    while !stop.load(Ordering::Relaxed) {
                        tracing::info!("{}", line(thread, number));
                        number += 1;
                    }
                    number
                })
            })
        });
        let rotate = || -> Checked {
            for n in 0..MOVES {
                // The threads are at work, before each move.
                let before = log.snapshot().accepted;
                while log.snapshot().accepted < before + 8192 {
                    thread::yield_now();
                }
                fs::rename(&path, moved(n))?;
                reopener.reopen();
                log.flush().wait()?;
                assert!(path.exists() && !reopener.is_pending());
            }
            Ok(())
        };
        let rotated = rotate();
        stop.store(true, Ordering::Relaxed);
        let counts = threads.map(|thread| thread.join().expect("no panic"));
        (counts, rotated)
    });
    rotated?;
    assert_eq!(log.dropped(), 0);
    log.end().wait()?;
    let mut all = String::new();
    for file in (0..MOVES).map(moved).chain([path.clone()]) {
        let text = fs::read_to_string(&file)?;
        // The last may be: nothing need have come after the last move.
        assert!(!text.is_empty() || file == path, "{file:?} is empty");
        assert!(text.is_empty() || text.ends_with('\n'), "{file:?}");
        all += &text;
    }
    check(&all, &counts)?;
    Ok(())
}

#[test]
fn a_line_that_was_begun_is_finished_in_the_old_file() -> Checked {
    for vectored in [false, true] {
        let folder = tempfile::tempdir()?;
        let (path, old) = (folder.path().join("log"), folder.path().join("old"));
        let mut file = Reopen::open(&path)?;
        let reopener = file.reopener();
        // As after a write of which the system took a part.
        let slices = ["", "whole\n", "ha", ""].map(|text| IoSlice::new(text.as_bytes()));
        assert_eq!(file.write_vectored(&slices)?, 8);
        fs::rename(&path, &old)?;
        reopener.reopen();
        if vectored {
            let slices = ["", "lf\nnext\n"].map(|text| IoSlice::new(text.as_bytes()));
            assert_eq!(file.write_vectored(&slices)?, 3);
        } else {
            assert_eq!(file.write(b"lf\nnext\n")?, 3);
        }
        assert!(reopener.is_pending());
        file.write_all(b"next\n")?;
        assert!(!reopener.is_pending());
        assert_eq!(fs::read_to_string(&old)?, "whole\nhalf\n");
        assert_eq!(fs::read_to_string(&path)?, "next\n");
    }
    Ok(())
}

#[test]
fn where_nothing_can_be_opened_the_old_file_goes_on() -> Checked {
    let folder = tempfile::tempdir()?;
    let (home, away) = (folder.path().join("home"), folder.path().join("away"));
    fs::create_dir(&home)?;
    let mut file = Reopen::open(home.join("log"))?.look_every(Duration::ZERO);
    let reopener = file.reopener();
    fs::rename(&home, &away)?;
    reopener.reopen();
    file.write_all(b"first\n")?;
    assert!(reopener.is_pending());
    fs::create_dir(&home)?;
    file.write_all(b"second\n")?;
    assert!(!reopener.is_pending());
    assert_eq!(fs::read_to_string(away.join("log"))?, "first\n");
    assert_eq!(fs::read_to_string(home.join("log"))?, "second\n");
    Ok(())
}
