"""A truthful driver: what it keeps of its own (the ghosts), and what it never does
(the assumptions). Two kinds of it:

any    puts in any input, task and continuation, in any order and any number of
       times. It is truthful only of its queue: it does with its chunks what the
       effects say, gives the measure of the chunk that really stands first, and
       settles what it did on a lease.
once   as well: a task or continuation comes no more often than the machine gave
       it, and a task only while no sink call, no final and no end() is on the call
       stack. What constructs the stream is a task, so no end() is below it there.
       Otherwise the order is free: no stack, no FIFO. The ghosts `owed_*` count
       what is still to come: tasks, continuations, and answers of the hooks.
"""

from collections import Counter

from induction.values import (
    DONE, MOST_CHUNKS, NOTHING, OPEN, STANDING, TOO_LONG, U32, U64, and_, implies, ite, not_,
    or_,
)

# The driver's queue: chunks, sum of their measures, callbacks. The sink: unanswered
# calls, and the measure and callbacks that it holds. Then totals of measures, what
# the producer did, and which events came.
COUNTS = ("queue", "queue_sum", "queue_callbacks", "calls", "held", "held_callbacks", "taken",
          "accepted", "answered", "rejected", "corks", "ends", "errors", "finishes", "closes")
OWED = ("pending", "after_write", "callbacks", "flush", "flushing", "look", "reject", "rejecting",
        "write_failed", "failing", "final_failing", "error", "prefinished", "finish_defer",
        "finish", "finish_tell", "auto_destroy", "destroy_call", "close", "stack", "at_once",
        "end_kept", "start", "construct", "construct_answer", "constructed", "final_answer",
        "destroy_answer")
# What these bring about, besides what is particular to them.
TASKS = {"Construct": ("construct",), "Constructed": ("constructed",),
         "WriteFailed": ("pending", "write_failed"), "Reject": ("reject",),
         "Finish": ("finish",), "Error": ("error",), "Close": ("close",)}
THENS = {"Answer": ("stack",), "Flush": ("flush",), "Flushing": ("flushing", "stack"),
         "Batched": ("flushing", "stack"), "Callbacks": ("look", "callbacks"),
         "Reject": ("rejecting",), "Finalizing": ("prefinished", "stack"),
         "Prefinished": ("prefinished",), "DeferFinish": ("finish_defer",),
         "FailFinal": ("final_failing",), "TellError": ("error",),
         "TellFinish": ("finish_tell",), "AutoDestroy": ("auto_destroy",),
         "CallDestroy": ("destroy_call",),
         "TellClose": ("close",)}
NEXTS = {"AfterWrite": ("pending", "after_write"), "Look": ("look",), "LookNow": ("look",),
         "LookThenEnd": ("look",), "Fail": ("failing",), "AtOnce": ("at_once",)}
# What Start and the answers of the hooks are owed for: at first, or by the call of the hook.
ANSWERS = {"Start": ("start", None), "Constructed": ("construct_answer", "Construct"),
           "Finalized": ("final_answer", "Finalize"), "Destroyed": ("destroy_answer", "Destroy")}


class Ghosts:
    __slots__ = (*COUNTS, "waits", *(f"owed_{name}" for name in OWED))

    @classmethod
    def new(cls):
        ghosts = cls()
        for name in cls.__slots__:
            setattr(ghosts, name, False if name == "waits" else 0)
        ghosts.owed_start = 1
        return ghosts

    def copy(self):
        other = Ghosts()
        for name in self.__slots__:
            setattr(other, name, getattr(self, name))
        return other


class Move:
    """One step on one path: before, what came, what it led to, after."""

    def __init__(self, options, state, ghosts, head, given):
        self.o, self.s, self.g, self.head, self.given = options, state, ghosts, head, given
        self.inner = given[1] if given[0] in ("Run", "Resume") else given
        self.leased = given[1][0] if given[0] == "Settle" else None

    def done(self, state, effect, then, notes):
        self.after, self.effect, self.then, self.notes = state, effect, then, notes
        self.task = effect[1] if effect and effect[0] == "Defer" else None
        self.event = effect[1][0] if effect and effect[0] == "Emit" else None
        self.sends = effect and effect[0] in ("WriteGiven", "WriteHead", "WriteBatch")
        self.accepts = effect and effect[0] in ("WriteGiven", "Queue")
        self.ghosts = truthful(self)
        return self

    def covered(self):
        """The driver did on a lease what it settles, and the lease covers it."""
        name, *args = self.given[1]
        if name == "Queued":
            return may_queue(self.o, self.s, self.g, args[0], settled_length(self.o, *args[:2]))
        may = {"Written": may_write, "Called": may_call, "Flushed": may_flush}[name]
        return may(self.o, self.s, self.g, *args[:2 if name == "Flushed" else 1])

    def changes(self, name):
        return getattr(self.after, name) != getattr(self.s, name)

    def measured(self):
        return self.o.measure(self.given[1][0])

    def takes_answer(self):
        """The sink answers a call that it has not answered yet."""
        if self.given[0] != "Written":
            return False
        return and_(not_(self.given[2]), self.g.calls > 0)


def owes(given, kind):
    """What a task, a continuation or what follows one is bound to bring about."""
    owed = Counter()
    if given is None:
        return owed
    name, args = given[0], given[1:]
    owed.update({"task": TASKS, "then": THENS, "next": NEXTS}[kind].get(name, ()))
    if kind == "task" and name == "AfterWrite":  # a driver may join several
        owed = {"pending": args[0], "after_write": args[0]}
    elif name == "Callbacks":
        owed["pending"] = args[0]
    elif name == "EndCallback":  # without an error it is kept
        owed["end_kept"] = ite(args[0] == 0, 1, 0)
    elif kind == "then" and args and isinstance(args[-1], tuple):
        owed.update(owes(args[-1], "next"))
    return owed


def owed_by_input(given):
    kind = {"Run": "task", "Resume": "then"}.get(given[0])
    return owes(given[1], kind) if kind else Counter()


# Rule 25, once more: not as the machine reckons a lease, but from what it promises. Each
# of these writes would be accepted, queued, and answered alike;
def may_queue(o, s, g, chunks, length):
    full = [and_(total >= o.high_water_mark, total != 0) for total in (s.total, s.total + length)]
    return and_(chunks > 0, stands_open(s), not_(sink_waits(s, g)), s.total + length <= o.limit,
                s.pending + chunks <= MOST_CHUNKS, g.queue + chunks <= MOST_CHUNKS,
                full[0] == full[1])


# each would go to the sink, and once that has answered within its call, nothing would
# be left to do but to call the callback in a tick;
def may_write(o, s, g, callbacks):
    return and_(callbacks > 0, stands_open(s), sink_waits(s, g), not_(s.sync), not_(s.need_drain),
                s.pending + callbacks <= MOST_CHUNKS)


# each callback would be called, and no 'drain' before it.
def may_call(o, s, g, callbacks):
    drains = and_(s.need_drain, s.total <= o.low())
    return and_(callbacks > 0, stands_open(s), not_(drains), callbacks <= s.pending)


# each answer would bring the head of the queue, and then call its callback, without a
# 'drain': that comes once the length has fallen far enough, so the last answer decides.
def may_flush(o, s, g, answers, length):
    flows = and_(g.calls > 0, not_(s.sync), not_(s.flushing), g.corks == 0, s.opening == DONE)
    in_one_call = and_(o.batches, g.queue > 1)
    drains = and_(s.need_drain, s.total - length <= o.low())
    return and_(answers > 0, stands_open(s), flows, not_(in_one_call), not_(drains),
                answers <= g.queue, length <= s.total)


def settled_length(o, chunks, length):
    return ite(o.object_mode, chunks, length)


def stands_open(s):
    return and_(s.ending == OPEN, s.teardown == STANDING, s.errored == 0)


def sink_waits(s, g):
    """Nothing is on the way to the sink, and nothing holds a write back."""
    return and_(g.calls == 0, g.queue == 0, not_(s.flushing), g.corks == 0, s.opening == DONE)


def settled(move, g):
    """What the driver had done on a lease, before it settled."""
    (name, number, *more), done = move.given[1], move.covered()
    if name == "Queued":
        length = settled_length(move.o, number, more[0])
        g.queue += ite(done, number, 0)
        g.queue_sum += ite(done, length, 0)
        g.queue_callbacks += ite(done, move.given[2], 0)
        g.accepted += ite(done, length, 0)
        g.waits = or_(g.waits, and_(done, not_(move.s.answer(move.o))))
        return
    if name == "Flushed":
        (length, callback), answered = move.head, more[0]
        has, callback = move.o.measure(length), ite(callback, 1, 0)
        g.queue -= ite(done, number, 0)
        g.queue_sum -= ite(done, answered - g.held + has, 0)
        g.queue_callbacks -= ite(done, move.given[2] + callback, 0)
        g.answered += ite(done, answered, 0)
        g.held = ite(done, has, g.held)
        g.held_callbacks = ite(done, callback, g.held_callbacks)
        return
    sign = 1 if name == "Written" else -1
    for key in ("pending", "after_write"):
        owed = f"owed_{key}"
        setattr(g, owed, getattr(g, owed) + sign * ite(done, number, 0))


def truthful(move):
    """The ghosts after a step: what the driver did on its effect."""
    s, after, g = move.s, move.after, move.g.copy()
    # An answer, and then a destroy, end the sink call, before any further one starts.
    answered = move.takes_answer()
    g.answered += ite(answered, g.held, 0)
    taken = and_(not_(s.is_destroyed()), after.is_destroyed(), not_(answered))
    g.rejected += ite(taken, g.held, 0)
    g.taken = ite(taken, g.calls, g.taken)
    for name in ("held", "calls", "held_callbacks"):
        setattr(g, name, ite(or_(answered, taken), 0, getattr(g, name)))

    name, args = move.given[0], move.given[1:]
    if name == "Cork":
        g.corks += 1
    elif name == "Uncork":
        g.corks = ite(g.corks > 0, g.corks - 1, 0)
    elif name == "End":
        g.corks = 0
    elif name == "Progress":
        part = ite(args[0] < g.held, args[0], g.held)
        g.held, g.answered = g.held - part, g.answered + part
    elif name == "Settle":
        settled(move, g)

    effect = move.effect[0] if move.effect else None
    length, callback = move.head
    length, callback = move.o.measure(length), ite(callback, 1, 0)
    if effect in ("WriteHead", "RejectHead"):
        g.queue, g.queue_sum = g.queue - 1, g.queue_sum - length
        g.queue_callbacks -= callback
    if effect == "WriteHead":
        g.calls, g.held, g.held_callbacks = g.calls + 1, g.held + length, callback
    elif effect == "RejectHead":
        g.rejected += length
    elif effect == "WriteBatch":
        g.calls, g.held = g.calls + 1, g.held + g.queue_sum
        g.held_callbacks = g.queue_callbacks
        g.queue = g.queue_sum = g.queue_callbacks = 0
    elif move.accepts and name == "Write":
        length, callback = move.measured(), ite(args[0][1], 1, 0)
        g.accepted += length
        if effect == "Queue":
            g.queue, g.queue_sum = g.queue + 1, g.queue_sum + length
            g.queue_callbacks += callback
        else:
            g.calls, g.held, g.held_callbacks = g.calls + 1, g.held + length, callback
    elif effect == "RejectTaken":
        g.taken = 0
    elif effect == "KeepEnd":
        g.ends += 1
    elif effect == "CallEnds":
        g.ends = 0
    g.errors += int(move.event == "Error")
    g.finishes += int(move.event == "Finish")
    g.closes += int(move.event == "Close")

    # Told to wait: by the answer, or by the refusal of what would pass the limit.
    if effect == "Queue" or move.inner == ("Answer",):
        g.waits = or_(g.waits, not_(after.answer(move.o)))
    elif effect == "Refuse":
        g.waits = or_(g.waits, and_(move.effect[1] == TOO_LONG, s.total > 0))
    elif move.event == "Drain":
        g.waits = False

    for sign, owed in ((-1, owed_by_input(move.given)), (1, owes(move.then, "then")),
                       (1, owes(move.task, "task"))):
        for key, number in owed.items():
            setattr(g, f"owed_{key}", getattr(g, f"owed_{key}") + sign * number)
    for answer, (key, call) in ANSWERS.items():
        owed = getattr(g, f"owed_{key}") + int(effect is not None and effect == call)
        one = ite(owed > 0, 1, 0) if name == answer else 0  # a second answer is owed nothing
        setattr(g, f"owed_{key}", owed - one)
    return g


def assumptions(o, g, head, given):
    """What a truthful driver gives; the same for both kinds."""
    length, callback = head
    one = ite(callback, 1, 0)
    yield and_(0 <= length, length <= U64)
    yield implies(g.queue == 0, and_(length == 0, not_(callback)))
    yield implies(g.queue == 1, and_(o.measure(length) == g.queue_sum, one == g.queue_callbacks))
    yield implies(g.queue > 1, and_(o.measure(length) <= g.queue_sum, one <= g.queue_callbacks,
                                    g.queue_callbacks - one <= g.queue - 1))
    if given[0] == "Cork":
        yield g.corks < U32  # no producer corks four thousand million times in a nest
    if given[0] == "Settle" and given[1][0] == "Queued":
        (_, chunks, _, _), callbacks = given[1:]
        yield callbacks <= chunks
    if given[0] == "Settle" and given[1][0] == "Flushed":
        yield from of_answers(o, g, head, *given[1][1:], given[2])


def of_answers(o, g, head, answers, length, callbacks):
    """The sink has had these chunks of the queue, and has the last of them, the head."""
    (has, callback), before = head, length - g.held
    has, one = o.measure(has), ite(callback, 1, 0)
    had = and_(answers > 0, answers <= g.queue)
    yield implies(had, and_(before >= 0, before + has <= g.queue_sum,
                            implies(o.object_mode, before == answers - 1),
                            implies(answers == 1, before == 0),
                            implies(answers == g.queue, before + has == g.queue_sum)))
    left = g.queue_callbacks - callbacks - one
    yield implies(had, and_(callbacks >= 0, callbacks < answers, left >= 0,
                            left <= g.queue - answers))


def now_with_next(following):
    """A finish that comes at once drops what should follow it."""
    if following is None or following[0] != "Prefinished" or following[2] == NOTHING:
        return False
    return following[1]


def at_once(following):
    """Finishes without waiting for a tick: this only follows the task that constructs."""
    if following[0] == "Prefinished":
        return following[1]
    return isinstance(following[-1], tuple) and following[-1][0] == "LookNow"


def assumptions_once(g, given):
    for key, number in owed_by_input(given).items():
        yield getattr(g, f"owed_{key}") >= number
    leased, *args = given[1] if given[0] == "Settle" else (None,)
    if given[0] == "Run" or leased == "Called":
        yield and_(g.owed_stack == 0, g.owed_end_kept == 0)
    if leased == "Called":
        yield and_(g.owed_pending >= args[0], g.owed_after_write >= args[0])
    elif given[0] == "Resume":
        yield not_(now_with_next(given[1]))  # it is never given, see NowAlone
        yield implies(at_once(given[1]), g.owed_end_kept == 0)
