//! What producers, owner and worker share: the stream under a lock.
//!
//! The lock is never held while code of a user runs: wakers are cloned before it is
//! taken, and woken and dropped after it is released.

use alloc::boxed::Box;
use core::any::Any;
use core::mem;
use core::panic::AssertUnwindSafe;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::panic::{catch_unwind, resume_unwind};
use std::process;
use std::sync::OnceLock;
use std::time::Instant;

use super::parker::{Deadline, Doubt, Parker, Patience, turns};
use super::stack::{Running, runs_here};
use crate::machine::Flow;
use crate::stream::{By, Condition, Filler, Stream, Ticket, WaitError, Wakers, WriteError};
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering, PoisonError};

pub(crate) struct Shared {
    stream: CachePadded<Mutex<Stream>>,
    signs: CachePadded<Signs>,
    /// Each write of the stream is a record.
    pub(super) records: bool,
    /// The process that has the worker, if that is a thread: a fork does not copy it.
    process: Option<u32>,
    /// What a forked process has instead, if the lock was held at the fork: no thread of it
    /// will release that lock.
    dead: OnceLock<Box<Mutex<Stream>>>,
}

pub(super) type Guard<'a> = MutexGuard<'a, Stream>;

/// What threads that wait awake can read without the lock.
pub(super) struct Signs {
    /// Whether there is work for the worker. Written under the lock.
    pub(super) has_work: AtomicBool,
    /// Whether there is a waiter, apart from the worker. Written under the lock.
    pub(super) has_waiters: AtomicBool,
    /// Of the threads that wait for the stream.
    pub(super) waiters: Patience,
    /// Of a thread that works, when it has nothing to do.
    pub(super) worker: Patience,
    /// Of a thread that works, when it leaves producers time to write more.
    pub(super) linger: Patience,
    /// Of a worker, when it waits for the producers of a group.
    pub(super) gather: Doubt,
}

/// It has cache lines of its own, so that reading the signs does not take the lock's line
/// away from its holder.
#[repr(align(128))]
struct CachePadded<T>(T);

impl Shared {
    pub(crate) fn new(stream: Stream) -> Self {
        Self {
            records: stream.keeps_records(),
            process: None,
            dead: OnceLock::new(),
            stream: CachePadded(Mutex::new(stream)),
            signs: CachePadded(Signs {
                has_work: AtomicBool::new(true),
                has_waiters: AtomicBool::new(false),
                waiters: Patience::new(),
                worker: Patience::new(),
                linger: Patience::new(),
                gather: Doubt::new(),
            }),
        }
    }

    /// The worker is a thread of this process.
    pub(crate) fn with_thread(mut self) -> Self {
        self.process = Some(process::id());
        self
    }

    /// Whether this process was forked from that of the worker. A call of the system.
    fn is_forked(&self) -> bool {
        self.process.is_some_and(|id| id != process::id())
    }

    /// The lock is held for some nanoseconds at a time: a caller that finds it taken
    /// lets others run first, and sleeps at last. To sleep at once would cost each of
    /// them, the holder too, a call of the system for every few writes.
    #[inline]
    pub(super) fn lock(&self) -> Guard<'_> {
        if LOCK_TURNS > 0 {
            if let Ok(stream) = self.stream.0.try_lock() {
                return stream;
            }
        }
        self.lock_taken()
    }

    #[cold]
    fn lock_taken(&self) -> Guard<'_> {
        if let Ok(stream) = turns(LOCK_TURNS, Duration::MAX, || self.stream.0.try_lock().ok()) {
            return stream;
        }
        let lock = match self.is_forked() {
            true => self
                .dead
                .get_or_init(|| Box::new(Mutex::new(Stream::dead()))),
            false => &self.stream.0,
        };
        // No user code runs under the lock, so poison means nothing.
        lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accepts a small write if there is room, on the lease. `false` if the lease is
    /// too small: then nothing was done.
    #[inline]
    pub(crate) fn write_on_lease_if_room(&self, by: By, bytes: &[u8]) -> bool {
        self.lock().write_on_lease_if_room(by, bytes)
    }

    /// Writes these bytes, copied once. Most of the time, no more than a copy.
    #[inline]
    pub(super) fn write(&self, bytes: &[u8]) -> Result<Flow, WriteError> {
        let mut stream = self.lock();
        match stream.write_on_lease(By::Other, bytes) {
            Some(flow) => Ok(flow),
            None => self.write_in(stream, bytes),
        }
    }

    /// Out of line, so that the usual write is short.
    #[cold]
    fn write_in(&self, stream: Guard<'_>, bytes: &[u8]) -> Result<Flow, WriteError> {
        self.change_in(stream, By::Other, |stream| stream.write(bytes))
    }

    /// A write of the owner that its own lease does not cover.
    #[cold]
    pub(super) fn write_own(
        &self,
        filler: &mut Option<Filler>,
        bytes: &[u8],
    ) -> Result<Flow, WriteError> {
        let mut stream = self.lock();
        match stream.write_on_lease(By::Owner, bytes) {
            Some(flow) => Ok(flow),
            None => self.change_in(stream, By::Owner, |stream| {
                stream.write_by(By::Owner, filler, bytes)
            }),
        }
    }

    /// Looks at the stream.
    pub(crate) fn look<T>(&self, f: impl FnOnce(&Stream) -> T) -> T {
        f(&self.lock())
    }

    /// Does something with the stream, and wakes those whom it concerns. If a waker
    /// panics, that goes on in the caller once all are woken.
    pub(crate) fn change<T>(&self, by: By, f: impl FnOnce(&mut Stream) -> T) -> T {
        self.change_in(self.lock(), by, f)
    }

    fn change_in<T>(&self, mut stream: Guard<'_>, by: By, f: impl FnOnce(&mut Stream) -> T) -> T {
        let result = stream.change(by, f);
        self.unlock(stream);
        result
    }

    /// As [`Shared::change`], for the worker: that a waker panics is none of its concern.
    pub(crate) fn report<T>(&self, by: By, f: impl FnOnce(&mut Stream) -> T) -> T {
        let mut stream = self.lock();
        let result = stream.change(by, f);
        self.unlock_quietly(stream);
        result
    }

    /// Releases the lock, and then wakes: so those who are woken find it free.
    fn unlock(&self, stream: Guard<'_>) {
        match self.unlock_and_wake(stream) {
            // A thread that panics already could not bear it.
            Some(panic) if !std::thread::panicking() => resume_unwind(panic),
            panic => mem::forget(panic),
        }
    }

    /// As [`Shared::unlock`]; what a waker panics with goes no further.
    pub(super) fn unlock_quietly(&self, stream: Guard<'_>) {
        // To drop it could panic again.
        mem::forget(self.unlock_and_wake(stream));
    }

    /// Returns the first panic of a waker.
    #[inline]
    fn unlock_and_wake(&self, mut stream: Guard<'_>) -> Option<Panic> {
        self.show(&stream);
        let wakers = stream.take_wakers();
        drop(stream);
        wakers.and_then(wake_all)
    }

    pub(super) fn signs(&self) -> &Signs {
        &self.signs.0
    }

    /// Under the lock: what threads that wait awake read.
    pub(super) fn show(&self, stream: &Stream) {
        let signs = self.signs();
        let now = [
            (&signs.has_work, stream.has_work()),
            (&signs.has_waiters, stream.has_waiters()),
        ];
        for (sign, now) in now {
            // To store is slow, as others read it.
            if sign.load(Ordering::Relaxed) != now {
                sign.store(now, Ordering::Relaxed);
            }
        }
    }

    /// Waits for this condition.
    pub(crate) fn poll_wait(
        &self,
        cx: &mut Context<'_>,
        ticket: &mut Option<Ticket>,
        condition: Condition,
    ) -> Poll<Result<(), WaitError>> {
        self.poll_then(By::Harmless, cx, ticket, condition, |_, found| found)
    }

    /// Waits until there is room for this many bytes, or the stream has stopped. Then `f` does
    /// something with the stream, before any other caller can.
    pub(crate) fn poll_room<T>(
        &self,
        by: By,
        cx: &mut Context<'_>,
        ticket: &mut Option<Ticket>,
        len: usize,
        f: impl FnOnce(&mut Stream) -> T,
    ) -> Poll<T> {
        let condition = Condition::Room { len: len as u64 };
        self.poll_then(by, cx, ticket, condition, |stream, _| f(stream))
    }

    fn poll_then<T>(
        &self,
        by: By,
        cx: &mut Context<'_>,
        ticket: &mut Option<Ticket>,
        condition: Condition,
        f: impl FnOnce(&mut Stream, Result<(), WaitError>) -> T,
    ) -> Poll<T> {
        let waker = cx.waker().clone();
        let mut stream = self.lock();
        let found = stream.wait(by, ticket, condition, waker, f);
        self.unlock(stream);
        found.map_or(Poll::Pending, Poll::Ready)
    }

    /// Gives up a wait. A waiter that was woken passes that on.
    pub(crate) fn leave(&self, ticket: &mut Option<Ticket>) {
        if ticket.is_some() {
            let mut stream = self.lock();
            stream.leave(ticket);
            self.unlock(stream);
        }
    }

    /// The wait of a thread: polls until that finds something, or until the deadline. It
    /// does not wait if the worker runs on this thread, or is in another process.
    pub(crate) fn block_on<T>(
        &self,
        deadline: Deadline,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Result<T, WaitError> {
        let parker = Parker::new();
        let mut cx = Context::from_waker(parker.waker());
        let mut started = None;
        loop {
            if let Poll::Ready(found) = poll(&mut cx) {
                self.count_wait(started);
                return Ok(found);
            }
            if runs_here(self.id()) {
                return Err(WaitError::WouldDeadlock);
            }
            if self.is_forked() {
                return Err(WaitError::Forked);
            }
            started.get_or_insert_with(Instant::now);
            self.signs().waiters.spin(|| parker.is_woken());
            if !parker.park(deadline) {
                self.count_wait(started);
                return Err(WaitError::TimedOut);
            }
        }
    }

    fn count_wait(&self, started: Option<Instant>) {
        if let Some(started) = started {
            let waited: Duration = started.elapsed();
            self.lock().count_wait(waited);
        }
    }

    /// The worker runs on this thread as long as this lives.
    pub(crate) fn run_here(&self) -> Running {
        Running::new(self.id())
    }

    fn id(&self) -> usize {
        core::ptr::from_ref(self) as usize
    }
}

/// How many turns a caller that finds the lock taken leaves to others.
const LOCK_TURNS: u32 = if cfg!(highwater_loom) { 0 } else { 256 };

/// Drops wakers of the worker. What one panics with goes no further, as the work goes on.
#[inline]
pub(super) fn drop_quietly(unneeded: [Option<Waker>; 2]) {
    if unneeded.iter().any(Option::is_some) {
        let mut panic = None;
        call(|| drop(unneeded), &mut panic);
        mem::forget(panic);
    }
}

/// Wakes all of them, even if one panics. Returns the first panic.
fn wake_all(wakers: Wakers) -> Option<Panic> {
    let Wakers {
        worker,
        waiters,
        unneeded,
        chunks,
    } = wakers;
    let mut first = None;
    for waker in worker.into_iter().chain(waiters) {
        call(|| waker.wake(), &mut first);
    }
    call(|| drop((unneeded, chunks)), &mut first);
    first
}

/// What code of a user has panicked with.
type Panic = Box<dyn Any + Send>;

/// Calls code of a user. Keeps what it panics with, if that is the `first`.
fn call(f: impl FnOnce(), first: &mut Option<Panic>) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(f)) {
        match first {
            None => *first = Some(panic),
            Some(_) => mem::forget(panic),
        }
    }
}
