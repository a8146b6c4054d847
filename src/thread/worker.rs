//! The background thread: it alone touches the sink, and tells the observer.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::mem;
use std::io::{self, Write};

use super::shared::{PLENTY, Shared};
use crate::Cause;
use crate::adapter::core::Core;
use crate::adapter::delivery::{Call, Delivery};
use crate::adapter::desk::{Item, Job, delivered};
use crate::adapter::sync::{Arc, AtomicBool, Ordering};
use crate::adapter::user::{Observer, dispose, guard};

/// Opens a sink.
pub(super) type Opener<W> = Box<dyn FnOnce() -> io::Result<W> + Send>;

pub(super) struct Worker<W> {
    pub(super) shared: Arc<Shared>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) opener: Option<Opener<W>>,
    pub(super) sink: Option<W>,
    pub(super) observer: Observer,
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
            self.observer.tell(events);
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
                    self.observer.tell(events);
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
        let mut delivery = Delivery::new(items);
        if let Some(sink) = &mut self.sink {
            let stop = &*self.stop;
            let result = guard(|| deliver(sink, &mut delivery, stop));
            delivery.failure = result.err();
        }
        if delivery.bytes < PLENTY {
            self.shared.linger();
        }
        self.shared.change(|core| {
            delivered(&mut core.driver, &mut delivery);
            core.recycle(&mut delivery.done);
        });
        delivery.done.into_iter().for_each(dispose);
    }

    fn finalize(&mut self) {
        let result = match &mut self.sink {
            Some(sink) => guard(|| flush(sink, &self.stop)),
            None => Ok(()),
        };
        self.shared.change(|core| {
            let result = result.map_err(|cause| core.driver.host_mut().file(cause));
            core.driver.finalized(result);
        });
    }
}

fn flush(sink: &mut impl Write, stop: &AtomicBool) -> io::Result<()> {
    while !stop.load(Ordering::Acquire) {
        match sink.flush() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
    Ok(())
}

/// Gives the items to the sink, in order, until all are taken, it fails, or
/// the stream is destroyed meanwhile.
fn deliver(sink: &mut impl Write, delivery: &mut Delivery, stop: &AtomicBool) -> io::Result<()> {
    while !stop.load(Ordering::Acquire) {
        let Some(call) = delivery.next() else {
            return Ok(());
        };
        let given = call.given();
        let result = match call {
            Call::Write(bytes) => sink.write(bytes).map(Some),
            Call::WriteVectored { slices, .. } => sink.write_vectored(&slices).map(Some),
            Call::Flush => sink.flush().map(|()| None),
        };
        match result {
            Ok(Some(count)) => delivery.took(given, count)?,
            Ok(None) => delivery.flushed(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
