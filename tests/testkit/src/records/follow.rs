//! Follows a record in the explorer's world, action by action.
//!
//! The [`World`] goes ahead, up to its next outward call. The record must show the same steps and
//! the same calls, each callback by itself. So the actions of a record that is followed to its
//! end are a way in the graph of a world with its options and its lengths.

use std::collections::VecDeque;

use highwater::machine::{Fault, Input, Options, Quirks};

use super::alike::{ERRORS, alike};
use crate::explore::bounds::Bounds;
use crate::explore::drive::{Observer, Taken};
use crate::explore::world::{Action, Call, World};

/// What the world has done, and the record does not show yet.
#[derive(Debug)]
enum Ahead {
    Step(Taken),
    Call(Call),
}

#[derive(Debug, Default)]
struct Watch(VecDeque<Ahead>);

impl Observer for Watch {
    fn stepped(&mut self, _: &Options, taken: &Taken) {
        self.0.push_back(Ahead::Step(*taken));
    }

    fn begins(&mut self, _: &World, call: &Call) {
        self.0.push_back(Ahead::Call(call.clone()));
    }
}

#[derive(Debug)]
pub(super) struct Follower {
    bounds: Bounds,
    world: World,
    ahead: Watch,
    /// The next write is the one of `end(chunk)`.
    ends: bool,
    way: Vec<Action>,
    left: Option<&'static str>,
}

type Checked = Result<(), String>;

impl Follower {
    pub(super) fn new(options: Options, quirks: Quirks) -> Self {
        let bounds = Bounds {
            quirks,
            ..Bounds::new(options)
        };
        let mut ahead = Watch::default();
        let world = World::watched(&bounds, &mut ahead);
        Self {
            bounds,
            world,
            ahead,
            ends: false,
            way: Vec::new(),
            left: None,
        }
    }

    /// The actions of the record, as far as the world has followed it.
    pub(super) fn way(&self) -> &[Action] {
        &self.way
    }

    /// Why the world has not followed it any further.
    pub(super) const fn left(&self) -> Option<&'static str> {
        self.left
    }

    /// From here on the record does what the world does not know.
    pub(super) fn leave(&mut self, why: &'static str) {
        self.left.get_or_insert(why);
    }

    pub(super) fn ends(&mut self) {
        self.ends = true;
    }

    pub(super) fn stepped(&mut self, taken: &Taken) -> Checked {
        if taken.input == Input::Joined {
            self.leave("a tick joins another");
        }
        if self.left.is_some() {
            return Ok(());
        }
        if self.ahead.0.is_empty() {
            match action(taken.input, std::mem::take(&mut self.ends)) {
                Ok(action) => self.act(action),
                Err(why) => {
                    self.leave(why);
                    return Ok(());
                }
            }
        }
        match self.ahead.0.pop_front() {
            Some(Ahead::Step(step)) if alike(&step, taken, ERRORS) => Ok(()),
            next => Err(format!("{taken:?} is taken, and the world has {next:?}")),
        }
    }

    /// An effect calls out: `result` is that of a callback.
    pub(super) fn calls(&mut self, result: Option<Result<(), Fault>>) -> Checked {
        if self.left.is_some() {
            return Ok(());
        }
        match (self.ahead.0.pop_front(), result) {
            (Some(Ahead::Call(Call::Callback(_, wanted))), Some(result))
                if alike(&wanted, &result, ERRORS) =>
            {
                Ok(())
            }
            (Some(Ahead::Call(call)), None) if !matches!(call, Call::Callback(..)) => Ok(()),
            (next, _) => Err(format!(
                "a call ({result:?}) begins, and the world has {next:?}"
            )),
        }
    }

    /// An outward call returns, or a tick is taken.
    pub(super) fn goes_on(&mut self, action: Action) -> Checked {
        if self.left.is_some() {
            return Ok(());
        }
        if let Some(next) = self.ahead.0.front() {
            return Err(format!("{action:?} comes before {next:?}"));
        }
        let may = match action {
            Action::RunTick => !self.world.ticks.is_empty() && self.world.stack.is_empty(),
            _ => !self.world.stack.is_empty(),
        };
        if !may {
            return Err(format!("{action:?} comes, and the world has no such thing"));
        }
        self.act(action);
        Ok(())
    }

    fn act(&mut self, action: Action) {
        self.way.push(action);
        self.world.act(&self.bounds, action, &mut self.ahead);
    }
}

/// The action that puts in this input, or why there is none.
fn action(input: Input, ends: bool) -> Result<Action, &'static str> {
    use Action as A;
    use Fault::Caller;

    const FAULT: &str = "an answer has a fault of the machine";
    Ok(match input {
        Input::Write(chunk) if ends => A::EndChunk(chunk.len),
        Input::Write(chunk) if chunk.callback => A::WriteWithCallback(chunk.len),
        Input::Write(chunk) => A::Write(chunk.len),
        Input::Cork => A::Cork,
        Input::Uncork => A::Uncork,
        Input::End(end) if end.refused.is_some() => {
            return Err("an end has a chunk that is refused, and a callback");
        }
        Input::End(end) if end.callback => A::EndWithCallback,
        Input::End(_) => A::End,
        Input::Destroy(None) => A::Destroy,
        Input::Destroy(Some(Caller(_))) => A::DestroyWithError,
        Input::Destroy(Some(_)) => return Err("destroy has a fault of the machine"),
        Input::Progress(part) => A::Progress(part),
        Input::Written { result, again } => match (result, again) {
            (Ok(()), false) => A::Written,
            (Ok(()), true) => A::WrittenAgain,
            (Err(Caller(_)), false) => A::WrittenError,
            (Err(_), false) => return Err(FAULT),
            (Err(_), true) => return Err("an answer comes again, with an error"),
        },
        Input::Constructed(Ok(())) => A::Constructed,
        Input::Constructed(Err(Caller(_))) => A::ConstructedError,
        Input::Finalized(Ok(())) => A::Finalized,
        Input::Finalized(Err(Caller(_))) => A::FinalizedError,
        Input::Destroyed(None) => A::DestroyAnswered,
        Input::Destroyed(Some(Caller(_))) => A::DestroyAnsweredError,
        Input::Constructed(_) | Input::Finalized(_) | Input::Destroyed(_) => return Err(FAULT),
        _ => return Err("an input that is no action"),
    })
}
