"""lease.rs (rule 25): what a driver may do without the machine, and how it settles."""

from induction.values import DONE, MOST_CHUNKS, NO_STEP, WRITING, and_, ite, not_, or_


class Leases:
    """A part of `encoding.Run`, which has the state and the options."""

    def lease_to_queue(self):
        s, o = self.state, self.options
        below = ite(o.high_water_mark >= 1, o.high_water_mark - 1, 0)
        most = ite(and_(s.has_room(o), below < o.limit), below, o.limit)
        may = and_(s.writable, not_(self.goes_straight()))
        length = ite(s.total < most, most - s.total, 0)
        counted = ite(s.pending < s.queued, s.queued, s.pending)
        return ite(may, self.chunks_left(counted), 0), ite(may, length, 0)

    def chunks_left(self, number):
        return ite(number < MOST_CHUNKS, MOST_CHUNKS - number, 0)

    def lease_to_write(self):
        s = self.state
        empty = and_(s.total == 0, s.queued == 0)
        alone = and_(empty, not_(s.flushing), not_(s.sync))
        may = and_(s.writable, self.goes_straight(), alone, not_(s.need_drain))
        return ite(may, self.chunks_left(s.pending), 0)

    def lease_to_call(self):
        s = self.state
        may = and_(s.writable, not_(self.drain_wanted()))
        return ite(may, s.pending, 0)

    def lease_to_flush(self):
        s, o = self.state, self.options
        returned = and_(s.sink == WRITING, not_(s.sync), not_(s.flushing))
        flows = and_(returned, s.corked == 0, s.opening == DONE)
        in_one_call = and_(o.batches, s.queued > 1)
        may = and_(s.writable, flows, not_(in_one_call), not_(self.drain_wanted()))
        kept = ite(s.need_drain, o.low() + 1, 0)
        return ite(may, s.queued, 0), ite(and_(may, s.total > kept), s.total - kept, 0)

    def settle_queued(self, chunks, length, callback):
        s, (count, most) = self.state, self.lease_to_queue()
        length = ite(self.options.object_mode, chunks, length)
        if self.holds(and_(chunks > 0, chunks <= count, length <= most)):
            self.plus("pending", chunks)
            self.plus("queued", chunks)
            self.level_add(length)
            s.queue_callback = or_(s.queue_callback, callback)
            self.owe_drain()
        return NO_STEP

    def settle_written(self, callbacks, deferred):
        s = self.state
        if self.holds(and_(callbacks > 0, callbacks <= self.lease_to_write())):
            self.plus("pending", callbacks)
            s.after_write_waits = or_(s.after_write_waits, deferred)
        return NO_STEP

    def settle_called(self, callbacks):
        if self.holds(and_(callbacks > 0, callbacks <= self.lease_to_call())):
            self.minus("pending", callbacks)
            self.state.after_write_waits = False
        return NO_STEP

    def settle_flushed(self, answers, length):
        s, (count, most) = self.state, self.lease_to_flush()
        if self.holds(and_(answers > 0, answers <= count, length <= most)):
            head, callback = self.head
            self.level_flush(length, self.options.measure(head))
            s.sink, s.flight_callback = WRITING, callback
            self.count("queued", -answers)
            s.queue_callback = and_(s.queue_callback, s.queued > 0)
            self.minus("pending", answers)
            s.after_write_waits = False
        return NO_STEP
