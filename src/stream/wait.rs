//! How a caller waits for something, and how it is woken.

use core::task::Waker;

use super::condition::{Condition, WaitError};
use super::own_lease::By;
use super::stream::Stream;
use super::waiters::Ticket;
use crate::cause::Cause;

impl Stream {
    /// Waits for this condition, or goes on waiting: then this waker is woken once the wait
    /// may be over. Once it is, `f` does something with the stream, before any other caller
    /// can.
    pub(crate) fn wait<T>(
        &mut self,
        by: By,
        ticket: &mut Option<Ticket>,
        condition: Condition,
        waker: Waker,
        f: impl FnOnce(&mut Self, Result<(), WaitError>) -> T,
    ) -> Option<T> {
        let came = ticket.is_some();
        let found = self.change(by, |stream| {
            let found = stream.check(condition);
            stream.wakers.unneeded = match found {
                Some(_) => [stream.waiters.leave(ticket), Some(waker)],
                None => [stream.waiters.enter(ticket, condition, waker), None],
            };
            found.map(|found| f(stream, found))
        });
        if found.is_some() || came {
            // A caller that has come for room leaves the rest of it to the next.
            self.take_woken();
        }
        found
    }

    /// Gives up a wait. That leaves room to the next: to the one behind a waiter that was
    /// woken, or whose chunk was too long for the room that there is.
    pub(crate) fn leave(&mut self, ticket: &mut Option<Ticket>) {
        if ticket.is_some() {
            self.wakers.unneeded = [self.waiters.leave(ticket), None];
            self.take_woken();
        }
    }

    /// Wakes the next waiter for room, if there is room that the waiter who was woken
    /// for it has not come for. It may never come: a wait can be kept without being polled.
    pub(crate) fn wake_next(&mut self) {
        self.take_woken();
    }

    /// Whether [`Stream::wake_next`] would wake one.
    pub(crate) fn has_next(&self) -> bool {
        let next = self.waiters.next_room().map(|len| Condition::Room { len });
        next.is_some_and(|condition| self.check(condition).is_some())
    }

    /// Whether there is a waiter, apart from the worker.
    pub(crate) fn has_waiters(&self) -> bool {
        !self.waiters.is_empty()
    }

    /// Takes the wakers of the waiters whose wait is over: in each queue the first of them, until one
    /// has to wait on. Of the waiters for room it is the first alone, unless the stream has stopped:
    /// once that has come, it takes the next.
    pub(super) fn take_woken(&mut self) {
        let mut behind = None;
        while let Some((key, condition)) = self.waiters.next(behind) {
            let is_over = self.check(condition).is_some();
            if is_over {
                let waker = self.waiters.take(key);
                self.wakers.waiters.extend(waker);
            }
            let goes_on = is_over && (!key.is_for_room() || self.stopped().is_some());
            behind = Some(if goes_on { key } else { key.behind_queue() });
        }
    }

    /// The position at which the first waiter may go on, if the sink takes all up to there of what
    /// it has in hand.
    #[inline]
    pub(super) fn wake_at(&self) -> u64 {
        if self.waiters.is_empty() || self.driver.state().in_flight() == 0 {
            return u64::MAX;
        }
        self.first_position()
    }

    fn first_position(&self) -> u64 {
        let (state, options) = (self.driver.state(), self.driver.options());
        let room = self.waiters.next_room().and_then(|len| {
            let mut level = options.limit().saturating_sub(len);
            if state.needs_drain() {
                level = level.min(options.low_water_mark());
            }
            let missing = state
                .length()
                .checked_sub(level)
                .filter(|&bytes| bytes > 0)?;
            Some(self.driver.host().delivered.saturating_add(missing))
        });
        let position = self.waiters.next_position();
        let first = room.into_iter().chain(position).min();
        first.unwrap_or(u64::MAX)
    }

    /// How the wait for this condition ends; `None` if it goes on.
    pub(crate) fn check(&self, condition: Condition) -> Option<Result<(), WaitError>> {
        let handoff = self.driver.host();
        match condition {
            Condition::Drain { before } if handoff.drains != before => Some(Ok(())),
            Condition::Drain { .. } => match self.stopped() {
                Some(error) => Some(Err(error)),
                None => self.has_room().then_some(Ok(())),
            },
            Condition::Room { len } => {
                let has_room = self.has_room() && len <= self.room_below_limit();
                let refused = len > self.driver.options().limit() || self.stopped().is_some();
                (has_room || refused).then_some(Ok(()))
            }
            Condition::Delivered(position) if position > self.position() => {
                let accepted = self.position();
                Some(Err(WaitError::NotAccepted { position, accepted }))
            }
            Condition::Delivered(position) => self.reached(handoff.delivered >= position),
            Condition::Flushed(number) => self.reached(handoff.flushed >= number),
            Condition::WorkerLeft => self.worker_left.then_some(Ok(())),
            Condition::Closed => self.worker_left.then(|| match self.finished() {
                Ok(()) => Ok(()),
                Err(Cause::Fault(_)) => Err(WaitError::Destroyed),
                Err(cause) => Err(WaitError::Failed(cause)),
            }),
        }
    }

    /// Whether a chunk of this many bytes need not wait for room; the stream may refuse it.
    pub(crate) fn has_room_for(&self, len: usize) -> bool {
        self.check(Condition::Room { len: len as u64 }).is_some()
    }

    /// How long a chunk may be at most, in bytes; 0 if there is no limit.
    #[cfg(feature = "futures")]
    pub(crate) fn longest_chunk(&self) -> usize {
        match self.driver.options().limit() {
            u64::MAX => 0,
            limit => usize::try_from(limit).unwrap_or(usize::MAX),
        }
    }

    /// How many bytes the limit leaves.
    pub(super) fn room_below_limit(&self) -> u64 {
        let limit = self.driver.options().limit();
        limit.saturating_sub(self.driver.state().length())
    }

    fn reached(&self, reached: bool) -> Option<Result<(), WaitError>> {
        if reached {
            Some(Ok(()))
        } else if let Some(cause) = self.failure() {
            Some(Err(WaitError::Failed(cause)))
        } else if self.driver.state().is_destroyed() {
            Some(Err(WaitError::Destroyed))
        } else {
            None
        }
    }

    /// The condition of a wait for 'drain' that begins now.
    pub(crate) fn next_drain(&self) -> Condition {
        let before = self.driver.host().drains;
        Condition::Drain { before }
    }

    /// Why the stream accepts nothing more, if it does not.
    pub(crate) fn stopped(&self) -> Option<WaitError> {
        let state = self.driver.state();
        if let Some(cause) = self.failure() {
            Some(WaitError::Failed(cause))
        } else if state.is_ended() {
            Some(WaitError::Ended)
        } else if state.is_destroyed() {
            Some(WaitError::Destroyed)
        } else {
            None
        }
    }
}
