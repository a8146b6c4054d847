//! A stream as the scenario wants it: sink, hooks and listeners that write down
//! what happens and act as the scenario says.

use std::collections::VecDeque;
use std::rc::Rc;

use highwater::machine::{ErrorId, Event, Fault};
use highwater::{Driver, Host};

use super::history::{Callee, Moment, Record, What};
use super::player::{act, answer_construct, answer_destroy, answer_final, answer_write};
use super::scenario::{Mode, POINTS, Plan};
use super::streams::Streams;

/// What is called back: the producer's callbacks, and the answers that the
/// scenario gives in a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Callback {
    Of(Callee),
    AnswerWrite { call: usize, ok: bool },
    AnswerFinal { ok: bool },
    AnswerConstruct { ok: bool },
    AnswerDestroy { ok: bool },
    PassDestroy(Option<Fault>),
}

pub(crate) type Answer = Result<(), Fault>;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk {
    pub(crate) len: u64,
    pub(crate) number: u32,
}

/// A hook that was called, and whether it has answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hook {
    #[default]
    NotCalled,
    Unanswered,
    Answered,
}

#[derive(Debug)]
pub(crate) struct Stage<'a> {
    pub(crate) plan: &'a Plan,
    /// Which of the streams it is.
    pub(crate) index: usize,
    pub(crate) streams: Rc<Streams<'a>>,
    hits: [usize; POINTS.len()],
    /// How many sink calls there were, and which are unanswered.
    calls: usize,
    pub(crate) unanswered: VecDeque<usize>,
    pub(crate) answered: Vec<bool>,
    pub(crate) answered_last: Option<usize>,
    pub(crate) finalize: Hook,
    pub(crate) construct: Hook,
    pub(crate) destroy: Hook,
    /// Numbers of `write` and `end` calls, and of errors; aggregates by their number.
    operations: u32,
    errors: u32,
    aggregates: Vec<(u32, Fault, Fault)>,
}

pub(crate) type Stream<'a> = Driver<Stage<'a>>;

/// Numbers of errors from here on are aggregates.
const AGGREGATES: u32 = 1 << 31;

/// Writes down what happened, with the public properties of the stream.
pub(crate) fn log(stream: &mut Stream<'_>, what: What) {
    let s = *stream.state();
    let now = Moment {
        writable: s.is_writable(),
        ended: s.is_ended(),
        finished: s.is_finished(),
        needs_drain: s.needs_drain(),
        destroyed: s.is_destroyed(),
        closed: s.is_closed(),
        aborted: s.is_aborted(),
        length: s.length(),
        corked: s.corked(),
        errored: s.errored().map(|fault| stream.host().code(fault)),
    };
    let stage = stream.host();
    stage.streams.record(stage.index, Record { what, now });
}

/// Performs the actions that are hooked to this hit of the point.
fn hit(stream: &mut Stream<'_>, point: &str) {
    let Some(index) = POINTS.iter().position(|known| *known == point) else {
        return;
    };
    let stage = stream.host_mut();
    let plan = stage.plan;
    let hit = stage.hits[index];
    stage.hits[index] += 1;
    if let Some(actions) = plan.on[index].get(hit) {
        act(stream, actions);
    }
}

impl<'a> Stage<'a> {
    pub(crate) fn new(plan: &'a Plan, index: usize, streams: &Rc<Streams<'a>>) -> Self {
        Self {
            plan,
            index,
            streams: Rc::clone(streams),
            hits: [0; POINTS.len()],
            calls: 0,
            unanswered: VecDeque::new(),
            answered: Vec::new(),
            answered_last: None,
            finalize: Hook::NotCalled,
            construct: Hook::NotCalled,
            destroy: Hook::NotCalled,
            operations: 0,
            errors: 0,
            aggregates: Vec::new(),
        }
    }

    pub(crate) fn next_operation(&mut self) -> u32 {
        self.operations += 1;
        self.operations
    }

    pub(crate) fn new_error(&mut self) -> Fault {
        self.errors += 1;
        Fault::Caller(ErrorId(self.errors))
    }

    pub(crate) fn result(&mut self, ok: bool) -> Answer {
        if ok { Ok(()) } else { Err(self.new_error()) }
    }

    fn aggregate(&mut self, first: Fault, second: Fault) -> Fault {
        let id = AGGREGATES + self.aggregates.len() as u32;
        self.aggregates.push((id, first, second));
        Fault::Caller(ErrorId(id))
    }

    fn code(&self, fault: Fault) -> String {
        match (fault, fault.code()) {
            (_, Some(code)) => code.into(),
            (Fault::Caller(ErrorId(id)), _) if id < AGGREGATES => format!("E{id}"),
            (Fault::Caller(ErrorId(id)), _) => {
                match self.aggregates.iter().find(|known| known.0 == id) {
                    Some(&(_, a, b)) => format!("agg({},{})", self.code(a), self.code(b)),
                    None => "?".into(),
                }
            }
            (_, None) => "?".into(),
        }
    }

    fn sink_mode(&mut self) -> (usize, Mode) {
        let call = self.calls;
        self.calls += 1;
        self.unanswered.push_back(call);
        self.answered.push(false);
        let last = self.plan.sink.len() - 1;
        (call, self.plan.sink[call.min(last)])
    }
}

/// A sink call: what is hooked to it first, then its own answer.
fn sink_call(stream: &mut Stream<'_>, batch: bool, chunks: &[Chunk]) {
    let (call, mode) = stream.host_mut().sink_mode();
    let chunks = chunks
        .iter()
        .map(|chunk| (chunk.number, chunk.len))
        .collect();
    log(stream, What::Sink { batch, chunks });
    hit(stream, "w");
    match mode {
        Mode::Now { ok } => {
            let result = stream.host_mut().result(ok);
            answer_write(stream, call, result);
        }
        Mode::Tick { ok } => {
            stream.defer(Callback::AnswerWrite { call, ok }, Ok(()));
        }
        _ => {}
    }
}

impl<'a> Host for Stage<'a> {
    type Chunk = Chunk;
    type Callback = Callback;

    fn write(stream: &mut Stream<'a>, chunk: Chunk) {
        sink_call(stream, false, &[chunk]);
    }

    fn write_batch(stream: &mut Stream<'a>, chunks: Vec<Chunk>) {
        sink_call(stream, true, &chunks);
    }

    fn construct(stream: &mut Stream<'a>) {
        stream.host_mut().construct = Hook::Unanswered;
        log(stream, What::Construct);
        hit(stream, "con");
        match stream.host_mut().plan.construct {
            Mode::Now { ok } => {
                let result = stream.host_mut().result(ok);
                answer_construct(stream, result);
            }
            Mode::Throw => {
                let result = stream.host_mut().result(false);
                answer_construct(stream, result);
            }
            Mode::Tick { ok } => {
                stream.defer(Callback::AnswerConstruct { ok }, Ok(()));
            }
            _ => {}
        }
    }

    fn finalize(stream: &mut Stream<'a>) {
        stream.host_mut().finalize = Hook::Unanswered;
        log(stream, What::Final);
        hit(stream, "fin");
        match stream.host_mut().plan.finalize {
            Mode::Now { ok } => {
                let result = stream.host_mut().result(ok);
                answer_final(stream, result);
            }
            Mode::Throw => {
                let result = stream.host_mut().result(false);
                answer_final(stream, result);
            }
            Mode::Tick { ok } => {
                stream.defer(Callback::AnswerFinal { ok }, Ok(()));
            }
            _ => {}
        }
    }

    fn destroy(stream: &mut Stream<'a>, error: Option<Fault>, construct: Option<Fault>) {
        let stage = stream.host_mut();
        let given = match (error, construct) {
            (Some(error), Some(construct)) => Some(stage.aggregate(error, construct)),
            (error, construct) => error.or(construct),
        };
        let mode = stage.plan.destroy;
        if mode == Mode::Absent {
            stream.destroyed(given);
            return;
        }
        stage.destroy = Hook::Unanswered;
        let code = given.map(|fault| stage.code(fault));
        log(stream, What::DestroyHook(code));
        hit(stream, "des");
        match mode {
            Mode::Now { ok } => {
                let error = stream.host_mut().result(ok).err();
                answer_destroy(stream, error);
            }
            Mode::Throw => {
                let error = stream.host_mut().new_error();
                answer_destroy(stream, Some(error));
            }
            Mode::Tick { ok } => {
                stream.defer(Callback::AnswerDestroy { ok }, Ok(()));
            }
            Mode::Pass { tick: false } => answer_destroy(stream, given),
            Mode::Pass { tick: true } => stream.defer(Callback::PassDestroy(given), Ok(())),
            _ => {}
        }
    }

    fn event(stream: &mut Stream<'a>, event: Event) {
        match event {
            // Node leaves 'open' to the streams built on it.
            Event::Open => {}
            Event::Drain => tell(stream, "drain"),
            Event::Prefinish => tell(stream, "prefinish"),
            Event::Finish => tell(stream, "finish"),
            Event::Close => tell(stream, "close"),
            Event::Error(fault) => {
                let code = stream.host_mut().code(fault);
                log(stream, What::Error(code));
                hit(stream, "error");
            }
        }
    }

    fn callback(stream: &mut Stream<'a>, callback: Callback, result: Answer) {
        let callee = match callback {
            Callback::Of(callee) => callee,
            Callback::AnswerWrite { call, ok } => {
                let result = stream.host_mut().result(ok);
                answer_write(stream, call, result);
                return log(stream, What::Answered("tick-done"));
            }
            Callback::AnswerFinal { ok } => {
                let result = stream.host_mut().result(ok);
                answer_final(stream, result);
                return log(stream, What::Answered("tick-final"));
            }
            Callback::AnswerConstruct { ok } => {
                let result = stream.host_mut().result(ok);
                answer_construct(stream, result);
                return log(stream, What::Answered("tick-construct"));
            }
            Callback::AnswerDestroy { ok } => {
                let error = stream.host_mut().result(ok).err();
                answer_destroy(stream, error);
                return log(stream, What::Answered("tick-destroy"));
            }
            Callback::PassDestroy(error) => {
                answer_destroy(stream, error);
                return log(stream, What::Answered("tick-destroy"));
            }
        };
        let told = result.map_err(|fault| stream.host().code(fault));
        log(stream, What::Callback(callee, told));
        match callee {
            Callee::End(_) => hit(stream, "ecb"),
            Callee::Write(_) | Callee::Shared(_) => hit(stream, "cb"),
        }
    }

    fn unsent(stream: &mut Stream<'a>, chunk: Chunk) {
        log(stream, What::Unsent(chunk.number));
    }

    fn deferred(&mut self) {
        self.streams.deferred(self.index);
    }

    fn same_callback(waiting: &Callback, new: &Callback) -> bool {
        waiting == new
    }
}

fn tell(stream: &mut Stream<'_>, event: &'static str) {
    log(stream, What::Event(event));
    hit(stream, event);
}
