//! Running the built examples.
#![allow(dead_code, unreachable_pub)]

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

pub use rustix::process::Signal;

pub type Checked = Result<(), Box<dyn std::error::Error>>;

/// Runs a program that ignores no signal, whatever this test was started with: a shell starts
/// what is in the background with SIGINT ignored, and a program leaves that as it is.
pub fn command(program: &str) -> Command {
    let mut command = Command::new("env");
    command.args(["--default-signal=HUP,INT,TERM", program]);
    command
}

pub fn start<S: AsRef<OsStr>>(
    program: &str,
    arguments: impl IntoIterator<Item = S>,
) -> std::io::Result<Child> {
    command(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

pub struct Ended {
    pub status: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into(),
            err: String::from_utf8_lossy(&output.stderr).into(),
        }
    }
}

impl Ended {
    /// It succeeded, and said nothing on standard error.
    #[track_caller]
    pub fn well(&self) {
        assert_eq!(
            (self.status, self.err.as_str()),
            (Some(0), ""),
            "{}",
            self.out
        );
    }

    /// It failed with this status, and said why in one line that has this in it.
    #[track_caller]
    pub fn with(&self, status: i32, text: &str) {
        assert_eq!(self.status, Some(status), "{text}: {}", self.err);
        assert_eq!(self.err.lines().count(), 1, "{}", self.err);
        assert!(self.err.contains(text), "{}", self.err);
    }

    /// The number that follows the first `name=`, on either output.
    #[track_caller]
    pub fn number(&self, name: &str) -> u64 {
        let both = format!(" {} {}", self.out, self.err).replace('\n', " ");
        let Some((_, rest)) = both.split_once(&format!(" {name}=")) else {
            panic!("no {name} in {both}");
        };
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits
            .parse()
            .unwrap_or_else(|_| panic!("{name} in {both}"))
    }
}

pub fn run(program: &str, line: &str) -> std::io::Result<Ended> {
    let child = start(program, line.split_whitespace())?;
    Ok(child.wait_with_output()?.into())
}

/// What stops a program, and the status that it ends with.
pub const STOPS: [(Signal, i32); 3] = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];

/// Sends this signal.
pub fn send(child: &Child, signal: Signal) -> std::io::Result<()> {
    Ok(kill_process(Pid::from_child(child), signal)?)
}

/// Ctrl-C.
pub fn interrupt(child: &Child) -> std::io::Result<()> {
    send(child, Signal::INT)
}

/// Started, and interrupted as soon as it listens for that.
pub fn run_interrupted(program: &str, line: &str) -> std::io::Result<Ended> {
    run_stopped(program, line, Signal::INT)
}

/// Started, and stopped by this signal as soon as it listens for it.
pub fn run_stopped(program: &str, line: &str, signal: Signal) -> std::io::Result<Ended> {
    let mut child = start(program, line.split_whitespace())?;
    wait_until_it_listens(&mut child, signal)?;
    send(&child, signal)?;
    Ok(child.wait_with_output()?.into())
}

/// A command line of a shell, in which `program` is this one.
pub fn shell(program: &str, folder: &Path, line: &str) -> io::Result<Ended> {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).env("program", program);
    Ok(shell.current_dir(folder).output()?.into())
}

/// Run on a terminal of its own: what a person sees.
pub fn on_a_terminal(program: &str, line: &str) -> io::Result<(Option<i32>, String)> {
    let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    grantpt(&near)?;
    unlockpt(&near)?;
    let size = Winsize {
        ws_row: 25,
        ws_col: 120,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&near, size)?;
    let name = ptsname(&near, Vec::new())?;
    let name = OsStr::from_bytes(name.to_bytes());
    let far = OpenOptions::new().read(true).write(true).open(name)?;
    let mut child = Command::new(program)
        .args(line.split_whitespace())
        .stdin(Stdio::null())
        .stdout(far.try_clone()?)
        .stderr(far)
        .spawn()?;
    let (mut near, mut seen, mut piece) = (File::from(near), Vec::new(), [0; 4096]);
    // The end of the program is an error here.
    while let Ok(count @ 1..) = near.read(&mut piece) {
        seen.extend_from_slice(&piece[..count]);
    }
    let status = child.wait()?.code();
    Ok((status, String::from_utf8_lossy(&seen).into()))
}

/// Waits until this program listens for the signal, or has ended.
pub fn wait_until_it_listens(child: &mut Child, signal: Signal) -> io::Result<()> {
    let status = format!("/proc/{}/status", child.id());
    while !has_signal(Path::new(&status), "SigCgt:", signal)? && child.try_wait()?.is_none() {
        std::thread::yield_now();
    }
    Ok(())
}

/// How many threads this program has, and for how many of them the system keeps the signal.
pub fn threads_that_keep(child: &Child, signal: Signal) -> io::Result<[usize; 2]> {
    let (mut all, mut keep) = (0, 0);
    for thread in std::fs::read_dir(format!("/proc/{}/task", child.id()))? {
        let keeps = has_signal(&thread?.path().join("status"), "SigBlk:", signal)?;
        (all, keep) = (all + 1, keep + usize::from(keeps));
    }
    Ok([all, keep])
}

/// What the kernel knows of signals: a bit for each, in hexadecimal.
fn has_signal(status: &Path, name: &str, signal: Signal) -> io::Result<bool> {
    let status = std::fs::read_to_string(status)?;
    let mask = status.lines().find_map(|line| line.strip_prefix(name));
    let mask = u64::from_str_radix(mask.unwrap_or_default().trim(), 16).unwrap_or(0);
    Ok(mask & 1 << (signal.as_raw() - 1) != 0)
}

/// A pipe in this folder, without a reader.
pub fn pipe_without_a_reader(folder: &Path) -> std::io::Result<String> {
    let path = folder.join("pipe").display().to_string();
    let made = Command::new("mkfifo").arg(&path).status()?;
    assert!(made.success());
    Ok(path)
}
