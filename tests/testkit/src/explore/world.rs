//! A stream and all that is around it, as a value: so that every way to go on
//! from a state can be tried.

use highwater::machine::{ErrorId, Event, Fault, State, Task, Then};

use super::bounds::Bounds;
use super::drive::{Drive, Observer};

/// The errors that the world makes.
pub const E_USER: Fault = Fault::Caller(ErrorId(1));
pub const E_SINK: Fault = Fault::Caller(ErrorId(2));
pub const E_CONSTRUCT: Fault = Fault::Caller(ErrorId(3));
pub const E_FINAL: Fault = Fault::Caller(ErrorId(4));
pub const E_DESTROY: Fault = Fault::Caller(ErrorId(5));

/// The number of a call of the user; 0 if they are not numbered.
pub type Id = u8;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Chunk {
    pub id: Id,
    pub len: u64,
    pub callback: bool,
}

/// A deferred task, with the callbacks that it carries.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Tick {
    Task(Task, Vec<Id>),
    Callback(Fault, Id),
}

/// Who is called. In such a call the world may act.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    Write(Id),
    Batch(Vec<Id>),
    Construct,
    Final,
    Destroy {
        error: Option<Fault>,
        construct_failed: bool,
    },
    Callback(Id, Result<(), Fault>),
    Event(Event),
}

/// What the driver does once an input has run to its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Last {
    Nothing,
    /// `write()` returns; it was refused with this.
    WriteReturns(Id, Option<Fault>),
    /// The write was that of `end(chunk)`.
    End(Option<Fault>),
}

/// An input that is in an outward call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Frame {
    pub call: Call,
    /// Further callbacks that the same effect calls.
    pub more: Vec<Id>,
    pub then: Option<Then>,
    /// Callbacks that the input carries.
    pub held: Vec<Id>,
    pub last: Last,
}

/// Who has been called and has not answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Owes {
    pub write: bool,
    pub construct: bool,
    pub finalize: bool,
    pub destroy: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub state: State,
    pub queue: Vec<Chunk>,
    pub flight: Vec<Id>,
    pub kept: Vec<Id>,
    pub ticks: Vec<Tick>,
    pub stack: Vec<Frame>,
    pub owes: Owes,
    pub count: Id,
    /// A turn is over, and its ticks are run. Never set but with [`Bounds::turns`].
    pub ticking: bool,
    /// The sink has answered a call. Never set but with [`Bounds::turns`].
    pub answered: bool,
}

/// What the world can do. The names are those of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    Write(u64),
    WriteWithCallback(u64),
    Cork,
    Uncork,
    End,
    EndWithCallback,
    EndChunk(u64),
    Destroy,
    DestroyWithError,
    Written,
    WrittenError,
    WrittenAgain,
    Progress(u64),
    Constructed,
    ConstructedError,
    Finalized,
    FinalizedError,
    DestroyAnswered,
    DestroyAnsweredError,
    Return,
    RunTick,
}

impl World {
    pub fn new(bounds: &Bounds) -> Self {
        Self::watched(bounds, &mut ())
    }

    pub fn watched(bounds: &Bounds, observer: &mut impl Observer) -> Self {
        let mut world = Self {
            state: State::new(&bounds.options),
            queue: Vec::new(),
            flight: Vec::new(),
            kept: Vec::new(),
            ticks: Vec::new(),
            stack: Vec::new(),
            owes: Owes::default(),
            count: 0,
            ticking: false,
            answered: false,
        };
        world.drive(bounds, observer).start();
        world
    }

    /// How many calls are on the stack, those that are about to begin included.
    pub fn depth(&self) -> usize {
        self.stack.len()
    }

    /// All that the world may do now.
    pub fn actions(&self, bounds: &Bounds) -> Vec<Action> {
        let mut actions = Vec::new();
        let in_ticks = self.stack.is_empty() && self.ticking && !self.ticks.is_empty();
        let world_acts = self.depth() <= bounds.max_nest && !in_ticks;
        if world_acts && self.ticks.len() < bounds.max_ticks {
            self.user_actions(bounds, &mut actions);
        }
        if world_acts {
            self.answers(bounds, &mut actions);
        }
        if !self.stack.is_empty() {
            actions.push(Action::Return);
        } else if !self.ticks.is_empty() {
            actions.push(Action::RunTick);
        }
        actions
    }

    fn user_actions(&self, bounds: &Bounds, actions: &mut Vec<Action>) {
        let may = |call: &str| bounds.user_calls.iter().any(|known| known == call);
        let counts = !bounds.numbered || self.count < bounds.max_calls;
        let writes = counts && self.queue.len() < bounds.max_queue;
        let ends = counts && self.kept.len() < bounds.max_ends;
        for &callback in &bounds.with_callback {
            let write = if callback {
                Action::WriteWithCallback
            } else {
                Action::Write
            };
            if writes {
                actions.extend(bounds.lens.iter().map(|&len| write(len)));
            }
            if ends && may("end") {
                actions.push(if callback {
                    Action::EndWithCallback
                } else {
                    Action::End
                });
            }
        }
        if writes && self.kept.len() < bounds.max_ends && may("endChunk") {
            actions.extend(bounds.lens.iter().map(|&len| Action::EndChunk(len)));
        }
        if may("cork") {
            if counts && self.state.corked() < bounds.max_cork {
                actions.push(Action::Cork);
            }
            actions.push(Action::Uncork);
        }
        if counts && may("destroy") {
            actions.push(Action::Destroy);
        }
        if counts && may("destroyError") {
            actions.push(Action::DestroyWithError);
        }
    }

    fn answers(&self, bounds: &Bounds, actions: &mut Vec<Action>) {
        let fails = |who: &str| bounds.failing.iter().any(|known| known == who);
        let again = bounds.twice && self.ticks.len() < bounds.max_ticks;
        let mut answer = |may: bool, who: &str, ok: Action, error: Action| {
            if may {
                actions.push(ok);
                actions.extend(fails(who).then_some(error));
            }
        };
        let construct = self.owes.construct || again && bounds.has_construct;
        let finalize = self.owes.finalize || again && bounds.has_final;
        answer(
            self.owes.write,
            "write",
            Action::Written,
            Action::WrittenError,
        );
        answer(
            construct,
            "construct",
            Action::Constructed,
            Action::ConstructedError,
        );
        answer(finalize, "final", Action::Finalized, Action::FinalizedError);
        answer(
            self.owes.destroy || again,
            "destroy",
            Action::DestroyAnswered,
            Action::DestroyAnsweredError,
        );
        if again && self.answered >= bounds.turns {
            actions.push(Action::WrittenAgain);
        }
        if self.owes.write || again {
            actions.extend(bounds.parts.iter().map(|&part| Action::Progress(part)));
        }
    }

    /// Lets something happen to this world, watched by this observer.
    pub fn drive<'a, O: Observer>(
        &'a mut self,
        bounds: &'a Bounds,
        observer: &'a mut O,
    ) -> Drive<'a, O> {
        Drive {
            world: self,
            bounds,
            observer,
        }
    }

    /// Does one of these actions, until the world may act again.
    pub fn act(&mut self, bounds: &Bounds, action: Action, observer: &mut impl Observer) {
        self.drive(bounds, observer).act(action);
    }
}
