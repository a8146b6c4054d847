//! The driving loop, up to the next outward call. It is `Driver` turned inside
//! out: what waits for a call to return lies on a stack that is data.

use highwater::machine::{
    Effect, End, Fault, Input, Measure, Options, Quirks, State, Step, Task, Then, step,
};

use super::bounds::Bounds;
use super::world::{
    Action, Call, Chunk, E_CONSTRUCT, E_DESTROY, E_FINAL, E_SINK, E_USER, Frame, Id, Last, Tick,
    World,
};

/// Told of everything that happens, with the world at that moment.
pub trait Observer {
    /// The machine took a step.
    fn stepped(&mut self, _: &Options, _: &Taken) {}
    /// A call begins.
    fn begins(&mut self, _: &World, _: &Call) {}
    /// A write, or the chunk of an end, was accepted, or refused.
    fn wrote(&mut self, _: &World, _: &Chunk, _accepted: bool) {}
    fn write_returns(&mut self, _: &World, _: &Options, _: Id, _refused: Option<Fault>) {}
    fn ends(&mut self, _: Id, _callback: bool) {}
    fn end_returns(&mut self, _: &World, _: &[Id]) {}
    /// The sink has answered, by its own word.
    fn written(&mut self, _: Result<(), Fault>) {}
    /// The sink has done so much more of what it works on, by its own word.
    fn progressed(&mut self, _: &Options, _part: u64) {}
    fn taken_back(&mut self) {}
    fn dropped(&mut self, _: Id) {}
}

/// One step of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Taken {
    pub before: State,
    pub head: Option<Measure>,
    pub input: Input,
    pub after: State,
    pub step: Step,
}

impl Observer for () {}

/// An input under way.
struct Run {
    input: Input,
    chunk: Option<Chunk>,
    held: Vec<Id>,
    last: Last,
}

impl Run {
    fn new(input: Input) -> Self {
        let (chunk, held, last) = (None, Vec::new(), Last::Nothing);
        Self {
            input,
            chunk,
            held,
            last,
        }
    }
}

/// A world to which something happens.
pub struct Drive<'a, O> {
    pub world: &'a mut World,
    pub bounds: &'a Bounds,
    pub observer: &'a mut O,
}

impl<O: Observer> Drive<'_, O> {
    pub fn start(&mut self) {
        self.put(Input::Start);
    }

    /// Does one of these actions, until the world may act again.
    pub fn act(&mut self, action: Action) {
        if self.world.stack.is_empty() && action != Action::RunTick {
            self.world.ticking = false;
        }
        match action {
            Action::Write(len) => self.write(len, false),
            Action::WriteWithCallback(len) => self.write(len, true),
            Action::Cork => {
                self.number();
                self.put(Input::Cork);
            }
            Action::Uncork => self.put(Input::Uncork),
            Action::End => self.end(false),
            Action::EndWithCallback => self.end(true),
            Action::EndChunk(len) => self.end_chunk(len),
            Action::Destroy => self.destroy(None),
            Action::DestroyWithError => self.destroy(Some(E_USER)),
            Action::Written => self.written(Ok(()), false),
            Action::WrittenError => self.written(Err(E_SINK), false),
            Action::WrittenAgain => self.written(Ok(()), true),
            Action::Progress(part) => {
                self.observer.progressed(&self.bounds.options, part);
                self.put(Input::Progress(part));
            }
            Action::Constructed | Action::ConstructedError => {
                self.world.owes.construct = false;
                let failed = action == Action::ConstructedError;
                let result = if failed { Err(E_CONSTRUCT) } else { Ok(()) };
                self.put(Input::Constructed(result));
            }
            Action::Finalized | Action::FinalizedError => {
                self.world.owes.finalize = false;
                let failed = action == Action::FinalizedError;
                let result = if failed { Err(E_FINAL) } else { Ok(()) };
                self.put(Input::Finalized(result));
            }
            Action::DestroyAnswered | Action::DestroyAnsweredError => {
                self.world.owes.destroy = false;
                let error = (action == Action::DestroyAnsweredError).then_some(E_DESTROY);
                self.put(Input::Destroyed(error));
            }
            Action::Return => self.return_from_call(),
            Action::RunTick => {
                self.world.ticking = self.bounds.turns;
                self.run_tick();
            }
        }
    }

    fn number(&mut self) -> Id {
        self.world.count += Id::from(self.bounds.numbered);
        self.world.count
    }

    fn write(&mut self, len: u64, callback: bool) {
        let id = self.number();
        let measure = Measure { len, callback };
        let refusal = self.world.state.refusal(&self.bounds.options, measure);
        let run = Run {
            input: Input::Write(measure),
            chunk: Some(Chunk { id, len, callback }),
            held: callback.then_some(id).into_iter().collect(),
            last: Last::WriteReturns(id, refusal),
        };
        self.run(run);
    }

    fn end(&mut self, callback: bool) {
        let id = self.number();
        self.observer.ends(id, callback);
        let end = End {
            refused: None,
            callback,
        };
        let mut run = Run::new(Input::End(end));
        run.held.extend(callback.then_some(id));
        self.run(run);
    }

    fn end_chunk(&mut self, len: u64) {
        let id = self.number();
        let measure = Measure {
            len,
            callback: false,
        };
        let refusal = self.world.state.refusal(&self.bounds.options, measure);
        let mut run = Run::new(Input::Write(measure));
        run.chunk = Some(Chunk {
            id,
            len,
            callback: false,
        });
        run.last = Last::End(refusal);
        self.run(run);
    }

    fn destroy(&mut self, error: Option<Fault>) {
        self.number();
        self.put(Input::Destroy(error));
    }

    fn written(&mut self, result: Result<(), Fault>, again: bool) {
        if !again {
            self.world.owes.write = false;
            self.world.answered = self.bounds.turns;
            self.observer.written(result);
        }
        let mut run = Run::new(Input::Written { result, again });
        if self.world.state.takes_answer(&self.bounds.options, again) {
            run.held = std::mem::take(&mut self.world.flight);
        }
        self.run(run);
    }

    fn return_from_call(&mut self) {
        let Some(mut frame) = self.world.stack.pop() else {
            return;
        };
        if let Call::Callback(id, _) = &mut frame.call {
            if !frame.more.is_empty() {
                *id = frame.more.remove(0);
                self.observer.begins(self.world, &frame.call);
                return self.world.stack.push(frame);
            }
        }
        if let Call::Batch(_) = frame.call {
            if self.bounds.quirks.contains(Quirks::WRITEV_LOSES) {
                self.lose_queue();
            }
        }
        match frame.then {
            Some(then) => {
                let mut run = Run::new(Input::Resume(then));
                run.held = frame.held;
                run.last = frame.last;
                self.run(run);
            }
            None => self.finish(frame.last),
        }
    }

    fn run_tick(&mut self) {
        match self.world.ticks.remove(0) {
            Tick::Task(task, held) => {
                let mut run = Run::new(Input::Run(task));
                run.held = held;
                self.run(run);
            }
            Tick::Callback(fault, id) => {
                let call = Call::Callback(id, Err(fault));
                self.call(call, Vec::new(), &mut Run::new(Input::Cork), None);
            }
        }
    }

    fn put(&mut self, input: Input) {
        self.run(Run::new(input));
    }

    /// The driving loop, up to the next outward call or the end of the input.
    fn run(&mut self, mut run: Run) {
        loop {
            let head = self.world.queue.first().map(|chunk| Measure {
                len: chunk.len,
                callback: chunk.callback,
            });
            let before = self.world.state;
            let step = step(&mut self.world.state, &self.bounds.options, head, run.input);
            let (input, after) = (run.input, self.world.state);
            self.observer.stepped(
                &self.bounds.options,
                &Taken {
                    before,
                    head,
                    input,
                    after,
                    step,
                },
            );
            let answered = match run.input {
                Input::Written { again, .. } => before.takes_answer(&self.bounds.options, again),
                _ => false,
            };
            if before.is_writing() && !self.world.state.is_writing() && !answered {
                self.observer.taken_back();
            }
            if let Some(effect) = step.effect {
                if self.perform(effect, &mut run, step.then) {
                    return;
                }
            }
            match step.then {
                Some(then) => run.input = Input::Resume(then),
                None => return self.finish(run.last),
            }
        }
    }

    fn finish(&mut self, last: Last) {
        match last {
            Last::Nothing => {}
            Last::WriteReturns(id, refused) => {
                self.observer
                    .write_returns(self.world, &self.bounds.options, id, refused);
            }
            Last::End(refused) => {
                let end = End {
                    refused,
                    callback: false,
                };
                self.put(Input::End(end));
            }
        }
    }

    /// Calls out: the input waits on the stack until that call returns.
    fn call(&mut self, call: Call, more: Vec<Id>, run: &mut Run, then: Option<Then>) -> bool {
        self.observer.begins(self.world, &call);
        self.world.stack.push(Frame {
            call,
            more,
            then,
            held: std::mem::take(&mut run.held),
            last: std::mem::replace(&mut run.last, Last::Nothing),
        });
        true
    }

    /// Calls some callbacks, one after the other; `false` if there are none.
    fn call_each(
        &mut self,
        mut ids: Vec<Id>,
        result: Result<(), Fault>,
        run: &mut Run,
        then: Option<Then>,
    ) -> bool {
        if ids.is_empty() {
            return false;
        }
        let call = Call::Callback(ids.remove(0), result);
        self.call(call, ids, run, then)
    }

    /// Performs an effect. `true` if it is an outward call.
    fn perform(&mut self, effect: Effect, run: &mut Run, then: Option<Then>) -> bool {
        match effect {
            Effect::Refuse(fault) => {
                if let Some(chunk) = run.chunk.take() {
                    self.observer.wrote(self.world, &chunk, false);
                }
                self.defer_callback(run, fault)
            }
            Effect::DeferEnd(fault) => {
                self.observer.end_returns(self.world, &run.held);
                self.defer_callback(run, fault)
            }
            Effect::Queue => {
                if let Some(chunk) = run.chunk.take() {
                    self.observer.wrote(self.world, &chunk, true);
                    self.world.queue.push(chunk);
                    run.held.clear();
                }
                false
            }
            Effect::WriteGiven => {
                let Some(chunk) = run.chunk.take() else {
                    return false;
                };
                self.observer.wrote(self.world, &chunk, true);
                self.world.flight = std::mem::take(&mut run.held);
                self.write_call(Call::Write(chunk.id), run, then)
            }
            Effect::WriteHead => {
                let Some(chunk) = self.pop() else {
                    return false;
                };
                self.world.flight = chunk.callback.then_some(chunk.id).into_iter().collect();
                self.write_call(Call::Write(chunk.id), run, then)
            }
            Effect::WriteBatch(_) => {
                let chunks = std::mem::take(&mut self.world.queue);
                let with_callback = chunks.iter().filter(|chunk| chunk.callback);
                self.world.flight = with_callback.map(|chunk| chunk.id).collect();
                let ids = chunks.iter().map(|chunk| chunk.id).collect();
                self.write_call(Call::Batch(ids), run, then)
            }
            Effect::Construct => {
                self.world.owes.construct = true;
                self.call(Call::Construct, Vec::new(), run, then)
            }
            Effect::Finalize => {
                self.world.owes.finalize = true;
                self.call(Call::Final, Vec::new(), run, then)
            }
            Effect::Destroy { error, construct } => {
                self.world.owes.destroy = true;
                let call = Call::Destroy {
                    error: error.or(construct),
                    construct_failed: construct.is_some(),
                };
                self.call(call, Vec::new(), run, then)
            }
            Effect::Emit(event) => self.call(Call::Event(event), Vec::new(), run, then),
            Effect::Callback(result) => {
                let ids = std::mem::take(&mut run.held);
                self.call_each(ids, result, run, then)
            }
            Effect::RejectTaken(fault) => {
                let ids = std::mem::take(&mut self.world.flight);
                self.call_each(ids, Err(fault), run, then)
            }
            Effect::RejectHead(fault) => {
                let Some(chunk) = self.pop() else {
                    return false;
                };
                self.observer.dropped(chunk.id);
                let ids = chunk.callback.then_some(chunk.id).into_iter().collect();
                self.call_each(ids, Err(fault), run, then)
            }
            Effect::FailHead(fault) => {
                if let Some(chunk) = self.pop() {
                    self.observer.dropped(chunk.id);
                    let ids: Vec<_> = chunk.callback.then_some(chunk.id).into_iter().collect();
                    let callback = chunk.callback;
                    let task = Task::WriteFailed { fault, callback };
                    self.world.ticks.push(Tick::Task(task, ids));
                }
                false
            }
            Effect::KeepEnd => {
                self.observer.end_returns(self.world, &run.held);
                self.world.kept.append(&mut run.held);
                false
            }
            Effect::CallEnds(result) => {
                let ids = std::mem::take(&mut self.world.kept);
                self.call_each(ids, result, run, then)
            }
            Effect::Defer(task) => {
                let carries = matches!(task, Task::AfterWrite { .. } | Task::WriteFailed { .. });
                let ids = if carries {
                    std::mem::take(&mut run.held)
                } else {
                    Vec::new()
                };
                self.world.ticks.push(Tick::Task(task, ids));
                false
            }
        }
    }

    fn write_call(&mut self, call: Call, run: &mut Run, then: Option<Then>) -> bool {
        let began = self.call(call, Vec::new(), run, then);
        self.world.owes.write = true;
        began
    }

    fn pop(&mut self) -> Option<Chunk> {
        (!self.world.queue.is_empty()).then(|| self.world.queue.remove(0))
    }

    fn defer_callback(&mut self, run: &mut Run, fault: Fault) -> bool {
        let ticks = run.held.drain(..).map(|id| Tick::Callback(fault, id));
        self.world.ticks.extend(ticks);
        false
    }

    /// The quirk `WRITEV_LOSES`: the callbacks of what is lost go with those of
    /// the batch, if that has any.
    fn lose_queue(&mut self) {
        let lost: Vec<_> = self
            .world
            .queue
            .drain(..)
            .filter(|chunk| chunk.callback)
            .collect();
        let lost = lost.iter().map(|chunk| chunk.id);
        if !self.world.flight.is_empty() {
            return self.world.flight.extend(lost);
        }
        let holder = self
            .world
            .ticks
            .iter_mut()
            .rev()
            .find_map(|tick| match tick {
                Tick::Task(Task::AfterWrite { .. } | Task::WriteFailed { .. }, ids) => {
                    (!ids.is_empty()).then_some(ids)
                }
                _ => None,
            });
        if let Some(ids) = holder {
            ids.extend(lost);
        }
    }
}
