//! The handoff between machine and worker: what the machine asks of the sink lies
//! here until the worker takes it, and what the worker brings back is booked here.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem;

use super::event::Event;
use super::progress::Progress;
use super::write_job::{Item, WriteJob};
use crate::cause::Cause;
use crate::chunk::Chunk;
use crate::driver::{Driver, Host};
use crate::machine::{self, ErrorId, Fault};
use crate::sync::Arc;

/// The most items that the memory has which is kept between two jobs.
const MAX_SPARE: usize = 4;

/// What the worker is to do with the sink.
#[derive(Debug)]
pub(crate) enum Job {
    /// Open it.
    Open,
    /// Write this to it.
    Write(VecDeque<Item>),
    /// All is written: flush it.
    Finalize,
    /// Let go of it, and pass this error on.
    Close(Option<Fault>),
}

#[derive(Debug, Default)]
pub(super) struct Handoff {
    /// Invariant OneAtATime: the machine sets one job and waits for its answer. Only
    /// [`Job::Close`] replaces a job that no worker took.
    pub(super) job: Option<Job>,
    /// For the observer, in order.
    pub(super) events: VecDeque<Event>,
    /// The memory of the last job, if it was a small one, for the next that has one item.
    spare: VecDeque<Item>,
    /// Whether there is an observer; else no event is kept.
    observed: bool,
    /// By [`ErrorId`].
    causes: Vec<Cause>,
    /// Accepted and not delivered, in the order of acceptance; complete once
    /// the worker has let go of the sink.
    unsent: VecDeque<Chunk>,
    /// The owner has taken what is unsent, and takes no more.
    discards: bool,
    /// Bytes that the sink has taken, as far as the driver knows it.
    pub(super) delivered: u64,
    /// Flushes accepted, and flushes done. Invariant: `flushed <= flushes`.
    pub(super) flushes: u64,
    pub(super) flushed: u64,
    /// The position of each flush that is not done, in order.
    /// Invariant: there are `flushes - flushed` of them.
    flush_positions: VecDeque<u64>,
    /// The position of the last one that is done, or of the end if that is flushed.
    pub(super) flushed_to: u64,
    /// How many times the stream has emitted 'drain'.
    pub(super) drains: u64,
    /// What the worker has done that is not counted above yet.
    pub(super) progress: Arc<Progress>,
}

impl Handoff {
    pub(super) fn new(observed: bool) -> Self {
        Self {
            observed,
            ..Self::default()
        }
    }

    /// Keeps a cause; the machine knows it by its number.
    pub(super) fn register(&mut self, cause: Cause) -> Fault {
        let id = u32::try_from(self.causes.len()).unwrap_or(u32::MAX);
        self.causes.push(cause);
        Fault::Caller(ErrorId(id))
    }

    pub(super) fn cause(&self, fault: Fault) -> Cause {
        let registered = match fault {
            Fault::Caller(ErrorId(id)) => self.causes.get(id as usize),
            _ => None,
        };
        registered.cloned().unwrap_or(Cause::Fault(fault))
    }

    /// Takes what is unsent so far. What the worker gives back later is dropped. (The
    /// machine has handed out what was queued: the ticks of its destroy have run.)
    pub(super) fn take_unsent(&mut self) -> VecDeque<Chunk> {
        self.discards = true;
        mem::take(&mut self.unsent)
    }

    /// Whether the sink has taken bytes since this was counted last.
    pub(super) fn has_progressed(&self) -> bool {
        self.progress.bytes() != self.delivered
    }

    /// Counts what the sink has done since this was asked last. Returns how many bytes.
    pub(super) fn count_progress(&mut self) -> u64 {
        let done = self.progress.flushes() - self.flushed;
        self.flushed += done;
        self.flushed_to = (0..done)
            .filter_map(|_| self.flush_positions.pop_front())
            .last()
            .unwrap_or(self.flushed_to);
        let before = self.delivered;
        self.delivered = self.progress.bytes();
        self.delivered - before
    }

    /// A flush is put in line, behind what was accepted up to this position. Returns its number.
    pub(super) fn queue_flush(&mut self, position: u64) -> u64 {
        self.flush_positions.push_back(position);
        self.flushes += 1;
        self.flushes
    }

    /// The number of the last flush, if that is not done and stands at this position.
    pub(super) fn flush_at(&self, position: u64) -> Option<u64> {
        let last = self.flush_positions.back();
        (last == Some(&position)).then_some(self.flushes)
    }

    /// Everything up to this position, the end, is written and flushed.
    pub(super) fn finalized(&mut self, position: u64) {
        self.flushed_to = position;
    }

    /// The sink is done with a job: what it has not taken is unsent.
    pub(super) fn book(&mut self, job: &mut WriteJob) -> Result<(), Fault> {
        job.publish_all();
        // The answer tells the driver of it.
        let _ = self.count_progress();
        let mut rest = job.take_rest();
        if !rest.is_empty() {
            self.put_back(&mut rest);
            // The worker also drops these outside the lock.
            job.done.append(&mut rest);
        }
        if rest.capacity() <= MAX_SPARE {
            self.spare = rest;
        }
        job.failure
            .take()
            .map_or(Ok(()), |cause| Err(self.register(cause)))
    }

    /// What was in flight comes before what was queued.
    fn put_back(&mut self, items: &mut VecDeque<Item>) {
        if self.discards {
            return;
        }
        for item in items.drain(..).rev() {
            if let Item::Data(chunk) = item {
                self.unsent.push_front(chunk);
            }
        }
    }

    fn emit(&mut self, event: Event) {
        if self.observed {
            self.events.push_back(event);
        }
    }
}

impl Host for Handoff {
    type Chunk = Item;
    /// Writes are acknowledged by position.
    type Callback = core::convert::Infallible;

    fn write(stream: &mut Driver<Self>, item: Item) {
        let handoff = stream.host_mut();
        let mut items = mem::take(&mut handoff.spare);
        items.push_back(item);
        handoff.job = Some(Job::Write(items));
    }

    fn write_batch(stream: &mut Driver<Self>, items: Vec<Item>) {
        stream.host_mut().job = Some(Job::Write(items.into()));
    }

    fn construct(stream: &mut Driver<Self>) {
        stream.host_mut().job = Some(Job::Open);
    }

    fn finalize(stream: &mut Driver<Self>) {
        stream.host_mut().job = Some(Job::Finalize);
    }

    fn destroy(stream: &mut Driver<Self>, error: Option<Fault>, construct: Option<Fault>) {
        let handoff = stream.host_mut();
        handoff.progress.stop();
        let close = Job::Close(error.or(construct));
        if let Some(Job::Write(mut items)) = handoff.job.replace(close) {
            handoff.put_back(&mut items);
        }
    }

    fn event(stream: &mut Driver<Self>, event: machine::Event) {
        let handoff = stream.host_mut();
        match event {
            machine::Event::Open => handoff.emit(Event::Open),
            machine::Event::Drain => {
                handoff.drains += 1;
                handoff.emit(Event::Drain);
            }
            machine::Event::Prefinish => {}
            machine::Event::Finish => handoff.emit(Event::Finish),
            machine::Event::Error(fault) => {
                let cause = handoff.cause(fault);
                handoff.emit(Event::Error(cause));
            }
            machine::Event::Close => handoff.emit(Event::Close),
        }
    }

    fn callback(_: &mut Driver<Self>, callback: Self::Callback, _: Result<(), Fault>) {
        match callback {}
    }

    fn unsent(stream: &mut Driver<Self>, item: Item) {
        if let Item::Data(chunk) = item {
            stream.host_mut().unsent.push_back(chunk);
        }
    }
}
