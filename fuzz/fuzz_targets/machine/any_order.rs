//! The machine, in any order.

use std::collections::VecDeque;
use std::mem::{Discriminant, discriminant, take};

use highwater::machine::{
    Effect, Event, Fault, Flow, Input, Leased, Measure, Quirks, State, Step, Task, Then, step,
};

use crate::{Bytes, Chosen, failed};

/// What a driver would have: the queue is always true, the rest is put in as the
/// bytes say.
struct AnyOrder {
    chosen: Chosen,
    state: State,
    queue: VecDeque<Measure>,
    stack: VecDeque<Then>,
    tasks: VecDeque<Task>,
    seen: Vec<Discriminant<Effect>>,
    told: Vec<Discriminant<Event>>,
    ends_kept: bool,
    taken_back: bool,
}

pub(crate) fn play(mut bytes: Bytes<'_>, chosen: Chosen) {
    let mut it = AnyOrder {
        chosen,
        state: State::new(&chosen.options),
        queue: VecDeque::new(),
        stack: VecDeque::new(),
        tasks: VecDeque::new(),
        seen: Vec::new(),
        told: Vec::new(),
        ends_kept: false,
        taken_back: false,
    };
    it.put(Input::Start);
    while !bytes.0.is_empty() {
        let input = match bytes.next() % 26 {
            0..8 => Some(bytes.call()),
            8..12 => Some(bytes.answer()),
            // The right one; any one; one twice; none of them; one made up.
            12..16 => it.stack.pop_back().map(Input::Resume),
            16 => it
                .stack
                .remove(bytes.below(it.stack.len()))
                .map(Input::Resume),
            17 => it
                .stack
                .get(bytes.below(it.stack.len()))
                .copied()
                .map(Input::Resume),
            18 => it.stack.pop_back().and(None),
            19 => Some(Input::Resume(bytes.then())),
            20..22 => it.tasks.pop_front().map(Input::Run),
            22 => match bytes.next() % 3 {
                0 => it.tasks.remove(bytes.below(it.tasks.len())).map(Input::Run),
                1 => it
                    .tasks
                    .get(bytes.below(it.tasks.len()))
                    .copied()
                    .map(Input::Run),
                _ => it.tasks.pop_front().and(None),
            },
            23 => Some(Input::Run(bytes.task())),
            _ => {
                it.settles(bytes.leased());
                None
            }
        };
        if let Some(input) = input {
            it.put(input);
        }
    }
}

impl AnyOrder {
    /// What this driver settles: it is truthful of its queue, so the chunks that a lease
    /// covers are in it, or have left it.
    fn settles(&mut self, leased: Leased) {
        if let Leased::Flushed { answers, .. } = leased {
            return self.settles_answers(answers);
        }
        if let Leased::Queued {
            chunks,
            len,
            callback,
        } = leased
        {
            let options = &self.chosen.options;
            let lease = self.state.lease_to_queue(options);
            let objects = options.measure(2) == 1;
            let measured = if objects { chunks.into() } else { len };
            if chunks > 0 && chunks <= lease.count && measured <= lease.len {
                let first = Measure { len, callback };
                self.queue.push_back(first);
                let rest = (1..chunks).map(|_| Measure::default());
                self.queue.extend(rest);
            }
        }
        self.put(Input::Settle(leased));
    }

    /// The sink has answered so often, and has the last of these chunks.
    fn settles_answers(&mut self, answers: u32) {
        let options = &self.chosen.options;
        let lease = self.state.lease_to_flush(options);
        let given = self.queue.iter().take(answers as usize);
        let sum: u64 = given.clone().map(|chunk| options.measure(chunk.len)).sum();
        let head = given.last().copied();
        let has = head.map_or(0, |chunk| options.measure(chunk.len));
        let len = self.state.in_flight() + sum - has;
        if answers > 0 && answers <= lease.count && len <= lease.len {
            self.queue.drain(..answers as usize);
        }
        self.put_with(head, Input::Settle(Leased::Flushed { answers, len }));
    }

    fn put(&mut self, input: Input) {
        self.put_with(self.queue.front().copied(), input);
    }

    fn put_with(&mut self, head: Option<Measure>, input: Input) {
        let before = self.state;
        let step = step(&mut self.state, &self.chosen.options, head, input);
        self.stack.extend(step.then);
        if let Some(Effect::Defer(task)) = step.effect {
            self.tasks.push_back(task);
        }
        let was_queued = self.queue.len();
        let sent = step.effect.and_then(|effect| self.perform(input, effect));
        if self.chosen.quirks == Quirks::NONE {
            self.check_state(&before, input);
            self.check_quiet(&before, input, step);
            if let Some(effect) = step.effect {
                self.check_effect(&before, input, effect);
            }
            self.check_sent(&before, input, step.effect, sent, was_queued);
        }
    }

    /// Keeps the queue as the effect says. How much goes to the sink, if anything does.
    fn perform(&mut self, input: Input, effect: Effect) -> Option<u64> {
        let given = match input {
            Input::Write(chunk) => Some(chunk),
            _ => None,
        };
        let len = |chunk: Measure| self.chosen.options.measure(chunk.len);
        match effect {
            Effect::Queue => self.queue.extend(given),
            Effect::WriteGiven => return given.map(len),
            Effect::WriteHead => return self.queue.pop_front().map(len),
            Effect::WriteBatch(_) => {
                return Some(self.queue.drain(..).map(len).fold(0, u64::saturating_add));
            }
            Effect::RejectHead(_) | Effect::FailHead(_) => drop(self.queue.pop_front()),
            _ => {}
        }
        None
    }

    /// Not asserted, since made-up continuations and tasks break them: that pending
    /// counts the writes, that as many callbacks are called as there were, that
    /// a callback gets ok only for what was written, and that a stream that
    /// has ended comes to its finish.
    fn check_state(&self, before: &State, input: Input) {
        let (now, options) = (&self.state, &self.chosen.options);
        let queued: u64 = self
            .queue
            .iter()
            .map(|chunk| options.measure(chunk.len))
            .sum();
        assert_eq!(now.length(), now.in_flight() + queued, "LengthAccounts");
        assert_eq!(now.queued() as usize, self.queue.len(), "the queue");
        assert!(now.length() <= options.limit(), "the limit");
        assert!(
            now.is_writing() || now.in_flight() == 0,
            "only a write is in flight"
        );
        let room = self.chosen.room(now.length()) && !failed(now);
        let more = now.answer(options) == Flow::More;
        assert_eq!(more, room, "AnswerTruthful");
        let corked = match input {
            Input::Cork => before.corked() + 1,
            Input::Uncork => before.corked().saturating_sub(1),
            Input::End(_) => 0,
            _ => before.corked(),
        };
        assert_eq!(now.corked(), corked, "corks nest");
        let stays = |what: fn(&State) -> bool| !what(before) || what(now);
        assert!(
            stays(State::is_ended) && stays(State::is_finished),
            "only ever further"
        );
        assert!(
            stays(State::is_destroyed) && stays(State::is_closed),
            "only ever further"
        );
        assert!(
            before.errored().is_none() || before.errored() == now.errored(),
            "ErrorOnce"
        );
        if now.is_finished() && !before.is_finished() {
            let through = now.length() == 0 && now.queued() == 0 && now.pending() == 0;
            assert!(
                through && before.is_ended() && !before.is_writing(),
                "FinishFlushed"
            );
            assert!(!failed(before), "FinishFlushed");
        }
    }

    /// Progress and settlements lead to a drain at most, and to nothing more.
    fn check_quiet(&self, before: &State, input: Input, step: Step) {
        let now = &self.state;
        match input {
            Input::Progress(part) => {
                let done = part.min(before.in_flight());
                assert_eq!(now.in_flight(), before.in_flight() - done, "LengthAccounts");
                let drain = step
                    .effect
                    .is_none_or(|it| it == Effect::Emit(Event::Drain));
                assert!(drain && step.then.is_none(), "progress is no answer");
                assert_eq!(
                    now.is_writing(),
                    before.is_writing(),
                    "progress is no answer"
                );
            }
            Input::Settle(leased) => {
                assert!(step.effect.is_none() && step.then.is_none(), "it counts");
                let answers = [before, now].map(|state| state.answer(&self.chosen.options));
                // Only what the sink has answered may make room.
                let same = answers[0] == answers[1];
                assert!(
                    same || matches!(leased, Leased::Flushed { .. }),
                    "it counts"
                );
            }
            _ => {}
        }
    }

    fn check_effect(&mut self, before: &State, input: Input, effect: Effect) {
        let (now, options) = (&self.state, &self.chosen.options);
        let told = now.errored().unwrap_or(Fault::Destroyed);
        match effect {
            Effect::Refuse(fault) => {
                let Input::Write(chunk) = input else {
                    panic!("refused no write")
                };
                assert_eq!(before.refusal(options, chunk), Some(fault));
                assert_eq!(
                    (before.length(), before.queued()),
                    (now.length(), now.queued())
                );
            }
            Effect::Queue => {
                assert!(
                    now.needs_drain() || self.chosen.room(now.length()),
                    "a drain is owed"
                );
            }
            Effect::Emit(event) => {
                let kind = discriminant(&event);
                let closed = discriminant(&Event::Close);
                assert!(!self.told.contains(&closed), "CloseLast: {event:?}");
                if event == Event::Drain {
                    assert!(before.needs_drain() && !now.needs_drain(), "DrainEarned");
                    assert!(now.length() <= options.low_water_mark(), "DrainEarned");
                    assert!(!before.is_ended() && !failed(before), "DrainEarned");
                } else {
                    assert!(!self.told.contains(&kind), "told twice: {event:?}");
                }
                assert!(event != Event::Finish || now.is_finished());
                assert!(event != Event::Close || now.is_closed() && options.emit_close());
                self.told.push(kind);
            }
            Effect::RejectTaken(fault) => {
                assert!(
                    take(&mut self.taken_back) && fault == told,
                    "no write was taken back"
                );
            }
            Effect::RejectHead(fault) => {
                assert!(
                    failed(now) && !now.is_writing() && fault == told,
                    "rejected"
                );
            }
            Effect::KeepEnd => self.ends_kept = true,
            Effect::CallEnds(result) => {
                assert!(take(&mut self.ends_kept), "CallbackOnce");
                assert!(result.is_err() || now.is_finished(), "FinishFlushed");
            }
            Effect::Construct | Effect::Finalize | Effect::Destroy { .. } => {
                let kind = discriminant(&effect);
                assert!(!self.seen.contains(&kind), "called twice: {effect:?}");
                assert!(effect != Effect::Construct || self.chosen.construct);
                assert!(effect != Effect::Finalize || self.chosen.finalize);
                assert!(effect != Effect::Finalize || now.is_ended() && now.length() == 0);
                assert!(!matches!(effect, Effect::Destroy { .. }) || now.is_destroyed());
                self.seen.push(kind);
            }
            Effect::FailHead(_) => panic!("a quirk"),
            _ => {}
        }
    }

    fn check_sent(
        &mut self,
        before: &State,
        input: Input,
        effect: Option<Effect>,
        sent: Option<u64>,
        was_queued: usize,
    ) {
        let now = &self.state;
        // An answer makes room for the next call within one step.
        let answered = matches!(input, Input::Written { again: false, .. });
        let accepted = matches!(effect, Some(Effect::Queue | Effect::WriteGiven));
        if let Input::Write(chunk) = input {
            let refusal = before.refusal(&self.chosen.options, chunk);
            assert_eq!(accepted, refusal.is_none(), "{effect:?}");
        }
        assert!(
            !accepted || !before.is_ended() && !failed(before),
            "NoWriteAfterEnd"
        );
        if let Some(len) = sent {
            let open = self.told.contains(&discriminant(&Event::Open));
            assert!(open || !self.chosen.construct, "NothingSentAfterFailure");
            assert!(!failed(before) && !failed(now), "NothingSentAfterFailure");
            assert!(
                now.is_writing() && (!before.is_writing() || answered),
                "OneAtATime"
            );
            assert_eq!(now.corked(), 0, "CorkHolds");
            assert_eq!(now.in_flight(), len, "LengthAccounts");
        }
        match effect {
            Some(Effect::WriteGiven) => assert_eq!(was_queued, 0, "OrderKept"),
            Some(Effect::WriteHead) => assert!(was_queued > 0, "a head to write"),
            Some(Effect::WriteBatch(count)) => {
                assert!(self.chosen.batches && count > 1 && count as usize == was_queued);
            }
            _ => {}
        }
        let destroyed = now.is_destroyed() && !before.is_destroyed();
        self.taken_back |= destroyed && before.is_writing() && !answered;
    }
}
