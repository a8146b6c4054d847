//! What producers, owner and worker share: the stream under a lock, and the
//! places where they wait for each other.

use alloc::vec::Vec;
use core::mem;
use core::time::Duration;
use std::time::Instant;

use super::desk::{Desk, Item};
use super::event::Snapshot;
use super::sync::{AtomicUsize, Condvar, Mutex, MutexGuard, Ordering, PoisonError, thread};
use crate::machine::{Fault, Options};
use crate::{Cause, Chunk, Driver, Flow, Refused, WaitError, WriteError};

#[derive(Debug)]
pub(super) struct Shared {
    core: Mutex<Core>,
    /// The worker waits here for work.
    work: Condvar,
    /// Everybody else waits here for something to have changed.
    changed: Condvar,
    /// How many wait at `changed`. Written under the lock only.
    waiting: AtomicUsize,
}

#[derive(Debug)]
pub(super) struct Core {
    pub(super) driver: Driver<Desk>,
    /// Small writes that were accepted on credit, to be put into the driver as
    /// one chunk before anything else is.
    small: Vec<u8>,
    /// Small writes of fewer bytes than this, in sum, may still be accepted so.
    /// Invariant: `small.len() + credit` is at most [`State::credit`].
    ///
    /// [`State::credit`]: crate::machine::State::credit
    credit: u64,
    /// The worker waits at `work`.
    worker_sleeps: bool,
    /// The worker has let go of the sink and told everything.
    pub(super) worker_left: bool,
    /// The owner has left, and will not take the sink.
    detached: bool,
    waits: u64,
    peak: u64,
    waited: Duration,
}

impl Shared {
    pub(super) fn new(options: Options, desk: Desk) -> Self {
        let mut driver = Driver::new(options, desk);
        driver.run_ticks();
        Self {
            core: Mutex::new(Core {
                driver,
                small: Vec::new(),
                credit: 0,
                worker_sleeps: false,
                worker_left: false,
                detached: false,
                waits: 0,
                peak: 0,
                waited: Duration::ZERO,
            }),
            work: Condvar::new(),
            changed: Condvar::new(),
            waiting: AtomicUsize::new(0),
        }
    }

    #[inline]
    fn lock(&self) -> MutexGuard<'_, Core> {
        // Nothing that can panic by user code runs under the lock.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts a small write on credit. `false` if there is too little of it,
    /// and nothing was done.
    #[inline]
    pub(super) fn write_on_credit(&self, bytes: &[u8]) -> bool {
        self.lock().write_on_credit(bytes)
    }

    /// A call from a producer: it can only give the worker something to do.
    pub(super) fn call<T>(&self, f: impl FnOnce(&mut Core) -> T) -> T {
        let mut core = self.lock();
        let result = core.look(f);
        self.wake_worker(&mut core);
        result
    }

    /// A call that may end somebody's waiting, too.
    pub(super) fn change<T>(&self, f: impl FnOnce(&mut Core) -> T) -> T {
        let mut core = self.lock();
        let result = core.look(f);
        self.wake_worker(&mut core);
        let somebody = self.waits();
        if somebody {
            self.changed.notify_all();
        }
        result
    }

    /// Whether anybody waits at `changed`. The truth only under the lock.
    fn waits(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    fn wake_worker(&self, core: &mut Core) {
        let desk = core.driver.host();
        let work = desk.job.is_some() || !desk.events.is_empty();
        if core.worker_sleeps && work {
            core.worker_sleeps = false;
            self.work.notify_one();
        }
    }

    /// The worker's wait: until `f` finds something on the desk. To take it is no
    /// input, so what was written on credit stays where it is.
    pub(super) fn wait_for_work<T>(&self, mut f: impl FnMut(&mut Desk) -> Option<T>) -> T {
        let mut core = self.lock();
        loop {
            if let Some(found) = f(core.driver.host_mut()) {
                core.worker_sleeps = false;
                return found;
            }
            core.worker_sleeps = true;
            core = self.work.wait(core).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Before the worker answers: leaves producers so many turns to write more on
    /// credit, which then goes to the sink together; unless somebody waits.
    /// Without it the worker of a fast sink fights for the lock after every few
    /// lines.
    pub(super) fn linger(&self, turns: u32) {
        for _ in 0..turns {
            if self.waits() {
                return;
            }
            thread::yield_now();
        }
    }

    /// Waits until `f` finds something, or until the deadline: then `None`.
    pub(super) fn wait_until<T>(
        &self,
        deadline: Deadline,
        mut f: impl FnMut(&mut Core) -> Option<T>,
    ) -> Option<T> {
        let mut core = self.lock();
        loop {
            // `f` may put a chunk in.
            let found = core.look(&mut f);
            self.wake_worker(&mut core);
            if found.is_some() {
                return found;
            }
            // Past the deadline, `f` has looked once more.
            let left = deadline.left()?;
            self.waiting.fetch_add(1, Ordering::Relaxed);
            core = self.sleep(core, left);
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn sleep<'a>(
        &'a self,
        core: MutexGuard<'a, Core>,
        left: Option<Duration>,
    ) -> MutexGuard<'a, Core> {
        match left {
            None => self
                .changed
                .wait(core)
                .unwrap_or_else(PoisonError::into_inner),
            Some(left) => {
                self.changed
                    .wait_timeout(core, left)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        }
    }

    /// As [`Shared::wait_until`], for a producer, whose waiting is counted.
    pub(super) fn wait_counted<T>(
        &self,
        deadline: Deadline,
        mut f: impl FnMut(&mut Core) -> Option<Result<T, WaitError>>,
    ) -> Result<T, WaitError> {
        let mut counted_to = None;
        let found = self.wait_until(deadline, |core| {
            if let Some(before) = counted_to {
                core.waited += Instant::elapsed(&before);
            }
            let found = f(core);
            counted_to = found.is_none().then(Instant::now);
            found
        });
        found.unwrap_or(Err(WaitError::TimedOut))
    }
}

/// Until when to wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    pub(super) const NEVER: Self = Self(None);

    /// One too far away to be counted is none.
    pub(super) fn after(timeout: Duration) -> Self {
        Self(Instant::now().checked_add(timeout))
    }

    /// `None` if it is past; else how long is left, if there is an end.
    fn left(self) -> Option<Option<Duration>> {
        match self.0 {
            None => Some(None),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                (!left.is_zero()).then_some(Some(left))
            }
        }
    }
}

impl Core {
    /// Does something with the stream: what was accepted on credit precedes it,
    /// what it defers runs after it, and then there is new credit.
    fn look<T>(&mut self, f: impl FnOnce(&mut Self) -> T) -> T {
        self.settle();
        let result = f(self);
        self.driver.run_ticks();
        self.credit = self.driver.state().credit(self.driver.options());
        result
    }

    #[inline]
    fn write_on_credit(&mut self, bytes: &[u8]) -> bool {
        let len = bytes.len() as u64;
        if len >= self.credit {
            return false;
        }
        self.small.extend_from_slice(bytes);
        self.credit -= len;
        true
    }

    /// Puts what was accepted on credit into the driver.
    fn settle(&mut self) {
        if self.small.is_empty() {
            return;
        }
        // The next ones will be about as many.
        let next = Vec::with_capacity(self.small.len());
        let small = mem::replace(&mut self.small, next);
        let written = self.write(small.into());
        debug_assert!(matches!(written, Ok(Flow::More)), "{written:?}");
    }

    pub(super) fn write(&mut self, chunk: Chunk) -> Result<Flow, WriteError<Chunk>> {
        let len = chunk.len() as u64;
        match self.driver.write(Item::Data(chunk), len, None) {
            Ok(flow) => {
                self.peak = self.peak.max(self.driver.state().length());
                self.waits += u64::from(flow == Flow::Wait);
                Ok(flow)
            }
            Err(refused) => Err(self.refused(refused)),
        }
    }

    /// Ends the stream, after this last chunk if there is one.
    pub(super) fn end(&mut self, chunk: Option<Chunk>) -> Result<(), WriteError<Chunk>> {
        if let Some(chunk) = chunk {
            // By itself, so that a chunk that is refused uncorks nobody.
            let len = chunk.len() as u64;
            let written = self.driver.write(Item::Data(chunk), len, None);
            let _flow = written.map_err(|refused| self.refused(refused))?;
            self.peak = self.peak.max(self.driver.state().length());
        }
        // Without a chunk, nothing can be refused.
        let _ = self.driver.end(None, None);
        Ok(())
    }

    /// Destroys the stream, if nothing has yet; else the reason comes back, to
    /// be dropped outside the lock.
    pub(super) fn destroy(&mut self, reason: Option<Cause>) -> Option<Cause> {
        if self.driver.state().is_destroyed() {
            return reason;
        }
        let fault = reason.map(|cause| self.driver.host_mut().file(cause));
        self.driver.destroy(fault);
        None
    }

    /// Puts a flush in line. Its number, or why not.
    pub(super) fn flush(&mut self) -> Result<u64, WaitError> {
        match self.driver.write(Item::Flush, 0, None) {
            Ok(_) => {
                let desk = self.driver.host_mut();
                desk.flushes += 1;
                Ok(desk.flushes)
            }
            Err(_) => Err(self.stopped().unwrap_or(WaitError::Destroyed)),
        }
    }

    pub(super) fn refused(&self, refused: Refused<Item>) -> WriteError<Chunk> {
        let chunk = match refused.chunk {
            Item::Data(chunk) => chunk,
            Item::Flush => Chunk::from(""),
        };
        match (refused.fault, self.failure()) {
            (Fault::TooLong, _) => WriteError::TooLong {
                chunk,
                limit: self.driver.options().limit(),
            },
            (_, Some(cause)) => WriteError::Failed { chunk, cause },
            (Fault::WriteAfterEnd, None) => WriteError::AfterEnd { chunk },
            (_, None) => WriteError::Destroyed { chunk },
        }
    }

    /// The worker leaves; whether nobody will take the sink from it.
    pub(super) fn worker_leaves(&mut self) -> bool {
        self.worker_left = true;
        self.detached
    }

    /// The owner leaves; whether the worker has left before.
    pub(super) fn owner_leaves(&mut self) -> bool {
        self.detached = true;
        self.worker_left
    }

    /// Why the stream has failed, if it has.
    pub(super) fn failure(&self) -> Option<Cause> {
        let errored = self.driver.state().errored();
        errored.map(|fault| self.driver.host().cause(fault))
    }

    /// Why nothing more can be written, if nothing can.
    pub(super) fn stopped(&self) -> Option<WaitError> {
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

    /// There is room, and no 'drain' is to come.
    pub(super) fn has_room(&self) -> bool {
        let state = self.driver.state();
        state.has_room(self.driver.options()) && !state.needs_drain()
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let (state, options) = (self.driver.state(), self.driver.options());
        let desk = self.driver.host();
        Snapshot {
            phase: state.phase(),
            length: state.length(),
            in_flight: state.in_flight(),
            high_water_mark: options.high_water_mark(),
            low_water_mark: options.low_water_mark(),
            needs_drain: state.needs_drain(),
            corked: state.corked(),
            queued: state.queued(),
            accepted: self.driver.accepted(),
            written: desk.delivered,
            waits: self.waits,
            drains: desk.drains,
            peak: self.peak,
            waited: self.waited,
        }
    }
}
