//! A producer of a schedule: makes its calls, and notes what came of them.

use std::io;
use std::time::Duration;

use highwater::{Cause, Chunk, Flow, WaitError, WriteError, Writer};

use super::outcome::{Ack, Notes};
use super::schedule::Call;
use super::sink::{Records, Why, look};
use super::way::Waits;

/// Past the last byte of every schedule.
const BEYOND: u64 = u64::MAX;

pub(crate) struct Producer {
    pub(crate) tag: u8,
    /// How many bytes of its own the stream has accepted.
    pub(crate) next: u64,
    pub(crate) writer: Writer,
    pub(crate) waits: Waits,
    /// There is no other producer.
    pub(crate) alone: bool,
    pub(crate) record: Records,
    pub(crate) notes: Notes,
}

impl Producer {
    /// The next bytes: each has the tag of its producer, and its place among the bytes of
    /// that. (61 is a prime, so no stretch of a usual length looks like the one before it.)
    pub(crate) fn bytes(&self, len: usize) -> Vec<u8> {
        let places = self.next..self.next + len as u64;
        places.map(|at| self.tag << 6 | (at % 61) as u8).collect()
    }

    pub(crate) fn accepted(&mut self, bytes: Vec<u8>) {
        self.next += bytes.len() as u64;
        self.notes.accepted.push(bytes);
    }

    pub(crate) fn call(&mut self, call: &Call) {
        match call {
            Call::Write(len) => {
                let bytes = self.bytes(*len);
                let written = self.writer.write(&bytes);
                self.wrote(bytes, written);
            }
            Call::WriteOwned(len) => {
                let bytes = self.bytes(*len);
                let written = self.writer.write_chunk(chunk(&bytes));
                self.wrote_chunk(bytes, written.map(drop));
            }
            Call::Corked(lens, two) => self.corked(lens, *two),
            Call::Piece(len) => self.piece(*len),
            Call::Send(len, time) => self.send(*len, *time),
            Call::Flush(time) => {
                let before = self.writer.position();
                let flushed = self.waits.wait(self.writer.flush(), *time);
                let reached = look(&self.record).flushed_to;
                self.acknowledged(before, reached, flushed);
            }
            Call::Drained(time) => {
                let waited = self.waits.wait(self.writer.drained(), *time);
                self.waited(waited);
            }
            Call::Delivered(time) => {
                let position = self.writer.position();
                let delivered = self.waits.wait(self.writer.delivered(position), *time);
                let reached = look(&self.record).taken.len();
                self.acknowledged(position, reached, delivered);
            }
            Call::Beyond => {
                let waited = self.waits.wait(self.writer.delivered(BEYOND), None);
                assert!(
                    matches!(waited, Err(WaitError::NotAccepted { position, .. })
                        if position == BEYOND),
                    "{waited:?}"
                );
            }
            Call::Position => self.is_at(self.writer.position()),
        }
    }

    /// The stream says that this is the position after the last byte of this producer, or
    /// after some of others.
    fn is_at(&self, position: u64) {
        assert!(position >= self.next, "{position} with {} own", self.next);
        assert!(!self.alone || position == self.next, "{position}");
    }

    fn wrote(&mut self, bytes: Vec<u8>, written: Result<Flow, WriteError>) {
        match written {
            Ok(_) => self.accepted(bytes),
            Err(WriteError::Failed { cause, .. }) => self.cause(&cause),
            Err(_) => {}
        }
    }

    fn wrote_chunk(&mut self, bytes: Vec<u8>, written: Result<(), WriteError<Chunk>>) {
        match written {
            Ok(()) => self.accepted(bytes),
            Err(error) => {
                if let WriteError::Failed { cause, .. } = &error {
                    self.cause(cause);
                }
                let back = error.into_chunk().into_vec();
                self.notes.refused.push((bytes, back));
            }
        }
    }

    fn corked(&mut self, lens: &[usize], two: bool) {
        let mut outer = self.writer.clone();
        let mut inner = self.writer.clone();
        let mut cork = match outer.cork() {
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

    fn piece(&mut self, len: usize) {
        let mut bytes = self.bytes(len);
        match self.waits.write(&mut self.writer, &bytes) {
            Ok(count) => {
                bytes.truncate(count);
                self.accepted(bytes);
            }
            Err(error) => {
                let inside = error.get_ref();
                if let Some(cause) = inside.and_then(|inside| inside.downcast_ref::<Cause>()) {
                    let kind = match cause {
                        Cause::ReaderLeft { .. } => io::ErrorKind::BrokenPipe,
                        _ => cause.io().map_or(io::ErrorKind::Other, io::Error::kind),
                    };
                    assert_eq!(error.kind(), kind, "the kind goes with the cause");
                    self.cause(cause);
                }
            }
        }
    }

    fn send(&mut self, len: usize, time: Option<Duration>) {
        let bytes = self.bytes(len);
        let mut sending = self.writer.send(chunk(&bytes));
        match self.waits.send(&mut sending, time) {
            Some(Ok(position)) => {
                self.accepted(bytes);
                self.is_at(position);
            }
            Some(Err(error)) => self.wrote_chunk(bytes, Err(error)),
            None => {
                let back = sending
                    .into_chunk()
                    .expect("the stream has not accepted it");
                self.notes.refused.push((bytes, back.into_vec()));
            }
        }
    }

    /// Waits until the stream is closed. The owner sees to that.
    pub(crate) fn closed(&mut self) {
        let closed = self.waits.wait(self.writer.closed(), None);
        self.notes.closed_well = Some(closed.is_ok());
        self.waited(closed);
    }

    pub(crate) fn cause(&mut self, cause: &Cause) {
        self.notes.causes.push(Why::from(cause));
    }

    fn waited(&mut self, waited: Result<(), WaitError>) {
        if let Err(WaitError::Failed(cause)) = waited {
            self.cause(&cause);
        }
    }

    fn acknowledged(&mut self, position: u64, reached: usize, waited: Result<(), WaitError>) {
        if waited.is_ok() {
            let reached = reached as u64;
            self.notes.acks.push(Ack { position, reached });
        }
        self.waited(waited);
    }
}

/// Both kinds of chunk that are cut in different ways.
fn chunk(bytes: &[u8]) -> Chunk {
    match bytes.len() % 2 {
        0 => Chunk::from(bytes.to_vec()),
        _ => Chunk::from(bytes::Bytes::from(bytes.to_vec())),
    }
}
