//! One record, entry by entry.

use std::collections::{BTreeSet, VecDeque};

use highwater::machine::{Effect, Input, Measure, Options, Quirks, State, Step, Task, Then, step};

use super::read;

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
    /// A tick calls a callback.
    Callback,
}

/// A driver, as its record shows it.
#[derive(Debug)]
pub struct Check {
    options: Options,
    quirks: Quirks,
    state: State,
    queue: VecDeque<Measure>,
    /// `None` is a callback.
    ticks: VecDeque<Option<Task>>,
    /// The task of the tick that was just taken.
    taken: Option<Task>,
    stack: Vec<Frame>,
    pub(super) steps: usize,
    pub(super) kinds: BTreeSet<String>,
}

type Checked = Result<(), String>;

impl Check {
    pub(super) fn new(options: &str) -> Result<Self, String> {
        let (options, quirks) = read::options(options)?;
        Ok(Self {
            quirks,
            state: State::new(&options),
            options,
            queue: VecDeque::new(),
            ticks: VecDeque::new(),
            taken: None,
            stack: Vec::new(),
            steps: 0,
            kinds: BTreeSet::new(),
        })
    }

    /// Whether nothing is on the stack.
    pub(super) fn is_at_rest(&self) -> bool {
        self.stack.is_empty() && self.taken.is_none()
    }

    pub(super) fn entry(&mut self, line: &str) -> Checked {
        let words: Vec<&str> = line.split('\t').collect();
        if self.taken.is_some() && words.first() != Some(&"step") {
            return Err("the task of a tick is not run".to_owned());
        }
        match words.as_slice() {
            ["step", head, input, after, step] => self.step(head, input, after, step),
            ["do", effect] => self.perform(effect),
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
        let head = self.queue.front().copied();
        let stepped = step(&mut self.state, &self.options, head, input);
        same("state", &self.state, after)?;
        same("step", &stepped, told)?;
        self.steps += 1;
        self.kinds.insert(kind(given));
        self.go_on(input, stepped);
        Ok(())
    }

    /// The input, if it is one that may come now.
    fn due(&mut self, given: &str) -> Result<Input, String> {
        if let Some(task) = self.taken.take() {
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
            (_, Some(input)) => Ok(input),
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
        self.stack.push(Frame::Effect(effect, 0));
        Ok(())
    }

    fn append(&mut self, told: &str) -> Checked {
        let task = match self.stack.last_mut() {
            Some(Frame::Effect(Effect::Defer(task), count)) => {
                *count += 1;
                Some(*task)
            }
            Some(Frame::Effect(Effect::FailHead(fault), _)) => {
                let callback = told.ends_with("callback: true }");
                let fault = *fault;
                Some(Task::WriteFailed { fault, callback })
            }
            Some(Frame::Effect(Effect::Refuse(_) | Effect::DeferEnd(_), count)) => {
                *count += 1;
                None
            }
            Some(Frame::Effect(effect, _)) if !calls_out(*effect) => {
                return Err("a tick is appended that nothing has deferred".to_owned());
            }
            Some(Frame::Input { .. }) => {
                return Err("a tick is appended between a step and its effect".to_owned());
            }
            _ => None,
        };
        match task {
            Some(task) => same("tick", &task, told)?,
            None if told != "callback" => return Err("no step has deferred this".to_owned()),
            None => {}
        }
        self.ticks.push_back(task);
        Ok(())
    }

    fn take(&mut self, told: &str) -> Checked {
        if let Some(frame) = self.stack.last() {
            return Err(format!("a tick is taken within {frame:?}"));
        }
        match self.ticks.pop_front() {
            Some(Some(task)) => {
                same("first tick", &task, told)?;
                self.taken = Some(task);
                Ok(())
            }
            Some(None) if told == "callback" => {
                self.stack.push(Frame::Callback);
                Ok(())
            }
            first => Err(format!("the first tick is {first:?}")),
        }
    }

    fn done(&mut self) -> Checked {
        match self.stack.pop() {
            Some(Frame::Effect(effect, appended)) => {
                self.has_deferred(effect, appended)?;
                if matches!(effect, Effect::WriteBatch(_))
                    && self.quirks.contains(Quirks::WRITEV_LOSES)
                {
                    self.queue.clear();
                }
            }
            Some(Frame::Callback) => {}
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
        let mut waiting = self.ticks.iter_mut().rev().flatten();
        let joined = waiting.find_map(|task| match task {
            Task::AfterWrite {
                count,
                callback: true,
            } => Some(count),
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
        while let Some(frame) = self.stack.pop() {
            if !matches!(frame, Frame::Input { .. }) {
                if let Some(Frame::Input { .. }) = self.stack.last() {
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
fn kind(input: &str) -> String {
    let is_word = |letter: char| !letter.is_alphanumeric();
    let mut names = input.split(is_word);
    match (names.next().unwrap_or_default(), names.next()) {
        (outer @ ("Run" | "Resume"), Some(inner)) => format!("{outer}({inner})"),
        (name, _) => name.to_owned(),
    }
}
