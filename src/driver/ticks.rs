//! The FIFO of ticks: what the stream has deferred, and one call of
//! [`Host::deferred`] for each.

use super::callbacks::{Callbacks, Tick};
use super::drive::Held;
use super::{Driver, Host};
use crate::machine::{Fault, Input, Task};

impl<H: Host> Driver<H> {
    /// Defers a call of this callback to a tick of its own, in order with what the stream has
    /// deferred (Node's `process.nextTick`).
    pub fn defer(&mut self, callback: H::Callback, result: Result<(), Fault>) {
        self.push_tick(Tick::Callback(callback, result));
    }

    /// Runs what was deferred, first in, first out, until nothing is left.
    ///
    /// Use it for a stream that is alone. A runtime of several streams calls
    /// [`Driver::run_tick`] in the order of [`Host::deferred`].
    #[inline]
    pub fn run_ticks(&mut self) {
        while !self.ticks.is_empty() {
            self.run_tick();
        }
    }

    /// Runs the first deferred task. `false` if there was none.
    pub fn run_tick(&mut self) -> bool {
        let tick = self.ticks.pop_front();
        #[cfg(highwater_record)]
        if let Some(tick) = &tick {
            let tick = super::record::tick(tick.task());
            self.record.note(format_args!("tick\t{tick}"));
        }
        match tick {
            Some(Tick::Task(task, callbacks)) => {
                if matches!(task, Task::AfterWrite { callback: true, .. }) {
                    self.may_join = false;
                }
                self.drive(Input::Run(task), &mut Held::callbacks(callbacks));
                true
            }
            Some(Tick::Callback(callback, result)) => {
                self.call_back(callback, result);
                true
            }
            None => false,
        }
    }

    /// Appends a tick and notifies the host. All ticks are appended here.
    pub(super) fn push_tick(&mut self, tick: Tick<H::Callback>) {
        #[cfg(highwater_record)]
        {
            let tick = super::record::tick(tick.task());
            self.record.note(format_args!("later\t{tick}"));
        }
        self.ticks.push_back(tick);
        self.host.deferred();
    }

    pub(super) fn defer_callbacks(&mut self, mut callbacks: Callbacks<H::Callback>, fault: Fault) {
        if let Some(callback) = callbacks.next() {
            self.defer(callback, Err(fault));
        }
    }

    pub(super) fn defer_task(&mut self, task: Task, held: &mut Held<H>) {
        let callbacks = match task {
            Task::AfterWrite { callback: true, .. } => {
                if self.join(&mut held.callbacks) {
                    if held.joins_uncounted {
                        self.put(Input::Joined);
                    }
                    return;
                }
                self.may_join = true;
                held.callbacks.take()
            }
            Task::WriteFailed { .. } => held.callbacks.take(),
            _ => Callbacks::None,
        };
        self.push_tick(Tick::Task(task, callbacks));
    }

    /// Rule 10 lets a driver join an after-write to the latest that waits, if
    /// it has the same callback. No tick is appended then.
    fn join(&mut self, new: &mut Callbacks<H::Callback>) -> bool {
        if !self.may_join {
            return false;
        }
        let waiting = self.ticks.iter_mut().rev().find_map(|tick| match tick {
            Tick::Task(
                Task::AfterWrite {
                    count,
                    callback: true,
                },
                callbacks,
            ) => Some((count, callbacks)),
            _ => None,
        });
        let Some((count, callbacks)) = waiting else {
            return false;
        };
        let joined = callbacks.join(new, H::same_callback);
        *count = count.saturating_add(u32::from(joined));
        joined
    }

    /// [`Quirks::WRITEV_LOSES`]: what was queued while the batch was on the stack
    /// is lost; its callbacks are called with those of the batch, if that has any.
    /// They go with the tick of the batch, so no tick is appended.
    ///
    /// [`Quirks::WRITEV_LOSES`]: crate::machine::Quirks::WRITEV_LOSES
    pub(super) fn lose_queue(&mut self) {
        let (_, lost) = self.queue.take_all();
        let waiting = self.ticks.iter_mut().filter_map(|tick| match tick {
            Tick::Task(_, callbacks) => Some(callbacks),
            Tick::Callback(..) => None,
        });
        for callbacks in waiting.chain([&mut self.flight]) {
            match callbacks {
                Callbacks::Batch(number, batch) if *number == self.batches => {
                    return batch.extend(lost);
                }
                _ => {}
            }
        }
    }
}
