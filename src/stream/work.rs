//! What the worker does with a stream: it takes work, and reports what became of it.

use alloc::collections::VecDeque;
use core::mem;

use super::event::Event;
use super::handoff::Job;
use super::stream::Stream;
use super::write_job::WriteJob;
use crate::cause::Cause;
use crate::machine::Fault;

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
    pub(crate) fn has_work(&self) -> bool {
        let (handoff, state) = (self.driver.host(), self.driver.state());
        let stop = state.is_destroyed() && !state.is_closed();
        stop || handoff.job.is_some() || !handoff.events.is_empty()
    }

    /// Takes what there is to do; an `idle` worker takes a job, too. `None` if there is
    /// nothing: then the worker waits, and the next [`Wake`](super::stream::Wake) says when
    /// there is. To take work is no input, so the lease stays as it is.
    pub(crate) fn take_work(&mut self, idle: bool) -> Option<Work> {
        let handoff = self.driver.host_mut();
        let events = mem::take(&mut handoff.events);
        let job = if idle { handoff.job.take() } else { None };
        self.worker_waits = events.is_empty() && job.is_none();
        if self.worker_waits && idle {
            self.lease.shrink();
        }
        (!self.worker_waits).then_some(Work { events, job })
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

    /// The worker goes away, for this reason, with this job begun. That destroys a stream
    /// that is not closed. Returns the last events.
    pub(crate) fn abandoned(
        &mut self,
        reason: Option<Cause>,
        job: Option<&mut WriteJob>,
    ) -> VecDeque<Event> {
        if self.driver.state().is_closed() {
            return VecDeque::new();
        }
        drop(self.destroy(reason));
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
