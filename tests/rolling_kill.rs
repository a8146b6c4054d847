//! Processes that are killed while their log rotates, again and again over the same files.
//!
//! The child runs the same test and plays its part ([`child`]). It goes on with the numbers behind
//! the last line that is there, writes numbered lines through a log into a file that rotates at
//! nearly each line, and reports each number that it has flushed. The parent kills it after some
//! of these reports. What is left must be the lines in order, each once and whole, and all that
//! were flushed. Only a last line may be torn; the next child ends it, and its number is
//! written again. (Kills at each single call of a rotation: `examples/uses/tests/refused.rs`.)
#![cfg(unix)]

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use highwater::BoxError;
use highwater::log::Log;
use highwater::sink::RollingFile;
use highwater_testkit::child::{self, Part};
use highwater_testkit::random;

const ROUNDS: u64 = 60;

fn line(n: u64) -> String {
    format!("{n} {}.\n", "x".repeat((n * 7919 % 61) as usize))
}

/// The text of all files, the oldest first, and how many there are.
fn read(path: &Path) -> Result<(String, usize), BoxError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(path.parent().ok_or("a folder")?)? {
        files.push(entry?.path());
    }
    files.sort();
    // `log` sorts before its old files.
    if files.first().is_some_and(|first| first == path) {
        files.rotate_left(1);
    }
    let texts: io::Result<Vec<_>> = files.iter().map(fs::read_to_string).collect();
    let texts = texts?;
    for text in texts.iter().rev().skip(1) {
        assert!(text.ends_with('\n'), "torn between two files: {text}");
    }
    Ok((texts.concat(), files.len()))
}

/// Checks that these are the lines in order, and returns the number of the next one. Kills
/// may have torn lines: such a piece is the beginning of the line that follows it.
fn check(text: &str) -> u64 {
    let mut next = 0;
    let mut torn = 0;
    for found in text.split_inclusive('\n') {
        let expected = line(next);
        if found == expected {
            next += 1;
        } else {
            let piece = found.trim_end_matches('\n');
            assert!(
                expected.starts_with(piece),
                "{found:?} in place of {expected:?}"
            );
            torn += 1;
        }
    }
    assert!(torn <= ROUNDS, "{torn} pieces");
    next
}

/// The child.
fn play(part: &Part) -> Result<(), BoxError> {
    // A kill in the middle of a rotation leaves old files alone.
    let (text, _) = read(&part.file)?;
    let (first, torn) = (check(&text), !text.is_empty() && !text.ends_with('\n'));
    let file = RollingFile::builder(&part.file).max_bytes(100).open()?;
    let log = Log::builder().spawn(file)?;
    if torn {
        log.writer().write_all(b"\n")?;
    }
    for n in first.. {
        log.writer().write_all(line(n).as_bytes())?;
        // Some lines come in one call, and some have one of their own.
        if n % 3 == 0 {
            log.flush().wait()?;
            writeln!(io::stdout(), "\nflushed: {n}")?;
        }
    }
    Ok(())
}

#[test]
fn a_kill_while_it_rotates_loses_and_tears_no_line_that_was_flushed() -> Result<(), BoxError> {
    if let Some(part) = child::part() {
        return play(&part);
    }
    let seed = random::seed();
    println!("again with HIGHWATER_SEED={seed}");
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("log");
    let mut flushed = None;
    for round in 0..ROUNDS {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = child::plays(&mut command, "writes", &path)
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("it has an output")?;
        let mut reports = 1 + seed.wrapping_mul(round + 1).wrapping_mul(7919) % 40;
        let mut killed = false;
        for said in BufReader::new(stdout).lines() {
            if let Some(number) = said?.strip_prefix("flushed: ") {
                // One that the kill has cut is smaller than its number.
                flushed = flushed.max(number.parse::<u64>().ok());
                reports = reports.saturating_sub(1);
                if reports == 0 && !killed {
                    child.kill()?;
                    killed = true;
                }
            }
        }
        child.wait()?;
        let next = check(&read(&path)?.0);
        assert!(killed && Some(next) > flushed, "{next} {flushed:?}");
    }
    let (_, files) = read(&path)?;
    assert!(files > ROUNDS as usize, "{files} files");
    Ok(())
}
