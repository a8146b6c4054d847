//! The waiters of a stream, in the order in which a change concerns them.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::task::Waker;

use super::stream::Stream;
use super::wait::Condition;

/// The waiters of a stream. A call costs O(log n) for n waiters, and a wake-up costs
/// O(log n) for each waiter that it wakes.
#[derive(Default)]
pub(crate) struct Waiters {
    places: Vec<Place>,
    /// The places without a waiter.
    free: Vec<u32>,
    /// Invariant: it has the key of each place with a waker, and no other.
    order: BTreeSet<Key>,
    /// How many waiters have entered: the order of those who wait for room.
    arrivals: u64,
}

/// What a waiter waits in, how far that must come, and its place.
type Key = (Queue, u64, u32);

#[derive(Default)]
struct Place {
    /// How many waiters have left this place. It tells a ticket of now from an old one.
    generation: u32,
    /// Where the waiter is in the order, and when it came.
    condition: Option<Condition>,
    arrival: u64,
    waker: Option<Waker>,
}

impl Place {
    fn key(&self, index: u32) -> Option<Key> {
        let (queue, threshold) = self.condition?.threshold(self.arrival);
        Some((queue, threshold, index))
    }
}

/// A place among the waiters, between two polls.
#[derive(Debug)]
pub(crate) struct Ticket {
    index: u32,
    generation: u32,
}

impl Waiters {
    /// A caller waits, or goes on waiting, for this condition. Returns the waker that it
    /// no longer needs.
    pub(crate) fn enter(
        &mut self,
        ticket: &mut Option<Ticket>,
        condition: Condition,
        waker: Waker,
    ) -> Option<Waker> {
        let index = match ticket.as_ref().and_then(|ticket| self.index(ticket)) {
            Some(index) => index,
            None => self.arrive(ticket),
        };
        let place = self.places.get_mut(index as usize)?;
        if let Some(key) = place.key(index) {
            self.order.remove(&key);
        }
        place.condition = Some(condition);
        self.order.extend(place.key(index));
        place.waker.replace(waker)
    }

    /// A caller waits no longer. Returns its waker; `None` if it was woken, or did not
    /// wait.
    pub(crate) fn leave(&mut self, ticket: &mut Option<Ticket>) -> Option<Waker> {
        let index = self.index(&ticket.take()?)?;
        let place = self.places.get_mut(index as usize)?;
        if let Some(key) = place.key(index) {
            self.order.remove(&key);
        }
        place.generation = place.generation.wrapping_add(1);
        place.condition = None;
        self.free.push(index);
        place.waker.take()
    }

    /// Takes the wakers of those whose condition holds now. Of those who wait for room it
    /// is the first alone: once that has come, it takes the next.
    pub(crate) fn take_woken(&mut self, stream: &Stream) -> Vec<Waker> {
        let mut woken = Vec::new();
        for queue in Queue::ALL {
            let Some(reached) = stream.reached_in(queue) else {
                continue;
            };
            let keys = (queue, 0, 0)..=(queue, reached, u32::MAX);
            while let Some(&key) = self.order.range(keys.clone()).next() {
                self.order.remove(&key);
                let place = self.places.get_mut(key.2 as usize);
                woken.extend(place.and_then(|place| place.waker.take()));
                if queue == Queue::Room && stream.stopped().is_none() {
                    break;
                }
            }
        }
        woken
    }

    /// The place of this ticket, if it has not left.
    fn index(&self, ticket: &Ticket) -> Option<u32> {
        let place = self.places.get(ticket.index as usize)?;
        (place.generation == ticket.generation).then_some(ticket.index)
    }

    fn arrive(&mut self, ticket: &mut Option<Ticket>) -> u32 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            // Each waiter takes more memory than the count of them can address.
            u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
        });
        self.arrivals += 1;
        if let Some(place) = self.places.get_mut(index as usize) {
            place.arrival = self.arrivals;
            let generation = place.generation;
            *ticket = Some(Ticket { index, generation });
        }
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

impl Queue {
    const ALL: [Self; 5] = [
        Self::Drain,
        Self::Room,
        Self::Delivered,
        Self::Flushed,
        Self::WorkerLeft,
    ];
}

impl Condition {
    /// What a waiter waits in, and its number there. Those who wait for room come in the
    /// order of their arrival.
    fn threshold(self, arrival: u64) -> (Queue, u64) {
        match self {
            Self::Drain { before } => (Queue::Drain, before.saturating_add(1)),
            Self::Room => (Queue::Room, arrival),
            Self::Delivered(position) => (Queue::Delivered, position),
            Self::Flushed(number) => (Queue::Flushed, number),
            Self::WorkerLeft => (Queue::WorkerLeft, 0),
        }
    }
}

impl Stream {
    /// The number that a queue has reached: [`Stream::check`] ends the waits up to it.
    /// `None` if it ends none.
    fn reached_in(&self, queue: Queue) -> Option<u64> {
        let handoff = self.driver.host();
        let all = |ends: bool| ends.then_some(u64::MAX);
        let failed = self.driver.state().is_destroyed() || self.failure().is_some();
        let has_room = || self.stopped().is_some() || self.has_room();
        match queue {
            Queue::Drain => all(has_room()).or(Some(handoff.drains)),
            Queue::Room => all(has_room()),
            Queue::Delivered => all(failed).or(Some(handoff.delivered)),
            Queue::Flushed => all(failed).or(Some(handoff.flushed)),
            Queue::WorkerLeft => all(self.worker_left),
        }
    }
}
