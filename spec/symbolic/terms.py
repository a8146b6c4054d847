"""Values of the symbolic execution. A value is one of

    I32, I64   a number that is known
    Bit        0 or 1, by a condition
    a term     a bit-vector of z3

and each has a width in bits: 8, 16, 32 or 64.
"""

import z3


class I32(int):
    width = 32


class I64(int):
    width = 64


class Bit:
    __slots__ = ("condition", "width")

    def __init__(self, condition, width):
        self.condition, self.width = condition, width


def known(number, width):
    """A number, cut to its width."""
    number &= (1 << width) - 1
    return I32(number) if width == 32 else I64(number) if width == 64 else number


def is_known(value):
    return isinstance(value, int)


def signed(number, width):
    return number - (1 << width) if number >> (width - 1) else number


def width_of(value):
    return value.size() if z3.is_expr(value) else value.width


def as_term(value, width):
    """A bit-vector of z3; `width` is that of the value."""
    if isinstance(value, int):
        return z3.BitVecVal(value, width)
    if isinstance(value, Bit):
        return z3.If(value.condition, z3.BitVecVal(1, width), z3.BitVecVal(0, width))
    return value


def simple(term):
    """The term simplified; a number if it is one."""
    term = z3.simplify(term)
    return known(term.as_long(), term.size()) if z3.is_bv_value(term) else term


def condition(term):
    """A condition simplified: True, False or a term."""
    if isinstance(term, bool):
        return term
    term = z3.simplify(term)
    return True if z3.is_true(term) else False if z3.is_false(term) else term


def negated(given):
    return not given if isinstance(given, bool) else condition(z3.Not(given))


def bit(given, width):
    """0 or 1."""
    return known(int(given), width) if isinstance(given, bool) else Bit(given, width)


def is_set(value):
    """The condition that a value is not 0."""
    if isinstance(value, int):
        return value != 0
    if isinstance(value, Bit):
        return value.condition
    return condition(value != 0)


def as_bit(value):
    """The condition of a value that can only be 0 or 1, else None."""
    if isinstance(value, Bit):
        return value.condition
    if isinstance(value, int) and value in (0, 1):
        return z3.BoolVal(value == 1)
    return None


def select(given, yes, no):
    """`yes` if the condition holds, else `no`."""
    if isinstance(given, bool):
        return yes if given else no
    width = width_of(yes)
    if isinstance(yes, int) and isinstance(no, int) and yes == no:
        return yes
    first, second = as_bit(yes), as_bit(no)
    if first is not None and second is not None:
        return bit(condition(z3.If(given, first, second)), width)
    return simple(z3.If(given, as_term(yes, width), as_term(no, width)))


def extend(value, bits, width, sign):
    """The low bits of a value, at this width."""
    if isinstance(value, int):
        low = value & ((1 << bits) - 1)
        return known(signed(low, bits) if sign else low, width)
    if isinstance(value, Bit) and bits > 1:
        return Bit(value.condition, width)
    low = z3.Extract(bits - 1, 0, value) if bits < value.size() else value
    more = width - bits
    return simple(low if more == 0 else (z3.SignExt if sign else z3.ZeroExt)(more, low))


COMPARE = {
    "eq": lambda a, b: a == b, "ne": lambda a, b: a != b,
    "lt_s": lambda a, b: a < b, "lt_u": z3.ULT, "gt_s": lambda a, b: a > b, "gt_u": z3.UGT,
    "le_s": lambda a, b: a <= b, "le_u": z3.ULE, "ge_s": lambda a, b: a >= b, "ge_u": z3.UGE,
}


def compare(name, a, b, width):
    if isinstance(a, int) and isinstance(b, int):
        if name.endswith("_s"):
            a, b = signed(a, width), signed(b, width)
        plain = {"lt": a < b, "gt": a > b, "le": a <= b, "ge": a >= b, "eq": a == b, "ne": a != b}
        return known(int(plain[name[:2]]), 32)
    if name in ("eq", "ne"):
        first, second = as_bit(a), as_bit(b)
        if first is not None and second is not None:
            same = first == second
            return bit(condition(same if name == "eq" else z3.Not(same)), 32)
    return bit(condition(COMPARE[name](as_term(a, width), as_term(b, width))), 32)


# Shifts take the distance modulo the width.
ARITHMETIC = {
    "add": lambda a, b, _: a + b, "sub": lambda a, b, _: a - b, "mul": lambda a, b, _: a * b,
    "and": lambda a, b, _: a & b, "or": lambda a, b, _: a | b, "xor": lambda a, b, _: a ^ b,
    "shl": lambda a, b, width: a << (b & (width - 1)),
    "shr_s": lambda a, b, width: a >> (b & (width - 1)),
    "shr_u": lambda a, b, width: z3.LShR(a, b & (width - 1)),
}
LOGIC = {"and": z3.And, "or": z3.Or, "xor": z3.Xor}


def arithmetic(name, a, b, width):
    if isinstance(a, int) and isinstance(b, int):
        if name == "shr_s":
            a = signed(a, width)
        if name == "shr_u":
            return known(a >> (b & (width - 1)), width)
        return known(ARITHMETIC[name](int(a), int(b), width), width)
    if name in LOGIC:
        first, second = as_bit(a), as_bit(b)
        if first is not None and second is not None:
            return bit(condition(LOGIC[name](first, second)), width)
    return simple(ARITHMETIC[name](as_term(a, width), as_term(b, width), width))


def popcount(value, width):
    if isinstance(value, int):
        return known(value.bit_count(), width)
    if isinstance(value, Bit):
        return value
    raise NotImplementedError("popcnt of a number that is not known")
