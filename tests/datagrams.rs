//! Records into real datagram sockets.
#![cfg(unix)]

use std::io::{self, Write};
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::thread;

use highwater::log::Log;
use highwater::{BoxError, Builder, EndError, Writable};

type Checked = Result<(), BoxError>;

fn records() -> Builder {
    Writable::builder().records(true)
}

const EVENTS: usize = 1000;

/// An event, as it is logged: of a length that changes.
fn event(n: usize) -> String {
    format!("<14>{n} {}\n", "x".repeat(n % 97))
}

struct Datagrams(UnixDatagram);

impl Write for Datagrams {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        self.0.send(record)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends, and waits until the peer says that it has it: UDP drops what the peer has no room for.
struct Acknowledged(UdpSocket);

impl Write for Acknowledged {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let count = self.0.send(record)?;
        self.0.recv(&mut [0])?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The peer reads nothing until all events are accepted, so the first calls are slow: the system
/// holds some ten datagrams, and all others wait in the stream.
#[test]
fn a_thousand_events_are_a_thousand_unix_datagrams_although_the_peer_is_slow() -> Checked {
    let (near, far) = UnixDatagram::pair()?;
    let mut out = records().spawn(Datagrams(near))?;
    for n in 0..EVENTS {
        let _flow = out.write(event(n))?;
    }
    let mut buffer = [0; 4096];
    for n in 0..EVENTS {
        let len = far.recv(&mut buffer)?;
        assert_eq!(buffer[..len], *event(n).as_bytes(), "datagram {n}");
    }
    out.end().wait()?;
    far.set_nonblocking(true)?;
    let more = far.recv(&mut buffer);
    assert!(more.is_err() || more.is_ok_and(|len| len == 0));
    Ok(())
}

#[test]
fn a_thousand_lines_of_a_log_are_a_thousand_udp_datagrams() -> Checked {
    let (near, far) = (
        UdpSocket::bind("127.0.0.1:0")?,
        UdpSocket::bind("127.0.0.1:0")?,
    );
    near.connect(far.local_addr()?)?;
    far.connect(near.local_addr()?)?;
    let peer = thread::spawn(move || -> io::Result<Vec<Vec<u8>>> {
        let mut buffer = [0; 4096];
        let datagrams = (0..EVENTS).map(|_| {
            let len = far.recv(&mut buffer)?;
            far.send(b"k")?;
            Ok(buffer[..len].to_vec())
        });
        datagrams.collect()
    });
    let log = Log::builder().stream(records()).spawn(Acknowledged(near))?;
    for n in 0..EVENTS {
        write!(log.writer(), "{}", event(n))?;
    }
    log.end().wait()?;
    let datagrams = peer.join().expect("the peer does not panic")?;
    for (n, datagram) in datagrams.iter().enumerate() {
        assert_eq!(*datagram, event(n).as_bytes(), "datagram {n}");
    }
    Ok(())
}

#[test]
fn a_record_longer_than_a_datagram_fails_the_stream_and_comes_back() -> Checked {
    let (near, _far) = UnixDatagram::pair()?;
    let out = records().spawn(Datagrams(near))?;
    let long = vec![b'x'; 64 << 20];
    match out.end_with(long).wait() {
        Err(EndError::Failed {
            cause, unfinished, ..
        }) => {
            assert_eq!(cause.code(), "EMSGSIZE");
            assert_eq!(unfinished.unsent.len(), 1);
        }
        other => return Err(format!("{other:?}").into()),
    }
    Ok(())
}
