//! How the producers of a stage wait: as threads, or as tasks.

#[cfg(feature = "futures")]
use std::future::Future;
#[cfg(feature = "futures")]
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use highwater::{
    Chunk, Destroy, End, EndError, Finished, Flow, Unfinished, Wait, WaitError, Writable,
    WriteError, Writer,
};

/// Each of them asks without waiting, which gives `None` for *not yet*, or waits.
pub(crate) trait Producers {
    fn ask(wait: &mut Wait) -> Option<Result<(), WaitError>>;
    fn ask_end<W>(end: &mut End<W>) -> Option<Ended<W>>;
    fn end<W>(end: &mut End<W>) -> Ended<W>;
    /// A destroy over a polled worker is over once that was polled.
    #[cfg(feature = "futures")]
    fn ask_destroy<W>(destroy: &mut Destroy<W>) -> Option<Unfinished<W>>;
    fn destroy<W>(destroy: &mut Destroy<W>) -> Unfinished<W>;
}

pub(crate) type Ended<W> = Result<Finished<W>, EndError<W>>;

/// They are threads: a wait without time is a question.
pub(crate) struct Blocking;

impl Producers for Blocking {
    fn ask(wait: &mut Wait) -> Option<Result<(), WaitError>> {
        match wait.wait_timeout(Duration::ZERO) {
            Err(WaitError::TimedOut) => None,
            result => Some(result),
        }
    }

    fn ask_end<W>(end: &mut End<W>) -> Option<Ended<W>> {
        match end.wait_timeout(Duration::ZERO) {
            Err(EndError::TimedOut) => None,
            result => Some(result),
        }
    }

    fn end<W>(end: &mut End<W>) -> Ended<W> {
        end.wait()
    }

    #[cfg(feature = "futures")]
    fn ask_destroy<W>(destroy: &mut Destroy<W>) -> Option<Unfinished<W>> {
        match destroy.wait_timeout(Duration::ZERO) {
            Err(WaitError::TimedOut) => None,
            result => Some(result.expect("no worker is on this stack")),
        }
    }

    fn destroy<W>(destroy: &mut Destroy<W>) -> Unfinished<W> {
        destroy.wait().expect("no worker is on this stack")
    }
}

/// They are tasks: a poll is a question.
#[cfg(feature = "futures")]
pub(crate) struct Tasks;

#[cfg(feature = "futures")]
impl Producers for Tasks {
    fn ask(wait: &mut Wait) -> Option<Result<(), WaitError>> {
        poll_once(wait)
    }

    fn ask_end<W>(end: &mut End<W>) -> Option<Ended<W>> {
        poll_once(end)
    }

    fn end<W>(end: &mut End<W>) -> Ended<W> {
        futures::executor::block_on(end)
    }

    fn ask_destroy<W>(destroy: &mut Destroy<W>) -> Option<Unfinished<W>> {
        poll_once(destroy)
    }

    fn destroy<W>(destroy: &mut Destroy<W>) -> Unfinished<W> {
        futures::executor::block_on(destroy)
    }
}

/// Polls once.
#[cfg(feature = "futures")]
pub fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    match future.as_mut().poll(&mut cx) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// A write of the owner, copied, or of another producer, without a copy: each has a path of its
/// own into the stream.
pub(super) fn write<W>(
    owner: Option<&mut Writable<W>>,
    writer: &Writer,
    bytes: Vec<u8>,
) -> Result<Flow, WriteError<Chunk>> {
    match owner {
        Some(owner) if bytes.len() % 3 != 0 => owner.write(&bytes).map_err(|error| match error {
            WriteError::AfterEnd { .. } => WriteError::AfterEnd {
                chunk: bytes.into(),
            },
            WriteError::Failed { cause, .. } => WriteError::Failed {
                chunk: bytes.into(),
                cause,
            },
            WriteError::TooLong { limit, .. } => WriteError::TooLong {
                chunk: bytes.into(),
                limit,
            },
            _ => WriteError::Destroyed {
                chunk: bytes.into(),
            },
        }),
        _ => writer.write_chunk(bytes),
    }
}
