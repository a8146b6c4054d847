//! The naive oracle: reads what happened to a stream and says which of the
//! contract's invariants it broke. It knows nothing of the machine: it keeps a
//! plain list of chunks and believes only its own count.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::replay::history::{Callee, Moment, Record, What};

/// What the judge must know of the stream.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub high_water_mark: u64,
    pub low_water_mark: u64,
    pub object_mode: bool,
    pub emit_close: bool,
    pub has_construct: bool,
    pub has_final: bool,
    /// Chunks that will not be written are handed back only at the end, so
    /// until then the length of a stopped stream cannot be known.
    pub unsent_at_end: bool,
    /// Everything was answered in the end.
    pub answered: bool,
}

/// The invariants of the contract, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Invariant {
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
}

pub const ALL: [Invariant; 16] = [
    Invariant::NoWriteAfterEnd,
    Invariant::DrainEarned,
    Invariant::LengthAccounts,
    Invariant::OrderKept,
    Invariant::OneAtATime,
    Invariant::CorkHolds,
    Invariant::NothingSentAfterFailure,
    Invariant::CallbackOnce,
    Invariant::CallbackLater,
    Invariant::FinishFlushed,
    Invariant::ErrorOnce,
    Invariant::CloseLast,
    Invariant::AnswerTruthful,
    Invariant::WaitIsAnswered,
    Invariant::EndResolves,
    Invariant::DestroyCloses,
];

/// Which invariants this history broke, and how.
pub fn judge(terms: &Terms, history: &[Record]) -> Vec<(Invariant, String)> {
    let mut judge = Judge::new(terms, history);
    for (index, record) in history.iter().enumerate() {
        judge.see(index, record);
    }
    judge.look_back(history.last().map(|record| &record.now));
    judge.broken
}

struct Judge<'a> {
    terms: &'a Terms,
    /// Numbers of the writes and ends whose chunk was refused.
    refused: HashSet<u32>,
    broken: Vec<(Invariant, String)>,
    at: String,
    before: Moment,
    /// Accepted, not with the sink, not handed back, in order.
    queue: VecDeque<(u32, u64)>,
    /// With the sink, unanswered, not taken back.
    in_flight: Vec<(u32, u64)>,
    /// Was with the sink when the stream was destroyed. It may still answer.
    taken_back: Vec<(u32, u64)>,
    /// How many bytes the worker still has to give on, of a batch that it has taken.
    of_batch: u64,
    calls: usize,
    /// The call that is unanswered, if one is.
    unanswered: Option<usize>,
    /// What was written ok, and what failed.
    written: HashSet<u32>,
    accepted: HashSet<u32>,
    corked: u32,
    open_ends: u32,
    /// What `_construct` and `_final` answered first.
    constructed: Option<bool>,
    finalized: Option<bool>,
    /// A write returned `Wait` since the last drain.
    waits: bool,
    /// Calls that have begun and not returned.
    open_calls: Vec<u32>,
    /// Callbacks still to be called, and those of ends that returned after destroy.
    owed: HashSet<u32>,
    owed_shared: HashMap<char, u32>,
    of_destroyed: HashSet<u32>,
    end_accepted: bool,
    finish_told: bool,
    errors_told: u32,
    close_told: bool,
}

impl<'a> Judge<'a> {
    fn new(terms: &'a Terms, history: &[Record]) -> Self {
        let refused = history.iter().filter_map(|record| match record.what {
            What::Wrote {
                number,
                refused: true,
                ..
            }
            | What::Ended {
                number,
                refused: true,
            } => Some(number),
            _ => None,
        });
        Self {
            terms,
            refused: refused.collect(),
            broken: Vec::new(),
            at: String::new(),
            before: Moment {
                writable: true,
                ..Moment::default()
            },
            queue: VecDeque::new(),
            in_flight: Vec::new(),
            taken_back: Vec::new(),
            of_batch: 0,
            calls: 0,
            unanswered: None,
            written: HashSet::new(),
            accepted: HashSet::new(),
            corked: 0,
            open_ends: 0,
            constructed: (!terms.has_construct).then_some(true),
            finalized: (!terms.has_final).then_some(true),
            waits: false,
            open_calls: Vec::new(),
            owed: HashSet::new(),
            owed_shared: HashMap::new(),
            of_destroyed: HashSet::new(),
            end_accepted: false,
            finish_told: false,
            errors_told: 0,
            close_told: false,
        }
    }

    fn break_if(&mut self, broken: bool, invariant: Invariant, why: &str) {
        if broken {
            self.broken.push((invariant, format!("{why}: {}", self.at)));
        }
    }

    fn see(&mut self, index: usize, record: &Record) {
        self.at = format!("record {index}, {:?} | {}", record.what, record.now);
        let now = &record.now;
        if now.destroyed && !self.before.destroyed {
            // Whatever destroyed it has taken back what was in flight.
            self.taken_back.append(&mut self.in_flight);
        }
        if self.open_ends > 0 && now.corked == 0 {
            // An end uncorks fully, somewhere in the middle of its call.
            self.corked = 0;
        }
        self.see_what(&record.what, now);
        self.see_properties(now);
        // What begins takes effect only after its record.
        let begins = matches!(
            record.what,
            What::Write { .. }
                | What::End { .. }
                | What::SinkAnswers { .. }
                | What::SinkProgresses { .. }
        );
        if !begins {
            self.see_length(now);
        }
        self.before = now.clone();
    }

    fn see_what(&mut self, what: &What, now: &Moment) {
        match what {
            What::Write {
                number,
                len,
                callback,
            } => {
                self.open_calls.push(*number);
                self.accept(*number, *len);
                match callback {
                    Some(Callee::Shared(name)) => *self.owed_shared.entry(*name).or_default() += 1,
                    Some(_) => drop(self.owed.insert(*number)),
                    None => {}
                }
            }
            What::End {
                number,
                chunk,
                callback,
            } => {
                self.open_calls.push(*number);
                if let Some(len) = chunk {
                    self.accept(*number, *len);
                }
                self.open_ends += 1;
                if *callback {
                    self.owed.insert(*number);
                }
            }
            What::Wrote {
                number,
                room,
                refused,
            } => {
                self.open_calls.retain(|open| open != number);
                self.wrote(*room, *refused, now);
            }
            What::Ended { number, refused } => {
                self.open_ends -= 1;
                self.open_calls.retain(|open| open != number);
                if now.destroyed {
                    self.of_destroyed.insert(*number);
                }
                self.end_accepted |= !refused && now.ended;
            }
            What::Cork => self.corked += 1,
            What::Uncork => self.corked = self.corked.saturating_sub(1),
            What::Taken { bytes } => self.taken(*bytes),
            What::Sink { chunks, .. } => self.sink_called(chunks, now),
            What::SinkAnswers { call, ok, again } => self.sink_answers(*call, *ok, *again),
            What::SinkProgresses { done } => self.sink_progresses(*done),
            What::FinalAnswers { ok } => drop(self.finalized.get_or_insert(*ok)),
            What::ConstructAnswers { ok } => drop(self.constructed.get_or_insert(*ok)),
            What::Unsent(number) => self.unsent(*number),
            What::Callback(callee, told) => self.callback(*callee, told.is_ok(), now),
            What::Event(name) => self.event(name, now),
            What::Error(_) => {
                self.no_event_after_close();
                self.errors_told += 1;
                let twice = self.errors_told > 1;
                self.break_if(twice, Invariant::ErrorOnce, "a second 'error'");
            }
            What::Final | What::Construct | What::DestroyHook(_) => {}
            What::Destroy | What::Returned(_) | What::Answered(_) | What::TurnOver => {}
        }
    }

    fn len(&self, len: u64) -> u64 {
        if self.terms.object_mode { 1 } else { len }
    }

    fn accept(&mut self, number: u32, len: u64) {
        let before = &self.before;
        if self.refused.contains(&number) {
            // Too long: a drain is owed if anything is there.
            self.waits |= before.writable && before.length > 0;
            return;
        }
        let late = before.ended || before.destroyed || before.errored.is_some();
        self.break_if(late, Invariant::NoWriteAfterEnd, "accepted too late");
        self.queue.push_back((number, self.len(len)));
        self.accepted.insert(number);
    }

    fn wrote(&mut self, room: bool, refused: bool, now: &Moment) {
        let full = now.length >= self.terms.high_water_mark && now.length > 0;
        if refused {
            return self.break_if(room, Invariant::AnswerTruthful, "room for a refused write");
        }
        let stopped = now.destroyed || now.errored.is_some();
        let lies = room == (full || stopped);
        self.break_if(lies, Invariant::AnswerTruthful, "a wrong answer");
        self.waits |= full;
    }

    fn taken(&mut self, bytes: u64) {
        let held = self.corked > 0;
        self.break_if(held, Invariant::CorkHolds, "taken while corked");
        let busy = self.unanswered.is_some() || self.of_batch > 0;
        self.break_if(busy, Invariant::OneAtATime, "a second batch");
        self.of_batch = bytes;
    }

    fn sink_called(&mut self, chunks: &[(u32, u64)], now: &Moment) {
        let stopped = now.destroyed || now.errored.is_some() || self.constructed != Some(true);
        self.break_if(
            stopped,
            Invariant::NothingSentAfterFailure,
            "written to a sink that is not to be used",
        );
        // A cork holds nothing of a batch that was taken before it.
        let len: u64 = chunks.iter().map(|(_, len)| len).sum();
        let rest = self.of_batch.checked_sub(len);
        self.of_batch = rest.unwrap_or(0);
        let held = self.corked > 0 && rest.is_none();
        self.break_if(held, Invariant::CorkHolds, "written while corked");
        let busy = self.unanswered.is_some();
        self.break_if(busy, Invariant::OneAtATime, "a second sink call");
        self.break_if(
            self.close_told,
            Invariant::CloseLast,
            "written after 'close'",
        );
        self.unanswered = Some(self.calls);
        self.calls += 1;
        self.in_flight.clear();
        for (number, len) in chunks {
            let next = self.queue.pop_front();
            let right = next == Some((*number, self.len(*len)));
            self.break_if(!right, Invariant::OrderKept, "not the next chunk");
            self.in_flight.push((*number, self.len(*len)));
        }
    }

    fn sink_answers(&mut self, call: usize, ok: bool, again: bool) {
        if again || self.unanswered != Some(call) {
            return;
        }
        self.unanswered = None;
        for (number, _) in self.in_flight.drain(..).chain(self.taken_back.drain(..)) {
            if ok {
                self.written.insert(number);
            }
        }
    }

    /// What is done leaves the chunks that the sink has, first things first.
    fn sink_progresses(&mut self, mut done: u64) {
        for (_, len) in &mut self.in_flight {
            let part = done.min(*len);
            *len -= part;
            done -= part;
        }
    }

    fn unsent(&mut self, number: u32) {
        let next = self.queue.pop_front().map(|(number, _)| number);
        let right = next == Some(number);
        self.break_if(!right, Invariant::OrderKept, "handed back out of order");
    }

    fn callback(&mut self, callee: Callee, ok: bool, now: &Moment) {
        let number = match callee {
            Callee::Shared(name) => {
                let owed = self.owed_shared.entry(name).or_default();
                let none = *owed == 0;
                *owed = owed.saturating_sub(1);
                return self.break_if(none, Invariant::CallbackOnce, "called too often");
            }
            Callee::Write(number) | Callee::End(number) => number,
        };
        let owed = self.owed.remove(&number);
        self.break_if(!owed, Invariant::CallbackOnce, "called twice");
        let early = self.open_calls.contains(&number);
        self.break_if(early, Invariant::CallbackLater, "called within its call");
        let right = match callee {
            Callee::Write(_) => self.written.contains(&number),
            _ => now.finished,
        };
        self.break_if(ok && !right, Invariant::CallbackOnce, "ok too soon");
        let failed = self.refused.contains(&number) || !now.writable;
        self.break_if(
            !ok && !failed,
            Invariant::CallbackOnce,
            "an error without a failure",
        );
        let excused = match callee {
            Callee::Write(_) => self.refused.contains(&number),
            _ => self.of_destroyed.contains(&number),
        };
        let late = self.close_told && !excused;
        self.break_if(late, Invariant::CloseLast, "called after 'close'");
    }

    fn event(&mut self, name: &str, now: &Moment) {
        self.no_event_after_close();
        match name {
            "drain" => {
                let too_full = now.length > self.terms.low_water_mark;
                let stopped = now.ended || now.destroyed || now.errored.is_some();
                let unearned = !self.waits || too_full || stopped;
                self.break_if(
                    unearned,
                    Invariant::DrainEarned,
                    "a drain that no writer waits for",
                );
                self.waits = false;
            }
            "finish" => {
                let all = self.queue.is_empty() && self.in_flight.is_empty() && now.length == 0;
                let mut owed = self.owed.iter();
                let told = !owed.any(|number| self.accepted.contains(number));
                let ready = self.finalized == Some(true) && !self.finish_told;
                let right = now.ended && all && told && ready;
                self.break_if(!right, Invariant::FinishFlushed, "'finish' too soon");
                self.finish_told = true;
            }
            "close" => self.close_told = true,
            _ => {}
        }
    }

    fn no_event_after_close(&mut self) {
        let after = self.close_told;
        self.break_if(after, Invariant::CloseLast, "an event after 'close'");
    }

    fn see_length(&mut self, now: &Moment) {
        if self.terms.unsent_at_end && (now.destroyed || now.errored.is_some()) {
            return;
        }
        let chunks = self.queue.iter().chain(&self.in_flight);
        let length: u64 = chunks.map(|(_, len)| len).sum();
        let wrong = now.length != length;
        self.break_if(
            wrong,
            Invariant::LengthAccounts,
            &format!("{length} expected"),
        );
    }

    fn see_properties(&mut self, now: &Moment) {
        let changed = self.before.errored.is_some() && self.before.errored != now.errored;
        self.break_if(changed, Invariant::ErrorOnce, "`errored` has changed");

        let stopped = self.before.destroyed || self.before.errored.is_some();
        let risen = now.finished && !self.before.finished && stopped;
        self.break_if(
            risen,
            Invariant::FinishFlushed,
            "finished after it was destroyed",
        );
    }

    /// What has to have happened by the end of a scenario in which everything
    /// was answered.
    fn look_back(&mut self, last: Option<&Moment>) {
        let Some(now) = last else { return };
        if now.closed {
            // Nothing is left that could still call back.
            self.at = format!("at the end | {now}");
            self.no_callback_is_owed();
        }
        if self.corked > 0 || self.unanswered.is_some() || !self.terms.answered {
            return;
        }
        self.at = format!("at the end | {now}");
        let stopped = now.destroyed || now.errored.is_some();
        let waits = self.waits && !now.ended && !stopped;
        self.break_if(waits, Invariant::WaitIsAnswered, "a writer still waits");
        let ends = self.end_accepted && !now.finished && !stopped;
        self.break_if(
            ends,
            Invariant::EndResolves,
            "ended, and nothing came of it",
        );
        let told = self.close_told || !self.terms.emit_close;
        let closes = now.destroyed && !(now.closed && told);
        self.break_if(
            closes,
            Invariant::DestroyCloses,
            "destroyed, and not closed",
        );
        if !now.closed {
            self.no_callback_is_owed();
        }
    }

    fn no_callback_is_owed(&mut self) {
        let mut owed: Vec<_> = self.owed.iter().map(u32::to_string).collect();
        let shared = self.owed_shared.iter().filter(|(_, count)| **count > 0);
        owed.extend(shared.map(|(name, _)| name.to_string()));
        owed.sort();
        self.break_if(
            !owed.is_empty(),
            Invariant::CallbackOnce,
            &format!("never called: {owed:?}"),
        );
    }
}
