//! The callbacks that go with one write, one batch, or one tick; and the ticks.

use alloc::collections::VecDeque;
use core::mem;

use crate::machine::{Fault, Task};

/// Callbacks that belong together.
#[derive(Debug)]
pub(super) enum Callbacks<K> {
    /// There are none.
    None,
    /// Of a single write or end.
    One(K),
    /// Of the batch of this number: one pending write, all called at once.
    Batch(u32, VecDeque<K>),
    /// Joined: each a pending write, called one by one.
    Joined(VecDeque<K>),
}

impl<K> Callbacks<K> {
    pub(super) fn from_option(callback: Option<K>) -> Self {
        callback.map_or(Self::None, Self::One)
    }

    pub(super) fn take(&mut self) -> Self {
        mem::replace(self, Self::None)
    }

    /// Takes the next one.
    pub(super) fn next(&mut self) -> Option<K> {
        match self {
            Self::None => None,
            Self::One(_) => match self.take() {
                Self::One(callback) => Some(callback),
                _ => None,
            },
            Self::Batch(_, callbacks) | Self::Joined(callbacks) => callbacks.pop_front(),
        }
    }

    /// Takes over the one callback of `new`, if it is the same as those here.
    pub(super) fn join(&mut self, new: &mut Self, same: fn(&K, &K) -> bool) -> bool {
        let joins = match (&*self, &*new) {
            (Self::One(waiting), Self::One(new)) => same(waiting, new),
            (Self::Joined(waiting), Self::One(new)) => {
                waiting.back().is_some_and(|waiting| same(waiting, new))
            }
            _ => false,
        };
        if joins {
            let mut joined = match self.take() {
                Self::Joined(joined) => joined,
                mut one => one.next().into_iter().collect(),
            };
            joined.extend(new.next());
            *self = Self::Joined(joined);
        }
        joins
    }
}

/// Something that waits for the next tick.
#[derive(Debug)]
pub(super) enum Tick<K> {
    /// To be put back into the machine, with the callbacks it will want.
    Task(Task, Callbacks<K>),
    /// A callback of an operation that failed at once, or one of the host's own.
    Callback(K, Result<(), Fault>),
}

#[cfg(highwater_record)]
impl<K> Tick<K> {
    pub(super) const fn task(&self) -> Option<&Task> {
        match self {
            Self::Task(task, _) => Some(task),
            Self::Callback(..) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::Callbacks;

    #[test]
    fn the_same_ones_join_and_others_do_not() {
        let mut waiting = Callbacks::One('a');
        assert!(!waiting.join(&mut Callbacks::One('b'), char::eq));
        assert!(waiting.join(&mut Callbacks::One('a'), char::eq));
        assert!(waiting.join(&mut Callbacks::One('a'), char::eq));
        assert!(!waiting.join(&mut Callbacks::None, char::eq));
        let taken: Vec<_> = core::iter::from_fn(|| waiting.next()).collect();
        assert_eq!(taken, ['a', 'a', 'a']);
    }
}
