//! One record, entry by entry.

use std::collections::{BTreeSet, VecDeque};

use highwater::machine::{Effect, Input, Measure, Options, Quirks, State, Step, Task, Then, step};

use super::follow::Follower;
use super::read;
use crate::explore::drive::Taken;
use crate::explore::world::Action;

/// What comes next of an input that is under way.
#[derive(Clone, Copy, Debug)]
enum Next {
    Perform(Effect, Option<Then>),
    Resume(Then),
    Nothing,
}

/// What is on the call stack.
#[derive(Clone, Copy, Debug)]
enum Frame {
    /// An input, with the measure of the chunk that came with it.
    Input {
        next: Next,
        chunk: Option<Measure>,
        callback: bool,
    },
    /// An effect that is performed; how many ticks it has appended.
    Effect(Effect, u32),
    /// A callback is called: one that the host has deferred is no call of the world.
    Callback { of_host: bool },
}

/// What waits for its tick.
#[derive(Clone, Copy, Debug)]
enum Tick {
    Task(Task),
    /// The callback of a write or an end that was refused.
    Refused,
    /// A callback that the host has deferred.
    OfHost,
}

/// A driver, as its record shows it.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) options: Options,
    pub(super) quirks: Quirks,
    state: State,
    queue: VecDeque<Measure>,
    ticks: VecDeque<Tick>,
    /// The tick that was just taken.
    taken: Option<Tick>,
    stack: Vec<Frame>,
    pub(super) follower: Follower,
    pub(super) steps: Vec<Taken>,
    pub(super) kinds: BTreeSet<String>,
}

type Checked = Result<(), String>;

impl Check {
    pub(super) fn new(options: &str) -> Result<Self, String> {
        let (options, quirks) = read::options(options)?;
        Ok(Self {
            quirks,
            state: State::new(&options),
            follower: Follower::new(options, quirks),
            options,
            queue: VecDeque::new(),
            ticks: VecDeque::new(),
            taken: None,
            stack: Vec::new(),
            steps: Vec::new(),
            kinds: BTreeSet::new(),
        })
    }

    /// Whether nothing is on the stack.
    pub(super) fn is_at_rest(&self) -> bool {
        self.stack.is_empty() && self.taken.is_none()
    }

    pub(super) fn entry(&mut self, line: &str) -> Checked {
        let words: Vec<&str> = line.split('\t').collect();
        let due = match self.taken {
            Some(Tick::Task(_)) => "step",
            Some(_) => "call",
            None => words[0],
        };
        if words[0] != due {
            return Err("the tick that was taken is not run".to_owned());
        }
        match words.as_slice() {
            ["step", head, input, after, step] => self.step(head, input, after, step),
            ["do", effect] => self.perform(effect),
            ["call", result] => self.call(result),
            ["end"] => {
                self.follower.ends();
                Ok(())
            }
            ["later", task] => self.append(task),
            ["tick", task] => self.take(task),
            ["done"] => self.done(),
            ["unwound"] => self.unwound(),
            _ => Err("not an entry".to_owned()),
        }
    }

    fn step(&mut self, head: &str, given: &str, after: &str, told: &str) -> Checked {
        let input = self.due(given)?;
        same("head of the queue", &self.queue.front().copied(), head)?;
        let (before, head) = (self.state, self.queue.front().copied());
        let stepped = step(&mut self.state, &self.options, head, input);
        same("state", &self.state, after)?;
        same("step", &stepped, told)?;
        let taken = Taken {
            before,
            head,
            input,
            after: self.state,
            step: stepped,
        };
        self.follower.stepped(&taken)?;
        self.steps.push(taken);
        self.kinds.insert(kind(given));
        self.go_on(input, stepped);
        Ok(())
    }

    /// The input, if it is one that may come now.
    fn due(&mut self, given: &str) -> Result<Input, String> {
        if let Some(Tick::Task(task)) = self.taken.take() {
            let input = Input::Run(task);
            return same("task of the tick", &input, given).map(|()| input);
        }
        let outside = read::input(given)?;
        match (self.stack.last(), outside) {
            (Some(Frame::Input { next, .. }), _) => match next {
                Next::Resume(then) => {
                    let input = Input::Resume(*then);
                    same("continuation", &input, given).map(|()| input)
                }
                next => Err(format!("{given} comes before {next:?}")),
            },
            (Some(Frame::Effect(effect, _)), Some(Input::Joined)) if may_join(*effect) => {
                Ok(Input::Joined)
            }
            (Some(Frame::Effect(effect, _)), _) if !calls_out(*effect) => {
                Err(format!("{given} comes while no user code runs"))
            }
            (_, Some(Input::Joined)) => Err("nothing was joined".to_owned()),
            (top, Some(input)) => {
                if let Some(Frame::Effect(Effect::RejectHead(_) | Effect::FailHead(_), _)) = top {
                    self.follower
                        .leave("the host acts while it takes an unsent chunk");
                }
                Ok(input)
            }
            (_, None) => Err(format!("{given} comes from outside")),
        }
    }

    fn go_on(&mut self, input: Input, step: Step) {
        let next = match (step.effect, step.then) {
            (Some(effect), then) => Next::Perform(effect, then),
            (None, Some(then)) => Next::Resume(then),
            (None, None) => Next::Nothing,
        };
        if let (Input::Resume(_), Some(Frame::Input { next: now, .. })) =
            (input, self.stack.last_mut())
        {
            *now = next;
        } else {
            let (chunk, callback) = match input {
                Input::Write(chunk) => (Some(chunk), chunk.callback),
                Input::End(end) => (None, end.callback),
                _ => (None, false),
            };
            self.stack.push(Frame::Input {
                next,
                chunk,
                callback,
            });
        }
        self.leave();
    }

    /// An input that is through leaves the stack.
    fn leave(&mut self) {
        if let Some(Frame::Input {
            next: Next::Nothing,
            ..
        }) = self.stack.last()
        {
            self.stack.pop();
        }
    }

    fn perform(&mut self, told: &str) -> Checked {
        let Some(Frame::Input { next, chunk, .. }) = self.stack.last_mut() else {
            return Err(format!("{told} is performed, and no step has said so"));
        };
        let Next::Perform(effect, then) = *next else {
            return Err(format!("{told} is performed, and {next:?} is due"));
        };
        same("effect", &effect, told)?;
        *next = then.map_or(Next::Nothing, Next::Resume);
        match effect {
            Effect::Queue => self.queue.extend(chunk.take()),
            Effect::WriteHead | Effect::RejectHead(_) | Effect::FailHead(_) => {
                self.queue.pop_front();
            }
            Effect::WriteBatch(_) => self.queue.clear(),
            _ => {}
        }
        if is_call(effect) {
            self.follower.calls(None)?;
        }
        self.stack.push(Frame::Effect(effect, 0));
        Ok(())
    }

    fn call(&mut self, told: &str) -> Checked {
        let tick = self.taken.take();
        let due = match (tick, self.stack.last()) {
            (Some(_), _) => None,
            (None, Some(Frame::Effect(effect, _))) => match *effect {
                Effect::Callback(result) | Effect::CallEnds(result) => Some(result),
                Effect::RejectTaken(fault) | Effect::RejectHead(fault) => Some(Err(fault)),
                effect => return Err(format!("a callback is called within {effect:?}")),
            },
            (None, top) => return Err(format!("a callback is called within {top:?}")),
        };
        if let Some(due) = due {
            same("result", &due, told)?;
        }
        let of_host = matches!(tick, Some(Tick::OfHost));
        if !of_host {
            self.follower.calls(Some(read::result(told)?))?;
        }
        self.stack.push(Frame::Callback { of_host });
        Ok(())
    }

    fn append(&mut self, told: &str) -> Checked {
        let tick = match self.stack.last_mut() {
            Some(Frame::Effect(Effect::Defer(task), count)) => {
                *count += 1;
                Tick::Task(*task)
            }
            Some(Frame::Effect(Effect::FailHead(fault), _)) => {
                let callback = told.ends_with("callback: true }");
                let fault = *fault;
                Tick::Task(Task::WriteFailed { fault, callback })
            }
            Some(Frame::Effect(Effect::Refuse(_) | Effect::DeferEnd(_), count)) => {
                *count += 1;
                Tick::Refused
            }
            Some(Frame::Effect(effect, _)) if !calls_out(*effect) => {
                return Err("a tick is appended that nothing has deferred".to_owned());
            }
            Some(Frame::Input { .. }) => {
                return Err("a tick is appended between a step and its effect".to_owned());
            }
            _ => Tick::OfHost,
        };
        match tick {
            Tick::Task(task) => same("tick", &task, told)?,
            _ if told != "callback" => return Err("no step has deferred this".to_owned()),
            _ => {}
        }
        self.ticks.push_back(tick);
        Ok(())
    }

    fn take(&mut self, told: &str) -> Checked {
        if let Some(frame) = self.stack.last() {
            return Err(format!("a tick is taken within {frame:?}"));
        }
        let Some(first) = self.ticks.pop_front() else {
            return Err("there is no tick".to_owned());
        };
        match first {
            Tick::Task(task) => same("first tick", &task, told)?,
            _ if told != "callback" => return Err(format!("the first tick is {first:?}")),
            _ => {}
        }
        self.taken = Some(first);
        if matches!(first, Tick::OfHost) {
            return Ok(());
        }
        self.follower.goes_on(Action::RunTick)
    }

    fn done(&mut self) -> Checked {
        match self.stack.pop() {
            Some(Frame::Effect(effect, appended)) => {
                self.has_deferred(effect, appended)?;
                if matches!(effect, Effect::WriteBatch(_))
                    && self.quirks.contains(Quirks::WRITEV_LOSES)
                {
                    if !self.queue.is_empty() {
                        self.follower
                            .leave("a batch loses what was queued within it");
                    }
                    self.queue.clear();
                }
                if is_call(effect) {
                    self.follower.goes_on(Action::Return)?;
                }
            }
            Some(Frame::Callback { of_host: false }) => self.follower.goes_on(Action::Return)?,
            Some(Frame::Callback { of_host: true }) => {}
            frame => return Err(format!("nothing that was called returns, but {frame:?}")),
        }
        self.leave();
        Ok(())
    }

    /// An effect that defers has appended its tick, or joined it to one that waits.
    fn has_deferred(&mut self, effect: Effect, appended: u32) -> Checked {
        let due = match effect {
            Effect::Defer(_) | Effect::DeferEnd(_) => 1,
            Effect::Refuse(_) => match self.stack.last() {
                Some(Frame::Input { callback, .. }) => u32::from(*callback),
                _ => 0,
            },
            _ => return Ok(()),
        };
        if appended == due {
            return Ok(());
        }
        self.follower.leave("a tick joins another");
        let joined = self.ticks.iter_mut().rev().find_map(|tick| match tick {
            Tick::Task(Task::AfterWrite {
                count,
                callback: true,
            }) => Some(count),
            _ => None,
        });
        match joined {
            Some(count) if may_join(effect) && appended == 0 => *count += 1,
            _ => return Err(format!("{effect:?} has appended {appended} ticks")),
        }
        Ok(())
    }

    /// A panic leaves what was called, and the input that has called it.
    fn unwound(&mut self) -> Checked {
        self.follower.leave("a panic");
        while let Some(frame) = self.stack.pop() {
            if !matches!(frame, Frame::Input { .. }) {
                if let (Frame::Effect(..), Some(Frame::Input { .. })) = (frame, self.stack.last()) {
                    self.stack.pop();
                }
                return Ok(());
            }
        }
        Err("nothing was called".to_owned())
    }
}

fn may_join(effect: Effect) -> bool {
    matches!(
        effect,
        Effect::Defer(Task::AfterWrite { callback: true, .. })
    )
}

/// Whether an effect is one call, of the sink, of a hook or of the listeners.
fn is_call(effect: Effect) -> bool {
    matches!(
        effect,
        Effect::WriteGiven
            | Effect::WriteHead
            | Effect::WriteBatch(_)
            | Effect::Construct
            | Effect::Finalize
            | Effect::Destroy { .. }
            | Effect::Emit(_)
    )
}

/// Whether an effect calls user code, which may call the stream.
fn calls_out(effect: Effect) -> bool {
    !matches!(
        effect,
        Effect::Refuse(_)
            | Effect::Queue
            | Effect::KeepEnd
            | Effect::DeferEnd(_)
            | Effect::Defer(_)
    )
}

fn same(what: &str, wanted: &impl std::fmt::Debug, told: &str) -> Checked {
    let wanted = format!("{wanted:?}");
    if wanted == told {
        return Ok(());
    }
    Err(format!("the {what} is {told}, and should be {wanted}"))
}

/// `Run(Construct)` of `Run(Construct)`, `Write` of `Write(Measure { … })`.
pub(super) fn kind(input: &str) -> String {
    let is_word = |letter: char| !letter.is_alphanumeric();
    let mut names = input.split(is_word);
    match (names.next().unwrap_or_default(), names.next()) {
        (outer @ ("Run" | "Resume"), Some(inner)) => format!("{outer}({inner})"),
        (name, _) => name.to_owned(),
    }
}
