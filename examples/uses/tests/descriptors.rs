//! Standard input and output that are closed, non-blocking, or the file that is written.

mod common;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;

use common::{Checked, Ended, shell};
use highwater::sink::WaitReady;
use rustix::pipe::{PipeFlags, pipe_with};

const PUMP: &str = env!("CARGO_BIN_EXE_pump");
const LOG: &str = env!("CARGO_BIN_EXE_log");
const TCP_PUSH: &str = env!("CARGO_BIN_EXE_tcp_push");

#[test]
fn a_file_is_not_pumped_into_itself() -> Checked {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("f");
    fs::write(&path, "")?;
    fs::hard_link(&path, folder.path().join("link"))?;
    std::os::unix::fs::symlink("f", folder.path().join("symlink"))?;
    for line in [
        "$program f <f",
        "$program link <f",
        "$program symlink <f",
        "$program /dev/stdin <f",
        "$program <f >>f",
        "$program <f 1<>f",
        "$program /dev/stdout <f >>f",
    ] {
        fs::write(&path, "precious\n")?;
        let ended = shell(PUMP, folder.path(), line)?;
        ended.with(1, "it is also standard input");
        assert_eq!(fs::read_to_string(&path)?, "precious\n", "{line}");
    }
    // Another file is cut, as ever.
    fs::write(folder.path().join("g"), "something that is longer\n")?;
    let ended = shell(PUMP, folder.path(), "$program --quiet g <f")?;
    ended.well();
    assert_eq!(fs::read_to_string(folder.path().join("g"))?, "precious\n");
    Ok(())
}

#[test]
fn a_report_does_not_overwrite_what_was_written() -> Checked {
    let folder = tempfile::tempdir()?;
    let ended = shell(LOG, folder.path(), "$program --events 10 f >f")?;
    ended.with(1, "it is also standard output");
    assert_eq!(fs::read(folder.path().join("f"))?, b"");
    let ended = shell(LOG, folder.path(), "$program --events 10 f >g")?;
    ended.well();
    assert_eq!(
        fs::read_to_string(folder.path().join("f"))?.lines().count(),
        10
    );
    Ok(())
}

#[test]
fn a_closed_descriptor_is_refused() -> Checked {
    let folder = tempfile::tempdir()?;
    for (program, line, says) in [
        (
            PUMP,
            "echo lost | $program >&-",
            "standard output: it is closed",
        ),
        (
            PUMP,
            "echo lost | $program /dev/stdout >&-",
            "/dev/stdout: it is closed",
        ),
        (PUMP, "$program out <&-", "standard input: it is closed"),
        (PUMP, "$program <&- >&-", "standard input: it is closed"),
        (
            LOG,
            "$program --events 10 log >&-",
            "standard output: it is closed",
        ),
        (
            TCP_PUSH,
            "$program --connections 1 --lines 1 --rounds 1 >&-",
            "standard output: it is closed",
        ),
    ] {
        shell(program, folder.path(), line)?.with(1, says);
    }
    assert!(!folder.path().join("out").exists());
    Ok(())
}

#[test]
fn the_null_device_and_a_closed_standard_error_are_as_good_as_any() -> Checked {
    let folder = tempfile::tempdir()?;
    for line in [
        "$program --quiet </dev/null >/dev/null",
        "echo text | $program >/dev/null 2>&-",
        "echo text | $program --quiet /dev/null",
    ] {
        shell(PUMP, folder.path(), line)?.well();
    }
    Ok(())
}

/// Both ends of the pump are pipes that do not block, and its reader is slow to begin.
#[test]
fn descriptors_that_do_not_block_are_waited_for() -> Checked {
    let input: Vec<u8> = (0..3_000_000).map(|n| (n % 251) as u8).collect();
    let (stdin, near) = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC)?;
    let (far, stdout) = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC)?;
    let child = Command::new(PUMP)
        .stdin(Stdio::from(stdin))
        .stdout(Stdio::from(stdout))
        .stderr(Stdio::piped())
        .spawn()?;
    let mut arrived = vec![0; 1];
    let mut near = WaitReady::new(File::from(near));
    let mut far = WaitReady::new(File::from(far));
    near.write_all(&input[..1])?;
    // It has read its input to the end of what is there, and waits for more.
    far.read_exact(&mut arrived)?;
    let rest = input[1..].to_vec();
    let writer = thread::spawn(move || near.write_all(&rest));
    far.read_to_end(&mut arrived)?;
    writer.join().map_err(|_| "a panic")??;
    let ended: Ended = child.wait_with_output()?.into();
    assert_eq!(ended.status, Some(0), "{}", ended.err);
    assert!(arrived == input, "other bytes arrived");
    Ok(())
}

/// Whether one of its threads waits for a descriptor: the kernel knows where it sleeps. (Its
/// runtime waits elsewhere, in epoll.)
fn waits_in_poll(child: &Child) -> io::Result<bool> {
    for thread in fs::read_dir(format!("/proc/{}/task", child.id()))? {
        // A thread may have ended meanwhile.
        let place = fs::read_to_string(thread?.path().join("wchan")).unwrap_or_default();
        if place.starts_with("poll_schedule_timeout") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a program reports also waits.
#[test]
fn a_report_waits_for_a_full_pipe() -> Checked {
    let (far, mut stdout) = {
        let (far, stdout) = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC)?;
        (File::from(far), File::from(stdout))
    };
    // It is full.
    let mut filled = 0;
    while let Ok(count) = stdout.write(&[b' '; 4096]) {
        filled += count;
    }
    let mut child = Command::new(TCP_PUSH)
        .args(["--connections", "1", "--lines", "1", "--rounds", "1"])
        .stdin(Stdio::null())
        .stdout(Stdio::from(stdout))
        .stderr(Stdio::piped())
        .spawn()?;
    while !waits_in_poll(&child)? {
        assert!(child.try_wait()?.is_none(), "it has not waited");
        thread::yield_now();
    }
    let mut said = String::new();
    WaitReady::new(far).read_to_string(&mut said)?;
    let ended: Ended = child.wait_with_output()?.into();
    ended.well();
    assert!(said[filled..].contains("verified=128"), "{said}");
    Ok(())
}
