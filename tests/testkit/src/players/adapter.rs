//! Plays scenarios on an adapter, one thing at a time: after each action it waits
//! until the worker stands at the gate, or has nothing to do. So what happens is as
//! determined as on the driver, and the same judge can read it. The sink is at hand,
//! or opened when the scenario says so. What only a driver can do (re-entrant
//! actions, other hooks, chunks of no length) is left out.

use std::collections::HashMap;
use std::mem;

use highwater::machine::Phase;
use highwater::{Chunk, Event, Flow, Snapshot, WaitError, WriteError};

use crate::replay::history::{Callee, Moment, Record, Told, What};
use crate::replay::scenario::{Action, Mode, Plan, Scenario};

/// An adapter, its sink behind a gate, and its opener.
pub(crate) trait Stage {
    fn new(plan: &Plan) -> Self;
    fn snapshot(&self) -> Snapshot;
    fn position(&self) -> u64;
    fn write(&mut self, bytes: Vec<u8>) -> Result<Flow, WriteError<Chunk>>;
    /// Whether a write at this position is through; `None`: not yet.
    fn written(&mut self, position: u64) -> Option<Result<(), WaitError>>;
    fn cork(&mut self) -> bool;
    fn uncork(&mut self) -> bool;
    fn corks(&self) -> usize;
    /// Begins to end the stream. What is unsent, if it has failed.
    fn end(&mut self) -> Option<Vec<Chunk>>;
    /// `false` once it has been ended for good, or destroyed.
    fn is_owned(&self) -> bool;
    /// Begins to destroy the stream.
    fn begin_destroy(&mut self, error: bool);
    /// Whether there is a sink to open. If not, the scenario's opener is left out.
    const OPENS: bool = true;
    /// Whether the worker gives a batch on chunk by chunk, in a call for each. Then a drain may
    /// come before the batch is over, and the observer sees it afterwards.
    const PARTS_BATCHES: bool = false;
    /// Whether a call at the gate, which destroy finds there, is answered after all.
    const ANSWERS_AFTER_DESTROY: bool;
    /// Waits until the stream is destroyed; what is unsent.
    fn destroyed(&mut self) -> Vec<Chunk>;
    /// Waits for the end; what is unsent, if it has failed.
    fn ended(&mut self) -> Option<Vec<Chunk>>;
    fn opening(&self) -> bool;
    fn open(&mut self, ok: bool);
    fn next_event(&mut self) -> Event;
    /// Waits until a call stands at the gate; what it was given.
    fn wait_for_call(&mut self) -> Vec<u8>;
    /// Lets the call at the gate answer, and waits until that is taken.
    fn answer(&mut self, ok: bool);
    /// How many bytes the sink has taken.
    fn taken(&self) -> u64;
}

/// The scenario as this stage can play it.
pub(crate) fn fit<S: Stage>(scenario: &mut Scenario) {
    if !S::OPENS {
        for plan in &mut scenario.streams {
            plan.construct = Mode::Absent;
        }
    }
}

pub(crate) fn play<S: Stage>(scenario: &Scenario) -> Vec<Record> {
    let mut player = Player::<S>::new(&scenario.streams[0]);
    for aimed in scenario.turns.iter().flatten() {
        player.act(aimed.action);
        player.settle();
    }
    player.wind_down()
}

struct Player<S> {
    stage: S,
    history: Vec<Record>,
    operations: u32,
    calls: usize,
    /// A call of the sink stands at the gate.
    at_gate: bool,
    /// How many bytes of a batch are still to come to the gate, if the worker parts batches.
    of_batch: u64,
    /// A drain was owed when the player looked last, and how many the observer has seen, if the
    /// worker parts batches.
    owes_drain: bool,
    drains_seen: u64,
    /// The length of the chunk of each accepted write.
    chunks: HashMap<u32, u64>,
    /// The position at which each write with a callback is done.
    awaited: Vec<(u32, u64)>,
    /// The end with a callback that is still to be answered.
    end_awaited: Vec<u32>,
    ended: bool,
    destroy_called: bool,
    finished: bool,
    closed: bool,
}

impl<S: Stage> Player<S> {
    fn new(plan: &Plan) -> Self {
        Self {
            stage: S::new(plan),
            history: Vec::new(),
            operations: 0,
            calls: 0,
            at_gate: false,
            of_batch: 0,
            owes_drain: false,
            drains_seen: 0,
            chunks: HashMap::new(),
            awaited: Vec::new(),
            end_awaited: Vec::new(),
            ended: false,
            destroy_called: false,
            finished: false,
            closed: false,
        }
    }

    fn log(&mut self, what: What) {
        let snapshot = self.stage.snapshot();
        let errored = snapshot.phase == Phase::Errored;
        // A finished stream destroys itself; that shows after 'finish'.
        let gone = matches!(snapshot.phase, Phase::Destroyed | Phase::Closed);
        let destroyed = errored || gone && (self.finished || self.destroy_called);
        let now = Moment {
            writable: !self.ended && !destroyed,
            ended: self.ended,
            finished: self.finished,
            needs_drain: snapshot.needs_drain,
            destroyed,
            closed: self.closed,
            aborted: destroyed && !self.finished,
            length: snapshot.length,
            corked: snapshot.corked,
            errored: errored.then(|| "E".into()),
        };
        self.history.push(Record { what, now });
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Write {
                times,
                len,
                callback,
            } => (0..times).for_each(|_| self.write(len.max(1), callback.is_some())),
            Action::End { callback, .. } => self.end(callback),
            Action::Cork if self.stage.cork() => {
                self.log(What::Cork);
                self.log(What::Returned("cork"));
            }
            Action::Uncork if self.stage.corks() > 0 => {
                self.log(What::Uncork);
                self.stage.uncork();
                self.log(What::Returned("uncork"));
            }
            Action::Destroy { error } => self.destroy(error),
            Action::Answer { ok } if self.at_gate => self.answer(ok),
            Action::Construct { ok } => self.open(ok),
            _ => {}
        }
    }

    /// The opener answers, if it has not.
    fn open(&mut self, ok: bool) {
        if !self.stage.opening() {
            return;
        }
        self.log(What::ConstructAnswers { ok });
        self.stage.open(ok);
        // An event says that it is open, or that it is closed.
        if !self.destroy_called {
            self.next_event();
        }
    }

    fn write(&mut self, len: u64, callback: bool) {
        self.operations += 1;
        let number = self.operations;
        let callee = callback.then_some(Callee::Write(number));
        self.log(What::Write {
            number,
            len,
            callback: callee,
        });
        // Its number is its content.
        let bytes = vec![number as u8; len as usize];
        let written = self.stage.write(bytes);
        let refused = written.is_err();
        match &written {
            Ok(_) => drop(self.chunks.insert(number, len)),
            Err(error) => assert!(!error.code().is_empty()),
        }
        let room = matches!(written, Ok(Flow::More));
        self.log(What::Wrote {
            number,
            room,
            refused,
        });
        if callback && refused {
            let code = written.err().map_or("", |error| error.code());
            self.called(Callee::Write(number), Err(code.into()));
        } else if callback {
            self.awaited.push((number, self.stage.position()));
        }
    }

    fn called(&mut self, callee: Callee, told: Told) {
        self.log(What::Callback(callee, told));
    }

    fn end(&mut self, callback: bool) {
        if !self.stage.is_owned() {
            return;
        }
        self.operations += 1;
        let number = self.operations;
        self.log(What::End {
            number,
            chunk: None,
            callback,
        });
        let failed = self.stage.end();
        self.ended |= self.stage.snapshot().phase != Phase::Errored;
        self.log(What::Ended {
            number,
            refused: false,
        });
        if callback {
            self.end_awaited.push(number);
        }
        self.settle();
        if let Some(unsent) = failed {
            self.hand_back(unsent);
        }
    }

    fn destroy(&mut self, error: bool) {
        if !self.stage.is_owned() {
            return;
        }
        self.log(What::Destroy);
        self.destroy_called = true;
        self.stage.begin_destroy(error);
        if mem::take(&mut self.at_gate) && S::ANSWERS_AFTER_DESTROY {
            let (call, ok, again) = (self.calls - 1, true, false);
            self.log(What::SinkAnswers { call, ok, again });
        }
        self.open(true);
        let unsent = self.stage.destroyed();
        self.log(What::Returned("destroy"));
        self.settle();
        self.hand_back(unsent);
    }

    fn hand_back(&mut self, unsent: Vec<Chunk>) {
        let totals = self.stage.snapshot();
        let rest: u64 = unsent.iter().map(|chunk| chunk.len() as u64).sum();
        assert_eq!(
            totals.delivered + rest,
            totals.accepted,
            "delivered + unsent"
        );
        assert_eq!(totals.delivered, self.stage.taken());
        let bytes: Vec<_> = unsent
            .iter()
            .flat_map(|chunk| chunk.as_ref())
            .copied()
            .collect();
        for (number, _) in self.decode(&bytes) {
            // What was in flight when the stream stopped has left the queue.
            let in_flight = self.history.iter().any(|record| match &record.what {
                What::Sink { chunks, .. } => chunks.iter().any(|(sent, _)| *sent == number),
                _ => false,
            });
            if !in_flight {
                self.log(What::Unsent(number));
            }
        }
    }

    /// The writes whose chunks these bytes are.
    fn decode(&self, mut bytes: &[u8]) -> Vec<(u32, u64)> {
        let mut chunks = Vec::new();
        while let Some(first) = bytes.first() {
            let number = u32::from(*first);
            let len = self.chunks.get(&number).copied().unwrap_or(1);
            let (chunk, rest) = bytes.split_at(bytes.len().min(len as usize));
            assert!(chunk.iter().all(|byte| byte == first), "a torn chunk");
            chunks.push((number, len));
            bytes = rest;
        }
        chunks
    }

    fn answer(&mut self, ok: bool) {
        let call = self.calls - 1;
        self.log(What::SinkAnswers {
            call,
            ok,
            again: false,
        });
        self.stage.answer(ok);
        self.at_gate = false;
        self.log(What::Answered("done"));
    }

    /// Waits until the worker stands at the gate or has nothing to do, and
    /// writes down what has happened meanwhile.
    fn settle(&mut self) {
        let snapshot = self.stage.snapshot();
        let ends = self.ended && snapshot.length == 0;
        let stops = matches!(
            snapshot.phase,
            Phase::Errored | Phase::Destroyed | Phase::Closed
        );
        if S::PARTS_BATCHES {
            let drains = self.owes_drain && !snapshot.needs_drain && !self.ended && !stops;
            self.owes_drain = snapshot.needs_drain;
            if drains {
                self.log(What::Event("drain"));
            }
        }
        while !S::PARTS_BATCHES && self.drains() < snapshot.drains {
            self.next_event();
        }
        // Everything is written, or nothing more will be: it closes by itself,
        // unless a call still stands at the gate.
        let opening = self.stage.opening();
        while (ends || stops) && !self.closed && !self.at_gate && !opening {
            self.next_event();
        }
        if snapshot.in_flight > 0 && !self.at_gate && !stops {
            let bytes = self.stage.wait_for_call();
            if S::PARTS_BATCHES {
                self.part(snapshot.in_flight, bytes.len() as u64);
            }
            let chunks = self.decode(&bytes);
            let batch = chunks.len() > 1;
            self.at_gate = true;
            self.calls += 1;
            self.log(What::Sink { batch, chunks });
        }
        self.ask_callbacks();
    }

    /// How many drains the history has.
    fn drains(&self) -> u64 {
        let told = |record: &&Record| record.what == What::Event("drain");
        self.history.iter().filter(told).count() as u64
    }

    /// A call comes with so many bytes, of so many that the worker has in hand.
    fn part(&mut self, in_flight: u64, given: u64) {
        if self.of_batch == 0 {
            self.of_batch = in_flight;
            self.log(What::Taken { bytes: in_flight });
        }
        assert_eq!(self.of_batch, in_flight, "the batch is as it was taken");
        self.of_batch -= given;
    }

    fn next_event(&mut self) {
        match self.stage.next_event() {
            Event::Drain if S::PARTS_BATCHES => self.drains_seen += 1,
            Event::Drain => self.log(What::Event("drain")),
            Event::Finish => {
                self.finished = true;
                self.ask_callbacks();
                self.log(What::Event("finish"));
            }
            Event::Error(cause) => self.log(What::Error(cause.code().into())),
            Event::Close => {
                if S::PARTS_BATCHES {
                    let counted = self.stage.snapshot().drains;
                    assert_eq!((self.drains(), self.drains_seen), (counted, counted));
                }
                self.closed = true;
                self.ask_callbacks();
                self.log(What::Event("close"));
            }
            _ => {}
        }
    }

    /// Asks for what writes and ends with a callback wait for.
    fn ask_callbacks(&mut self) {
        let closed = mem::replace(&mut self.closed, false);
        for (number, position) in mem::take(&mut self.awaited) {
            match self.stage.written(position) {
                None => self.awaited.push((number, position)),
                Some(Ok(())) => self.called(Callee::Write(number), Ok(())),
                Some(Err(error)) => self.called(Callee::Write(number), Err(error.code().into())),
            }
        }
        if self.finished || closed {
            for number in mem::take(&mut self.end_awaited) {
                let told = if self.finished {
                    Ok(())
                } else {
                    Err("E".into())
                };
                self.called(Callee::End(number), told);
            }
        }
        self.closed = closed;
    }

    /// Releases every cork, answers everything, and ends what has not ended.
    fn wind_down(mut self) -> Vec<Record> {
        while self.stage.corks() > 0 {
            self.act(Action::Uncork);
            self.settle();
        }
        self.open(true);
        self.settle();
        while self.at_gate {
            self.answer(true);
            self.settle();
        }
        self.log(What::TurnOver);
        if self.stage.is_owned() {
            match self.stage.ended() {
                None => {
                    let totals = self.stage.snapshot();
                    assert_eq!(totals.delivered, totals.accepted);
                }
                Some(unsent) => self.hand_back(unsent),
            }
        }
        self.history
    }
}
