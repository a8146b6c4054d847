//! From `end()` to 'finish'.

use super::continuation::{Next, Task, Then};
use super::effect::{Effect, Event, Step};
use super::fault::Fault;
use super::lifecycle::{Ending, Opening, Sink, Teardown};
use super::quirks::Quirks;
use super::step::Run;

impl Run<'_> {
    /// Rule 14: ended, and nothing is left to do but to finish.
    #[inline]
    fn finish_is_due(&self) -> bool {
        let s = &*self.state;
        let flushing = s.flushing && self.has(Quirks::FORGETS_FINISH);
        s.is_ended()
            && !s.is_finished()
            && !s.has_failed()
            && s.opening == Opening::Done
            && s.sink == Sink::Idle
            && s.queued == 0
            && s.length() == 0
            && !flushing
    }

    /// Rule 14: sees whether finish is due. The first time that it is, `_final`
    /// is called or 'prefinish' emitted.
    #[inline]
    pub(super) fn look(&mut self, now: bool, next: Next) -> Step {
        if !self.finish_is_due() {
            return match next {
                Next::Nothing => Step::done(),
                next => self.next(next),
            };
        }
        if self.state.ending != Ending::Asked {
            return self.prefinished(now, next);
        }
        if self.options.finalize {
            self.state.ending.finalize();
            self.state.pending = self.state.pending.saturating_add(1);
            self.state.sync = true;
            Step::then(Effect::Finalize, Then::Finalizing(next))
        } else {
            self.state.ending.prefinish();
            let then = Then::Prefinished { now, next };
            Step::then(Effect::Emit(Event::Prefinish), then)
        }
    }

    /// Rule 14: `_final` has returned.
    pub(super) fn finalizing(&mut self, next: Next) -> Step {
        self.state.sync = false;
        self.prefinished(false, next)
    }

    /// Rule 14: once all callbacks are through, finish, in a tick or `now`.
    pub(super) fn prefinished(&mut self, now: bool, next: Next) -> Step {
        if self.state.ending != Ending::Prefinished || self.state.pending > 0 {
            return self.next(next);
        }
        if !now {
            self.state.pending += 1;
            let unchecked = false;
            let defer = Effect::Defer(Task::Finish { unchecked });
            return Step::then(defer, Then::Next(next));
        }
        if self.finish_is_due() {
            return self.finish();
        }
        self.next(next)
    }

    /// Rule 15: `_final` has answered.
    pub(super) fn finalized(&mut self, result: Result<(), Fault>) -> Step {
        if self.state.ending != Ending::Finalizing {
            let fault = result.err().unwrap_or(Fault::MultipleCallback);
            return self.fail(fault, false);
        }
        self.state.pending = self.state.pending.saturating_sub(1);
        match result {
            Err(fault) if self.state.ends_kept => {
                self.state.ends_kept = false;
                Step::then(Effect::CallEnds(Err(fault)), Then::FailFinal(fault))
            }
            Err(fault) => self.fail_final(fault),
            Ok(()) if self.finish_is_due() => {
                self.state.ending.prefinish();
                Step::then(Effect::Emit(Event::Prefinish), Then::DeferFinish)
            }
            Ok(()) => Step::done(),
        }
    }

    /// Rule 15: 'error' is deferred if `_final` is on the stack.
    pub(super) fn fail_final(&mut self, fault: Fault) -> Step {
        self.fail(fault, self.state.sync)
    }

    /// Rule 15: streams rely on 'finish' coming later than the answer of `_final`.
    pub(super) fn defer_finish(&mut self) -> Step {
        self.state.pending = self.state.pending.saturating_add(1);
        let unchecked = self.has(Quirks::FINISH_AFTER_DESTROY);
        Step::last(Effect::Defer(Task::Finish { unchecked }))
    }

    /// Rules 14 and 15: the deferred finish, if it is still due.
    pub(super) fn finish_task(&mut self, unchecked: bool) -> Step {
        self.state.pending = self.state.pending.saturating_sub(1);
        let s = &*self.state;
        // A write that Node has lost stays pending, and Node does not look.
        let nothing_pending = s.pending == 0 || self.has(Quirks::WRITEV_LOSES);
        if nothing_pending && self.finish_is_due() || unchecked {
            return self.finish();
        }
        Step::done()
    }

    /// Rule 16: finished; first those who called `end()` know.
    fn finish(&mut self) -> Step {
        if !self.state.ending.finish() {
            return Step::done();
        }
        if self.state.ends_kept {
            self.state.ends_kept = false;
            return Step::then(Effect::CallEnds(Ok(())), Then::TellFinish);
        }
        self.tell_finish()
    }

    /// Rule 16: 'finish', even if one of the callbacks destroyed the stream.
    pub(super) fn tell_finish(&mut self) -> Step {
        let told = self.state.teardown == Teardown::Told;
        let closed = told && !self.has(Quirks::FINISH_AFTER_DESTROY);
        if closed || !self.state.ending.tell() {
            return Step::done();
        }
        Step::then(Effect::Emit(Event::Finish), Then::AutoDestroy)
    }

    /// Rule 16: then the stream is destroyed, if it does so by itself.
    pub(super) fn auto_destroy(&mut self) -> Step {
        if self.options.auto_destroy {
            self.destroy(None)
        } else {
            Step::done()
        }
    }
}
