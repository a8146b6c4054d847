//! What producers, owner and worker share: the stream under a lock, and the
//! wakers of those who wait.
//!
//! The lock is never held while code of a user runs: wakers are cloned before it is
//! taken, and woken and dropped after it is released.

use alloc::vec::Vec;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::time::Instant;

use crate::adapter::core::{Core, Want};
use crate::adapter::desk::Desk;
use crate::adapter::sync::{Mutex, MutexGuard, PoisonError};
use crate::machine::Options;
use crate::{Flow, WaitError, WriteError};

pub(super) struct Shared {
    inside: Mutex<Inside>,
}

/// What the lock guards.
struct Inside {
    core: Core,
    /// The worker waits for work.
    worker: Option<Waker>,
    waiters: Vec<Waiter>,
    /// How many waiters there were.
    count: u64,
}

/// Somebody who waits. Invariant: what it wants is not to be found yet, or its
/// waker has been taken.
struct Waiter {
    number: u64,
    want: Want,
    waker: Option<Waker>,
    /// Since when it has a waker.
    since: Instant,
}

/// A place among the waiters, between two polls.
#[derive(Default)]
pub(super) struct Place(Option<u64>);

impl Shared {
    pub(super) fn new(options: Options, desk: Desk) -> Self {
        Self {
            inside: Mutex::new(Inside {
                core: Core::new(options, desk),
                worker: None,
                waiters: Vec::new(),
                count: 0,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        // Nothing that can panic by user code runs under the lock.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes these bytes, copied once. Most of the time, no more than a copy.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<Flow, WriteError> {
        let on_lease = self.lock().core.write_on_lease(bytes);
        match on_lease {
            Some(flow) => Ok(flow),
            None => self.call(|core| core.write_copy(bytes)),
        }
    }

    /// Accepts a small write if there is room, on the lease. `false` if there is too
    /// little of it, and nothing was done.
    pub(super) fn write_if_room(&self, bytes: &[u8]) -> bool {
        self.lock().core.write_if_room(bytes)
    }

    /// Does something with the stream, and wakes those who find what they wait for.
    pub(super) fn call<T>(&self, f: impl FnOnce(&mut Core) -> T) -> T {
        let mut inside = self.lock();
        let result = inside.core.look(f);
        let awake = inside.awake();
        drop(inside);
        awake.into_iter().for_each(Waker::wake);
        result
    }

    /// As [`Shared::call`], for the worker, which will look at the desk by itself.
    pub(super) fn answer<T>(&self, f: impl FnOnce(&mut Core) -> T) -> T {
        let waker = self.lock().worker.take();
        drop(waker);
        self.call(f)
    }

    /// The worker's wait: until `f` finds something on the desk. To take it is no
    /// input, so what was written on the lease stays where it is.
    pub(super) fn poll_work<T>(
        &self,
        cx: &mut Context<'_>,
        f: impl FnOnce(&mut Desk) -> Option<T>,
    ) -> Poll<T> {
        let waker = cx.waker().clone();
        let mut inside = self.lock();
        if let Some(found) = f(inside.core.driver.host_mut()) {
            return Poll::Ready(found);
        }
        let old = inside.worker.replace(waker);
        drop(inside);
        drop(old);
        Poll::Pending
    }

    /// Waits for this. Then `f` does something with it, before anybody else can.
    pub(super) fn poll_wait<T>(
        &self,
        cx: &mut Context<'_>,
        place: &mut Place,
        want: Want,
        f: impl FnOnce(&mut Core) -> T,
    ) -> Poll<Result<T, WaitError>> {
        let waker = cx.waker().clone();
        let mut inside = self.lock();
        let found = inside.core.look(|core| {
            let found = core.found(want)?;
            Some(found.map(|()| f(core)))
        });
        let old = match found {
            Some(_) => [inside.leave(place), Some(waker)],
            None => [inside.enter(place, want, waker), None],
        };
        let awake = inside.awake();
        drop(inside);
        drop(old);
        awake.into_iter().for_each(Waker::wake);
        found.map_or(Poll::Pending, Poll::Ready)
    }

    /// Nobody wants what is still to come.
    pub(super) fn is_destroyed(&self) -> bool {
        self.lock().core.driver.state().is_destroyed()
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
    /// The wakers of those who have something to do now.
    fn awake(&mut self) -> Vec<Waker> {
        let mut awake = Vec::new();
        let desk = self.core.driver.host();
        // One that opens the sink is to learn that nobody wants it any more.
        let state = self.core.driver.state();
        let stop = state.is_destroyed() && !state.is_closed();
        if stop || desk.job.is_some() || !desk.events.is_empty() {
            awake.extend(self.worker.take());
        }
        for waiter in &mut self.waiters {
            if waiter.waker.is_some() && self.core.found(waiter.want).is_some() {
                self.core.waited += waiter.waited();
                awake.extend(waiter.waker.take());
            }
        }
        awake
    }

    /// Somebody waits, or goes on waiting. The waker that is not needed any more.
    fn enter(&mut self, place: &mut Place, want: Want, waker: Waker) -> Option<Waker> {
        if let Some(number) = place.0 {
            let mut waiters = self.waiters.iter_mut();
            if let Some(waiter) = waiters.find(|waiter| waiter.number == number) {
                if waiter.waker.is_none() {
                    waiter.since = Instant::now();
                }
                waiter.want = want;
                return waiter.waker.replace(waker);
            }
        }
        self.count += 1;
        place.0 = Some(self.count);
        self.waiters.push(Waiter {
            number: self.count,
            want,
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
            self.core.waited += waiter.waited();
        }
        waiter.waker
    }
}

impl Waiter {
    /// How long, as far as it counts: to wait for the end is not to be held up.
    fn waited(&self) -> Duration {
        match self.want {
            Want::Left => Duration::ZERO,
            _ => self.since.elapsed(),
        }
    }
}
