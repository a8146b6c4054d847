//! `log`, as it is run. It looks for every line itself.

mod common;

use std::fs;
use std::thread;

use common::{Checked, Ended, interrupt, run, start};

const PROGRAM: &str = env!("CARGO_BIN_EXE_log");

#[test]
fn without_a_path_it_shows_what_it_can() -> Checked {
    // Fewer events than threads.
    run(PROGRAM, "--events 3")?.well();
    let ended = run(PROGRAM, "--events 4000 --high-water-mark 1024")?;
    ended.well();
    let lines = || ended.out.lines();
    let reports: Vec<_> = lines()
        .filter(|line| line.contains(" events=") || line.starts_with("events="))
        .map(part)
        .collect();
    assert_eq!(reports.len(), 2, "{}", ended.out);
    for (report, events) in reports.iter().zip([4000, 400]) {
        assert_eq!(report.number("events"), events);
        assert_eq!(report.number("dropped"), 0);
        assert!(report.number("drains") > 0, "{}", ended.out);
        // The mark, and a line of every thread.
        assert!(report.number("peak") <= 1024 + 4 * 100, "{}", ended.out);
        assert!(report.out.contains("verified=yes"), "{}", ended.out);
    }
    assert!(ended.out.contains("| tracing-appender, waits"));
    // Each way of a service. What ours lose is counted, and said in the log.
    let (_, table) = ended.out.split_once("as a service").ok_or("no table")?;
    let rows: Vec<Vec<_>> = table
        .lines()
        .map(|row| row.split(" | ").collect())
        .collect();
    let ours = rows
        .iter()
        .filter(|row| row.get(1).is_some_and(|who| who.starts_with("highwater")));
    let ours: Vec<_> = ours.collect();
    assert_eq!(ours.len(), 5, "{table}");
    for row in ours {
        let [_, _, _, _, lost, counted, said] = row[..] else {
            return Err(format!("{row:?}").into());
        };
        assert_eq!(
            (lost, lost),
            (counted, said.trim_end_matches(" |")),
            "{table}"
        );
    }
    let last = part(lines().last().unwrap_or_default());
    for name in ["waits", "drains", "peak"] {
        assert_eq!(last.number(name), reports[0].number(name));
    }
    Ok(())
}

/// A part of what it said.
fn part(line: &str) -> Ended {
    Ended {
        status: Some(0),
        out: line.into(),
        err: String::new(),
    }
}

#[test]
fn a_file_is_appended_to_and_rotated() -> Checked {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("events.log");
    fs::write(&path, "it was there\n")?;
    let path = path.to_str().ok_or("not a plain path")?;
    // 3: there are more threads than events.
    for (how, events, all_events) in [("", 1001, 1001), ("--rotate", 3, 1004)] {
        let ended = run(PROGRAM, &format!("--events {events} {how} {path}"))?;
        ended.well();
        assert_eq!(ended.number("events"), events);
        assert_eq!(ended.number("dropped"), 0);
        let mut all = fs::read_to_string(format!("{path}.1")).unwrap_or_default();
        all.push_str(&fs::read_to_string(path)?);
        assert!(all.starts_with("it was there\n"));
        assert_eq!(all.lines().count(), all_events + 1);
    }
    Ok(())
}

#[test]
fn what_is_dropped_is_counted() -> Checked {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("events.log");
    let line = format!(
        "--drop --bytes-per-second 1000000 --events 2000 --high-water-mark 1000 {}",
        path.display()
    );
    let ended = run(PROGRAM, &line)?;
    ended.well();
    let arrived = fs::read_to_string(path)?.lines().count() as u64;
    assert!(ended.number("dropped") > 0);
    assert_eq!(ended.number("dropped") + arrived, 2000);
    assert!(ended.number("peak") <= 1000 + 4 * 100);
    Ok(())
}

#[test]
fn what_goes_wrong_is_said_in_one_line() -> Checked {
    let folder = tempfile::tempdir()?;
    let folder = folder.path().display();
    for (line, status, says) in [
        ("/dev/full".into(), 1, "No space left on device"),
        (
            format!("{folder}/no/events.log"),
            1,
            "No such file or directory",
        ),
        (folder.to_string(), 1, "Is a directory"),
        ("--threads 0".into(), 2, "0"),
        ("--events 0".into(), 2, "0"),
        ("--events many".into(), 2, "many"),
        ("--colour".into(), 2, "--colour"),
    ] {
        let ended = run(PROGRAM, &line)?;
        ended.with(status, says);
        assert!(ended.err.starts_with("log: "), "{}", ended.err);
        assert!(ended.out.is_empty(), "{}", ended.out);
    }
    Ok(())
}

/// While the threads wait, and when there is only the sink to wait for.
#[test]
fn ctrl_c_says_what_was_not_sent() -> Checked {
    for (events, mark, reached) in [("200000", "65536", 1), ("1000", "100000000", 2000)] {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("events.log");
        let file = path.to_str().ok_or("not a plain path")?;
        let arguments = [
            "--bytes-per-second",
            "10000",
            "--high-water-mark",
            mark,
            "--events",
            events,
            file,
        ];
        let child = start(PROGRAM, arguments)?;
        // It is at work once something has arrived; with all of it in the stream, the
        // threads are done long before so much has.
        while fs::metadata(&path).map_or(0, |file| file.len()) < reached {
            thread::yield_now();
        }
        interrupt(&child)?;
        let ended: Ended = child.wait_with_output()?.into();
        ended.with(130, "were not sent");
        assert!(ended.err.starts_with("log: interrupted: "), "{}", ended.err);
    }
    Ok(())
}

#[test]
fn ctrl_c_is_heard_by_itself_and_while_a_pipe_is_opened() -> Checked {
    let folder = tempfile::tempdir()?;
    let pipe = common::pipe_without_a_reader(folder.path())?;
    for line in ["--events 10000000", &pipe] {
        common::run_interrupted(PROGRAM, line)?.with(130, "log: interrupted: ");
    }
    Ok(())
}
