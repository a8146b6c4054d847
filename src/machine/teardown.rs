//! Construction, failure and destruction.

use super::continuation::{Next, Task, Then};
use super::effect::{Effect, Event, Step};
use super::fault::Fault;
use super::lifecycle::{Opening, Sink, Teardown};
use super::quirks::Quirks;
use super::step::Run;

impl Run<'_> {
    /// Rule 20: construct is called one tick after creation.
    pub(super) fn start(&mut self) -> Step {
        if self.state.opening == Opening::NotCalled {
            Step::last(Effect::Defer(Task::Construct))
        } else {
            Step::done()
        }
    }

    /// Rule 20: one tick after creation.
    pub(super) fn construct(&mut self) -> Step {
        if self.state.opening.call() {
            Step::last(Effect::Construct)
        } else {
            Step::done()
        }
    }

    /// Rule 20: the answer is taken a tick later.
    pub(super) fn constructed(&mut self, result: Result<(), Fault>) -> Step {
        Step::last(Effect::Defer(Task::Constructed(result)))
    }

    /// Rule 20: what was held until now goes on, or fails.
    pub(super) fn take_construct(&mut self, result: Result<(), Fault>) -> Step {
        if !self.state.opening.answer() {
            let fault = result.err().unwrap_or(Fault::MultipleCallback);
            return self.fail(fault, false);
        }
        if let Some(error) = self.state.teardown.call() {
            let construct = result.err();
            return Step::last(Effect::Destroy { error, construct });
        }
        match result {
            Err(fault) => self.fail(fault, true),
            Ok(()) => Step::then(Effect::Emit(Event::Open), Then::Flush(Next::LookNow)),
        }
    }

    /// Rule 2: the stream fails.
    pub(super) fn fail(&mut self, fault: Fault, sync: bool) -> Step {
        if self.state.is_destroyed() {
            return Step::done();
        }
        if self.options.auto_destroy {
            return self.destroy(Some(fault));
        }
        self.state.set_errored(Some(fault));
        if self.state.stops(self.options) && self.something_to_reject() {
            return Step::then(Effect::Defer(Task::Reject), Then::TellError { fault, sync });
        }
        self.tell_or_defer_error(fault, sync)
    }

    /// Rule 2: 'error', now or in a tick.
    pub(super) fn tell_or_defer_error(&mut self, fault: Fault, sync: bool) -> Step {
        if sync {
            Step::last(Effect::Defer(Task::Error(fault)))
        } else {
            self.tell_error(fault)
        }
    }

    /// Rules 2 and 19: at most one 'error' per stream, none after 'close'.
    pub(super) fn tell_error(&mut self, fault: Fault) -> Step {
        if self.state.error_told || self.state.teardown == Teardown::Told {
            return Step::done();
        }
        self.state.error_told = true;
        Step::last(Effect::Emit(Event::Error(fault)))
    }

    /// Rule 18: stop now. The write in flight is taken back from the sink, and
    /// what was in flight, queued or kept is rejected.
    pub(super) fn destroy(&mut self, error: Option<Fault>) -> Step {
        if !self.state.teardown.begin(error) {
            return Step::done();
        }
        self.state.writable = false;
        if self.state.is_writing() && !self.has(Quirks::CALLBACK_AFTER_CLOSE) {
            self.state.sink = Sink::TakenBack;
            self.state.level.settle();
        }
        self.state.set_errored(error);
        if self.something_to_reject() {
            return Step::then(Effect::Defer(Task::Reject), Then::CallDestroy);
        }
        self.call_destroy()
    }

    /// Rule 17 would find something.
    fn something_to_reject(&self) -> bool {
        let s = &*self.state;
        s.sink == Sink::TakenBack || s.queued > 0 || s.flushing || s.ends_kept
    }

    /// Rule 18: the destroy hook is called now, or once construct has answered.
    pub(super) fn call_destroy(&mut self) -> Step {
        if self.state.opening != Opening::Done {
            return Step::done();
        }
        match self.state.teardown.call() {
            Some(error) => {
                let construct = None;
                Step::last(Effect::Destroy { error, construct })
            }
            None => Step::done(),
        }
    }

    /// Rule 19: `_destroy` has answered; only its first answer counts.
    pub(super) fn destroyed(&mut self, error: Option<Fault>) -> Step {
        if !self.state.teardown.answer() {
            return Step::done();
        }
        self.state.set_errored(error);
        Step::last(Effect::Defer(Task::Close(error)))
    }

    /// Rule 19: 'error' with what `_destroy` gave, then 'close'.
    pub(super) fn close_task(&mut self, error: Option<Fault>) -> Step {
        if self.state.teardown != Teardown::Closed {
            return Step::done();
        }
        match error {
            Some(fault) if !self.state.error_told => {
                self.state.error_told = true;
                Step::then(Effect::Emit(Event::Error(fault)), Then::TellClose)
            }
            _ => self.tell_close(),
        }
    }

    /// Rule 19: the last event.
    pub(super) fn tell_close(&mut self) -> Step {
        if self.state.teardown.tell() && self.options.emit_close {
            Step::last(Effect::Emit(Event::Close))
        } else {
            Step::done()
        }
    }
}
