//! The invariants of the contract, each by its name, on the machine with its driver, and on a
//! stream over each worker, a thread, a future, a task of tokio and the reader of a body, with
//! producers that are threads and with producers that are tasks: random scenarios, judged by a
//! naive oracle.

// They are looked for by these names.
#![allow(non_snake_case)]

use highwater::machine::Quirks;
use highwater_testkit::judge::{Invariant, judge};
use highwater_testkit::players::subjects::Subject;
use highwater_testkit::{random, scenarios};
use proptest::prop_assert_eq;

/// How many random scenarios each test plays.
const CASES: u32 = 10_000;

fn holds(subject: Subject, invariant: Invariant) {
    random::check(CASES, &scenarios::lines(), |line| {
        let (terms, history) = subject.play(&line);
        let broken = judge(&terms, &history);
        let why = broken.iter().find(|(broken, _)| *broken == invariant);
        prop_assert_eq!(why, None, "in {}", line);
        Ok(())
    });
}

macro_rules! suite {
    ($name:ident, $subject:expr, [$($invariant:ident),* $(,)?]) => {
        mod $name {
            use super::*;
            $(
                #[test]
                fn $invariant() {
                    holds($subject, Invariant::$invariant);
                }
            )*
        }
    };
}

suite!(
    driver,
    Subject::Driver(Quirks::NONE),
    [
        NoWriteAfterEnd,
        DrainEarned,
        LengthAccounts,
        OrderKept,
        OneAtATime,
        CorkHolds,
        NothingSentAfterFailure,
        CallbackOnce,
        CallbackLater,
        FinishFlushed,
        ErrorOnce,
        CloseLast,
        AnswerTruthful,
        WaitIsAnswered,
        EndResolves,
        DestroyCloses,
    ]
);

/// What there is over every worker: all but what only a driver can show.
macro_rules! adapter {
    ($name:ident, $subject:expr) => {
        suite!(
            $name,
            $subject,
            [
                NoWriteAfterEnd,
                DrainEarned,
                LengthAccounts,
                OrderKept,
                OneAtATime,
                CorkHolds,
                NothingSentAfterFailure,
                CallbackOnce,
                FinishFlushed,
                ErrorOnce,
                CloseLast,
                AnswerTruthful,
                WaitIsAnswered,
                EndResolves,
                DestroyCloses,
            ]
        );
    };
}

adapter!(thread, Subject::Thread);
#[cfg(feature = "futures")]
adapter!(thread_tasks, Subject::ThreadTasks);
#[cfg(feature = "futures")]
adapter!(future, Subject::Future);
#[cfg(feature = "futures")]
adapter!(future_threads, Subject::FutureThreads);
#[cfg(feature = "futures")]
adapter!(body, Subject::Body);
#[cfg(feature = "futures")]
adapter!(body_threads, Subject::BodyThreads);
#[cfg(feature = "tokio")]
adapter!(tokio, Subject::Tokio);
#[cfg(feature = "tokio")]
adapter!(tokio_threads, Subject::TokioThreads);
