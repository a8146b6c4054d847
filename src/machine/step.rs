//! One input, one function: the calls of the producer, and the way to all the rest.
//!
//! The rules are numbered as in the [contract](super#the-rules). What the sink
//! answers is in `sink.rs`, the way to 'finish' in `finish.rs`, failure and
//! destruction in `teardown.rs`.

use super::effect::{Effect, Next, Step, Task, Then};
use super::input::{End, Fault, Input, Measure};
use super::options::Options;
use super::quirks::Quirks;
use super::state::{Ending, Opening, Sink, State};

/// The transition function: what one input leads to.
///
/// `head` is the measure of the chunk at the head of the driver's queue, `None`
/// if the queue is empty; it is believed.
///
/// Every input is harmless in every state: what is not due does nothing (rule 23).
///
/// ```
/// use highwater::machine::{Effect, Input, Measure, Options, State, step};
///
/// let options = Options::new().with_high_water_mark(4);
/// let mut state = State::new(&options);
/// let chunk = Measure { len: 5, callback: false };
///
/// // Straight to the sink; and once that call has returned, the answer.
/// let first = step(&mut state, &options, None, Input::Write(chunk));
/// assert_eq!(first.effect, Some(Effect::WriteGiven));
/// let then = first.then.expect("a direct write has an answer to come");
/// assert_eq!(step(&mut state, &options, None, Input::Resume(then)).effect, None);
/// assert!(!state.answer(&options)); // 5 >= 4: wait for 'drain'
/// assert!(state.needs_drain());
/// ```
#[inline(always)]
pub fn step(state: &mut State, options: &Options, head: Option<Measure>, input: Input) -> Step {
    let mut run = Run {
        state,
        options,
        head,
    };
    match input {
        Input::Start => run.start(),
        Input::Write(chunk) => run.write(chunk),
        Input::Cork => run.cork(),
        Input::Uncork => run.uncork(),
        Input::End(end) => run.end(end),
        Input::Destroy(error) => run.destroy(error),
        Input::Written { result, again } => run.written(result, again),
        Input::Constructed(result) => run.constructed(result),
        Input::Finalized(result) => run.finalized(result),
        Input::Destroyed(error) => run.destroyed(error),
        Input::Joined => run.joined(),
        Input::Run(task) => run.task(task),
        Input::Resume(Then::Answer) => run.answer(),
        Input::Resume(then) => run.resume(then),
    }
}

/// One run of [`step`].
pub(super) struct Run<'a> {
    pub(super) state: &'a mut State,
    pub(super) options: &'a Options,
    pub(super) head: Option<Measure>,
}

impl Run<'_> {
    pub(super) const fn has(&self, quirk: Quirks) -> bool {
        self.options.has(quirk)
    }

    /// Rule 20: construct is called one tick after creation.
    fn start(&mut self) -> Step {
        if self.state.opening == Opening::NotCalled {
            Step::last(Effect::Defer(Task::Construct))
        } else {
            Step::DONE
        }
    }

    /// Rules 1 and 3: refused, straight to the sink, or queued.
    #[inline]
    fn write(&mut self, chunk: Measure) -> Step {
        if let Some(fault) = self.state.refusal(self.options, chunk) {
            return self.refuse(fault);
        }
        let len = self.options.measure(chunk.len);
        self.state.pending += 1;
        self.state.level.add(len);
        if self.state.goes_straight(self.options) {
            self.start_sink_call(len, chunk.callback);
            Step::then(Effect::WriteGiven, Then::Answer)
        } else {
            self.state.queued += 1;
            self.state.queue_callback |= chunk.callback;
            self.owe_drain();
            Step::last(Effect::Queue)
        }
    }

    /// Rule 1. Too long never makes the stream fail.
    fn refuse(&mut self, fault: Fault) -> Step {
        if fault == Fault::TooLong {
            self.state.need_drain |= self.state.length() > 0;
        } else if self.options.refusals_fail {
            return Step::then(Effect::Refuse(fault), Then::Fail { fault, sync: true });
        }
        Step::last(Effect::Refuse(fault))
    }

    /// Rule 5: set before every sink call; SYNC is cleared after it.
    #[inline]
    pub(super) fn start_sink_call(&mut self, len: u64, callback: bool) {
        self.state.level.start(len);
        self.state.sink = Sink::Writing;
        self.state.flight_callback = callback;
        self.state.sync = true;
    }

    /// Rules 4 and 5: the sink call of a direct write has returned.
    #[inline]
    fn answer(&mut self) -> Step {
        self.state.sync = false;
        self.owe_drain();
        Step::DONE
    }

    /// Rule 4: whoever is told to wait is owed a drain.
    #[inline]
    fn owe_drain(&mut self) {
        self.state.need_drain |= !self.state.has_room(self.options);
    }

    /// Rule 12: corks nest.
    fn cork(&mut self) -> Step {
        self.state.corked = self.state.corked.saturating_add(1);
        Step::DONE
    }

    /// Rule 12: the last uncork lets go of what was held.
    fn uncork(&mut self) -> Step {
        if self.state.corked == 0 {
            return Step::DONE;
        }
        self.state.corked -= 1;
        if self.has(Quirks::FORGETS_FINISH) {
            return self.flush(Next::Nothing);
        }
        self.flush(Next::Look)
    }

    /// Rule 13: end fully uncorks, whatever becomes of it.
    fn end(&mut self, end: End) -> Step {
        if self.state.corked > 0 {
            self.state.corked = 0;
            if self.has(Quirks::FORGETS_FINISH) {
                return self.flush(Next::End(end));
            }
            return self.flush(Next::LookThenEnd(end));
        }
        self.accept_end(end)
    }

    /// Rule 13: is this end accepted?
    fn accept_end(&mut self, end: End) -> Step {
        let s = &mut *self.state;
        let accepted = end.refused.is_none() && s.ending == Ending::Open && s.errored.is_none();
        let fault = if accepted || end.refused.is_some() {
            end.refused
        } else if s.is_finished() {
            Some(Fault::AlreadyFinished)
        } else if s.is_destroyed() {
            Some(Fault::Destroyed)
        } else {
            None
        };
        let next = if end.callback {
            Next::EndCallback(fault)
        } else {
            Next::Nothing
        };
        if accepted {
            s.ending = Ending::Asked;
            return self.look(false, next);
        }
        self.next(next)
    }

    /// Rule 13: what becomes of the callback of this end?
    fn end_callback(&mut self, fault: Option<Fault>) -> Step {
        let forgets = self.has(Quirks::FORGETS_END_CALLBACK);
        let s = &mut *self.state;
        let destroyed = (s.is_destroyed() && !forgets).then_some(Fault::Destroyed);
        match fault.or(s.errored).or(destroyed) {
            Some(fault) => Step::last(Effect::DeferEnd(fault)),
            None => {
                s.ends_kept = true;
                Step::last(Effect::KeepEnd)
            }
        }
    }

    fn task(&mut self, task: Task) -> Step {
        match task {
            Task::Construct => self.construct(),
            Task::Constructed(result) => self.take_construct(result),
            Task::AfterWrite { count, callback } => self.after_write(count, callback),
            Task::WriteFailed { fault, callback } => self.write_failed(fault, callback),
            Task::Reject => self.reject(Next::Nothing),
            Task::Finish { unchecked } => self.finish_task(unchecked),
            Task::Error(fault) => self.tell_error(fault),
            Task::Close(error) => self.close_task(error),
        }
    }

    fn resume(&mut self, then: Then) -> Step {
        match then {
            Then::Answer => self.answer(),
            Then::Flush(next) => self.flush(next),
            Then::Flushing(next) => self.flushing(next),
            Then::Batched(next) => self.batched(next),
            Then::Callbacks { left, callback } => self.callbacks(left, callback),
            Then::Reject(next) => self.reject(next),
            Then::Next(next) => self.next(next),
            Then::Finalizing(next) => self.finalizing(next),
            Then::Prefinished { now, next } => self.prefinished(now, next),
            Then::DeferFinish => self.defer_finish(),
            Then::FailFinal(fault) => self.fail_final(fault),
            Then::Fail { fault, sync } => self.fail(fault, sync),
            Then::TellError { fault, sync } => self.tell_or_defer_error(fault, sync),
            Then::CallDestroy => self.call_destroy(),
            Then::TellFinish => self.tell_finish(),
            Then::AutoDestroy => self.auto_destroy(),
            Then::TellClose => self.tell_close(),
        }
    }

    /// What follows a flush, a rejection or a look.
    #[inline]
    pub(super) fn next(&mut self, next: Next) -> Step {
        match next {
            Next::Nothing => Step::DONE,
            Next::Look => self.look(false, Next::Nothing),
            Next::LookNow => self.look(true, Next::Nothing),
            Next::LookThenEnd(end) => self.look(false, Next::End(end)),
            Next::End(end) => self.accept_end(end),
            Next::EndCallback(fault) => self.end_callback(fault),
            Next::AfterWrite { callback } => self.after_write(1, callback),
            Next::AtOnce { callback } => self.settle_late(callback),
            Next::Fail(fault) => self.fail(fault, false),
        }
    }
}
