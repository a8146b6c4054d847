//! The streams that the suite is stamped on.

use highwater::machine::Quirks;

use super::adapter::{self, Stage};
#[cfg(feature = "futures")]
use super::on_body::Reader;
#[cfg(feature = "tokio")]
use super::on_tokio::Tokio;
#[cfg(feature = "futures")]
use super::polled::{Alone, Polled};
use super::producers::Blocking;
#[cfg(feature = "futures")]
use super::producers::Tasks;
use super::threaded::Threaded;
use crate::judge::Terms;
use crate::replay::history::Record;
use crate::replay::player;
use crate::replay::scenario::{self, Mode, Plan, Scenario};
use crate::replay::streams::Order;

/// A stream that a scenario can be played on.
#[derive(Clone, Copy, Debug)]
pub enum Subject {
    /// The machine with its driver.
    Driver(Quirks),
    /// The same, and what the scenario leaves unanswered is never answered.
    Unanswered(Quirks),
    /// A stream over a thread, whose producers are threads.
    Thread,
    /// The same; its producers are tasks.
    #[cfg(feature = "futures")]
    ThreadTasks,
    /// A stream over a future, whose producers are threads.
    #[cfg(feature = "futures")]
    FutureThreads,
    /// The same; its producers are tasks.
    #[cfg(feature = "futures")]
    Future,
    /// A stream with a body, whose reader is the worker and whose producers are threads.
    #[cfg(feature = "futures")]
    BodyThreads,
    /// The same; its producers are tasks.
    #[cfg(feature = "futures")]
    Body,
    /// A stream over a task of tokio, whose producers are threads.
    #[cfg(feature = "tokio")]
    TokioThreads,
    /// The same; its producers are tasks.
    #[cfg(feature = "tokio")]
    Tokio,
}

impl Subject {
    /// Plays a line; what happened, and what the judge must know.
    pub fn play(self, line: &str) -> (Terms, Vec<Record>) {
        match self {
            Self::Driver(quirks) => {
                let scenario = scenario::parse(line, quirks).expect(line);
                (
                    terms(&scenario.streams[0]),
                    play_driver(&scenario, player::EXTRA_TURNS),
                )
            }
            Self::Unanswered(quirks) => {
                let scenario = scenario::parse(line, quirks).expect(line);
                let terms = Terms {
                    answered: false,
                    ..terms(&scenario.streams[0])
                };
                (terms, play_driver(&scenario, 0))
            }
            Self::Thread => play_adapter::<Threaded<Blocking>>(line),
            #[cfg(feature = "futures")]
            Self::ThreadTasks => play_adapter::<Threaded<Tasks>>(line),
            #[cfg(feature = "futures")]
            Self::FutureThreads => play_adapter::<Polled<Alone, Blocking>>(line),
            #[cfg(feature = "futures")]
            Self::Future => play_adapter::<Polled<Alone, Tasks>>(line),
            #[cfg(feature = "futures")]
            Self::BodyThreads => play_adapter::<Polled<Reader, Blocking>>(line),
            #[cfg(feature = "futures")]
            Self::Body => play_adapter::<Polled<Reader, Tasks>>(line),
            #[cfg(feature = "tokio")]
            Self::TokioThreads => play_adapter::<Polled<Tokio, Blocking>>(line),
            #[cfg(feature = "tokio")]
            Self::Tokio => play_adapter::<Polled<Tokio, Tasks>>(line),
        }
    }
}

fn play_driver(scenario: &Scenario, extra_turns: u32) -> Vec<Record> {
    let history = player::play(scenario, extra_turns, Order::Shared);
    history.into_iter().map(|(_, record)| record).collect()
}

fn play_adapter<S: Stage>(line: &str) -> (Terms, Vec<Record>) {
    let mut scenario = scenario::parse(line, Quirks::NONE).expect(line);
    adapter::fit::<S>(&mut scenario);
    let terms = Terms {
        object_mode: false,
        emit_close: true,
        has_final: false,
        unsent_at_end: true,
        ..terms(&scenario.streams[0])
    };
    (terms, adapter::play::<S>(&scenario))
}

fn terms(plan: &Plan) -> Terms {
    let options = &plan.options;
    Terms {
        high_water_mark: options.high_water_mark(),
        low_water_mark: options.low_water_mark(),
        object_mode: options.measure(2) == 1,
        emit_close: options.emit_close(),
        has_construct: plan.construct != Mode::Absent,
        has_final: plan.finalize != Mode::Absent,
        unsent_at_end: false,
        answered: true,
    }
}
