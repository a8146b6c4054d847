//! What a person sees on a terminal, and what a program gets.

mod common;

use common::{Checked, on_a_terminal, run};

const PUMP: &str = env!("CARGO_BIN_EXE_pump");
const LOG: &str = env!("CARGO_BIN_EXE_log");
const TCP_PUSH: &str = env!("CARGO_BIN_EXE_tcp_push");
const UPLOAD: &str = env!("CARGO_BIN_EXE_upload");
const HTTP_RESPONSE: &str = env!("CARGO_BIN_EXE_http_response");
const DOWNLOAD: &str = env!("CARGO_BIN_EXE_download");

/// Each program, how it is run, and something that people read and no program does.
fn programs(folder: &tempfile::TempDir) -> [(&'static str, String, &'static str); 6] {
    let path = |name| folder.path().join(name).display().to_string();
    [
        (PUMP, path("pumped"), "times a producer waited"),
        (
            LOG,
            format!("--events 400 --bytes-per-second 100000 {}", path("log")),
            "time of the threads",
        ),
        (
            TCP_PUSH,
            "--connections 4 --lines 100 --rounds 1".into(),
            "arrived, each byte verified",
        ),
        (UPLOAD, "--size 6".into(), "read back, each byte verified"),
        (
            HTTP_RESPONSE,
            "--size 2".into(),
            "arrived, each byte verified",
        ),
        (DOWNLOAD, String::new(), "rows, each verified"),
    ]
}

#[test]
fn a_person_reads_aligned_columns() -> Checked {
    let folder = tempfile::tempdir()?;
    for (program, line, label) in programs(&folder) {
        let (status, seen) = on_a_terminal(program, &line)?;
        assert_eq!(status, Some(0), "{seen}");
        assert!(seen.contains(label), "{seen}");
        assert!(!seen.contains("waits="), "{seen}");
        // The last lines are the same of each program, and end at one column.
        let lines: Vec<_> = seen.lines().map(|line| line.trim_end()).collect();
        let last = lines.iter().rev().filter(|line| line.starts_with("  "));
        let mut lengths: Vec<_> = last.take(4).map(|line| line.len()).collect();
        lengths.dedup();
        assert_eq!(lengths.len(), 1, "{seen}");
    }
    Ok(())
}

#[test]
fn a_program_gets_pairs_also_on_a_terminal() -> Checked {
    let folder = tempfile::tempdir()?;
    for (program, line, label) in programs(&folder) {
        let ended = run(program, &line)?;
        let (status, seen) = on_a_terminal(program, &format!("--porcelain {line}"))?;
        assert_eq!((ended.status, status), (Some(0), Some(0)), "{seen}");
        for said in [seen, ended.out + &ended.err] {
            assert!(said.contains("waits="), "{said}");
            assert!(!said.contains(label) && !said.contains('\u{1b}'), "{said}");
        }
    }
    Ok(())
}

#[test]
fn what_takes_long_shows_how_far_it_is() -> Checked {
    let folder = tempfile::tempdir()?;
    let shows = [
        "buffered",
        "of 400 events",
        "pushed",
        "left",
        "MiB read, ",
        " read, ",
    ];
    for ((program, line, _), shows) in programs(&folder).into_iter().zip(shows) {
        // Pump's input is empty, so it has nothing to show.
        if program != PUMP {
            let (_, seen) = on_a_terminal(program, &line)?;
            assert!(seen.contains(shows), "{seen}");
        }
    }
    Ok(())
}
