//! A chunk that waits until there is room for it.

use core::fmt;
use core::future::Future;
use core::mem;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;
use std::sync::OnceLock;

use super::budget::on_budget;
use super::lock::Shared;
use super::parker::Deadline;
use crate::chunk::Chunk;
use crate::stream::{By, Stream, Ticket, WaitError, WriteError};
use crate::sync::Arc;

/// A chunk on its way into a stream: what [`send`](crate::Writable::send) returns. If there is
/// room, `send` writes the chunk. If not, `.await` or [`wait`](Self::wait) waits for room and
/// writes it. The result is the position of the stream after the chunk, in bytes.
///
/// Dropping it before that drops the chunk: the stream has not accepted it.
/// [`into_chunk`](Self::into_chunk) gives the chunk back. In a task of tokio a poll may be pending
/// although the chunk is in, as the task [gives up its turn](crate#a-loop-that-never-has-to-wait).
/// `into_chunk` returns `None` then.
///
/// If the stream refuses the chunk, the first error has it. A further wait or poll returns the same
/// error with an empty chunk.
///
/// The stream wakes the waiters for room one by one. Poll or drop one that is woken. If you do
/// neither, the stream wakes the next one only once the worker has nothing else to do.
///
/// ```
/// let mut out = highwater::Writable::builder().high_water_mark(4).spawn(Vec::new())?;
/// for line in ["first\n", "second\n"] {
///     out.send(line).wait()?; // never more than the mark and one line in memory
/// }
/// assert_eq!(out.end().wait()?.sink, b"first\nsecond\n");
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[must_use = "the chunk waits for room only when it is awaited, or its `wait` is called"]
pub struct Sending {
    shared: Arc<Shared>,
    state: State,
    ticket: Option<Ticket>,
    /// Set when the stream accepts the chunk: its producer has something new to flush.
    sent: Option<alloc::sync::Arc<AtomicBool>>,
}

enum State {
    Waits(Chunk),
    /// The position after it.
    Accepted(u64),
    /// The waiter has the chunk.
    Refused(WriteError),
}

impl Sending {
    /// `sent` is what tells its producer that it was accepted later.
    pub(super) fn new(
        by: By,
        shared: &Arc<Shared>,
        chunk: Chunk,
        sent: &OnceLock<alloc::sync::Arc<AtomicBool>>,
    ) -> Self {
        let mut state = State::Waits(chunk);
        shared.change(by, |stream| {
            if stream.has_room_for(state.len()) {
                // Why it is refused is for the waiter.
                state = match state.write(stream) {
                    Ok(position) => State::Accepted(position),
                    Err(error) => State::Waits(error.into_chunk()),
                };
            }
        });
        let sent = match state {
            State::Waits(_) => Some(sent.get_or_init(Default::default).clone()),
            _ => None,
        };
        Self {
            shared: Arc::clone(shared),
            state,
            ticket: None,
            sent,
        }
    }

    /// Returns the chunk, if the stream has not accepted it.
    #[must_use]
    pub fn into_chunk(mut self) -> Option<Chunk> {
        match &mut self.state {
            State::Waits(chunk) => Some(mem::replace(chunk, "".into())),
            State::Accepted(_) | State::Refused(_) => None,
        }
    }

    /// Blocks this thread until the stream has accepted the chunk.
    ///
    /// # Errors
    ///
    /// If the stream has ended, failed or been destroyed, or if its limit is less than the
    /// chunk: the chunk is in the error. If you wait again, the error is the same, but its chunk is
    /// empty: only the first error has the chunk. And [`SendError::WouldDeadlock`] if the worker of
    /// the stream runs on the stack of this thread.
    pub fn wait(&mut self) -> Result<u64, SendError> {
        self.wait_until(Deadline::NEVER)
    }

    /// As [`Sending::wait`], but not longer than this.
    ///
    /// # Errors
    ///
    /// As [`Sending::wait`], and [`SendError::TimedOut`]: then the chunk is still here, and
    /// can be waited for again.
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<u64, SendError> {
        self.wait_until(Deadline::after(timeout))
    }

    fn wait_until(&mut self, deadline: Deadline) -> Result<u64, SendError> {
        // Most are: then no thread waits, and none needs a waker.
        if let State::Accepted(position) = self.state {
            return Ok(position);
        }
        let shared = Arc::clone(&self.shared);
        let found = shared.block_on(deadline, |cx| self.poll_accept(cx));
        // Without this, one who has given up could be woken in place of another.
        shared.leave(&mut self.ticket);
        match found {
            Ok(result) => result.map_err(SendError::Refused),
            Err(WaitError::TimedOut) => Err(SendError::TimedOut),
            Err(WaitError::Forked) => Err(SendError::Forked),
            Err(_) => Err(SendError::WouldDeadlock),
        }
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Result<u64, WriteError<Chunk>>> {
        match &self.state {
            State::Waits(_) => {}
            State::Accepted(position) => return Poll::Ready(Ok(*position)),
            State::Refused(error) => {
                return Poll::Ready(Err(error.clone().map(|()| "".into())));
            }
        }
        let (len, state) = (self.state.len(), &mut self.state);
        let write = |stream: &mut Stream| state.write(stream);
        let written = ready!(
            self.shared
                .poll_room(By::Other, cx, &mut self.ticket, len, write)
        );
        self.state = match &written {
            Ok(position) => {
                if let Some(sent) = &self.sent {
                    sent.store(true, Ordering::Relaxed);
                }
                State::Accepted(*position)
            }
            Err(error) => State::Refused(error.without_chunk()),
        };
        Poll::Ready(written)
    }
}

impl State {
    fn len(&self) -> usize {
        match self {
            Self::Waits(chunk) => chunk.len(),
            Self::Accepted(_) | Self::Refused(_) => 0,
        }
    }

    /// Puts the chunk in; returns the position after it.
    fn write(&mut self, stream: &mut Stream) -> Result<u64, WriteError<Chunk>> {
        if let Self::Waits(chunk) = self {
            // If the stream says `Wait`, the producer waits before its next chunk.
            let _flow = stream.write_chunk(mem::replace(chunk, "".into()))?;
        }
        Ok(stream.position())
    }
}

impl Future for Sending {
    type Output = Result<u64, WriteError<Chunk>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        on_budget(cx, |cx| self.poll_accept(cx))
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.shared.leave(&mut self.ticket);
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state: &dyn fmt::Debug = match &self.state {
            State::Waits(chunk) => chunk,
            State::Accepted(position) => position,
            State::Refused(error) => error,
        };
        f.debug_tuple("Sending").field(state).finish()
    }
}

/// A thread's wait for room for its chunk has ended without the chunk in the stream.
///
/// ```
/// use highwater::{SendError, Writable};
/// use std::time::Duration;
///
/// let mut out = Writable::builder().high_water_mark(1).spawn(Vec::new())?;
/// let _flow = out.write("held")?;
/// let mut sending = out.send("more");
/// match sending.wait_timeout(Duration::from_secs(1)) {
///     Ok(position) => assert_eq!(position, 8),
///     Err(SendError::TimedOut) => drop(sending.into_chunk()),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The stream has refused the chunk, which is in the first such error. In the error of a further
    /// wait the chunk is empty.
    #[error(transparent)]
    Refused(WriteError<Chunk>),
    /// There was no room in time. [`Sending`] still has the chunk.
    #[error("there was no room in time")]
    TimedOut,
    /// The worker of the stream runs on the stack of this thread: there will be no room as
    /// long as the thread waits. [`Sending`] still has the chunk.
    #[error("a wait for room on the thread of the stream's worker would deadlock")]
    WouldDeadlock,
    /// The thread of the stream is in the process that this one was forked from: see
    /// [`WaitError::Forked`]. [`Sending`] still has the chunk.
    #[error("there will be no room in a forked process")]
    Forked,
}

impl SendError {
    /// The code of the refusal, `ETIMEDOUT`, `EDEADLK`, or `ESRCH`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(error) => error.code(),
            Self::TimedOut => WaitError::TimedOut.code(),
            Self::WouldDeadlock => WaitError::WouldDeadlock.code(),
            Self::Forked => WaitError::Forked.code(),
        }
    }
}

impl From<SendError> for io::Error {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Refused(error) => error.into(),
            SendError::TimedOut => WaitError::TimedOut.into(),
            SendError::WouldDeadlock => WaitError::WouldDeadlock.into(),
            SendError::Forked => WaitError::Forked.into(),
        }
    }
}
