//! The background thread: it alone touches the sink, and tells the observer.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::any::Any;
use core::mem;
use core::panic::AssertUnwindSafe;
use std::io::{self, IoSlice, Write};
use std::panic::catch_unwind;

use super::desk::{Delivery, Item, Job, delivered};
use super::event::Event;
use super::shared::{Core, Shared};
use super::sync::{Arc, AtomicBool, Ordering};
use crate::Cause;

/// Opens a sink.
pub(super) type Opener<W> = Box<dyn FnOnce() -> io::Result<W> + Send>;

/// Is told the events.
pub(super) type Observer = Box<dyn FnMut(Event) + Send>;

pub(super) struct Worker<W> {
    pub(super) shared: Arc<Shared>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) opener: Option<Opener<W>>,
    pub(super) sink: Option<W>,
    pub(super) observer: Option<Observer>,
}

/// Says that the worker has left. Should it ever unwind, which no code of a
/// user can bring about, nobody waits in vain.
struct Leaves(Arc<Shared>);

impl Drop for Leaves {
    fn drop(&mut self) {
        self.0.change(|core| {
            if !core.driver.state().is_closed() {
                let cause = Cause::Panic("the thread of the stream".into());
                let fault = core.driver.host_mut().file(cause);
                core.driver.destroy(Some(fault));
                core.driver.destroyed(Some(fault));
            }
            core.worker_left = true;
        });
    }
}

impl<W: Write> Worker<W> {
    /// Works until the stream is closed; returns the sink.
    pub(super) fn run(mut self) -> Option<W> {
        let _leaves = Leaves(Arc::clone(&self.shared));
        loop {
            let (events, job) = self.shared.wait_for_work(|desk| {
                let events = mem::take(&mut desk.events);
                let job = desk.job.take();
                (job.is_some() || !events.is_empty()).then_some((events, job))
            });
            self.tell(events);
            match job {
                None => {}
                Some(Job::Open) => self.open(),
                Some(Job::Write(items)) => self.write(items),
                Some(Job::Finalize) => self.finalize(),
                Some(Job::Close(error)) => {
                    let events = self.shared.change(|core| {
                        core.driver.destroyed(error);
                        core.driver.run_ticks();
                        mem::take(&mut core.driver.host_mut().events)
                    });
                    self.tell(events);
                    dispose(self.observer);
                    dispose(self.opener);
                    let detached = self.shared.change(Core::worker_leaves);
                    if detached {
                        // Nobody will take it.
                        dispose(self.sink);
                        return None;
                    }
                    return self.sink;
                }
            }
        }
    }

    /// An observer that panics is not told any more.
    fn tell(&mut self, events: VecDeque<Event>) {
        for event in events {
            if let Some(mut observer) = self.observer.take() {
                match catch_unwind(AssertUnwindSafe(|| observer(event))) {
                    Ok(()) => self.observer = Some(observer),
                    Err(panic) => {
                        mem::forget(panic);
                        dispose(observer);
                    }
                }
            }
        }
    }

    fn open(&mut self) {
        let opener = self.opener.take();
        let opened = guard(|| match opener {
            Some(open) => open().map(Some),
            None => Ok(None),
        });
        let result = opened.map(|sink| self.sink = sink);
        self.shared.change(|core| {
            let result = result.map_err(|cause| core.driver.host_mut().file(cause));
            core.driver.constructed(result);
        });
    }

    fn write(&mut self, items: VecDeque<Item>) {
        let mut delivery = Delivery {
            bytes: 0,
            flushes: 0,
            done: VecDeque::new(),
            rest: items,
            failure: None,
        };
        if let Some(sink) = &mut self.sink {
            let stop = &*self.stop;
            let result = guard(|| deliver(sink, &mut delivery, stop));
            delivery.failure = result.err();
        }
        if delivery.bytes < SMALL_JOB {
            self.shared.linger(LINGER);
        }
        let answer = |core: &mut Core| delivered(&mut core.driver, &mut delivery);
        self.shared.change(answer);
        for item in delivery.done.into_iter().chain(delivery.rest) {
            dispose(item);
        }
    }

    fn finalize(&mut self) {
        let result = match &mut self.sink {
            Some(sink) => guard(|| flush(sink)),
            None => Ok(()),
        };
        self.shared.change(|core| {
            let result = result.map_err(|cause| core.driver.host_mut().file(cause));
            core.driver.finalized(result);
        });
    }
}

/// A job of fewer bytes than this costs less to do than to hand over.
const SMALL_JOB: u64 = 4096;

/// How many turns producers get after a small job: some ten microseconds.
const LINGER: u32 = if cfg!(highwater_loom) { 1 } else { 32 };

/// Runs the sink's code: an error or a panic becomes a cause.
fn guard<T>(f: impl FnOnce() -> io::Result<T>) -> Result<T, Cause> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(result) => result.map_err(Cause::from),
        Err(panic) => {
            let cause = Cause::Panic(message(&*panic).into());
            // Dropping it could panic again.
            mem::forget(panic);
            Err(cause)
        }
    }
}

/// Drops something of the user's, which may panic.
fn dispose<T>(value: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        mem::forget(panic);
    }
}

fn flush(sink: &mut impl Write) -> io::Result<()> {
    loop {
        match sink.flush() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    if let Some(text) = panic.downcast_ref::<&str>() {
        text
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text
    } else {
        "no message"
    }
}

/// How many chunks one call of the sink gets: what Linux takes at most.
const MOST_SLICES: usize = 1024;

/// Gives the items to the sink, in order, until all are taken, it fails, or
/// the stream is destroyed meanwhile.
fn deliver(sink: &mut impl Write, delivery: &mut Delivery, stop: &AtomicBool) -> io::Result<()> {
    /// How much of the first item the sink has taken. What it has not taken
    /// goes back even if the sink panics.
    struct Taken<'a> {
        delivery: &'a mut Delivery,
        of_first: usize,
    }
    impl Drop for Taken<'_> {
        fn drop(&mut self) {
            if let Some(Item::Data(chunk)) = self.delivery.rest.front_mut() {
                let whole = mem::replace(chunk, "".into());
                *chunk = whole.skip(self.of_first);
            }
        }
    }
    let mut taken = Taken {
        delivery,
        of_first: 0,
    };
    // How many chunks a call gets: one, for a sink that looks at no more.
    let mut slices = MOST_SLICES;
    while !stop.load(Ordering::Acquire) {
        let result = match taken.delivery.rest.front() {
            None => return Ok(()),
            Some(Item::Data(chunk)) if chunk.len() == taken.of_first => {
                taken.of_first = 0;
                taken.delivery.first_is_done();
                continue;
            }
            Some(Item::Data(chunk)) => {
                let first = chunk.as_ref().get(taken.of_first..).unwrap_or_default();
                let left = first.len();
                let result = write_some(sink, first, &taken.delivery.rest, slices);
                let took_one = matches!(result, Ok(count) if count <= left);
                let more = matches!(taken.delivery.rest.get(1), Some(Item::Data(_)));
                if took_one && more {
                    slices = 1;
                }
                result
            }
            Some(Item::Flush) => sink.flush().map(|()| 0),
        };
        match result {
            Ok(0) => {
                taken.delivery.flushes += 1;
                taken.delivery.first_is_done();
            }
            Ok(count) => {
                taken.delivery.bytes += count as u64;
                taken.of_first = taken.delivery.take(taken.of_first + count);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// One call of the sink: the rest of the first chunk, and the chunks after it
/// up to the next flush. At least one byte is taken, and no more than given.
fn write_some(
    sink: &mut impl Write,
    first: &[u8],
    items: &VecDeque<Item>,
    most: usize,
) -> io::Result<usize> {
    let alone = most == 1 || !matches!(items.get(1), Some(Item::Data(_)));
    let (given, count) = if alone {
        (first.len(), sink.write(first)?)
    } else {
        let others = items.iter().skip(1).map_while(|item| match item {
            Item::Data(chunk) => Some(chunk.as_ref()),
            Item::Flush => None,
        });
        let slices: Vec<_> = core::iter::once(first)
            .chain(others)
            .take(most)
            .map(IoSlice::new)
            .collect();
        let given = slices.iter().map(|slice| slice.len()).sum();
        (given, sink.write_vectored(&slices)?)
    };
    match count {
        0 => Err(io::ErrorKind::WriteZero.into()),
        count if count > given => Err(io::Error::other(
            "the sink says that it took more than it was given",
        )),
        count => Ok(count),
    }
}

impl Delivery {
    fn first_is_done(&mut self) {
        self.done.extend(self.rest.pop_front());
    }

    /// Moves away the items that `count` bytes from the start of the first one
    /// cover. How much of the then first one they cover.
    fn take(&mut self, mut count: usize) -> usize {
        while let Some(Item::Data(chunk)) = self.rest.front() {
            if count == 0 || count < chunk.len() {
                break;
            }
            count -= chunk.len();
            self.first_is_done();
        }
        count
    }
}
