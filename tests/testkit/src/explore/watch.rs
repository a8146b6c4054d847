//! The invariants of the contract, watched by an observer that counts by itself:
//! which chunks were accepted, what the sink was given and what it answered, which
//! calls were made, which callbacks and events came. Only whether the stream has
//! failed is read from its state. What was seen is part of what is explored, so
//! two worlds with different histories are two states.

use highwater::machine::{Event, Fault, Flow, Input, Options};

use super::bounds::Bounds;
use super::drive::{Observer, Taken};
use super::world::{Action, Call, Chunk, E_SINK, Id, Owes, World};

/// What became of a call of the user so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Fate {
    /// It is no write.
    Other,
    Accepted(u64),
    Refused,
    Written,
    Failed,
    TakenBack,
    Dropped,
}

/// A set of numbers of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Numbers(u32);

impl Numbers {
    fn insert(&mut self, id: Id) {
        self.0 |= 1 << id;
    }

    fn contains(self, id: Id) -> bool {
        self.0 & 1 << id != 0
    }
}

/// What has been seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Seen {
    /// Accepted and not given to the sink, in order.
    line: Vec<Id>,
    /// What the sink is working on, and how much of it, by its own reports, is done.
    sink: Vec<Id>,
    done: u64,
    fates: Vec<Fate>,
    owed: Numbers,
    called: Numbers,
    returned: Numbers,
    /// Ends that returned when the stream was destroyed.
    late: Numbers,
    corks: u32,
    /// `end()` was accepted; `destroy()` was called.
    ended: bool,
    destroyed: bool,
    waits: bool,
    opened: bool,
    /// What final answered last.
    finalized: Option<bool>,
    errors: u8,
    finishes: u8,
    closes: u8,
}

/// A world and who watches it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Watched {
    pub world: World,
    seen: Seen,
}

/// An invariant that was broken.
pub type Broken = &'static str;

impl Watched {
    pub fn new(bounds: &Bounds) -> Self {
        let seen = Seen {
            line: Vec::new(),
            sink: Vec::new(),
            done: 0,
            fates: Vec::new(),
            owed: Numbers::default(),
            called: Numbers::default(),
            returned: Numbers::default(),
            late: Numbers::default(),
            corks: 0,
            ended: false,
            destroyed: false,
            waits: false,
            opened: !bounds.has_construct,
            finalized: None,
            errors: 0,
            finishes: 0,
            closes: 0,
        };
        Self {
            world: World::new(bounds),
            seen,
        }
    }

    /// Does one action. Which invariants it broke.
    pub fn act(&mut self, bounds: &Bounds, action: Action) -> Vec<Broken> {
        match action {
            Action::Finalized => self.seen.finalized = Some(true),
            Action::FinalizedError => self.seen.finalized = Some(false),
            _ => {}
        }
        let ends = matches!(action, Action::End | Action::EndWithCallback);
        let may_end = ends && self.world.state.errored().is_none();
        let depth = self.world.depth();
        let mut eyes = Eyes {
            seen: &mut self.seen,
            low_water_mark: bounds.options.low_water_mark(),
            has_final: bounds.has_final,
            broken: Vec::new(),
        };
        self.world.act(bounds, action, &mut eyes);
        let mut broken = eyes.broken;
        // An end that has called nothing is through.
        self.seen.ended |= may_end && self.world.depth() == depth;
        if self.seen.fates.len() < usize::from(self.world.count) {
            self.seen.fates.resize(self.world.count.into(), Fate::Other);
        }
        if !self.accounts(bounds) {
            broken.push("LengthAccounts");
        }
        if self.settled() && self.seen.owed.0 & !self.seen.called.0 != 0 {
            broken.push("CallbackOnce");
        }
        broken
    }

    fn accounts(&self, bounds: &Bounds) -> bool {
        let World { state, queue, .. } = &self.world;
        let measured = queue.iter().map(|chunk| bounds.options.measure(chunk.len));
        let in_flight = self.seen.left(&bounds.options);
        state.length() == in_flight + measured.sum::<u64>()
            && state.in_flight() == in_flight
            && state.queued() as usize == queue.len()
    }

    /// Nothing more will come of what was called so far.
    fn settled(&self) -> bool {
        let World {
            state, owes, queue, ..
        } = &self.world;
        let at_rest = self.world.stack.is_empty() && self.world.ticks.is_empty();
        let done = state.errored().is_some() || state.is_finished();
        let idle = !state.is_ended() && queue.is_empty();
        let all_answered = *owes == Owes::default() && state.corked() == 0;
        at_rest && (state.is_destroyed() || !owes.write && (done || idle) || all_answered)
    }
}

impl Seen {
    fn fate(&self, id: Id) -> Fate {
        let fate = self.fates.get(usize::from(id).wrapping_sub(1));
        fate.copied().unwrap_or(Fate::Other)
    }

    fn set(&mut self, id: Id, fate: Fate) {
        let index = usize::from(id).saturating_sub(1);
        if self.fates.len() <= index {
            self.fates.resize(index + 1, Fate::Other);
        }
        self.fates[index] = fate;
    }

    /// How much the sink still works on: what it was given, less what it has reported.
    fn left(&self, options: &Options) -> u64 {
        let len = |id: &Id| match self.fate(*id) {
            Fate::Accepted(len) => options.measure(len),
            _ => 0,
        };
        self.sink.iter().map(len).sum::<u64>() - self.done
    }

    /// The call in which the sink was given what it works on has not returned.
    fn sink_is_called(&self, world: &World) -> bool {
        let mut calls = world.stack.iter().map(|frame| &frame.call);
        calls.any(|call| match call {
            Call::Write(id) => self.sink.contains(id),
            Call::Batch(ids) => !self.sink.is_empty() && *ids == self.sink,
            _ => false,
        })
    }
}

/// Watches one action.
struct Eyes<'a> {
    seen: &'a mut Seen,
    low_water_mark: u64,
    has_final: bool,
    broken: Vec<Broken>,
}

impl Eyes<'_> {
    fn must(&mut self, holds: bool, name: Broken) {
        if !holds {
            self.broken.push(name);
        }
    }

    fn sink_begins(&mut self, world: &World, ids: &[Id]) {
        let state = &world.state;
        let failed = state.is_destroyed() || state.errored().is_some();
        self.must(self.seen.line.starts_with(ids), "OrderKept");
        self.must(!world.owes.write, "OneAtATime");
        self.must(self.seen.corks == 0 && state.corked() == 0, "CorkHolds");
        let stopped = failed || self.seen.destroyed;
        self.must(!stopped && self.seen.opened, "NothingSentAfterFailure");
        self.seen.line.retain(|id| !ids.contains(id));
        self.seen.sink = ids.to_vec();
        self.seen.done = 0;
    }

    fn callback_begins(&mut self, world: &World, id: Id, result: Result<(), Fault>) {
        let fate = self.seen.fate(id);
        let finishing = world.state.is_finished() && self.seen.finishes == 0;
        let ends_ok = finishing && !self.seen.late.contains(id);
        let ok = fate == Fate::Written || fate == Fate::Other && ends_ok;
        let rejected = world.state.errored().unwrap_or(Fault::Destroyed);
        let told = match fate {
            Fate::Failed => result == Err(E_SINK),
            Fate::TakenBack | Fate::Dropped => result == Err(rejected),
            _ => result.is_ok() == ok,
        };
        let over = !matches!(fate, Fate::Accepted(_));
        let once = !self.seen.called.contains(id);
        self.must(once && over && told, "CallbackOnce");
        self.must(self.seen.returned.contains(id), "CallbackLater");
        self.seen.called.insert(id);
    }

    fn event_begins(&mut self, world: &World, event: Event) {
        let state = &world.state;
        let failed = state.is_destroyed() || state.errored().is_some();
        match event {
            Event::Drain => {
                let room = state.length() <= self.low_water_mark;
                let stopped = self.seen.ended || self.seen.destroyed;
                let open = !state.is_ended() && !failed && !stopped;
                self.must(self.seen.waits && room && open, "DrainEarned");
                self.must(!self.seen.sink_is_called(world), "DrainLater");
                self.seen.waits = false;
            }
            Event::Error(_) => {
                self.must(self.seen.errors == 0, "ErrorOnce");
                self.seen.errors = 1;
            }
            Event::Finish => {
                self.must(
                    self.seen.finishes == 0 && state.is_finished(),
                    "FinishFlushed",
                );
                self.seen.finishes = 1;
            }
            Event::Open => self.seen.opened = true,
            Event::Prefinish => {}
            Event::Close => {
                self.must(self.seen.closes == 0, "CloseLast");
                self.seen.closes = 1;
            }
        }
    }

    /// The stream becomes finished.
    fn finished(&self, taken: &Taken) -> bool {
        let written = |(index, fate): (usize, &Fate)| {
            let id = Id::try_from(index + 1).unwrap_or(Id::MAX);
            let answered = self.seen.called.contains(id) || !self.seen.owed.contains(id);
            match fate {
                Fate::Other | Fate::Refused => true,
                Fate::Written => answered,
                _ => false,
            }
        };
        let before = &taken.before;
        self.seen.ended
            && !self.seen.destroyed
            && !before.is_destroyed()
            && before.errored().is_none()
            && self.seen.fates.iter().enumerate().all(written)
            && (!self.has_final || self.seen.finalized == Some(true))
    }
}

impl Observer for Eyes<'_> {
    fn stepped(&mut self, _: &Options, taken: &Taken) {
        let Taken { before, after, .. } = taken;
        match taken.input {
            Input::Cork => self.seen.corks += 1,
            Input::Uncork => self.seen.corks = self.seen.corks.saturating_sub(1),
            Input::End(_) => self.seen.corks = 0,
            Input::Destroy(_) => self.seen.destroyed = true,
            _ => {}
        }
        self.seen.ended |= after.is_ended();
        let same = before.errored().is_none() || before.errored() == after.errored();
        self.must(same, "ErrorOnce");
        if after.is_finished() && !before.is_finished() {
            let finished = self.finished(taken);
            self.must(finished, "FinishFlushed");
        }
    }

    fn begins(&mut self, world: &World, call: &Call) {
        if self.seen.closes > 0 {
            let may = match call {
                Call::Callback(id, _) => {
                    self.seen.fate(*id) == Fate::Refused || self.seen.late.contains(*id)
                }
                _ => false,
            };
            self.must(may, "CloseLast");
        }
        match call {
            Call::Write(id) => self.sink_begins(world, &[*id]),
            Call::Batch(ids) => self.sink_begins(world, ids),
            Call::Callback(id, result) => self.callback_begins(world, *id, *result),
            Call::Event(event) => self.event_begins(world, *event),
            Call::Construct | Call::Final | Call::Destroy { .. } => {}
        }
    }

    fn wrote(&mut self, world: &World, chunk: &Chunk, accepted: bool) {
        if chunk.callback {
            self.seen.owed.insert(chunk.id);
        }
        if !accepted {
            return self.seen.set(chunk.id, Fate::Refused);
        }
        let failed = world.state.is_destroyed() || world.state.errored().is_some();
        let stopped = self.seen.ended || self.seen.destroyed;
        self.must(
            !world.state.is_ended() && !failed && !stopped,
            "NoWriteAfterEnd",
        );
        self.seen.set(chunk.id, Fate::Accepted(chunk.len));
        self.seen.line.push(chunk.id);
    }

    fn write_returns(&mut self, world: &World, options: &Options, id: Id, refused: Option<Fault>) {
        self.seen.returned.insert(id);
        let state = &world.state;
        let failed = state.is_destroyed() || state.errored().is_some();
        let length = state.length(); // which LengthAccounts has compared
        let room = length < options.high_water_mark() || length == 0;
        if refused.is_none() {
            let answered = state.answer(options) == Flow::More;
            self.must(answered == (room && !failed), "AnswerTruthful");
            let owed = room || failed || state.is_ended() || state.needs_drain();
            self.must(owed, "AnswerTruthful");
        }
        if refused == Some(Fault::TooLong) && !failed && !state.is_ended() {
            self.must(length == 0 || state.needs_drain(), "AnswerTruthful");
        }
        if refused.is_none() || refused == Some(Fault::TooLong) {
            let waits = state.answer(options) == Flow::Wait;
            self.seen.waits |= waits || refused.is_some() && length > 0;
        }
    }

    fn ends(&mut self, id: Id, callback: bool) {
        if callback {
            self.seen.owed.insert(id);
        }
    }

    fn end_returns(&mut self, world: &World, ids: &[Id]) {
        for &id in ids {
            self.seen.returned.insert(id);
            if world.state.is_destroyed() {
                self.seen.late.insert(id);
            }
        }
    }

    fn written(&mut self, result: Result<(), Fault>) {
        let fate = if result.is_ok() {
            Fate::Written
        } else {
            Fate::Failed
        };
        self.seen.done = 0;
        for id in std::mem::take(&mut self.seen.sink) {
            self.seen.set(id, fate);
        }
    }

    fn progressed(&mut self, options: &Options, part: u64) {
        self.seen.done += part.min(self.seen.left(options));
    }

    fn taken_back(&mut self) {
        self.seen.done = 0;
        for id in std::mem::take(&mut self.seen.sink) {
            self.seen.set(id, Fate::TakenBack);
        }
    }

    fn dropped(&mut self, id: Id) {
        self.must(self.seen.line.first() == Some(&id), "OrderKept");
        self.seen.line.retain(|known| *known != id);
        self.seen.set(id, Fate::Dropped);
    }
}
