//! The producer of the body.

use highwater::{BoxError, EndError, Flow, Snapshot, Writable};
use highwater_uses::lines::{LINE, line};
use highwater_uses::report::Report;
use highwater_uses::{causes, stopped};
use tokio::sync::watch;

/// What the producer is doing, for a client that goes by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Producing {
    /// There is no request, or it is done.
    Idle,
    Writing,
    /// The stream has said to wait: everything from here to the client is full.
    Waiting,
}

/// How producing a body has ended.
pub(crate) struct Produced {
    pub(crate) totals: Snapshot,
    /// The error that the producer got, if not all was taken.
    pub(crate) failed: Option<String>,
    /// Bytes that were accepted and have come back.
    pub(crate) unsent: u64,
}

impl Produced {
    pub(crate) fn report(&self) -> Report {
        let report = Report::new()
            .bytes("written", "written", self.totals.delivered)
            .count("waits", "times the producer waited", self.totals.waits)
            .bytes("peak", "most in the stream at once", self.totals.peak);
        match &self.failed {
            None => report,
            Some(error) => report
                .bytes("unsent", "accepted and not sent", self.unsent)
                .error("the producer got", error),
        }
    }
}

/// Writes a body of this length. At Ctrl-C the stream is destroyed.
pub(crate) async fn produce(
    mut out: Writable<()>,
    size: u64,
    producing: watch::Sender<Producing>,
    mut stop: watch::Receiver<bool>,
) -> Produced {
    let through = tokio::select! {
        through = write_all(&mut out, size, &producing) => Some(through),
        () = stopped(&mut stop) => None,
    };
    producing.send_replace(Producing::Idle);
    let before = out.snapshot();
    let (unfinished, failed) = match through {
        None => (out.destroy().await, "interrupted".into()),
        // What the write or the wait has answered; the end hands back what is left.
        Some(Err(error)) => (out.destroy().await, causes(error.as_ref())),
        Some(Ok(())) => match out.end().await {
            Ok(done) => {
                return Produced {
                    totals: done.totals,
                    failed: None,
                    unsent: 0,
                };
            }
            Err(EndError::Failed {
                cause, unfinished, ..
            }) => (*unfinished, causes(&cause)),
            // Nothing else ends so without a last chunk or a time limit.
            Err(error) => {
                let (totals, failed) = (before, Some(causes(&error)));
                let unsent = totals.length;
                return Produced {
                    totals,
                    failed,
                    unsent,
                };
            }
        },
    };
    Produced {
        totals: unfinished.totals,
        failed: Some(failed),
        unsent: unfinished
            .unsent
            .iter()
            .map(|chunk| chunk.len() as u64)
            .sum(),
    }
}

async fn write_all(
    out: &mut Writable<()>,
    size: u64,
    producing: &watch::Sender<Producing>,
) -> Result<(), BoxError> {
    producing.send_replace(Producing::Writing);
    let mut position = 0;
    while position < size {
        let line = line(position / LINE as u64);
        let count = LINE.min((size - position) as usize);
        position += count as u64;
        if out.write(&line[..count])? == Flow::Wait {
            producing.send_replace(Producing::Waiting);
            out.drained().await?;
            producing.send_replace(Producing::Writing);
        }
    }
    // What is left in the queue reaches a slow reader only if it goes on reading.
    producing.send_replace(Producing::Idle);
    Ok(out.flush().await?)
}
