//! The reader of a body, on a thread with an executor. It does what the schedule says for the
//! calls of a sink: one answer for each chunk. At a fault it leaves.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use futures::StreamExt;
use futures::executor::block_on;
use highwater::{Body, Cause};

use super::polled::yield_now;
use super::schedule::{Answer, Fault, Schedule};
use super::sink::{Records, Why, look, next};

/// How a reader has come to its end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Seen {
    /// The body said that it is over.
    End,
    /// The body said that the reader has everything, and the reader left.
    MayLeave,
    /// The body has given all bytes of its length, and the reader left.
    HasLength,
    Error(Why),
    Left,
    Panicked,
}

pub(crate) struct Reader {
    body: Body,
    answers: VecDeque<Answer>,
    /// It leaves as soon as the body says that it may.
    asks: bool,
    length: Option<u64>,
    /// How many bytes it was given.
    given: u64,
    /// What it has not come back for. In the record is what came before.
    in_hand: Bytes,
    record: Records,
    /// Gone when the reader is gone.
    _alive: Sender<()>,
}

impl Reader {
    pub(crate) fn start(
        body: Body,
        schedule: &Schedule,
        record: &Records,
        alive: Sender<()>,
    ) -> JoinHandle<Seen> {
        let length = schedule.length();
        let reader = Self {
            body: match length {
                Some(length) => body.with_length(length),
                None => body,
            },
            answers: schedule.answers.clone().into(),
            asks: schedule.vectored,
            length,
            given: 0,
            in_hand: Bytes::new(),
            record: Arc::clone(record),
            _alive: alive,
        };
        thread::spawn(move || {
            let read = catch_unwind(AssertUnwindSafe(|| block_on(reader.read())));
            read.unwrap_or(Seen::Panicked)
        })
    }

    async fn read(mut self) -> Seen {
        loop {
            if let Some(seen) = self.act().await {
                return seen;
            }
            self.take();
            match self.body.next().await {
                None => return Seen::End,
                Some(Err(cause)) => return self.failed(&cause),
                Some(Ok(chunk)) => {
                    self.given += chunk.len() as u64;
                    self.in_hand = chunk;
                }
            }
        }
    }

    /// What the reader does before it comes back. It may leave.
    async fn act(&mut self) -> Option<Seen> {
        let fault = loop {
            match next(&mut self.answers) {
                Answer::Storm(_) => yield_now().await,
                Answer::Fault(fault) => break Some(fault),
                Answer::All | Answer::Take(_) => break None,
            }
        };
        if self.length == Some(self.given) && (self.asks || fault.is_some()) {
            self.take();
            return Some(Seen::HasLength);
        }
        if let Some(fault) = fault {
            look(&self.record).injected = Some(Why::ReaderLeft);
            if matches!(fault, Fault::Panics) {
                // A panic that prints nothing.
                resume_unwind(Box::new("the reader"));
            }
            return Some(Seen::Left);
        }
        if self.asks && http_body::Body::is_end_stream(&self.body) {
            self.take();
            return Some(Seen::MayLeave);
        }
        None
    }

    /// Takes what it has in hand, to come back or to leave with it.
    fn take(&mut self) {
        let mut record = look(&self.record);
        record.taken.extend(std::mem::take(&mut self.in_hand));
        // A flush asks for no more.
        record.flushed_to = record.taken.len();
    }

    /// A body that is too long or too short fails by itself.
    fn failed(&self, cause: &Cause) -> Seen {
        let why = Why::from(cause);
        if let Some(length) = self.length {
            let short = format!("the body ended after {} of its {length} bytes", self.given);
            if [too_long(length), Why::Reason(short)].contains(&why) {
                look(&self.record).injected = Some(why.clone());
            }
        }
        Seen::Error(why)
    }
}

pub(crate) fn too_long(length: u64) -> Why {
    Why::Reason(format!("the body is longer than its {length} bytes"))
}
