//! A driver over the machine with all leases except that to cork, or with none, as a runtime
//! would have it.

use std::collections::VecDeque;
use std::mem;

use highwater::machine::{
    Effect, End, ErrorId, Event, Fault, Flow, Input, Lease, Leased, Measure, Options, State, Step,
    Task, Then, step,
};

mod answers;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    Write {
        len: u64,
        callback: bool,
    },
    Cork,
    Uncork,
    End,
    Destroy,
    Answer {
        ok: bool,
    },
    Progress(u64),
    /// From now on the sink answers within its call, or not.
    AtOnce(bool),
    /// What is deferred runs.
    Ticks,
}

/// A callback: its number, and which function it is.
type Callback = (u32, u32);

/// The callbacks of one write or one batch: the machine counts them as one.
type Group = Vec<Callback>;

#[derive(Clone, Debug)]
struct Chunk {
    number: u32,
    len: u64,
    callback: Option<Callback>,
}

fn measure(chunk: &Chunk) -> Measure {
    let callback = chunk.callback.is_some();
    let len = chunk.len;
    Measure { len, callback }
}

/// What there is to see of a stream.
#[derive(Debug, PartialEq)]
pub(crate) enum Seen {
    Wrote(u32, Flow),
    Refused(u32, Fault),
    Sent(Vec<u32>),
    Unsent(u32),
    Called(u32, Result<(), Fault>),
    Event(Event),
    State(State),
}

/// What a driver takes beyond its leases: a deliberate fault.
#[derive(Clone, Copy, Default)]
pub(crate) struct Excess {
    pub(crate) queued: u64,
    pub(crate) written: u64,
    pub(crate) callbacks: u32,
    pub(crate) flushed: u64,
}

/// What is being done on a lease.
enum Using {
    Nothing,
    Queue(Lease, Leased),
    Write(Lease, u32, bool),
    Call(Lease, u32),
    /// The answers so far, their length, and the chunk that the last of them has brought.
    Flush(Lease, u32, u64, Option<Measure>),
}

pub(crate) struct Stream {
    options: Options,
    state: State,
    queue: VecDeque<Chunk>,
    flight: Group,
    ticks: VecDeque<(Task, VecDeque<Group>)>,
    may_join: bool,
    at_once: bool,
    unanswered: bool,
    pub(crate) seen: Vec<Seen>,
    count: u32,
    /// What each callback does, in turn.
    inside: VecDeque<Vec<Call>>,
    leases: Option<Excess>,
    using: Using,
    /// How often something was done on each lease.
    pub(crate) on_lease: [u32; 4],
}

/// What an input brings along.
#[derive(Default)]
struct Held {
    chunk: Option<Chunk>,
    callbacks: VecDeque<Group>,
}

impl Stream {
    pub(crate) fn new(options: Options, inside: &[Vec<Call>], leases: Option<Excess>) -> Self {
        Self {
            options,
            state: State::new(&options),
            queue: VecDeque::new(),
            flight: Vec::new(),
            ticks: VecDeque::new(),
            may_join: false,
            at_once: true,
            unanswered: false,
            seen: Vec::new(),
            count: 0,
            inside: inside.iter().cloned().collect(),
            leases,
            using: Using::Nothing,
            on_lease: [0; 4],
        }
    }

    pub(crate) fn call(&mut self, call: Call) {
        match call {
            Call::Write { len, callback } => return self.write(len, callback),
            Call::Answer { ok } => {
                if mem::take(&mut self.unanswered) {
                    self.answer(ok);
                }
                return;
            }
            _ => self.settle(),
        }
        match call {
            Call::Write { .. } | Call::Answer { .. } => {}
            Call::Cork => self.put(Input::Cork),
            Call::Uncork => self.put(Input::Uncork),
            Call::End => self.put(Input::End(End::default())),
            Call::Destroy => self.put(Input::Destroy(None)),
            Call::Progress(done) => self.put(Input::Progress(done)),
            Call::AtOnce(at_once) => self.at_once = at_once,
            Call::Ticks => self.run_ticks(),
        }
        self.settle();
        self.seen.push(Seen::State(self.state));
    }

    fn write(&mut self, len: u64, callback: bool) {
        self.count += 1;
        let number = self.count;
        let chunk = Chunk {
            number,
            len,
            callback: callback.then_some((number, number % 2)),
        };
        if self.writes_on_lease(&chunk) {
            return;
        }
        self.settle();
        let measure = Measure { len, callback };
        if let Some(fault) = self.state.refusal(&self.options, measure) {
            self.seen.push(Seen::Refused(number, fault));
        }
        let refused = self.seen.len();
        let callbacks = chunk.callback.map(|callback| vec![callback]);
        let callbacks = callbacks.into_iter().collect();
        let chunk = Some(chunk);
        self.drive(Input::Write(measure), Held { chunk, callbacks });
        let answer = Seen::Wrote(number, self.state.answer(&self.options));
        self.seen.insert(refused, answer);
    }

    /// Whether this write is done on a lease.
    fn writes_on_lease(&mut self, chunk: &Chunk) -> bool {
        let Some(excess) = self.leases else {
            return false;
        };
        if let Using::Nothing | Using::Call(..) | Using::Flush(..) = self.using {
            self.settle();
            let (queue, write) = (
                self.state.lease_to_queue(&self.options),
                self.state.lease_to_write(&self.options),
            );
            self.using = if queue.count > 0 {
                let (chunks, len, callback) = (0, 0, false);
                let done = Leased::Queued {
                    chunks,
                    len,
                    callback,
                };
                Using::Queue(queue, done)
            } else if self.at_once && write.count > 0 {
                Using::Write(write, 0, false)
            } else {
                Using::Nothing
            };
        }
        match &mut self.using {
            Using::Queue(
                lease,
                Leased::Queued {
                    chunks,
                    len,
                    callback,
                },
            ) => {
                let sum = len.saturating_add(self.options.measure(chunk.len));
                if *chunks == lease.count || sum > lease.len.saturating_add(excess.queued) {
                    return false;
                }
                (*chunks, *len) = (*chunks + 1, sum);
                *callback |= chunk.callback.is_some();
                self.on_lease[0] += 1;
                self.seen.push(Seen::Wrote(chunk.number, lease.answer));
                self.queue.push_back(chunk.clone());
                true
            }
            Using::Write(lease, callbacks, _) => {
                let most = lease.len.saturating_add(excess.written);
                if chunk.len > most || *callbacks == lease.count {
                    return false;
                }
                *callbacks += u32::from(chunk.callback.is_some());
                let answer = lease.answer;
                self.on_lease[1] += 1;
                self.seen.push(Seen::Wrote(chunk.number, answer));
                self.seen.push(Seen::Sent(vec![chunk.number]));
                let defers = match chunk.callback {
                    Some(callback) => !self.defer_after_write(vec![callback]),
                    None => false,
                };
                if let Using::Write(_, _, deferred) = &mut self.using {
                    *deferred |= defers;
                }
                true
            }
            _ => false,
        }
    }

    /// Before anything else: what was done on a lease counts now.
    fn settle(&mut self) {
        let extra = self.leases.unwrap_or_default().callbacks;
        let leased = match mem::replace(&mut self.using, Using::Nothing) {
            Using::Nothing => return,
            Using::Queue(_, leased) => leased,
            Using::Write(_, callbacks, deferred) => Leased::Written {
                callbacks: callbacks + extra,
                deferred,
            },
            Using::Call(_, callbacks) => Leased::Called {
                callbacks: callbacks + extra,
            },
            Using::Flush(_, answers, len, head) => {
                let flushed = Input::Settle(Leased::Flushed { answers, len });
                let _ = self.step(head, flushed);
                return;
            }
        };
        self.put(Input::Settle(leased));
    }

    /// Whether it was joined to one that waits: those of the same function are.
    fn defer_after_write(&mut self, group: Group) -> bool {
        let waiting = self.ticks.iter_mut().rev();
        let mut waiting = waiting.filter_map(|(task, callbacks)| match task {
            Task::AfterWrite {
                count,
                callback: true,
            } => Some((count, callbacks)),
            _ => None,
        });
        if let (true, Some((count, callbacks))) = (self.may_join, waiting.next()) {
            let last = callbacks.back().map(Vec::as_slice);
            if let (Some([last]), [new]) = (last, group.as_slice()) {
                if last.1 == new.1 {
                    *count += 1;
                    callbacks.push_back(group);
                    return true;
                }
            }
        }
        self.may_join = true;
        let task = Task::AfterWrite {
            count: 1,
            callback: true,
        };
        self.ticks.push_back((task, [group].into()));
        false
    }

    fn run_ticks(&mut self) {
        while let Some((task, callbacks)) = self.ticks.pop_front() {
            let chunk = None;
            let calls = matches!(task, Task::AfterWrite { callback: true, .. });
            self.may_join &= !calls;
            if calls && self.leases.is_some() {
                self.call_on_lease(task, callbacks);
            } else {
                self.settle();
                self.drive(Input::Run(task), Held { chunk, callbacks });
            }
        }
        self.settle();
    }

    /// The callbacks of one tick, on the lease if there is one.
    fn call_on_lease(&mut self, task: Task, mut callbacks: VecDeque<Group>) {
        if !matches!(self.using, Using::Call(..)) {
            self.settle();
            self.using = Using::Call(self.state.lease_to_call(&self.options), 0);
        }
        let chunk = None;
        match self.using {
            Using::Call(lease, called) if lease.count - called >= callbacks.len() as u32 => {}
            _ => {
                self.settle();
                return self.drive(Input::Run(task), Held { chunk, callbacks });
            }
        }
        while let Some(group) = callbacks.pop_front() {
            if let Using::Call(_, called) = &mut self.using {
                *called += 1;
                self.on_lease[2] += 1;
            }
            self.call_back(group, Ok(()));
            if !matches!(self.using, Using::Call(..)) {
                // The callback did something: the rest of its task is resumed.
                self.settle();
                let then = Then::Callbacks {
                    left: callbacks.len() as u32,
                    callback: true,
                };
                return self.drive(Input::Resume(then), Held { chunk, callbacks });
            }
        }
    }

    fn call_back(&mut self, group: Group, result: Result<(), Fault>) {
        for (number, _) in group {
            self.seen.push(Seen::Called(number, result));
            for call in self.inside.pop_front().unwrap_or_default() {
                self.call(call);
            }
        }
    }

    fn step(&mut self, head: Option<Measure>, input: Input) -> Step {
        step(&mut self.state, &self.options, head, input)
    }

    fn answer(&mut self, ok: bool) {
        if ok && self.answers_on_lease() {
            return;
        }
        self.settle();
        let result = if ok {
            Ok(())
        } else {
            Err(Fault::Caller(ErrorId(1)))
        };
        let takes = self.state.takes_answer(&self.options, false);
        let callbacks = if takes {
            VecDeque::from([mem::take(&mut self.flight)])
        } else {
            VecDeque::new()
        };
        let again = false;
        let chunk = None;
        let written = Input::Written { result, again };
        self.drive(written, Held { chunk, callbacks });
    }

    pub(crate) fn put(&mut self, input: Input) {
        self.drive(input, Held::default());
    }

    fn drive(&mut self, mut input: Input, mut held: Held) {
        loop {
            let head = self.queue.front().map(measure);
            let counted = self.state.counts_after_write();
            let step = self.step(head, input);
            if let Some(effect) = step.effect {
                self.perform(effect, &mut held, counted);
            }
            match step.then {
                Some(then) => input = Input::Resume(then),
                None => return,
            }
        }
    }

    fn perform(&mut self, effect: Effect, held: &mut Held, counted: bool) {
        match effect {
            Effect::Queue => self.queue.extend(held.chunk.take()),
            Effect::WriteGiven => {
                let chunk = held.chunk.take();
                self.send(chunk.into_iter().collect());
            }
            Effect::WriteHead => {
                let head = self.queue.pop_front();
                self.send(head.into_iter().collect());
            }
            Effect::WriteBatch(_) => {
                let all = mem::take(&mut self.queue);
                self.send(all.into());
            }
            Effect::Emit(event) => self.seen.push(Seen::Event(event)),
            Effect::Callback(result) => {
                let group = held.callbacks.pop_front().unwrap_or_default();
                self.call_back(group, result);
            }
            Effect::RejectTaken(fault) => {
                let group = mem::take(&mut self.flight);
                self.call_back(group, Err(fault));
            }
            Effect::RejectHead(fault) => {
                if let Some(chunk) = self.queue.pop_front() {
                    self.seen.push(Seen::Unsent(chunk.number));
                    self.call_back(chunk.callback.into_iter().collect(), Err(fault));
                }
            }
            Effect::Defer(Task::AfterWrite { callback: true, .. }) => {
                let group = held.callbacks.pop_front().unwrap_or_default();
                if self.defer_after_write(group) && !counted {
                    self.put(Input::Joined);
                }
            }
            Effect::Defer(task) => {
                self.ticks.push_back((task, mem::take(&mut held.callbacks)));
            }
            Effect::Destroy { error, .. } => self.put(Input::Destroyed(error)),
            Effect::Finalize => self.put(Input::Finalized(Ok(()))),
            Effect::Refuse(_)
            | Effect::Construct
            | Effect::FailHead(_)
            | Effect::KeepEnd
            | Effect::DeferEnd(_)
            | Effect::CallEnds(_) => {}
        }
    }

    fn send(&mut self, chunks: Vec<Chunk>) {
        let numbers = chunks.iter().map(|chunk| chunk.number).collect();
        self.seen.push(Seen::Sent(numbers));
        self.flight = chunks.iter().filter_map(|chunk| chunk.callback).collect();
        if self.at_once {
            self.answer(true);
        } else {
            self.unanswered = true;
        }
    }
}
