//! What can happen to a stream.

use super::continuation::{End, Task, Then};
use super::fault::Fault;

/// All the machine knows of a chunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)] // every driver makes them
pub struct Measure {
    /// Its length in bytes. In object mode it is not looked at: a chunk counts 1.
    pub len: u64,
    /// Whether a callback came with it.
    pub callback: bool,
}

/// What a driver has done on a [`Lease`](super::Lease).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // one for each lease
pub enum Leased {
    /// It has queued writes: [`State::lease_to_queue`](super::State::lease_to_queue).
    Queued {
        /// How many.
        chunks: u32,
        /// Their length in sum, in bytes. In object mode it is not looked at.
        len: u64,
        /// Whether at least one of them has a callback.
        callback: bool,
    },
    /// It has given writes to the sink, which has answered each within its call with ok:
    /// [`State::lease_to_write`](super::State::lease_to_write).
    Written {
        /// How many of them have a callback. If none has, nothing is left to settle.
        callbacks: u32,
        /// Whether an after-write of theirs was deferred, and not only joined to one
        /// that waits already.
        deferred: bool,
    },
    /// It has called callbacks of deferred after-writes with ok:
    /// [`State::lease_to_call`](super::State::lease_to_call).
    Called {
        /// How many; those of a batch are one.
        callbacks: u32,
    },
    /// The sink has answered writes with ok, and after each got the head of the queue:
    /// [`State::lease_to_flush`](super::State::lease_to_flush). What [`step`](super::step) takes
    /// as the head is here the chunk that the sink has now.
    Flushed {
        /// How many answers.
        answers: u32,
        /// The length of these writes in sum, in bytes (or objects), without what the sink had
        /// reported as progress.
        len: u64,
    },
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
    /// The stream was created. A driver puts it in once, first.
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
    /// The sink has done this many bytes (or objects) more of what it got last, and
    /// goes on (rule 24). Node has no such thing.
    Progress(u64),
    /// `_construct` has answered.
    Constructed(Result<(), Fault>),
    /// `_final` has answered.
    Finalized(Result<(), Fault>),
    /// `_destroy` has answered, perhaps with an error of its own (rule 19).
    Destroyed(Option<Fault>),
    /// The after-write that was deferred last was joined to one that waits, while
    /// [`State::counts_after_write`](super::State::counts_after_write) was off: it
    /// does not count (rule 10).
    Joined,
    /// What was done on a [`Lease`](super::Lease) since the last input (rule 25).
    Settle(Leased),
    /// A deferred task, first in, first out, once the call stack has unwound.
    Run(Task),
    /// The outward call of the last step has returned.
    Resume(Then),
}
