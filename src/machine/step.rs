//! One input, one function: which rule an input, a task or a continuation goes to.
//!
//! The rules are numbered as in the [contract](super#the-rules). Those of the
//! producer's calls are in `calls.rs`, those of the sink in `sink.rs`, the way to
//! 'finish' is in `finish.rs`, failure and destruction are in `teardown.rs`.

use super::continuation::{Next, Task, Then};
use super::effect::Step;
use super::input::{Input, Measure};
use super::options::Options;
use super::quirks::Quirks;
use super::state::State;

/// The transition function: what one input leads to.
///
/// `head` is the measure of the chunk at the head of the driver's queue, `None`
/// if the queue is empty; it is believed. For
/// [`Leased::Flushed`](super::Leased::Flushed) it is the chunk that the sink has now.
///
/// Every input is harmless in every state: what is not due does nothing (rule 23).
///
/// ```
/// use highwater::machine::{Effect, Flow, Input, Measure, Options, State, step};
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
/// assert_eq!(state.answer(&options), Flow::Wait); // 5 >= 4: wait for 'drain'
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
        Input::Progress(done) => run.progress(done),
        Input::Joined => run.joined(),
        Input::Settle(leased) => run.settle(leased),
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
            Next::Nothing => Step::done(),
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
