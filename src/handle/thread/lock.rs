//! What producers, owner and worker share: the stream under a lock, and the places
//! where they wait for each other.

use core::sync::atomic::AtomicU32;
use core::time::Duration;
use std::time::Instant;

use crate::machine::Flow;
use crate::stream::{Condition, Stream, WaitError, Wake, Work, WriteError};
use crate::sync::thread::ThreadId;
use crate::sync::{
    AtomicBool, AtomicUsize, Condvar, Mutex, MutexGuard, Ordering, PoisonError, thread,
};

pub(crate) struct Shared {
    inside: CachePadded<Mutex<Inside>>,
    signs: CachePadded<Signs>,
    /// The worker sleeps here until there is work.
    work: Condvar,
    /// Waiters sleep here until something has changed.
    changed: Condvar,
}

/// What the lock guards.
struct Inside {
    stream: Stream,
    /// How many sleep at `changed`.
    sleepers: usize,
    /// The thread of the worker, once it runs.
    worker: Option<ThreadId>,
}

type Guard<'a> = MutexGuard<'a, Inside>;

/// What those who wait awake can read without the lock. It is written under the lock,
/// except `drowsy`.
#[derive(Default)]
struct Signs {
    /// There is work for the worker.
    work: AtomicBool,
    /// How many changes there were that may end a wait.
    changes: AtomicUsize,
    /// How many wait for a change, awake or asleep.
    waiting: AtomicUsize,
    /// The next so many waiters sleep without a turn. Any thread may write it. It is not
    /// of loom's type, because loom's models do not use it.
    drowsy: AtomicU32,
}

/// It has cache lines of its own, so that reading the signs does not take the lock's line
/// away from its holder.
#[repr(align(128))]
struct CachePadded<T>(T);

impl Shared {
    pub(crate) fn new(stream: Stream) -> Self {
        Self {
            inside: CachePadded(Mutex::new(Inside {
                stream,
                sleepers: 0,
                worker: None,
            })),
            signs: CachePadded(Signs::default()),
            work: Condvar::new(),
            changed: Condvar::new(),
        }
    }

    /// The lock is held for some nanoseconds at a time: a caller that finds it taken
    /// lets others run first, and sleeps at last. To sleep at once would cost each of
    /// them, the holder too, a call of the system for every few writes.
    #[inline]
    fn lock(&self) -> Guard<'_> {
        if LOCK_TURNS > 0 {
            if let Ok(inside) = self.inside.0.try_lock() {
                return inside;
            }
        }
        self.lock_taken()
    }

    #[cold]
    fn lock_taken(&self) -> Guard<'_> {
        let found = self.turns(LOCK_TURNS, || self.inside.0.try_lock().ok());
        if let Some(inside) = found {
            return inside;
        }
        // No user code runs under the lock, so poison means nothing.
        let locked = self.inside.0.lock();
        locked.unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts a small write if there is room, on the lease. `false` if the lease is
    /// too small: then nothing was done.
    #[inline]
    pub(crate) fn write_on_lease_if_room(&self, bytes: &[u8]) -> bool {
        self.lock().stream.write_on_lease_if_room(bytes)
    }

    /// Writes these bytes, copied once. Most of the time, no more than a copy.
    #[inline]
    pub(super) fn write(&self, bytes: &[u8]) -> Result<Flow, WriteError> {
        let mut inside = self.lock();
        match inside.stream.write_on_lease(bytes) {
            Some(flow) => Ok(flow),
            None => self.change_in(inside, |stream| stream.write(bytes)),
        }
    }

    /// Looks at the stream.
    pub(crate) fn look<T>(&self, f: impl FnOnce(&Stream) -> T) -> T {
        f(&self.lock().stream)
    }

    /// Does something with the stream, and wakes those whom it concerns.
    pub(crate) fn change<T>(&self, f: impl FnOnce(&mut Stream) -> T) -> T {
        self.change_in(self.lock(), f)
    }

    fn change_in<T>(&self, mut inside: Guard<'_>, f: impl FnOnce(&mut Stream) -> T) -> T {
        let (result, wake) = inside.stream.change(f);
        let wake = self.show(&inside, wake);
        // Those who are woken find the lock free.
        drop(inside);
        self.wake(wake);
        result
    }

    /// Shows a change to those who wait awake; returns whom to notify.
    fn show(&self, inside: &Inside, wake: Wake) -> Wake {
        let signs = &self.signs.0;
        if inside.stream.has_work() {
            signs.work.store(true, Ordering::Relaxed);
        }
        if wake.waiters {
            signs.changes.fetch_add(1, Ordering::Relaxed);
        }
        Wake {
            waiters: wake.waiters && inside.sleepers > 0,
            ..wake
        }
    }

    fn wake(&self, wake: Wake) {
        if wake.worker {
            self.work.notify_one();
        }
        if wake.waiters {
            self.changed.notify_all();
        }
    }

    /// The worker runs on this thread: no wait here could end.
    pub(crate) fn worker_starts(&self) {
        self.lock().worker = Some(thread::current().id());
    }

    /// The worker's wait for work.
    pub(crate) fn wait_for_work(&self) -> Work {
        let sign = &self.signs.0.work;
        // To be woken costs the producer more than this costs the worker.
        self.awake_until(|| sign.load(Ordering::Relaxed));
        let mut inside = self.lock();
        loop {
            if let Some(work) = inside.stream.take_work(true) {
                sign.store(false, Ordering::Relaxed);
                return work;
            }
            let woken = self.work.wait(inside);
            inside = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Before the worker answers a small job: leaves producers time to write more,
    /// which then goes to the sink together, as long as they do and there is no waiter.
    /// Without it the worker of a fast sink fights for the lock after every few lines.
    pub(crate) fn linger(&self) {
        let has_waiters = || self.signs.0.waiting.load(Ordering::Relaxed) > 0;
        let backlog = || self.lock().stream.backlog();
        let start = backlog();
        let mut before = start;
        while TURNS > 0 && !has_waiters() {
            self.awake_until(has_waiters);
            let now = backlog();
            if now < before + LITTLE || now >= start + PLENTY {
                return;
            }
            before = now;
        }
    }

    /// Waits until `f` finds something, or until the deadline. It does not wait on the
    /// thread of the worker.
    pub(crate) fn wait_until<T>(
        &self,
        deadline: Deadline,
        mut f: impl FnMut(&mut Stream) -> Option<T>,
    ) -> Result<T, WaitError> {
        let mut inside = self.lock();
        loop {
            // `f` may put a chunk in.
            let (found, wake) = inside.stream.change(&mut f);
            let wake = self.show(&inside, wake);
            // Under the lock, which this waiter needs again.
            self.wake(wake);
            if let Some(found) = found {
                return Ok(found);
            }
            if inside.worker == Some(thread::current().id()) {
                return Err(WaitError::WouldDeadlock);
            }
            // Past the deadline, `f` has looked once more.
            let left = deadline.left().ok_or(WaitError::TimedOut)?;
            inside = self.wait_for_change(inside, left);
        }
    }

    /// Waits until something changes: awake at first, as to be woken costs more.
    fn wait_for_change<'a>(&'a self, mut inside: Guard<'a>, left: Option<Duration>) -> Guard<'a> {
        let signs = &self.signs.0;
        let before = signs.changes.load(Ordering::Relaxed);
        let changed = || signs.changes.load(Ordering::Relaxed) != before;
        signs.waiting.fetch_add(1, Ordering::Relaxed);
        if TURNS > 0 {
            drop(inside);
            self.awake_until(changed);
            inside = self.lock();
        }
        if !changed() {
            inside.sleepers += 1;
            inside = self.sleep(inside, left);
            inside.sleepers -= 1;
        }
        signs.waiting.fetch_sub(1, Ordering::Relaxed);
        inside
    }

    /// Leaves some turns to other threads, but not once this has happened.
    fn awake_until(&self, happened: impl Fn() -> bool) {
        let _ = self.turns(TURNS, || happened().then_some(()));
    }

    /// Leaves at most so many turns to other threads, until `find` finds something.
    fn turns<T>(&self, most: u32, find: impl Fn() -> Option<T>) -> Option<T> {
        let drowsy = &self.signs.0.drowsy;
        let left = drowsy.load(Ordering::Relaxed);
        if left > 0 {
            drowsy.store(left - 1, Ordering::Relaxed);
            return None;
        }
        let mut before = Instant::now();
        for _ in 0..most {
            let found = find();
            if found.is_some() {
                return found;
            }
            thread::yield_now();
            let now = Instant::now();
            // In loom's models time is not to make a difference.
            if !cfg!(highwater_loom) && now.saturating_duration_since(before) > LONG_TURN {
                drowsy.store(DROWSY, Ordering::Relaxed);
                break;
            }
            before = now;
        }
        None
    }

    fn sleep<'a>(&'a self, inside: Guard<'a>, left: Option<Duration>) -> Guard<'a> {
        match left {
            None => {
                let woken = self.changed.wait(inside);
                woken.unwrap_or_else(PoisonError::into_inner)
            }
            Some(left) => {
                let woken = self.changed.wait_timeout(inside, left);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    /// The wait of a producer for this condition.
    pub(super) fn wait_for(&self, condition: Condition, by: Deadline) -> Result<(), WaitError> {
        self.wait_counted(by, |stream| stream.check(condition))
    }

    /// As [`Shared::wait_until`], for a producer, whose waiting is counted.
    pub(crate) fn wait_counted<T>(
        &self,
        deadline: Deadline,
        mut f: impl FnMut(&mut Stream) -> Option<Result<T, WaitError>>,
    ) -> Result<T, WaitError> {
        let mut counted_to = None;
        self.wait_until(deadline, |stream| {
            if let Some(before) = counted_to {
                stream.count_wait(Instant::elapsed(&before));
            }
            let found = f(stream);
            counted_to = found.is_none().then(Instant::now);
            found
        })?
    }
}

/// How many turns a waiter leaves to others before it goes to sleep: some ten
/// microseconds. In loom's models each of them is a state more, so most do without.
const TURNS: u32 = match (cfg!(highwater_loom), cfg!(highwater_loom = "awake")) {
    (false, _) => 100,
    (true, true) => 1,
    (true, false) => 0,
};

/// How many turns a caller that finds the lock taken leaves to others.
const LOCK_TURNS: u32 = if cfg!(highwater_loom) { 0 } else { 256 };

/// Fewer bytes than this in some turns are not worth more patience.
const LITTLE: u64 = 512;

/// So many bytes are worth a call of the sink, and the hand-over.
pub(crate) const PLENTY: u64 = 32 * 1024;

/// A turn that takes longer shows that others need the processor: then a
/// sleeper wakes sooner than a caller that keeps asking for a turn.
const LONG_TURN: Duration = Duration::from_micros(500);

/// So many go to sleep at once after that, before turns are tried again.
const DROWSY: u32 = 256;

/// Until when to wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    pub(crate) const NEVER: Self = Self(None);

    /// One too far away to be counted is none.
    pub(super) fn after(timeout: Duration) -> Self {
        Self(Instant::now().checked_add(timeout))
    }

    /// `None` if it is past; else how long is left, if there is an end.
    fn left(self) -> Option<Option<Duration>> {
        self.0.map_or(Some(None), |deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            (!left.is_zero()).then_some(Some(left))
        })
    }
}
