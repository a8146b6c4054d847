//! The desk between producers and worker: what the stream asks of the sink
//! lies here until the worker picks it up, and what comes back is put down here.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem;

use super::delivery::Delivery;
use super::event::Event;
use super::sync::{Arc, AtomicBool, Ordering};
use crate::machine::{self, ErrorId, Fault};
use crate::{Cause, Chunk, Driver, Host};

/// What goes through the queue of the stream.
#[derive(Debug)]
pub(crate) enum Item {
    /// Bytes for the sink.
    Data(Chunk),
    /// Flush the sink when everything before this is written. To the machine
    /// it is a chunk of no bytes, so it keeps its place, under corks too.
    Flush,
}

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
pub(crate) struct Desk {
    /// Invariant OneAtATime: put down only by the machine, which waits for the
    /// answer; [`Job::Close`] alone may replace a job that nobody picked up.
    pub(crate) job: Option<Job>,
    /// Not yet told to the observer, in order.
    pub(crate) events: VecDeque<Event>,
    observed: bool,
    /// By [`ErrorId`].
    causes: Vec<Cause>,
    /// Accepted and not delivered, in the order of acceptance; complete once
    /// the worker has let go of the sink.
    unsent: VecDeque<Chunk>,
    /// Nobody will ask for what is unsent.
    discards: bool,
    /// Bytes that the sink has taken.
    pub(crate) delivered: u64,
    /// Flushes accepted, and flushes done. Invariant: `flushed <= flushes`.
    pub(crate) flushes: u64,
    pub(crate) flushed: u64,
    pub(crate) drains: u64,
    /// Tells the worker to stop in the middle of a job.
    pub(crate) stop: Arc<AtomicBool>,
}

impl Desk {
    pub(crate) fn new(observed: bool) -> Self {
        Self {
            observed,
            ..Self::default()
        }
    }

    /// Files a cause; the machine knows it by its number.
    pub(crate) fn file(&mut self, cause: Cause) -> Fault {
        let id = u32::try_from(self.causes.len()).unwrap_or(u32::MAX);
        self.causes.push(cause);
        Fault::Caller(ErrorId(id))
    }

    pub(crate) fn cause(&self, fault: Fault) -> Cause {
        let filed = match fault {
            Fault::Caller(ErrorId(id)) => self.causes.get(id as usize),
            _ => None,
        };
        filed.cloned().unwrap_or(Cause::Fault(fault))
    }

    /// Takes what is unsent so far; what comes later is dropped.
    pub(crate) fn discard(&mut self) -> VecDeque<Chunk> {
        self.discards = true;
        mem::take(&mut self.unsent)
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

    fn tell(&mut self, event: Event) {
        if self.observed {
            self.events.push_back(event);
        }
    }
}

/// The worker has done what it could with a job.
pub(crate) fn delivered(stream: &mut Driver<Desk>, delivery: &mut Delivery) {
    let desk = stream.host_mut();
    desk.delivered = desk.delivered.saturating_add(delivery.bytes);
    desk.flushed += delivery.flushes;
    let mut rest = delivery.take_rest();
    desk.put_back(&mut rest);
    // To be dropped outside the lock, too.
    delivery.done.append(&mut rest);
    let failure = delivery.failure.take().map(|cause| desk.file(cause));
    stream.written(failure.map_or(Ok(()), Err));
}

impl Host for Desk {
    type Chunk = Item;
    /// Writes are acknowledged by position.
    type Callback = core::convert::Infallible;

    fn write(stream: &mut Driver<Self>, item: Item) {
        stream.host_mut().job = Some(Job::Write([item].into()));
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
        let desk = stream.host_mut();
        desk.stop.store(true, Ordering::Release);
        let close = Job::Close(error.or(construct));
        if let Some(Job::Write(mut items)) = desk.job.replace(close) {
            desk.put_back(&mut items);
        }
    }

    fn event(stream: &mut Driver<Self>, event: machine::Event) {
        let desk = stream.host_mut();
        match event {
            machine::Event::Open => desk.tell(Event::Open),
            machine::Event::Drain => {
                desk.drains += 1;
                desk.tell(Event::Drain);
            }
            machine::Event::Prefinish => {}
            machine::Event::Finish => desk.tell(Event::Finish),
            machine::Event::Error(fault) => {
                let cause = desk.cause(fault);
                desk.tell(Event::Error(cause));
            }
            machine::Event::Close => desk.tell(Event::Close),
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
