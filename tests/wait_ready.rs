//! Descriptors that do not block, as a program may inherit them.
#![cfg(unix)]

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;

use highwater::sink::WaitReady;
use highwater::{BoxError, Cause, Chunk, EndError, Writable};
use rustix::pipe::{PipeFlags, pipe_with};

type Checked = Result<(), BoxError>;

/// More than a pipe holds.
const MANY: usize = 1_000_000;

fn bytes() -> Vec<u8> {
    (0..MANY).map(|n| (n % 251) as u8).collect()
}

/// A pipe whose ends are both non-blocking: what is read from, and what is written to.
fn pipe() -> io::Result<(File, File)> {
    let (source, sink) = pipe_with(PipeFlags::NONBLOCK)?;
    Ok((File::from(source), File::from(sink)))
}

#[test]
fn a_sink_that_would_block_ends_a_stream_unless_it_is_waited_for() -> Checked {
    let (_source, sink) = pipe()?;
    let mut out = Writable::builder().spawn(sink)?;
    let _flow = out.write_chunk(bytes())?;
    let error = out.end().wait().err().map(|error| error.code());
    assert_eq!(error, Some("EAGAIN"));
    Ok(())
}

#[test]
fn a_pipe_that_is_full_is_waited_for() -> Checked {
    let (source, sink) = pipe()?;
    let mut out = Writable::builder().spawn(WaitReady::new(sink))?;
    for piece in bytes().chunks(10_000) {
        let _flow = out.write_chunk(piece.to_vec())?;
    }
    // It is full once so much is there. It has a reader from then on.
    out.delivered(16_384).wait()?;
    let reader = thread::spawn(move || {
        let mut all = Vec::new();
        WaitReady::new(source).read_to_end(&mut all).map(|_| all)
    });
    drop(out.end().wait()?.sink);
    let read = reader.join().map_err(|_| "a panic")??;
    assert!(read == bytes(), "other bytes arrived");
    Ok(())
}

#[test]
fn a_source_that_is_empty_is_waited_for() -> Checked {
    let (source, mut sink) = pipe()?;
    let out = Writable::builder().spawn(Vec::new())?;
    let pipe = thread::spawn(move || out.pipe(WaitReady::new(source)));
    // The source is read from once this has gone.
    WaitReady::new(&mut sink).write_all(&bytes())?;
    drop(sink);
    let finished = pipe.join().map_err(|_| "a panic")??;
    assert!(finished.sink == bytes(), "other bytes arrived");
    Ok(())
}

#[test]
fn a_destroy_stops_a_sink_that_waits_and_is_exact() -> Checked {
    let (mut source, sink) = pipe()?;
    let mut out = Writable::builder().spawn(WaitReady::new(sink))?;
    let _flow = out.write_chunk(bytes())?;
    out.delivered(4096).wait()?;
    // It never has a reader.
    let unfinished = out.destroy().wait()?;
    let unsent: usize = unfinished.unsent.iter().map(Chunk::len).sum();
    assert_eq!(unfinished.in_doubt, 0);
    assert_eq!(unfinished.totals.delivered + unsent as u64, MANY as u64);
    drop(unfinished.sink);
    let mut arrived = Vec::new();
    source.read_to_end(&mut arrived)?;
    assert_eq!(arrived.len() + unsent, MANY);
    assert!(bytes().starts_with(&arrived), "other bytes arrived");
    Ok(())
}

#[test]
fn a_reader_that_leaves_a_full_socket_is_noticed() -> Checked {
    let (near, far) = UnixStream::pair()?;
    near.set_nonblocking(true)?;
    let mut out = Writable::builder().spawn(WaitReady::new(near))?;
    for _ in 0..100 {
        let _flow = out.write_chunk(bytes())?;
    }
    out.delivered(4096).wait()?;
    drop(far);
    match out.end().wait() {
        Err(EndError::Failed { cause, .. }) => {
            assert!(["EPIPE", "ECONNRESET"].contains(&Cause::code(&cause)));
        }
        other => panic!("{other:?}"),
    }
    Ok(())
}
