//! States as text, the same for the specification and for the code, so that
//! they can be compared, and read.

use std::fmt::Write as _;

use highwater::machine::{End, Event, Fault, Next, State, Task, Then};

use super::world::{
    Action, Call, Chunk, E_CONSTRUCT, E_DESTROY, E_FINAL, E_SINK, E_USER, Frame, Id, Last, Owes,
    Tick, World,
};

/// The name of a fault in the specification.
pub fn fault_name(fault: Fault) -> &'static str {
    match fault {
        E_USER => "E_USER",
        E_SINK => "E_SINK",
        E_CONSTRUCT => "E_CONSTRUCT",
        E_FINAL => "E_FINAL",
        E_DESTROY => "E_DESTROY",
        Fault::Caller(_) => "E_UNKNOWN",
        Fault::WriteAfterEnd => "WRITE_AFTER_END",
        Fault::Destroyed => "DESTROYED",
        Fault::AlreadyFinished => "ALREADY_FINISHED",
        Fault::MultipleCallback => "MULTIPLE_CALLBACK",
        Fault::TooLong => "TOO_LONG",
        Fault::NotImplemented => "NOT_IMPLEMENTED",
    }
}

/// The name of an action in the specification: lengths are not part of it.
pub fn action_name(action: Action) -> String {
    let debug = format!("{action:?}");
    debug.split('(').next().unwrap_or_default().to_owned()
}

/// One thing on the stack or among the ticks, as the specification has it.
#[derive(Default)]
pub struct Item {
    pub what: String,
    /// Empty if there is none.
    pub fault: String,
    pub flag: bool,
    pub ids: Vec<Id>,
}

impl Item {
    fn new(what: &str) -> Self {
        let what = what.to_owned();
        Self {
            what,
            ..Self::default()
        }
    }

    fn fault(mut self, fault: Option<Fault>) -> Self {
        self.fault = fault.map_or("", fault_name).to_owned();
        self
    }

    fn flag(mut self, flag: bool) -> Self {
        self.flag = flag;
        self
    }

    fn ids(mut self, ids: &[Id]) -> Self {
        self.ids = ids.to_vec();
        self
    }

    /// Such as `Fail(E_SINK)+` or `AfterWrite+#1,2`.
    pub fn text(&self) -> String {
        let mut text = self.what.clone();
        if !self.fault.is_empty() {
            let _ = write!(text, "({})", self.fault);
        }
        if self.flag {
            text.push('+');
        }
        if !self.ids.is_empty() {
            let ids: Vec<_> = self.ids.iter().map(Id::to_string).collect();
            let _ = write!(text, "#{}", ids.join(","));
        }
        text
    }
}

/// A whole state, as text. Parts that are empty are left out.
pub struct Parts {
    pub machine: String,
    pub queue: Vec<String>,
    pub flight: Vec<String>,
    pub kept: Vec<String>,
    pub ticks: Vec<String>,
    pub todo: Vec<String>,
    pub owes: Vec<String>,
}

impl Parts {
    pub fn text(&self) -> String {
        let mut text = self.machine.clone();
        let lists = [
            ("queue", &self.queue),
            ("flight", &self.flight),
            ("kept", &self.kept),
            ("ticks", &self.ticks),
            ("todo", &self.todo),
            ("owes", &self.owes),
        ];
        for (name, items) in lists.into_iter().filter(|(_, items)| !items.is_empty()) {
            let _ = write!(text, " | {name} {}", items.join(" "));
        }
        text
    }
}

/// The text of a state of the real machine and what is around it.
pub fn text(world: &World) -> String {
    let ids = |ids: &[Id]| ids.iter().map(Id::to_string).collect();
    Parts {
        machine: machine(&world.state),
        queue: world.queue.iter().map(chunk).collect(),
        flight: ids(&world.flight),
        kept: ids(&world.kept),
        ticks: world
            .ticks
            .iter()
            .map(|tick| self::tick(tick).text())
            .collect(),
        todo: todo(world).iter().map(Item::text).collect(),
        owes: owes(world.owes),
    }
    .text()
}

fn chunk(chunk: &Chunk) -> String {
    chunk_text(chunk.id, chunk.len, chunk.callback)
}

/// Such as `#1:2+`: number, length, whether it has a callback.
pub fn chunk_text(id: Id, len: u64, callback: bool) -> String {
    format!("#{id}:{len}{}", if callback { "+" } else { "" })
}

fn owes(owes: Owes) -> Vec<String> {
    let all = [
        (owes.construct, "construct"),
        (owes.destroy, "destroy"),
        (owes.finalize, "final"),
        (owes.write, "write"),
    ];
    let owing = all.into_iter().filter(|(owes, _)| *owes);
    owing.map(|(_, name)| name.to_owned()).collect()
}

/// The machine's state, all of it: most of its fields are private, but all of
/// them are in its `Debug`.
fn machine(state: &State) -> String {
    let debug = format!("{state:?}");
    let field = |name: &str| field(&debug, name);
    let teardown = field("teardown");
    let waiting = teardown.strip_prefix("Waiting(");
    MachineText {
        length: state.length().to_string(),
        in_flight: state.in_flight().to_string(),
        pending: state.pending().to_string(),
        corked: state.corked().to_string(),
        errored: state.errored().map_or("-", fault_name),
        opening: field("opening"),
        sink: field("sink"),
        ending: field("ending"),
        teardown: if waiting.is_some() {
            "Waiting"
        } else {
            teardown
        },
        reason: waiting.map_or("-", fault_in),
        flags: [
            ("errorTold", field("error_told") == "true"),
            (
                "flightCb",
                debug.contains(" sink: Writing { callback: true }"),
            ),
            ("queueCb", field("queue_callback") == "true"),
            ("sync", field("sync") == "true"),
            ("flushing", field("flushing") == "true"),
            ("needDrain", field("need_drain") == "true"),
            ("afterWriteWaits", field("after_write_waits") == "true"),
        ],
    }
    .text()
}

/// The fields of the machine, named as in the specification.
pub struct MachineText<'a> {
    pub length: String,
    pub in_flight: String,
    pub pending: String,
    pub corked: String,
    pub errored: &'a str,
    pub opening: &'a str,
    pub sink: &'a str,
    pub ending: &'a str,
    pub teardown: &'a str,
    pub reason: &'a str,
    pub flags: [(&'static str, bool); 7],
}

impl MachineText<'_> {
    /// What is as it was at the start is left out.
    pub fn text(&self) -> String {
        let fields = [
            ("length", self.length.as_str(), "0"),
            ("inFlight", &self.in_flight, "0"),
            ("pending", &self.pending, "0"),
            ("corked", &self.corked, "0"),
            ("errored", self.errored, "-"),
            ("opening", self.opening, "Done"),
            ("sink", self.sink, "Idle"),
            ("ending", self.ending, "Open"),
            ("teardown", self.teardown, "None"),
            ("reason", self.reason, "-"),
        ];
        let changed = fields.iter().filter(|(_, value, start)| value != start);
        let changed = changed.map(|(name, value, _)| format!("{name} {value}"));
        let on = self.flags.iter().filter(|(_, on)| *on);
        let on = on.map(|(name, _)| (*name).to_owned());
        let all: Vec<_> = changed.chain(on).collect();
        if all.is_empty() {
            "fresh".to_owned()
        } else {
            all.join(" ")
        }
    }
}

fn field<'a>(debug: &'a str, name: &str) -> &'a str {
    let value = debug
        .split_once(&format!(" {name}: "))
        .map_or("", |(_, value)| value);
    value.split([',', ' ']).next().unwrap_or_default()
}

/// The fault in something like `Some(Caller(ErrorId(1))))`.
fn fault_in(debug: &str) -> &'static str {
    let known = [
        E_USER,
        E_SINK,
        E_CONSTRUCT,
        E_FINAL,
        E_DESTROY,
        Fault::WriteAfterEnd,
    ];
    let more = [
        Fault::Destroyed,
        Fault::AlreadyFinished,
        Fault::MultipleCallback,
        Fault::TooLong,
    ];
    let mut all = known.into_iter().chain(more);
    let found = all.find(|fault| debug.contains(&format!("{fault:?}")));
    found.map_or("-", fault_name)
}

fn tick(tick: &Tick) -> Item {
    let (task, ids) = match tick {
        Tick::Task(task, ids) => (*task, ids),
        Tick::Callback(fault, id) => return Item::new("Callback").fault(Some(*fault)).ids(&[*id]),
    };
    match task {
        Task::Construct => Item::new("Construct"),
        Task::Constructed(result) => Item::new("Constructed").fault(result.err()),
        Task::AfterWrite { callback, .. } => Item::new("AfterWrite").flag(callback),
        Task::WriteFailed { fault, callback } => {
            Item::new("WriteFailed").fault(Some(fault)).flag(callback)
        }
        Task::Reject => Item::new("Reject"),
        Task::Finish { unchecked } => Item::new("Finish").flag(unchecked),
        Task::Error(fault) => Item::new("Error").fault(Some(fault)),
        Task::Close(error) => Item::new("Close").fault(error),
    }
    .ids(ids)
}

/// The stack, top first.
fn todo(world: &World) -> Vec<Item> {
    world.stack.iter().rev().flat_map(frame).collect()
}

fn frame(frame: &Frame) -> Vec<Item> {
    let mut items = vec![call(&frame.call)];
    if let (Call::Callback(_, result), false) = (&frame.call, frame.more.is_empty()) {
        items.push(Item::new("Each").fault(result.err()).ids(&frame.more));
    }
    if let Some(then) = frame.then {
        self::then(then, &frame.held, &mut items);
    }
    match frame.last {
        Last::Nothing => {}
        Last::WriteReturns(id, refused) => {
            items.push(Item::new("WriteReturns").fault(refused).ids(&[id]))
        }
        Last::End(refused) => items.push(Item::new("End").fault(refused)),
    }
    items
}

fn call(call: &Call) -> Item {
    match call {
        Call::Write(id) => Item::new("write").ids(&[*id]),
        Call::Batch(ids) => Item::new("batch").ids(ids),
        Call::Construct => Item::new("construct"),
        Call::Final => Item::new("final"),
        Call::Destroy {
            error,
            construct_failed,
        } => Item::new("destroy").fault(*error).flag(*construct_failed),
        Call::Callback(id, result) => Item::new("callback").fault(result.err()).ids(&[*id]),
        Call::Event(Event::Open) => Item::new("open"),
        Call::Event(Event::Drain) => Item::new("drain"),
        Call::Event(Event::Prefinish) => Item::new("prefinish"),
        Call::Event(Event::Finish) => Item::new("finish"),
        Call::Event(Event::Error(fault)) => Item::new("error").fault(Some(*fault)),
        Call::Event(Event::Close) => Item::new("close"),
    }
}

/// A continuation, one after the other what it will do.
fn then(then: Then, held: &[Id], items: &mut Vec<Item>) {
    let (item, rest) = match then {
        Then::Answer => (Item::new("Answer"), Next::Nothing),
        Then::Flush(next) => (Item::new("Flush"), next),
        Then::Flushing(next) => (Item::new("Flushing"), next),
        Then::Batched(next) => (Item::new("Batched"), next),
        Then::Callbacks { left: 0, .. } => (Item::new("CallbacksDone"), Next::Nothing),
        Then::Callbacks { callback, .. } => (
            Item::new("Callbacks").flag(callback).ids(held),
            Next::Nothing,
        ),
        Then::Reject(next) => (Item::new("Reject"), next),
        Then::Next(next) => return self::next(next, held, items),
        Then::Finalizing(next) => (Item::new("Finalizing"), next),
        Then::Prefinished { now, next } => (Item::new("Prefinished").flag(now), next),
        Then::DeferFinish => (Item::new("DeferFinish"), Next::Nothing),
        Then::FailFinal(fault) => (Item::new("FailFinal").fault(Some(fault)), Next::Nothing),
        Then::Fail { fault, sync } => (
            Item::new("Fail").fault(Some(fault)).flag(sync),
            Next::Nothing,
        ),
        Then::TellError { fault, sync } => (
            Item::new("TellError").fault(Some(fault)).flag(sync),
            Next::Nothing,
        ),
        Then::CallDestroy => (Item::new("CallDestroy"), Next::Nothing),
        Then::TellFinish => (Item::new("TellFinish"), Next::Nothing),
        Then::AutoDestroy => (Item::new("AutoDestroy"), Next::Nothing),
        Then::TellClose => (Item::new("TellClose"), Next::Nothing),
    };
    items.push(item);
    self::next(rest, held, items);
}

fn next(next: Next, held: &[Id], items: &mut Vec<Item>) {
    let accept = |end: End| {
        Item::new("AcceptEnd")
            .fault(end.refused)
            .flag(end.callback)
            .ids(held)
    };
    match next {
        Next::Nothing => {}
        Next::Look => items.push(Item::new("Look")),
        Next::LookNow => items.push(Item::new("Look").flag(true)),
        Next::LookThenEnd(end) => items.extend([Item::new("Look"), accept(end)]),
        Next::End(end) => items.push(accept(end)),
        Next::EndCallback(fault) => {
            items.push(Item::new("EndCallback").fault(fault).flag(true).ids(held));
        }
        Next::AfterWrite { callback } => {
            items.push(Item::new("AfterWrite").flag(callback).ids(held));
        }
        Next::AtOnce { callback } => items.push(Item::new("SettleLate").flag(callback).ids(held)),
        Next::Fail(fault) => items.push(Item::new("Fail").fault(Some(fault))),
    }
}
