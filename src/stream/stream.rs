//! The stream itself, and [`Stream::change`]: every change goes through it, except a write
//! on the lease and [`Stream::take_work`], which wake nothing.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;
use core::task::Waker;
use core::time::Duration;

use super::barrier::Barrier;
use super::event::Snapshot;
use super::handoff::Handoff;
use super::lease::LeaseBuffer;
use super::own_lease::{By, OwnLease};
use super::waiters::Waiters;
use crate::cause::Cause;
use crate::chunk::Chunk;
use crate::driver::Driver;
use crate::machine::{Input, Leased, Options, State, step};

/// What every stream with a worker chooses. A producer that comes too late gets an
/// error; the others go on.
pub(crate) const OPTIONS: Options = Options::new()
    .with_batches(true)
    .with_finalize(true)
    .with_refusals_fail(false);

/// A piece of a large buffer or of a piped source is as large as the high-water mark, but
/// has at least this many bytes.
pub(super) const MIN_PIECE: u64 = 4096;

/// A piece of a piped source has at most this many bytes.
const MAX_PIPE_PIECE: u64 = 64 * 1024;

/// A stream whose sink is with a worker. Its fields are private to this floor: handles and
/// workers call its operations.
pub(crate) struct Stream {
    /// The machine with its chunks.
    pub(super) driver: Driver<Handoff>,
    /// Writes that the driver does not have yet.
    pub(super) lease: LeaseBuffer,
    /// The owner's writes that the driver does not have yet. `None` if the owner has never had
    /// a lease of its own.
    /// Invariant: while the owner has one, `lease` is empty, and has no room.
    pub(super) own_lease: Option<Box<OwnLease>>,
    /// Wakes the worker.
    pub(super) worker: Option<Waker>,
    /// The worker has found no work, and has not come back since.
    /// Invariant: then there is a waker.
    pub(super) worker_waits: bool,
    /// The worker waits within a job until there are this many flushes.
    pub(super) group: Option<u64>,
    /// Every other waiter.
    pub(super) waiters: Waiters,
    /// The worker has let go of the sink and reported everything.
    pub(super) worker_left: bool,
    /// The owner will not take the sink.
    pub(super) owner_left: bool,
    /// How many writes have returned [`Flow::Wait`](crate::machine::Flow::Wait).
    pub(super) waits: u64,
    /// The greatest length there has been, in bytes.
    pub(super) peak: u64,
    /// How long threads have waited, all together.
    waited: Duration,
    /// Each write is a chunk of its own. So there is no lease, which would join them.
    pub(super) records: bool,
    /// A producer that panics cuts the stream off.
    pub(super) panics_cut_off: bool,
    /// What is due once the lock is free.
    /// Invariant: there is nothing while it is free.
    pub(super) wakers: Wakers,
}

/// What to do with wakers once the lock is free: they are code of users.
#[derive(Debug, Default)]
#[must_use = "a waiter that is not woken waits for ever"]
pub(crate) struct Wakers {
    /// The worker, if there is work.
    pub(crate) worker: Option<Waker>,
    /// The other waiters whom a change of the stream concerns.
    pub(crate) waiters: Vec<Waker>,
    /// To be dropped.
    pub(crate) unneeded: [Option<Waker>; 2],
    /// To be dropped as well: chunks of no bytes, which go nowhere. A chunk may be memory of a user.
    pub(crate) chunks: Vec<Chunk>,
}

impl Wakers {
    /// Whether nothing is due.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        let [a, b] = &self.unneeded;
        let wakers = self.worker.is_some() || a.is_some() || b.is_some();
        !wakers && self.waiters.is_empty() && self.chunks.is_empty()
    }
}

/// What the conditions of waiters depend on, apart from room. A change of any may end a wait.
type Signs = ((bool, bool), bool, bool, (u64, u64, u64));

impl Stream {
    /// A stream whose events are kept for an observer, if it is `observed`.
    pub(crate) fn new(options: Options, observed: bool) -> Self {
        let limit = options.limit().max(options.high_water_mark());
        let options = options.with_limit(limit);
        Barrier::prepare();
        let mut driver = Driver::new(options, Handoff::new(observed));
        driver.run_ticks();
        Self {
            driver,
            lease: LeaseBuffer::new(options.high_water_mark()),
            own_lease: None,
            worker: None,
            worker_waits: false,
            group: None,
            waiters: Waiters::default(),
            worker_left: false,
            owner_left: false,
            waits: 0,
            peak: 0,
            waited: Duration::ZERO,
            records: false,
            panics_cut_off: false,
            wakers: Wakers::default(),
        }
    }

    /// A stream that was destroyed, and accepts nothing.
    pub(crate) fn dead() -> Self {
        let mut stream = Self::new(OPTIONS, false);
        drop(stream.destroy(None));
        stream.driver.run_ticks();
        stream
    }

    /// Sets whether each write is a chunk of its own: a lease would join them.
    pub(crate) fn with_records(mut self, records: bool) -> Self {
        if records {
            self.records = true;
            self.lease = LeaseBuffer::new(0);
        }
        self
    }

    /// Whether each write is a chunk of its own.
    pub(crate) fn keeps_records(&self) -> bool {
        self.records
    }

    /// A producer that panics cuts it off, unless it has ended: then its reader gets an error.
    #[cfg(feature = "futures")]
    pub(crate) fn cut_off_by_panics(mut self) -> Self {
        self.panics_cut_off = true;
        self
    }

    /// Runs `f`, and finds whom to wake. Before `f` the driver gets the writes on the
    /// lease and the progress of the worker; after it the deferred ticks run, and a new
    /// lease begins.
    #[inline]
    pub(crate) fn change<T>(&mut self, by: By, f: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.before_change(by);
        let result = f(self);
        self.after_change(by, before);
        // What the worker has done meanwhile may be what a waiter waits for.
        while self.driver.host().progress.wake_at(self.wake_at()) {
            let before = self.before_change(By::Harmless);
            self.after_change(By::Harmless, before);
        }
        result
    }

    /// Returns the signs, and whether there is room, if there is a waiter.
    #[inline]
    fn before_change(&mut self, by: By) -> Option<(Signs, bool)> {
        let waits = !self.waiters.is_empty();
        let before = waits.then(|| (self.signs(), self.has_room()));
        self.settle(by);
        before
    }

    fn after_change(&mut self, by: By, before: Option<(Signs, bool)>) {
        self.driver.run_ticks();
        self.renew_leases(by);
        if self.worker_waits && (self.has_work() || self.has_group()) {
            self.worker_waits = false;
            self.wakers.worker = self.worker.take();
        }
        let may_go_on = match before {
            _ if self.waiters.is_empty() => false,
            Some((signs, had_room)) => self.signs() != signs || self.has_room() && !had_room,
            // The first has come.
            None => true,
        };
        if may_go_on {
            self.take_woken();
        }
    }

    /// What the caller does once it has released the lock.
    #[inline]
    pub(crate) fn take_wakers(&mut self) -> Option<Wakers> {
        (!self.wakers.is_empty()).then(|| mem::take(&mut self.wakers))
    }

    /// Puts what was accepted on the lease into the driver, and then what the sink has done:
    /// these writes were answered without it.
    #[inline]
    fn settle(&mut self, by: By) {
        self.settle_own(by);
        if let Some(chunk) = self.lease.take() {
            self.settle_chunk(chunk);
        }
        let done = self.driver.host_mut().count_progress();
        if done > 0 {
            self.driver.progressed(done);
        }
    }

    /// Puts writes on a lease into the driver. Each of them has returned, and was counted.
    pub(super) fn settle_chunk(&mut self, chunk: Chunk) {
        let written = self.accept(chunk);
        debug_assert!(written.is_ok(), "{written:?}");
    }

    /// How many bytes were accepted on a lease that the driver does not have yet.
    fn leased(&self) -> u64 {
        self.lease.bytes.len() as u64 + self.unsettled().0
    }

    #[inline]
    fn signs(&self) -> Signs {
        let (state, handoff) = (self.driver.state(), self.driver.host());
        let stopped = (state.errored().is_some(), state.is_destroyed());
        let counts = (handoff.drains, handoff.delivered, handoff.flushed);
        (stopped, state.is_ended(), self.worker_left, counts)
    }

    /// Whether there is room for producers that wait: no 'drain' is owed either.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        let state = self.driver.state();
        state.has_room(self.driver.options()) && !state.needs_drain()
    }

    /// Whether the stream is destroyed: then it no longer needs its sink.
    #[cfg(feature = "futures")]
    pub(crate) fn is_destroyed(&self) -> bool {
        self.driver.state().is_destroyed()
    }

    /// Why the stream has failed, if it has.
    pub(super) fn failure(&self) -> Option<Cause> {
        let errored = self.driver.state().errored();
        errored.map(|fault| self.driver.host().cause(fault))
    }

    /// How many bytes are in the stream, those on the lease included.
    pub(crate) fn backlog(&self) -> u64 {
        self.driver.state().length() + self.leased()
    }

    /// How many bytes the stream has accepted since it was created, those on the lease
    /// included.
    pub(crate) fn position(&self) -> u64 {
        self.driver.accepted() + self.leased()
    }

    /// The state once the driver has these bytes that were accepted on a lease, and the cork
    /// that holds them, and knows that `delivered` bytes are. Looking at a stream changes
    /// nothing, so this is a copy.
    fn settled(&self, leased: u64, corks: bool, delivered: u64) -> State {
        let mut state = *self.driver.state();
        let options = self.driver.options();
        let leased = Leased::Queued {
            chunks: u32::from(leased > 0),
            len: leased,
            callback: false,
        };
        let _ = step(&mut state, options, None, Input::Settle(leased));
        if corks {
            let _ = step(&mut state, options, None, Input::Cork);
        }
        let done = delivered - self.driver.host().delivered;
        if done > 0 {
            let _ = step(&mut state, options, None, Input::Progress(done));
        }
        state
    }

    /// How large the pieces of a piped source are, in bytes.
    pub(crate) fn pipe_size(&self) -> usize {
        let options = self.driver.options();
        let mark = options.high_water_mark();
        let size = mark.clamp(MIN_PIECE, MAX_PIPE_PIECE);
        let size = size.min(options.limit()).max(1);
        usize::try_from(size).unwrap_or(usize::MAX)
    }

    /// A thread has waited this long.
    pub(crate) fn count_wait(&mut self, waited: Duration) {
        self.waited += waited;
        if let Some(own) = &mut self.own_lease {
            own.count_wait(waited);
        }
    }

    /// Gauges and counters.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let (handoff, options) = (self.driver.host(), self.driver.options());
        // Once: the owner and the worker go on meanwhile.
        let ((unsettled, corks), delivered) = (self.unsettled(), handoff.progress.bytes());
        let leased = self.lease.bytes.len() as u64 + unsettled;
        let state = self.settled(leased, corks, delivered);
        Snapshot {
            phase: state.phase(),
            length: state.length(),
            in_flight: state.in_flight(),
            high_water_mark: options.high_water_mark(),
            low_water_mark: options.low_water_mark(),
            needs_drain: state.needs_drain(),
            corked: state.corked(),
            queued: state.queued(),
            accepted: self.driver.accepted() + leased,
            delivered,
            flushed: handoff.flushed_to,
            waits: self.waits,
            drains: handoff.drains,
            peak: self.peak.max(state.length()),
            waited: self.waited,
        }
    }
}
