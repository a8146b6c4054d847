//! What producers, owner and worker share: the stream under a lock, and the wakers of
//! those who wait.
//!
//! The lock is never held while code of a user runs: wakers are cloned before it is
//! taken, and woken and dropped after it is released.

use alloc::vec::Vec;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::time::Instant;

use crate::machine::Flow;
use crate::stream::{Condition, Stream, WaitError, Wake, Work, WriteError};
use crate::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) struct Shared {
    inside: Mutex<Inside>,
}

/// What the lock guards.
struct Inside {
    stream: Stream,
    /// The waker of a worker that waits for work.
    worker: Option<Waker>,
    waiters: Vec<Waiter>,
    /// The number of the last waiter.
    count: u64,
}

/// A caller that waits. Invariant: its condition does not hold yet, or its waker has
/// been taken.
struct Waiter {
    number: u64,
    condition: Condition,
    waker: Option<Waker>,
    /// Since when it has a waker.
    since: Instant,
}

/// A place among the waiters, between two polls.
#[derive(Default)]
pub(crate) struct Place(Option<u64>);

impl Shared {
    pub(crate) fn new(stream: Stream) -> Self {
        Self {
            inside: Mutex::new(Inside {
                stream,
                worker: None,
                waiters: Vec::new(),
                count: 0,
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

    /// Does something with the stream, and wakes those whom it concerns.
    pub(crate) fn change<T>(&self, f: impl FnOnce(&mut Stream) -> T) -> T {
        let mut inside = self.lock();
        let (result, wake) = inside.stream.change(f);
        let wakers = inside.wakers(wake);
        drop(inside);
        wakers.into_iter().for_each(Waker::wake);
        result
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
        self.change(Stream::worker_leaves)
    }

    /// Whether the stream is destroyed: then it no longer needs its sink.
    pub(crate) fn is_destroyed(&self) -> bool {
        self.lock().stream.is_destroyed()
    }

    /// Waits for this condition. Then `f` does something with the stream, before any
    /// other caller can.
    pub(super) fn poll_wait<T>(
        &self,
        cx: &mut Context<'_>,
        place: &mut Place,
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
            Some(_) => [inside.leave(place), Some(waker)],
            None => [inside.enter(place, condition, waker), None],
        };
        let wakers = inside.wakers(wake);
        drop(inside);
        drop(old);
        wakers.into_iter().for_each(Waker::wake);
        found.map_or(Poll::Pending, Poll::Ready)
    }

    /// Gives up a wait.
    pub(super) fn leave(&self, place: &mut Place) {
        if place.0.is_some() {
            let old = self.lock().leave(place);
            drop(old);
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
            for waiter in &mut self.waiters {
                let waits = waiter.waker.is_some();
                if waits && self.stream.check(waiter.condition).is_some() {
                    self.stream.count_wait(waiter.waited());
                    wakers.extend(waiter.waker.take());
                }
            }
        }
        wakers
    }

    /// A caller waits, or goes on waiting. Returns the waker that it no longer needs.
    fn enter(&mut self, place: &mut Place, condition: Condition, waker: Waker) -> Option<Waker> {
        if let Some(number) = place.0 {
            let mut waiters = self.waiters.iter_mut();
            if let Some(waiter) = waiters.find(|waiter| waiter.number == number) {
                if waiter.waker.is_none() {
                    waiter.since = Instant::now();
                }
                waiter.condition = condition;
                return waiter.waker.replace(waker);
            }
        }
        self.count += 1;
        place.0 = Some(self.count);
        self.waiters.push(Waiter {
            number: self.count,
            condition,
            waker: Some(waker),
            since: Instant::now(),
        });
        None
    }

    fn leave(&mut self, place: &mut Place) -> Option<Waker> {
        let number = place.0.take()?;
        let mut waiters = self.waiters.iter();
        let index = waiters.position(|waiter| waiter.number == number)?;
        let waiter = self.waiters.remove(index);
        if waiter.waker.is_some() {
            self.stream.count_wait(waiter.waited());
        }
        waiter.waker
    }
}

impl Waiter {
    /// How long, as far as it counts: to wait for the end is not to be held up.
    fn waited(&self) -> Duration {
        match self.condition {
            Condition::WorkerLeft => Duration::ZERO,
            _ => self.since.elapsed(),
        }
    }
}
