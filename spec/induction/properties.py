"""The properties that `induct.py` proves, by the names of src/machine/mod.rs.

Each is asked either of every state (`always`) or of every step (`each_step`), and
of a driver of one of the two kinds in ghosts.py. What is marked `helps` is no
promise, but what the induction needs.
"""

from induction.ghosts import (
    COUNTS, OWED, may_call, may_flush, may_queue, may_write, now_with_next, settled_length,
    stands_open,
)
from induction.values import (
    ASKED, CALLED, CLOSED, CLOSE_TOLD, DESTROYING, DONE, FINALIZING, FINISHED, FLAGS, IDLE,
    MOST_CHUNKS, NUMBERS, OPEN, PREFINISHED, STANDING, TAKEN_BACK, TOLD, U32, U64, WAITING,
    WRITING, and_, implies, ite, not_, or_,
)

PROPERTIES = []


class Property:
    def __init__(self, name, statement, driver, on_step, helps, holds):
        self.name, self.statement, self.driver = name, statement, driver
        self.on_step, self.helps, self.holds = on_step, helps, holds


def add(name, statement, driver, on_step, helps):
    def keep(holds):
        PROPERTIES.append(Property(name, statement, driver, on_step, helps, holds))
        return holds
    return keep


def always(name, statement, driver="any", helps=False):
    """Holds in every state: proved of the first, and kept by every step."""
    return add(name, statement, driver, False, helps)


def each_step(name, statement, driver="any", helps=False):
    """Holds of every step from a state in which all that is `always` holds."""
    return add(name, statement, driver, True, helps)


def bit(condition):
    return ite(condition, 1, 0)


def dry(s):
    return and_(s.queued == 0, s.sink == IDLE, s.opening == DONE)


def working(s):
    return and_(s.teardown == STANDING, s.errored == 0)


# What the contract promises, for a driver of the kind `any`.

@each_step("NoWriteAfterEnd", "nothing is accepted after end, destroy or error; and a refused"
           " write changes nothing but that a drain may be owed")
def _(m):
    if m.accepts:
        return and_(m.s.ending == OPEN, working(m.s), m.given[0] == "Write")
    if m.leased in ("Queued", "Written"):
        return implies(m.changes("pending"), stands_open(m.s))
    if m.effect and m.effect[0] == "Refuse":
        same = (getattr(m.s, name) is getattr(m.after, name)
                for name in NUMBERS + FLAGS if name != "need_drain")
        return all(same)
    return True


@each_step("DrainEarned", "'drain' comes only if a write has returned false since the last one, at"
           " or below the low-water mark, never after end, destroy or error; and there is room")
def _(m):
    if m.event != "Drain":
        return True
    return and_(m.g.waits, m.after.total <= m.o.low(), m.s.ending == OPEN, working(m.s),
                or_(m.after.total < m.o.high_water_mark, m.after.total == 0))


@always("LengthAccounts", "the length is what the sink holds and what is queued; and it is what"
        " was accepted, less what was answered or rejected")
def _(o, s, g):
    return and_(s.total == g.held + g.queue_sum, s.in_flight == g.held, s.queued == g.queue,
                g.accepted == s.total + g.answered + g.rejected)


@each_step("OrderKept", "what goes to the sink is what is first in line: the chunk of this write"
           " only if none is queued, else the head of the queue, or all of it")
def _(m):
    if m.leased == "Written":
        return implies(m.changes("pending"), m.g.queue == 0)
    if m.leased == "Flushed":
        return implies(m.changes("queued"), m.given[1][1] <= m.g.queue)
    if m.effect and m.effect[0] == "WriteGiven":
        return m.g.queue == 0
    if m.effect and m.effect[0] in ("WriteHead", "RejectHead"):
        return m.g.queue > 0
    if m.effect and m.effect[0] == "WriteBatch":
        return and_(m.effect[1] == m.g.queue, m.g.queue > 1, m.o.batches)
    return True


@always("OneAtATime", "the sink has at most one unanswered call, and the state says if it has one")
def _(o, s, g):
    return g.calls == bit(s.sink == WRITING)


@each_step("CorkHolds", "no sink write starts while there are more corks than uncorks")
def _(m):
    if m.leased in ("Written", "Flushed"):
        return implies(m.changes("pending"), m.g.corks == 0)
    return m.ghosts.corks == 0 if m.sends else True


@each_step("NothingSentAfterFailure", "no sink write starts after error or destroy, or before"
           " construction succeeded")
def _(m):
    if m.leased in ("Written", "Flushed"):
        return implies(m.changes("pending"), and_(working(m.s), m.s.opening == DONE))
    return and_(working(m.s), working(m.after), m.s.opening == DONE) if m.sends else True


def callbacks_due(given, kind):
    """How many callbacks of writes are due with ok, how many with an error, and
    how many of `end()`, by a task, a continuation or what follows one."""
    if given is None:
        return 0, 0, 0
    name, args = given[0], given[1:]
    if kind == "then" and args and isinstance(args[-1], tuple):
        return callbacks_due(args[-1], "next")
    if name in ("AfterWrite", "AtOnce", "Callbacks"):
        number = args[0] if len(args) == 2 else 1
        return ite(args[-1], number, 0), 0, 0
    if kind == "task" and name == "WriteFailed":
        return 0, bit(args[1]), 0
    if kind == "next" and name in ("End", "LookThenEnd"):
        return 0, 0, bit(args[0][1])
    return 0, 0, int(kind == "next" and name == "EndCallback")


@each_step("CallbackOnce", "a callback that is due, with ok or with this error, is called now or"
           " is due by what comes next, never both, and none is called that is not due; a kept"
           " callback of end is called with ok only on finishing, else with what failed")
def _(m):
    kind = {"Run": "task", "Resume": "then"}.get(m.given[0])
    before, fault = callbacks_due(m.given[1], kind) if kind else (0, 0, 0), None
    if m.given[0] == "Written":
        answers = and_(m.s.sink == WRITING, not_(m.given[2]), m.s.flight_callback)
        ok, fault = m.given[1] == 0, m.given[1]
        before = bit(and_(answers, ok)), bit(and_(answers, not_(ok))), 0
    elif m.given[0] == "End":
        before = 0, 0, bit(m.given[1][1])
    elif m.inner[0] == "WriteFailed":
        fault = m.inner[1]
    name, args = (m.effect[0], m.effect[1:]) if m.effect else (None, ())
    called, told = (0, 0, int(name in ("KeepEnd", "DeferEnd"))), True
    if name == "Callback":
        called = bit(args[0] == 0), bit(args[0] != 0), 0
        told = or_(args[0] == 0, False if fault is None else args[0] == fault)
    elif name == "CallEnds":
        failed = or_(m.after.has_failed(), m.given[0] == "Finalized")
        finished = and_(m.after.ending == FINISHED, working(m.s))
        told = and_(m.g.ends > 0, ite(args[0] == 0, finished, failed))
    elif name == "RejectTaken":
        told = m.g.taken > 0
    later = callbacks_due(m.then, "then"), callbacks_due(m.task, "task")
    kept = and_(told, *(before[i] == called[i] + later[0][i] + later[1][i] for i in range(3)))
    return or_(now_with_next(m.inner), kept)


@always("CallbackKnown", "the machine knows of every callback: of what the sink holds, of what"
        " is queued, of what destroy took back, and of end")
def _(o, s, g):
    return and_(implies(and_(s.sink == WRITING, g.held_callbacks > 0), s.flight_callback),
                implies(g.queue_callbacks > 0, s.queue_callback),
                g.taken == bit(s.sink == TAKEN_BACK), s.ends_kept == (g.ends > 0))


@each_step("FinishFlushed", "the stream becomes finished only after end, with everything written,"
           " nothing pending, final ok, and never after destroy or error; 'finish' comes only"
           " from a finished stream, even if a callback of end destroys it meanwhile")
def _(m):
    became = and_(m.s.ending != m.after.ending, m.after.ending >= FINISHED, m.s.ending < FINISHED)
    flushed = and_(m.s.ending == PREFINISHED, m.after.total == 0, m.g.queue == 0, m.g.calls == 0,
                   m.after.pending == 0, working(m.s))
    ready = and_(m.after.ending == PREFINISHED, m.s.ending != PREFINISHED)
    final_ok = m.given[1] == 0 if m.given[0] == "Finalized" else not_(m.o.finalize)
    told = m.after.ending == TOLD if m.event == "Finish" else True
    return and_(implies(became, flushed), implies(ready, final_ok), told)


@always("DryEnd", "once final has been called or 'prefinish' told, nothing is queued or in flight"
        " (part of FinishFlushed)")
def _(o, s, g):
    return implies(s.ending > ASKED, and_(s.queued == 0, s.sink == IDLE))


@always("FinishOnce", "'finish' comes once, and the state says whether it did")
def _(o, s, g):
    return g.finishes == bit(s.ending == TOLD)


@always("ErrorOnce", "'error' comes at most once, and the state says whether it did")
def _(o, s, g):
    return g.errors == bit(s.error_told)


@each_step("ErroredStays", "`errored` never changes once it is set (part of ErrorOnce)")
def _(m):
    return implies(m.s.errored != 0, m.after.errored == m.s.errored)


@each_step("CloseLast", "after 'close', no event, no call of the sink or a hook, no chunk accepted")
def _(m):
    calls = m.sends or m.accepts or m.event
    hooks = m.effect and m.effect[0] in ("Construct", "Finalize", "Destroy")
    return m.s.teardown != CLOSE_TOLD if calls or hooks else True


@always("CloseOnce", "'close' comes at most once, and not at all without emitClose")
def _(o, s, g):
    return g.closes == bit(and_(s.teardown == CLOSE_TOLD, o.emit_close))


@each_step("AnswerTruthful", "an accepted write answers false if and only if the length is at the"
           " mark or above, and not 0, or the stream is errored or destroyed; all writes that"
           " were queued on one lease are answered alike")
def _(m):
    if m.leased == "Queued":
        return implies(m.changes("queued"), m.s.answer(m.o) == m.after.answer(m.o))
    if m.effect != ("Queue",) and m.inner != ("Answer",):
        return True
    s = m.after
    full = and_(s.total >= m.o.high_water_mark, s.total != 0)
    return not_(s.answer(m.o)) == or_(full, s.teardown != 0, s.errored != 0)


@always("DrainOwed", "a drain is owed if and only if a write has returned false since the last one,"
        " until end, error or destroy (part of WaitIsAnswered)")
def _(o, s, g):
    return and_(implies(s.need_drain, g.waits),
                implies(and_(g.waits, s.ending == OPEN, working(s)), s.need_drain))


@always("WritableTruthful", "the stream is writable until end, error or destroy")
def _(o, s, g):
    return s.writable == stands_open(s)


@always("LimitKept", "the length never passes the limit")
def _(o, s, g):
    return and_(s.total <= o.limit, s.total <= U64)


@each_step("MemoryBounded", "a producer that writes only when there is room takes the length no"
           " further than one chunk past what is below the mark")
def _(m):
    if m.leased == "Queued":
        room = or_(m.after.total < m.o.high_water_mark, m.after.total == 0)
        return implies(and_(m.changes("queued"), m.s.has_room(m.o)), room)
    if not m.accepts:
        return True
    below = or_(m.s.total < m.o.high_water_mark, m.s.total == 0)
    mark = ite(m.o.high_water_mark > 1, m.o.high_water_mark, 1)
    return implies(below, m.after.total < mark + m.measured())


@each_step("NoOverflow", "no count wraps, and no length saturates or is cut (part of NoPanic)")
def _(m):
    exact = ("panic", "total", "corked", "queued")
    inexact = (when for name, when in m.notes if name in exact)
    return not_(or_(*inexact))


@each_step("OnlyForward", "construction, end and destroy only go on, never back; destroy is"
           " called once, and only once construction has answered")
def _(m):
    forward = (getattr(m.after, name) >= getattr(m.s, name)
               for name in ("opening", "ending", "teardown"))
    called = True
    if m.effect and m.effect[0] == "Destroy":
        called = and_(m.s.teardown < DESTROYING, m.after.teardown == DESTROYING,
                      m.after.opening == DONE)
    if m.effect and m.effect[0] in ("Construct", "Finalize"):
        name, value = {"Construct": ("opening", CALLED),
                       "Finalize": ("ending", FINALIZING)}[m.effect[0]]
        called = and_(getattr(m.s, name) < value, getattr(m.after, name) == value)
    return and_(called, *forward)


def counted(o, s, leased, head=None):
    """The fields that this settlement changes, if the lease covers it."""
    name, number, *more = leased
    if name == "Queued":
        length, callback = more
        total = s.total + settled_length(o, number, length)
        room = or_(total < o.high_water_mark, total == 0)
        return {"total": total, "queued": s.queued + number, "pending": s.pending + number,
                "queue_callback": or_(s.queue_callback, callback),
                "need_drain": or_(s.need_drain, not_(room))}
    if name == "Written":
        return {"pending": s.pending + number,
                "after_write_waits": or_(s.after_write_waits, more[0])}
    if name == "Called":
        return {"pending": s.pending - number, "after_write_waits": False}
    length, callback = head
    # A driver that puts in after-writes of its own may have left less pending than is queued.
    pending = ite(s.pending > number, s.pending - number, 0)
    return {"pending": pending, "after_write_waits": False, "total": s.total - more[0], "in_flight": o.measure(length),
                     "queued": s.queued - number, "sink": WRITING, "flight_callback": callback,
                     "queue_callback": and_(s.queue_callback, s.queued > number)}


def becomes(m, fields):
    """These fields have these values after the step, and all others are as before."""
    return and_(*(getattr(m.after, name) == fields.get(name, getattr(m.s, name))
                  for name in NUMBERS + FLAGS))


@each_step("LeaseTruthful", "a settlement counts what was done if the lease covers it, which is"
           " exactly if each step would have done that and no more (LeaseIsSteps); else it does"
           " nothing; and it never leads to anything")
def _(m):
    if m.leased is None:
        return True
    covered, quiet = m.covered(), m.effect is None and m.then is None
    return and_(quiet, implies(covered, becomes(m, counted(m.o, m.s, m.given[1], m.head))),
                implies(not_(covered), becomes(m, {})))


@each_step("LeaseIsSteps", "a write is queued and does not change the answer if and only if the"
           " lease covers it; one that the lease to write covers goes to the sink; an answer within"
           " the call then leaves a deferred callback or nothing; a callback that the lease covers"
           " is called, with nothing before it; an answer that the lease to flush covers brings the"
           " head, and then its callback. All of it is counted as it is settled")
def _(m):
    o, s, name, args = m.o, m.s, m.inner[0], m.inner[1:]
    if name == "Write":
        length, callback = m.measured(), args[0][1]
        one = counted(o, s, ("Queued", 1, length, callback))
        straight = m.effect == ("WriteGiven",) and m.then == ("Answer",)
        written = implies(and_(may_write(o, s, m.g, 1), s.total + length <= o.limit), straight)
        covered = may_queue(o, s, m.g, 1, length)
        if m.effect != ("Queue",):
            return and_(not_(covered), written)
        alike = s.answer(o) == m.after.answer(o)
        return and_(covered == alike, becomes(m, one), written)
    if name == "Written":
        leased = and_(s.sink == WRITING, args[0] == 0, not_(args[1]), stands_open(s), s.sync,
                      s.queued == 0, not_(s.need_drain))
        deferred = m.task == ("AfterWrite", 1, s.flight_callback)
        quiet = m.effect is None and m.then is None
        after = and_(m.after.total == 0, m.after.sink == IDLE)
        kept = m.after.pending == s.pending if deferred else m.after.pending == s.pending - 1
        at_once = implies(and_(leased, s.pending > 0), and_(deferred or quiet, after, kept))
        covered = and_(args[0] == 0, not_(args[1]), may_flush(o, s, m.g, 1, m.g.held))
        brings = m.effect == ("WriteHead",) and m.then[0] == "Flushing"
        callback = brings and m.then[1][0] == "AfterWrite" and m.then[1][1] == s.flight_callback
        # What follows once that call has returned: see Flushing.
        later = {name: getattr(s, name) for name in ("pending", "after_write_waits", "queue_callback")}
        one = counted(o, s, ("Flushed", 1, m.g.held), m.head) | later
        given = becomes(m, one | {"sync": True, "flushing": True})
        return and_(at_once, implies(covered, and_(callback, given)))
    if name == "Flushing" and args[0][0] == "AfterWrite":
        drains = and_(s.need_drain, s.total <= o.low())
        covered = and_(stands_open(s), m.g.calls > 0, not_(drains), s.pending > 0)
        called = m.effect == ("Callback", 0) and m.then[:2] == ("Callbacks", 0)
        quiet = m.effect is None and m.then is None
        one = {"sync": False, "flushing": False, "after_write_waits": False,
               "pending": s.pending - 1, "queue_callback": and_(s.queue_callback, s.queued > 0)}
        return implies(covered, and_(implies(args[0][1], called), implies(not_(args[0][1]), quiet),
                                     becomes(m, one)))
    if name == "AfterWrite" and m.given[0] == "Run":
        called = m.effect == ("Callback", 0)
        covered = and_(args[1], args[0] > 0, may_call(o, s, m.g, 1))
        return implies(covered, and_(called, becomes(m, counted(o, s, ("Called", 1)))))
    if name == "Callbacks":
        called = m.effect == ("Callback", 0)
        covered = and_(args[1], args[0] > 0, may_call(o, s, m.g, 1))
        last = and_(args[0] == 0, may_call(o, s, m.g, 1))
        return and_(implies(covered, called),
                    implies(last, m.effect is None and m.then is None))
    return True


# What a driver of the kind `once` gets as well.

@always("PendingAccounts", "until it fails, or final does, pending is the writes that are queued,"
        " that the sink has or that wait for their after-write, final, and the finishes to come;"
        " once it is finished, no write is among them", "once")
def _(o, s, g):
    writes = g.queue + g.calls + g.owed_pending
    exact = writes + bit(s.ending == FINALIZING) + g.owed_finish
    fails = or_(s.has_failed(), g.owed_final_failing > 0)
    return or_(fails, and_(s.pending == exact,
                           implies(s.ending >= FINISHED, writes == 0)))


@each_step("PendingExact", "pending never saturates until the stream, or final, has failed", "once")
def _(m):
    inexact = (when for name, when in m.notes if name == "pending")
    return or_(m.after.has_failed(), m.g.owed_final_failing > 0, not_(or_(*inexact)))


@always("PendingBounded", "pending stays at least one below the largest number", "once")
def _(o, s, g):
    return s.pending + g.owed_finish_defer <= MOST_CHUNKS + bit(s.ending >= FINALIZING)


@always("QueueNotForgotten", "if something is queued and nothing holds it, a flush is under way"
        " or to come (part of WaitIsAnswered and EndResolves)", "once")
def _(o, s, g):
    stuck = and_(s.queued > 0, s.sink == IDLE, s.corked == 0, s.opening == DONE, working(s))
    return implies(stuck, or_(s.flushing, g.owed_flush > 0))


@always("WaitIsAnswered", "while a drain is owed, a write is queued or in flight, or an after-write"
        " is to come, which will tell it (the part without fairness)", "once")
def _(o, s, g):
    owed = and_(s.need_drain, s.ending == OPEN, working(s))
    return implies(owed, or_(s.sink == WRITING, s.queued > 0, g.owed_after_write > 0))


@always("EndResolves", "once all is written, an ended stream is looked at again: a look, a finish,"
        " or what is pending is to come (the part without fairness)", "once")
def _(o, s, g):
    to_come = or_(g.owed_look > 0, g.owed_pending > 0)
    return and_(implies(and_(s.ending == ASKED, working(s), dry(s)), to_come),
                implies(and_(s.ending == PREFINISHED, working(s)),
                        or_(to_come, g.owed_prefinished > 0, g.owed_finish_defer > 0,
                            g.owed_finish > 0, g.owed_final_failing > 0)),
                implies(and_(s.ending == FINISHED, s.teardown != CLOSE_TOLD),
                        g.owed_finish_tell > 0))


@always("DestroyCloses", "after destroy, the next step of it is to come, or construct or the"
        " destroy hook has to answer (the part without fairness)", "once")
def _(o, s, g):
    return and_(implies(and_(s.teardown == WAITING, s.opening == DONE), g.owed_destroy_call > 0),
                implies(s.teardown == CLOSED, g.owed_close > 0))


@always("RejectionOwed", "once the stream has failed, a rejection is to come for what is queued,"
        " taken back or kept, or the sink's answer will see to it (part of CallbackOnce)", "once")
def _(o, s, g):
    kept = and_(s.has_failed(), or_(s.queued > 0, s.sink == TAKEN_BACK, s.ends_kept))
    to_come = or_(*(getattr(g, f"owed_{name}") > 0 for name in
                    ("reject", "rejecting", "after_write", "callbacks", "write_failed")))
    return and_(implies(and_(kept, s.sink != WRITING), to_come),
                implies(and_(kept, s.sink == WRITING, s.sync), g.owed_reject > 0))


@always("FailureTold", "an error that did not destroy the stream has come as 'error', or will come,"
        " or will destroy it", "once")
def _(o, s, g):
    errored = and_(s.errored != 0, not_(s.is_destroyed()))
    return implies(errored, or_(s.error_told, g.owed_error > 0, g.owed_failing > 0,
                                g.owed_write_failed > 0))


# Strengthening: no promises, but what the induction needs.

@always("Typed", "counts are not negative, enumerations have one of their values", helps=True)
def _(o, s, g):
    most = {"opening": DONE, "sink": TAKEN_BACK, "ending": TOLD, "teardown": CLOSE_TOLD,
            "queued": U32, "pending": U32, "corked": U32, "total": U64}
    numbers = (and_(getattr(s, name) >= 0, getattr(s, name) <= most[name])
               if name in most else getattr(s, name) >= 0 for name in NUMBERS)
    return and_(*numbers, *(getattr(g, name) >= 0 for name in COUNTS))


@always("QueueIsOne", "the driver's queue: none is no length and no callback; no more callbacks"
        " than chunks; in object mode the sum is the count", helps=True)
def _(o, s, g):
    return and_(implies(g.queue == 0, and_(g.queue_sum == 0, g.queue_callbacks == 0)),
                g.queue_callbacks <= g.queue, implies(o.object_mode, g.queue_sum == g.queue))


@always("SinkHolds", "the sink holds nothing unless it was called; a write is taken back only by"
        " destroy, and destroy leaves none in flight", helps=True)
def _(o, s, g):
    return and_(implies(g.calls == 0, and_(g.held == 0, g.held_callbacks == 0)),
                implies(s.sink == TAKEN_BACK, s.is_destroyed()),
                implies(s.sink == WRITING, and_(s.opening == DONE, not_(s.is_destroyed()))))


@always("CorksCounted", "corked is the number of corks without their uncork", helps=True)
def _(o, s, g):
    return s.corked == g.corks


@always("OpenedFirst", "construction has answered before final or destroy is called", helps=True)
def _(o, s, g):
    return and_(implies(or_(s.ending > ASKED, s.teardown > WAITING), s.opening == DONE),
                implies(s.opening < DONE, o.construct), implies(s.ending == FINALIZING, o.finalize))


@each_step("NowAlone", "nothing is to follow a finish that comes at once: so CallbackOnce need"
           " not be asked of a continuation that the machine never gives", helps=True)
def _(m):
    return or_(now_with_next(m.inner), not_(now_with_next(m.then)))


@always("OwedCounted", "the counts of what is to come: what the state says of them is true",
        "once", helps=True)
def _(o, s, g):
    return and_(*(getattr(g, f"owed_{name}") >= 0 for name in OWED), g.owed_at_once == 0,
                implies(s.flushing, g.owed_flushing > 0), implies(s.sync, g.owed_stack > 0),
                implies(s.after_write_waits, g.owed_after_write > 0),
                implies(g.owed_failing > 0, s.has_failed()),
                implies(or_(g.owed_rejecting > 0, g.owed_write_failed > 0),
                        and_(s.has_failed(), s.sink != WRITING)),
                implies(g.owed_finish > 0, s.ending >= PREFINISHED),
                g.owed_finish_defer <= bit(s.ending >= PREFINISHED))
