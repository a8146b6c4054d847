//! What the sink answers, the flush of the queue, and what follows a write.

use super::continuation::{Next, Task, Then};
use super::effect::{Effect, Event, Step};
use super::fault::Fault;
use super::lifecycle::{Opening, Sink};
use super::quirks::Quirks;
use super::step::Run;

impl Run<'_> {
    /// Rules 6, 7 and 8: the sink has answered.
    #[inline]
    pub(super) fn written(&mut self, result: Result<(), Fault>, again: bool) -> Step {
        if !self.state.takes_answer(self.options, again) {
            return self.fail(Fault::MultipleCallback, false);
        }
        let callback = self.state.sink == Sink::Writing { callback: true };
        self.state.sink = Sink::Idle;
        self.state.level.settle();
        match (result, self.state.sync) {
            (Ok(()), true) => self.written_at_once(callback),
            // Rule 7: the next sink call precedes the callback of this write.
            (Ok(()), false) => {
                if self.may_flush() {
                    self.send_queued(Next::AfterWrite { callback })
                } else {
                    self.after_write(1, callback)
                }
            }
            (Err(fault), sync) => {
                self.state.set_errored(Some(fault));
                if sync {
                    Step::last(Effect::Defer(Task::WriteFailed { fault, callback }))
                } else {
                    self.write_failed(fault, callback)
                }
            }
        }
    }

    /// Rule 7: ok while the sink call is on the stack. What is deferred for this
    /// write stands before whatever the flush brings about.
    fn written_at_once(&mut self, callback: bool) -> Step {
        if self.has(Quirks::DEFERS_LATE) {
            return self.flush(Next::AtOnce { callback });
        }
        match self.settle_at_once(callback) {
            Some(defer) if self.may_flush() => Step::then(defer, Then::Flush(Next::Nothing)),
            Some(defer) => Step::last(defer),
            None => self.flush(Next::Look),
        }
    }

    /// [`Quirks::DEFERS_LATE`]: the flush is over, and the write is settled only now.
    pub(super) fn settle_late(&mut self, callback: bool) -> Step {
        match self.settle_at_once(callback) {
            Some(defer) => Step::last(defer),
            None => self.next(Next::Look),
        }
    }

    /// Rule 10: what follows the write waits for a tick, if there is something
    /// to tell. Else the write is accounted for now, and a look follows.
    fn settle_at_once(&mut self, callback: bool) -> Option<Effect> {
        let object = self.options.object_mode && self.has(Quirks::OBJECT_MODE_TICK);
        let tell =
            !self.state.after_write_waits && (self.state.drain_wanted(self.options) || object);
        if callback || tell {
            self.state.after_write_waits = true;
            let task = Task::AfterWrite { count: 1, callback };
            return Some(Effect::Defer(task));
        }
        self.state.pending = self.state.pending.saturating_sub(1);
        None
    }

    /// Rule 10: a joined after-write does not count by itself.
    pub(super) fn joined(&mut self) -> Step {
        self.state.after_write_waits = false;
        Step::done()
    }

    /// Rule 8: pending, then the callback, the rest of the queue, and the failure.
    pub(super) fn write_failed(&mut self, fault: Fault, callback: bool) -> Step {
        self.state.pending = self.state.pending.saturating_sub(1);
        if callback {
            let effect = Effect::Callback(Err(fault));
            Step::then(effect, Then::Reject(Next::Fail(fault)))
        } else {
            self.reject(Next::Fail(fault))
        }
    }

    /// Rule 11: the queue goes to the sink, if nothing forbids it; then what is next.
    #[inline]
    pub(super) fn flush(&mut self, next: Next) -> Step {
        if self.may_flush() {
            self.send_queued(next)
        } else {
            self.next(next)
        }
    }

    /// Rule 11: begins a flush. `next` follows it.
    #[inline]
    fn send_queued(&mut self, next: Next) -> Step {
        self.state.flushing = true;
        if self.state.queued > 1 && self.options.batches {
            self.write_batch(next)
        } else {
            self.write_head(next)
        }
    }

    /// Rule 11: a flush may begin.
    #[inline]
    fn may_flush(&self) -> bool {
        !self.state.flushing && self.may_send(self.state.corked > 0)
    }

    /// Rule 11: something is queued, and neither a cork, the sink, construction
    /// nor the end of the stream holds it.
    #[inline]
    fn may_send(&self, corked: bool) -> bool {
        let s = &*self.state;
        s.queued > 0
            && !corked
            && s.sink == Sink::Idle
            && s.opening == Opening::Done
            && !s.stops(self.options)
    }

    /// Rule 11: exactly the chunks queued at this moment, in one sink call.
    fn write_batch(&mut self, next: Next) -> Step {
        let count = self.state.queued;
        let callback = self.state.queue_callback;
        self.state.pending = self.state.pending.saturating_sub(count - 1);
        self.state.queued = 0;
        self.state.queue_callback = false;
        self.start_sink_call(self.state.length(), callback);
        Step::then(Effect::WriteBatch(count), Then::Batched(next))
    }

    /// Rule 11: the chunk at the head of the queue.
    fn write_head(&mut self, next: Next) -> Step {
        let head = self.head.unwrap_or_default();
        self.state.queued -= 1;
        self.start_sink_call(self.options.measure(head.len), head.callback);
        Step::then(Effect::WriteHead, Then::Flushing(next))
    }

    /// Rule 11: a sink call of the flush has returned: the next chunk, one by
    /// one, until something stays in flight or forbids it.
    pub(super) fn flushing(&mut self, next: Next) -> Step {
        self.state.sync = false;
        let corked = self.state.corked > 0 && !self.has(Quirks::FLUSH_IGNORES_CORK);
        if self.state.flushing && self.may_send(corked) {
            return self.write_head(next);
        }
        if self.has(Quirks::DESTROY_ERRORS) && self.fails_rest() {
            return self.fail_head(next);
        }
        self.state.flushing = false;
        self.state.queue_callback &= self.state.queued > 0;
        self.next(next)
    }

    /// Rule 11: the sink call of a batch has returned: what was queued meanwhile
    /// follows one by one.
    pub(super) fn batched(&mut self, next: Next) -> Step {
        if self.has(Quirks::WRITEV_LOSES) && self.state.flushing {
            self.state.queued = 0;
        }
        self.flushing(next)
    }

    /// Rule 9: an owed drain is due. It is no longer owed then.
    #[inline]
    fn take_drain(&mut self) -> bool {
        let s = &mut *self.state;
        let due = s.drain_wanted(self.options) && s.refuses(self.options).is_none();
        s.need_drain &= !due;
        due
    }

    /// Rule 24: this much of what is in flight is done. What follows the write stays
    /// with the sink's answer.
    pub(super) fn progress(&mut self, done: u64) -> Step {
        if !self.state.is_writing() {
            return Step::done();
        }
        self.state.level.progress(done);
        if !self.state.sync && self.take_drain() {
            Step::last(Effect::Emit(Event::Drain))
        } else {
            Step::done()
        }
    }

    /// Rule 9: 'drain' comes before the callbacks of the writes that made room.
    #[inline(always)]
    pub(super) fn after_write(&mut self, count: u32, callback: bool) -> Step {
        self.state.after_write_waits = false;
        if self.take_drain() {
            let then = Then::Callbacks {
                left: count,
                callback,
            };
            return Step::then(Effect::Emit(Event::Drain), then);
        }
        self.callbacks(count, callback)
    }

    /// Rule 9: each callback; then what a stopped stream still holds is
    /// rejected, and then an ending one may be done.
    #[inline(always)]
    pub(super) fn callbacks(&mut self, left: u32, callback: bool) -> Step {
        if callback && left > 0 {
            self.state.pending = self.state.pending.saturating_sub(1);
            let then = Then::Callbacks {
                left: left - 1,
                callback,
            };
            return Step::then(Effect::Callback(Ok(())), then);
        }
        self.state.pending = self.state.pending.saturating_sub(left);
        if self.state.writable {
            Step::done()
        } else if self.state.stops(self.options) {
            self.reject(Next::Look)
        } else {
            self.look(false, Next::Nothing)
        }
    }

    /// Rule 17: the write that destroy took back, then the queue, then the
    /// callbacks of `end()`. An errored stream waits for the sink to answer first.
    pub(super) fn reject(&mut self, next: Next) -> Step {
        let s = &mut *self.state;
        if !s.has_failed() || s.is_writing() {
            return self.next(next);
        }
        let fault = s.errored.unwrap_or(Fault::Destroyed);
        if s.sink == Sink::TakenBack {
            s.sink = Sink::Idle;
            return Step::then(Effect::RejectTaken(fault), Then::Reject(next));
        }
        if s.queued > 0 {
            s.queued -= 1;
            let head = self.head.unwrap_or_default();
            s.level.remove(self.options.measure(head.len));
            return Step::then(Effect::RejectHead(fault), Then::Reject(next));
        }
        s.queue_callback = false;
        if s.ends_kept {
            s.ends_kept = false;
            return Step::then(Effect::CallEnds(Err(fault)), Then::Reject(next));
        }
        self.next(next)
    }

    /// [`Quirks::DESTROY_ERRORS`]: the flush goes on although the stream is destroyed.
    fn fails_rest(&self) -> bool {
        let s = &*self.state;
        s.flushing && s.queued > 0 && s.sink == Sink::Idle && s.is_destroyed()
    }

    /// [`Quirks::DESTROY_ERRORS`]: as if the sink had answered at once that the
    /// stream is destroyed.
    fn fail_head(&mut self, next: Next) -> Step {
        let head = self.head.unwrap_or_default();
        let fault = Fault::Destroyed;
        self.state.queued -= 1;
        self.state.level.remove(self.options.measure(head.len));
        self.state.set_errored(Some(fault));
        Step::then(Effect::FailHead(fault), Then::Flushing(next))
    }
}
