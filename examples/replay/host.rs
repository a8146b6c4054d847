//! A stream as the scenario wants it: sink, hooks and listeners that write
//! down what happens and act as they were told.

use std::collections::VecDeque;

use highwater::machine::{ErrorId, Event, Fault};
use highwater::{Driver, Flow, Host};

use super::history::{Callee, Moment, Record, What};
use super::scenario::{Action, Function, Mode, POINTS, Scenario};

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
    len: u64,
    number: u32,
}

/// A hook that was called, and whether it has answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hook {
    #[default]
    NotCalled,
    Unanswered,
    Answered,
}

#[derive(Debug)]
pub(crate) struct Stage<'a> {
    scenario: &'a Scenario,
    history: Vec<Record>,
    hits: [usize; POINTS.len()],
    /// How many sink calls there were, and which are unanswered.
    calls: usize,
    unanswered: VecDeque<usize>,
    answered: Vec<bool>,
    answered_last: Option<usize>,
    finalize: Hook,
    construct: Hook,
    destroy: Hook,
    /// Numbers of `write` and `end` calls, and of errors; aggregates by their number.
    operations: u32,
    errors: u32,
    aggregates: Vec<(u32, Fault, Fault)>,
}

type Stream<'a> = Driver<Stage<'a>>;

const AGGREGATES: u32 = 1 << 31;

/// Plays a scenario and returns what happened.
pub(crate) fn play(scenario: &Scenario) -> Vec<Record> {
    let mut stream = Driver::new(
        scenario.options,
        Stage {
            scenario,
            history: Vec::new(),
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
        },
    );
    for turn in &scenario.turns {
        play_turn(&mut stream, turn);
    }
    for _ in 0..40 {
        match still_unanswered(&mut stream) {
            Some(action) => play_turn(&mut stream, &[action]),
            None => break,
        }
    }
    stream.into_host().history
}

fn play_turn(stream: &mut Stream<'_>, turn: &[Action]) {
    act(stream, turn);
    stream.run_ticks();
    log(stream, What::TurnOver);
}

fn still_unanswered(stream: &mut Stream<'_>) -> Option<Action> {
    let stage = stream.host_mut();
    if stage.construct == Hook::Unanswered {
        Some(Action::Construct { ok: true })
    } else if !stage.unanswered.is_empty() {
        Some(Action::Answer { ok: true })
    } else if stage.finalize == Hook::Unanswered {
        Some(Action::Final { ok: true })
    } else if stage.destroy == Hook::Unanswered {
        Some(Action::DestroyHook { ok: true })
    } else {
        None
    }
}

fn act(stream: &mut Stream<'_>, actions: &[Action]) {
    for action in actions {
        match *action {
            Action::Write {
                times,
                len,
                callback,
            } => (0..times).for_each(|_| write(stream, len, callback)),
            Action::End { chunk, callback } => end(stream, chunk, callback),
            Action::Cork => {
                log(stream, What::Cork);
                stream.cork();
                log(stream, What::Returned("cork"));
            }
            Action::Uncork => {
                log(stream, What::Uncork);
                stream.uncork();
                log(stream, What::Returned("uncork"));
            }
            Action::Destroy { error } => {
                let error = error.then(|| stream.host_mut().new_error());
                log(stream, What::Destroy);
                stream.destroy(error);
                log(stream, What::Returned("destroy"));
            }
            Action::Answer { ok } => {
                if let Some(&call) = stream.host_mut().unanswered.front() {
                    let result = stream.host_mut().result(ok);
                    answer_write(stream, call, result);
                    log(stream, What::Answered("done"));
                }
            }
            Action::Again { ok } => {
                if let Some(call) = stream.host_mut().answered_last {
                    let result = stream.host_mut().result(ok);
                    answer_write(stream, call, result);
                    log(stream, What::Answered("again"));
                }
            }
            Action::Final { ok } => {
                if stream.host_mut().finalize != Hook::NotCalled {
                    let result = stream.host_mut().result(ok);
                    answer_final(stream, result);
                    log(stream, What::Answered("final-done"));
                }
            }
            Action::Construct { ok } => {
                if stream.host_mut().construct != Hook::NotCalled {
                    let result = stream.host_mut().result(ok);
                    answer_construct(stream, result);
                    log(stream, What::Answered("construct-done"));
                }
            }
            Action::DestroyHook { ok } => {
                if stream.host_mut().destroy != Hook::NotCalled {
                    let result = stream.host_mut().result(ok);
                    answer_destroy(stream, result.err());
                    log(stream, What::Answered("destroy-done"));
                }
            }
        }
    }
}

fn write(stream: &mut Stream<'_>, len: u64, callback: Option<Function>) {
    let number = stream.host_mut().next_operation();
    let callback = callback.map(|function| match function {
        Function::Own => Callee::Write(number),
        Function::Shared(name) => Callee::Shared(name),
    });
    log(
        stream,
        What::Write {
            number,
            len,
            callback,
        },
    );
    let chunk = Chunk { len, number };
    let written = stream.write(chunk, len, callback.map(Callback::Of));
    let refused = written.is_err();
    let room = matches!(written, Ok(Flow::More));
    log(
        stream,
        What::Wrote {
            number,
            room,
            refused,
        },
    );
}

fn end(stream: &mut Stream<'_>, len: Option<u64>, callback: bool) {
    let number = stream.host_mut().next_operation();
    let begins = What::End {
        number,
        chunk: len,
        callback,
    };
    log(stream, begins);
    let chunk = len.map(|len| (Chunk { len, number }, len));
    let callback = callback.then_some(Callback::Of(Callee::End(number)));
    let refused = stream.end(chunk, callback).is_err();
    log(stream, What::Ended { number, refused });
}

fn answer_write(stream: &mut Stream<'_>, call: usize, result: Answer) {
    let stage = stream.host_mut();
    stage.unanswered.retain(|&other| other != call);
    stage.answered_last = Some(call);
    let again = core::mem::replace(&mut stage.answered[call], true);
    let ok = result.is_ok();
    log(stream, What::SinkAnswers { call, ok, again });
    if again {
        stream.written_again(result);
    } else {
        stream.written(result);
    }
}

fn answer_final(stream: &mut Stream<'_>, result: Answer) {
    stream.host_mut().finalize = Hook::Answered;
    let ok = result.is_ok();
    log(stream, What::FinalAnswers { ok });
    stream.finalized(result);
}

fn answer_construct(stream: &mut Stream<'_>, result: Answer) {
    stream.host_mut().construct = Hook::Answered;
    let ok = result.is_ok();
    log(stream, What::ConstructAnswers { ok });
    stream.constructed(result);
}

fn answer_destroy(stream: &mut Stream<'_>, error: Option<Fault>) {
    stream.host_mut().destroy = Hook::Answered;
    stream.destroyed(error);
}

/// Writes down what happened, with the public properties of the stream.
fn log(stream: &mut Stream<'_>, what: What) {
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
    stream.host_mut().history.push(Record { what, now });
}

/// Performs the actions that are hooked to this hit of the point.
fn hit(stream: &mut Stream<'_>, point: &str) {
    let Some(index) = POINTS.iter().position(|known| *known == point) else {
        return;
    };
    let stage = stream.host_mut();
    let scenario = stage.scenario;
    let hit = stage.hits[index];
    stage.hits[index] += 1;
    if let Some(actions) = scenario.on[index].get(hit) {
        act(stream, actions);
    }
}

impl Stage<'_> {
    fn next_operation(&mut self) -> u32 {
        self.operations += 1;
        self.operations
    }

    fn new_error(&mut self) -> Fault {
        self.errors += 1;
        Fault::Caller(ErrorId(self.errors))
    }

    fn result(&mut self, ok: bool) -> Answer {
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
        let last = self.scenario.sink.len() - 1;
        (call, self.scenario.sink[call.min(last)])
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
        match stream.host_mut().scenario.construct {
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
        match stream.host_mut().scenario.finalize {
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
        let mode = stage.scenario.destroy;
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

    fn same_callback(waiting: &Callback, new: &Callback) -> bool {
        waiting == new
    }
}

fn tell(stream: &mut Stream<'_>, event: &'static str) {
    log(stream, What::Event(event));
    hit(stream, event);
}
