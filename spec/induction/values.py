"""The numbers, helpers, options and state of the encoding: see encoding.py.

Enumerations, faults, results and options of faults are small numbers: 0 is Ok,
None or no fault. The helpers work on plain values and on z3 terms alike.
"""

import z3

U32, U64 = 2**32 - 1, 2**64 - 1
MOST_CHUNKS = U32 - 2

NOT_CALLED, CALLED, DONE = range(3)
IDLE, WRITING, TAKEN_BACK = range(3)
OPEN, ASKED, FINALIZING, PREFINISHED, FINISHED, TOLD = range(6)
STANDING, WAITING, DESTROYING, CLOSED, CLOSE_TOLD = range(5)
NAMES = {  # as Rust prints them
    "opening": ("NotCalled", "Called", "Done"),
    "sink": ("Idle", "Writing", "TakenBack"),
    "ending": ("Open", "Asked", "Finalizing", "Prefinished", "Finished", "Told"),
    "teardown": ("None", "Waiting", "Called", "Closed", "Told"),
}
FAULTS = ("WriteAfterEnd", "Destroyed", "AlreadyFinished", "MultipleCallback", "TooLong",
          "NotImplemented")
WRITE_AFTER_END, DESTROYED, ALREADY_FINISHED, MULTIPLE_CALLBACK, TOO_LONG = range(1, 6)
CALLER = 16  # Caller(ErrorId(n)) is 16 + n

NUMBERS = ("total", "in_flight", "queued", "pending", "corked", "errored",
           "opening", "sink", "ending", "teardown", "waiting_error")
FLAGS = ("error_told", "flight_callback", "queue_callback", "writable", "sync", "flushing",
         "need_drain", "after_write_waits", "ends_kept")
MARKS = ("high_water_mark", "low_water_mark", "limit")
CHOICES = ("object_mode", "auto_destroy", "refusals_fail", "emit_close", "batches",
           "construct", "finalize")


def ite(condition, yes, no):
    if isinstance(condition, bool):
        return yes if condition else no
    return z3.If(condition, yes, no)


def not_(condition):
    return not condition if isinstance(condition, bool) else z3.Not(condition)


def and_(*conditions):
    terms = []
    for condition in conditions:
        if condition is False:
            return False
        if condition is not True:
            terms.append(condition)
    return z3.And(terms) if len(terms) > 1 else terms[0] if terms else True


def or_(*conditions):
    terms = []
    for condition in conditions:
        if condition is True:
            return True
        if condition is not False:
            terms.append(condition)
    return z3.Or(terms) if len(terms) > 1 else terms[0] if terms else False


def implies(condition, consequence):
    return or_(not_(condition), consequence)


class Options:
    __slots__ = MARKS + CHOICES

    def low(self):
        """The low-water mark, kept below max(high_water_mark, 1)."""
        most = ite(self.high_water_mark >= 1, self.high_water_mark - 1, 0)
        return ite(self.low_water_mark < most, self.low_water_mark, most)

    def measure(self, length):
        return ite(self.object_mode, 1, length)


class State:
    __slots__ = NUMBERS + FLAGS

    @classmethod
    def new(cls, options):
        state = cls()
        for name in NUMBERS:
            setattr(state, name, 0)
        for name in FLAGS:
            setattr(state, name, name == "writable")
        state.opening = ite(options.construct, NOT_CALLED, DONE)
        return state

    def copy(self):
        other = State()
        for name in State.__slots__:
            setattr(other, name, getattr(self, name))
        return other

    def is_destroyed(self):
        return self.teardown != STANDING

    def has_failed(self):
        return and_(not_(self.writable), or_(self.is_destroyed(), self.errored != 0))

    def refuses(self):
        """Every write would be refused."""
        open_ = and_(self.ending == OPEN, not_(self.has_failed()))
        return not_(or_(self.writable, open_))

    def set_errored(self, error):
        self.errored = ite(self.errored != 0, self.errored, error)
        self.writable = and_(self.writable, self.errored == 0)

    def has_room(self, options):
        return self.total < ite(options.high_water_mark > 0, options.high_water_mark, 1)

    def answer(self, options):
        return and_(self.has_room(options), not_(self.has_failed()))


NO_STEP = (None, None)
NOTHING, LOOK = ("Nothing",), ("Look",)
