//! The producer's side of one connection.

use bytes::Bytes;
use highwater::{BoxError, EndError, Snapshot, Writable};
use highwater_uses::lines::LINE;
use highwater_uses::{Failure, causes, stopped};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// How pushing to one connection has gone.
pub(crate) struct Pushed {
    pub(crate) totals: Snapshot,
    /// Why not everything was delivered.
    pub(crate) failed: Option<String>,
    /// Bytes that were accepted and have come back.
    pub(crate) unsent: u64,
}

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
                return Ok(Pushed {
                    totals: done.totals,
                    failed: None,
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

/// Line by line, each a slice of the feed: only its place in the queue costs memory.
async fn write_all(feed: &Bytes, out: &mut Writable<TcpStream>) -> Result<(), BoxError> {
    let mut rest = feed.clone();
    while !rest.is_empty() {
        let line = rest.split_to(LINE.min(rest.len()));
        out.send(line).await?;
    }
    // So that the end has nothing to wait for: it cannot be taken back.
    Ok(out.flush().await?)
}
