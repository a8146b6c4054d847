//! The streams of one scenario: the FIFO of ticks and the history that they share,
//! and the way in which one acts on another.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem;
use std::rc::Rc;

use highwater::Driver;
use highwater::machine::Options;

use super::history::Record;
use super::host::{Stage, Stream};
use super::scenario::Scenario;

/// In which order the ticks of several streams run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// In the order in which the streams have deferred them, as in Node.
    Shared,
    /// A planted fault: all ticks of one stream, then all of the next.
    StreamByStream,
}

/// What the streams of one scenario share. Streams are named by their index.
#[derive(Debug, Default)]
pub(crate) struct Streams<'a> {
    /// A stream is taken out while one of its functions is on the call stack.
    slots: RefCell<Vec<Option<Stream<'a>>>>,
    /// The streams in the order in which they have deferred a tick.
    ticks: RefCell<VecDeque<usize>>,
    history: RefCell<Vec<(usize, Record)>>,
}

impl<'a> Streams<'a> {
    /// Creates the streams of a scenario, in order.
    pub(crate) fn new(scenario: &'a Scenario) -> Rc<Self> {
        let streams = Rc::new(Self::default());
        for (index, plan) in scenario.streams.iter().enumerate() {
            let stage = Stage::new(plan, index, &streams);
            let stream = Driver::new(plan.options, stage);
            streams.slots.borrow_mut().push(Some(stream));
        }
        streams
    }

    pub(crate) fn count(&self) -> usize {
        self.slots.borrow().len()
    }

    /// Takes the stream out while it acts.
    pub(crate) fn with<R>(&self, index: usize, act: impl FnOnce(&mut Stream<'a>) -> R) -> R {
        let mut stream = self.take(index);
        let result = act(&mut stream);
        self.put(index, stream);
        result
    }

    fn take(&self, index: usize) -> Stream<'a> {
        let stream = self.slots.borrow_mut()[index].take();
        stream.expect("a stream that acts on others was put back before")
    }

    fn put(&self, index: usize, stream: Stream<'a>) {
        self.slots.borrow_mut()[index] = Some(stream);
    }

    /// Notes that this stream has deferred a tick.
    pub(crate) fn deferred(&self, index: usize) {
        self.ticks.borrow_mut().push_back(index);
    }

    pub(crate) fn record(&self, index: usize, record: Record) {
        self.history.borrow_mut().push((index, record));
    }

    /// Runs all ticks of all streams.
    ///
    /// # Panics
    ///
    /// If the streams have deferred more ticks than they have notified, or fewer: that
    /// is a fault of the driver.
    pub(crate) fn run_ticks(&self, order: Order) {
        let all = 0..self.count();
        while let Some(index) = self.next() {
            if order == Order::Shared {
                let ran = self.with(index, Driver::run_tick);
                assert!(ran, "stream {index} has notified a tick that it has not");
            } else {
                self.ticks.borrow_mut().clear();
                all.clone()
                    .for_each(|index| self.with(index, Driver::run_ticks));
            }
        }
        for index in all {
            let ran = self.with(index, Driver::run_tick);
            assert!(!ran, "stream {index} has a tick that it has not notified");
        }
    }

    fn next(&self) -> Option<usize> {
        self.ticks.borrow_mut().pop_front()
    }

    /// Drops the streams and returns what happened to each, in the order in which it
    /// happened.
    pub(crate) fn into_history(self: Rc<Self>) -> Vec<(usize, Record)> {
        // The streams hold this, and this holds the streams.
        drop(self.slots.take());
        self.history.take()
    }
}

/// Puts a stream back, from within one of its own functions, so that other streams can
/// act on it while `act` runs. A stand-in takes its place on the call stack meanwhile.
pub(crate) fn put_back<'a>(stream: &mut Stream<'a>, act: impl FnOnce(&Streams<'a>)) {
    let stage = stream.host();
    let (index, streams) = (stage.index, Rc::clone(&stage.streams));
    let stand_in = Stage::new(stage.plan, index, &streams);
    let stream_itself = mem::replace(stream, Driver::new(Options::new(), stand_in));
    streams.put(index, stream_itself);
    act(&streams);
    *stream = streams.take(index);
}
