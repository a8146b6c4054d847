//! A sink that does in its calls what the schedule says, and records what it took. The
//! record outlives it. Here for a worker that is a thread; `polled.rs` has the other.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard};

use highwater::Cause;

use super::schedule::{Answer, Fault, Opener, Schedule};

/// A cause, as far as it can be compared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Why {
    Io(io::ErrorKind, String),
    Panic(String),
    Reason(String),
    /// The reader of a body has left.
    ReaderLeft,
    /// A fault of the stream's own, or of a kind that no schedule has.
    Other(String),
}

impl From<&Cause> for Why {
    fn from(cause: &Cause) -> Self {
        match cause {
            Cause::Io(error) => Self::Io(error.kind(), error.to_string()),
            Cause::Panic(message) => Self::Panic(message.to_string()),
            Cause::ReaderLeft { .. } => Self::ReaderLeft,
            Cause::Reason(reason) => Self::Reason(reason.to_string()),
            other => Self::Other(other.to_string()),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) taken: Vec<u8>,
    /// How much of it is flushed.
    pub(crate) flushed_to: usize,
    pub(crate) closed: bool,
    /// The fault that should end the stream.
    pub(crate) injected: Option<Why>,
    /// Calls after that.
    pub(crate) calls_after: u32,
    calls: u32,
}

pub(crate) type Records = Arc<Mutex<Record>>;

pub(crate) fn look(record: &Records) -> MutexGuard<'_, Record> {
    record.lock().expect("no panic with the record")
}

pub(crate) struct Scripted {
    record: Records,
    answers: VecDeque<Answer>,
    flushes: VecDeque<Answer>,
    vectored: bool,
    alternate: bool,
    /// Gone when the sink is gone.
    _alive: Sender<()>,
}

impl Scripted {
    pub(crate) fn new(schedule: &Schedule, record: &Records, alive: Sender<()>) -> Self {
        Self {
            record: Arc::clone(record),
            answers: schedule.answers.clone().into(),
            flushes: schedule.flushes.clone().into(),
            vectored: schedule.vectored,
            alternate: false,
            _alive: alive,
        }
    }

    /// The opener of the schedule: the sink, or its failure.
    pub(crate) fn open(self, opener: Opener) -> io::Result<Self> {
        let fault = match opener {
            Opener::None | Opener::Opens => return Ok(self),
            Opener::Fails(kind) => Fault::Kind(kind),
            Opener::Panics => Fault::Panics,
        };
        self.fail(fault, "the opener").map(|_| self)
    }

    /// The message has the number of this call, so that no cause is taken for another.
    fn fail(&self, fault: Fault, whose: &str) -> io::Result<usize> {
        let mut record = look(&self.record);
        let message = format!("{whose} at call {}", record.calls);
        let why = match fault {
            Fault::Kind(kind) => Why::Io(kind, message.clone()),
            Fault::Panics => {
                let panics = if whose == "the opener" {
                    whose
                } else {
                    "the sink"
                };
                Why::Panic(format!("{panics} panicked: {message}"))
            }
            Fault::Zero => Why::Io(io::ErrorKind::WriteZero, "the sink took no bytes".into()),
            Fault::Lies => Why::Io(
                io::ErrorKind::Other,
                "the sink says that it took more than it was given".into(),
            ),
        };
        record.injected = Some(why);
        drop(record);
        match fault {
            Fault::Kind(kind) => Err(io::Error::new(kind, message)),
            // A panic that prints nothing: there are thousands.
            Fault::Panics => std::panic::resume_unwind(Box::new(message)),
            Fault::Zero => Ok(0),
            // Past everything that it was given, seen by it or not.
            Fault::Lies => Ok(usize::MAX),
        }
    }

    fn called(&self) {
        let mut record = look(&self.record);
        record.calls += 1;
        record.calls_after += u32::from(record.injected.is_some());
    }

    pub(crate) fn take(&mut self, given: &[u8]) -> io::Result<usize> {
        self.called();
        let most = match next(&mut self.answers) {
            Answer::All => given.len(),
            Answer::Take(count) => count,
            Answer::Storm(_) => return Err(io::ErrorKind::Interrupted.into()),
            Answer::Fault(fault) => return self.fail(fault, "the sink"),
        };
        let count = most.min(given.len());
        look(&self.record).taken.extend(&given[..count]);
        Ok(count)
    }

    /// A sink that is not vectored looks at the first slice alone, as std has it.
    pub(crate) fn take_slices(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let seen = if self.vectored { slices.len() } else { 1 };
        let given: Vec<u8> = slices.iter().take(seen).flat_map(|s| s.to_vec()).collect();
        self.take(&given)
    }

    pub(crate) fn flush_once(&mut self) -> io::Result<()> {
        self.called();
        self.next_flush("the flush")?;
        let mut record = look(&self.record);
        record.flushed_to = record.taken.len();
        Ok(())
    }

    pub(crate) fn close_once(&mut self) -> io::Result<()> {
        self.called();
        self.next_flush("the close")?;
        look(&self.record).closed = true;
        Ok(())
    }

    fn next_flush(&mut self, whose: &str) -> io::Result<()> {
        match next(&mut self.flushes) {
            Answer::Storm(_) => Err(io::ErrorKind::Interrupted.into()),
            Answer::Fault(fault) => self.fail(fault, whose).map(drop),
            Answer::All | Answer::Take(_) => Ok(()),
        }
    }

    /// True and false in turn.
    pub(crate) fn alternates(&mut self) -> bool {
        self.alternate = !self.alternate;
        self.alternate
    }
}

/// The next answer; a storm lasts.
pub(crate) fn next(answers: &mut VecDeque<Answer>) -> Answer {
    match answers.pop_front() {
        Some(Answer::Storm(times)) => {
            if times > 1 {
                answers.push_front(Answer::Storm(times - 1));
            }
            Answer::Storm(times)
        }
        Some(answer) => answer,
        None => Answer::All,
    }
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.take_slices(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flush_once()
    }
}
