//! The waiters of a stream, in the order in which a change concerns them.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::ops::Bound;
use core::task::Waker;

use super::condition::Condition;

/// The waiters of a stream. A call costs O(log n) for n waiters, and a wake-up costs
/// O(log n) for each waiter that it wakes.
#[derive(Default)]
pub(crate) struct Waiters {
    places: Vec<Place>,
    /// The places without a waiter.
    free: Vec<u32>,
    /// Invariant: it has the key of each place with a waker, and no other.
    order: BTreeSet<Key>,
    /// How many waiters have entered: the order of the waiters for room.
    arrivals: u64,
}

/// The most places that are kept once all of them are free.
const MAX_FREE: usize = 64;

/// What a waiter waits in, how far that must come, and its place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    queue: Queue,
    threshold: u64,
    index: u32,
}

impl Key {
    /// The least of a queue.
    const fn first(queue: Queue) -> Self {
        Self {
            queue,
            threshold: 0,
            index: 0,
        }
    }

    /// Behind all of the same queue.
    pub(super) fn behind_queue(self) -> Self {
        Self {
            queue: self.queue,
            threshold: u64::MAX,
            index: u32::MAX,
        }
    }

    pub(super) fn is_for_room(self) -> bool {
        self.queue == Queue::Room
    }
}

struct Place {
    /// Where the waiter is in the order, and when it came.
    condition: Condition,
    arrival: u64,
    waker: Option<Waker>,
}

impl Place {
    fn key(&self, index: u32) -> Key {
        let (queue, threshold) = self.condition.threshold(self.arrival);
        Key {
            queue,
            threshold,
            index,
        }
    }
}

/// A place among the waiters, between two polls. There is one for each place that is not free:
/// it is no copy, and the waiter gives it up when it leaves.
#[derive(Debug)]
pub(crate) struct Ticket(u32);

impl Waiters {
    /// A caller waits, or goes on waiting, for this condition. Returns the waker that it
    /// no longer needs.
    pub(crate) fn enter(
        &mut self,
        ticket: &mut Option<Ticket>,
        condition: Condition,
        waker: Waker,
    ) -> Option<Waker> {
        let index = match ticket {
            Some(Ticket(index)) => *index,
            None => self.arrive(ticket, condition),
        };
        let place = self.places.get_mut(index as usize)?;
        self.order.remove(&place.key(index));
        place.condition = condition;
        self.order.insert(place.key(index));
        place.waker.replace(waker)
    }

    /// A caller waits no longer. Returns its waker; `None` if it was woken, or did not
    /// wait.
    pub(crate) fn leave(&mut self, ticket: &mut Option<Ticket>) -> Option<Waker> {
        let Ticket(index) = ticket.take()?;
        let place = self.places.get_mut(index as usize)?;
        self.order.remove(&place.key(index));
        let waker = place.waker.take();
        self.free.push(index);
        if self.free.len() == self.places.len() && self.places.len() > MAX_FREE {
            // A crowd has left: its memory goes back.
            self.places = Vec::new();
            self.free = Vec::new();
        }
        waker
    }

    /// The waiter that comes next behind this key, or first of all.
    pub(super) fn next(&self, behind: Option<Key>) -> Option<(Key, Condition)> {
        let key = match behind {
            None => self.order.first()?,
            Some(key) => {
                // Most of the time, it was the last one.
                self.order.last().filter(|last| **last > key)?;
                let mut rest = self.order.range((Bound::Excluded(key), Bound::Unbounded));
                rest.next()?
            }
        };
        let place = self.places.get(key.index as usize)?;
        Some((*key, place.condition))
    }

    /// The wait with this key is over. Returns its waker.
    pub(super) fn take(&mut self, key: Key) -> Option<Waker> {
        self.order.remove(&key);
        self.places.get_mut(key.index as usize)?.waker.take()
    }

    /// Whether there is none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The lowest position that a waiter waits for.
    pub(super) fn next_position(&self) -> Option<u64> {
        let first = Key::first(Queue::Delivered);
        let key = self.order.range(first..).next()?;
        (key.queue == Queue::Delivered).then_some(key.threshold)
    }

    /// How many bytes the first waiter for room has; `None` if there is none, and
    /// no other waits for 'drain'.
    pub(super) fn next_room(&self) -> Option<u64> {
        let (key, condition) = self.next(None)?;
        match (key.queue, condition) {
            (Queue::Room, Condition::Room { len }) => Some(len),
            (Queue::Drain, _) => Some(0),
            _ => None,
        }
    }

    fn arrive(&mut self, ticket: &mut Option<Ticket>, condition: Condition) -> u32 {
        self.arrivals += 1;
        let place = Place {
            condition,
            arrival: self.arrivals,
            waker: None,
        };
        let index = match self.free.pop() {
            Some(index) => {
                if let Some(free) = self.places.get_mut(index as usize) {
                    *free = place;
                }
                index
            }
            None => {
                self.places.push(place);
                // Each waiter takes more memory than the count of them can address.
                u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
            }
        };
        *ticket = Some(Ticket(index));
        index
    }
}

/// What waiters wait in: each has a number that grows, and a waiter waits until its queue
/// has reached the number of the waiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Queue {
    Drain,
    Room,
    Delivered,
    Flushed,
    WorkerLeft,
}

impl Condition {
    /// What a waiter waits in, and its number there. The waiters for room come in the
    /// order of their arrival.
    fn threshold(self, arrival: u64) -> (Queue, u64) {
        match self {
            Self::Drain { before } => (Queue::Drain, before.saturating_add(1)),
            Self::Room { .. } => (Queue::Room, arrival),
            Self::Delivered(position) => (Queue::Delivered, position),
            Self::Flushed(number) => (Queue::Flushed, number),
            Self::WorkerLeft | Self::Closed => (Queue::WorkerLeft, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use core::task::Waker;

    use super::{Condition, MAX_FREE, Waiters};

    #[test]
    fn a_crowd_that_has_left_keeps_no_memory() {
        let mut waiters = Waiters::default();
        let mut tickets: Vec<_> = (0..=MAX_FREE).map(|_| None).collect();
        for _ in 0..2 {
            for (position, ticket) in (1..).zip(&mut tickets) {
                let condition = Condition::Delivered(position);
                assert!(
                    waiters
                        .enter(ticket, condition, Waker::noop().clone())
                        .is_none()
                );
            }
            assert_eq!(waiters.next_position(), Some(1));
            for ticket in &mut tickets {
                assert!(waiters.leave(ticket).is_some());
            }
            assert_eq!((waiters.places.capacity(), waiters.free.capacity()), (0, 0));
            assert!(waiters.is_empty());
        }
    }
}
