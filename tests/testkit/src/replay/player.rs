//! Plays a scenario: its turns, and what is still unanswered after them.

use highwater::Flow;
use highwater::machine::Fault;

use super::history::{Callee, Record, What};
use super::host::{Answer, Callback, Chunk, Hook, Stream, log};
use super::scenario::{Action, Aimed, Function, Scenario};
use super::streams::{Order, Streams, put_back};

/// How many turns are added to a scenario for each of its streams. Each answers one
/// thing that is still unanswered.
pub const EXTRA_TURNS: u32 = 40;

/// Plays a scenario and returns the lines of its trace. Each begins with the number of
/// its stream if there are several.
pub fn trace(scenario: &Scenario, order: Order) -> Vec<String> {
    let history = play(scenario, EXTRA_TURNS, order);
    let lines = history.iter().filter_map(|(index, record)| {
        let line = record.line()?;
        Some(if scenario.several {
            format!("{index} {line}")
        } else {
            line
        })
    });
    lines.collect()
}

/// Plays a scenario and returns what happened, each time with the index of the stream.
pub fn play(scenario: &Scenario, extra_turns: u32, order: Order) -> Vec<(usize, Record)> {
    let streams = Streams::new(scenario);
    for turn in &scenario.turns {
        play_turn(&streams, turn, order);
    }
    for _ in 0..extra_turns as usize * streams.count() {
        match next_answer(&streams) {
            Some(answer) => play_turn(&streams, &[answer], order),
            None => break,
        }
    }
    streams.into_history()
}

/// Acts, and runs all ticks of all streams.
fn play_turn(streams: &Streams<'_>, turn: &[Aimed], order: Order) {
    for aimed in turn {
        streams.with(aimed.stream, |stream| act_once(stream, aimed.action));
    }
    streams.run_ticks(order);
    for index in 0..streams.count() {
        streams.with(index, |stream| log(stream, What::TurnOver));
    }
}

/// The answer of the first stream in which something is still unanswered.
fn next_answer(streams: &Streams<'_>) -> Option<Aimed> {
    (0..streams.count()).find_map(|stream| {
        let action = streams.with(stream, still_unanswered)?;
        Some(Aimed { stream, action })
    })
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

/// Acts from within a function of this stream.
pub(crate) fn act(stream: &mut Stream<'_>, actions: &[Aimed]) {
    for aimed in actions {
        if aimed.stream == stream.host().index {
            act_once(stream, aimed.action);
        } else {
            put_back(stream, |streams| {
                streams.with(aimed.stream, |other| act_once(other, aimed.action));
            });
        }
    }
}

fn act_once(stream: &mut Stream<'_>, action: Action) {
    match action {
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
        Action::Progress(done) => {
            if !stream.host().unanswered.is_empty() {
                log(stream, What::SinkProgresses { done });
                stream.progressed(done);
                log(stream, What::Answered("progress"));
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

pub(crate) fn answer_write(stream: &mut Stream<'_>, call: usize, result: Answer) {
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

pub(crate) fn answer_final(stream: &mut Stream<'_>, result: Answer) {
    stream.host_mut().finalize = Hook::Answered;
    let ok = result.is_ok();
    log(stream, What::FinalAnswers { ok });
    stream.finalized(result);
}

pub(crate) fn answer_construct(stream: &mut Stream<'_>, result: Answer) {
    stream.host_mut().construct = Hook::Answered;
    let ok = result.is_ok();
    log(stream, What::ConstructAnswers { ok });
    stream.constructed(result);
}

pub(crate) fn answer_destroy(stream: &mut Stream<'_>, error: Option<Fault>) {
    stream.host_mut().destroy = Hook::Answered;
    stream.destroyed(error);
}
