//! How a worker waits for work, and how it leaves producers time to write more.

use core::task::{Context, Poll};
use core::time::Duration;

use super::lock::{Shared, drop_quietly};
use super::parker::{Brought, Deadline, Parker, stay_awake};
use crate::stream::{By, Stream, Work};
use crate::sync::Ordering;

impl Shared {
    /// The wait for work of a worker that is polled. One that is `idle` also takes a job.
    #[cfg(feature = "futures")]
    pub(crate) fn poll_work(&self, cx: &mut Context<'_>, idle: bool) -> Poll<Work> {
        self.poll_for_work(cx, idle).0
    }

    /// Returns also whether a waiter sleeps that could go on: see [`Stream::wake_next`].
    fn poll_for_work(&self, cx: &mut Context<'_>, idle: bool) -> (Poll<Work>, bool) {
        let waker = cx.waker().clone();
        let mut stream = self.lock();
        let (work, unneeded) = stream.poll_work(idle, waker);
        let has_next = work.is_none() && stream.has_next();
        self.show(&stream);
        drop(stream);
        drop_quietly(unneeded);
        (work.map_or(Poll::Pending, Poll::Ready), has_next)
    }

    /// A worker that is polled has nothing to do. Returns whether it should be polled again
    /// soon, as a waiter sleeps that could go on. The one that was woken has its turn first;
    /// when that was `given`, the next is woken.
    #[cfg(feature = "futures")]
    pub(crate) fn idle(&self, given: &mut bool) -> bool {
        let mut stream = self.lock();
        stream.shrink();
        let has_next = stream.has_next();
        let wakes = has_next && *given;
        *given = has_next && !wakes;
        if wakes {
            stream.wake_next();
            self.unlock_quietly(stream);
        }
        has_next
    }

    /// Waits for work, for a worker that is a thread, at most this long. `None` if it has had
    /// nothing to do in that time.
    pub(crate) fn wait_for_work(&self, parker: &Parker, most: Option<Duration>) -> Option<Work> {
        let until = most.map_or(Deadline::NEVER, Deadline::after);
        let mut cx = Context::from_waker(parker.waker());
        let has_work = &self.signs().has_work;
        let mut idle = Deadline::after(IDLE);
        // Before it says that it waits: then no producer has to wake it.
        self.signs()
            .worker
            .spin(|| has_work.load(Ordering::Relaxed));
        loop {
            let (work, has_next) = self.poll_for_work(&mut cx, true);
            if let Poll::Ready(work) = work {
                return Some(work);
            }
            let deadline = match has_next {
                true => Deadline::after(TURN),
                false => idle,
            };
            if parker.park(deadline.or_earlier(until)) {
                continue;
            }
            if until.has_passed() {
                return None;
            }
            let mut stream = self.lock();
            stream.wake_next();
            if !has_next {
                stream.shrink();
                idle = Deadline::NEVER;
            }
            self.unlock_quietly(stream);
        }
    }

    /// Waits within a job, for a worker: this long, or until the stream stops the job.
    pub(crate) fn pause(&self, parker: &Parker, time: Duration) {
        let deadline = Deadline::after(time);
        loop {
            let waker = parker.waker().clone();
            let (goes_on, unneeded) = self.lock().pause_worker(waker);
            drop_quietly(unneeded);
            if !goes_on || !parker.park(deadline) {
                break;
            }
        }
        let unneeded = self.lock().forget_worker();
        drop_quietly([unneeded, None]);
    }

    /// A thread that works calls this before it answers a job. If there is little in the stream, it
    /// leaves producers time to write more, as long as they do and there is no waiter. All of
    /// that then goes to the sink together. Without it the worker of a fast sink fights for the
    /// lock after every few lines.
    pub(crate) fn linger(&self) {
        let has_waiters = || self.signs().has_waiters.load(Ordering::Relaxed);
        let (start, plenty) = self.look(|stream| (stream.backlog(), stream.plenty()));
        if start >= plenty || has_waiters() || !self.signs().linger.tries() {
            return;
        }
        let mut before = start;
        loop {
            let turns = stay_awake(LOOK, has_waiters);
            let now = self.look(Stream::backlog);
            let goes_on = now >= before + LITTLE && now < start + plenty;
            if turns != Brought::Nothing || !goes_on {
                let brought = match turns {
                    Brought::Delay => Brought::Delay,
                    _ if now >= start + LITTLE => Brought::Much,
                    _ => Brought::Nothing,
                };
                return self.signs().linger.learns(brought);
            }
            before = now;
        }
    }

    /// The worker leaves, and its waker with it. Whether the owner has left before.
    pub(crate) fn worker_leaves(&self) -> bool {
        let unneeded = self.lock().forget_worker();
        drop_quietly([unneeded, None]);
        self.report(By::Other, Stream::worker_leaves)
    }
}

/// How long a thread has nothing to do before it is idle.
const IDLE: Duration = Duration::from_millis(50);

/// How long a waiter that was woken has its turn before an idle thread wakes the next.
const TURN: Duration = Duration::from_millis(1);

/// How long a worker that lingers leaves producers alone before it looks at what they have
/// written. They should not reach the high-water mark meanwhile.
const LOOK: Duration = Duration::from_micros(2);

/// Fewer bytes than this in that time are not worth more patience.
const LITTLE: u64 = 128;
