//! Plays a schedule, with its threads, and writes down what came of it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use highwater::{Destroy, End, EndError, Event, Finished, OnDrop, Unfinished, Writable};

use super::outcome::{Notes, Outcome};
use super::producer::Producer;
use super::reader::{Reader, Seen, too_long};
use super::schedule::{LONG, Last, Opener, Schedule, Then};
use super::sink::{Records, Scripted, Why, look};
use super::way::{Way, Worker};

pub(crate) fn play(way: Way, schedule: &Schedule) -> Outcome {
    let record = Records::default();
    let (alive, gone) = channel();
    let (tell, events) = channel();
    let mut builder = Writable::builder()
        .high_water_mark(schedule.mark)
        .low_water_mark(schedule.low)
        .observer(move |event| drop(tell.send(event)));
    if let Some(limit) = schedule.limit {
        builder = builder.limit(limit);
    }
    let mut outcome = if way.worker == Worker::Body {
        let (stream, body) = builder.body();
        let reader = Reader::start(body, schedule, &record, alive);
        let mut outcome = produce(way, schedule, &record, stream);
        outcome.seen = Some(reader.join().expect("its panics are caught"));
        outcome
    } else {
        let sink = Scripted::new(schedule, &record, alive);
        let (stream, executor) = way.worker.start(builder, schedule, sink);
        let outcome = produce(way, schedule, &record, stream);
        // The sink, wherever it is, is gone, and the observer before it.
        gone.recv().expect_err("the sink sends nothing");
        if let Some(executor) = executor {
            executor.join().expect("the worker does not panic");
        }
        outcome
    };
    note_events(&mut outcome, &events);
    let record = look(&record);
    outcome.delivered.clone_from(&record.taken);
    outcome.flushed_to = record.flushed_to;
    outcome.sink_closed = record.closed;
    outcome.injected.clone_from(&record.injected);
    outcome.calls_after = record.calls_after;
    if way.worker == Worker::Body {
        outcome.length = schedule.length();
        refuse_the_rest(&mut outcome);
    }
    outcome
}

/// A reader that has left with all bytes of the length does not see that more were written: the
/// stream fails then.
fn refuse_the_rest(outcome: &mut Outcome) {
    let accepted = outcome.accepted();
    let length = outcome.length.filter(|length| accepted > *length);
    if let (Some(Seen::HasLength), Some(length)) = (&outcome.seen, length) {
        outcome.injected = Some(too_long(length));
    }
}

/// What the owner and the other producers do with the stream, and what they see.
fn produce<W>(way: Way, schedule: &Schedule, record: &Records, stream: Writable<W>) -> Outcome {
    let producer = |tag, writer| Producer {
        tag,
        next: 0,
        writer,
        waits: way.waits,
        alone: schedule.producers.is_empty(),
        record: Arc::clone(record),
        notes: Notes::default(),
    };
    let others: Vec<_> = (1..)
        .zip(schedule.producers.iter().cloned())
        .map(|(tag, calls)| {
            let mut producer = producer(tag, stream.writer());
            thread::spawn(move || {
                calls.iter().for_each(|call| producer.call(call));
                producer.closed();
                producer.notes
            })
        })
        .collect();
    let mut owner = producer(0, stream.writer());
    schedule.owner.iter().for_each(|call| owner.call(call));
    let mut outcome = Outcome {
        sink_at_hand: schedule.opener == Opener::None,
        is_polled: matches!(way.worker, Worker::Future | Worker::Tokio),
        ..Outcome::default()
    };
    let mut owner = Owner {
        producer: owner,
        schedule,
        is_body: way.worker == Worker::Body,
        outcome: &mut outcome,
    };
    owner.last(stream);
    let notes = owner.producer.notes;
    outcome.producers.push(notes);
    for other in others {
        let notes = other.join().expect("a producer does not panic");
        outcome.producers.push(notes);
    }
    outcome
}

/// Notes the events, until the observer is gone.
fn note_events(outcome: &mut Outcome, events: &Receiver<Event>) {
    for event in events {
        outcome.events.push(match event {
            Event::Open => "open",
            Event::Drain => "drain",
            Event::Finish => "finish",
            Event::Error(cause) => {
                outcome.producers[0].causes.push(Why::from(&cause));
                "error"
            }
            Event::Close => "close",
            _ => "other",
        });
    }
}

/// The owner, once it makes its last call.
struct Owner<'a> {
    producer: Producer,
    schedule: &'a Schedule,
    is_body: bool,
    outcome: &'a mut Outcome,
}

type Ended<W> = Result<Finished<W>, EndError<W>>;

impl Owner<'_> {
    /// The last call of the owner, and those that follow from it.
    fn last<W>(&mut self, stream: Writable<W>) {
        use Last::{End, EndTimeout, EndWith};
        self.outcome.ends = matches!(self.schedule.last, End | EndWith(_) | EndTimeout(..));
        match self.schedule.last {
            Last::End => self.end(stream.end()),
            Last::EndWith(len) => {
                let bytes = self.producer.bytes(len);
                let mut end = stream.end_with(bytes.clone());
                let ended = self.wait_for(&mut end);
                self.ended_with(bytes, ended);
            }
            Last::EndTimeout(time, then) => {
                let mut end = stream.end();
                match self.producer.waits.end(&mut end, Some(time)) {
                    Some(ended) => self.ended(ended),
                    None => self.then(then, end),
                }
            }
            Last::Destroy => self.destroy(stream.destroy(), None),
            Last::DestroyWith => {
                self.outcome.reason = Some(Why::Reason("enough".into()));
                self.destroy(stream.destroy_with("enough"), None);
            }
            Last::DestroyTimeout(time) => self.destroy(stream.destroy(), Some(time)),
            Last::Drop if self.is_body => {
                let reason = "the owner was dropped before the end";
                self.outcome.reason = Some(Why::Reason(reason.into()));
            }
            Last::Drop => self.dropped(stream),
        }
    }

    /// After an end that timed out.
    fn then<W>(&mut self, then: Then, end: End<W>) {
        match then {
            Then::End => self.end(end),
            Then::Destroy => self.destroy(end.destroy(), None),
            Then::DestroyTimeout => self.destroy(end.destroy(), Some(Duration::ZERO)),
            Then::Drop if self.is_body => self.outcome.has_to_finish = true,
            Then::Drop => self.dropped(end),
        }
    }

    /// The owner, or its end, is dropped: the policy says what becomes of the stream.
    fn dropped<T>(&mut self, owner: T) {
        let finishes = [OnDrop::Finish, OnDrop::Detach, OnDrop::FinishWithin(LONG)];
        let on_drop = self.schedule.on_drop;
        self.outcome.has_to_finish = finishes.contains(&on_drop);
        let within = matches!(on_drop, OnDrop::FinishWithin(_));
        self.outcome.may_give_up = within && !self.outcome.has_to_finish;
        drop(owner);
    }

    fn end<W>(&mut self, mut end: End<W>) {
        let ended = self.wait_for(&mut end);
        self.ended(ended);
    }

    fn wait_for<W>(&self, end: &mut End<W>) -> Ended<W> {
        let ended = self.producer.waits.end(end, None);
        ended.expect("without a time there is no time-out")
    }

    fn ended_with<W>(&mut self, bytes: Vec<u8>, ended: Ended<W>) {
        let refused = match &ended {
            Err(EndError::Failed { refused, .. }) => refused.clone(),
            Err(EndError::Refused { error, .. }) => Some(error.clone().into_chunk()),
            _ => None,
        };
        match refused {
            Some(chunk) => self.producer.notes.refused.push((bytes, chunk.into_vec())),
            None => self.producer.accepted(bytes),
        }
        match ended {
            // The stream goes on, without its last chunk.
            Err(EndError::Refused { stream, .. }) => self.end(stream.end()),
            ended => self.ended(ended),
        }
    }

    fn ended<W>(&mut self, ended: Ended<W>) {
        match ended {
            Ok(done) => {
                let outcome = &mut *self.outcome;
                outcome.finished = true;
                outcome.waited = true;
                outcome.sink_came_back = true;
                outcome.unsent = Some(Vec::new());
                outcome.totals = Some((done.totals.accepted, done.totals.delivered));
            }
            Err(EndError::Failed {
                cause, unfinished, ..
            }) => {
                self.producer.cause(&cause);
                self.handed_back(*unfinished, true);
            }
            Err(other) => panic!("no time-out and no chunk: {other:?}"),
        }
    }

    /// Waits so long, and then gives up.
    fn destroy<W>(&mut self, mut destroy: Destroy<W>, time: Option<Duration>) {
        match self.producer.waits.destroy(&mut destroy, time) {
            Some(unfinished) => self.handed_back(unfinished, true),
            None => self.handed_back(destroy.give_up(), false),
        }
    }

    fn handed_back<W>(&mut self, unfinished: Unfinished<W>, waited: bool) {
        if let Some(cause) = &unfinished.cause {
            self.producer.cause(cause);
        }
        let unsent = unfinished.unsent.iter().flat_map(|chunk| chunk.as_ref());
        let outcome = &mut *self.outcome;
        outcome.unsent = Some(unsent.copied().collect());
        outcome.in_doubt = unfinished.in_doubt;
        outcome.totals = Some((unfinished.totals.accepted, unfinished.totals.delivered));
        outcome.waited = waited;
        outcome.sink_came_back = unfinished.sink.is_some();
    }
}
