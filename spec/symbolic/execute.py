"""Runs a function of a WebAssembly module along every path, over terms.

What is not known forks: a path for each way that the solver finds possible. Whatever
would trap in an engine, and every access outside of what the function may read or
write, ends a path with the reason.
"""

from symbolic import terms
from symbolic.memory import Memory
from symbolic.solver import Path

PAGE = 65536
MOST_ADDRESSES = 64


class Trap(Exception):
    pass


class Label:
    """Where a branch to a block goes, and what it takes along."""

    __slots__ = ("target", "arity", "height")

    def __init__(self, target, arity, height):
        self.target, self.arity, self.height = target, arity, height


class Frame:
    __slots__ = ("function", "at", "locals", "stack", "labels")

    def __init__(self, function, arguments):
        self.function, self.at, self.stack = function, 0, []
        self.locals = arguments + [terms.known(0, width) for width in function.locals]
        self.labels = [Label(len(function.code) - 1, len(function.results), 0)]

    def copy(self):
        other = object.__new__(Frame)
        other.function, other.at = self.function, self.at
        other.locals, other.stack = self.locals[:], self.stack[:]
        other.labels = self.labels[:]
        return other


class State:
    """A run that has come so far."""

    def __init__(self, frames, variables, memory, path):
        self.frames, self.globals, self.memory, self.path = frames, variables, memory, path
        self.results = None

    def copy(self, path):
        return State([frame.copy() for frame in self.frames], self.globals[:],
                     self.memory.copy(), path)


class Executor:
    """`readable` and `writable` are lists of (first address, address past the last)."""

    def __init__(self, module, solver, readable, writable):
        self.module, self.solver = module, solver
        self.readable, self.writable = readable, writable
        self.does = {name.removeprefix("do_"): getattr(self, name)
                     for name in dir(self) if name.startswith("do_")}

    def run(self, name, arguments, prepare):
        """Yields (state, None) for each path to the end, and (state, reason) for each trap."""
        function = self.module.functions[self.module.exports[name]]
        variables = [terms.known(value, width) for width, value in self.module.globals]
        memory = Memory(self.module.data)
        prepare(memory)
        frame = Frame(function, [terms.known(value, 32) for value in arguments])
        work = [State([frame], variables, memory, Path())]
        while work:
            state = work.pop()
            try:
                while state.frames:
                    others = self.step(state)
                    if others:
                        work += others
                yield state, None
            except Trap as trap:
                where = " < ".join(f"{frame.function.name}+{frame.at - 1}"
                                   for frame in reversed(state.frames))
                yield state, f"{trap} at {where}"

    def step(self, state):
        """One instruction. Returns the states of the other ways, if it forks."""
        frame = state.frames[-1]
        name, *known = frame.function.code[frame.at]
        frame.at += 1
        return self.does[name](state, frame, *known)

    def fork(self, state, given, act):
        """Acts on the state, and on a copy of it if the condition can be both."""
        ways = self.solver.truths(state.path, given)
        states = [state] + [state.copy(path) for _, path in ways[1:]]
        for (truth, path), way in zip(ways, states):
            way.path = path
            act(way, truth)
        return states[1:]

    # Control.

    def do_unreachable(self, state, frame):
        raise Trap("unreachable")

    def do_nop(self, state, frame):
        pass

    def do_block(self, state, frame, takes, gives, end, _):
        frame.labels.append(Label(end, gives, len(frame.stack) - takes))

    def do_loop(self, state, frame, takes, gives, end, _):
        frame.labels.append(Label(frame.at, takes, len(frame.stack) - takes))

    def do_if(self, state, frame, takes, gives, end, otherwise):
        def act(way, truth):
            chosen = way.frames[-1]
            if not truth:
                chosen.at = end + 1 if otherwise is None else otherwise + 1
            if truth or otherwise is not None:
                chosen.labels.append(Label(end, gives, len(chosen.stack) - takes))
        return self.fork(state, terms.is_set(frame.stack.pop()), act)

    def do_else(self, state, frame, end):
        frame.at = end

    def do_end(self, state, frame):
        frame.labels.pop()
        if not frame.labels:
            self.do_return(state, frame)

    def do_return(self, state, frame):
        count = len(frame.function.results)
        results = frame.stack[len(frame.stack) - count:]
        state.frames.pop()
        if state.frames:
            state.frames[-1].stack += results
        else:
            state.results = results

    def do_call(self, state, frame, index):
        function, stack = self.module.functions[index], frame.stack
        first = len(stack) - len(function.parameters)
        state.frames.append(Frame(function, stack[first:]))
        del stack[first:]

    def branch(self, frame, depth):
        if depth:
            del frame.labels[-depth:]
        label = frame.labels[-1]
        frame.stack[label.height:] = frame.stack[len(frame.stack) - label.arity:]
        frame.at = label.target  # the label of a loop stays; the `end` of a block takes it

    def do_br(self, state, frame, depth):
        self.branch(frame, depth)

    def do_br_if(self, state, frame, depth):
        def act(way, truth):
            if truth:
                self.branch(way.frames[-1], depth)
        return self.fork(state, terms.is_set(frame.stack.pop()), act)

    def do_br_table(self, state, frame, depths):
        value, last = frame.stack.pop(), len(depths) - 1
        if terms.is_known(value):
            self.branch(frame, depths[min(value, last)])
            return None
        others, rest = [], state
        for number in range(last):
            same = terms.condition(terms.as_term(value, 32) == number)
            ways = self.solver.truths(rest.path, same)
            states = [rest] + [rest.copy(path) for _, path in ways[1:]]
            rest = None
            for (truth, path), way in zip(ways, states):
                way.path = path
                if truth:
                    self.branch(way.frames[-1], depths[number])
                    others.append(way)
                else:
                    rest = way
            if rest is None:
                break
        if rest is not None:
            self.branch(rest.frames[-1], depths[last])
            others.append(rest)
        return [way for way in others if way is not state]

    # Values.

    def do_drop(self, state, frame):
        frame.stack.pop()

    def do_select(self, state, frame):
        chosen, no, yes = frame.stack.pop(), frame.stack.pop(), frame.stack.pop()
        frame.stack.append(terms.select(terms.is_set(chosen), yes, no))

    def do_local_get(self, state, frame, index):
        frame.stack.append(frame.locals[index])

    def do_local_set(self, state, frame, index):
        frame.locals[index] = frame.stack.pop()

    def do_local_tee(self, state, frame, index):
        frame.locals[index] = frame.stack[-1]

    def do_global_get(self, state, frame, index):
        frame.stack.append(state.globals[index])

    def do_global_set(self, state, frame, index):
        state.globals[index] = frame.stack.pop()

    def do_const(self, state, frame, width, number):
        frame.stack.append(terms.known(number, width))

    def do_eqz(self, state, frame, width):
        is_zero = terms.negated(terms.is_set(frame.stack.pop()))
        frame.stack.append(terms.bit(is_zero, 32))

    def do_compare(self, state, frame, width, name):
        b, a = frame.stack.pop(), frame.stack.pop()
        frame.stack.append(terms.compare(name, a, b, width))

    def do_arithmetic(self, state, frame, width, name):
        b = frame.stack.pop()
        if name == "popcnt":
            frame.stack.append(terms.popcount(b, width))
            return
        if name not in terms.ARITHMETIC:
            raise NotImplementedError(f"i{width}.{name}")
        frame.stack.append(terms.arithmetic(name, frame.stack.pop(), b, width))

    def do_extend(self, state, frame, _, bits, width, sign):
        frame.stack.append(terms.extend(frame.stack.pop(), bits, width, sign))

    # Memory.

    def allow(self, regions, what, at, size):
        inside = any(first <= at and at + size <= past for first, past in regions)
        if not inside or at + size > self.module.pages * PAGE:
            raise Trap(f"{what} {size} bytes at {at:#x}")

    def do_load(self, state, frame, width, size, sign, offset):
        address = frame.stack.pop()
        if terms.is_known(address):
            self.allow(self.readable, "reads", address + offset, size)
            value = state.memory.load(address + offset, size)
        else:
            value = self.look_up(state, terms.as_term(address, 32), offset, size)
        frame.stack.append(terms.extend(value, 8 * size, width, sign))

    def look_up(self, state, address, offset, size):
        """A load from a table, for each address that is possible."""
        found, path = [], state.path.copy()
        while self.solver.possible(path):
            found.append(self.solver.model(path)(address))
            if len(found) > MOST_ADDRESSES:
                raise Trap("reads at any address")
            self.allow(self.readable, "reads", found[-1] + offset, size)
            path.assume(address == found[-1], False, False)
        value = state.memory.load(found.pop() + offset, size)
        for number in found:
            other = state.memory.load(number + offset, size)
            value = terms.select(terms.condition(address == number), other, value)
        return value

    def do_store(self, state, frame, size, offset):
        value, address = frame.stack.pop(), frame.stack.pop()
        if not terms.is_known(address):
            raise Trap("writes at an address that is not known")
        self.allow(self.writable, "writes", address + offset, size)
        if not terms.is_known(value) and 8 * size < terms.width_of(value):
            value = terms.extend(value, 8 * size, 8 * size, False)
        state.memory.store(address + offset, size, value)

    def bulk(self, frame):
        """The operands of a bulk operation, whose extent must be known."""
        size, source, to = frame.stack.pop(), frame.stack.pop(), frame.stack.pop()
        if not (terms.is_known(size) and terms.is_known(to) and terms.is_known(source)):
            raise Trap("a bulk operation whose extent is not known")
        if size:
            self.allow(self.writable, "writes", to, size)
        return size, source, to

    def do_memory_copy(self, state, frame):
        size, source, to = self.bulk(frame)
        if size:
            self.allow(self.readable, "reads", source, size)
        state.memory.move(to, source, size)

    def do_memory_fill(self, state, frame):
        size, byte, to = self.bulk(frame)
        for offset in range(size):
            state.memory.store(to + offset, 1, byte & 255)
