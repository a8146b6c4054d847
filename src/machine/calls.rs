//! The calls of the producer: write, cork, uncork and end. (What destroy does is in
//! `teardown.rs`.)

use super::continuation::{End, Next, Then};
use super::effect::{Effect, Step};
use super::fault::Fault;
use super::input::Measure;
use super::lifecycle::{Ending, Sink};
use super::quirks::Quirks;
use super::step::Run;

impl Run<'_> {
    /// Rules 1 and 3: refused, straight to the sink, or queued.
    #[inline(always)]
    pub(super) fn write(&mut self, chunk: Measure) -> Step {
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
    pub(super) fn refuse(&mut self, fault: Fault) -> Step {
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
        self.state.sink = Sink::Writing { callback };
        self.state.sync = true;
    }

    /// Rules 4 and 5: the sink call of a direct write has returned.
    #[inline]
    pub(super) fn answer(&mut self) -> Step {
        self.state.sync = false;
        self.owe_drain();
        Step::done()
    }

    /// Rule 4: the stream owes a drain to a producer that it tells to wait.
    #[inline]
    pub(super) fn owe_drain(&mut self) {
        self.state.need_drain |= !self.state.has_room(self.options);
    }

    /// Rule 12: corks nest.
    pub(super) fn cork(&mut self) -> Step {
        self.state.corked = self.state.corked.saturating_add(1);
        Step::done()
    }

    /// Rule 12: the last uncork lets go of what was held.
    pub(super) fn uncork(&mut self) -> Step {
        if self.state.corked == 0 {
            return Step::done();
        }
        self.state.corked -= 1;
        if self.has(Quirks::FORGETS_FINISH) {
            return self.flush(Next::Nothing);
        }
        self.flush(Next::Look)
    }

    /// Rule 13: end fully uncorks, also if it is refused.
    pub(super) fn end(&mut self, end: End) -> Step {
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
    pub(super) fn accept_end(&mut self, end: End) -> Step {
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
            s.ending.ask();
            s.writable = false;
            return self.look(false, next);
        }
        self.next(next)
    }

    /// Rule 13: what becomes of the callback of this end?
    pub(super) fn end_callback(&mut self, fault: Option<Fault>) -> Step {
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
}

#[cfg(test)]
mod tests {
    use crate::machine::{Effect, Fault, Input, Measure, Options, State, step};

    #[test]
    fn a_chunk_that_is_too_long_does_not_make_the_stream_fail() {
        let options = Options::new().with_limit(4);
        let mut state = State::new(&options);
        let (len, callback) = (5, false);
        let write = Input::Write(Measure { len, callback });
        let refused = step(&mut state, &options, None, write);
        assert_eq!(refused.effect, Some(Effect::Refuse(Fault::TooLong)));
        assert_eq!(refused.then, None);
        assert!(state.is_writable() && !state.needs_drain());
    }
}
