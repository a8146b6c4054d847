//! A peer that speaks first still gets every byte.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use highwater::{BoxError, Writable, sink};
use highwater_testkit::gate::WATCHDOG;

type Checked = Result<(), BoxError>;

/// More than the peer's side of the system holds, less than both sides.
const LENGTH: usize = 128 * 1024;

/// What the peer has read when its connection ended, and how that ended.
type Reading = JoinHandle<(usize, io::Result<()>)>;

/// A connection whose peer greets. It reads once the test says so, a few bytes at a time.
fn greeted() -> Result<(TcpStream, Sender<()>, Reading), BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let connection = TcpStream::connect(listener.local_addr()?)?;
    let (mut peer, _) = listener.accept()?;
    // More than is read at once.
    peer.write_all(&[b'w'; 10_000])?;
    // The greeting has arrived.
    connection.peek(&mut [0; 1])?;
    let (tell, told) = channel();
    let reader = thread::spawn(move || {
        let _ = told.recv();
        let mut read = 0;
        loop {
            match peer.read(&mut [0; 16]) {
                Ok(0) => return (read, Ok(())),
                Ok(count) => read += count,
                Err(error) => return (read, Err(error)),
            }
        }
    });
    Ok((connection, tell, reader))
}

fn send(connection: TcpStream) -> Result<TcpStream, BoxError> {
    let mut out = Writable::builder().spawn(connection)?;
    let _flow = out.write(vec![b'x'; LENGTH])?;
    Ok(out.end().wait()?.sink)
}

/// Why there is `close_tcp`.
#[test]
fn a_connection_that_is_dropped_with_unread_input_loses_bytes() -> Checked {
    let (connection, tell, reader) = greeted()?;
    drop(send(connection)?);
    tell.send(())?;
    let (read, end) = reader.join().map_err(|_| "a panic")?;
    assert_eq!(
        end.map_err(|e| e.kind()),
        Err(io::ErrorKind::ConnectionReset)
    );
    assert!(read < LENGTH, "{read}");
    Ok(())
}

#[test]
fn a_peer_that_speaks_first_gets_every_byte() -> Checked {
    for nonblocking in [false, true] {
        let (connection, tell, reader) = greeted()?;
        let connection = send(connection)?;
        connection.set_nonblocking(nonblocking)?;
        tell.send(())?;
        sink::close_tcp(connection, WATCHDOG)?;
        let (read, end) = reader.join().map_err(|_| "a panic")?;
        end?;
        assert_eq!(read, LENGTH);
    }
    Ok(())
}

/// A peer that never stops speaking, and one that says nothing more and stays.
#[test]
fn a_peer_that_does_not_close_is_left_after_the_limit() -> Checked {
    for speaks in [true, false] {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let connection = TcpStream::connect(listener.local_addr()?)?;
        let (mut peer, _) = listener.accept()?;
        let speaker = thread::spawn(move || {
            while speaks && peer.write_all(b"and another thing, ").is_ok() {}
            peer // still open
        });
        let closed = sink::close_tcp(connection, Duration::from_millis(20));
        let kind = closed.map_err(|error| error.kind());
        assert_eq!(kind, Err(io::ErrorKind::TimedOut), "{speaks}");
        drop(speaker.join().map_err(|_| "a panic")?);
    }
    Ok(())
}

#[test]
fn a_peer_that_resets_is_an_error() -> Checked {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let connection = TcpStream::connect(listener.local_addr()?)?;
    let (peer, _) = listener.accept()?;
    let connection = send(connection)?;
    // It leaves with unread input.
    peer.peek(&mut [0; 1])?;
    drop(peer);
    let closed = sink::close_tcp(connection, WATCHDOG);
    let kind = closed.map_err(|error| error.kind());
    assert!(
        matches!(
            kind,
            Err(io::ErrorKind::ConnectionReset | io::ErrorKind::NotConnected)
        ),
        "{kind:?}"
    );
    Ok(())
}
