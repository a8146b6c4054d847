//! How the owner stops the stream at once.

use alloc::boxed::Box;
use core::error::Error;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;

use super::budget::on_budget;
use super::end::End;
use super::lock::Shared;
use super::on_drop::OnDrop;
use super::parker::Deadline;
use super::writable::Writable;
use crate::cause::Cause;
use crate::stream::{By, Stream, Unfinished, WaitError};
use crate::sync::Arc;

impl<W> Writable<W> {
    /// Stops the stream, at the call. The wait returns once the worker has let go of the sink, and
    /// hands back the sink and what was not sent. Delivered and unsent together are what was
    /// accepted.
    ///
    /// A call of a blocking sink, an opener or an observer that runs is not cut off: the worker
    /// finishes it first. A polled call that is pending has taken nothing. A sink that buffers by itself, as
    /// `tokio::fs::File` does, is not flushed: what it has taken may be lost, without an error.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut out = highwater::Writable::builder().spawn(Vec::new())?;
    /// out.cork()?.write("held until now")?;
    /// let unfinished = out.destroy().wait()?;
    /// let unsent: u64 = unfinished.unsent.iter().map(|chunk| chunk.len() as u64).sum();
    /// assert_eq!(unfinished.totals.delivered + unsent, unfinished.totals.accepted);
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[doc(alias("abort", "cancel"))]
    pub fn destroy(self) -> Destroy<W> {
        self.destroy_for(None)
    }

    /// Stops now, as [`destroy`](Self::destroy) does, and gives every waiter and the observer this
    /// reason as the error.
    ///
    /// ```
    /// let out = highwater::Writable::builder().spawn(Vec::new())?;
    /// let writer = out.writer();
    /// out.destroy_with("the client has left").wait()?;
    /// let error = writer.write("more").expect_err("it is destroyed");
    /// assert_eq!(error.to_string(), "the client has left");
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    pub fn destroy_with(self, reason: impl Into<Box<dyn Error + Send + Sync>>) -> Destroy<W> {
        self.destroy_for(Some(Cause::reason(reason)))
    }

    pub(super) fn destroy_for(mut self, reason: Option<Cause>) -> Destroy<W> {
        drop(
            self.shared()
                .change(By::Owner, |stream| stream.destroy(reason)),
        );
        self.on_drop = Some(OnDrop::Discard);
        Destroy {
            shared: Arc::clone(self.shared()),
            stream: Some(self),
        }
    }
}

impl<W> End<W> {
    /// Stops the stream that has not finished yet, as [`Writable::destroy`] does.
    pub fn destroy(self) -> Destroy<W> {
        self.destroy_for(None)
    }

    /// Stops it as [`destroy`](Self::destroy) does, and gives every waiter and the observer this
    /// reason as the error.
    pub fn destroy_with(self, reason: impl Into<Box<dyn Error + Send + Sync>>) -> Destroy<W> {
        self.destroy_for(Some(Cause::reason(reason)))
    }

    fn destroy_for(self, reason: Option<Cause>) -> Destroy<W> {
        let shared = self.shared();
        match self.into_stream() {
            Some(stream) => stream.destroy_for(reason),
            None => Destroy {
                shared,
                stream: None,
            },
        }
    }
}

/// A stream that was destroyed: what [`Writable::destroy`] and [`Writable::destroy_with`]
/// return. It is the owner of the stream now. A task awaits it; a thread calls
/// [`wait`](Self::wait).
///
/// Dropping it drops what was not sent, and does not wait: the worker lets go of the sink as
/// soon as it can, and drops it.
#[must_use = "the stream is destroyed at the call; the wait hands back what was not sent"]
pub struct Destroy<W> {
    shared: Arc<Shared>,
    /// The stream, until the wait is over.
    stream: Option<Writable<W>>,
}

impl<W> Destroy<W> {
    /// Blocks this thread until the worker has let go of the sink.
    ///
    /// # Errors
    ///
    /// [`WaitError::WouldDeadlock`] if the worker of the stream runs on the stack of this
    /// thread.
    pub fn wait(&mut self) -> Result<Unfinished<W>, WaitError> {
        self.wait_until(Deadline::NEVER)
    }

    /// As [`Destroy::wait`], but not longer than this.
    ///
    /// # Errors
    ///
    /// As [`Destroy::wait`], and [`WaitError::TimedOut`]: then it can be waited for again, or
    /// [given up](Destroy::give_up).
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<Unfinished<W>, WaitError> {
        self.wait_until(Deadline::after(timeout))
    }

    fn wait_until(&mut self, deadline: Deadline) -> Result<Unfinished<W>, WaitError> {
        if let Some(stream) = &mut self.stream {
            stream.wait_left(deadline)?;
        }
        Ok(self.collect())
    }

    /// Gives up the wait. What the sink has in hand is [in doubt](Unfinished::in_doubt). The worker
    /// drops the sink once the sink's call returns.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let mut out = highwater::Writable::builder().spawn(std::io::sink())?;
    /// let _flow = out.write("an upload")?;
    /// let mut destroy = out.destroy();
    /// let unfinished = match destroy.wait_timeout(Duration::from_secs(1)) {
    ///     Ok(unfinished) => unfinished,
    ///     Err(_) => destroy.give_up(),
    /// };
    /// let unsent: u64 = unfinished.unsent.iter().map(|chunk| chunk.len() as u64).sum();
    /// let known = unfinished.totals.delivered + unsent;
    /// assert_eq!(known + unfinished.in_doubt, unfinished.totals.accepted);
    /// # Ok::<_, highwater::BoxError>(())
    /// ```
    #[must_use = "it holds what was not sent"]
    pub fn give_up(mut self) -> Unfinished<W> {
        self.collect()
    }

    fn collect(&mut self) -> Unfinished<W> {
        match self.stream.take() {
            Some(mut stream) => stream.collect(),
            // It was waited for before, to its end.
            None => Unfinished::nothing(self.shared.look(Stream::snapshot)),
        }
    }
}

impl<W> Future for Destroy<W> {
    type Output = Unfinished<W>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(stream) = &mut self.stream {
            let left = on_budget(cx, |cx| stream.poll_left(cx));
            ready!(left);
        }
        Poll::Ready(self.collect())
    }
}

/// It is polled and moved, but never in place.
impl<W> Unpin for Destroy<W> {}

impl<W> fmt::Debug for Destroy<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destroy").finish_non_exhaustive()
    }
}
