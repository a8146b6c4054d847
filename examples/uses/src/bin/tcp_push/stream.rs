//! The producer's side of one connection.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use highwater::{BoxError, EndError, Snapshot, Writable};
use highwater_uses::lines::LINE;
use highwater_uses::{Failure, causes, stopped};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

/// How pushing to one connection has gone.
pub(crate) struct Pushed {
    pub(crate) totals: Snapshot,
    /// Why not everything was delivered.
    pub(crate) failed: Option<String>,
    /// Bytes that were accepted and have come back.
    pub(crate) unsent: u64,
}

/// How many bytes all streams have accepted, for a progress bar.
pub(crate) static ACCEPTED: AtomicU64 = AtomicU64::new(0);

/// Pushes the whole feed to one connection. At Ctrl-C the stream is destroyed.
pub(crate) async fn push_one(
    feed: Bytes,
    connection: TcpStream,
    mark: u64,
    mut stop: watch::Receiver<bool>,
) -> Result<Pushed, Failure> {
    let mut out = Writable::builder()
        .high_water_mark(mark)
        .spawn_tokio(connection)
        .map_err(|error| Failure::of("starting a stream", &error.source))?;
    let through = tokio::select! {
        // The end returns a failure again, with what has come back.
        _ = write_all(&feed, &mut out) => true,
        () = stopped(&mut stop) => false,
    };
    let (unfinished, failed) = if through {
        match out.end().await {
            Ok(done) => {
                let closed = tokio::select! {
                    closed = read_to_the_end(done.sink) => closed,
                    // All is sent; there is nothing to wait for any more.
                    () = stopped(&mut stop) => Ok(()),
                };
                return Ok(Pushed {
                    totals: done.totals,
                    failed: closed.err(),
                    unsent: 0,
                });
            }
            Err(EndError::Failed {
                cause, unfinished, ..
            }) => (*unfinished, Some(causes(&cause))),
            Err(error) => return Err(Failure::of("ending a stream", &error)),
        }
    } else {
        (out.destroy().await, None)
    };
    Ok(Pushed {
        totals: unfinished.totals,
        failed,
        unsent: unfinished
            .unsent
            .iter()
            .map(|chunk| chunk.len() as u64)
            .sum(),
    })
}

/// How long a peer may take to read what is on its way and to close its side.
const LIMIT: Duration = Duration::from_secs(30);

/// A connection that is dropped with unread input is reset, and its peer loses the last bytes.
/// So what the peer says is read, to the end.
async fn read_to_the_end(mut connection: TcpStream) -> Result<(), String> {
    let mut nowhere = tokio::io::sink();
    let rest = tokio::io::copy(&mut connection, &mut nowhere);
    match timeout(LIMIT, rest).await {
        Ok(read) => read.map(drop).map_err(|error| causes(&error)),
        Err(_) => Err(format!(
            "the peer has not closed its side within {} seconds, and may not have read everything",
            LIMIT.as_secs()
        )),
    }
}

/// How many bytes are counted at once: not each line, as many tasks share the count.
const COUNTED: usize = 64 * LINE;

/// Line by line, each a slice of the feed: only its place in the queue costs memory.
async fn write_all(feed: &Bytes, out: &mut Writable<TcpStream>) -> Result<(), BoxError> {
    let mut rest = feed.clone();
    while !rest.is_empty() {
        let line = rest.split_to(LINE.min(rest.len()));
        out.send(line).await?;
        if rest.len() % COUNTED == 0 {
            ACCEPTED.fetch_add(COUNTED as u64, Ordering::Relaxed);
        }
    }
    // So that the end has nothing to wait for: it cannot be taken back.
    Ok(out.flush().await?)
}
