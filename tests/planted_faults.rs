//! Every check can fail: faults planted on purpose, and the invariants whose
//! tests catch them. A quirk of Node's is a fault planted in the machine; what
//! no quirk breaks is broken around it.

use highwater::machine::Quirks;
use highwater_testkit::judge::Invariant::{self, *};
use highwater_testkit::judge::{self, Terms, judge};
use highwater_testkit::players::subjects::Subject;
use highwater_testkit::replay::history::{Record, What};
use highwater_testkit::replay::scenario;
use highwater_testkit::scenarios;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

/// What breaks a good history, as a fault at this place would.
// One type for all: some add records, some swap them.
type Spoil = fn(&mut Terms, &mut Vec<Record>);

enum Fault {
    Quirk(Quirks),
    Around(Spoil),
}

/// What each quirk breaks. (OBJECT_MODE_TICK breaks nothing: see below.)
const QUIRKS: [(Quirks, &[Invariant]); 11] = [
    (
        Quirks::WRITEV_LOSES,
        &[
            LengthAccounts,
            CallbackOnce,
            OrderKept,
            EndResolves,
            WaitIsAnswered,
            FinishFlushed,
        ],
    ),
    (Quirks::REORDERS, &[OrderKept]),
    (Quirks::FORGETS_END_CALLBACK, &[CallbackOnce]),
    (Quirks::FINISH_AFTER_DESTROY, &[FinishFlushed, CloseLast]),
    (
        Quirks::SENDS_AFTER_ERROR,
        &[
            NothingSentAfterFailure,
            CallbackOnce,
            NoWriteAfterEnd,
            DrainEarned,
        ],
    ),
    (Quirks::FLUSH_IGNORES_CORK, &[CorkHolds]),
    (Quirks::DESTROY_ERRORS, &[CloseLast]),
    (Quirks::CALLBACK_AFTER_CLOSE, &[CloseLast, CallbackOnce]),
    (Quirks::FORGETS_FINISH, &[EndResolves, CallbackOnce]),
    (Quirks::DEFERS_LATE, &[CloseLast]),
    (
        Quirks::TAKES_ANY_ANSWER,
        &[CallbackOnce, OneAtATime, LengthAccounts, FinishFlushed],
    ),
];

const AROUND: [(&str, Spoil, Invariant); 5] = [
    ("does not count progress", no_progress, LengthAccounts),
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

fn no_progress(_: &mut Terms, history: &mut Vec<Record>) {
    history.retain(|record| !matches!(record.what, What::SinkProgresses { .. }));
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

fn name(quirk: Quirks) -> &'static str {
    let found = Quirks::ALL.iter().find(|(_, known)| *known == quirk);
    found.expect("a quirk has a name").0
}

const MOST: usize = 100_000;

/// The known ones, then random ones, the same in every run.
fn lines() -> impl Iterator<Item = String> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Default::default(), rng);
    let lines = scenarios::lines();
    let line = move || lines.new_tree(&mut runner).expect("a scenario").current();
    let known = include_str!("regressions.jsonl").lines().map(str::to_owned);
    known.chain(std::iter::repeat_with(line).take(MOST))
}

/// Plays random scenarios until the fault breaks the invariant; without the
/// fault, nothing may. What a quirk breaks may show only if the sink never answers.
fn is_caught(name: &str, fault: &Fault, invariant: Invariant) {
    for line in lines() {
        for subject in [Subject::Driver, Subject::Unanswered] {
            let (mut terms, mut history) = match fault {
                Fault::Quirk(quirks) => subject(*quirks).play(&line),
                Fault::Around(_) => subject(Quirks::NONE).play(&line),
            };
            if let Fault::Around(spoil) = fault {
                spoil(&mut terms, &mut history);
            }
            let broken = judge(&terms, &history);
            if broken.iter().any(|(broken, _)| *broken == invariant) {
                let (terms, history) = subject(Quirks::NONE).play(&line);
                assert_eq!(judge(&terms, &history), [], "{line}");
                return;
            }
        }
    }
    panic!("{name} does not break {invariant:?} in {MOST} scenarios");
}

#[test]
fn each_quirk_breaks_the_invariants_that_it_is_said_to_break() {
    for (quirk, invariants) in QUIRKS {
        for invariant in invariants {
            is_caught(name(quirk), &Fault::Quirk(quirk), *invariant);
        }
    }
}

#[test]
fn faults_that_are_no_quirk_are_also_caught() {
    for (name, spoil, invariant) in AROUND {
        is_caught(name, &Fault::Around(spoil), invariant);
    }
}

#[test]
fn every_invariant_has_a_fault_that_breaks_it() {
    let by_quirks = QUIRKS.iter().flat_map(|(_, broken)| broken.iter().copied());
    let around = AROUND.iter().map(|(_, _, broken)| *broken);
    let broken: Vec<_> = by_quirks.chain(around).collect();
    for invariant in judge::ALL {
        assert!(broken.contains(&invariant), "nothing breaks {invariant:?}");
    }
}

/// What spoils the history of a body, whose reader goes on with a batch under a cork.
#[cfg(feature = "futures")]
const OF_BATCHES: [(&str, Spoil, Invariant); 4] = [
    (
        "goes on with no batch",
        |_, all| all.retain(|one| !is_taken(one)),
        CorkHolds,
    ),
    ("goes on past its batch", shorter_batch, CorkHolds),
    ("takes a batch under a cork", corked_batch, CorkHolds),
    ("takes a batch within a batch", longer_batch, OneAtATime),
];

#[cfg(feature = "futures")]
fn is_taken(record: &Record) -> bool {
    matches!(record.what, What::Taken { .. })
}

#[cfg(feature = "futures")]
fn batches(history: &mut [Record]) -> impl Iterator<Item = &mut u64> {
    history
        .iter_mut()
        .filter_map(|record| match &mut record.what {
            What::Taken { bytes } => Some(bytes),
            _ => None,
        })
}

#[cfg(feature = "futures")]
#[allow(clippy::ptr_arg)] // it is a `Spoil`
fn shorter_batch(_: &mut Terms, history: &mut Vec<Record>) {
    batches(history).for_each(|bytes| *bytes -= 1);
}

#[cfg(feature = "futures")]
#[allow(clippy::ptr_arg)] // it is a `Spoil`
fn longer_batch(_: &mut Terms, history: &mut Vec<Record>) {
    batches(history).for_each(|bytes| *bytes += 1);
}

#[cfg(feature = "futures")]
fn corked_batch(_: &mut Terms, history: &mut Vec<Record>) {
    if let Some(at) = history.iter().position(is_taken) {
        let what = What::Cork;
        history.insert(
            at,
            Record {
                what,
                ..history[at].clone()
            },
        );
    }
}

#[cfg(feature = "futures")]
#[test]
fn a_batch_that_goes_on_under_a_cork_is_known_to_the_byte() {
    for (name, spoil, invariant) in OF_BATCHES {
        let caught = lines().take(20_000).any(|line| {
            let (mut terms, mut history) = Subject::Body.play(&line);
            assert_eq!(judge(&terms, &history), [], "{line}");
            spoil(&mut terms, &mut history);
            let broken = judge(&terms, &history);
            broken.iter().any(|(broken, _)| *broken == invariant)
        });
        assert!(caught, "{name} does not break {invariant:?}");
    }
}

fn trace(quirks: Quirks, line: &str) -> Vec<String> {
    let (_, history) = Subject::Driver(quirks).play(line);
    history.iter().filter_map(Record::line).collect()
}

#[test]
fn a_tick_too_many_shows_in_the_order_alone() {
    let mut shown = 0;
    for line in lines().take(5000) {
        let (terms, history) = Subject::Driver(Quirks::OBJECT_MODE_TICK).play(&line);
        assert_eq!(judge(&terms, &history), [], "{line}");
        let ours: Vec<_> = history.iter().filter_map(Record::line).collect();
        shown += u32::from(ours != trace(Quirks::NONE, &line));
    }
    assert!(shown > 0);
}

/// Where strict and Node differ, some quirk acts: put on alone, or taken off
/// alone, it makes a difference there.
#[test]
fn the_profiles_differ_only_where_a_quirk_acts() {
    let mut differ = 0;
    // Node has no progress of the sink.
    let lines = lines().filter(|line| scenario::parse(line, Quirks::NODE).is_ok());
    for line in lines.take(3000) {
        let (strict, node) = (trace(Quirks::NONE, &line), trace(Quirks::NODE, &line));
        if strict == node {
            continue;
        }
        differ += 1;
        let acts = Quirks::ALL.iter().any(|(_, quirk)| {
            trace(*quirk, &line) != strict || trace(Quirks::NODE.without(*quirk), &line) != node
        });
        assert!(acts, "{line}");
    }
    assert!(differ > 300, "{differ}");
}
