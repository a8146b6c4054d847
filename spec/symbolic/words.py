"""What the words of port/words.rs and port/said.rs mean, as terms and as numbers.

The encoding of spec/induction is read over bit-vectors of 66 bits with a sign. Every
sum of two numbers of 64 bits fits, so its arithmetic is that of whole numbers.
"""

import pathlib
import re
import sys
import types
from unittest import mock

import z3

import induct
from induction import encoding, leases, level, values
from symbolic.build import MACHINE
from symbolic.terms import Bit, as_term, condition

WIDTH = 66
STATE = values.NUMBERS + values.FLAGS
OPTIONS = values.MARKS + values.CHOICES
SAID = ("kind", "inner", "next", "count", "length", "flag", "error", "second_error",
        "next_flag", "next_error")
# These fields of the encoding are parts of a word: of the sink, and of the teardown.
PARTS = {"state.sink": "state.flight_callback", "state.teardown": "state.waiting_error"}


def names(prefix, fields):
    return [f"{prefix}.{field}" for field in fields]


STATE_WORDS = [word for word in names("state", STATE) if word not in PARTS.values()]
HEAD = names("head", ("some", "length", "callback"))
GIVEN = [*STATE_WORDS, *names("options", OPTIONS), *HEAD, *names("input", SAID),
         *names("more", SAID)]
DONE = [*STATE_WORDS, *names("effect", SAID), *names("then", SAID)]
# What of the outcome is compared.
FIELDS = names("state", STATE) + names("effect", SAID) + names("then", SAID)
ERRORS = ("errored", "waiting_error", "error", "second_error", "next_error")
COUNTS = ("queued", "pending", "corked", "count")
PLACES = ("opening", "sink", "ending", "teardown")  # a place in an enumeration
FLAGS = values.FLAGS + values.CHOICES + ("flag", "next_flag", "some", "callback")

# Where the parts of an input, an effect or a continuation go: see SHAPES of induct.py.
EFFECTS = {"Refuse": "fault", "WriteBatch": "count", "Destroy": "error second",
           "Callback": "error", "RejectTaken": "fault", "RejectHead": "fault",
           "FailHead": "fault", "DeferEnd": "fault", "CallEnds": "error"}
EVENTS = {"Error": "fault"}
SLOTS = {"chunk": ("length", "flag"), "end": ("error", "flag"), "error": ("error",),
         "fault": ("error",), "second": ("second_error",), "count": ("count",),
         "length": ("length",), "callbacks": ("flag",), "flag": ("flag",), "now": ("flag",),
         "unchecked": ("flag",)}


class Forgotten(Exception):
    """The machine has something that the encoding or these words have not."""


def last(word):
    return word.split(".")[-1]


# ---------------------------------------------------------------- the sources

def declared(file, kind, name):
    """The fields of a structure or the variants of an enumeration, in their order."""
    text = (MACHINE / file).read_text()
    body = re.search(rf"(?ms)^pub(?:\(super\))? {kind} {name} \{{\n(.*?)^\}}", text)
    end = ":" if kind == "struct" else r"[,\s({]"
    return tuple(re.findall(rf"(?m)^    (?:pub(?:\(super\))? )?(\w+){end}", body[1]))


INPUT = declared("input.rs", "enum", "Input")
LEASED = declared("input.rs", "enum", "Leased")
TASK = declared("continuation.rs", "enum", "Task")
THEN = declared("continuation.rs", "enum", "Then")
NEXT = declared("continuation.rs", "enum", "Next")
EFFECT = declared("effect.rs", "enum", "Effect")
EVENT = declared("effect.rs", "enum", "Event")
FAULT = declared("fault.rs", "enum", "Fault")
INNER = {"Settle": (LEASED, induct.SHAPES["Settle"]), "Run": (TASK, induct.SHAPES["Run"]),
         "Resume": (THEN, induct.SHAPES["Resume"]), "Defer": (TASK, induct.SHAPES["Run"]),
         "Emit": (EVENT, EVENTS)}


def check_names():
    """What the encoding knows is what the sources have, no more and no less."""
    fields = set(declared("state.rs", "struct", "State"))
    fields |= set(declared("level.rs", "struct", "Level")) - {"level"}
    lifecycle = {name: declared("lifecycle.rs", "enum", name.capitalize())
                 for name in PLACES}
    shapes = induct.SHAPES
    pairs = [
        ("State", fields - {"level"}, set(STATE) - {"waiting_error", "flight_callback"}),
        ("Options", set(declared("options.rs", "struct", "Options")) - {"quirks"}, set(OPTIONS)),
        ("Input", set(INPUT), set(shapes["input"]) | {"Settle", "Run", "Resume"}),
        ("Leased", set(LEASED), set(shapes["Settle"])),
        ("Task", set(TASK), set(shapes["Run"])), ("Then", set(THEN), set(shapes["Resume"])),
        ("Next", set(NEXT), set(shapes["next"])),
        ("Fault", set(FAULT), {"Caller", *values.FAULTS}),
    ] + [(name, lifecycle[name], values.NAMES[name]) for name in PLACES]
    for name, in_source, in_encoding in pairs:
        if in_source != in_encoding:
            raise Forgotten(f"{name} in src/machine has {in_source}; the encoding {in_encoding}")


# ---------------------------------------------------------------- the encoding

def machine():
    """The encoding, its text as it stands, over bit-vectors: (its values, its `step`)."""
    modules = values, level, leases, encoding  # each imports those before it
    made = [types.ModuleType(module.__name__) for module in modules]
    with mock.patch.dict(sys.modules, {module.__name__: module for module in made}):
        for module, source in zip(made, modules):
            text = pathlib.Path(source.__file__).read_text()
            exec(compile(text, source.__file__, "exec"), module.__dict__)
            if source is values:
                module.ite = wide(module.ite)
    return made[0], made[-1].step


def wide(ite):
    """z3 would take two plain numbers for whole numbers."""
    def wide_ite(given, yes, no):
        if not isinstance(given, bool) and type(yes) is int and type(no) is int:
            yes = z3.BitVecVal(yes, WIDTH)
        return ite(given, yes, no)
    return wide_ite


class Layout:
    """How the compiler lays out errors and the enumerations of a state: from what the
    module itself writes. A value is known by the low bits of its word, its *tag*."""

    COUNT = 33

    def __init__(self, words):
        words, self.known = iter(words), {}

        def take(count, bits=8):
            return [next(words) % 2**bits for _ in range(count)]
        errors = [next(words) for _ in range(8)]
        self.errors = [word % 2**32 for word in errors]  # none, Caller, then the others
        self.openings, self.sinks, self.endings = take(3), take(4), take(6)
        self.teardowns = take(4, 32)
        waiting = [next(words) for _ in range(8)]
        callers = errors[1] >> 32, waiting[1] >> 32
        tags = self.errors + self.teardowns
        if (callers != (0x0A0B0C0D,) * 2 or [word % 2**32 for word in waiting] != self.errors
                or any(len(set(of)) != len(of) for of in (tags, self.openings, self.sinks,
                                                          self.endings))):
            raise Forgotten("errors or enumerations are laid out in a way that is not known")
        # The tags of a word, with the place in the enumeration that each means.
        idle, without, with_, taken = self.sinks
        self.places = {
            "opening": list(zip(self.openings, range(3))),
            "sink": [(idle, 0), (without, 1), (with_, 1), (taken, 2)],
            "ending": list(zip(self.endings, range(6))),
            "teardown": [*zip(self.teardowns, (0, 2, 3, 4)), *((tag, 1) for tag in self.errors)]}
        others = [1 + FAULT.index(name) for name in values.FAULTS]
        # The tags of a word, with the number of the error in the encoding.
        self.numbers = [(self.errors[0], 0)]
        self.numbers += [(self.errors[at], number) for number, at in enumerate(others, 1)]

    def tag(self, word, term):
        name = last(word)
        bits = 32 if name in ERRORS or name == "teardown" else 8
        return z3.Extract(bits - 1, 0, term)

    def limit(self, word, term, least=0):
        """The word is one that the compiler makes; no error only if `least` is 0."""
        tags = [tag for tag, _ in self.places.get(last(word), ())] or self.errors[least:]
        return z3.Or([self.tag(word, term) == tag for tag in tags])

    def fields(self, word, value):
        """{field: value} of the encoding, of a word."""
        name = last(word)
        if name not in self.places and name not in ERRORS:
            return {word: value}
        term = as_term(value, 64)
        if name in ERRORS:
            return {word: self.error(term)}
        tag = self.tag(word, term)
        place = z3.simplify(chosen(tag, self.places[name], 0))
        found = {word: place}
        if name == "sink":
            found[PARTS[word]] = z3.simplify(tag == self.sinks[2])
        elif name == "teardown":
            none = z3.BitVecVal(0, WIDTH)
            found[PARTS[word]] = z3.simplify(z3.If(place == 1, self.error(term), none))
        return found

    def error(self, term):
        number = z3.ZeroExt(WIDTH - 32, z3.Extract(63, 32, term)) + values.CALLER
        return z3.simplify(chosen(z3.Extract(31, 0, term), self.numbers, number))

    def plain(self, names, numbers):
        """{field: number or flag} of words that are numbers."""
        found = {}
        for key in zip(names, numbers, strict=True):
            if key not in self.known:
                fields = self.fields(*key)
                self.known[key] = {field: in_plain(field, fields[field]) for field in fields}
            found |= self.known[key]
        return found


def in_plain(field, value):
    """A field that is a number, or a flag."""
    if z3.is_expr(value):
        value = z3.is_true(value) if z3.is_bool(value) else value.as_long()
    return value != 0 if last(field) in FLAGS else value


def chosen(tag, meanings, otherwise):
    """What the tag means."""
    term = otherwise if z3.is_expr(otherwise) else z3.BitVecVal(otherwise, WIDTH)
    for known, meaning in meanings:
        term = z3.If(tag == known, z3.BitVecVal(meaning, WIDTH), term)
    return term


class Inputs:
    """The words of one kind of input, and the same as the encoding has them."""

    def __init__(self, kinds, layout):
        self.layout, self.limits = layout, []
        self.words = dict.fromkeys(GIVEN, 0)
        for word in GIVEN:
            if last(word) in ERRORS:
                self.words[word] = layout.errors[0]  # none is not all zeros
        self.state, self.options = kinds.State(), kinds.Options()
        for word in STATE_WORDS:
            for field, value in self.terms(word).items():
                setattr(self.state, last(field), value)
        for name in OPTIONS:
            setattr(self.options, name, self.term(f"options.{name}"))
        some, length, callback = map(self.term, HEAD)
        self.head = z3.If(some, length, z3.BitVecVal(0, WIDTH)), z3.And(some, callback)

    def term(self, word, least=0):
        return self.terms(word, least)[word]

    def terms(self, word, least=0):
        """Any content of a word: its fields as the encoding has them."""
        name = last(word)
        if name in FLAGS:
            given = z3.Bool(word)
            self.words[word] = Bit(given, 64)
            return {word: given}
        self.words[word] = term = z3.BitVec(word, 64)
        if name in ERRORS or name in PLACES:
            self.limits.append(self.layout.limit(word, term, least))
            return self.layout.fields(word, term)
        if name in COUNTS:
            self.limits.append(z3.ULE(term, values.U32))
        return {word: z3.ZeroExt(WIDTH - 64, term)}

    def content(self, shape, prefix, follow=None):
        """What a variant of this shape carries, in the words that begin with `prefix`."""
        for part in shape.split():
            if part == "next":
                self.words["input.next"] = NEXT.index(follow) + 1
                inner = self.content(induct.SHAPES["next"][follow], "input.next_")
                yield follow, *inner
                continue
            slots = [self.term(prefix + slot, int(part == "fault"))
                     for slot in SLOTS[part]]
            yield tuple(slots) if len(slots) > 1 else slots[0]

    def given(self, action):
        """The input of this kind: one of the actions of induct.py."""
        outer, *rest = action
        self.words["input.kind"] = INPUT.index(outer) + 1
        if outer not in INNER:
            return outer, *self.content(induct.SHAPES["input"][outer], "input.")
        names, shapes = INNER[outer]
        inner = rest[0]
        self.words["input.inner"] = names.index(inner[0]) + 1
        follow = inner[-1][0] if "next" in shapes[inner[0]].split() else None
        return outer, (inner[0], *self.content(shapes[inner[0]], "input.", follow))


def spread(prefix, given, names, shapes):
    """An effect or continuation of the encoding, as {word: value}."""
    words = {f"{prefix}.{name}": 0 for name in SAID}
    if given is None:
        return words
    name, *parts = given
    words[f"{prefix}.kind"] = names.index(name) + 1
    shape = shapes.get(name, "")
    if name in INNER:
        inner, shapes = INNER[name]
        (name, *parts), = parts
        words[f"{prefix}.inner"] = inner.index(name) + 1
        shape = shapes.get(name, "")
    for part, value in zip(shape.split(), parts, strict=True):
        start = f"{prefix}."
        if part == "next":
            words[f"{prefix}.next"] = NEXT.index(value[0]) + 1
            start, inner = f"{prefix}.next_", value[1:]
            part = induct.SHAPES["next"][value[0]]
            value = inner[0] if inner else ()
        slots = SLOTS[part] if part else ()
        contents = value if len(slots) > 1 else (value,)
        for slot, content in zip(slots, contents):
            words[start + slot] = content
    return words


def done(state, effect, then):
    """What the encoding says is done, as {field: value}."""
    fields = {f"state.{name}": getattr(state, name) for name in STATE}
    fields |= spread("effect", effect, EFFECT, EFFECTS)
    return fields | spread("then", then and ("Resume", then), INPUT, {})


def differs(value, said):
    """The condition that a field of the code is not what the encoding says."""
    return condition(as_number(value) != as_number(said))


def as_number(value):
    """A field as a bit-vector of the encoding."""
    if isinstance(value, Bit):
        value = value.condition
    if isinstance(value, bool) or z3.is_bool(value):
        given = z3.BoolVal(value) if isinstance(value, bool) else value
        return z3.If(given, z3.BitVecVal(1, WIDTH), z3.BitVecVal(0, WIDTH))
    if isinstance(value, int):
        return z3.BitVecVal(value, WIDTH)
    return z3.ZeroExt(WIDTH - value.size(), value) if value.size() < WIDTH else value
