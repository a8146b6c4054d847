//! Plays scenarios on the adapter with its thread, one thing at a time: after
//! each action it waits until the worker stands at the gate, or has nothing to
//! do. So what happens is as determined as on the driver, and the same judge
//! can read it. The sink is at hand, or opened when the scenario says so. What
//! only a driver can do (re-entrant actions, other hooks, chunks of no length)
//! is left out.

use std::collections::HashMap;
use std::io;
use std::mem;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use highwater::machine::Phase;
use highwater::{Chunk, Corked, EndError, Event, Flow, WaitError, Writable, Writer};

use super::gate::{Gate, GatedSink, WATCHDOG};
use super::history::{Callee, Moment, Record, Told, What};
use super::scenario::{Action, Mode, Scenario};

pub(crate) fn play(scenario: &Scenario) -> Vec<Record> {
    let mut player = Player::new(scenario);
    for action in scenario.turns.iter().flatten() {
        player.act(*action);
        player.settle();
    }
    player.wind_down()
}

struct Player {
    gate: Gate,
    writer: Writer,
    owner: Option<Writable<GatedSink>>,
    events: Receiver<Event>,
    corks: Vec<Corked<'static>>,
    history: Vec<Record>,
    operations: u32,
    calls: usize,
    /// A call of the sink stands at the gate.
    at_gate: bool,
    /// Lets the opener go on, with or without a sink, if it waits.
    opener: Option<Sender<bool>>,
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

impl Player {
    fn new(scenario: &Scenario) -> Self {
        let gate = Gate::default();
        let (tell, events) = channel();
        let options = &scenario.options;
        let builder = Writable::builder()
            .high_water_mark(options.high_water_mark())
            .low_water_mark(options.low_water_mark())
            .limit(options.limit())
            .observer(move |event| drop(tell.send(event)));
        let sink = gate.sink();
        let (owner, opener) = if scenario.construct == Mode::Absent {
            (builder.spawn(sink).map_err(io::Error::from), None)
        } else {
            let (opener, go_on) = channel();
            let open = move || match go_on.recv() {
                Ok(true) => Ok(sink),
                _ => Err(io::Error::other("the test says so")),
            };
            (builder.open(open), Some(opener))
        };
        let owner = owner.expect("a thread can be started");
        Self {
            gate,
            writer: owner.writer(),
            owner: Some(owner),
            events,
            corks: Vec::new(),
            history: Vec::new(),
            operations: 0,
            calls: 0,
            at_gate: false,
            opener,
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
        let snapshot = self.writer.snapshot();
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
            Action::Cork => {
                // The guard borrows its writer, and lives as long as the scenario wants.
                let writer: &'static mut Writer = Box::leak(Box::new(self.writer.clone()));
                if let Ok(cork) = writer.cork() {
                    self.log(What::Cork);
                    self.corks.push(cork);
                    self.log(What::Returned("cork"));
                }
            }
            Action::Uncork => {
                if let Some(cork) = self.corks.pop() {
                    self.log(What::Uncork);
                    drop(cork);
                    self.log(What::Returned("uncork"));
                }
            }
            Action::Destroy { error } => self.destroy(error),
            Action::Answer { ok } if self.at_gate => self.answer(ok),
            Action::Construct { ok } => self.open(ok),
            _ => {}
        }
    }

    /// The opener answers, if it has not.
    fn open(&mut self, ok: bool) {
        let Some(opener) = self.opener.take() else {
            return;
        };
        self.log(What::ConstructAnswers { ok });
        opener.send(ok).expect("the opener waits");
        // Open, or closed: either is told.
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
        let written = self.writer.write_owned(bytes);
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
            self.awaited.push((number, self.writer.position()));
        }
    }

    fn called(&mut self, callee: Callee, told: Told) {
        self.log(What::Callback(callee, told));
    }

    fn end(&mut self, callback: bool) {
        let Some(stream) = self.owner.take() else {
            return;
        };
        self.operations += 1;
        let number = self.operations;
        self.log(What::End {
            number,
            chunk: None,
            callback,
        });
        // An end is an uncork of all corks.
        mem::take(&mut self.corks).into_iter().for_each(mem::forget);
        let ended = stream.end_timeout(Duration::ZERO);
        self.ended |= self.writer.snapshot().phase != Phase::Errored;
        self.log(What::Ended {
            number,
            refused: false,
        });
        if callback {
            self.end_awaited.push(number);
        }
        match ended {
            Err(EndError::TimedOut(stream)) => self.owner = Some(stream),
            Err(EndError::Failed { remains, .. }) => {
                self.settle();
                self.hand_back(remains.unsent);
            }
            Ok(_) => self.settle(),
            Err(other) => panic!("no chunk was to be refused: {other}"),
        }
    }

    fn destroy(&mut self, error: bool) {
        let Some(stream) = self.owner.take() else {
            return;
        };
        self.log(What::Destroy);
        self.destroy_called = true;
        // It waits for the call at the gate, which goes through only then.
        let destroying = thread::spawn(move || match error {
            true => stream.destroy_with("the test says so"),
            false => stream.destroy(),
        });
        let stopped = [Phase::Errored, Phase::Destroyed, Phase::Closed];
        wait_until(|| stopped.contains(&self.writer.snapshot().phase));
        if mem::take(&mut self.at_gate) {
            let (call, ok, again) = (self.calls - 1, true, false);
            self.log(What::SinkAnswers { call, ok, again });
        }
        self.open(true);
        self.gate.open();
        let remains = destroying.join().expect("destroy does not panic");
        assert_eq!(remains.in_doubt, 0);
        self.log(What::Returned("destroy"));
        self.settle();
        self.hand_back(remains.unsent);
    }

    fn hand_back(&mut self, unsent: Vec<Chunk>) {
        let totals = self.writer.snapshot();
        let rest: u64 = unsent.iter().map(|chunk| chunk.len() as u64).sum();
        assert_eq!(totals.written + rest, totals.accepted, "delivered + unsent");
        assert_eq!(totals.written, self.gate.taken().len() as u64);
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
        let before = self.writer.snapshot();
        let error = || io::Error::other("the test says so");
        self.gate.answer(if ok { Ok(()) } else { Err(error()) });
        self.at_gate = false;
        // The worker has put the answer in once this shows it.
        wait_until(|| {
            let now = self.writer.snapshot();
            now.written != before.written || now.phase != before.phase
        });
        self.log(What::Answered("done"));
    }

    /// Waits until the worker stands at the gate or has nothing to do, and
    /// writes down what has happened meanwhile.
    fn settle(&mut self) {
        let snapshot = self.writer.snapshot();
        let ends = self.ended && snapshot.length == 0;
        let stops = matches!(
            snapshot.phase,
            Phase::Errored | Phase::Destroyed | Phase::Closed
        );
        let drains = |player: &Self| {
            let told = |record: &Record| record.what == What::Event("drain");
            player.history.iter().filter(|record| told(record)).count() as u64
        };
        while drains(self) < snapshot.drains {
            self.next_event();
        }
        // Everything is written, or nothing more will be: it closes by itself,
        // unless a call still stands at the gate.
        let opening = self.opener.is_some();
        while (ends || stops) && !self.closed && !self.at_gate && !opening {
            self.next_event();
        }
        if snapshot.in_flight > 0 && !self.at_gate && !stops {
            let bytes = self.gate.wait_for_call();
            let chunks = self.decode(&bytes);
            let batch = chunks.len() > 1;
            self.at_gate = true;
            self.calls += 1;
            self.log(What::Sink { batch, chunks });
        }
        self.ask_callbacks();
    }

    fn next_event(&mut self) {
        let event = self.events.recv_timeout(WATCHDOG).expect("an event is due");
        match event {
            Event::Drain => self.log(What::Event("drain")),
            Event::Finish => {
                self.finished = true;
                self.ask_callbacks();
                self.log(What::Event("finish"));
            }
            Event::Error(cause) => self.log(What::Error(cause.code().into())),
            Event::Close => {
                self.closed = true;
                self.ask_callbacks();
                self.log(What::Event("close"));
            }
            _ => {}
        }
    }

    /// Asks for what writes and ends with a callback wait for. Waiting without
    /// time is asking.
    fn ask_callbacks(&mut self) {
        let closed = mem::replace(&mut self.closed, false);
        for (number, position) in mem::take(&mut self.awaited) {
            match self.writer.wait_written_timeout(position, Duration::ZERO) {
                Ok(()) => self.called(Callee::Write(number), Ok(())),
                Err(WaitError::TimedOut) => self.awaited.push((number, position)),
                Err(error) => self.called(Callee::Write(number), Err(error.code().into())),
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
        while !self.corks.is_empty() {
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
        if let Some(stream) = self.owner.take() {
            match stream.end() {
                Ok(done) => assert_eq!(done.totals.written, done.totals.accepted),
                Err(EndError::Failed { remains, .. }) => self.hand_back(remains.unsent),
                Err(other) => panic!("no time-out, no chunk: {other}"),
            }
        }
        self.history
    }
}

/// Waits, without sleeping, for something that another thread is about to do.
fn wait_until(mut f: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !f() {
        assert!(start.elapsed() < WATCHDOG, "it never happened");
        thread::yield_now();
    }
}
