//! The loop: input, step, effect, continuation.

use core::mem;

use super::callbacks::{Callbacks, Tick};
use super::{Driver, Host};
use crate::machine::{Effect, Fault, Input, Quirks, Step, Task, step};

/// What the current input brought along, until an effect takes it.
pub(super) struct Held<H: Host> {
    pub(super) chunk: Option<(H::Chunk, u64)>,
    pub(super) callbacks: Callbacks<H::Callback>,
    pub(super) refused: Option<Fault>,
    /// No after-write was counted as waiting before this step.
    pub(super) joins_uncounted: bool,
}

impl<H: Host> Held<H> {
    pub(super) const fn nothing() -> Self {
        Self::callbacks(Callbacks::None)
    }

    pub(super) const fn callbacks(callbacks: Callbacks<H::Callback>) -> Self {
        Self {
            chunk: None,
            callbacks,
            refused: None,
            joins_uncounted: false,
        }
    }
}

impl<H: Host> Driver<H> {
    pub(super) fn put(&mut self, input: Input) {
        self.drive(input, &mut Held::nothing());
    }

    /// The loop: input, step, effect, continuation.
    #[inline]
    pub(super) fn drive(&mut self, input: Input, held: &mut Held<H>) {
        let mut next = self.step(input, held);
        loop {
            if let Some(effect) = next.effect {
                #[cfg(not(highwater_record))]
                self.perform(effect, held);
                #[cfg(highwater_record)]
                self.perform_recorded(effect, held);
            }
            match next.then {
                Some(then) => next = self.step(Input::Resume(then), held),
                None => return,
            }
        }
    }

    #[inline]
    fn step(&mut self, input: Input, held: &mut Held<H>) -> Step {
        held.joins_uncounted = !self.state.counts_after_write();
        let head = self.queue.head();
        let step = step(&mut self.state, &self.options, head, input);
        #[cfg(highwater_record)]
        self.record.stepped(head, input, &self.state, &step);
        step
    }

    #[cfg(highwater_record)]
    fn perform_recorded(&mut self, effect: Effect, held: &mut Held<H>) {
        self.record.note(format_args!("do\t{effect:?}"));
        self.recorded(|driver| driver.perform(effect, held));
    }

    /// Calls this, which may call user code, and writes down that it has returned.
    #[cfg(highwater_record)]
    fn recorded(&mut self, call: impl FnOnce(&mut Self)) {
        use core::panic::AssertUnwindSafe;
        use std::panic::{catch_unwind, resume_unwind};

        let outcome = catch_unwind(AssertUnwindSafe(|| call(self)));
        let how = if outcome.is_ok() { "done" } else { "unwound" };
        self.record.note(format_args!("{how}"));
        if let Err(panic) = outcome {
            resume_unwind(panic);
        }
    }

    fn perform(&mut self, effect: Effect, held: &mut Held<H>) {
        match effect {
            Effect::Refuse(fault) => {
                held.refused = Some(fault);
                self.defer_callbacks(held.callbacks.take(), fault);
            }
            Effect::Queue => {
                if let Some((chunk, len)) = self.accept(held) {
                    let callback = held.callbacks.next();
                    self.queue.push(chunk, len, callback);
                }
            }
            Effect::WriteGiven => {
                if let Some((chunk, _)) = self.accept(held) {
                    self.flight = held.callbacks.take();
                    H::write(self, chunk);
                }
            }
            Effect::WriteHead => {
                if let Some((chunk, callback)) = self.queue.pop() {
                    self.flight = Callbacks::from_option(callback);
                    H::write(self, chunk);
                }
            }
            Effect::WriteBatch(_) => {
                let (chunks, callbacks) = self.queue.take_all();
                self.batches = self.batches.wrapping_add(1);
                self.flight = Callbacks::Batch(self.batches, callbacks.into());
                H::write_batch(self, chunks);
                if self.options.has(Quirks::WRITEV_LOSES) {
                    self.lose_queue();
                }
            }
            Effect::Construct => H::construct(self),
            Effect::Finalize => H::finalize(self),
            Effect::Destroy { error, construct } => H::destroy(self, error, construct),
            Effect::Emit(event) => H::event(self, event),
            Effect::Callback(result) => self.call(&mut held.callbacks, result),
            Effect::RejectTaken(fault) => {
                let mut callbacks = self.flight.take();
                self.call(&mut callbacks, Err(fault));
            }
            Effect::RejectHead(fault) => {
                if let Some((chunk, callback)) = self.queue.pop() {
                    H::unsent(self, chunk);
                    self.call(&mut Callbacks::from_option(callback), Err(fault));
                }
            }
            Effect::FailHead(fault) => {
                if let Some((chunk, callback)) = self.queue.pop() {
                    let task = Task::WriteFailed {
                        fault,
                        callback: callback.is_some(),
                    };
                    H::unsent(self, chunk);
                    let callbacks = Callbacks::from_option(callback);
                    self.push_tick(Tick::Task(task, callbacks));
                }
            }
            Effect::KeepEnd => self.ends.extend(held.callbacks.take().next()),
            Effect::DeferEnd(fault) => self.defer_callbacks(held.callbacks.take(), fault),
            Effect::CallEnds(result) => {
                for callback in mem::take(&mut self.ends) {
                    self.call_back(callback, result);
                }
            }
            Effect::Defer(task) => self.defer_task(task, held),
        }
    }

    /// Takes the chunk of this write; it counts from now on.
    fn accept(&mut self, held: &mut Held<H>) -> Option<(H::Chunk, u64)> {
        let (chunk, len) = held.chunk.take()?;
        self.accepted = self.accepted.saturating_add(self.options.measure(len));
        Some((chunk, len))
    }

    /// Calls the next of joined callbacks, or all others.
    fn call(&mut self, callbacks: &mut Callbacks<H::Callback>, result: Result<(), Fault>) {
        let one_by_one = matches!(callbacks, Callbacks::Joined(_));
        while let Some(callback) = callbacks.next() {
            self.call_back(callback, result);
            if one_by_one {
                return;
            }
        }
    }
    /// Calls one callback. All are called here.
    pub(super) fn call_back(&mut self, callback: H::Callback, result: Result<(), Fault>) {
        #[cfg(not(highwater_record))]
        H::callback(self, callback, result);
        #[cfg(highwater_record)]
        {
            self.record.note(format_args!("call\t{result:?}"));
            self.recorded(|driver| H::callback(driver, callback, result));
        }
    }
}
