//! Every check can fail: faults planted on purpose, and the invariants whose
//! tests catch them. A quirk of Node's is a fault planted in the machine; what
//! no quirk breaks is broken around it.

mod support;

use highwater::machine::Quirks;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use support::history::{Record, What};
use support::judge::Invariant::{self, *};
use support::judge::{Terms, judge};
use support::subjects::Subject;

/// What breaks a good history, as a fault at this place would.
// One type for all: some add records, some swap them.
type Spoil = fn(&mut Terms, &mut Vec<Record>);

enum Fault {
    Quirk(Quirks),
    Around(Spoil),
}

const QUIRKS: [(&str, Quirks, &[Invariant]); 11] = [
    (
        "WRITEV_LOSES",
        Quirks::WRITEV_LOSES,
        &[
            LengthAccounts,
            CallbackOnce,
            OrderKept,
            EndResolves,
            WaitIsAnswered,
        ],
    ),
    ("REORDERS", Quirks::REORDERS, &[OrderKept]),
    (
        "FORGETS_END_CALLBACK",
        Quirks::FORGETS_END_CALLBACK,
        &[CallbackOnce],
    ),
    (
        "FINISH_AFTER_DESTROY",
        Quirks::FINISH_AFTER_DESTROY,
        &[FinishFlushed, CloseLast],
    ),
    (
        "SENDS_AFTER_ERROR",
        Quirks::SENDS_AFTER_ERROR,
        &[
            NothingSentAfterFailure,
            CallbackOnce,
            NoWriteAfterEnd,
            DrainEarned,
        ],
    ),
    (
        "FLUSH_IGNORES_CORK",
        Quirks::FLUSH_IGNORES_CORK,
        &[CorkHolds],
    ),
    ("DESTROY_ERRORS", Quirks::DESTROY_ERRORS, &[CloseLast]),
    (
        "CALLBACK_AFTER_CLOSE",
        Quirks::CALLBACK_AFTER_CLOSE,
        &[CloseLast],
    ),
    (
        "FORGETS_FINISH",
        Quirks::FORGETS_FINISH,
        &[EndResolves, CallbackOnce],
    ),
    ("DEFERS_LATE", Quirks::DEFERS_LATE, &[CloseLast]),
    (
        "TAKES_ANY_ANSWER",
        Quirks::TAKES_ANY_ANSWER,
        &[CallbackOnce, OneAtATime, LengthAccounts],
    ),
];

const AROUND: [(&str, Spoil, Invariant); 4] = [
    ("tells 'error' twice", error_twice, ErrorOnce),
    ("answers by another mark", another_mark, AnswerTruthful),
    ("calls back at once", callback_at_once, CallbackLater),
    ("never closes", never_closes, DestroyCloses),
];

fn error_twice(_: &mut Terms, history: &mut Vec<Record>) {
    let told = |record: &Record| matches!(record.what, What::Error(_));
    if let Some(at) = history.iter().position(told) {
        history.insert(at, history[at].clone());
    }
}

fn another_mark(terms: &mut Terms, _: &mut Vec<Record>) {
    terms.high_water_mark += 1;
}

#[allow(clippy::ptr_arg)] // it is a `Spoil`
fn callback_at_once(_: &mut Terms, history: &mut Vec<Record>) {
    let returns = |record: &Record| matches!(record.what, What::Wrote { .. });
    let called = |record: &Record| matches!(record.what, What::Callback(..));
    let pairs = history.windows(2);
    let mut pairs = pairs.map(|pair| returns(&pair[0]) && called(&pair[1]));
    if let Some(at) = pairs.position(|found| found) {
        history.swap(at, at + 1);
    }
}

fn never_closes(_: &mut Terms, history: &mut Vec<Record>) {
    history.retain(|record| record.what != What::Event("close"));
}

/// Plays random scenarios until the fault breaks the invariant; without the
/// fault, nothing may.
fn is_caught(name: &str, fault: &Fault, invariant: Invariant) {
    const MOST: u32 = 200_000;
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Default::default(), rng);
    let lines = support::scenarios::lines();
    for _ in 0..MOST {
        let line = lines.new_tree(&mut runner).expect("a scenario").current();
        let quirks = match fault {
            Fault::Quirk(quirks) => *quirks,
            Fault::Around(_) => Quirks::NONE,
        };
        let (mut terms, mut history) = Subject::Driver(quirks).play(&line);
        if let Fault::Around(spoil) = fault {
            spoil(&mut terms, &mut history);
        }
        let broken = judge(&terms, &history);
        if broken.iter().any(|(broken, _)| *broken == invariant) {
            let (terms, history) = Subject::Driver(Quirks::NONE).play(&line);
            assert_eq!(judge(&terms, &history), [], "{line}");
            return;
        }
    }
    panic!("{name} does not break {invariant:?} in {MOST} scenarios");
}

#[test]
fn each_quirk_breaks_the_invariants_that_it_is_said_to_break() {
    for (name, quirk, invariants) in QUIRKS {
        for invariant in invariants {
            is_caught(name, &Fault::Quirk(quirk), *invariant);
        }
    }
}

#[test]
fn what_no_quirk_breaks_is_caught_too() {
    for (name, spoil, invariant) in AROUND {
        is_caught(name, &Fault::Around(spoil), invariant);
    }
}

#[test]
fn every_invariant_has_a_fault_that_breaks_it() {
    let by_quirks = QUIRKS
        .iter()
        .flat_map(|(_, _, broken)| broken.iter().copied());
    let around = AROUND.iter().map(|(_, _, broken)| *broken);
    let broken: Vec<_> = by_quirks.chain(around).collect();
    for invariant in support::judge::ALL {
        assert!(broken.contains(&invariant), "nothing breaks {invariant:?}");
    }
}
