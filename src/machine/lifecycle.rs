//! What moves while a stream lives: construction, the sink's work, the way to
//! 'finish' and the way to 'close'. Three of the four only move forward. Each
//! of their moves is a method, which refuses to move from anywhere else.

use super::fault::Fault;

/// Where construction is (rule 20). It only moves forward:
///
/// ```text
/// NotCalled ──call──▶ Called ──answer──▶ Done
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Opening {
    /// `_construct` has not been called.
    NotCalled,
    /// `_construct` has been called.
    Called,
    /// It has answered, or there is none.
    Done,
}

impl Opening {
    /// `_construct` is called. Returns `false` if that is not due.
    pub(super) fn call(&mut self) -> bool {
        go(self, Self::NotCalled, Self::Called)
    }

    /// `_construct` has answered. Returns `false` if no answer is due.
    pub(super) fn answer(&mut self) -> bool {
        go(self, Self::Called, Self::Done)
    }
}

/// What the sink is doing.
///
/// ```text
///   ┌────────answered────────┐
///   ▼                        │
/// Idle ──a write begins──▶ Writing ──destroy──▶ TakenBack
///   ▲                                               │
///   └───────────────────rejected────────────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sink {
    /// Nothing.
    Idle,
    /// It has a write or a batch that it has not answered.
    Writing {
        /// Whether that write or batch has callbacks.
        callback: bool,
    },
    /// `destroy` took its write back, and that write's callback has not been
    /// called yet. Invariant: only once destroyed.
    TakenBack,
}

/// How far `end()` has come (rules 13 to 16). It only moves forward:
///
/// ```text
/// Open ──ask──▶ Asked ──finalize──▶ Finalizing
///                 │                     │
///                 └──────prefinish──────┴──▶ Prefinished ──finish──▶ Finished ──tell──▶ Told
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Ending {
    /// No `end()` was accepted.
    Open,
    /// `end()` was accepted.
    Asked,
    /// `_final` has been called.
    Finalizing,
    /// 'prefinish' has been emitted: `_final` has answered ok, or there is none.
    Prefinished,
    /// All is done. The callbacks of `end()` are called, and the stream emits 'finish' next,
    /// unless one of them closes the stream.
    Finished,
    /// 'finish' has been emitted.
    Told,
}

impl Ending {
    /// `end()` is accepted.
    pub(super) fn ask(&mut self) -> bool {
        go(self, Self::Open, Self::Asked)
    }

    /// `_final` is called.
    pub(super) fn finalize(&mut self) -> bool {
        go(self, Self::Asked, Self::Finalizing)
    }

    /// The stream emits 'prefinish': without `_final`, or once it has answered ok.
    pub(super) fn prefinish(&mut self) -> bool {
        go(self, Self::Asked, Self::Prefinished) || go(self, Self::Finalizing, Self::Prefinished)
    }

    /// The stream is finished.
    pub(super) fn finish(&mut self) -> bool {
        go(self, Self::Prefinished, Self::Finished)
    }

    /// The stream emits 'finish'.
    pub(super) fn tell(&mut self) -> bool {
        go(self, Self::Finished, Self::Told)
    }
}

/// How far `destroy()` has come (rules 18, 19). It only moves forward:
///
/// ```text
/// None ──begin──▶ Waiting ──call──▶ Called ──answer──▶ Closed ──tell──▶ Told
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Teardown {
    /// `destroy()` has not been called.
    None,
    /// It was called with this, and `_destroy` has not been called: a rejection is
    /// deferred first, or `_construct` has not answered.
    Waiting(Option<Fault>),
    /// `_destroy` has been called.
    Called,
    /// `_destroy` has answered: `closed`.
    Closed,
    /// 'close' has been emitted (or would have been).
    Told,
}

impl Teardown {
    /// `destroy(error)` is called. Returns `false` if it was called before.
    pub(super) fn begin(&mut self, error: Option<Fault>) -> bool {
        go(self, Self::None, Self::Waiting(error))
    }

    /// `_destroy` is called. Returns what `destroy()` was called with, if `_destroy` is due.
    pub(super) fn call(&mut self) -> Option<Option<Fault>> {
        let Self::Waiting(error) = *self else {
            return None;
        };
        *self = Self::Called;
        Some(error)
    }

    /// `_destroy` has answered. Returns `false` if no answer is due.
    pub(super) fn answer(&mut self) -> bool {
        go(self, Self::Called, Self::Closed)
    }

    /// The stream emits 'close'.
    pub(super) fn tell(&mut self) -> bool {
        go(self, Self::Closed, Self::Told)
    }
}

/// The one step forward, if it is due.
fn go<S: Copy + PartialEq>(state: &mut S, from: S, to: S) -> bool {
    let due = *state == from;
    if due {
        *state = to;
    }
    due
}

#[cfg(test)]
mod tests {
    use super::{Ending, Opening, Teardown};

    #[test]
    fn construction_only_moves_forward() {
        let mut opening = Opening::NotCalled;
        assert!(!opening.answer());
        assert!(opening.call() && !opening.call());
        assert!(opening.answer() && !opening.answer());
        assert!(!opening.call());
        assert_eq!(opening, Opening::Done);
    }

    #[test]
    fn the_end_only_moves_forward() {
        let mut ending = Ending::Open;
        assert!(!ending.finalize() && !ending.prefinish() && !ending.finish() && !ending.tell());
        assert!(ending.ask() && !ending.ask());
        let mut without_final = ending;
        assert!(without_final.prefinish() && without_final == Ending::Prefinished);
        assert!(ending.finalize() && ending == Ending::Finalizing);
        assert!(ending.prefinish() && !ending.prefinish());
        assert!(!ending.tell());
        assert!(ending.finish() && !ending.finish());
        assert!(ending.tell() && !ending.tell());
        assert_eq!(ending, Ending::Told);
    }

    #[test]
    fn destruction_only_moves_forward() {
        let mut teardown = Teardown::None;
        assert_eq!(teardown.call(), None);
        assert!(teardown.begin(None) && !teardown.begin(None));
        assert!(!teardown.answer() && !teardown.tell());
        assert_eq!(teardown.call(), Some(None));
        assert_eq!(teardown.call(), None);
        assert!(teardown.answer() && !teardown.answer());
        assert!(teardown.tell() && !teardown.tell());
        assert_eq!(teardown, Teardown::Told);
    }
}
