//! What takes time: a value that a task awaits and a thread waits for.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use super::budget::on_budget;
use super::lock::Shared;
use super::parker::Deadline;
use crate::stream::{Condition, Ticket, WaitError};
use crate::sync::Arc;

/// A wait for something that comes to a stream: what [`drained`](crate::Writable::drained),
/// [`delivered`](crate::Writable::delivered), [`flush`](crate::Writable::flush) and
/// [`closed`](crate::Writable::closed) return.
///
/// A task awaits it; a thread calls [`wait`](Self::wait). It borrows nothing, so you can write to
/// the stream meanwhile. Dropping it gives up the wait, and changes nothing else: a flush, for
/// example, was asked for at the call and stays in line. After a time-out, or when it is polled by
/// reference, it can be waited for again.
///
/// In a task of tokio it takes part in the task's
/// [budget](crate#a-loop-that-never-has-to-wait). On other executors a loop over waits that are
/// ready never gives up its turn.
///
/// Two waits do not end: that of a thread, under its own cork, for what the cork holds; and
/// `wait()` in a task, for a worker that needs the same thread. So a task awaits.
///
/// ```
/// let mut out = highwater::Writable::builder().spawn(Vec::new())?;
/// let _flow = out.write("pay 5 to Ann")?;
/// let mut flushed = out.flush();
/// let _flow = out.write("a remark")?; // while the flush is on its way
/// flushed.wait()?;
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[must_use = "it waits only when it is awaited, or its `wait` is called"]
pub struct Wait {
    shared: Arc<Shared>,
    /// What it waits for, or why that cannot come.
    condition: Result<Condition, WaitError>,
    /// Its place among the waiters, once it has been polled.
    ticket: Option<Ticket>,
}

impl Wait {
    pub(super) fn new(shared: &Arc<Shared>, condition: Result<Condition, WaitError>) -> Self {
        Self {
            shared: Arc::clone(shared),
            condition,
            ticket: None,
        }
    }

    /// Blocks this thread until it comes.
    ///
    /// # Errors
    ///
    /// If it will not come: the call that made this wait says when. And
    /// [`WaitError::WouldDeadlock`] if the worker of the stream runs on the stack of this
    /// thread, as in a sink, an observer or a panic hook: it could not go on.
    pub fn wait(&mut self) -> Result<(), WaitError> {
        self.wait_until(Deadline::NEVER)
    }

    /// As [`Wait::wait`], but not longer than this.
    ///
    /// # Errors
    ///
    /// As [`Wait::wait`], and [`WaitError::TimedOut`]: then it can be waited for again.
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<(), WaitError> {
        self.wait_until(Deadline::after(timeout))
    }

    fn wait_until(&mut self, deadline: Deadline) -> Result<(), WaitError> {
        let condition = self.condition.clone()?;
        let ticket = &mut self.ticket;
        let poll = |cx: &mut Context<'_>| self.shared.poll_wait(cx, ticket, condition);
        let found = self.shared.block_on(deadline, poll);
        // Without this, one who has given up could be woken in place of another.
        self.shared.leave(&mut self.ticket);
        found?
    }
}

impl Future for Wait {
    type Output = Result<(), WaitError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let wait = &mut *self;
        on_budget(cx, |cx| match wait.condition.clone() {
            Ok(condition) => wait.shared.poll_wait(cx, &mut wait.ticket, condition),
            Err(error) => Poll::Ready(Err(error)),
        })
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.shared.leave(&mut self.ticket);
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").finish_non_exhaustive()
    }
}
