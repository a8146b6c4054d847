//! What producers, owner and worker share: the stream under a lock, and the wakers of
//! those who wait.
//!
//! The lock is never held while code of a user runs: wakers are cloned before it is
//! taken, and woken and dropped after it is released.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::any::Any;
use core::mem;
use core::panic::AssertUnwindSafe;
use core::task::{Context, Poll, Waker};
use std::panic::{catch_unwind, resume_unwind};

use crate::machine::Flow;
use crate::stream::{Condition, Stream, Ticket, WaitError, Waiters, Wake, Work, WriteError};
use crate::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) struct Shared {
    inside: Mutex<Inside>,
}

/// What the lock guards.
struct Inside {
    stream: Stream,
    /// The waker of a worker that waits for work.
    worker: Option<Waker>,
    waiters: Waiters,
}

impl Shared {
    pub(crate) fn new(stream: Stream) -> Self {
        Self {
            inside: Mutex::new(Inside {
                stream,
                worker: None,
                waiters: Waiters::default(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        // No user code runs under the lock, so poison means nothing.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes these bytes, copied once. Most of the time, no more than a copy.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<Flow, WriteError> {
        let on_lease = self.lock().stream.write_on_lease(bytes);
        match on_lease {
            Some(flow) => Ok(flow),
            None => self.change(|stream| stream.write(bytes)),
        }
    }

    /// Accepts a small write if there is room, on the lease. `false` if the lease is
    /// too small: then nothing was done.
    pub(super) fn write_on_lease_if_room(&self, bytes: &[u8]) -> bool {
        self.lock().stream.write_on_lease_if_room(bytes)
    }

    /// Looks at the stream.
    pub(crate) fn look<T>(&self, f: impl FnOnce(&Stream) -> T) -> T {
        f(&self.lock().stream)
    }

    /// Does something with the stream, and wakes those whom it concerns. If a waker
    /// panics, that goes on in the caller once all are woken.
    pub(crate) fn change<T>(&self, f: impl FnOnce(&mut Stream) -> T) -> T {
        let (result, wakers) = self.change_first(f);
        wake_callers(wakers);
        result
    }

    /// As [`Shared::change`], for the worker: that a waker panics is none of its concern.
    pub(crate) fn report<T>(&self, f: impl FnOnce(&mut Stream) -> T) -> T {
        let (result, wakers) = self.change_first(f);
        // To drop what a waker has panicked with could panic again.
        mem::forget(wake_all(wakers));
        result
    }

    /// Does something with the stream. Those whom it concerns are to be woken.
    fn change_first<T>(&self, f: impl FnOnce(&mut Stream) -> T) -> (T, Vec<Waker>) {
        let mut inside = self.lock();
        let (result, wake) = inside.stream.change(f);
        (result, inside.wakers(wake))
    }

    /// The worker's wait for work.
    pub(crate) fn poll_work(&self, cx: &mut Context<'_>, idle: bool) -> Poll<Work> {
        let waker = cx.waker().clone();
        let mut inside = self.lock();
        // A worker that is polled needs no wake-up until it waits again.
        let old = inside.worker.take();
        let work = inside.stream.take_work(idle);
        if work.is_none() {
            inside.worker = Some(waker);
        }
        drop(inside);
        drop(old);
        work.map_or(Poll::Pending, Poll::Ready)
    }

    /// The worker leaves, and its waker with it. Whether the owner has left before.
    pub(crate) fn worker_leaves(&self) -> bool {
        let old = self.lock().worker.take();
        drop(old);
        self.report(Stream::worker_leaves)
    }

    /// Waits for this condition. Then `f` does something with the stream, before any
    /// other caller can.
    pub(super) fn poll_wait<T>(
        &self,
        cx: &mut Context<'_>,
        ticket: &mut Option<Ticket>,
        condition: Condition,
        f: impl FnOnce(&mut Stream) -> T,
    ) -> Poll<Result<T, WaitError>> {
        let waker = cx.waker().clone();
        let mut inside = self.lock();
        let (found, wake) = inside.stream.change(|stream| {
            let found = stream.check(condition)?;
            Some(found.map(|()| f(stream)))
        });
        let old = match found {
            Some(_) => [inside.waiters.leave(ticket), Some(waker)],
            None => [inside.waiters.enter(ticket, condition, waker), None],
        };
        // A caller that has come for room leaves the rest of it to the next.
        let wake = Wake {
            waiters: wake.waiters || found.is_some(),
            ..wake
        };
        let wakers = inside.wakers(wake);
        drop(inside);
        drop(old);
        wake_callers(wakers);
        found.map_or(Poll::Pending, Poll::Ready)
    }

    /// Gives up a wait. A waiter that was woken passes that on.
    pub(super) fn leave(&self, ticket: &mut Option<Ticket>) {
        if ticket.is_some() {
            let mut inside = self.lock();
            let old = inside.waiters.leave(ticket);
            let woken = Wake {
                worker: false,
                waiters: old.is_none(),
            };
            let wakers = inside.wakers(woken);
            drop(inside);
            drop(old);
            wake_callers(wakers);
        }
    }
}

impl Inside {
    /// The wakers that a change concerns.
    fn wakers(&mut self, wake: Wake) -> Vec<Waker> {
        let mut wakers = Vec::new();
        if wake.worker {
            wakers.extend(self.worker.take());
        }
        if wake.waiters {
            wakers.extend(self.waiters.take_woken(&self.stream));
        }
        wakers
    }
}

/// Wakes all of them. If one panics, that goes on afterwards; a thread that panics already
/// could not bear it.
fn wake_callers(wakers: Vec<Waker>) {
    match wake_all(wakers) {
        Some(panic) if !std::thread::panicking() => resume_unwind(panic),
        panic => mem::forget(panic),
    }
}

/// Wakes all of them, even if one panics. Returns the first panic.
fn wake_all(wakers: Vec<Waker>) -> Option<Box<dyn Any + Send>> {
    let mut first = None;
    for waker in wakers {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
            match first {
                None => first = Some(panic),
                Some(_) => mem::forget(panic),
            }
        }
    }
    first
}
