//! `tcp_push`, as it is run.

mod common;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;

use common::{Checked, Ended, interrupt, run, start};
use highwater_uses::lines::Check;
use rustix::event::{PollFd, PollFlags, poll};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tcp_push");

#[test]
fn slow_connections_are_held_and_fast_ones_are_not() -> Checked {
    let ended = run(PROGRAM, "--connections 40 --lines 3000 --rounds 1")?;
    ended.well();
    // 36 fast ones alone, then all 40.
    assert_eq!(ended.number("verified"), (36 + 40) * 3_000 * 64);
    assert_eq!(ended.number("slow_held"), 4);
    assert!(ended.number("waits") > 0);
    assert_eq!(ended.number("waits"), ended.number("drains"));
    assert!(ended.number("peak") <= 16_384 + 64);
    assert!(ended.number("peaks") <= ended.number("marks") + 40);
    Ok(())
}

#[test]
fn one_connection_or_one_line_is_enough() -> Checked {
    let ended = run(PROGRAM, "--connections 1 --lines 1 --rounds 1")?;
    ended.well();
    assert_eq!(ended.number("verified"), 2 * 64);
    Ok(())
}

#[test]
fn bad_arguments_are_one_line_and_status_2() -> Checked {
    for bad in [
        "--lines x",
        "--lines 0",
        "--connections 0",
        "--connections -1",
        "--rounds 0",
        "--to nowhere",
        "--nothing",
        "more",
    ] {
        run(PROGRAM, bad)?.with(2, "tcp_push: ");
    }
    Ok(())
}

#[test]
fn too_few_files_are_said_clearly() -> Checked {
    let command = format!("ulimit -n 100 && exec {PROGRAM} --connections 100");
    let output = Command::new("sh").args(["-c", &command]).output()?;
    Ended::from(output).with(1, "needs 264 open files, and the limit is 100");
    Ok(())
}

#[test]
fn a_low_limit_that_may_be_raised_is_raised() -> Checked {
    let command =
        format!("ulimit -S -n 100 && exec {PROGRAM} --connections 100 --lines 10 --rounds 1");
    let output = Command::new("sh").args(["-c", &command]).output()?;
    Ended::from(output).well();
    Ok(())
}

#[test]
fn a_real_address_gets_every_byte() -> Checked {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let to = listener.local_addr()?.to_string();
    let child = start(
        PROGRAM,
        ["--to", &to, "--connections", "2", "--lines", "5000"],
    )?;
    let readers: Vec<_> = listener.incoming().take(2).collect::<Result<_, _>>()?;
    // One after the other: the second waits meanwhile.
    for mut reader in readers {
        let mut all = Vec::new();
        reader.read_to_end(&mut all)?;
        let mut check = Check::default();
        assert_eq!(check.take(&all), Ok(()));
        assert_eq!(check.position(), 5_000 * 64);
    }
    let ended: Ended = child.wait_with_output()?.into();
    ended.well();
    assert_eq!(ended.number("written"), 2 * 5_000 * 64);
    Ok(())
}

/// A peer that greets, and then reads a few bytes at a time.
#[test]
fn a_peer_that_speaks_first_gets_every_byte() -> Checked {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let to = listener.local_addr()?.to_string();
    let child = start(PROGRAM, ["--to", &to, "--lines", "20000"])?;
    let (mut peer, _) = listener.accept()?;
    peer.write_all(&[b'w'; 10_000])?;
    let (mut check, mut piece) = (Check::default(), [0; 16]);
    loop {
        let count = peer.read(&mut piece)?;
        if count == 0 {
            break;
        }
        assert_eq!(check.take(&piece[..count]), Ok(()));
    }
    assert_eq!(check.position(), 20_000 * 64);
    drop(peer);
    let ended: Ended = child.wait_with_output()?.into();
    ended.well();
    assert_eq!(ended.number("written"), 20_000 * 64);
    Ok(())
}

/// What the system had taken of it is lost, and the program says so.
#[test]
fn a_peer_that_leaves_before_it_has_read_all_is_noticed() -> Checked {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let to = listener.local_addr()?.to_string();
    // So little that the system takes all of it.
    let child = start(PROGRAM, ["--to", &to, "--lines", "100"])?;
    let (peer, _) = listener.accept()?;
    // The end of the feed has arrived, and nothing of it was read.
    let mut end = [PollFd::new(&peer, PollFlags::RDHUP)];
    poll(&mut end, None)?;
    drop(peer);
    let ended: Ended = child.wait_with_output()?.into();
    ended.with(1, "1 of 1 connections failed");
    Ok(())
}

#[test]
fn a_refused_connection_is_one_line() -> Checked {
    // Free again when the listener is dropped.
    let to = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    run(PROGRAM, &format!("--to {to}"))?.with(1, "Connection refused");
    Ok(())
}

#[test]
fn a_peer_that_resets_is_one_line_with_what_is_missing() -> Checked {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let to = listener.local_addr()?.to_string();
    let child = start(PROGRAM, ["--to", &to, "--lines", "1000000"])?;
    let (mut peer, _) = listener.accept()?;
    peer.read_exact(&mut [0; 1])?;
    // Closed with bytes unread: the system sends a reset.
    drop(peer);
    let ended: Ended = child.wait_with_output()?.into();
    ended.with(1, "bytes not delivered");
    let missing = 64_000_000 - ended.number("written");
    assert!(
        ended
            .err
            .contains(&format!("{missing} of 64000000 bytes not delivered"))
    );
    Ok(())
}

#[test]
fn ctrl_c_destroys_and_reports_what_is_unsent() -> Checked {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let to = listener.local_addr()?.to_string();
    let child = start(PROGRAM, ["--to", &to, "--lines", "1000000"])?;
    let (mut peer, _) = listener.accept()?;
    peer.read_exact(&mut [0; 1])?;
    interrupt(&child)?;
    let ended: Ended = child.wait_with_output()?.into();
    ended.with(130, "interrupted: ");
    let parts = ["written", "unsent", "never_written"].map(|name| ended.number(name));
    assert_eq!(parts.iter().sum::<u64>(), 64_000_000);
    // What was delivered is the beginning of the feed.
    let mut all = vec![b' '];
    peer.read_to_end(&mut all)?;
    let mut check = Check::default();
    assert_eq!(check.take(&all), Ok(()));
    assert_eq!(check.position(), parts[0]);
    Ok(())
}

#[test]
fn ctrl_c_without_an_address_is_one_line() -> Checked {
    let ended = common::run_interrupted(PROGRAM, "--connections 10 --lines 4000000")?;
    ended.with(130, "tcp_push: interrupted: ");
    let parts = ["written", "unsent", "never_written"].map(|name| ended.number(name));
    assert_eq!(parts.iter().sum::<u64>() % (64 * 4_000_000), 0);
    Ok(())
}
