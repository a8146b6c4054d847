//! The end of a connection whose peer may have sent something.

use core::time::Duration;
use std::io::{self, Read};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

/// Closes a connection so that its peer gets every byte: shuts down the write side, reads to
/// the end of what the peer sends, and drops the connection.
///
/// A system resets a connection that is dropped while it has unread input, and the peer loses
/// the bytes that it has not read. So use this for the connection that
/// [`end`](crate::Writable::end) hands back, unless the peer never sends anything. It makes
/// the connection blocking. `limit` is the longest time that it takes.
///
/// # Errors
///
/// [`TimedOut`](io::ErrorKind::TimedOut) if the peer has not closed its side within the limit:
/// it may not have everything. And the error of the connection, as when the peer resets it.
///
/// # Examples
///
/// ```
/// use highwater::{Writable, sink};
/// use std::io::{Read, Write};
/// use std::net::{TcpListener, TcpStream};
/// use std::time::Duration;
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let connection = TcpStream::connect(listener.local_addr()?)?;
/// let peer = std::thread::spawn(move || {
///     let (mut peer, _) = listener.accept()?;
///     peer.write_all(b"welcome")?;
///     peer.read_to_end(&mut Vec::new())
/// });
///
/// let mut out = Writable::builder().spawn(connection)?;
/// let _flow = out.write(vec![b'x'; 100_000])?;
/// let connection = out.end().wait()?.sink;
/// sink::close_tcp(connection, Duration::from_secs(10))?; // the peer has all
/// assert_eq!(peer.join().map_err(|_| "a panic")??, 100_000);
/// # Ok::<_, highwater::BoxError>(())
/// ```
pub fn close_tcp(mut connection: TcpStream, limit: Duration) -> io::Result<()> {
    let start = Instant::now();
    connection.set_nonblocking(false)?;
    connection.shutdown(Shutdown::Write)?;
    let mut buffer = [0; 4096];
    loop {
        let left = limit.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        connection.set_read_timeout(Some(left))?;
        match connection.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if is_over(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

/// The read has taken its time, or was interrupted. Systems say the first in two ways.
fn is_over(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    let kind = error.kind();
    matches!(kind, Kind::WouldBlock | Kind::TimedOut | Kind::Interrupted)
}
