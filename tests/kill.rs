//! Processes that come to an end while a stream has work to do: killed, left
//! by `exit`, by a panic, and by a drop under each policy.
//!
//! The child runs the same test and plays its part ([`child`]). It writes numbered lines to a
//! file through a stream, and reports to its parent over its output, before and after each
//! step. The parent kills it after a number of these reports. What is left must be a beginning
//! of the lines: at most what the child had said it would write, and at least what the stream
//! had said is written. (The process dies, not the system: the system has what the calls of
//! the sink have returned from.)

// The signal tells a process that was killed from others.
#![cfg(unix)]

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use highwater::sink::Durable;
use highwater::{BoxError, Flow, OnDrop, Writable};
use highwater_testkit::child::{self, Part};
use highwater_testkit::random;

const ROUNDS: u64 = 40;

/// The exit status of the child that leaves by `exit`.
const LEAVES_WITH: i32 = 7;

/// How many lines the child writes, unless it is killed before.
const LINES: u64 = 3000;

/// Of different lengths, and no two the same.
fn line(n: u64) -> String {
    format!("{n} {}\n", "x".repeat((n * 7919 % 61) as usize))
}

/// The lines, up to this many bytes at least.
fn lines(bytes: u64) -> Vec<u8> {
    let mut text = Vec::new();
    let mut numbers = 0..;
    while let (true, Some(n)) = ((text.len() as u64) < bytes, numbers.next()) {
        text.extend(line(n).into_bytes());
    }
    text
}

/// Takes some bytes a call, so that a call is cut at any place, and there is
/// much to do at any time.
struct Slowly(Durable);

impl Write for Slowly {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(&bytes[..bytes.len().min(7)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The child. The name of its part says how it ends.
fn play(part: Part) -> Result<(), BoxError> {
    let how = part.name.as_str();
    let policy = match how {
        "discard" => OnDrop::Discard,
        "finish within" => OnDrop::FinishWithin(std::time::Duration::from_secs(3600)),
        _ => OnDrop::Finish,
    };
    let mut out = Writable::builder()
        .high_water_mark(512)
        .on_drop(policy)
        .spawn_with(move || Durable::create(part.file).map(Slowly))?;
    // What the harness has begun to print ends here.
    report("", 0)?;
    for n in 0_u64.. {
        // Those that end by themselves hand over the last lines in a heap, so
        // that there is something left to write.
        let rest = how != "killed" && n >= LINES / 2;
        match how {
            "killed" => {}
            _ if n < LINES => {}
            "exit" => std::process::exit(LEAVES_WITH),
            "panic" => panic!("with the stream on the stack"),
            _ => break,
        }
        let line = line(n);
        report("at most", out.position() + line.len() as u64)?;
        let flow = out.write(line)?;
        if flow == Flow::Wait && !rest {
            out.drained().wait()?;
        }
        // Not always, so that it is seldom the last that was written.
        if n % 16 == 3 && !rest {
            let position = out.position();
            out.delivered(position).wait()?;
            report("at least", position)?;
        }
        if n % 64 == 7 && !rest {
            let position = out.position();
            out.flush().wait()?;
            report("at least", position)?;
        }
    }
    Ok(())
}

/// A line to the parent, at once. If the parent is gone this fails, and with
/// it the child.
fn report(what: &str, position: u64) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "\n{what}: {position}")?;
    stdout.flush()
}

/// What the child has said.
#[derive(Debug, Default)]
struct Said {
    reports: u64,
    at_most: u64,
    at_least: u64,
    /// On its standard error.
    errors: String,
}

struct Writer {
    child: Child,
    reports: BufReader<ChildStdout>,
    said: Said,
}

impl Writer {
    fn start(how: &str, file: &Path) -> Result<Self, BoxError> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = child::plays(&mut command, how, file)
            .env("RUST_BACKTRACE", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("it has an output")?;
        Ok(Self {
            child,
            reports: BufReader::new(stdout),
            said: Said::default(),
        })
    }

    /// Reads on until so many reports have come, or the output ends.
    fn read_reports(&mut self, until: u64) -> Result<(), BoxError> {
        let mut text = String::new();
        while self.said.reports < until {
            text.clear();
            self.reports.read_line(&mut text)?;
            if text.is_empty() {
                break;
            }
            // One that the end of the child has cut says nothing.
            let Some((what, position)) = text.trim_end_matches('\n').split_once(": ") else {
                continue;
            };
            let which = match what {
                "at most" => &mut self.said.at_most,
                "at least" => &mut self.said.at_least,
                _ => continue,
            };
            if text.ends_with('\n') {
                *which = position.parse()?;
                self.said.reports += 1;
            }
        }
        Ok(())
    }

    /// Reads the rest as well: the child said it before the end.
    fn end(mut self) -> Result<(Said, ExitStatus), BoxError> {
        self.read_reports(u64::MAX)?;
        let mut stderr = self.child.stderr.take().ok_or("it has a stderr")?;
        stderr.read_to_string(&mut self.said.errors)?;
        let status = self.child.wait()?;
        Ok((self.said, status))
    }
}

/// How far the file goes, which has to be a beginning of the lines within what
/// was said.
fn judge(file: &[u8], said: &Said) -> Result<u64, String> {
    let length = file.len() as u64;
    if !lines(length).starts_with(file) {
        return Err("it is no beginning of the lines".into());
    }
    if length > said.at_most {
        return Err(format!(
            "{length} bytes, and they were not accepted: {said:?}"
        ));
    }
    if length < said.at_least {
        return Err(format!("{length} bytes, and more was confirmed: {said:?}"));
    }
    Ok(length)
}

/// What a child leaves that ends by itself. It has confirmed something, so it has played its
/// part.
fn left_by(how: &str) -> Result<(u64, Said, ExitStatus), BoxError> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("lines");
    let (said, status) = Writer::start(how, &path)?.end()?;
    let file = fs::read(path).map_err(|_| "the child has played no part")?;
    let length = judge(&file, &said)?;
    assert!(said.at_least > 0, "nothing was confirmed: {said:?}");
    Ok((length, said, status))
}

#[test]
fn killed_at_any_moment_a_confirmed_beginning_is_left() -> Result<(), BoxError> {
    if let Some(part) = child::part() {
        return play(part);
    }
    let seed = random::seed();
    let folder = tempfile::tempdir()?;
    let mut random = seed;
    let (mut confirmed, mut lost) = (0, 0);
    for round in 0..ROUNDS {
        // Numerical Recipes' generator: any moment will do.
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let after = (random >> 16) % 500;
        let path = folder.path().join(round.to_string());
        let mut writer = Writer::start("killed", &path)?;
        writer.read_reports(after)?;
        writer.child.kill()?;
        let (said, status) = writer.end()?;
        assert_eq!(status.signal(), Some(9), "it ended by itself: {said:?}");
        // It may not even have been made.
        let file = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        let length = judge(&file, &said)
            .map_err(|why| format!("{why}, in round {round} of HIGHWATER_SEED={seed}"))?;
        confirmed += said.at_least;
        lost += u64::from(length < said.at_most);
    }
    assert!(confirmed > 0, "else little is shown here");
    println!("in {lost} of {ROUNDS} rounds something accepted was not written yet");
    Ok(())
}

#[test]
fn a_drop_that_finishes_leaves_everything() -> Result<(), BoxError> {
    if let Some(part) = child::part() {
        return play(part);
    }
    for how in ["finish", "finish within"] {
        let (length, said, status) = left_by(how)?;
        assert!(status.success(), "{said:?}");
        assert_eq!(length, said.at_most);
    }
    Ok(())
}

#[test]
fn a_drop_that_discards_leaves_a_beginning() -> Result<(), BoxError> {
    if let Some(part) = child::part() {
        return play(part);
    }
    let (_, said, status) = left_by("discard")?;
    assert!(status.success(), "{said:?}");
    Ok(())
}

#[test]
fn an_exit_leaves_a_beginning() -> Result<(), BoxError> {
    if let Some(part) = child::part() {
        return play(part);
    }
    let (_, said, status) = left_by("exit")?;
    assert_eq!(status.code(), Some(LEAVES_WITH), "{said:?}");
    Ok(())
}

/// Of the thread that has the stream, which the end of the process waits for.
/// (The harness gives each test its own; the main thread does nothing but that.)
#[test]
fn a_panic_leaves_everything() -> Result<(), BoxError> {
    if let Some(part) = child::part() {
        return play(part);
    }
    let (length, said, status) = left_by("panic")?;
    assert_eq!(status.code(), Some(101), "{said:?}");
    assert!(said.errors.contains("with the stream on the stack"));
    assert_eq!(length, said.at_most);
    Ok(())
}

/// The judge finds what it is there for.
#[test]
fn what_is_spoilt_is_found() {
    let whole = lines(1000);
    let said = |at_least, at_most| Said {
        reports: 2,
        at_most,
        at_least,
        errors: String::new(),
    };
    let cut = &whole[..500];
    assert_eq!(judge(cut, &said(400, 600)), Ok(500));
    assert!(judge(cut, &said(501, 600)).is_err(), "less than confirmed");
    assert!(judge(cut, &said(400, 499)).is_err(), "more than accepted");
    let mut spoilt = cut.to_vec();
    spoilt.remove(250);
    assert!(judge(&spoilt, &said(400, 600)).is_err(), "a byte is lost");
    let (first, second) = (line(0).len(), line(0).len() + line(1).len());
    let doubled = [&whole[..second], &whole[first..500]].concat();
    assert!(judge(&doubled, &said(400, 600)).is_err(), "a line twice");
    let swapped = [&whole[first..second], &whole[..first], &whole[second..500]].concat();
    assert!(judge(&swapped, &said(400, 600)).is_err(), "out of order");
}
