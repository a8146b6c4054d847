"""`step` of src/machine once more, in Python, for the strict machine (no quirks).

The functions have the names of those in Rust, and stand in the same order. Those of
level.rs and lease.rs are in level.py and leases.py. They work on plain values and on
z3 terms alike: `induct.py` runs this very text with terms to prove things of it, and
with numbers to compare it with the code. Every `if` asks `self.holds(...)`: with
numbers that is the answer, with terms it is a fork, and `induct.py` follows both ways.
Every operation that saturates or could wrap notes when it would: the proof says never.

Inputs, effects, tasks and continuations are tuples, with the Rust name first:
`("Emit", ("Error", 2))`.
"""

from induction.leases import Leases
from induction.level import Level
from induction.values import (
    ALREADY_FINISHED, ASKED, CALLED, CLOSED, CLOSE_TOLD, DESTROYED, DESTROYING, DONE, FINALIZING,
    FINISHED, IDLE, LOOK, MULTIPLE_CALLBACK, NO_STEP, NOT_CALLED, NOTHING, OPEN, PREFINISHED,
    TAKEN_BACK, TOLD, TOO_LONG, WAITING, WRITE_AFTER_END, WRITING, and_, ite, not_, or_,
)


def step(state, options, head, given, holds=bool):
    """Changes `state`; returns the effect, what follows it, and the notes."""
    run = Run(state, options, head, holds)
    effect, following = INPUTS[given[0]](run, *given[1:])
    return effect, following, run.notes


class Run(Level, Leases):
    def __init__(self, state, options, head, holds):
        self.state, self.options, self.holds = state, options, holds
        self.head = (0, False) if head is None else head
        self.notes = []

    # step.rs
    def start(self):
        if self.holds(self.state.opening == NOT_CALLED):
            return ("Defer", ("Construct",)), None
        return NO_STEP

    def refusal(self, length):
        s = self.state
        if not self.holds(s.refuses()):
            return None if self.holds(self.fits(length)) else TOO_LONG
        if self.holds(s.ending != OPEN):
            return WRITE_AFTER_END
        return DESTROYED if self.holds(s.is_destroyed()) else s.errored

    def write(self, chunk):
        s, (length, callback) = self.state, chunk
        fault = self.refusal(length)
        if fault is not None:
            return self.refuse(fault)
        length = self.options.measure(length)
        self.count("pending", 1)
        self.level_add(length)
        if self.holds(self.goes_straight()):
            self.start_sink_call(length, callback)
            return ("WriteGiven",), ("Answer",)
        self.count("queued", 1)
        s.queue_callback = or_(s.queue_callback, callback)
        self.owe_drain()
        return ("Queue",), None

    def refuse(self, fault):
        s = self.state
        if self.holds(fault == TOO_LONG):
            s.need_drain = or_(s.need_drain, s.total > 0)
        elif self.holds(self.options.refusals_fail):
            return ("Refuse", fault), ("Fail", fault, True)
        return ("Refuse", fault), None

    def goes_straight(self):
        s = self.state
        first_in_line = and_(s.queued == 0, not_(s.flushing))
        return and_(s.sink == IDLE, first_in_line, s.corked == 0,
                    s.opening == DONE, s.errored == 0)

    def start_sink_call(self, length, callback):
        self.level_start(length)
        self.state.sink = WRITING
        self.state.flight_callback = callback
        self.state.sync = True

    def end_sink_call(self, sink):
        callback, self.state.flight_callback = self.state.flight_callback, False
        self.state.sink = sink
        self.level_settle()
        return callback

    def answer(self):
        self.state.sync = False
        self.owe_drain()
        return NO_STEP

    def owe_drain(self):
        s = self.state
        s.need_drain = or_(s.need_drain, not_(s.has_room(self.options)))

    def cork(self):
        self.plus("corked", 1)
        return NO_STEP

    def uncork(self):
        if self.holds(self.state.corked == 0):
            return NO_STEP
        self.count("corked", -1)
        return self.flush(LOOK)

    def end(self, end):
        if self.holds(self.state.corked > 0):
            self.state.corked = 0
            return self.flush(("LookThenEnd", end))
        return self.accept_end(end)

    def accept_end(self, end):
        s, (refused, callback) = self.state, end
        accepted = self.holds(and_(refused == 0, s.ending == OPEN, s.errored == 0))
        fault = 0
        if accepted or self.holds(refused != 0):
            fault = refused
        elif self.holds(s.ending >= FINISHED):
            fault = ALREADY_FINISHED
        elif self.holds(s.is_destroyed()):
            fault = DESTROYED
        following = ("EndCallback", fault) if self.holds(callback) else NOTHING
        if not accepted:
            return self.next(following)
        s.ending, s.writable = ASKED, False
        return self.look(False, following)

    def end_callback(self, fault):
        s = self.state
        destroyed = ite(s.is_destroyed(), DESTROYED, 0)
        fault = ite(fault != 0, fault, ite(s.errored != 0, s.errored, destroyed))
        if self.holds(fault != 0):
            return ("DeferEnd", fault), None
        s.ends_kept = True
        return ("KeepEnd",), None

    def next(self, following):
        return NEXTS[following[0]](self, *following[1:])

    # sink.rs
    def takes_answer(self, again):
        return and_(self.state.sink == WRITING, not_(again))

    def written(self, result, again):
        s = self.state
        if not self.holds(self.takes_answer(again)):
            return self.fail(MULTIPLE_CALLBACK, False)
        callback = self.end_sink_call(IDLE)
        if self.holds(result == 0):
            sync = self.holds(s.sync)
            if sync:
                return self.written_at_once(callback)
            return self.send_queued(("AfterWrite", callback)) or self.after_write(1, callback)
        s.set_errored(result)
        if self.holds(s.sync):
            return ("Defer", ("WriteFailed", result, callback)), None
        return self.write_failed(result, callback)

    def written_at_once(self, callback):
        defer = self.settle_at_once(callback)
        if not defer:
            return self.flush(LOOK)
        return defer, ("Flush", NOTHING) if self.holds(self.may_flush()) else None

    def settle_late(self, callback):
        defer = self.settle_at_once(callback)
        return (defer, None) if defer else self.next(LOOK)

    def settle_at_once(self, callback):
        s = self.state
        tell = and_(not_(s.after_write_waits), self.drain_wanted())
        if self.holds(or_(callback, tell)):
            s.after_write_waits = True
            return "Defer", ("AfterWrite", 1, callback)
        self.minus("pending", 1)
        return None

    def drain_wanted(self):
        return and_(self.state.need_drain, self.state.total <= self.options.low())

    def tells_drain(self):
        s = self.state
        return and_(self.drain_wanted(), not_(s.refuses()))

    def progress(self, length):
        s = self.state
        if not self.holds(s.sink == WRITING):
            return NO_STEP
        self.level_progress(length)
        if self.holds(and_(not_(s.sync), self.tells_drain())):
            s.need_drain = False
            return ("Emit", ("Drain",)), None
        return NO_STEP

    def joined(self):
        self.state.after_write_waits = False
        return NO_STEP

    def write_failed(self, fault, callback):
        self.minus("pending", 1)
        if self.holds(callback):
            return ("Callback", fault), ("Reject", ("Fail", fault))
        return self.reject(("Fail", fault))

    def flush(self, following):
        return self.send_queued(following) or self.next(following)

    def send_queued(self, following):
        s = self.state
        if not self.holds(self.may_flush()):
            return None
        s.flushing = True
        batch = self.holds(and_(s.queued > 1, self.options.batches))
        return self.write_batch(following) if batch else self.write_head(following)

    def may_flush(self):
        return and_(not_(self.state.flushing), self.may_send())

    def may_send(self):
        s = self.state
        return and_(s.queued > 0, s.corked == 0, s.sink == IDLE,
                    s.opening == DONE, not_(s.has_failed()))

    def write_batch(self, following):
        s = self.state
        count, callback = s.queued, s.queue_callback
        self.minus("pending", count - 1)
        s.queued = 0
        s.queue_callback = False
        self.start_sink_call(s.total, callback)
        return ("WriteBatch", count), ("Batched", following)

    def write_head(self, following):
        length, callback = self.head
        self.count("queued", -1)
        self.start_sink_call(self.options.measure(length), callback)
        return ("WriteHead",), ("Flushing", following)

    def flushing(self, following):
        s = self.state
        s.sync = False
        if self.holds(and_(s.flushing, self.may_send())):
            return self.write_head(following)
        s.flushing = False
        s.queue_callback = and_(s.queue_callback, s.queued > 0)
        return self.next(following)

    def after_write(self, count, callback):
        s = self.state
        s.after_write_waits = False
        if self.holds(self.tells_drain()):
            s.need_drain = False
            return ("Emit", ("Drain",)), ("Callbacks", count, callback)
        return self.callbacks(count, callback)

    def callbacks(self, left, callback):
        if self.holds(and_(callback, left > 0)):
            self.minus("pending", 1)
            return ("Callback", 0), ("Callbacks", left - 1, callback)
        self.minus("pending", left)
        if self.holds(self.state.writable):
            return NO_STEP
        failed = self.holds(self.state.has_failed())
        return self.reject(LOOK) if failed else self.look(False, NOTHING)

    def reject(self, following):
        s = self.state
        if self.holds(or_(not_(s.has_failed()), s.sink == WRITING)):
            return self.next(following)
        fault = ite(s.errored != 0, s.errored, DESTROYED)
        if self.holds(s.sink == TAKEN_BACK):
            s.sink = IDLE
            return ("RejectTaken", fault), ("Reject", following)
        if self.holds(s.queued > 0):
            self.count("queued", -1)
            self.level_remove(self.options.measure(self.head[0]))
            return ("RejectHead", fault), ("Reject", following)
        s.queue_callback = False
        if self.holds(s.ends_kept):
            s.ends_kept = False
            return ("CallEnds", fault), ("Reject", following)
        return self.next(following)

    # finish.rs
    def finish_is_due(self):
        s = self.state
        return and_(s.ending != OPEN, s.ending < FINISHED, not_(s.has_failed()),
                    s.opening == DONE, s.sink == IDLE, s.queued == 0, s.total == 0)

    def look(self, now, following):
        s = self.state
        if not self.holds(self.finish_is_due()):
            return self.next(following)
        if self.holds(s.ending != ASKED):
            return self.prefinished(now, following)
        if self.holds(self.options.finalize):
            s.ending = FINALIZING
            self.plus("pending", 1)
            s.sync = True
            return ("Finalize",), ("Finalizing", following)
        s.ending = PREFINISHED
        return ("Emit", ("Prefinish",)), ("Prefinished", now, following)

    def finalizing(self, following):
        self.state.sync = False
        return self.prefinished(False, following)

    def prefinished(self, now, following):
        s = self.state
        if self.holds(or_(s.ending != PREFINISHED, s.pending > 0)):
            return self.next(following)
        if not self.holds(now):
            self.count("pending", 1)
            return ("Defer", ("Finish", False)), ("Next", following)
        return self.finish() if self.holds(self.finish_is_due()) else self.next(following)

    def finalized(self, result):
        s = self.state
        if self.holds(s.ending != FINALIZING):
            return self.fail(ite(result != 0, result, MULTIPLE_CALLBACK), False)
        self.minus("pending", 1)
        if self.holds(result != 0):
            if self.holds(s.ends_kept):
                s.ends_kept = False
                return ("CallEnds", result), ("FailFinal", result)
            return self.fail_final(result)
        if self.holds(self.finish_is_due()):
            s.ending = PREFINISHED
            return ("Emit", ("Prefinish",)), ("DeferFinish",)
        return NO_STEP

    def fail_final(self, fault):
        return self.fail(fault, self.state.sync)

    def defer_finish(self):
        self.plus("pending", 1)
        return ("Defer", ("Finish", False)), None

    def finish_task(self, unchecked):
        s = self.state
        self.minus("pending", 1)
        checked = and_(s.ending == PREFINISHED, s.pending == 0, self.finish_is_due())
        due = or_(checked, and_(unchecked, s.ending == PREFINISHED))
        return self.finish() if self.holds(due) else NO_STEP

    def finish(self):
        s = self.state
        s.ending = FINISHED
        if self.holds(s.ends_kept):
            s.ends_kept = False
            return ("CallEnds", 0), ("TellFinish",)
        return self.tell_finish()

    def tell_finish(self):
        s = self.state
        if self.holds(or_(s.ending != FINISHED, s.teardown == CLOSE_TOLD)):
            return NO_STEP
        s.ending = TOLD
        return ("Emit", ("Finish",)), ("AutoDestroy",)

    def auto_destroy(self):
        return self.destroy(0) if self.holds(self.options.auto_destroy) else NO_STEP

    # teardown.rs
    def construct(self):
        if self.holds(self.state.opening != NOT_CALLED):
            return NO_STEP
        self.state.opening = CALLED
        return ("Construct",), None

    def constructed(self, result):
        return ("Defer", ("Constructed", result)), None

    def take_construct(self, result):
        s = self.state
        if self.holds(s.opening != CALLED):
            return self.fail(ite(result != 0, result, MULTIPLE_CALLBACK), False)
        s.opening = DONE
        if self.holds(s.teardown == WAITING):
            error, s.teardown, s.waiting_error = s.waiting_error, DESTROYING, 0
            return ("Destroy", error, result), None
        if self.holds(result != 0):
            return self.fail(result, True)
        return ("Emit", ("Open",)), ("Flush", ("LookNow",))

    def fail(self, fault, sync):
        s = self.state
        if self.holds(s.is_destroyed()):
            return NO_STEP
        if self.holds(self.options.auto_destroy):
            return self.destroy(fault)
        s.set_errored(fault)
        if self.holds(and_(s.has_failed(), self.something_to_reject())):
            return ("Defer", ("Reject",)), ("TellError", fault, sync)
        return self.tell_or_defer_error(fault, sync)

    def tell_or_defer_error(self, fault, sync):
        if self.holds(sync):
            return ("Defer", ("Error", fault)), None
        return self.tell_error(fault)

    def tell_error(self, fault):
        s = self.state
        if self.holds(or_(s.error_told, s.teardown == CLOSE_TOLD)):
            return NO_STEP
        s.error_told = True
        return ("Emit", ("Error", fault)), None

    def destroy(self, error):
        s = self.state
        if self.holds(s.is_destroyed()):
            return NO_STEP
        s.writable = False
        if self.holds(s.sink == WRITING):
            self.end_sink_call(TAKEN_BACK)
        s.set_errored(error)
        s.teardown, s.waiting_error = WAITING, error
        if self.holds(self.something_to_reject()):
            return ("Defer", ("Reject",)), ("CallDestroy",)
        return self.call_destroy()

    def something_to_reject(self):
        s = self.state
        return or_(s.sink == TAKEN_BACK, s.queued > 0, s.flushing, s.ends_kept)

    def call_destroy(self):
        s = self.state
        if self.holds(and_(s.teardown == WAITING, s.opening == DONE)):
            error, s.teardown, s.waiting_error = s.waiting_error, DESTROYING, 0
            return ("Destroy", error, 0), None
        return NO_STEP

    def destroyed(self, error):
        s = self.state
        if self.holds(s.teardown != DESTROYING):
            return NO_STEP
        s.set_errored(error)
        s.teardown = CLOSED
        return ("Defer", ("Close", error)), None

    def close_task(self, error):
        s = self.state
        if self.holds(s.teardown != CLOSED):
            return NO_STEP
        if self.holds(and_(error != 0, not_(s.error_told))):
            s.error_told = True
            return ("Emit", ("Error", error)), ("TellClose",)
        return self.tell_close()

    def tell_close(self):
        s = self.state
        if self.holds(s.teardown != CLOSED):
            return NO_STEP
        s.teardown = CLOSE_TOLD
        return (("Emit", ("Close",)), None) if self.holds(self.options.emit_close) else NO_STEP


INPUTS = {
    "Start": Run.start, "Write": Run.write, "Cork": Run.cork, "Uncork": Run.uncork,
    "End": Run.end, "Destroy": Run.destroy, "Written": Run.written,
    "Constructed": Run.constructed, "Finalized": Run.finalized,
    "Destroyed": Run.destroyed, "Progress": Run.progress, "Joined": Run.joined,
    "Settle": lambda run, leased, *_: LEASED[leased[0]](run, *leased[1:]),
    "Run": lambda run, task: TASKS[task[0]](run, *task[1:]),
    "Resume": lambda run, then: THENS[then[0]](run, *then[1:]),
}
LEASED = {
    "Queued": Run.settle_queued, "Written": Run.settle_written, "Called": Run.settle_called,
    "Flushed": Run.settle_flushed,
}
TASKS = {
    "Construct": Run.construct, "Constructed": Run.take_construct,
    "AfterWrite": Run.after_write, "WriteFailed": Run.write_failed,
    "Reject": lambda run: run.reject(NOTHING), "Finish": Run.finish_task,
    "Error": Run.tell_error, "Close": Run.close_task,
}
THENS = {
    "Answer": Run.answer, "Flush": Run.flush, "Flushing": Run.flushing,
    "Batched": Run.flushing, "Callbacks": Run.callbacks, "Reject": Run.reject,
    "Next": Run.next, "Finalizing": Run.finalizing, "Prefinished": Run.prefinished,
    "DeferFinish": Run.defer_finish, "FailFinal": Run.fail_final, "Fail": Run.fail,
    "TellError": Run.tell_or_defer_error, "CallDestroy": Run.call_destroy,
    "TellFinish": Run.tell_finish, "AutoDestroy": Run.auto_destroy,
    "TellClose": Run.tell_close,
}
NEXTS = {
    "Nothing": lambda run: NO_STEP, "Look": lambda run: run.look(False, NOTHING),
    "LookNow": lambda run: run.look(True, NOTHING),
    "LookThenEnd": lambda run, end: run.look(False, ("End", end)),
    "End": Run.accept_end, "EndCallback": Run.end_callback,
    "AfterWrite": lambda run, callback: run.after_write(1, callback),
    "AtOnce": Run.settle_late, "Fail": lambda run, fault: run.fail(fault, False),
}
