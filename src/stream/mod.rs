//! The stream as it lies under the lock of a handle: the driver, and what handles and
//! workers do with it.
//!
//! - this file: [`Stream`], and [`Stream::change`], the one way to change it
//! - `write.rs`: what a producer puts in; `lease.rs`: how most small writes get in
//! - `wait.rs`: what a caller waits for
//! - `end.rs`: how it ends, and what is left then
//! - `answers.rs`: what the worker takes, and what it reports
//! - `handoff.rs`: what lies between the machine and the worker
//! - `write_job.rs`: a job of writing: what the sink gets next, and what it has taken
//! - `event.rs`: what an observer sees, and what can be read
//!
//! No rule of the stream is here: what may be written when, when the stream says
//! `Wait`, and when 'drain' comes is in the [machine](crate::machine).

pub(crate) mod answers;
pub(crate) mod end;
pub(crate) mod event;
pub(crate) mod handoff;
mod lease;
pub(crate) mod wait;
pub(crate) mod write;
pub(crate) mod write_job;

use core::time::Duration;

use crate::cause::Cause;
use crate::driver::Driver;
use crate::machine::Options;
use crate::sync::{Arc, AtomicBool};
use event::Snapshot;
use handoff::Handoff;
use lease::LeaseBuffer;

/// What every stream with a worker chooses. A producer that comes too late gets an
/// error; the others go on.
pub(crate) const OPTIONS: Options = Options::new()
    .with_batches(true)
    .with_finalize(true)
    .with_refusals_fail(false);

/// A piece of a piped source is as large as the high-water mark, within these bounds, in
/// bytes.
const MIN_PIPE_PIECE: u64 = 4096;
const MAX_PIPE_PIECE: u64 = 64 * 1024;

/// A stream whose sink is with a worker.
pub(crate) struct Stream {
    driver: Driver<Handoff>,
    lease: LeaseBuffer,
    /// The worker has found no work, and has not come back since.
    worker_waits: bool,
    /// The worker has let go of the sink and reported everything.
    worker_left: bool,
    /// The owner will not take the sink.
    owner_left: bool,
    /// How many writes have returned [`Flow::Wait`](crate::machine::Flow::Wait).
    waits: u64,
    peak: u64,
    waited: Duration,
    /// The position of the last flush that was put in line.
    flushed_at: u64,
}

/// Whom a change of the stream concerns.
#[derive(Clone, Copy, Debug)]
#[must_use = "a waiter that is not woken waits for ever"]
pub(crate) struct Wake {
    /// The worker waits, and there is work for it.
    pub(crate) worker: bool,
    /// A waiter may find what it waits for.
    pub(crate) waiters: bool,
}

/// What the conditions of waiters depend on.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Signs {
    has_room: bool,
    stopped: [bool; 3],
    worker_left: bool,
    drains: u64,
    delivered: u64,
    flushed: u64,
}

impl Signs {
    /// Whether a wait may end that did not end before. Room that is gone ends none.
    fn may_end_a_wait(self, before: Self) -> bool {
        self.has_room && !before.has_room
            || self
                != Self {
                    has_room: self.has_room,
                    ..before
                }
    }
}

impl Stream {
    /// A stream whose events are kept for an observer, if it is `observed`.
    pub(crate) fn new(options: Options, observed: bool) -> Self {
        let limit = options.limit().max(options.high_water_mark());
        let options = options.with_limit(limit);
        let mut driver = Driver::new(options, Handoff::new(observed));
        driver.run_ticks();
        Self {
            driver,
            lease: LeaseBuffer::new(options.high_water_mark()),
            worker_waits: false,
            worker_left: false,
            owner_left: false,
            waits: 0,
            peak: 0,
            waited: Duration::ZERO,
            flushed_at: 0,
        }
    }

    /// Does something with the stream, and returns whom that concerns. What was
    /// accepted on the lease precedes it, and what it defers runs after it.
    pub(crate) fn change<T>(&mut self, f: impl FnOnce(&mut Self) -> T) -> (T, Wake) {
        let before = self.signs();
        self.settle();
        let result = f(self);
        self.driver.run_ticks();
        let lease = self.driver.state().lease_to_queue(self.driver.options());
        self.lease.renew(lease);
        let wake = Wake {
            worker: self.worker_waits && self.has_work(),
            waiters: self.signs().may_end_a_wait(before),
        };
        self.worker_waits &= !wake.worker;
        (result, wake)
    }

    /// Puts what was accepted on the lease into the driver.
    fn settle(&mut self) {
        if let Some(chunk) = self.lease.take() {
            // Each of these writes has returned, and was counted.
            let written = self.accept(chunk);
            debug_assert!(written.is_ok(), "{written:?}");
        }
    }

    fn signs(&self) -> Signs {
        let (state, handoff) = (self.driver.state(), self.driver.host());
        Signs {
            has_room: self.has_room(),
            stopped: [
                state.errored().is_some(),
                state.is_ended(),
                state.is_destroyed(),
            ],
            worker_left: self.worker_left,
            drains: handoff.drains,
            delivered: handoff.delivered,
            flushed: handoff.flushed,
        }
    }

    /// There is room, and no 'drain' is owed.
    fn has_room(&self) -> bool {
        let state = self.driver.state();
        state.has_room(self.driver.options()) && !state.needs_drain()
    }

    /// A 'drain' is owed.
    #[cfg(all(feature = "tracing", not(highwater_loom)))]
    pub(crate) fn needs_drain(&self) -> bool {
        self.driver.state().needs_drain()
    }

    /// Whether the worker waits for work.
    #[cfg(feature = "futures")]
    pub(crate) fn worker_waits(&self) -> bool {
        self.worker_waits
    }

    /// What comes from the sink is no longer wanted.
    #[cfg(feature = "futures")]
    pub(crate) fn is_destroyed(&self) -> bool {
        self.driver.state().is_destroyed()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.driver.state().is_closed()
    }

    /// Tells the worker to stop in the middle of a job.
    pub(crate) fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.driver.host().stop)
    }

    /// Why the stream has failed, if it has.
    fn failure(&self) -> Option<Cause> {
        let errored = self.driver.state().errored();
        errored.map(|fault| self.driver.host().cause(fault))
    }

    /// How many bytes are in the stream, those on the lease included.
    pub(crate) fn backlog(&self) -> u64 {
        self.driver.state().length() + self.lease.len() as u64
    }

    /// How many bytes the stream has accepted since it was created.
    pub(crate) fn position(&self) -> u64 {
        self.driver.accepted()
    }

    /// How large the pieces of a piped source are, in bytes.
    pub(crate) fn pipe_size(&self) -> usize {
        let options = self.driver.options();
        let size = options
            .high_water_mark()
            .clamp(MIN_PIPE_PIECE, MAX_PIPE_PIECE);
        let size = size.min(options.limit()).max(1);
        usize::try_from(size).unwrap_or(usize::MAX)
    }

    /// A producer has waited so long.
    pub(crate) fn count_wait(&mut self, waited: Duration) {
        self.waited += waited;
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let (state, options) = (self.driver.state(), self.driver.options());
        let handoff = self.driver.host();
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
            delivered: handoff.delivered,
            waits: self.waits,
            drains: handoff.drains,
            peak: self.peak,
            waited: self.waited,
        }
    }
}
