//! The laws of leases (rule 25), for one write, settlement, callback or answer at a time.
//!
//! Each law says of any state: if a lease is given, what is done on it has the effects
//! that the lease says, leads to the state of the settlement, and leaves the rest of the
//! lease. A settlement only adds numbers, so two are one of their sum (of answers: with the
//! head of the second). So the laws hold of any number of writes, callbacks and answers, one
//! after the other. A law also says that a lease is no smaller than it must be, where that is
//! so.

use super::level::Level;
use super::lifecycle::Sink;
use super::words::Given;
use super::*;

/// What a law says of one state.
#[repr(u64)]
pub enum Law {
    Broken = 0,
    Holds = 1,
    /// Nothing: what it is about is not so.
    Silent = 2,
}

/// The state that a law looks at, and what is put in there.
struct Case<'a> {
    given: &'a Given,
    options: Options,
    state: State,
}

/// One settlement of writes that were queued.
#[derive(Clone, Copy)]
struct Queued {
    chunks: u32,
    len: u64,
    callback: bool,
}

impl Queued {
    fn settlement(self) -> Input {
        let Self {
            chunks,
            len,
            callback,
        } = self;
        Input::Settle(Leased::Queued {
            chunks,
            len,
            callback,
        })
    }

    fn measure(self, options: &Options) -> u64 {
        if options.object_mode {
            self.chunks.into()
        } else {
            self.len
        }
    }
}

impl<'a> Case<'a> {
    /// None if `spec/induction` proves that there is no such state: see WritableTruthful,
    /// LengthAccounts and LimitKept.
    fn new(given: &'a Given) -> Option<Self> {
        let (state, options) = (given.state(), given.options());
        let open = !state.is_ended() && !state.is_destroyed() && state.errored.is_none();
        let length = state.in_flight() <= state.length() && state.length() <= options.limit();
        let possible = state.writable == open && length;
        possible.then_some(Self {
            given,
            options,
            state,
        })
    }

    #[inline(never)]
    fn step(&self, state: &mut State, input: Input) -> Step {
        step(state, &self.options, self.given.head(), input)
    }

    /// Whether the input has no effect, and nothing follows.
    fn quiet(&self, state: &mut State, input: Input) -> bool {
        self.step(state, input) == Step::done()
    }

    /// The state after an input that must have no effect.
    fn settled(&self, input: Input) -> Option<State> {
        let mut state = self.state;
        self.quiet(&mut state, input).then_some(state)
    }

    /// The two settlements of queued writes that the words name.
    fn queued(&self) -> [Queued; 2] {
        [&self.given.input, &self.given.more].map(|said| Queued {
            chunks: said.count as u32,
            len: said.length,
            callback: said.flag != 0,
        })
    }

    fn counts(&self) -> [u32; 2] {
        [&self.given.input, &self.given.more].map(|said| said.count as u32)
    }

    fn chunk(&self) -> Measure {
        Measure {
            len: self.given.input.length,
            callback: self.given.input.flag != 0,
        }
    }
}

/// Exports a law: a function of a case that returns none where the law says nothing.
macro_rules! laws {
    ($($(#[$doc:meta])* $name:ident($case:ident) $body:block)*) => {$(
        $(#[$doc])*
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(given: &Given) -> Law {
            fn law($case: &Case<'_>) -> Option<bool> $body
            match Case::new(given).as_ref().and_then(law) {
                None => Law::Silent,
                Some(true) => Law::Holds,
                Some(false) => Law::Broken,
            }
        }
    )*

    /// Each law with its name.
    pub const LAWS: &[(&str, extern "C" fn(&Given) -> Law)] = &[$((stringify!($name), $name)),*];
    };
}

laws! {
    /// A write on the lease is queued and answered as the lease says.
    law_queue_write(case) {
        let lease = case.state.lease_to_queue(&case.options);
        let chunk = case.chunk();
        let len = case.options.measure(chunk.len);
        if lease.count == 0 || len > lease.len {
            return None;
        }
        let mut state = case.state;
        let step = case.step(&mut state, Input::Write(chunk));
        let one = Queued { chunks: 1, len: chunk.len, callback: chunk.callback };
        let rest = state.lease_to_queue(&case.options);
        Some(step == Step::last(Effect::Queue)
            && state.answer(&case.options) == lease.answer
            && case.settled(one.settlement()) == Some(state)
            && rest.count == lease.count - 1
            && (rest.len, rest.answer) == (lease.len - len, lease.answer))
    }

    /// A write past the lease is not queued, or is answered otherwise.
    law_queue_past(case) {
        let lease = case.state.lease_to_queue(&case.options);
        let chunk = case.chunk();
        if lease.count == 0 || case.options.measure(chunk.len) <= lease.len {
            return None;
        }
        let mut state = case.state;
        let step = case.step(&mut state, Input::Write(chunk));
        Some(step.effect != Some(Effect::Queue) || state.answer(&case.options) != lease.answer)
    }

    /// A settlement of queued writes adds them, and takes them off the lease.
    law_queue_settle(case) {
        let lease = case.state.lease_to_queue(&case.options);
        let [queued, _] = case.queued();
        let (Queued { chunks, callback, .. }, len) = (queued, queued.measure(&case.options));
        if chunks == 0 || chunks > lease.count || len > lease.len {
            return None;
        }
        let before = case.state;
        let after = State {
            level: Level::of_words([before.length() + len, before.in_flight()]),
            pending: before.pending + chunks,
            queued: before.queued + chunks,
            queue_callback: before.queue_callback | callback,
            need_drain: before.need_drain | (lease.answer == Flow::Wait),
            ..before
        };
        let rest = after.lease_to_queue(&case.options);
        Some(case.settled(queued.settlement()) == Some(after)
            && rest.count == lease.count - chunks
            && (rest.len, rest.answer) == (lease.len - len, lease.answer))
    }

    /// Bytes without callbacks may be joined to one write: only the counts differ.
    law_queue_join(case) {
        let lease = case.state.lease_to_queue(&case.options);
        let [queued, _] = case.queued();
        let Queued { chunks, len, callback } = queued;
        let covered = chunks > 0 && chunks <= lease.count && len <= lease.len;
        if case.options.object_mode || callback || !covered {
            return None;
        }
        let mut joined = case.state;
        let step = case.step(&mut joined, Input::Write(Measure { len, callback }));
        let Some(settled) = case.settled(queued.settlement()) else { return Some(false) };
        let (queued, pending) = (case.state.queued + 1, case.state.pending + 1);
        let counts = (joined.queued, joined.pending) == (queued, pending);
        joined.queued = settled.queued;
        joined.pending = settled.pending;
        Some(step == Step::last(Effect::Queue) && counts && joined == settled)
    }

    /// A settlement of nothing, or of more than its lease, changes nothing.
    law_not_covered(case) {
        let Input::Settle(leased) = case.given.input() else { return None };
        let (options, state) = (&case.options, &case.state);
        let covered = match leased {
            Leased::Queued { chunks, len, callback } => {
                let lease = state.lease_to_queue(options);
                let len = Queued { chunks, len, callback }.measure(options);
                chunks > 0 && chunks <= lease.count && len <= lease.len
            }
            Leased::Written { callbacks, .. } => {
                callbacks > 0 && callbacks <= state.lease_to_write(options).count
            }
            Leased::Called { callbacks } => {
                callbacks > 0 && callbacks <= state.lease_to_call(options).count
            }
            Leased::Flushed { answers, len } => {
                let lease = state.lease_to_flush(options);
                answers > 0 && answers <= lease.count && len <= lease.len
            }
        };
        if covered {
            return None;
        }
        Some(case.settled(Input::Settle(leased)) == Some(case.state))
    }

    /// A cork and its uncork leave nothing behind; between them the lease to queue stays.
    law_cork(case) {
        if !case.state.lease_to_cork() || case.state.corked == u32::MAX {
            return None;
        }
        let mut state = case.state;
        let corked = case.quiet(&mut state, Input::Cork);
        let same = state.lease_to_queue(&case.options) == case.state.lease_to_queue(&case.options);
        Some(corked && same && case.quiet(&mut state, Input::Uncork) && state == case.state)
    }

    /// Writes may be settled before or after the cork, and leave the lease on it.
    law_cork_settle(case) {
        if !case.state.lease_to_cork() {
            return None;
        }
        let [queued, _] = case.queued().map(Queued::settlement);
        let both = case.settled(Input::Cork).zip(case.settled(queued));
        let Some((mut first, mut last)) = both else { return Some(false) };
        let kept = last.lease_to_cork();
        let quiet = case.quiet(&mut first, queued) && case.quiet(&mut last, Input::Cork);
        Some(kept && quiet && first == last)
    }

    /// Without the lease on corks, an uncork lets go what is queued.
    law_cork_past(case) {
        let state = &case.state;
        if state.lease_to_cork() || !state.writable || state.queued == 0 {
            return None;
        }
        let Some(mut corked) = case.settled(Input::Cork) else { return Some(false) };
        Some(case.step(&mut corked, Input::Uncork).effect.is_some())
    }

    /// A write that the sink answers within its call leaves nothing behind but its callback.
    law_write(case) {
        let lease = case.state.lease_to_write(&case.options);
        let (chunk, joins) = (case.chunk(), case.given.more.flag != 0);
        if lease.count == 0 || case.options.measure(chunk.len) > lease.len {
            return None;
        }
        let callback = chunk.callback;
        let state = &mut case.state.clone();
        let write = case.step(state, Input::Write(chunk));
        let counted = state.counts_after_write();
        let written = Input::Written { result: Ok(()), again: false };
        let answered = case.step(state, written);
        let task = Effect::Defer(Task::AfterWrite { count: 1, callback });
        let joined = !(callback && joins && !counted) || case.quiet(state, Input::Joined);
        let quiet = answered.then.is_none() && case.quiet(state, Input::Resume(Then::Answer));
        let (callbacks, deferred) = (callback.into(), callback && !joins);
        let settled = case.settled(Input::Settle(Leased::Written { callbacks, deferred }));
        let rest = state.lease_to_write(&case.options);
        Some(write == Step::then(Effect::WriteGiven, Then::Answer)
            && answered.effect == callback.then_some(task)
            && joined && quiet && settled == Some(*state)
            && state.answer(&case.options) == lease.answer
            && rest == Lease { count: lease.count - callbacks, ..lease })
    }

    /// A settlement of written writes adds their callbacks, and takes them off the lease.
    law_write_settle(case) {
        let (lease, [callbacks, _]) = (case.state.lease_to_write(&case.options), case.counts());
        if callbacks == 0 || callbacks > lease.count {
            return None;
        }
        let deferred = case.given.input.flag != 0;
        let before = case.state;
        let after = State {
            pending: before.pending + callbacks,
            after_write_waits: before.after_write_waits | deferred,
            ..before
        };
        let settled = case.settled(Input::Settle(Leased::Written { callbacks, deferred }));
        let rest = after.lease_to_write(&case.options);
        Some(settled == Some(after) && rest == Lease { count: lease.count - callbacks, ..lease })
    }

    /// A deferred after-write on the lease calls its first callback, and nothing before it.
    law_call(case) {
        let (lease, [count, _]) = (case.state.lease_to_call(&case.options), case.counts());
        if lease.count == 0 || count == 0 {
            return None;
        }
        let callback = true;
        let state = &mut case.state.clone();
        let called = case.step(state, Input::Run(Task::AfterWrite { count, callback }));
        let then = Then::Callbacks { left: count - 1, callback };
        let settled = case.settled(Input::Settle(Leased::Called { callbacks: 1 }));
        let rest = state.lease_to_call(&case.options);
        Some(called == Step::then(Effect::Callback(Ok(())), then)
            && settled == Some(*state)
            && rest == Lease { count: lease.count - 1, ..lease })
    }

    /// So it calls the next one, and nothing after the last.
    law_call_next(case) {
        let (lease, [left, _]) = (case.state.lease_to_call(&case.options), case.counts());
        if !case.state.writable || case.state.after_write_waits || lease.count == 0 && left > 0 {
            return None;
        }
        let callback = true;
        let state = &mut case.state.clone();
        let called = case.step(state, Input::Resume(Then::Callbacks { left, callback }));
        if left == 0 {
            return Some(called == Step::done() && *state == case.state);
        }
        let then = Then::Callbacks { left: left - 1, callback };
        let settled = case.settled(Input::Settle(Leased::Called { callbacks: 1 }));
        Some(called == Step::then(Effect::Callback(Ok(())), then) && settled == Some(*state))
    }

    /// A settlement of called callbacks takes them off what is pending, and off the lease.
    law_call_settle(case) {
        let (lease, [callbacks, _]) = (case.state.lease_to_call(&case.options), case.counts());
        if callbacks == 0 || callbacks > lease.count {
            return None;
        }
        let before = case.state;
        let pending = before.pending - callbacks;
        let after = State { pending, after_write_waits: false, ..before };
        let settled = case.settled(Input::Settle(Leased::Called { callbacks }));
        let rest = after.lease_to_call(&case.options);
        Some(settled == Some(after) && rest == Lease { count: lease.count - callbacks, ..lease })
    }

    /// Without the lease on callbacks, a 'drain' comes before the first one.
    law_call_past(case) {
        let lease = case.state.lease_to_call(&case.options);
        if !case.state.writable || lease.count >= case.state.pending {
            return None;
        }
        let (count, callback) = (1, true);
        let mut state = case.state;
        let called = case.step(&mut state, Input::Run(Task::AfterWrite { count, callback }));
        Some(called.effect == Some(Effect::Emit(Event::Drain)))
    }

    /// An answer on the lease brings the head, and then the callback of what was answered.
    law_flush(case) {
        let lease = case.state.lease_to_flush(&case.options);
        let len = case.state.in_flight();
        if lease.count == 0 || len > lease.len {
            return None;
        }
        let state = &mut case.state.clone();
        let callback = case.state.sink == Sink::Writing { callback: true };
        let brings = case.step(state, Input::Written { result: Ok(()), again: false });
        let then = Then::Flushing(Next::AfterWrite { callback });
        let follows = case.step(state, Input::Resume(then));
        let called = Then::Callbacks { left: 0, callback };
        let expected = if callback {
            Step::then(Effect::Callback(Ok(())), called)
        } else {
            Step::done()
        };
        let settled = case.settled(Input::Settle(Leased::Flushed { answers: 1, len }));
        let rest = state.lease_to_flush(&case.options);
        Some(brings == Step::then(Effect::WriteHead, then)
            && follows == expected
            && settled == Some(*state)
            && (rest.count, rest.len) == (lease.count - 1, lease.len - len)
            && (!callback || case.quiet(state, Input::Resume(called)) && settled == Some(*state)))
    }

    /// A settlement of answers takes them off, and off the lease. The sink has the head.
    law_flush_settle(case) {
        let (lease, [answers, _]) = (case.state.lease_to_flush(&case.options), case.counts());
        let len = case.given.input.length;
        if answers == 0 || answers > lease.count || len > lease.len {
            return None;
        }
        let (before, head) = (case.state, case.given.head().unwrap_or_default());
        let (length, queued) = (before.length() - len, before.queued - answers);
        let in_flight = case.options.measure(head.len).min(length);
        let after = State {
            level: Level::of_words([length, in_flight]),
            queued,
            pending: before.pending.saturating_sub(answers),
            sink: Sink::Writing { callback: head.callback },
            queue_callback: before.queue_callback && queued > 0,
            after_write_waits: false,
            ..before
        };
        let settled = case.settled(Input::Settle(Leased::Flushed { answers, len }));
        let rest = after.lease_to_flush(&case.options);
        Some(settled == Some(after)
            && (rest.count, rest.len) == (lease.count - answers, lease.len - len))
    }

    /// Without the lease on it, an answer brings no chunk, or does something more.
    law_flush_past(case) {
        let (lease, state) = (case.state.lease_to_flush(&case.options), &case.state);
        let covered = lease.count > 0 && state.in_flight() <= lease.len;
        if covered || !state.writable {
            return None;
        }
        let mut after = case.state;
        let brings = case.step(&mut after, Input::Written { result: Ok(()), again: false });
        let Some(then @ Then::Flushing(Next::AfterWrite { .. })) = brings.then else {
            return Some(true);
        };
        let follows = case.step(&mut after, Input::Resume(then)).effect;
        let plain = matches!(follows, None | Some(Effect::Callback(Ok(()))));
        Some(brings.effect != Some(Effect::WriteHead) || !plain)
    }
}
