//! How the owner ends the stream.

use alloc::boxed::Box;
use core::error::Error;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;

use super::budget::on_budget;
use super::lock::Shared;
use super::parker::Deadline;
use super::writable::Writable;
use crate::cause::Cause;
use crate::chunk::Chunk;
use crate::stream::{Failure, Finished, Stream, Unfinished, WaitError, WriteError};
use crate::sync::Arc;

impl<W> Writable<W> {
    /// Ends the stream, at the call: nothing more can be written. The wait returns when everything
    /// is written and the sink flushed, and hands the sink back. A polled sink is also closed.
    ///
    /// # Errors
    ///
    /// The wait fails if the stream failed. The error has the sink, and what was not delivered.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut out = highwater::Writable::builder().spawn(Vec::new())?;
    /// let _flow = out.write("a line\n")?;
    /// let finished = out.end().wait()?; // in a task: `.await`
    /// assert_eq!((finished.sink.len(), finished.totals.delivered), (7, 7));
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[doc(alias("close", "finish", "shutdown"))]
    pub fn end(self) -> End<W> {
        self.end_after(None)
    }

    /// Writes this last chunk without a copy, and ends the stream, as [`end`](Self::end) does.
    ///
    /// # Errors
    ///
    /// As [`end`](Self::end). A chunk that would pass the limit is not accepted, and then the
    /// stream has not ended: the error has the stream and the chunk.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut out = highwater::Writable::builder().spawn(Vec::new())?;
    /// let _flow = out.write("first\n")?;
    /// assert_eq!(out.end_with("last\n").wait()?.sink, b"first\nlast\n");
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn end_with(self, chunk: impl Into<Chunk>) -> End<W> {
        self.end_after(Some(chunk.into()))
    }

    fn end_after(mut self, chunk: Option<Chunk>) -> End<W> {
        let ended = self.end_now(chunk);
        End {
            shared: Arc::clone(self.shared()),
            ended: Some((self, ended)),
        }
    }
}

/// A stream that ends: what [`Writable::end`] and [`Writable::end_with`] return. It is the
/// owner of the stream now. A task awaits it; a thread calls [`wait`](Self::wait).
///
/// After a time-out, or when it is polled by reference, it can be waited for again, or
/// [destroyed](Self::destroy). Dropping it before the end does what a drop of the owner does:
/// see [`OnDrop`](crate::OnDrop).
///
/// ```
/// use highwater::{EndError, Writable};
/// use std::time::Duration;
///
/// let mut out = Writable::builder().spawn(std::io::sink())?;
/// let _flow = out.write("a line")?;
/// let mut end = out.end();
/// match end.wait_timeout(Duration::from_secs(5)) {
///     Ok(_) => println!("all is written"),
///     Err(EndError::TimedOut) => drop(end.destroy().give_up()),
///     Err(error) => return Err(error.into()),
/// }
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[must_use = "the stream ends at the call; the wait says whether it has finished or failed"]
pub struct End<W> {
    shared: Arc<Shared>,
    /// The stream, until the wait is over, and what its end said of the last chunk.
    ended: Option<(Writable<W>, Ended)>,
}

/// The last chunk, if the stream had failed; or why it is refused.
type Ended = Result<Option<Chunk>, WriteError<Chunk>>;

impl<W> End<W> {
    /// Blocks this thread until the stream has finished, or failed.
    ///
    /// # Errors
    ///
    /// As [`Writable::end`] and [`Writable::end_with`] say. And [`EndError::WouldDeadlock`]
    /// if the worker of the stream runs on the stack of this thread: then the stream goes on
    /// ending.
    pub fn wait(&mut self) -> Result<Finished<W>, EndError<W>> {
        self.wait_until(Deadline::NEVER)
    }

    /// As [`End::wait`], but not longer than this.
    ///
    /// # Errors
    ///
    /// As [`End::wait`], and [`EndError::TimedOut`]: then the stream goes on ending.
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<Finished<W>, EndError<W>> {
        self.wait_until(Deadline::after(timeout))
    }

    fn wait_until(&mut self, deadline: Deadline) -> Result<Finished<W>, EndError<W>> {
        if let Some((stream, Ok(_))) = &mut self.ended {
            stream.wait_left(deadline).map_err(|error| match error {
                WaitError::TimedOut => EndError::TimedOut,
                WaitError::Forked => EndError::Forked,
                _ => EndError::WouldDeadlock,
            })?;
        }
        self.outcome()
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// The stream, unless it has been handed back.
    pub(super) fn into_stream(mut self) -> Option<Writable<W>> {
        self.ended.take().map(|(stream, _)| stream)
    }

    /// What the stream has come to, once the worker has left.
    fn outcome(&mut self) -> Result<Finished<W>, EndError<W>> {
        match self.ended.take() {
            Some((stream, Err(error))) => Err(EndError::Refused {
                stream: Box::new(stream),
                error,
            }),
            Some((mut stream, Ok(refused))) => {
                let finished = self.shared.look(Stream::finished);
                let outcome = stream.collect().outcome(finished);
                outcome.map_err(|failure| EndError::failed(failure, refused))
            }
            None => {
                let text = "the end of this stream was waited for before";
                let cause = Cause::Reason(Box::<dyn Error + Send + Sync>::from(text).into());
                let nothing = Unfinished::nothing(self.shared.look(Stream::snapshot));
                Err(EndError::failed((cause, Box::new(nothing)), None))
            }
        }
    }
}

impl<W> Future for End<W> {
    type Output = Result<Finished<W>, EndError<W>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some((stream, Ok(_))) = &mut self.ended {
            let left = on_budget(cx, |cx| stream.poll_left(cx));
            ready!(left);
        }
        Poll::Ready(self.outcome())
    }
}

/// It is polled and moved, but never in place.
impl<W> Unpin for End<W> {}

impl<W> fmt::Debug for End<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("End").finish_non_exhaustive()
    }
}

/// The stream could not be ended.
///
/// It holds the sink. So it goes into a `Box<dyn Error + Send + Sync>` only if the sink is `Send`
/// and `Sync`. Into an [`io::Error`], which has the cause, it always goes.
///
/// ```
/// use highwater::{EndError, Writable};
/// use std::fs::File;
///
/// let mut out = Writable::builder().spawn_with(|| File::create("/no/such/folder/file"))?;
/// let _ = out.write("hello");
/// if let Err(EndError::Failed { cause, unfinished, .. }) = out.end().wait() {
///     assert_eq!(cause.code(), "ENOENT");
///     let unsent: u64 = unfinished.unsent.iter().map(|chunk| chunk.len() as u64).sum();
///     assert_eq!(unsent, unfinished.totals.accepted);
/// }
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[non_exhaustive]
pub enum EndError<W> {
    /// The stream has failed, before or at its end. The error hands back what was not delivered.
    Failed {
        /// Why it failed.
        cause: Cause,
        /// The last chunk, if there was one and it was not accepted.
        refused: Option<Chunk>,
        /// The sink, and what was accepted and not delivered.
        unfinished: Box<Unfinished<W>>,
    },
    /// The stream did not accept the last chunk: it would pass the limit, or the stream was
    /// closed as a `Sink`. The error hands the stream back; dropping the error drops it.
    Refused {
        /// The stream.
        stream: Box<Writable<W>>,
        /// Why, and the chunk.
        error: WriteError<Chunk>,
    },
    /// The stream has ended but did not finish in time. [`End`] still has it: wait again, or
    /// destroy it.
    TimedOut,
    /// The worker of the stream runs on the stack of this thread, and ends the stream once
    /// the caller has returned. [`End`] still has it.
    WouldDeadlock,
    /// The thread of the stream is in the process that this one was forked from: see
    /// [`WaitError::Forked`]. [`End`] still has what there is here.
    Forked,
}

impl<W> EndError<W> {
    pub(crate) fn failed((cause, unfinished): Failure<W>, refused: Option<Chunk>) -> Self {
        Self::Failed {
            cause,
            refused,
            unfinished,
        }
    }

    /// The code of the cause, `TOO_LONG`, `ETIMEDOUT`, `EDEADLK`, or `ESRCH`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Failed { cause, .. } => cause.code(),
            Self::Refused { error, .. } => error.code(),
            Self::TimedOut => "ETIMEDOUT",
            Self::WouldDeadlock => "EDEADLK",
            Self::Forked => "ESRCH",
        }
    }

    /// Why the stream failed, if it did.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Self::Failed { cause, .. } => Some(cause),
            _ => None,
        }
    }
}

// By hand: the cause is not a source, as its text is in this one's, but its sources are. And
// so that a sink need not be `Debug`.

impl<W> fmt::Display for EndError<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { cause, .. } => cause.fmt(f),
            Self::Refused { error, .. } => write!(f, "the last chunk was refused: {error}"),
            Self::TimedOut => f.write_str("the stream did not finish in time"),
            Self::Forked => f.write_str("the stream cannot finish in a forked process"),
            Self::WouldDeadlock => f.write_str(
                "a wait for the end on the thread of the stream's worker would deadlock",
            ),
        }
    }
}

impl<W> Error for EndError<W> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed { cause, .. } => cause.source(),
            // A chunk that is refused has no cause.
            _ => None,
        }
    }
}

impl<W> From<EndError<W>> for io::Error {
    fn from(error: EndError<W>) -> Self {
        match error {
            EndError::Failed { cause, .. } => cause.to_io(),
            EndError::Refused { error, .. } => error.into(),
            EndError::TimedOut => WaitError::TimedOut.into(),
            EndError::WouldDeadlock => WaitError::WouldDeadlock.into(),
            EndError::Forked => WaitError::Forked.into(),
        }
    }
}

impl<W> fmt::Debug for EndError<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed {
                cause, unfinished, ..
            } => f
                .debug_struct("Failed")
                .field("cause", cause)
                .field("unfinished", unfinished)
                .finish_non_exhaustive(),
            Self::Refused { error, .. } => f.debug_tuple("Refused").field(error).finish(),
            Self::TimedOut => f.write_str("TimedOut"),
            Self::WouldDeadlock => f.write_str("WouldDeadlock"),
            Self::Forked => f.write_str("Forked"),
        }
    }
}
