//! The law of leases (rule 25), looked at after every step of whatever is observed: what
//! a driver does on a lease and settles is what the single steps do, bit for bit.

use std::collections::HashSet;
use std::fmt;

use highwater::machine::{
    Effect, Input, Lease, Leased, Measure, Options, State, Step, Task, Then, step,
};

use super::drive::{Observer, Taken};

mod flush;

/// A deliberate fault: how much more than its lease a driver takes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Excess {
    /// More bytes (or objects) in the queue.
    pub queued: u64,
    /// More bytes in a write that the sink answers at once.
    pub written: u64,
    /// More callbacks than there were.
    pub callbacks: u32,
    /// Corks where the machine gives no lease on them.
    pub corks: bool,
    /// More bytes (or objects) of writes that are answered.
    pub flushed: u64,
}

/// How often each law was looked at, and where it did not hold first.
#[derive(Debug, Default)]
pub struct Looked {
    pub times: u64,
    pub broken: Option<String>,
}

/// The laws of the five leases.
#[derive(Debug, Default)]
pub struct Law {
    pub excess: Excess,
    /// What was looked at.
    pub seen: HashSet<(Options, State)>,
    pub queue: Looked,
    pub cork: Looked,
    pub write: Looked,
    pub call: Looked,
    pub flush: Looked,
}

impl Observer for Law {
    fn stepped(&mut self, options: &Options, taken: &Taken) {
        let state = taken.after;
        if !self.seen.insert((*options, state)) {
            return;
        }
        let look = Look { options, state };
        self.queues(&look);
        self.corks(&look);
        self.writes(&look);
        self.calls(&look);
        self.flushes(&look);
        self.nothing(&look);
    }
}

const CALLBACKS: [[bool; 2]; 3] = [[false, false], [true, false], [false, true]];

/// Lengths up to the longest: small ones, half of it, and those just below it.
fn lengths(longest: u64) -> impl Iterator<Item = u64> {
    let small = 0..=longest.min(4);
    let large = [longest / 2, longest.saturating_sub(1), longest];
    small.chain(large.into_iter().filter(|len| *len > 4))
}

impl Looked {
    fn must(&mut self, holds: bool, look: &Look<'_>, what: fmt::Arguments<'_>) {
        self.times += 1;
        if !holds {
            let how = || format!("{what}, {:?}: {:?}", look.options, look.state);
            self.broken.get_or_insert_with(how);
        }
    }
}

impl Law {
    /// The laws that did not hold, and how.
    pub fn broken(&self) -> Vec<&str> {
        let all = [
            &self.queue,
            &self.cork,
            &self.write,
            &self.call,
            &self.flush,
        ];
        all.iter().filter_map(|law| law.broken.as_deref()).collect()
    }

    /// The machine queues two writes and answers them as the lease says. Without callbacks,
    /// one write of both lengths leads to the same state, except for the number of chunks.
    fn queues(&mut self, look: &Look<'_>) {
        let lease = look.state.lease_to_queue(look.options);
        if lease.count < 2 {
            return;
        }
        let past = lease.len.saturating_add(1);
        if look.options.measure(past) > lease.len {
            let queued = look.queued(&[past], &[false], lease);
            self.queue.must(
                queued.is_none(),
                look,
                format_args!("{past} is past the lease to queue"),
            );
        }
        let most = lease.len.saturating_add(self.excess.queued);
        for first in lengths(most) {
            for second in lengths(most - first) {
                if look.measured([first, second]) > most {
                    continue; // two objects, and the lease is on one
                }
                for callbacks in CALLBACKS {
                    let same = look.two_queued([first, second], callbacks, lease);
                    self.queue
                        .must(same, look, format_args!("{first} and {second} are queued"));
                }
            }
        }
    }

    /// A cork and its uncork, with a write before, within or after them, leave that write alone.
    /// Without the lease, an uncork lets go what is queued.
    fn corks(&mut self, look: &Look<'_>) {
        let (state, corked) = (look.state, self.excess.corks);
        if !state.is_writable() {
            self.cork
                .must(!state.lease_to_cork(), look, format_args!("it has stopped"));
            return;
        }
        if !state.lease_to_cork() && !corked {
            let lets_go = state.queued() == 0 || !look.corked([None; 3]);
            self.cork
                .must(lets_go, look, format_args!("a cork could be on a lease"));
            return;
        }
        let lease = state.lease_to_queue(look.options);
        let lens = lengths(lease.len).filter(|len| look.options.measure(*len) <= lease.len);
        for len in lens.filter(|_| lease.count > 0) {
            let same = (0..3).all(|at| {
                let mut lens = [None; 3];
                lens[at] = Some(len);
                look.corked(lens)
            });
            self.cork
                .must(same, look, format_args!("{len} is written corked"));
        }
        let same = look.corked([None; 3]);
        self.cork
            .must(same, look, format_args!("nothing is written corked"));
    }

    /// Two writes that the sink answers within its call leave nothing but their callbacks.
    fn writes(&mut self, look: &Look<'_>) {
        let lease = look.state.lease_to_write(look.options);
        if lease.count < 2 {
            return;
        }
        let most = lease.len.saturating_add(self.excess.written);
        for len in lengths(most) {
            if look.options.measure(len) > most {
                continue; // an object, and the lease is on none
            }
            for callbacks in CALLBACKS {
                for joins in [false, true] {
                    let extra = self.excess.callbacks;
                    let same = look.two_written([len, 1.min(most)], callbacks, joins, lease, extra);
                    self.write
                        .must(same, look, format_args!("{len} is written at once"));
                }
            }
        }
    }

    /// A settlement of nothing changes nothing.
    fn nothing(&mut self, look: &Look<'_>) {
        let (chunks, len, callbacks, answers) = (0, 0, 0, 0);
        let [callback, deferred] = [true; 2];
        let queued = Leased::Queued {
            chunks,
            len,
            callback,
        };
        let written = Leased::Written {
            callbacks,
            deferred,
        };
        let called = Leased::Called { callbacks };
        let flushed = Leased::Flushed { answers, len };
        for leased in [queued, written, called, flushed] {
            let same = look.settled(leased) == look.state;
            self.queue.must(same, look, format_args!("{leased:?}"));
        }
    }

    /// Callbacks of after-writes are called, in one tick or in ticks of their own.
    fn calls(&mut self, look: &Look<'_>) {
        let lease = look.state.lease_to_call(look.options);
        for count in 1..=lease.count.min(3) {
            let extra = self.excess.callbacks;
            let joined = look.called(&[count], extra);
            let apart = look.called(&vec![1; count as usize], extra);
            self.call
                .must(joined && apart, look, format_args!("{count} are called"));
        }
        if look.state.is_writable() && lease.count < look.state.pending() {
            let plain = look.only_calls(lease.count + 1);
            self.call.must(
                !plain,
                look,
                format_args!("{} are past the lease to call", lease.count + 1),
            );
        }
    }
}

/// What steps do to this state, beside what a settlement does.
struct Look<'a> {
    options: &'a Options,
    state: State,
}

impl Look<'_> {
    fn step(&self, state: &mut State, input: Input) -> Step {
        step(state, self.options, None, input)
    }

    fn measured(&self, lens: [u64; 2]) -> u64 {
        let [first, second] = lens.map(|len| self.options.measure(len));
        first.saturating_add(second)
    }

    fn settled(&self, leased: Leased) -> State {
        let mut state = self.state;
        let step = self.step(&mut state, Input::Settle(leased));
        assert_eq!((step.effect, step.then), (None, None), "{leased:?}");
        state
    }

    /// Whether a cork and its uncork have no effect, and these writes, before, within and after
    /// them, lead to where they lead without.
    fn corked(&self, lens: [Option<u64>; 3]) -> bool {
        let queue = |state: &mut State, len: Option<u64>| {
            let leased = len.map(|len| Leased::Queued {
                chunks: 1,
                len,
                callback: false,
            });
            leased.is_none_or(|leased| self.has_no_effect(state, Input::Settle(leased)))
        };
        let [before, within, after] = lens;
        let (mut with, mut without) = (self.state, self.state);
        let quiet = queue(&mut with, before)
            && self.has_no_effect(&mut with, Input::Cork)
            && queue(&mut with, within)
            && self.has_no_effect(&mut with, Input::Uncork)
            && queue(&mut with, after);
        quiet && lens.iter().all(|&len| queue(&mut without, len)) && with == without
    }

    /// Puts an input in, with what comes of it.
    fn has_no_effect(&self, state: &mut State, input: Input) -> bool {
        let mut next = self.step(state, input);
        while let (None, Some(then)) = (next.effect, next.then) {
            next = self.step(state, Input::Resume(then));
        }
        next.effect.is_none()
    }

    /// The state after these writes, if each is queued and answered as the lease says.
    fn queued(&self, lens: &[u64], callbacks: &[bool], lease: Lease) -> Option<State> {
        let mut state = self.state;
        for (&len, &callback) in lens.iter().zip(callbacks) {
            let step = self.step(&mut state, Input::Write(Measure { len, callback }));
            let queued = step.effect == Some(Effect::Queue) && step.then.is_none();
            if !queued || state.answer(self.options) != lease.answer {
                return None;
            }
        }
        Some(state)
    }

    fn two_queued(&self, lens: [u64; 2], callbacks: [bool; 2], lease: Lease) -> bool {
        let apart = self.queued(&lens, &callbacks, lease);
        let settled = self.settled(Leased::Queued {
            chunks: 2,
            len: self.measured(lens),
            callback: callbacks != [false; 2],
        });
        let divisible = self.options.measure(2) == 2 && callbacks == [false; 2];
        let as_one = if divisible {
            self.queued(&[lens[0].saturating_add(lens[1]), 0], &callbacks, lease)
        } else {
            apart
        };
        apart == Some(settled) && as_one == apart
    }

    /// The state after these writes, if the sink's answers lead to nothing but ticks.
    fn written(
        &self,
        state: &mut State,
        chunk: Measure,
        joins: bool,
        deferred: &mut bool,
    ) -> Option<()> {
        let write = self.step(state, Input::Write(chunk));
        if (write.effect, write.then) != (Some(Effect::WriteGiven), Some(Then::Answer)) {
            return None;
        }
        let counted = state.counts_after_write();
        let mut next = self.step(
            state,
            Input::Written {
                result: Ok(()),
                again: false,
            },
        );
        let callback = chunk.callback;
        let defers = Effect::Defer(Task::AfterWrite { count: 1, callback });
        if next.effect != callback.then_some(defers) {
            return None;
        }
        if callback && joins && !counted {
            let _ = self.step(state, Input::Joined);
        }
        *deferred |= callback && !joins;
        while let Some(then) = next.then {
            next = self.step(state, Input::Resume(then));
            if next.effect.is_some() {
                return None;
            }
        }
        let answered = self.step(state, Input::Resume(Then::Answer));
        (answered.effect.is_none() && answered.then.is_none()).then_some(())
    }

    /// `joins`: their after-writes are joined to one that waits.
    fn two_written(
        &self,
        lens: [u64; 2],
        callbacks: [bool; 2],
        joins: bool,
        lease: Lease,
        extra: u32,
    ) -> bool {
        let (mut state, mut deferred) = (self.state, false);
        for (len, callback) in lens.into_iter().zip(callbacks) {
            let chunk = Measure { len, callback };
            let written = self.written(&mut state, chunk, joins, &mut deferred);
            if written.is_none() || state.answer(self.options) != lease.answer {
                return false;
            }
        }
        let callbacks = callbacks.into_iter().map(u32::from).sum::<u32>() + extra;
        let settled = self.settled(Leased::Written {
            callbacks,
            deferred,
        });
        state == settled
    }

    /// An after-write of so many callbacks calls them and does nothing else.
    fn only_calls(&self, count: u32) -> bool {
        let mut state = self.state;
        let callback = true;
        let mut next = self.step(&mut state, Input::Run(Task::AfterWrite { count, callback }));
        for _ in 0..count {
            match (next.effect, next.then) {
                (Some(Effect::Callback(Ok(()))), Some(then)) => {
                    next = self.step(&mut state, Input::Resume(then));
                }
                _ => return false,
            }
        }
        next.effect.is_none() && next.then.is_none()
    }

    /// After-writes of so many callbacks each: every step calls the next one and does
    /// nothing else.
    fn called(&self, tasks: &[u32], extra: u32) -> bool {
        let (mut state, mut calls) = (self.state, 0);
        for &count in tasks {
            let callback = true;
            let task = Task::AfterWrite { count, callback };
            let mut next = self.step(&mut state, Input::Run(task));
            for _ in 0..count {
                calls += 1;
                let settled = self.settled(Leased::Called {
                    callbacks: calls + extra,
                });
                if next.effect != Some(Effect::Callback(Ok(()))) || state != settled {
                    return false;
                }
                let Some(then) = next.then else { return false };
                next = self.step(&mut state, Input::Resume(then));
            }
            if next.effect.is_some() || next.then.is_some() {
                return false;
            }
        }
        true
    }
}
