//! `pump`, as it is run.

mod common;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;

use common::{Checked, Ended, interrupt};

const PROGRAM: &str = env!("CARGO_BIN_EXE_pump");

/// No piece of it is like another.
fn bytes(count: usize) -> Vec<u8> {
    let mut random = 1_u64;
    let mut next = || {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (random >> 56) as u8
    };
    (0..count).map(|_| next()).collect()
}

fn start(arguments: &[&str]) -> io::Result<Child> {
    common::command(PROGRAM)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// How it ended, and what it wrote to its standard output.
fn pump(
    arguments: &[&str],
    input: Vec<u8>,
) -> Result<(Ended, Vec<u8>), Box<dyn std::error::Error>> {
    let mut child = start(arguments)?;
    let mut stdin = child.stdin.take().ok_or("no input")?;
    // It may be gone before it has read everything.
    let writes = thread::spawn(move || drop(stdin.write_all(&input)));
    let mut output = child.wait_with_output()?;
    writes.join().map_err(|_| "a panic")?;
    let arrived = std::mem::take(&mut output.stdout);
    Ok((output.into(), arrived))
}

#[test]
fn every_byte_arrives_in_a_file_and_on_standard_output() -> Checked {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("file");
    let path = path.to_str().ok_or("not a plain path")?;
    let input = bytes(3_000_000);
    for mark in [1, 100_000, 100_000_000] {
        for to_file in [true, false] {
            let text = mark.to_string();
            let mut arguments = vec!["--high-water-mark", &text];
            arguments.extend(to_file.then_some(path));
            let (ended, out) = pump(&arguments, input.clone())?;
            assert_eq!(ended.status, Some(0), "{}", ended.err);
            let arrived = if to_file { fs::read(path)? } else { out };
            assert!(arrived == input, "other bytes arrived, at {mark}");
            assert_eq!(ended.number("read"), 3_000_000);
            assert_eq!(ended.number("written"), 3_000_000);
            assert_eq!(ended.number("waits"), ended.number("drains"));
            assert!(ended.number("peak") < mark + 65_536, "{}", ended.err);
        }
    }
    Ok(())
}

#[test]
fn quiet_says_nothing() -> Checked {
    for input in [bytes(1000), Vec::new()] {
        let (ended, out) = pump(&["--quiet"], input.clone())?;
        ended.well();
        assert_eq!(out, input);
    }
    Ok(())
}

#[test]
fn what_goes_wrong_is_said_in_one_line() -> Checked {
    let folder = tempfile::tempdir()?;
    let folder = folder.path().to_str().ok_or("not a plain path")?;
    let missing = format!("{folder}/no/file");
    for (arguments, status, says) in [
        (vec!["/dev/full"], 1, "No space left on device"),
        (vec![&*missing], 1, "No such file or directory"),
        (vec![folder], 1, "Is a directory"),
        (vec!["--high-water-mark", "-1"], 2, "-1"),
        (vec!["--low-water-mark", "x"], 2, "x"),
        (vec!["--colour"], 2, "--colour"),
        (vec!["one", "two"], 2, "two"),
    ] {
        let (ended, out) = pump(&arguments, bytes(300_000))?;
        ended.with(status, says);
        assert!(ended.err.starts_with("pump: "), "{}", ended.err);
        assert!(out.is_empty());
    }
    Ok(())
}

#[test]
fn a_source_that_cannot_be_read_is_named() -> Checked {
    let folder = tempfile::tempdir()?;
    let output = Command::new(PROGRAM)
        .stdin(File::open(folder.path())?)
        .output()?;
    Ended::from(output).with(1, "standard input: Is a directory");
    Ok(())
}

#[test]
fn a_reader_that_goes_away_is_noticed_although_no_more_is_read() -> Checked {
    let mut child = start(&[])?;
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().ok_or("no input")?;
    // Its input stays open.
    stdin.write_all(b"0123456789")?;
    let ended: Ended = child.wait_with_output()?.into();
    drop(stdin);
    ended.with(1, "standard output: Broken pipe");
    assert!(
        ended.err.contains("10 were read and are not"),
        "{}",
        ended.err
    );
    Ok(())
}

#[test]
fn ctrl_c_says_what_was_not_sent() -> Checked {
    let mut child = start(&["--high-water-mark", "65536"])?;
    let mut stdin = child.stdin.take().ok_or("no input")?;
    let mut stdout = child.stdout.take().ok_or("no output")?;
    let input = bytes(192 * 1024);
    // More than both pipes hold: once this is written it is at work, and it is
    // stuck, because there is no reader.
    stdin.write_all(&input)?;
    interrupt(&child)?;
    // Its end closes the other side.
    let mut err = String::new();
    child
        .stderr
        .take()
        .ok_or("no error output")?
        .read_to_string(&mut err)?;
    let status = child.wait()?.code();
    let mut arrived = Vec::new();
    stdout.read_to_end(&mut arrived)?;
    let ended = Ended {
        status,
        out: String::new(),
        err,
    };
    ended.with(130, "were read and not sent");
    assert!(
        ended.err.starts_with("pump: interrupted: "),
        "{}",
        ended.err
    );
    assert!(input.starts_with(&arrived));
    Ok(())
}

#[test]
fn ctrl_c_is_heard_while_a_pipe_is_opened() -> Checked {
    let folder = tempfile::tempdir()?;
    let pipe = common::pipe_without_a_reader(folder.path())?;
    common::run_interrupted(PROGRAM, &pipe)?.with(130, "pump: interrupted: ");
    Ok(())
}
