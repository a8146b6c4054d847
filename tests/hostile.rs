//! A driver that does everything wrong: answers, tasks and continuations in any
//! order, repeated or never, with lies about the queue. Whatever it does, the
//! machine does not panic, and what the state alone must keep, it keeps (rule 23).

use highwater::machine::{
    Effect, End, ErrorId, Event, Fault, Input, Leased, Measure, Next, Options, State, Step, Task,
    Then, step,
};
use highwater_testkit::random;
use proptest::prelude::*;
use proptest::sample::select;

fn fault() -> impl Strategy<Value = Fault> {
    select(vec![
        Fault::Caller(ErrorId(1)),
        Fault::Caller(ErrorId(2)),
        Fault::WriteAfterEnd,
        Fault::Destroyed,
        Fault::TooLong,
    ])
}

fn result() -> impl Strategy<Value = Result<(), Fault>> {
    prop_oneof![3 => Just(Ok(())), 1 => fault().prop_map(Err)]
}

fn len() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 0..4_u64, 1 => Just(u64::MAX), 1 => Just(u64::MAX / 2)]
}

fn count() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 0..4_u32, 1 => Just(u32::MAX), 1 => Just(u32::MAX - 3)]
}

fn leased() -> impl Strategy<Value = Leased> {
    prop_oneof![
        (count(), len(), any::<bool>()).prop_map(|(chunks, len, callback)| Leased::Queued {
            chunks,
            len,
            callback
        }),
        (count(), any::<bool>()).prop_map(|(callbacks, deferred)| Leased::Written {
            callbacks,
            deferred
        }),
        count().prop_map(|callbacks| Leased::Called { callbacks }),
        (count(), len()).prop_map(|(answers, len)| Leased::Flushed { answers, len }),
    ]
}

fn measure() -> impl Strategy<Value = Measure> {
    (len(), any::<bool>()).prop_map(|(len, callback)| Measure { len, callback })
}

fn end() -> impl Strategy<Value = End> {
    let refused = prop_oneof![4 => Just(None), 1 => fault().prop_map(Some)];
    (refused, any::<bool>()).prop_map(|(refused, callback)| End { refused, callback })
}

fn next() -> impl Strategy<Value = Next> {
    prop_oneof![
        Just(Next::Nothing),
        Just(Next::Look),
        Just(Next::LookNow),
        end().prop_map(Next::LookThenEnd),
        end().prop_map(Next::End),
        prop::option::of(fault()).prop_map(Next::EndCallback),
        any::<bool>().prop_map(|callback| Next::AfterWrite { callback }),
        any::<bool>().prop_map(|callback| Next::AtOnce { callback }),
        fault().prop_map(Next::Fail),
    ]
}

fn task() -> impl Strategy<Value = Task> {
    let count = prop_oneof![8 => 0..3_u32, 1 => Just(u32::MAX)];
    prop_oneof![
        Just(Task::Construct),
        result().prop_map(Task::Constructed),
        (count, any::<bool>()).prop_map(|(count, callback)| Task::AfterWrite { count, callback }),
        (fault(), any::<bool>())
            .prop_map(|(fault, callback)| Task::WriteFailed { fault, callback }),
        Just(Task::Reject),
        Just(Task::Finish { unchecked: false }),
        fault().prop_map(Task::Error),
        prop::option::of(fault()).prop_map(Task::Close),
    ]
}

fn then() -> impl Strategy<Value = Then> {
    let callbacks = (0..3_u32, any::<bool>());
    let fail = || (fault(), any::<bool>());
    prop_oneof![
        Just(Then::Answer),
        next().prop_map(Then::Flush),
        next().prop_map(Then::Flushing),
        next().prop_map(Then::Batched),
        callbacks.prop_map(|(left, callback)| Then::Callbacks { left, callback }),
        next().prop_map(Then::Reject),
        next().prop_map(Then::Next),
        next().prop_map(Then::Finalizing),
        (any::<bool>(), next()).prop_map(|(now, next)| Then::Prefinished { now, next }),
        Just(Then::DeferFinish),
        fault().prop_map(Then::FailFinal),
        fail().prop_map(|(fault, sync)| Then::Fail { fault, sync }),
        fail().prop_map(|(fault, sync)| Then::TellError { fault, sync }),
        Just(Then::CallDestroy),
        Just(Then::TellFinish),
        Just(Then::AutoDestroy),
        Just(Then::TellClose),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        1 => Just(Input::Start),
        8 => measure().prop_map(Input::Write),
        2 => Just(Input::Cork),
        2 => Just(Input::Uncork),
        1 => end().prop_map(Input::End),
        1 => prop::option::of(fault()).prop_map(Input::Destroy),
        6 => (result(), any::<bool>()).prop_map(|(result, again)| Input::Written { result, again }),
        4 => len().prop_map(Input::Progress),
        6 => leased().prop_map(Input::Settle),
        2 => result().prop_map(Input::Constructed),
        2 => result().prop_map(Input::Finalized),
        1 => prop::option::of(fault()).prop_map(Input::Destroyed),
        1 => Just(Input::Joined),
        6 => task().prop_map(Input::Run),
        12 => then().prop_map(Input::Resume),
    ]
}

fn options() -> impl Strategy<Value = Options> {
    let marks = (0..4_u64, 0..4_u64, prop_oneof![Just(u64::MAX), 2..6_u64]);
    (marks, any::<[bool; 7]>()).prop_map(|((high, low, limit), flags)| {
        let [object, destroy, close, batches, construct, finalize, fail] = flags;
        Options::new()
            .with_high_water_mark(high)
            .with_low_water_mark(low)
            .with_limit(limit)
            .with_object_mode(object)
            .with_auto_destroy(destroy)
            .with_emit_close(close)
            .with_batches(batches)
            .with_construct(construct)
            .with_finalize(finalize)
            .with_refusals_fail(fail)
    })
}

/// Progress takes as much off the length as off what is in flight, and leads to a drain
/// at most.
fn progressed(before: &State, after: &State, drain_at_most: bool) -> bool {
    let queued = |state: &State| state.length() - state.in_flight();
    drain_at_most
        && queued(before) == queued(after)
        && after.in_flight() <= before.in_flight()
        && (before.pending(), before.queued()) == (after.pending(), after.queued())
        && before.is_writing() == after.is_writing()
}

/// Whether a driver may have done this on its lease. (One that settles nothing may.)
fn covers(options: &Options, state: &State, leased: Leased) -> bool {
    match leased {
        Leased::Queued { chunks, len, .. } => {
            let lease = state.lease_to_queue(options);
            let objects = options.measure(2) == 1;
            let len = if objects { chunks.into() } else { len };
            chunks <= lease.count && len <= lease.len
        }
        Leased::Written { callbacks, .. } => {
            callbacks > 0 && callbacks <= state.lease_to_write(options).count
        }
        Leased::Called { callbacks } => callbacks <= state.lease_to_call(options).count,
        Leased::Flushed { answers, len } => {
            let lease = state.lease_to_flush(options);
            answers > 0 && answers <= lease.count && len <= lease.len
        }
    }
}

/// What holds in every state, and for every step from one to the next.
fn holds(
    options: &Options,
    input: Input,
    before: &State,
    after: &State,
    step: Step,
) -> Option<&'static str> {
    let effect = step.effect;
    let sends = matches!(
        effect,
        Some(Effect::WriteGiven | Effect::WriteHead | Effect::WriteBatch(_))
    );
    // An answer makes room for the next call within one step.
    let answered = matches!(input, Input::Written { again: false, .. });
    let accepts = matches!(effect, Some(Effect::WriteGiven | Effect::Queue));
    let stopped = before.is_destroyed() || before.errored().is_some();
    let drain = effect == Some(Effect::Emit(Event::Drain));
    let quiet = effect.is_none() && step.then.is_none();
    let checks = [
        (
            after.in_flight() <= after.length(),
            "in flight is part of the length",
        ),
        (
            after.is_writing() || after.in_flight() == 0,
            "only a write is in flight",
        ),
        (after.length() <= options.limit(), "the limit"),
        (
            !accepts || !before.is_ended() && !stopped,
            "NoWriteAfterEnd",
        ),
        (!sends || !before.is_writing() || answered, "OneAtATime"),
        (!sends || after.corked() == 0, "CorkHolds"),
        (!sends || !stopped, "NothingSentAfterFailure"),
        (
            !drain || after.length() <= options.low_water_mark(),
            "DrainEarned",
        ),
        (!drain || !before.is_ended() && !stopped, "DrainEarned"),
        (
            !matches!(input, Input::Progress(_))
                || progressed(before, after, quiet || drain && before.is_writing()),
            "progress is no answer",
        ),
        (
            !matches!(input, Input::Settle(_)) || quiet,
            "a settlement leads to nothing",
        ),
        (
            !matches!(input, Input::Settle(leased) if !covers(options, before, leased))
                || before == after,
            "a lease is not passed",
        ),
        (
            before.errored().is_none() || before.errored() == after.errored(),
            "ErrorOnce",
        ),
        (
            !before.is_closed() || after.is_closed(),
            "closed stays closed",
        ),
        (
            !before.is_finished() || after.is_finished(),
            "finished stays finished",
        ),
        (
            before.is_finished() || !after.is_finished() || !stopped,
            "FinishFlushed",
        ),
        (
            before.is_finished() || !after.is_finished() || after.length() == 0,
            "FinishFlushed",
        ),
    ];
    checks
        .iter()
        .find(|(holds, _)| !holds)
        .map(|(_, name)| *name)
}

#[test]
fn no_order_of_inputs_breaks_what_the_state_alone_must_keep() {
    let heads = prop::option::of(measure());
    let script = (options(), prop::collection::vec((input(), heads), 0..60));
    random::check(10_000, &script, |(options, script)| {
        let mut state = State::new(&options);
        let (mut errors, mut finishes, mut closes) = (0, 0, 0);
        let mut ends_kept = false;
        for (input, head) in script {
            let before = state;
            let step = step(&mut state, &options, head, input);
            prop_assert_eq!(holds(&options, input, &before, &state, step), None);
            match step.effect {
                Some(Effect::Emit(event)) => {
                    prop_assert!(closes == 0, "CloseLast");
                    errors += u32::from(matches!(event, Event::Error(_)));
                    finishes += u32::from(event == Event::Finish);
                    closes += u32::from(event == Event::Close);
                }
                Some(Effect::KeepEnd) => ends_kept = true,
                Some(Effect::CallEnds(_)) => {
                    prop_assert!(ends_kept, "CallbackOnce");
                    ends_kept = false;
                }
                _ => {}
            }
            prop_assert!(errors <= 1 && finishes <= 1 && closes <= 1, "told twice");
        }
        Ok(())
    });
}

/// What [`holds`] asks of progress and of settlements can fail.
#[test]
fn a_fault_in_progress_or_in_a_settlement_is_noticed() {
    let options = Options::new();
    let after = |mut state: State, input: Input| {
        let _ = step(&mut state, &options, None, input);
        state
    };
    let quiet = Step {
        effect: None,
        then: None,
    };
    let (len, callback) = (3, false);
    let writing = after(
        State::new(&options),
        Input::Write(Measure { len, callback }),
    );

    let answer = Input::Written {
        result: Ok(()),
        again: false,
    };
    let answered = after(writing, answer);
    let taken_for_an_answer = holds(&options, Input::Progress(len), &writing, &answered, quiet);
    assert_eq!(taken_for_an_answer, Some("progress is no answer"));

    let settle = |chunks| {
        Input::Settle(Leased::Queued {
            chunks,
            len,
            callback,
        })
    };
    let settled = after(writing, settle(1));
    assert_eq!(holds(&options, settle(1), &writing, &settled, quiet), None);
    let passed = holds(&options, settle(u32::MAX), &writing, &settled, quiet);
    assert_eq!(passed, Some("a lease is not passed"));
    let loud = Step {
        effect: Some(Effect::Queue),
        then: None,
    };
    let leads_on = holds(&options, settle(1), &writing, &settled, loud);
    assert_eq!(leads_on, Some("a settlement leads to nothing"));
}
