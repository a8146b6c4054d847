//! What can happen to a stream.

use super::codes;
use super::effect::{Task, Then};

/// Which error it was. Errors themselves stay with whoever made them: the
/// machine only carries the number it was given, and gives it back.
///
/// ```
/// use highwater::machine::ErrorId;
///
/// let disk_full = ErrorId(7);
/// assert_eq!(disk_full.0, 7);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)] // a number is all it will ever be
pub struct ErrorId(pub u32);

/// What a failed operation is told.
///
/// ```
/// use highwater::machine::{ErrorId, Fault};
///
/// assert_eq!(Fault::WriteAfterEnd.code(), Some("ERR_STREAM_WRITE_AFTER_END"));
/// assert_eq!(Fault::Caller(ErrorId(1)).code(), None); // its maker knows the code
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[allow(clippy::exhaustive_enums)] // a driver matches all of them
pub enum Fault {
    /// An error that came from outside: from the sink, a hook, or `destroy(error)`.
    #[error("error {}", .0.0)]
    Caller(ErrorId),
    /// `write()` after `end()` (rule 1).
    #[error("write after end")]
    WriteAfterEnd,
    /// The stream was destroyed before the operation was done (rules 1, 13, 17).
    #[error("the stream was destroyed")]
    Destroyed,
    /// `end()` after 'finish' (rule 13).
    #[error("the stream has already finished")]
    AlreadyFinished,
    /// The sink, or a hook, answered when no answer was due (rules 6, 15, 20).
    #[error("an answer came when none was due")]
    MultipleCallback,
    /// The chunk would pass the limit of the length (rule 1).
    #[error("the chunk would pass the limit of the length")]
    TooLong,
}

impl Fault {
    /// Node's code; `TOO_LONG` for what Node does not know; `None` for a
    /// caller's error, whose code its maker knows.
    #[must_use]
    pub const fn code(self) -> Option<&'static str> {
        match self {
            Self::Caller(_) => None,
            Self::WriteAfterEnd => Some(codes::WRITE_AFTER_END),
            Self::Destroyed => Some(codes::DESTROYED),
            Self::AlreadyFinished => Some(codes::ALREADY_FINISHED),
            Self::MultipleCallback => Some(codes::MULTIPLE_CALLBACK),
            Self::TooLong => Some(codes::TOO_LONG),
        }
    }
}

/// All the machine knows of a chunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)] // every driver makes them
pub struct Measure {
    /// Its length in bytes. In object mode it is not looked at: a chunk counts 1.
    pub len: u64,
    /// Whether a callback came with it.
    pub callback: bool,
}

/// What came with a call of `end()`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)] // every driver makes them
pub struct End {
    /// Why the chunk of `end(chunk)`, which the driver has put in as a write
    /// without a callback just before, was refused, if it was: what
    /// [`State::refusal`](super::State::refusal) said before that write.
    pub refused: Option<Fault>,
    /// Whether a callback came with it.
    pub callback: bool,
}

/// One thing that happens to the stream: a call from the producer, an answer
/// from the sink or a hook, or the continuation of something earlier.
///
/// ```
/// use highwater::machine::{Input, Measure, Options, State, Effect, step};
///
/// let options = Options::new();
/// let mut state = State::new(&options);
/// let chunk = Measure { len: 5, callback: false };
/// let first = step(&mut state, &options, None, Input::Write(chunk));
/// assert_eq!(first.effect, Some(Effect::WriteGiven)); // straight to the sink
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // the list of inputs is the contract
pub enum Input {
    /// The stream was created. To be given once, first.
    Start,
    /// `write(chunk, [callback])`.
    Write(Measure),
    /// `cork()`.
    Cork,
    /// `uncork()`.
    Uncork,
    /// `end([callback])`.
    End(End),
    /// `destroy([error])`.
    Destroy(Option<Fault>),
    /// The sink has answered a write or a batch.
    Written {
        /// Its answer.
        result: Result<(), Fault>,
        /// It had answered that very call before (rule 6). A driver in which
        /// that cannot happen always says `false`.
        again: bool,
    },
    /// `_construct` has answered.
    Constructed(Result<(), Fault>),
    /// `_final` has answered.
    Finalized(Result<(), Fault>),
    /// `_destroy` has answered, perhaps with an error of its own (rule 19).
    Destroyed(Option<Fault>),
    /// The after-write that was deferred last was joined to one that waits, while
    /// [`State::counts_after_write`](super::State::counts_after_write) was off: it
    /// is not to count (rule 10).
    Joined,
    /// A deferred task, first in, first out, once the call stack has unwound.
    Run(Task),
    /// The outward call of the last step has returned.
    Resume(Then),
}
