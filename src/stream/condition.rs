//! What a caller waits for, and why it may not come.

use std::io;

use crate::cause::Cause;
use crate::machine::codes;

/// What a caller waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Condition {
    /// Room; or a 'drain' after this many, even if the room is gone again.
    Drain { before: u64 },
    /// There is room, and the limit allows this many bytes more. Or the stream refuses such a
    /// write, as it has stopped or its limit is less: then the write says so itself.
    Room { len: u64 },
    /// The sink has taken everything up to this position.
    Delivered(u64),
    /// The sink has done the flush of this number.
    Flushed(u64),
    /// The worker has let go of the sink.
    WorkerLeft,
    /// The same; an error says why the stream has not finished.
    Closed,
}

/// Why a wait is over, and what the caller waited for has not come.
///
/// ```
/// use highwater::{WaitError, Writable};
///
/// let out = Writable::builder().spawn(Vec::new())?;
/// let writer = out.writer();
/// out.end().wait()?;
/// assert!(matches!(writer.drained().wait(), Err(WaitError::Ended)));
/// let early = writer.delivered(1).wait();
/// assert!(matches!(early, Err(WaitError::NotAccepted { .. })));
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The stream has been ended: it emits no 'drain' and accepts nothing more.
    #[error("the stream has ended")]
    Ended,
    /// The stream has been destroyed.
    #[error("the stream was destroyed")]
    Destroyed,
    /// The stream has failed: its cause says why.
    #[error(transparent)]
    Failed(Cause),
    /// The wait timed out.
    #[error("the wait timed out")]
    TimedOut,
    /// The worker runs on the caller's stack, as the caller is a sink, an observer or a panic hook.
    /// While it waits, the worker does nothing that could end the wait.
    #[error("a wait on the thread of the stream's worker would deadlock")]
    WouldDeadlock,
    /// This process was forked from the one that has the thread of the stream. A fork does not copy
    /// that thread, so nothing comes here. What this process has written is lost; the stream of
    /// the other process goes on.
    #[error("the thread of the stream is in the process that this one was forked from")]
    Forked,
    /// The stream has not accepted that much yet.
    #[error("position {position} is past the {accepted} bytes that the stream has accepted")]
    NotAccepted {
        /// The position asked for, in bytes.
        position: u64,
        /// The position of the stream, in bytes.
        accepted: u64,
    },
}

impl WaitError {
    /// Node's code, that of the cause, `ETIMEDOUT`, `EDEADLK`, `ESRCH` after a fork, or
    /// `ERR_OUT_OF_RANGE`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ended => codes::WRITE_AFTER_END,
            Self::Destroyed => codes::DESTROYED,
            Self::Failed(cause) => cause.code(),
            Self::TimedOut => "ETIMEDOUT",
            Self::WouldDeadlock => "EDEADLK",
            Self::Forked => "ESRCH",
            Self::NotAccepted { .. } => codes::OUT_OF_RANGE,
        }
    }
}

impl From<WaitError> for io::Error {
    fn from(error: WaitError) -> Self {
        match &error {
            WaitError::Failed(cause) => cause.to_io(),
            WaitError::TimedOut => io::Error::new(io::ErrorKind::TimedOut, error),
            WaitError::WouldDeadlock => io::Error::new(io::ErrorKind::Deadlock, error),
            WaitError::Forked => io::Error::new(io::ErrorKind::Unsupported, error),
            WaitError::NotAccepted { .. } => io::Error::new(io::ErrorKind::InvalidInput, error),
            _ => io::Error::new(io::ErrorKind::BrokenPipe, error),
        }
    }
}
