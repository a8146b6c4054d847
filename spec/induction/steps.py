"""Ties encoding.py to the code: every step that the real machine has written down
must come out of the encoding exactly as it was.

A line has six texts as Rust's `{:?}` prints them, separated by TABs: Options,
State before, Option<Measure> at the head of the queue, Input, State after, Step.
"""

import re
from functools import lru_cache

from induction import encoding
from induction import values as e

TOKEN = re.compile(r"\s*(?:(\d+)|(\w+)|([(){},:]))")
NO_QUIRKS = ("Quirks", 0)


class Malformed(Exception):
    pass


def parse(text):
    """Structs become dicts, variants tuples (name, fields...), and what is a
    number in the encoding (faults, options of them, results) that number."""
    tokens, at = [], 0
    while at < len(text.rstrip()):
        match = TOKEN.match(text, at)
        if not match:
            raise Malformed(f"cannot read {text[at:at + 30]!r}")
        tokens.append(match.group(match.lastindex))
        at = match.end()
    tokens.append("")
    value, rest = parse_value(tokens, 0)
    if tokens[rest]:
        raise Malformed(f"{tokens[rest]!r} after the end of {text[:40]!r}")
    return value


def parse_value(tokens, at):
    name, at = tokens[at], at + 1
    if name.isdigit():
        return int(name), at
    if name in ("true", "false"):
        return name == "true", at
    if name == "(" and tokens[at] == ")":
        return 0, at + 1
    if not name.isidentifier():
        raise Malformed(f"{name!r} where a value should stand")
    fields, close = {}, {"(": ")", "{": "}"}.get(tokens[at])
    if close:
        at += 1
        while tokens[at] != close:
            key = len(fields)
            if close == "}":
                if tokens[at + 1] != ":":
                    raise Malformed(f"no ':' after {tokens[at]!r}")
                key, at = tokens[at], at + 2
            fields[key], at = parse_value(tokens, at)
            if tokens[at] == ",":
                at += 1
            elif tokens[at] != close:
                raise Malformed(f"{tokens[at]!r} where ',' or {close!r} should stand")
        at += 1
    return build(name, fields, close), at


def build(name, fields, close):
    values = tuple(fields.values())
    if name in ("Options", "State", "Level", "Step"):
        return fields
    if name in ("Measure", "End") and close == "}":
        return values
    if name in ("Some", "Err", "Ok"):
        return values[0]
    if name == "Caller":
        return e.CALLER + values[0][1]
    if not close and name in e.FAULTS:
        return e.FAULTS.index(name) + 1
    return 0 if name == "None" else (name, *values)


@lru_cache(maxsize=200_000)
def read_value(text):
    return parse(text)


@lru_cache(maxsize=10_000)
def read_options(text):
    return fill(e.Options(), dict(parse(text)), quirks=NO_QUIRKS)


@lru_cache(maxsize=200_000)
def read_state(text):
    fields = dict(parse(text))
    fields.update(fields.pop("level"))
    teardown = fields["teardown"] or ("None",)
    fields["waiting_error"] = teardown[1] if len(teardown) > 1 else 0
    fields["teardown"] = teardown
    sink = fields["sink"]
    fields["flight_callback"] = len(sink) > 1 and sink[1]
    for name, values in e.NAMES.items():
        fields[name] = values.index(fields[name][0])
    return fill(e.State(), fields)


def fill(target, fields, **only):
    """Every field of the encoding, and no other but `only` with just that value."""
    for name in target.__slots__:
        setattr(target, name, fields.pop(name))
    for name, value in fields.items():
        if name not in only or value != only[name]:
            raise Malformed(f"{name}: {value} is not in the encoding")
    return target


def show_value(value):
    """A value of the encoding, for people."""
    if isinstance(value, tuple):
        inner = ", ".join(map(show_value, value[1:] if isinstance(value[0], str) else value))
        name = value[0] if isinstance(value[0], str) else ""
        return f"{name}({inner})" if inner else name
    return str(value)


def kind(value):
    """The names of an input, effect or continuation, without its numbers."""
    if not isinstance(value, tuple) or not isinstance(value[0], str):
        return ""
    inner = [kind(part) for part in value[1:] if kind(part)]
    return value[0] + (f"({', '.join(inner)})" if inner else "")


def replay(lines, possible):
    """Returns (exit code, lines, lines that agreed), and prints what it found:
    also which of the `possible` outcomes (input, effect, then) were seen."""
    outcomes, distinct, count = set(), set(), 0
    for count, line in enumerate(lines, 1):
        texts = line.rstrip("\r\n").split("\t")
        try:
            if len(texts) != 6:
                raise Malformed(f"{len(texts)} texts where six should stand")
            options, before = read_options(texts[0]), read_state(texts[1])
            head, given = read_value(texts[2]) or None, read_value(texts[3])
            expected, told = read_state(texts[4]), read_value(texts[5])
            state = before.copy()
            effect, then, _ = encoding.step(state, options, head, given)
            same = all(getattr(state, name) == getattr(expected, name)
                       for name in e.State.__slots__)
            wanted = (told["effect"] or None, told["then"] or None)
        except (Malformed, KeyError, ValueError, TypeError, IndexError) as error:
            print(f"line {count}: {type(error).__name__}: {error}")
            return 2, count, count - 1
        if not same or (effect, then) != wanted:
            show_difference(count, texts, state, expected, (effect, then), wanted)
            return 1, count, count - 1
        outcomes.add((kind(given), kind(effect), kind(then)))
        distinct.add(hash((texts[0], texts[1], texts[3])))
    if not count:
        print("not one line")
        return 2, 0, 0
    actions, effects = ({outcome[at] for outcome in outcomes} - {""} for at in (0, 1))
    never = sorted({outcome[0] for outcome in possible} - actions)
    print(f"{count} lines, all as in the encoding: {len(distinct)} different (options, state,"
          f" input), {len(actions)} kinds of input, {len(effects)} of effect")
    print(f"{len(outcomes & possible)} of {len(possible)} possible outcomes (input, effect, then)")
    print(f"never exercised: {', '.join(never) or 'no kind of input'}")
    return 0, count, count


def show_difference(number, texts, state, expected, got, wanted):
    print(f"line {number} differs from the encoding")
    for name, text in zip(("options", "before", "head", "input"), texts):
        print(f"  {name}: {text}")
    for name in e.State.__slots__:
        ours, theirs = getattr(state, name), getattr(expected, name)
        if ours != theirs:
            print(f"  after, {name}: code {theirs}, encoding {ours}")
    for name, ours, theirs in zip(("effect", "then"), got, wanted):
        if ours != theirs:
            print(f"  {name}: code {show_value(theirs)}, encoding {show_value(ours)}")
