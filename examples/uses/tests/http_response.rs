//! `http_response`, as it is run.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command};

use common::{Checked, Ended, interrupt, run, start};
use highwater_uses::lines::Check;

const PROGRAM: &str = env!("CARGO_BIN_EXE_http_response");
const MIB: u64 = 1024 * 1024;

#[test]
fn a_slow_client_gets_all_and_the_producer_sees_one_that_leaves() -> Checked {
    let ended = run(PROGRAM, "--size 4")?;
    ended.well();
    assert!(
        ended
            .out
            .contains(&format!("slow client: verified={}", 4 * MIB)),
        "{}",
        ended.out
    );
    assert!(ended.out.contains("client that leaves: "), "{}", ended.out);
    assert!(
        ended.out.contains("error=\"the reader has left"),
        "{}",
        ended.out
    );
    assert!(ended.number("waits") > 100);
    assert!(ended.number("peak") <= 16_384 + 64);
    Ok(())
}

#[test]
fn bad_arguments_are_one_line_and_status_2() -> Checked {
    for bad in [
        "--size x",
        "--size 0",
        "--listen nowhere",
        "--nothing",
        "more",
    ] {
        run(PROGRAM, bad)?.with(2, "http_response: ");
    }
    Ok(())
}

#[test]
fn a_port_in_use_is_one_line() -> Checked {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?;
    run(PROGRAM, &format!("--listen {address}"))?.with(1, "Address already in use");
    Ok(())
}

/// Started, and where it listens.
fn serve(size: &str) -> Result<(Child, impl BufRead, String), Box<dyn std::error::Error>> {
    let mut child = start(PROGRAM, ["--listen", "127.0.0.1:0", "--size", size])?;
    let mut out = BufReader::new(child.stdout.take().ok_or("no output")?);
    let mut line = String::new();
    out.read_line(&mut line)?;
    let address = line
        .trim_end()
        .trim_start_matches("listening on http://")
        .trim_end_matches('/')
        .to_owned();
    Ok((child, out, address))
}

/// A request, and the head of its response.
fn ask(address: &str, method: &str) -> Result<(impl BufRead, String), std::io::Error> {
    let mut connection = TcpStream::connect(address)?;
    write!(
        connection,
        "{method} / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    let mut connection = BufReader::new(connection);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && connection.read_line(&mut head)? > 0 {}
    Ok((connection, head))
}

#[test]
fn any_client_gets_the_whole_body() -> Checked {
    let (child, mut out, address) = serve("2")?;
    let (mut body, head) = ask(&address, "GET")?;
    assert!(
        head.contains(&format!("content-length: {}", 2 * MIB)),
        "{head}"
    );
    let mut all = Vec::new();
    body.read_to_end(&mut all)?;
    let mut check = Check::default();
    assert_eq!(check.take(&all), Ok(()));
    assert_eq!(check.position(), 2 * MIB);
    let mut line = String::new();
    out.read_line(&mut line)?;
    assert!(
        line.starts_with(&format!("response: written={} ", 2 * MIB)),
        "{line}"
    );

    let (mut body, head) = ask(&address, "HEAD")?;
    assert!(
        head.contains(&format!("content-length: {}", 2 * MIB)),
        "{head}"
    );
    assert_eq!(body.read_to_end(&mut all)?, 0);
    let (_, head) = ask(&address, "POST")?;
    assert!(head.starts_with("HTTP/1.1 405"), "{head}");

    interrupt(&child)?;
    Ended::from(child.wait_with_output()?).with(130, "interrupted: written=2097152 unsent=0");
    Ok(())
}

#[test]
fn a_client_of_http2_and_one_that_half_closes_get_the_whole_body() -> Checked {
    let (child, _out, address) = serve("2")?;
    let curl = Command::new("curl")
        .args(["--silent", "--http2-prior-knowledge"])
        .arg(format!("http://{address}/"))
        .output()?;
    let mut half = TcpStream::connect(&address)?;
    write!(
        half,
        "GET / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    half.shutdown(Shutdown::Write)?;
    let mut half = BufReader::new(half);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        assert!(half.read_line(&mut line)? > 0, "no body");
    }
    let mut body = Vec::new();
    half.read_to_end(&mut body)?;
    for all in [curl.stdout, body] {
        let mut check = Check::default();
        assert_eq!(check.take(&all), Ok(()));
        assert_eq!(check.position(), 2 * MIB);
    }
    interrupt(&child)?;
    Ended::from(child.wait_with_output()?).with(130, "interrupted: written=4194304 unsent=0");
    Ok(())
}

#[test]
fn the_producer_sees_a_client_that_goes_away() -> Checked {
    let (child, mut out, address) = serve("64")?;
    let (body, _) = ask(&address, "GET")?;
    drop(body);
    let mut line = String::new();
    out.read_line(&mut line)?;
    assert!(line.contains("error=\"the reader has left"), "{line}");
    interrupt(&child)?;
    Ended::from(child.wait_with_output()?).with(130, "interrupted: ");
    Ok(())
}

#[test]
fn ctrl_c_cuts_a_response_off_and_the_client_can_tell() -> Checked {
    let (child, mut out, address) = serve("64")?;
    let (mut body, _) = ask(&address, "GET")?;
    body.read_exact(&mut [0; 64])?;
    interrupt(&child)?;
    let mut all = Vec::new();
    // Less than the head has promised, or a reset.
    let _ = body.read_to_end(&mut all);
    assert!((all.len() as u64) < 64 * MIB - 64);
    let ended: Ended = child.wait_with_output()?.into();
    ended.with(130, "interrupted: written=");
    assert!(ended.err.contains(" unsent="), "{}", ended.err);
    let mut rest = String::new();
    out.read_to_string(&mut rest)?;
    assert!(rest.contains("waits="), "{rest}");
    Ok(())
}

#[test]
fn ctrl_c_without_arguments_is_one_line() -> Checked {
    let ended = common::run_interrupted(PROGRAM, "--size 100000")?;
    ended.with(130, "http_response: interrupted: written=");
    Ok(())
}
