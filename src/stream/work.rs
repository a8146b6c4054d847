//! What the worker does with a stream: it takes work, and reports what became of it.

use alloc::collections::VecDeque;
use core::mem;
use core::task::Waker;

use super::event::Event;
use super::handoff::Job;
use super::progress::Progress;
use super::stream::Stream;
use super::write_job::WriteJob;
use crate::cause::Cause;
use crate::machine::Fault;
use crate::sync::Arc;

/// More bytes than this are no cheaper in one call of the sink.
const MOST_PLENTY: u64 = 32 * 1024;

/// What the worker finds to do.
#[derive(Debug)]
pub(crate) struct Work {
    /// For the observer, in order.
    pub(crate) events: VecDeque<Event>,
    /// For the sink.
    pub(crate) job: Option<Job>,
}

impl Stream {
    /// Whether the worker has a job or an event to take, or the stream is being
    /// destroyed. In the last case [`Stream::take_work`] may return `None`: a worker that
    /// opens the sink stops that.
    #[inline]
    pub(crate) fn has_work(&self) -> bool {
        let (handoff, state) = (self.driver.host(), self.driver.state());
        let stop = state.is_destroyed() && !state.is_closed();
        stop || handoff.job.is_some() || !handoff.events.is_empty()
    }

    /// As [`Stream::take_work`]; a worker that waits leaves its waker. Also returns what
    /// the caller drops outside the lock.
    #[inline]
    pub(crate) fn poll_work(
        &mut self,
        idle: bool,
        waker: Waker,
    ) -> (Option<Work>, [Option<Waker>; 2]) {
        // A worker that is polled needs no wake-up until it waits again.
        let old = self.worker.take();
        let work = self.take_work(idle);
        self.worker_waits = work.is_none();
        match work {
            Some(_) => (work, [old, Some(waker)]),
            None => {
                self.worker = Some(waker);
                (None, [old, None])
            }
        }
    }

    /// The worker waits within a job, and leaves its waker: it is woken once the stream stops the
    /// job. Returns whether it may wait, and what the caller drops outside the lock.
    pub(crate) fn pause_worker(&mut self, waker: Waker) -> (bool, [Option<Waker>; 2]) {
        if self.driver.state().is_destroyed() {
            return (false, [Some(waker), None]);
        }
        self.worker_waits = true;
        (true, [self.worker.replace(waker), None])
    }

    /// Puts a flush in line, if the sink has taken anything since the last one.
    pub(crate) fn flush_idle(&mut self) {
        let handoff = self.driver.host();
        if handoff.delivered > handoff.flushed_to {
            // A stream that has stopped gets no flush.
            let _ = self.flush();
        }
    }

    /// The worker is idle: frees the memory that only a burst needs.
    pub(crate) fn shrink(&mut self) {
        // The owner's segment is also a buffer.
        let keep = usize::from(self.own_lease.is_none());
        self.lease.shrink(keep);
        if let Some(own) = &mut self.own_lease {
            own.shrink();
        }
    }

    /// The worker waits no more. Returns its waker, to be dropped outside the lock.
    pub(crate) fn forget_worker(&mut self) -> Option<Waker> {
        self.worker_waits = false;
        self.group = None;
        self.worker.take()
    }

    /// Takes what there is to do; an `idle` worker also takes a job. `None` if there is
    /// nothing: then the worker waits, and is woken when there is. To take work is no input,
    /// so the lease stays as it is.
    #[inline]
    fn take_work(&mut self, idle: bool) -> Option<Work> {
        let handoff = self.driver.host_mut();
        let job = if idle { handoff.job.take() } else { None };
        if job.is_none() && handoff.events.is_empty() {
            return None;
        }
        let events = mem::take(&mut handoff.events);
        Some(Work { events, job })
    }

    /// How many bytes are worth a call of the sink, and the hand-over: few enough that producers
    /// do not reach the high-water mark while the sink is at them. Half as many if the owner
    /// does without the lock: it writes faster, and the worker does not fight with it.
    pub(crate) fn plenty(&self) -> u64 {
        let half = self.driver.options().high_water_mark() / 2;
        let half = half.min(MOST_PLENTY);
        match self.owner_holds() {
            true => half / 2,
            false => half,
        }
    }

    /// How many flushes the stream has accepted since it was created.
    pub(crate) fn flushes(&self) -> u64 {
        self.driver.host().flushes
    }

    /// The worker waits within a job for the producers of a group, and leaves its waker: it is woken
    /// once there are this many flushes, or there will not be. Returns whether it waits, and what
    /// the caller drops outside the lock.
    pub(crate) fn wait_for_group(
        &mut self,
        flushes: u64,
        waker: Waker,
    ) -> (bool, [Option<Waker>; 2]) {
        if !self.gathers(flushes) {
            return (false, [Some(waker), None]);
        }
        self.worker_waits = true;
        self.group = Some(flushes);
        (true, [self.worker.replace(waker), None])
    }

    /// Whether the wait of the worker for the producers of a group is over.
    pub(super) fn has_group(&self) -> bool {
        self.group.is_some_and(|flushes| !self.gathers(flushes))
    }

    /// Whether producers that were woken together can still come, until there are this many
    /// flushes: they cannot once the stream is full, or accepts nothing more.
    pub(crate) fn gathers(&self, flushes: u64) -> bool {
        self.flushes() < flushes && self.has_room() && self.stopped().is_none()
    }

    /// What the worker reports its progress in.
    pub(crate) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.driver.host().progress)
    }

    /// The sink was opened, or could not be.
    pub(crate) fn opened(&mut self, result: Result<(), Cause>) {
        let result = self.register(result);
        self.driver.constructed(result);
    }

    /// The sink has done what it could of this job. What the job leaves in `done` is
    /// for the worker to drop outside the lock.
    pub(crate) fn answered(&mut self, job: &mut WriteJob) {
        self.worker_waits = false;
        let result = self.driver.host_mut().book(job);
        self.driver.written(result);
        self.lease.recycle(&mut job.done);
    }

    /// Everything was written, and the sink was flushed, or could not be.
    pub(crate) fn finalized(&mut self, result: Result<(), Cause>) {
        if result.is_ok() && !self.driver.state().is_destroyed() {
            let position = self.position();
            self.driver.host_mut().finalized(position);
        }
        let result = self.register(result);
        self.driver.finalized(result);
    }

    /// The worker lets go of the sink. Returns the last events.
    pub(crate) fn closed(&mut self, error: Option<Fault>) -> VecDeque<Event> {
        self.worker_waits = false;
        self.driver.destroyed(error);
        self.driver.run_ticks();
        mem::take(&mut self.driver.host_mut().events)
    }

    /// The worker goes away, for this reason, with this job begun: a stream that is not
    /// closed fails. The reason gets how many bytes are not delivered. Returns the last
    /// events.
    pub(crate) fn abandoned(
        &mut self,
        reason: impl FnOnce(u64) -> Cause,
        job: Option<&mut WriteJob>,
    ) -> VecDeque<Event> {
        if self.driver.state().is_closed() {
            return VecDeque::new();
        }
        let undelivered = self.position() - self.driver.host().delivered;
        drop(self.destroy(Some(reason(undelivered))));
        if let Some(job) = job {
            self.answered(job);
        }
        // A sink that is not open yet will not be opened.
        self.driver.constructed(Ok(()));
        self.driver.run_ticks();
        self.closed(self.driver.state().errored())
    }

    /// The worker leaves. Whether the owner has left before, and does not take the
    /// sink.
    pub(crate) fn worker_leaves(&mut self) -> bool {
        self.worker_left = true;
        self.owner_left
    }

    /// The machine knows a cause by its number.
    fn register(&mut self, result: Result<(), Cause>) -> Result<(), Fault> {
        self.worker_waits = false;
        result.map_err(|cause| self.driver.host_mut().register(cause))
    }
}

#[cfg(test)]
#[cfg(not(highwater_loom))]
mod tests {
    use crate::stream::{By, OPTIONS, Stream};

    #[test]
    fn plenty_is_half_of_the_mark_and_less_beside_an_owner_that_has_a_lease() {
        for (mark, plenty) in [(100, 50), (64 * 1024, 32 * 1024), (1024 * 1024, 32 * 1024)] {
            let mut stream = Stream::new(OPTIONS.with_high_water_mark(mark), false);
            assert_eq!(stream.plenty(), plenty, "mark {mark}");
            let mut filler = None;
            for _ in 0..2 {
                let write = |stream: &mut Stream| stream.write_by(By::Owner, &mut filler, b"a");
                assert!(stream.change(By::Owner, write).is_ok());
            }
            assert_eq!(stream.plenty(), plenty / 2, "mark {mark}");
        }
    }
}
