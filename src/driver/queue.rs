//! The chunks that wait for the sink, with their measures and callbacks.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::machine::Measure;

/// A chunk that waits for the sink. Measured once, when it was accepted.
#[derive(Debug)]
struct Entry<C, K> {
    chunk: C,
    len: u64,
    callback: Option<K>,
}

/// The chunks that wait for the sink, in the order in which they were accepted.
///
/// Invariant OrderKept: chunks are appended at the back and leave at the front.
#[derive(Debug)]
pub(super) struct Queue<C, K> {
    entries: VecDeque<Entry<C, K>>,
}

impl<C, K> Queue<C, K> {
    /// Allocates nothing before the first chunk.
    pub(super) const fn new() -> Self {
        Self {
            entries: VecDeque::new(),
        }
    }

    pub(super) fn push(&mut self, chunk: C, len: u64, callback: Option<K>) {
        self.entries.push_back(Entry {
            chunk,
            len,
            callback,
        });
    }

    /// Takes the chunk at the head, with its callback.
    pub(super) fn pop(&mut self) -> Option<(C, Option<K>)> {
        let entry = self.entries.pop_front()?;
        Some((entry.chunk, entry.callback))
    }

    /// Takes all chunks, and those callbacks that there are, both in order.
    pub(super) fn take_all(&mut self) -> (Vec<C>, Vec<K>) {
        let mut chunks = Vec::with_capacity(self.entries.len());
        let mut callbacks = Vec::new();
        for entry in self.entries.drain(..) {
            chunks.push(entry.chunk);
            callbacks.extend(entry.callback);
        }
        (chunks, callbacks)
    }

    /// The measure of the chunk at the head.
    pub(super) fn head(&self) -> Option<Measure> {
        let entry = self.entries.front()?;
        Some(Measure {
            len: entry.len,
            callback: entry.callback.is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::Queue;
    use crate::machine::Measure;

    #[test]
    fn first_in_first_out_with_measures() {
        let mut queue = Queue::new();
        assert_eq!(queue.head(), None);
        queue.push('a', 3, None);
        queue.push('b', 0, Some("b"));
        assert_eq!(
            queue.head(),
            Some(Measure {
                len: 3,
                callback: false
            })
        );
        assert_eq!(queue.pop(), Some(('a', None)));
        assert!(queue.head().is_some_and(|head| head.callback));
        queue.push('c', 1, None);
        assert_eq!(queue.take_all(), (vec!['b', 'c'], vec!["b"]));
        assert_eq!(queue.pop(), None);
    }
}
