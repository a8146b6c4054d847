//! Where Node breaks its own contract, one named quirk each.
//!
//! The strict machine has none of them. They are there so that a runtime can be
//! exactly as Node is, so that the machine can be compared with Node event by
//! event, and as planted faults that the checks of the contract must catch.
//! Without the feature `node` they are compiled out.
//!
//! The smallest scenarios are in the notation of `tests/testkit`; where
//! nothing else is said, the mark is 16, and there are no hooks.

use core::ops::BitOr;

/// A set of quirks: bug for bug what Node does.
///
/// ```
/// # #[cfg(feature = "node")] {
/// use highwater::machine::{Options, Quirks};
///
/// let as_node = Options::new().with_quirks(Quirks::NODE);
/// let one = Options::new().with_quirks(Quirks::REORDERS | Quirks::WRITEV_LOSES);
/// assert!(Quirks::NODE.contains(Quirks::REORDERS));
/// assert_eq!(Quirks::by_name("REORDERS"), Some(Quirks::REORDERS));
/// # let _ = (as_node, one);
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Quirks(u16);

impl Quirks {
    /// None: the contract, as it stands.
    pub const NONE: Self = Self(0);

    /// A write made while `_writev` is on the stack is never written; the
    /// length stays too high, and finish never comes.
    ///
    /// Breaks LengthAccounts, CallbackOnce, OrderKept, EndResolves,
    /// WaitIsAnswered, FinishFlushed: `v:1, sink:"s",
    /// turns:[["c","w1n","w1o","u"]], on:{w:[["w1o"]]}`.
    pub const WRITEV_LOSES: Self = Self(1);

    /// A write inside a flush, when the sink has answered but not returned,
    /// goes before the queue.
    ///
    /// Breaks OrderKept: `sink:"ms", turns:[["c","w1n","w1n","u"]],
    /// on:{w:[["k0","w1n"]]}`.
    pub const REORDERS: Self = Self(1 << 1);

    /// `end(callback)` on a destroyed stream, or on one that 'prefinish'
    /// destroys, never calls it.
    ///
    /// Breaks CallbackOnce: `["d0","e-o"]`.
    pub const FORGETS_END_CALLBACK: Self = Self(1 << 2);

    /// The finish that `_final` brings about is not checked again.
    ///
    /// Breaks FinishFlushed, CloseLast: `f:"s", turns:[["e-o","d0"]]`.
    pub const FINISH_AFTER_DESTROY: Self = Self(1 << 3);

    /// An error does not stop the stream: a flush goes on after a synchronous
    /// failure, drain still comes, and without autoDestroy what is queued,
    /// kept or written later waits for an answer, until cork and uncork hand it
    /// to the failed sink.
    ///
    /// Breaks NothingSentAfterFailure, CallbackOnce, NoWriteAfterEnd,
    /// DrainEarned: `sink:"S", turns:[["c","w1n","w1n","u"]]`.
    pub const SENDS_AFTER_ERROR: Self = Self(1 << 4);

    /// `cork()` inside a sink call of a running flush does not hold the rest.
    ///
    /// Breaks CorkHolds: `sink:"s", turns:[["c","w1n","w1n","u"]], on:{w:[["c"]]}`.
    pub const FLUSH_IGNORES_CORK: Self = Self(1 << 5);

    /// `destroy()` inside a flush does not stop it: the rest fails chunk by
    /// chunk, each deferred, and sets `errored`, without an 'error'.
    ///
    /// Breaks CloseLast: `sink:"s", turns:[["c","w1n","w1o","u"]], on:{w:[["d0"]]}`.
    pub const DESTROY_ERRORS: Self = Self(1 << 6);

    /// A slip of operator precedence: in object mode the after-write of a
    /// synchronous write without callback is always deferred.
    ///
    /// Shows in the order of ticks only: `obj:1, f:"t", sink:"stm",
    /// turns:[["e1o","w1n","w5n","e-o"]]`.
    pub const OBJECT_MODE_TICK: Self = Self(1 << 7);

    /// A write in flight at `destroy()` is not taken back: its own answer
    /// decides, even after 'close'; until then what is queued and kept waits.
    ///
    /// Breaks CloseLast, CallbackOnce: `sink:"m", turns:[["w1o","d0"]]`.
    pub const CALLBACK_AFTER_CLOSE: Self = Self(1 << 8);

    /// Finish is not due while a flush runs, and neither `uncork()` nor a second
    /// `end()` looks again after its flush.
    ///
    /// Breaks EndResolves, CallbackOnce: `sink:"ms",
    /// turns:[["w1n","w1n","e-n","c","k0","u"]]`.
    pub const FORGETS_FINISH: Self = Self(1 << 9);

    /// A synchronous completion flushes before it defers its callback.
    ///
    /// Breaks CloseLast: `sink:"s", turns:[["w1o"]], on:{w:[["w1n"],["d0"]]}`.
    pub const DEFERS_LATE: Self = Self(1 << 10);

    /// A second answer of one sink call is taken for the answer of the write
    /// in flight.
    ///
    /// Breaks CallbackOnce, OneAtATime, LengthAccounts, FinishFlushed:
    /// `sink:"m", turns:[["w1n","k0","w1o","K0"]]`.
    pub const TAKES_ANY_ANSWER: Self = Self(1 << 11);

    /// All of them: Node.
    pub const NODE: Self = Self((1 << 12) - 1);

    /// Every quirk with its name.
    pub const ALL: [(&'static str, Self); 12] = [
        ("WRITEV_LOSES", Self::WRITEV_LOSES),
        ("REORDERS", Self::REORDERS),
        ("FORGETS_END_CALLBACK", Self::FORGETS_END_CALLBACK),
        ("FINISH_AFTER_DESTROY", Self::FINISH_AFTER_DESTROY),
        ("SENDS_AFTER_ERROR", Self::SENDS_AFTER_ERROR),
        ("FLUSH_IGNORES_CORK", Self::FLUSH_IGNORES_CORK),
        ("DESTROY_ERRORS", Self::DESTROY_ERRORS),
        ("OBJECT_MODE_TICK", Self::OBJECT_MODE_TICK),
        ("CALLBACK_AFTER_CLOSE", Self::CALLBACK_AFTER_CLOSE),
        ("FORGETS_FINISH", Self::FORGETS_FINISH),
        ("DEFERS_LATE", Self::DEFERS_LATE),
        ("TAKES_ANY_ANSWER", Self::TAKES_ANY_ANSWER),
    ];

    /// Whether all of `others` are among these.
    #[must_use]
    pub const fn contains(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// These, but not `others`.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// The quirk of this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, quirk)| *quirk)
    }
}

impl BitOr for Quirks {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Quirks;

    #[test]
    fn each_is_a_bit_of_its_own_and_node_has_them_all() {
        let mut all = Quirks::NONE;
        for (name, quirk) in Quirks::ALL {
            assert_eq!(quirk.0.count_ones(), 1, "{name}");
            assert!(!all.contains(quirk), "{name}");
            assert_eq!((all | quirk).without(quirk), all);
            assert_eq!(Quirks::by_name(name), Some(quirk));
            all = all | quirk;
            assert_eq!(all | quirk, all);
        }
        assert_eq!(all, Quirks::NODE);
        assert_eq!(Quirks::by_name("NONE"), None);
    }
}
