//! How the owner writes on its lease, and how the lease is taken away from it.

use alloc::boxed::Box;

use super::barrier::Barrier;
use super::own_lease::{By, CYCLE, OwnLease, WITHOUT};
use super::segment::Filler;
use super::stream::Stream;
use super::write::WriteError;
use crate::machine::Flow;

impl Stream {
    /// How many bytes the owner has written that the driver does not have yet.
    pub(super) fn unsettled(&self) -> u64 {
        let own = self.own_lease.as_ref();
        own.map_or(0, |own| own.unsettled() as u64)
    }

    /// Whether the owner may write without the lock at this moment.
    pub(super) fn owner_holds(&self) -> bool {
        self.own_lease.as_ref().is_some_and(|own| own.holds)
    }

    /// Puts what the owner has written so far into the driver. (Not what it writes meanwhile:
    /// that could go on up to the mark.)
    pub(super) fn settle_own(&mut self) {
        let mut left = self.own_lease.as_ref().map_or(0, |own| own.unsettled());
        while let Some(own) = self.own_lease.as_mut().filter(|_| left > 0) {
            let len = left.min(self.lease.capacity());
            let mut bytes = self.lease.buffer(len);
            own.segment.copy(own.settled, own.settled + len, &mut bytes);
            own.settled += len;
            left -= len;
            self.settle_chunk(bytes.into());
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
        if by == By::Other {
            own.without = WITHOUT;
        }
        // From now on, the owner sees that the lease is over; what it wrote before is seen here.
        self.settle_own();
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
                    let end = own.settled.saturating_add(len);
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

    /// How many bytes the machine would queue, and answer with [`Flow::More`]. `None` while a
    /// 'drain' is owed, too: a producer that waits for room waits for it.
    fn lease_for_more(&self) -> Option<usize> {
        let state = self.driver.state();
        let lease = state.lease_to_queue(self.driver.options());
        let may = lease.count > 0 && lease.answer == Flow::More && !state.needs_drain();
        may.then(|| usize::try_from(lease.len).unwrap_or(usize::MAX))
    }

    /// Whether a write of the owner that was in doubt is accepted. If not, it is undone.
    pub(crate) fn is_accepted(&self, filler: &mut Filler) -> bool {
        let settled = self.own_lease.as_ref().map_or(0, |own| own.settled);
        let accepted = settled == filler.at();
        if !accepted {
            filler.undo(settled);
        }
        accepted
    }

    /// Whether the next write of the owner should ask for a lease, and not be one of many
    /// under the lock.
    #[inline]
    pub(super) fn owner_wants_lease(&self) -> bool {
        let may = |own: &OwnLease| own.without == 0;
        self.leases_room() && self.own_lease.as_deref().is_none_or(may)
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
            own.without -= 1;
            return false;
        }
        if bytes.len() > own.segment.capacity() - filler.at() {
            own.next_segment(filler);
        }
        own.holds = true;
        filler.fill(bytes);
        true
    }
}

#[cfg(all(test, not(highwater_loom)))]
mod tests {
    use alloc::vec::Vec;

    use super::{By, Filler, Stream};
    use crate::machine::Flow;
    use crate::stream::own_lease::{CYCLE, FAST};
    use crate::stream::segment::Filled;
    use crate::stream::{Calls, Job, OPTIONS, WriteJob};

    const MARK: u64 = 64 * 1024;

    /// Lines of the owner until the stream has so many bytes. Returns how many of them took the
    /// lock.
    fn fill(stream: &mut Stream, filler: &mut Option<Filler>, bytes: u64) -> usize {
        let mut locked = 0;
        while stream.backlog() < bytes {
            let filled = filler.as_mut().map(|filler| filler.write(b"a line\n"));
            if filled == Some(Filled::Accepted) {
                continue;
            }
            locked += 1;
            let write = |stream: &mut Stream| stream.write_by(By::Owner, filler, b"a line\n");
            assert!(stream.change(By::Owner, write).0.is_ok());
        }
        locked
    }

    /// The sink takes all that there is.
    fn work(stream: &mut Stream) {
        while let (Some(work), _) = stream.poll_work(true, core::task::Waker::noop().clone()) {
            let Some(Job::Write(items)) = work.job else {
                continue;
            };
            let mut job = WriteJob::new(items, &stream.progress(), Calls::default());
            while let Some(call) = job.next() {
                let given = call.given();
                assert!(job.book(given, Ok(Some(given))).is_ok());
            }
            let answered = stream.change(job.by(), |stream| stream.answered(&mut job));
            drop(answered);
        }
    }

    /// How many segments have rested, each time that the sink has taken so many bytes.
    fn rested(stream: &mut Stream, bytes: u64) -> Vec<usize> {
        let mut filler = None;
        let mut rested = Vec::new();
        for _ in 0..100 {
            let locked = fill(stream, &mut filler, bytes);
            assert!(locked <= 5, "{locked} of {} lines", bytes / 7);
            work(stream);
            rested.extend(stream.own_lease.as_ref().map(|own| own.rested.len()));
        }
        rested
    }

    #[test]
    fn a_fast_owner_seldom_takes_the_lock_and_an_idle_stream_keeps_one_segment() {
        let mut stream = Stream::new(OPTIONS.with_high_water_mark(MARK), false);
        let rested = rested(&mut stream, MARK / 2);
        let slow = &rested[..2 * FAST];
        assert!(slow.iter().all(|&rested| rested <= 1), "{rested:?}");
        assert_eq!(rested.last(), Some(&(CYCLE / MARK as usize - 1)));
        stream.shrink();
        assert!(stream.own_lease.is_some_and(|own| own.rested.is_empty()));
    }

    #[test]
    fn an_owner_that_waits_at_each_mark_has_two_segments() {
        let mut stream = Stream::new(OPTIONS.with_high_water_mark(MARK), false);
        let rested = rested(&mut stream, MARK);
        assert_eq!(rested.iter().max(), Some(&1));
    }

    /// loom finds this only with three preemptions.
    #[test]
    fn a_write_in_doubt_is_accepted_if_it_came_before_the_lease_was_over() {
        let mut stream = Stream::new(OPTIONS.with_high_water_mark(MARK), false);
        let mut filler = None;
        assert!(
            stream
                .change(By::Owner, |stream| stream.write(b"to the sink"))
                .0
                .is_ok()
        );
        let write = |stream: &mut Stream| stream.write_by(By::Owner, &mut filler, b"first, ");
        assert_eq!(stream.change(By::Owner, write).0.ok(), Some(Flow::More));
        let mut filler = filler.expect("the sink is busy");
        assert_eq!(filler.write(b"before, "), Filled::Accepted);
        stream.revoke(By::Other);
        assert!(stream.is_accepted(&mut filler));
        // The owner has not seen yet that the lease is over.
        filler.fill(b"after");
        assert!(!stream.is_accepted(&mut filler));
        assert_eq!(stream.position(), 26);
        assert!(
            stream.is_accepted(&mut filler),
            "what is undone is in doubt no more"
        );
    }
}
