//! The sink's answers, on the lease to flush.

use std::collections::VecDeque;
use std::mem;

use highwater::machine::{Input, Measure, Then};

use super::{Group, Held, Seen, Stream, Using, measure};

impl Stream {
    /// Whether this answer, which is ok, is done on the lease to flush.
    pub(super) fn answers_on_lease(&mut self) -> bool {
        let Some(excess) = self.leases else {
            return false;
        };
        if !matches!(self.using, Using::Flush(..)) {
            self.settle();
            let lease = self.state.lease_to_flush(&self.options);
            self.using = Using::Flush(lease, 0, 0, None);
        }
        let Using::Flush(lease, answers, len, last) = self.using else {
            return false;
        };
        let in_flight = last.map_or(self.state.in_flight(), |last| {
            self.options.measure(last.len)
        });
        let sum = len.saturating_add(in_flight);
        let most = lease.len.saturating_add(excess.flushed);
        if answers == lease.count || sum > most {
            return false;
        }
        let Some(chunk) = self.queue.pop_front() else {
            return false;
        };
        self.on_lease[3] += 1;
        let callbacks = mem::take(&mut self.flight);
        self.seen.push(Seen::Sent(vec![chunk.number]));
        self.flight = chunk.callback.into_iter().collect();
        let head = measure(&chunk);
        if self.at_once {
            self.answer_came_within(head, callbacks);
            return true;
        }
        self.unanswered = true;
        self.using = Using::Flush(lease, answers + 1, sum, Some(head));
        if callbacks.is_empty() {
            return true;
        }
        self.call_back(callbacks, Ok(()));
        if !matches!(self.using, Using::Flush(..)) {
            let (left, callback) = (0, true);
            self.put(Input::Resume(Then::Callbacks { left, callback }));
        }
        true
    }

    /// The sink has answered within the call that gives it this chunk: the answer that has
    /// brought it is on no lease, and is put in now. Its `WriteHead` is done already.
    fn answer_came_within(&mut self, head: Measure, group: Group) {
        self.settle();
        let (result, again) = (Ok(()), false);
        let then = self.step(Some(head), Input::Written { result, again }).then;
        self.answer(true);
        self.settle();
        if let Some(then) = then {
            let callbacks = if group.is_empty() {
                VecDeque::new()
            } else {
                [group].into()
            };
            let chunk = None;
            self.drive(Input::Resume(then), Held { chunk, callbacks });
        }
    }
}
