"""The arithmetic of encoding.py, and level.rs. A note says when a result would not be exact."""

from induction.values import MOST_CHUNKS, U32, U64, and_, ite, or_


class Level:
    """A part of `encoding.Run`, which has the state, the options and the notes."""

    def plus(self, name, number):  # saturating_add, of an u32
        value = getattr(self.state, name)
        self.notes.append((name, value + number > U32))
        setattr(self.state, name, ite(value + number > U32, U32, value + number))

    def minus(self, name, number):  # saturating_sub
        value = getattr(self.state, name)
        self.notes.append((name, value < number))
        setattr(self.state, name, ite(value < number, 0, value - number))

    def count(self, name, change):  # += 1 and -= 1, which would panic
        value = getattr(self.state, name) + change
        self.notes.append(("panic", or_(value < 0, value > U32)))
        setattr(self.state, name, value)

    def fits(self, length):
        s, sum_ = self.state, self.state.total + self.options.measure(length)
        return and_(sum_ <= U64, sum_ <= self.options.limit,
                    s.pending < MOST_CHUNKS, s.queued < MOST_CHUNKS)

    def level_add(self, length):  # wrapping_add
        total = self.state.total + length
        self.notes.append(("total", total > U64))
        self.state.total = ite(total > U64, total - U64 - 1, total)

    def level_start(self, length):
        self.notes.append(("total", length > self.state.total))
        self.state.in_flight = ite(length > self.state.total, self.state.total, length)

    def level_settle(self):
        self.minus("total", self.state.in_flight)
        self.state.in_flight = 0

    def level_progress(self, length):
        part = ite(length < self.state.in_flight, length, self.state.in_flight)
        self.minus("total", part)
        self.state.in_flight = self.state.in_flight - part

    def level_flush(self, answered, length):
        self.minus("total", answered)
        self.level_start(length)

    def level_remove(self, length):
        self.minus("total", length)
        low = self.state.total < self.state.in_flight
        self.notes.append(("total", low))
        self.state.total = ite(low, self.state.in_flight, self.state.total)
