//! Every input in every phase: what the machine asks for, what it wants to be
//! given back, and the phase it is in then. The table is
//! `snapshots/phases__every_input_in_every_phase.snap`.

use std::fmt::Write as _;

use highwater::machine::{
    Effect, End, ErrorId, Fault, Input, Measure, Next, Options, Phase, State, Task, Then, step,
};

const ERROR: Fault = Fault::Caller(ErrorId(1));

const ONE: Measure = Measure {
    len: 1,
    callback: true,
};

const END: End = End {
    refused: None,
    callback: true,
};

/// A stream with every hook, and the way to a phase.
fn reach(inputs: &[Input]) -> (Options, State) {
    let options = Options::new()
        .with_high_water_mark(2)
        .with_batches(true)
        .with_construct(true)
        .with_finalize(true);
    let mut state = State::new(&options);
    for input in inputs {
        run(&mut state, &options, *input);
    }
    (options, state)
}

/// Puts an input in and follows its continuations; nothing is answered.
fn run(state: &mut State, options: &Options, input: Input) {
    let mut input = Some(input);
    while let Some(next) = input {
        let step = step(state, options, Some(ONE), next);
        input = step.then.map(Input::Resume);
    }
}

const OPEN: [Input; 2] = [
    Input::Run(Task::Construct),
    Input::Run(Task::Constructed(Ok(()))),
];

/// The phases, and a few more states that differ inside one.
fn states() -> Vec<(&'static str, Phase, Options, State)> {
    let written = Input::Written {
        result: Ok(()),
        again: false,
    };
    let finished = [
        Input::End(END),
        Input::Finalized(Ok(())),
        Input::Run(Task::Finish { unchecked: false }),
    ];
    let closed = [Input::Destroy(None), Input::Destroyed(None)];
    let ways: [(&str, Phase, Vec<Input>); 14] = [
        ("opening", Phase::Opening, vec![]),
        (
            "opening, with a chunk queued",
            Phase::Opening,
            vec![Input::Write(ONE)],
        ),
        (
            "opening, destroyed",
            Phase::Destroyed,
            vec![Input::Destroy(None)],
        ),
        ("writable", Phase::Writable, OPEN.to_vec()),
        (
            "writable, a write in flight",
            Phase::Writable,
            [&OPEN[..], &[Input::Write(ONE)]].concat(),
        ),
        (
            "writable, full: one in flight, two queued",
            Phase::Writable,
            [&OPEN[..], &[Input::Write(ONE); 3]].concat(),
        ),
        (
            "corked, with two chunks queued",
            Phase::Corked,
            [
                &OPEN[..],
                &[Input::Cork, Input::Write(ONE), Input::Write(ONE)],
            ]
            .concat(),
        ),
        (
            "ending, a write in flight",
            Phase::Ending,
            [&OPEN[..], &[Input::Write(ONE), Input::End(END)]].concat(),
        ),
        (
            "ending, written, `_final` called",
            Phase::Ending,
            [&OPEN[..], &[Input::Write(ONE), Input::End(END), written]].concat(),
        ),
        (
            "finished, then destroyed by itself",
            Phase::Destroyed,
            [&OPEN[..], &finished[..]].concat(),
        ),
        (
            "destroyed, a write taken back, one queued",
            Phase::Destroyed,
            [
                &OPEN[..],
                &[Input::Write(ONE), Input::Write(ONE), Input::Destroy(None)],
            ]
            .concat(),
        ),
        (
            "errored, `_destroy` called",
            Phase::Errored,
            [&OPEN[..], &[Input::Destroy(Some(ERROR))]].concat(),
        ),
        (
            "closed, 'close' still to come",
            Phase::Closed,
            [&OPEN[..], &closed[..]].concat(),
        ),
        (
            "closed",
            Phase::Closed,
            [&OPEN[..], &closed[..], &[Input::Run(Task::Close(None))]].concat(),
        ),
    ];
    ways.into_iter()
        .map(|(name, phase, way)| {
            let (options, state) = reach(&way);
            (name, phase, options, state)
        })
        .collect()
}

fn inputs() -> Vec<Input> {
    let calls = [
        Input::Start,
        Input::Write(ONE),
        Input::Write(Measure::default()),
        Input::Cork,
        Input::Uncork,
        Input::End(END),
        Input::End(End {
            refused: Some(Fault::WriteAfterEnd),
            callback: true,
        }),
        Input::End(End::default()),
        Input::Destroy(None),
        Input::Destroy(Some(ERROR)),
    ];
    let results = [Ok(()), Err(ERROR)];
    let answers = results.into_iter().flat_map(|result| {
        [
            Input::Written {
                result,
                again: false,
            },
            Input::Written {
                result,
                again: true,
            },
            Input::Constructed(result),
            Input::Finalized(result),
            Input::Destroyed(result.err()),
        ]
    });
    calls
        .into_iter()
        .chain(answers)
        .chain([Input::Joined])
        .chain(tasks().map(Input::Run))
        .chain(thens().map(Input::Resume))
        .collect()
}

fn tasks() -> impl Iterator<Item = Task> {
    [
        Task::Construct,
        Task::Constructed(Ok(())),
        Task::Constructed(Err(ERROR)),
        Task::AfterWrite {
            count: 1,
            callback: true,
        },
        Task::AfterWrite {
            count: 2,
            callback: false,
        },
        Task::WriteFailed {
            fault: ERROR,
            callback: true,
        },
        Task::Reject,
        Task::Finish { unchecked: false },
        Task::Error(ERROR),
        Task::Close(None),
        Task::Close(Some(ERROR)),
    ]
    .into_iter()
}

fn thens() -> impl Iterator<Item = Then> {
    let next = Next::Look;
    [
        Then::Answer,
        Then::Flush(Next::AfterWrite { callback: true }),
        Then::Flushing(next),
        Then::Batched(next),
        Then::Callbacks {
            left: 1,
            callback: true,
        },
        Then::Reject(Next::Fail(ERROR)),
        Then::Next(Next::LookNow),
        Then::Next(Next::LookThenEnd(END)),
        Then::Next(Next::EndCallback(None)),
        Then::Finalizing(next),
        Then::Prefinished { now: true, next },
        Then::DeferFinish,
        Then::FailFinal(ERROR),
        Then::Fail {
            fault: ERROR,
            sync: true,
        },
        Then::TellError {
            fault: ERROR,
            sync: false,
        },
        Then::CallDestroy,
        Then::TellFinish,
        Then::AutoDestroy,
        Then::TellClose,
    ]
    .into_iter()
}

#[test]
fn every_input_in_every_phase() {
    let mut table = String::new();
    for (name, phase, options, state) in states() {
        assert_eq!(state.phase(), phase, "{name}");
        let _ = writeln!(table, "\n{name}:");
        for input in inputs() {
            let mut after = state;
            let step = step(&mut after, &options, Some(ONE), input);
            let mut line = format!("    {input:?}");
            if let Some(effect) = step.effect {
                let _ = write!(line, "\n        does {effect:?}");
            }
            if let Some(then) = step.then {
                let _ = write!(line, "\n        then {then:?}");
            }
            if after.phase() != phase {
                let _ = write!(line, "\n        is {}", after.phase());
            }
            if step.effect.is_none() && after == state {
                line.push_str(": nothing");
            }
            let _ = writeln!(table, "{line}");
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn every_phase_is_in_the_table_but_those_that_pass_at_once() {
    let phases: Vec<_> = states().into_iter().map(|(_, phase, ..)| phase).collect();
    for phase in [
        Phase::Opening,
        Phase::Writable,
        Phase::Corked,
        Phase::Ending,
        Phase::Errored,
        Phase::Destroyed,
        Phase::Closed,
    ] {
        assert!(phases.contains(&phase), "{phase}");
    }
    // A finished stream destroys itself in the same run, unless told not to.
    let options = Options::new().with_auto_destroy(false);
    let mut state = State::new(&options);
    run(&mut state, &options, Input::End(END));
    assert_eq!(state.pending(), 1, "the deferred finish");
    run(
        &mut state,
        &options,
        Input::Run(Task::Finish { unchecked: false }),
    );
    assert_eq!(state.phase(), Phase::Finished);
}

const WRITTEN: Input = Input::Written {
    result: Ok(()),
    again: false,
};

#[test]
fn a_write_inside_a_flush_waits_for_its_end() {
    let (options, mut state) = reach(&[&OPEN[..], &[Input::Cork, Input::Write(ONE)]].concat());
    let flush = step(&mut state, &options, Some(ONE), Input::Uncork);
    assert_eq!(flush.effect, Some(Effect::WriteHead));
    // The sink has answered, and its call has not returned.
    run(&mut state, &options, WRITTEN);
    let write = step(&mut state, &options, None, Input::Write(ONE));
    assert_eq!(write.effect, Some(Effect::Queue));
}

#[test]
fn a_batch_forgets_the_callbacks_of_a_queue_before_it() {
    let silent = Input::Write(Measure {
        callback: false,
        ..ONE
    });
    let before = [silent, Input::Write(ONE), WRITTEN, WRITTEN];
    let batch = [Input::Cork, silent, silent];
    let (options, mut state) = reach(&[&OPEN[..], &before, &batch].concat());
    let flush = step(&mut state, &options, Some(ONE), Input::Uncork);
    assert_eq!(flush.effect, Some(Effect::WriteBatch(2)));
    let answered = step(&mut state, &options, None, WRITTEN);
    // Only the drain is left to tell.
    let (count, callback) = (1, false);
    let task = Task::AfterWrite { count, callback };
    assert_eq!(answered.effect, Some(Effect::Defer(task)));
}

#[test]
fn a_chunk_past_the_largest_number_is_refused() {
    let options = Options::new();
    let mut state = State::new(&options);
    let huge = Measure {
        len: u64::MAX,
        callback: false,
    };
    run(&mut state, &options, Input::Write(huge));
    assert_eq!(state.length(), u64::MAX);
    let refused = step(&mut state, &options, None, Input::Write(ONE));
    assert_eq!(refused.effect, Some(Effect::Refuse(Fault::TooLong)));
    assert_eq!(state.length(), u64::MAX);
}
