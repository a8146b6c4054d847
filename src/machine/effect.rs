//! What the machine asks its driver to do, and what it asks to be given back.

use super::input::{End, Fault};

/// What one input leads to: at most one effect, and what comes after it.
///
/// The driver performs `effect`, which may call user code, which may put in
/// further inputs; after that has returned it puts in
/// [`Input::Resume`](super::Input::Resume) with `then`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
#[allow(clippy::exhaustive_structs)] // this pair is the shape of the machine
pub struct Step {
    /// To be performed now.
    pub effect: Option<Effect>,
    /// To be put back in once the effect has been performed.
    pub then: Option<Then>,
}

impl Step {
    /// Nothing to do, nothing to come.
    pub(super) const DONE: Self = Self {
        effect: None,
        then: None,
    };

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

/// An event of the stream, in Node's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // a driver matches all of them
pub enum Event {
    /// `_construct` succeeded. (Node leaves this event to the streams built on it.)
    Open,
    /// Room again, after a writer was told to wait (rule 9).
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

/// What the driver is to do. It decides nothing: each effect says all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// Tell an event.
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

/// What was deferred: to be put back in as [`Input::Run`](super::Input::Run).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // a driver carries all of them
pub enum Task {
    /// Call `_construct` (rule 20).
    Construct,
    /// Take the answer of `_construct` (rule 20).
    Constructed(Result<(), Fault>),
    /// What follows writes that the sink answered at once with ok (rules 9, 10).
    AfterWrite {
        /// How many writes. The machine says 1; a driver that joins a further
        /// one to a task that waits adds 1 (Node does for one and the same
        /// callback function).
        count: u32,
        /// Whether they have callbacks.
        callback: bool,
    },
    /// What follows a write that the sink answered at once with an error (rule 8).
    WriteFailed {
        /// The error.
        fault: Fault,
        /// Whether it has a callback.
        callback: bool,
    },
    /// Reject what is queued and kept (rule 17).
    Reject,
    /// Finish, if that is still due (rules 14, 16).
    Finish {
        /// Even if it is not. Only with the quirk `FINISH_AFTER_DESTROY` of the
        /// feature `node`.
        unchecked: bool,
    },
    /// Tell 'error' (rule 2).
    Error(Fault),
    /// Tell 'error', if there is one, and 'close' (rule 19).
    Close(Option<Fault>),
}

/// What is left to do of a step once its outward call has returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // a driver carries all of them
pub enum Then {
    /// The sink call of a direct write has returned (rules 4, 5).
    Answer,
    /// Flush (rule 11).
    Flush(Next),
    /// A sink call of the running flush has returned (rule 11).
    Flushing(Next),
    /// Call the callbacks of so many writes that are done (rule 9).
    Callbacks {
        /// How many are left.
        left: u32,
        /// Whether they have callbacks.
        callback: bool,
    },
    /// Reject what is queued and kept (rule 17).
    Reject(Next),
    /// The sink call of a batch has returned (rule 11).
    Batched(Next),
    /// Nothing of its own; only what follows.
    Next(Next),
    /// `_final` has returned, answered or not (rule 14).
    Finalizing(Next),
    /// 'prefinish' has been told: defer the finish, or finish at once if `now` (rule 14).
    Prefinished {
        /// Finish without waiting for a tick (only after `_construct`, rule 20).
        now: bool,
        /// What comes after that.
        next: Next,
    },
    /// 'prefinish' has been told after the answer of `_final` (rule 15).
    DeferFinish,
    /// The callbacks of `end()` know that it failed: fail (rule 15).
    FailFinal(Fault),
    /// The stream fails (rule 2).
    Fail {
        /// With this.
        fault: Fault,
        /// 'error' is deferred.
        sync: bool,
    },
    /// The rejection of what is queued is on its way: tell 'error' (rule 2).
    TellError {
        /// With this.
        fault: Fault,
        /// 'error' is deferred.
        sync: bool,
    },
    /// The rejection of what is queued is on its way: call `_destroy` (rule 18).
    CallDestroy,
    /// The callbacks of `end()` know: tell 'finish' (rule 16).
    TellFinish,
    /// 'finish' has been told (rule 16).
    AutoDestroy,
    /// 'error' has been told: tell 'close' (rule 19).
    TellClose,
}

/// What follows a flush, a rejection, or the look whether finish is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // part of `Then`
pub enum Next {
    /// Nothing.
    Nothing,
    /// See whether finish is due (rule 14).
    Look,
    /// See whether finish is due, and finish without waiting for a tick (rule 20).
    LookNow,
    /// See whether finish is due, then go on with `end()` (rule 13).
    LookThenEnd(End),
    /// Go on with `end()`: is it accepted? (rule 13)
    End(End),
    /// Go on with `end()`: what becomes of its callback? (rule 13)
    EndCallback(Option<Fault>),
    /// Go on with what follows a write (rule 9).
    AfterWrite {
        /// Whether it has a callback.
        callback: bool,
    },
    /// Go on with what follows a write that was answered at once. Only with the
    /// quirk `DEFERS_LATE` of the feature `node`.
    AtOnce {
        /// Whether it has a callback.
        callback: bool,
    },
    /// The stream fails, and 'error' is told at once (rule 2).
    Fail(Fault),
}
