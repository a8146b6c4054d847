//! What producers, owner and worker share: the stream under a lock, and the
//! places where they wait for each other.

use core::time::Duration;
use std::time::Instant;

use crate::WaitError;
use crate::adapter::core::Core;
use crate::adapter::desk::Desk;
use crate::adapter::sync::{
    AtomicBool, AtomicUsize, Condvar, Mutex, MutexGuard, Ordering, PoisonError, thread,
};
use crate::machine::Options;

#[derive(Debug)]
pub(super) struct Shared {
    core: Mutex<Core>,
    /// The worker waits here for work.
    work: Condvar,
    /// The worker waits at `work`. Written under the lock only.
    worker_sleeps: AtomicBool,
    /// Everybody else waits here for something to have changed.
    changed: Condvar,
    /// How many wait at `changed`. Written under the lock only.
    waiting: AtomicUsize,
}

impl Shared {
    pub(super) fn new(options: Options, desk: Desk) -> Self {
        Self {
            core: Mutex::new(Core::new(options, desk)),
            work: Condvar::new(),
            worker_sleeps: AtomicBool::new(false),
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
        self.wake_worker(&core);
        result
    }

    /// A call that may end somebody's waiting, too.
    pub(super) fn change<T>(&self, f: impl FnOnce(&mut Core) -> T) -> T {
        let mut core = self.lock();
        let result = core.look(f);
        self.wake_worker(&core);
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

    fn wake_worker(&self, core: &Core) {
        let desk = core.driver.host();
        let work = desk.job.is_some() || !desk.events.is_empty();
        if work && self.worker_sleeps.load(Ordering::Relaxed) {
            self.worker_sleeps.store(false, Ordering::Relaxed);
            self.work.notify_one();
        }
    }

    /// The worker's wait: until `f` finds something on the desk. To take it is no
    /// input, so what was written on credit stays where it is.
    pub(super) fn wait_for_work<T>(&self, mut f: impl FnMut(&mut Desk) -> Option<T>) -> T {
        let mut core = self.lock();
        loop {
            if let Some(found) = f(core.driver.host_mut()) {
                self.worker_sleeps.store(false, Ordering::Relaxed);
                return found;
            }
            self.worker_sleeps.store(true, Ordering::Relaxed);
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
            self.wake_worker(&core);
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
