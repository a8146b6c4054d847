"""Compares the paths of the compiled machine with those of the encoding.

For one kind of input, of any content, in any state and under any options: every path of
the code ends without a trap and within its own memory; every path of the encoding that
lies on it says the same state, effect and continuation; and one case of the path is run
by a real engine, and by the encoding over plain numbers.
"""

import z3

import induct
from induction import encoding, values
from symbolic import terms, words
from symbolic.engine import Engine
from symbolic.execute import PAGE, Executor
from symbolic.module import Module
from symbolic.solver import Choices, Solver
from symbolic.terms import Bit

STACK = PAGE  # bytes of it that a step may use
MOST_FAILURES = 3  # that are kept, of each kind of input


class Machine:
    def __init__(self, data):
        self.module = Module(data)
        self.kinds, self.step = words.machine()
        self.actions = induct.Terms().actions
        stack = self.module.globals[0][1]
        low, end = min(self.module.data), max(self.module.data) + 1
        self.given_at = (end + 4095) // 4096 * 4096
        self.done_at = self.given_at + 4096
        past = self.done_at + 4096
        self.module.pages = max(self.module.pages, (past + PAGE - 1) // PAGE)
        self.writable = [(stack - STACK, stack), (self.done_at, past)]
        self.readable = self.writable + [(low, end), (self.given_at, self.done_at)]
        self.engine = Engine(data, self.module.pages, self.given_at, self.done_at)
        self.layout = words.Layout(self.engine.call("layout", [], words.Layout.COUNT))

    def inputs(self):
        return words.Inputs(self.kinds, self.layout)

    def paths(self, function, given, solver, arguments=2):
        """(state, why it trapped) for each path of a function over these words."""
        def prepare(memory):
            for place, word in enumerate(words.GIVEN):
                memory.store(self.given_at + 8 * place, 8, given[word])
        executor = Executor(self.module, solver, self.readable, self.writable)
        yield from executor.run(function, [self.given_at, self.done_at][:arguments], prepare)

    def loaded(self, state, names):
        return {name: state.memory.load(self.done_at + 8 * place, 8)
                for place, name in enumerate(names)}

    def prove(self, action, until=None):
        """What was found of one kind of input; no more than the first failure of the kind
        `until`, if one is named."""
        return Kind(self, self.actions[action]).prove(until)


class Kind:
    """One kind of input."""

    def __init__(self, machine, action):
        self.machine, self.inputs = machine, machine.inputs()
        self.given = self.inputs.given(action)
        self.solver = Solver(self.inputs.limits)
        self.judged, self.decoded = {}, {}
        self.found = dict(paths=0, pairs=0, traps=[], differences=[], strangers=[],
                          echoes=[])

    def prove(self, until=None):
        self.echo()
        for state, trap in self.machine.paths("step_words", self.inputs.words, self.solver):
            if until and self.found[until]:
                break
            self.found["paths"] += 1
            if trap:
                given = case(self.inputs, self.solver.model(state.path))
                self.note("traps", reason=trap, given=given)
                continue
            code = self.machine.loaded(state, words.DONE)
            self.compare(state.path, code)
            self.witness(state.path, code)
        return self.found | {"queries": self.solver.queries, "hard": self.solver.hard}

    def echo(self):
        """The port writes what it has read, each word as it came."""
        given, zero = self.inputs.words, terms.known(0, 64)
        some = given["head.some"].condition
        expected = given | {name: terms.select(some, given[name], zero)
                            for name in ("head.length", "head.callback")}
        for state, trap in self.machine.paths("echo", given, self.solver):
            said = self.machine.loaded(state, words.GIVEN)
            wrong = {"a trap": True} if trap else {}
            for word in () if trap else words.GIVEN:
                read, written = (self.fields(word, of[word]) for of in (expected, said))
                wrong |= {field: self.differs(read[field], written[field]) for field in read}
            self.must_not(state.path, wrong, "echoes")

    def note(self, where, **what):
        if len(self.found[where]) < MOST_FAILURES:
            self.found[where].append(what)

    def compare(self, path, code):
        """Every path of the encoding on this path of the code."""
        inputs = self.inputs

        def run(holds):
            after = inputs.state.copy()
            return after, *self.machine.step(after, inputs.options, inputs.head, self.given, holds)

        fields = {}
        for word in words.DONE:
            fields |= self.fields(word, code[word])
        for (after, effect, then, _), both in Choices(self.solver, path).runs(run):
            self.found["pairs"] += 1
            said = words.done(after, effect, then)
            wrong = {field: self.differs(fields[field], said[field]) for field in words.FIELDS}
            self.must_not(both, wrong, "differences")

    def must_not(self, path, wrong, where, **what):
        """None of these conditions is possible on the path."""
        some = [term for term in wrong.values() if term is not False]
        if some and self.solver.possible(path, z3.Or(some)):
            value = self.solver.model(path, z3.Or(some))
            names = [name for name, term in wrong.items() if value(term)]
            self.note(where, names=names, given=case(self.inputs, value), **what)

    def fields(self, word, value):
        """Most words are the same on path after path."""
        key = word, identity(value)
        if key not in self.decoded:
            fields = self.machine.layout.fields(word, value)
            self.decoded[key] = fields, value  # kept, or its number is given to another
        return self.decoded[key][0]

    def differs(self, value, said):
        key = identity(value), identity(said)
        if key not in self.judged:
            self.judged[key] = words.differs(value, said), value, said
        return self.judged[key][0]

    def witness(self, path, code):
        """One case of the path, in a real engine and in the encoding over numbers."""
        value, layout = self.solver.model(path), self.machine.layout
        given = case(self.inputs, value)
        here = layout.plain(words.DONE, [number(code[word], value) for word in words.DONE])
        there = layout.plain(words.DONE, self.machine.engine.step(given))
        said = in_numbers(layout.plain(words.GIVEN, given))
        names = [field for field in words.FIELDS
                 if not here[field] == there[field] == said[field]]
        if names:
            self.note("strangers", names=names, given=given)


def case(inputs, value):
    """The words that come in, as numbers, in one case of a model."""
    return [number(word, value) for word in inputs.words.values()]


def identity(value):
    if isinstance(value, int):
        return "number", int(value)
    if isinstance(value, Bit):
        return "bit", value.condition.get_id()
    return "term", value.get_id()


def number(word, value):
    return value(word.condition if isinstance(word, Bit) else word)


def in_numbers(given):
    """What the encoding does, over plain numbers, as {field: number}."""
    state, options = values.State(), values.Options()
    for name in words.STATE:
        setattr(state, name, given[f"state.{name}"])
    for name in words.OPTIONS:
        setattr(options, name, given[f"options.{name}"])
    head = (given["head.length"], given["head.callback"]) if given["head.some"] else None
    effect, then, _ = encoding.step(state, options, head, said_input(given))
    return words.done(state, effect, then)


def said_input(given):
    """The input of these words, as the encoding has it."""
    def content(shape, prefix):
        for part in shape.split():
            if part == "next":
                follow = words.NEXT[given["input.next"] - 1]
                yield follow, *content(induct.SHAPES["next"][follow], "input.next_")
                continue
            slots = [given[prefix + slot] for slot in words.SLOTS[part]]
            yield tuple(slots) if len(slots) > 1 else slots[0]
    outer = words.INPUT[given["input.kind"] - 1]
    if outer not in words.INNER:
        return outer, *content(induct.SHAPES["input"][outer], "input.")
    names, shapes = words.INNER[outer]
    inner = names[given["input.inner"] - 1]
    return outer, (inner, *content(shapes[inner], "input."))
