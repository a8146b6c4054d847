//! What a caller waits for, and why it may not come.

use std::io;

use super::stream::Stream;
use crate::cause::Cause;
use crate::machine::codes;

/// What a caller waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Condition {
    /// Room; or a 'drain' after this many, even if the room is gone again.
    Drain { before: u64 },
    /// Room.
    Room,
    /// The sink has taken everything up to this position.
    Delivered(u64),
    /// The sink has done the flush of this number.
    Flushed(u64),
    /// The worker has let go of the sink.
    WorkerLeft,
}

impl Stream {
    /// How the wait for this condition ends; `None` if it goes on.
    pub(crate) fn check(&self, condition: Condition) -> Option<Result<(), WaitError>> {
        let handoff = self.driver.host();
        match condition {
            Condition::Drain { before } if handoff.drains != before => Some(Ok(())),
            Condition::Drain { .. } | Condition::Room => match self.stopped() {
                Some(error) => Some(Err(error)),
                None => self.has_room().then_some(Ok(())),
            },
            Condition::Delivered(position) if position > self.position() => {
                let accepted = self.position();
                Some(Err(WaitError::NotAccepted { position, accepted }))
            }
            Condition::Delivered(position) => self.reached(handoff.delivered >= position),
            Condition::Flushed(number) => self.reached(handoff.flushed >= number),
            Condition::WorkerLeft => self.worker_left.then_some(Ok(())),
        }
    }

    fn reached(&self, reached: bool) -> Option<Result<(), WaitError>> {
        if reached {
            Some(Ok(()))
        } else if let Some(cause) = self.failure() {
            Some(Err(WaitError::Failed(cause)))
        } else if self.driver.state().is_destroyed() {
            Some(Err(WaitError::Destroyed))
        } else {
            None
        }
    }

    /// The condition of a wait for 'drain' that begins now.
    pub(crate) fn next_drain(&self) -> Condition {
        let before = self.driver.host().drains;
        Condition::Drain { before }
    }

    /// Why the stream accepts nothing more, if it does not.
    pub(crate) fn stopped(&self) -> Option<WaitError> {
        let state = self.driver.state();
        if let Some(cause) = self.failure() {
            Some(WaitError::Failed(cause))
        } else if state.is_ended() {
            Some(WaitError::Ended)
        } else if state.is_destroyed() {
            Some(WaitError::Destroyed)
        } else {
            None
        }
    }
}

/// What was waited for will not come.
///
/// ```
/// use highwater::{WaitError, Writable};
///
/// let out = Writable::builder().spawn(Vec::new())?;
/// let writer = out.writer();
/// out.end()?;
/// assert!(matches!(writer.wait_drain(), Err(WaitError::Ended)));
/// assert!(matches!(writer.wait_delivered(1), Err(WaitError::NotAccepted { .. })));
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
    /// The stream has failed.
    #[error("the stream failed")]
    Failed(#[source] Cause),
    /// It did not come in time.
    #[error("it did not come in time")]
    TimedOut,
    /// The caller runs on the thread of the worker, as a sink, an observer or a panic hook
    /// does: while it waits, the worker does nothing that could end the wait.
    #[error("a wait on the thread of the stream's worker would deadlock")]
    WouldDeadlock,
    /// So much has not been accepted yet.
    #[error("position {position} is past what was accepted, {accepted} bytes")]
    NotAccepted {
        /// The position asked for, in bytes.
        position: u64,
        /// The position of the stream, in bytes.
        accepted: u64,
    },
}

impl WaitError {
    /// Node's code, that of the cause, `ETIMEDOUT`, `EDEADLK`, or `ERR_OUT_OF_RANGE`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ended => codes::WRITE_AFTER_END,
            Self::Destroyed => codes::DESTROYED,
            Self::Failed(cause) => cause.code(),
            Self::TimedOut => "ETIMEDOUT",
            Self::WouldDeadlock => "EDEADLK",
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
            WaitError::NotAccepted { .. } => io::Error::new(io::ErrorKind::InvalidInput, error),
            _ => io::Error::new(io::ErrorKind::BrokenPipe, error),
        }
    }
}
