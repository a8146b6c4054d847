//! How the owner writes on its lease, and how the lease is taken away from it.

use alloc::boxed::Box;

use super::barrier::Barrier;
use super::own_lease::{By, CYCLE, OwnLease, WITHOUT};
use super::segment::{Filler, Reached};
use super::stream::Stream;
use super::write::WriteError;
use crate::chunk::Chunk;
use crate::machine::Flow;

impl Stream {
    /// How many bytes the owner has written that the driver does not have yet, and whether the
    /// owner holds them with a cork that the driver does not have either.
    pub(super) fn unsettled(&self) -> (u64, bool) {
        let own = self.own_lease.as_ref();
        let (bytes, corks) = own.map_or((0, false), |own| own.unsettled());
        (bytes as u64, corks)
    }

    /// Whether the owner may write without the lock at this moment.
    pub(super) fn owner_holds(&self) -> bool {
        self.own_lease.as_ref().is_some_and(|own| own.holds)
    }

    /// Before a change: puts what the owner has done so far into the driver. (Not what it does
    /// meanwhile: that could go on up to the mark.) Another caller takes the lease away first,
    /// unless its change is harmless.
    pub(super) fn settle_own(&mut self, by: By) {
        let Some(own) = &self.own_lease else {
            return;
        };
        match by {
            By::Other => {
                self.revoke(by);
                self.owner_is_not_alone();
            }
            By::Harmless => self.settle_to(own.segment.find()),
            By::Owner => {
                self.settle_to(own.segment.reached());
                if let Some(own) = &mut self.own_lease {
                    own.hand_cork_over();
                }
            }
        }
    }

    /// The driver gets what the owner has done on its lease up to here. The cork comes first:
    /// the owner did some of the writes after it, and as long as the lease held, the order made
    /// no difference.
    fn settle_to(&mut self, reached: Reached) {
        let Some(own) = self.own_lease.as_mut().filter(|own| own.holds) else {
            return;
        };
        let (mut at, end) = (own.settled.at(), reached.at());
        let has_cork = own.settled.corks();
        own.settled = reached.with_cork(has_cork || reached.corks());
        if reached.corks() && !has_cork {
            self.driver.cork();
        }
        while let Some(own) = self.own_lease.as_ref().filter(|_| at < end) {
            let len = (end - at).min(self.lease.capacity());
            let mut bytes = self.lease.buffer(len);
            own.segment.copy(at, &mut bytes);
            at += len;
            self.settle_chunk(Chunk::lent(bytes));
        }
    }

    /// Takes the lease away from the owner, which may be writing at this moment, unless the
    /// caller is the owner.
    pub(super) fn revoke(&mut self, by: By) {
        let Some(own) = self.own_lease.as_mut().filter(|own| own.holds) else {
            return;
        };
        own.segment.lend(0);
        if by != By::Owner {
            own.barrier.heavy();
        }
        // From now on, the owner sees that the lease is over; what it did before is seen here.
        let reached = own.segment.reached();
        self.settle_to(reached);
        if let Some(own) = &mut self.own_lease {
            own.holds = false;
        }
    }

    /// After a change: the owner's lease goes on if the machine still gives one; else the
    /// lease under the lock begins.
    pub(super) fn renew_leases(&mut self, by: By) {
        if self.owner_holds() {
            match (self.lease_for_more(), &mut self.own_lease) {
                (Some(len), Some(own)) => {
                    let end = own.settled.at().saturating_add(len);
                    let end = end.min(own.segment.capacity());
                    debug_assert!(by != By::Harmless || end >= own.segment.end());
                    own.segment.lend(end);
                    return self.lease.pause();
                }
                _ => {
                    self.revoke(by);
                    self.driver.run_ticks();
                }
            }
        }
        let lease = self.driver.state().lease_to_queue(self.driver.options());
        self.lease.renew(lease);
    }

    /// How many bytes the machine would queue, and answer with [`Flow::More`], corked or not.
    /// Also `None` while a 'drain' is owed: a producer that waits for room waits for it.
    fn lease_for_more(&self) -> Option<usize> {
        let state = self.driver.state();
        let lease = state.lease_to_queue(self.driver.options());
        let may = lease.count > 0 && lease.answer == Flow::More && !state.needs_drain();
        let may = may && state.lease_to_cork();
        may.then(|| usize::try_from(lease.len).unwrap_or(usize::MAX))
    }

    /// Whether what the owner did in doubt is accepted. If not, it is undone.
    pub(crate) fn is_accepted(&self, filler: &mut Filler) -> bool {
        let Some(own) = &self.own_lease else {
            return false;
        };
        let reached = filler.reached();
        // On a lease that holds, only the end of a cork can be in doubt.
        let last = if own.holds {
            reached.with_cork(own.settled.corks())
        } else {
            own.settled
        };
        own.segment.forget();
        if last != reached {
            filler.undo(last);
        }
        last == reached
    }

    /// Another caller changes the stream, or writes: it would take a lease away. So the owner gets
    /// none until it has written alone for a while.
    #[inline]
    pub(super) fn owner_is_not_alone(&mut self) {
        if let Some(own) = &mut self.own_lease {
            own.without = WITHOUT;
        }
    }

    /// Whether this write of the owner should ask for a lease, and not be one of many under the
    /// lock.
    #[inline]
    pub(super) fn owner_wants_lease(&mut self) -> bool {
        let leases_room = self.leases_room();
        match self.own_lease.as_deref_mut() {
            Some(own) if own.without > 0 => {
                own.without -= 1;
                false
            }
            _ => leases_room,
        }
    }

    /// A write that the lease of the owner, if it is the owner's, does not cover. Everything
    /// before is settled.
    pub(crate) fn write_by(
        &mut self,
        by: By,
        filler: &mut Option<Filler>,
        bytes: &[u8],
    ) -> Result<Flow, WriteError> {
        if by == By::Owner && self.write_on_new_lease(filler, bytes) {
            return Ok(Flow::More);
        }
        let flow = self.write(bytes)?;
        if let (Flow::Wait, Some(own)) = (flow, &mut self.own_lease) {
            own.filled = 0;
        }
        Ok(flow)
    }

    /// Gives the owner a lease, and writes this on it. `false` if the lease would be too small.
    fn write_on_new_lease(&mut self, filler: &mut Option<Filler>, bytes: &[u8]) -> bool {
        if self.records {
            return false;
        }
        // The owner copies what it has filled when it goes on in another segment: with a high
        // mark it does so less often.
        let quarter = usize::try_from(self.driver.options().high_water_mark() / 4);
        let capacity = quarter
            .unwrap_or(usize::MAX)
            .min(CYCLE)
            .max(self.lease.capacity());
        let Some(len) = self.lease_for_more().map(|len| len.min(capacity)) else {
            return false;
        };
        if bytes.is_empty() || bytes.len() > len {
            return false;
        }
        let barrier = Barrier::of_process();
        let filler = filler.get_or_insert_with(|| Filler::new(capacity, barrier));
        let own = self
            .own_lease
            .get_or_insert_with(|| Box::new(OwnLease::new(filler, barrier)));
        if own.without > 0 {
            return false;
        }
        // A change of segments is cheap before a lease begins, as everything is settled.
        let (left, capacity) = (own.left(filler), own.segment.capacity());
        if bytes.len() > left || !own.holds && left < capacity / 2 {
            own.next_segment(filler);
        }
        own.holds = true;
        filler.fill(bytes);
        true
    }
}

#[cfg(test)]
#[cfg(not(highwater_loom))]
mod tests;
