//! What stops a program, and what does not.

mod common;

use std::io::{Read, Write};
use std::process::Stdio;

use common::{
    Checked, Ended, STOPS, Signal, command, run_stopped, send, start, threads_that_keep,
    wait_until_it_listens,
};

const PUMP: &str = env!("CARGO_BIN_EXE_pump");

#[test]
fn each_signal_stops_each_program_with_a_word_and_its_status() -> Checked {
    let folder = tempfile::tempdir()?;
    let pipe = common::pipe_without_a_reader(folder.path())?;
    for (program, name, line) in [
        (PUMP, "pump", &*pipe),
        (env!("CARGO_BIN_EXE_log"), "log", "--events 10000000"),
        (env!("CARGO_BIN_EXE_upload"), "upload", "--size 40000"),
        (
            env!("CARGO_BIN_EXE_tcp_push"),
            "tcp_push",
            "--connections 10 --lines 4000000",
        ),
        (
            env!("CARGO_BIN_EXE_http_response"),
            "http_response",
            "--size 100000",
        ),
        (env!("CARGO_BIN_EXE_download"), "download", ""),
    ] {
        for (signal, status) in STOPS {
            let ended = run_stopped(program, line, signal)?;
            ended.with(status, &format!("{name}: interrupted: "));
        }
    }
    Ok(())
}

/// The threads of the runtime start with the signals kept, and stay so: the main thread alone gets
/// them, once it listens.
#[test]
fn the_system_keeps_signals_until_the_program_listens() -> Checked {
    for (signal, status) in STOPS {
        let arguments: [&str; 0] = [];
        let mut child = start(env!("CARGO_BIN_EXE_download"), arguments)?;
        wait_until_it_listens(&mut child, signal)?;
        let [all, keep] = threads_that_keep(&child, signal)?;
        send(&child, signal)?;
        assert!(all > 1 && keep >= all - 1, "{keep} of {all} threads");
        let ended: Ended = child.wait_with_output()?.into();
        ended.with(status, "download: interrupted: ");
    }
    Ok(())
}

#[test]
fn what_pump_has_not_sent_is_said_at_each_signal() -> Checked {
    for (signal, status) in STOPS {
        let mut child = command(PUMP)
            .args(["--high-water-mark", "65536"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut stdin = child.stdin.take().ok_or("no input")?;
        let stdout = child.stdout.take().ok_or("no output")?;
        // More than both pipes hold, without a reader.
        stdin.write_all(&[b'x'; 192 * 1024])?;
        send(&child, signal)?;
        let ended: Ended = child.wait_with_output()?.into();
        ended.with(status, "were read and not sent");
        drop(stdout);
    }
    Ok(())
}

/// As `nohup` and a shell without job control have it.
#[test]
fn a_signal_that_the_parent_ignores_stays_ignored() -> Checked {
    let mut child = command("sh")
        .args(["-c", "trap '' INT HUP; exec \"$program\""])
        .env("program", PUMP)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().ok_or("no input")?;
    let mut stdout = child.stdout.take().ok_or("no output")?;
    stdin.write_all(b"before ")?;
    let mut before = [0; 7];
    stdout.read_exact(&mut before)?;
    // It is at work.
    send(&child, Signal::INT)?;
    send(&child, Signal::HUP)?;
    stdin.write_all(b"after")?;
    drop(stdin);
    let mut after = String::new();
    stdout.read_to_string(&mut after)?;
    let ended: Ended = child.wait_with_output()?.into();
    assert_eq!(
        (ended.status, after.as_str()),
        (Some(0), "after"),
        "{}",
        ended.err
    );
    Ok(())
}

/// The others do.
#[test]
fn a_signal_that_the_parent_does_not_ignore_still_stops() -> Checked {
    let folder = tempfile::tempdir()?;
    let pipe = common::pipe_without_a_reader(folder.path())?;
    let script = folder.path().join("script");
    std::fs::write(&script, format!("trap '' INT; exec {PUMP} {pipe}"))?;
    let ended = run_stopped("sh", &script.display().to_string(), Signal::TERM)?;
    ended.with(143, "pump: interrupted: ");
    Ok(())
}
