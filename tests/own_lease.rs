//! The owner's lease makes no difference that a caller can see: random schedules of one
//! thread, played by the owner and by another producer, which has no such lease.
#![cfg(feature = "futures")]

use futures::io::AsyncWrite;
use highwater::{CorkGuard, Flow, Snapshot, WaitError, Worker, Writable, WriteError, Writer};
use highwater_testkit::players::polled::{PolledGate, poll_once};
use highwater_testkit::random;
use proptest::prelude::*;
use std::pin::Pin;
use std::task::{Context, Waker};

/// What happens at one moment.
#[derive(Clone, Debug)]
enum Call {
    Write(usize),
    WriteChunk(usize),
    /// As an `AsyncWrite` does: if there is room.
    Poll(usize),
    /// All of this under one cork.
    Corked(Vec<Inside>),
    Flush,
    /// The sink answers the call that it has in hand, and the worker goes on.
    Answer,
    /// The sink fails that call.
    Fail,
}

/// What happens at one moment under a cork.
#[derive(Clone, Debug)]
enum Inside {
    Write(usize),
    WriteChunk(usize),
    Answer,
    /// Another caller looks.
    Look,
    /// Another producer corks, writes and uncorks.
    Other(usize),
}

fn inside() -> impl Strategy<Value = Inside> {
    prop_oneof![
        8 => (0..20_usize).prop_map(Inside::Write),
        1 => (0..20_usize).prop_map(Inside::WriteChunk),
        3 => Just(Inside::Answer),
        3 => Just(Inside::Look),
        1 => (0..20_usize).prop_map(Inside::Other),
    ]
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let call = prop_oneof![
        12 => (0..20_usize).prop_map(Call::Write),
        2 => (0..20_usize).prop_map(Call::WriteChunk),
        3 => (1..40_usize).prop_map(Call::Poll),
        3 => prop::collection::vec(inside(), 0..8).prop_map(Call::Corked),
        1 => Just(Call::Flush),
        8 => Just(Call::Answer),
    ];
    let fails = prop::option::weighted(0.2, Just(Call::Fail));
    (prop::collection::vec(call, 1..120), fails).prop_map(|(mut calls, fails)| {
        calls.extend(fails);
        calls
    })
}

/// The one who writes.
trait Producer {
    fn write(&mut self, bytes: &[u8]) -> Result<Flow, WriteError>;
    fn write_chunk(&mut self, bytes: Vec<u8>) -> Result<Flow, String>;
    fn poll(&mut self, bytes: &[u8]) -> Option<Result<usize, String>>;
    fn cork(&mut self) -> Result<CorkGuard<'_>, WaitError>;
    fn flush(&mut self) -> Result<(), String>;
}

macro_rules! producer {
    ($type:ty) => {
        impl Producer for $type {
            fn write(&mut self, bytes: &[u8]) -> Result<Flow, WriteError> {
                <$type>::write(self, bytes)
            }

            fn write_chunk(&mut self, bytes: Vec<u8>) -> Result<Flow, String> {
                let written = <$type>::write_chunk(self, bytes);
                written.map_err(|error| error.to_string())
            }

            fn poll(&mut self, bytes: &[u8]) -> Option<Result<usize, String>> {
                let mut cx = Context::from_waker(Waker::noop());
                match Pin::new(self).poll_write(&mut cx, bytes) {
                    std::task::Poll::Ready(written) => {
                        Some(written.map_err(|error| error.to_string()))
                    }
                    std::task::Poll::Pending => None,
                }
            }

            fn cork(&mut self) -> Result<CorkGuard<'_>, WaitError> {
                <$type>::cork(self)
            }

            fn flush(&mut self) -> Result<(), String> {
                drop(<$type>::flush(self));
                Ok(())
            }
        }
    };
}

producer!(Writable<PolledGate>);
producer!(Writer);

/// What a caller sees of a stream.
#[derive(Debug, PartialEq)]
struct Seen {
    answer: String,
    snapshot: Snapshot,
    position: u64,
    taken: Vec<u8>,
}

struct Play {
    worker: Worker<PolledGate>,
    gate: PolledGate,
    written: u8,
}

impl Play {
    fn new(mark: u64) -> (Writable<PolledGate>, Self) {
        let gate = PolledGate::default();
        let builder = Writable::builder().high_water_mark(mark).limit(3 * mark);
        let (out, worker) = builder.pair(gate.clone());
        let play = Self {
            worker,
            gate,
            written: 0,
        };
        (out, play)
    }

    /// No two neighbours are the same.
    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        for byte in &mut bytes {
            self.written = self.written.wrapping_add(1);
            *byte = self.written;
        }
        bytes
    }

    fn call(&mut self, producer: &mut dyn Producer, look: &Writer, call: &Call) -> String {
        match call {
            Call::Write(len) => format!("{:?}", producer.write(&self.bytes(*len))),
            Call::WriteChunk(len) => format!("{:?}", producer.write_chunk(self.bytes(*len))),
            Call::Poll(len) => format!("{:?}", producer.poll(&self.bytes(*len))),
            Call::Corked(inside) => match producer.cork() {
                Ok(mut cork) => inside
                    .iter()
                    .map(|inside| self.inside(&mut cork, look, inside))
                    .collect(),
                Err(error) => format!("{error:?}"),
            },
            Call::Flush => format!("{:?}", producer.flush()),
            Call::Answer => self.answer(),
            Call::Fail => {
                self.gate
                    .answer(Err(std::io::Error::other("the test says so")));
                format!("{:?}", poll_once(&mut self.worker).is_some())
            }
        }
    }

    /// Each answer on a line of its own.
    fn inside(&mut self, cork: &mut CorkGuard<'_>, look: &Writer, inside: &Inside) -> String {
        match inside {
            Inside::Write(len) => format!("{:?}\n", cork.write(self.bytes(*len))),
            Inside::WriteChunk(len) => format!("{:?}\n", cork.write_chunk(self.bytes(*len))),
            Inside::Answer => format!("{}\n", self.answer()),
            Inside::Look => format!("{:?}\n", self.seen(String::new(), look)),
            Inside::Other(len) => match look.clone().cork() {
                Ok(mut cork) => format!("{:?}\n", cork.write(self.bytes(*len))),
                Err(error) => format!("{error:?}\n"),
            },
        }
    }

    fn answer(&mut self) -> String {
        self.gate.answer(Ok(()));
        format!("{:?}", poll_once(&mut self.worker).is_some())
    }

    fn seen(&self, answer: String, look: &Writer) -> Seen {
        let mut snapshot = look.snapshot();
        // Writes that wait together are one chunk or more, as the lease makes it.
        snapshot.queued = 0;
        Seen {
            answer,
            snapshot,
            position: look.position(),
            taken: self.gate.taken(),
        }
    }
}

fn same(mark: u64, calls: &[Call], looks: bool) -> Result<(), TestCaseError> {
    let (mut owner, mut by_owner) = Play::new(mark);
    let (out, mut by_other) = Play::new(mark);
    let (look, mut other, second) = (owner.writer(), out.writer(), out.writer());
    for (at, call) in calls.iter().enumerate() {
        let answers = [
            by_owner.call(&mut owner, &look, call),
            by_other.call(&mut other, &second, call),
        ];
        let [with, without] = answers;
        prop_assert_eq!(&with, &without, "call {}: {:?}", at, call);
        if looks || at + 1 == calls.len() {
            let with = by_owner.seen(with, &look);
            let without = by_other.seen(without, &other);
            prop_assert_eq!(with, without, "after call {}: {:?}", at, call);
        }
    }
    Ok(())
}

#[test]
fn the_owner_and_another_producer_see_the_same() {
    let marks = prop::sample::select(vec![1_u64, 2, 7, 8, 9, 16, 40, 100, 1000]);
    let schedule = (marks, calls(), any::<bool>());
    random::check(3000, &schedule, |(mark, calls, looks)| {
        same(mark, &calls, looks)
    });
}
