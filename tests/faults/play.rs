//! Plays a schedule, with its threads, and writes down what came of it.

use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use highwater::{
    Cause, Chunk, EndError, Event, Finished, Flow, OnDrop, Unfinished, WaitError, Writable,
    WriteError, Writer,
};

use super::outcome::{Ack, Notes, Outcome};
use super::schedule::{Call, LONG, Last, Opener, Schedule, Then};
use super::sink::{Records, Scripted, Told, look};

/// Past the last byte of every schedule.
const BEYOND: u64 = u64::MAX;

pub(crate) fn play(schedule: &Schedule) -> Outcome {
    let record = Records::default();
    let (alive, gone) = channel();
    let (tell, events) = channel();
    let mut builder = Writable::builder()
        .high_water_mark(schedule.mark)
        .low_water_mark(schedule.low)
        .on_drop(schedule.on_drop)
        .observer(move |event| drop(tell.send(event)));
    if let Some(limit) = schedule.limit {
        builder = builder.limit(limit);
    }
    let sink = Scripted::new(schedule, &record, alive);
    let opener = schedule.opener;
    let started = match opener {
        Opener::None => builder.spawn(sink).map_err(|error| error.source),
        _ => builder.open(move || sink.open(opener)),
    };
    let stream = started.expect("a thread can be started");

    let producer = |tag, writer| Producer {
        tag,
        next: 0,
        writer,
        alone: schedule.producers.is_empty(),
        record: Arc::clone(&record),
        notes: Notes::default(),
    };
    let others: Vec<_> = (1..)
        .zip(schedule.producers.iter().cloned())
        .map(|(tag, calls)| {
            let mut producer = producer(tag, stream.writer());
            thread::spawn(move || {
                calls.iter().for_each(|call| producer.call(call));
                producer.notes
            })
        })
        .collect();
    let mut owner = producer(0, stream.writer());
    schedule.owner.iter().for_each(|call| owner.call(call));
    let mut outcome = Outcome {
        sink_at_hand: opener == Opener::None,
        ..Outcome::default()
    };
    owner.last(schedule, stream, &mut outcome);
    outcome.producers.push(owner.notes);
    for other in others {
        let notes = other.join().expect("a producer does not panic");
        outcome.producers.push(notes);
    }
    // The sink, wherever it is, is gone, and the observer before it.
    gone.recv().expect_err("nobody sends");
    for event in events.iter() {
        outcome.events.push(match event {
            Event::Open => "open",
            Event::Drain => "drain",
            Event::Finish => "finish",
            Event::Error(cause) => {
                outcome.producers[0].told.push(Told::from(&cause));
                "error"
            }
            Event::Close => "close",
            _ => "other",
        });
    }
    let record = look(&record);
    outcome.delivered.clone_from(&record.taken);
    outcome.flushed_to = record.flushed_to;
    outcome.injected.clone_from(&record.injected);
    outcome.calls_after = record.calls_after;
    outcome
}

struct Producer {
    tag: u8,
    /// How many bytes of its own were accepted.
    next: u64,
    writer: Writer,
    /// Nobody else writes.
    alone: bool,
    record: Records,
    notes: Notes,
}

impl Producer {
    /// The next bytes: whose they are, and where in their line. (61 is a prime,
    /// so that no stretch of a usual length looks like the one before it.)
    fn bytes(&self, len: usize) -> Vec<u8> {
        let places = self.next..self.next + len as u64;
        places.map(|at| self.tag << 6 | (at % 61) as u8).collect()
    }

    fn accepted(&mut self, bytes: Vec<u8>) {
        self.next += bytes.len() as u64;
        self.notes.accepted.push(bytes);
    }

    fn call(&mut self, call: &Call) {
        match call {
            Call::Write(len) => {
                let bytes = self.bytes(*len);
                let written = self.writer.write(&bytes);
                self.wrote(bytes, written);
            }
            Call::WriteOwned(len) => {
                let bytes = self.bytes(*len);
                // Both kinds of chunk that are cut in different ways.
                let chunk = match len % 2 {
                    0 => Chunk::from(bytes.clone()),
                    _ => Chunk::from(bytes::Bytes::from(bytes.clone())),
                };
                let written = self.writer.write_chunk(chunk);
                self.wrote_chunk(bytes, written);
            }
            Call::Corked(lens, two) => self.corked(lens, *two),
            Call::Blocking(len) => self.blocking(*len),
            Call::Flush => {
                let before = self.writer.position();
                let flushed = self.writer.flush();
                let reached = look(&self.record).flushed_to;
                self.acknowledged(before, reached, flushed);
            }
            Call::WaitDrain => {
                let waited = self.writer.wait_drain();
                self.waited(waited);
            }
            Call::WaitDrainTimeout(time) => {
                let waited = self.writer.wait_drain_timeout(*time);
                self.waited(waited);
            }
            Call::WaitWritten => {
                let position = self.writer.position();
                let written = self.writer.wait_delivered(position);
                let reached = look(&self.record).taken.len();
                self.acknowledged(position, reached, written);
            }
            Call::WaitWrittenTimeout(time) => {
                let position = self.writer.position();
                let written = self.writer.wait_delivered_timeout(position, *time);
                let reached = look(&self.record).taken.len();
                self.acknowledged(position, reached, written);
            }
            Call::WaitBeyond => {
                let waited = self.writer.wait_delivered(BEYOND);
                assert!(
                    matches!(waited, Err(WaitError::NotAccepted { position, .. })
                        if position == BEYOND),
                    "{waited:?}"
                );
            }
            Call::Position => {
                let position = self.writer.position();
                assert!(position >= self.next, "{position} with {} own", self.next);
                assert!(!self.alone || position == self.next, "{position}");
            }
        }
    }

    fn wrote(&mut self, bytes: Vec<u8>, written: Result<Flow, WriteError>) {
        match written {
            Ok(_) => self.accepted(bytes),
            Err(WriteError::Failed { cause, .. }) => self.told(&cause),
            Err(_) => {}
        }
    }

    fn wrote_chunk(&mut self, bytes: Vec<u8>, written: Result<Flow, WriteError<Chunk>>) {
        match written {
            Ok(_) => self.accepted(bytes),
            Err(error) => {
                if let WriteError::Failed { cause, .. } = &error {
                    self.told(cause);
                }
                let back = error.into_chunk().into_vec();
                self.notes.refused.push((bytes, back));
            }
        }
    }

    fn corked(&mut self, lens: &[usize], two: bool) {
        let mut outer = self.writer.clone();
        let mut inner = self.writer.clone();
        let cork = match outer.cork() {
            Ok(cork) => cork,
            Err(error) => return self.waited(Err(error)),
        };
        let second = two.then(|| inner.cork());
        for len in lens {
            let bytes = self.bytes(*len);
            let written = cork.write(&bytes);
            self.wrote(bytes, written);
        }
        // The outer one first: it is the last that counts.
        drop(cork);
        drop(second);
    }

    fn blocking(&mut self, len: usize) {
        let mut bytes = self.bytes(len);
        match self.writer.blocking().write(&bytes) {
            Ok(count) => {
                bytes.truncate(count);
                self.accepted(bytes);
            }
            Err(error) => {
                let inside = error.get_ref();
                if let Some(cause) = inside.and_then(|inside| inside.downcast_ref::<Cause>()) {
                    let kind = cause.io().map_or(std::io::ErrorKind::Other, |io| io.kind());
                    assert_eq!(error.kind(), kind, "the kind goes with the cause");
                    self.told(cause);
                }
            }
        }
    }

    fn told(&mut self, cause: &Cause) {
        self.notes.told.push(Told::from(cause));
    }

    fn waited(&mut self, waited: Result<(), WaitError>) {
        if let Err(WaitError::Failed(cause)) = waited {
            self.told(&cause);
        }
    }

    fn acknowledged(&mut self, position: u64, reached: usize, waited: Result<(), WaitError>) {
        if waited.is_ok() {
            let reached = reached as u64;
            self.notes.acks.push(Ack { position, reached });
        }
        self.waited(waited);
    }

    /// The last call of the owner, and those that follow from it.
    fn last(&mut self, schedule: &Schedule, stream: Writable<Scripted>, outcome: &mut Outcome) {
        match schedule.last {
            Last::End => self.ended(stream.end(), outcome),
            Last::EndWith(len) => {
                let bytes = self.bytes(len);
                let ended = stream.end_with(&bytes);
                self.ended_with(bytes, ended, outcome);
            }
            Last::EndTimeout(time, then) => match stream.end_timeout(time) {
                Err(EndError::TimedOut(stream)) => self.then(then, stream, outcome),
                ended => self.ended(ended, outcome),
            },
            Last::Destroy => handed_back(stream.destroy(), true, outcome),
            Last::DestroyWith => {
                outcome.reason = Some(Told::Reason("enough".into()));
                handed_back(stream.destroy_with("enough"), true, outcome);
            }
            Last::DestroyTimeout(time) => {
                handed_back(stream.destroy_timeout(time), false, outcome);
            }
            Last::Drop => {
                let policies = [OnDrop::Finish, OnDrop::FinishWithin(LONG)];
                outcome.has_to_finish = policies.contains(&schedule.on_drop);
                let within = matches!(schedule.on_drop, OnDrop::FinishWithin(_));
                outcome.may_give_up = within && !outcome.has_to_finish;
                drop(stream);
            }
        }
    }

    fn then(&mut self, then: Then, stream: Writable<Scripted>, outcome: &mut Outcome) {
        match then {
            Then::End => self.ended(stream.end(), outcome),
            Then::Destroy => handed_back(stream.destroy(), true, outcome),
            Then::DestroyTimeout => {
                handed_back(stream.destroy_timeout(Duration::ZERO), false, outcome);
            }
            Then::Drop => {
                // Whatever the policy: it goes on by itself.
                outcome.has_to_finish = true;
                drop(stream);
            }
        }
    }

    fn ended_with(
        &mut self,
        bytes: Vec<u8>,
        ended: Result<Finished<Scripted>, EndError<Scripted, Writable<Scripted>>>,
        outcome: &mut Outcome,
    ) {
        let refused = match &ended {
            Err(EndError::Failed { refused, .. }) => refused.clone(),
            Err(EndError::Refused { error, .. }) => Some(error.clone().into_chunk()),
            _ => None,
        };
        match refused {
            Some(chunk) => self.notes.refused.push((bytes, chunk.into_vec())),
            None => self.accepted(bytes),
        }
        match ended {
            // It goes on, without its last chunk.
            Err(EndError::Refused { stream, .. }) => self.ended(stream.end(), outcome),
            ended => self.ended(ended, outcome),
        }
    }

    fn ended(
        &mut self,
        ended: Result<Finished<Scripted>, EndError<Scripted, Writable<Scripted>>>,
        outcome: &mut Outcome,
    ) {
        match ended {
            Ok(done) => {
                outcome.finished = true;
                outcome.waited = true;
                outcome.sink_came_back = true;
                outcome.unsent = Some(Vec::new());
                outcome.totals = Some((done.totals.accepted, done.totals.delivered));
            }
            Err(EndError::Failed {
                cause, unfinished, ..
            }) => {
                self.told(&cause);
                handed_back(*unfinished, true, outcome);
            }
            Err(other) => panic!("no time-out and no chunk: {other:?}"),
        }
    }
}

fn handed_back(unfinished: Unfinished<Scripted>, waited: bool, outcome: &mut Outcome) {
    let unsent = unfinished.unsent.iter().flat_map(|chunk| chunk.as_ref());
    outcome.unsent = Some(unsent.copied().collect());
    outcome.in_doubt = unfinished.in_doubt;
    outcome.totals = Some((unfinished.totals.accepted, unfinished.totals.delivered));
    outcome.waited = waited;
    outcome.sink_came_back = unfinished.sink.is_some();
}
