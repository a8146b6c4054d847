//! What the driver keeps for the machine and puts back in: what was deferred, and what a step
//! still does once its outward call has returned.

use super::fault::Fault;

/// What was deferred. The driver puts it back in as [`Input::Run`](super::Input::Run).
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
    /// Emit 'error' (rule 2).
    Error(Fault),
    /// Emit 'error', if there is one, and 'close' (rule 19).
    Close(Option<Fault>),
}

/// What is left to do of a step once its outward call has returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)] // as for `Effect`
#[allow(clippy::exhaustive_enums)] // a driver carries all of them
pub enum Then {
    /// The sink call of a direct write has returned (rules 4, 5).
    Answer,
    /// Flush (rule 11).
    Flush(Next),
    /// A sink call of the running flush has returned (rule 11).
    Flushing(Next),
    /// Call the callbacks of writes that are done (rule 9).
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
    /// 'prefinish' has been emitted: defer the finish, or finish at once if `now` (rule 14).
    Prefinished {
        /// Finish without waiting for a tick (only after `_construct`, rule 20).
        now: bool,
        /// What comes after that.
        next: Next,
    },
    /// 'prefinish' has been emitted after the answer of `_final` (rule 15).
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
    /// The rejection of what is queued is on its way: emit 'error' (rule 2).
    TellError {
        /// With this.
        fault: Fault,
        /// 'error' is deferred.
        sync: bool,
    },
    /// The rejection of what is queued is on its way: call `_destroy` (rule 18).
    CallDestroy,
    /// The callbacks of `end()` know: emit 'finish' (rule 16).
    TellFinish,
    /// 'finish' has been emitted (rule 16).
    AutoDestroy,
    /// 'error' has been emitted: emit 'close' (rule 19).
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
    /// The stream fails, and emits 'error' at once (rule 2).
    Fail(Fault),
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
