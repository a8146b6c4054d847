//! The lease of the owner: as long as it writes alone, a small write is a copy into a
//! [segment](super::segment), without the lock; and a cork is a bit beside it.
//!
//! The lease is the machine's (`lease_to_queue` and `lease_to_cork` of its
//! [`State`](crate::machine::State)). What the owner has done on it goes into the driver before
//! anything else does. An input of the owner itself cannot meet a write of the owner. An input
//! of another could: it takes the lease away first, unless the lease also holds after it. One
//! that finds a cork of the owner leaves the lease, and gives the cork to the driver: then what
//! the owner goes on to write is held, and the end of the cork takes the lock.

use alloc::collections::VecDeque;
use core::time::Duration;

use super::barrier::Barrier;
use super::segment::{Filler, Reached, Segment};
use crate::sync::Arc;

/// Who changes the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The owner, which writes nothing meanwhile.
    Owner,
    /// Another caller, or the worker: it may change what a write of the owner is answered.
    Other,
    /// A waiter that only looks, or the worker when the sink has done its work: the stream has
    /// as much room as before, or more.
    Harmless,
}

/// The stream's side of the lease.
#[derive(Debug)]
pub(super) struct OwnLease {
    pub(super) segment: Arc<Segment>,
    /// How much of the segment the driver has, and whether it has the cork that the owner has
    /// begun there.
    /// Invariant: if the driver has it, the owner takes the lock to take it back.
    pub(super) settled: Reached,
    /// The owner may write without the lock.
    /// Invariant: if it may not, the driver has all that was accepted. A write in doubt may also
    /// be in the segment: the owner asks for it next.
    pub(super) holds: bool,
    /// Segments to go on in, the one that has rested the longest first: memory that the
    /// worker's processor has just read is slow to write to.
    pub(super) rested: VecDeque<Arc<Segment>>,
    /// How many segments the owner has filled since the worker was idle, or the stream last
    /// said `Wait`. A short wait counts as many as a fast stream fills.
    pub(super) filled: usize,
    /// How many writes under the lock the owner makes before it gets a lease again, as another
    /// caller has come. That caller would have taken the lease away.
    pub(super) without: u32,
    pub(super) barrier: Barrier,
}

/// How many bytes of segments a fast stream goes round through.
pub(super) const CYCLE: usize = 256 * 1024;

/// But no more segments than this: those of a low mark are small.
const MOST_SEGMENTS: usize = 32;

/// A stream is fast if its owner fills more segments than this and need not wait.
pub(super) const FAST: usize = 4;

/// A wait that is shorter shows that the stream is fast: to sleep and be woken takes longer.
pub(super) const SHORT: Duration = Duration::from_micros(50);

/// Taking a lease away costs as much as this many writes under the lock, or less.
pub(super) const WITHOUT: u32 = 64;

impl OwnLease {
    pub(super) fn new(filler: &Filler, barrier: Barrier) -> Self {
        Self {
            segment: Arc::clone(filler.segment()),
            settled: Reached::START,
            holds: false,
            rested: VecDeque::new(),
            filled: 0,
            without: 0,
            barrier,
        }
    }

    /// How many bytes the driver does not have yet, and whether it does not have a cork yet.
    pub(super) fn unsettled(&self) -> (usize, bool) {
        let reached = self.segment.reached();
        match self.holds {
            true => (
                reached.at() - self.settled.at(),
                reached.corks() && !self.settled.corks(),
            ),
            false => (0, false),
        }
    }

    /// The driver has the owner's cork, so the guard of the cork takes the lock at its end. The
    /// owner alone does this.
    pub(super) fn hand_cork_over(&mut self) {
        self.settled = self.settled.with_cork(false);
        self.segment.reach(self.settled);
        self.segment.forget();
    }

    /// How many bytes the owner can still fill in of its segment.
    pub(super) fn left(&self, filler: &Filler) -> usize {
        self.segment.capacity() - filler.reached().at()
    }

    /// The owner goes on in another segment.
    pub(super) fn next_segment(&mut self, filler: &mut Filler) {
        let capacity = self.segment.capacity();
        self.filled += 1;
        let has_all = self.rested.len() + 1 >= (CYCLE / capacity).min(MOST_SEGMENTS);
        let next = match self.filled > FAST && !has_all {
            true => None,
            false => self.rested.pop_front(),
        };
        let next = next.unwrap_or_else(|| Arc::new(Segment::new(capacity)));
        self.segment = Arc::clone(&next);
        self.rested.push_back(filler.change_to(next));
        self.settled = Reached::START;
    }

    /// A thread has waited this long for the stream, and goes on.
    pub(super) fn count_wait(&mut self, waited: Duration) {
        if waited < SHORT {
            self.filled = FAST;
        }
    }

    /// The worker is idle: frees all segments but the one in use.
    pub(super) fn shrink(&mut self) {
        self.rested = VecDeque::new();
        self.filled = 0;
    }
}
