//! What the machine asks its driver to do.

use super::continuation::{Task, Then};
use super::fault::Fault;

/// What one input leads to: at most one effect, and what comes after it.
///
/// The driver performs `effect`, which may call user code, which may put in
/// further inputs; after that has returned it puts in
/// [`Input::Resume`](super::Input::Resume) with `then`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
#[allow(clippy::exhaustive_structs)] // this pair is the shape of the machine
pub struct Step {
    /// The driver performs it now.
    pub effect: Option<Effect>,
    /// The driver puts it back in once it has performed the effect.
    pub then: Option<Then>,
}

impl Step {
    /// Nothing to do, nothing to come. No constant: that would be copied with its padding, in
    /// WebAssembly by a call of the engine.
    #[inline(always)]
    pub(super) const fn done() -> Self {
        Self {
            effect: None,
            then: None,
        }
    }

    /// This, and nothing after it.
    pub(super) const fn last(effect: Effect) -> Self {
        Self {
            effect: Some(effect),
            then: None,
        }
    }

    /// This, and then that.
    pub(super) const fn then(effect: Effect, then: Then) -> Self {
        Self {
            effect: Some(effect),
            then: Some(then),
        }
    }
}

/// The answer of a write that was accepted (rule 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "`Flow::Wait` asks to stop writing until 'drain': wait with `drained`, or write with `send`"]
#[allow(clippy::exhaustive_enums)] // true or false
pub enum Flow {
    /// There is room: go on. Node's `true`.
    More,
    /// Stop now, and go on at 'drain'. Node's `false`.
    Wait,
}

/// An event of the stream, in Node's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // a driver matches all of them
pub enum Event {
    /// `_construct` succeeded. (Node leaves this event to the streams built on it.)
    Open,
    /// Room again, after a write returned [`Flow::Wait`] (rule 9).
    Drain,
    /// All is written; the last step before 'finish' (rule 14).
    Prefinish,
    /// All is written, every callback answered, `_final` is through (rule 16).
    Finish,
    /// The stream failed. At most once.
    Error(Fault),
    /// The stream is destroyed and its sink released. The last event.
    Close,
}

/// What the driver does. It decides nothing: each effect says all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)] // a tag of its own costs less than a niche: a driver matches it at each step
#[allow(clippy::exhaustive_enums)] // a driver matches all of them
pub enum Effect {
    /// The chunk of this write is not accepted. Hand it back; its callback, if
    /// it has one, is deferred with the fault (rule 1).
    Refuse(Fault),
    /// Append the chunk of this write, with its callback, to the queue.
    Queue,
    /// Give the chunk of this write straight to the sink.
    WriteGiven,
    /// Take the chunk at the head of the queue and give it to the sink.
    WriteHead,
    /// Take all that is queued, this many chunks (at least two), and give them
    /// to the sink in one call.
    WriteBatch(u32),
    /// Call `_construct`.
    Construct,
    /// Call `_final`.
    Finalize,
    /// Call `_destroy`. A driver without such a hook answers at once with the
    /// error it was given, as Node does.
    Destroy {
        /// What `destroy(error)` was called with.
        error: Option<Fault>,
        /// With what `_construct` failed meanwhile; Node makes one aggregate
        /// of the two (rule 20).
        construct: Option<Fault>,
    },
    /// Emit an event.
    Emit(Event),
    /// Call the callback, or those of the batch, of the write that was answered:
    /// those held by this call stack or by this task.
    Callback(Result<(), Fault>),
    /// Drop the write that destroy took back: call its callback with the fault (rule 17).
    RejectTaken(Fault),
    /// Take the chunk at the head of the queue: it will not be written. Call its
    /// callback with the fault (rule 17).
    RejectHead(Fault),
    /// Take the chunk at the head of the queue: it will not be written. Defer a
    /// [`Task::WriteFailed`] with its callback. Only with the quirk
    /// `DESTROY_ERRORS` of the feature `node`.
    FailHead(Fault),
    /// Keep the callback of this `end()`.
    KeepEnd,
    /// Defer the callback of this `end()` with the fault.
    DeferEnd(Fault),
    /// Call the kept callbacks of `end()`, in order.
    CallEnds(Result<(), Fault>),
    /// Append to the FIFO of ticks. An [`Task::AfterWrite`] or a
    /// [`Task::WriteFailed`] takes the callbacks of the answered write with it.
    Defer(Task),
}
