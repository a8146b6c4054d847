"""Reads a WebAssembly module: its functions, globals, data and exports.

It reads what the compiler makes of the machine, and no more: what it does not know
is an error, and so is a module that imports anything or calls through a table.
"""

from typing import NamedTuple

MAGIC = b"\0asm\1\0\0\0"
WIDTHS = {0x7F: 32, 0x7E: 64}
NO_RESULT = -64

SIMPLE = {0x00: "unreachable", 0x01: "nop", 0x0F: "return", 0x1A: "drop", 0x1B: "select"}
BLOCKS = {0x02: "block", 0x03: "loop", 0x04: "if"}
INDEXED = {0x0C: "br", 0x0D: "br_if", 0x10: "call", 0x20: "local_get", 0x21: "local_set",
           0x22: "local_tee", 0x23: "global_get", 0x24: "global_set"}
# (width of the value, bytes in memory, whether its sign is kept)
LOADS = {0x28: (32, 4, False), 0x29: (64, 8, False), 0x2C: (32, 1, True), 0x2D: (32, 1, False),
         0x2E: (32, 2, True), 0x2F: (32, 2, False), 0x30: (64, 1, True), 0x31: (64, 1, False),
         0x32: (64, 2, True), 0x33: (64, 2, False), 0x34: (64, 4, True), 0x35: (64, 4, False)}
STORES = {0x36: 4, 0x37: 8, 0x3A: 1, 0x3B: 2, 0x3C: 1, 0x3D: 2, 0x3E: 4}
COMPARISONS = "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u".split()
ARITHMETIC = ("clz ctz popcnt add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u"
              " rotl rotr").split()
# (width of the operand, bits of it that are taken, width of the result, sign)
EXTENDS = {0xA7: (64, 32, 32, False), 0xAC: (32, 32, 64, True), 0xAD: (32, 32, 64, False),
           0xC0: (32, 8, 32, True), 0xC1: (32, 16, 32, True), 0xC2: (64, 8, 64, True),
           0xC3: (64, 16, 64, True), 0xC4: (64, 32, 64, True)}


class Unknown(Exception):
    """The module has something that this reader does not know."""


class Function(NamedTuple):
    name: str
    parameters: list  # widths
    results: list
    locals: list
    code: list  # (name of the operation, what it needs to know...)


class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def __bool__(self):
        return self.at < len(self.data)

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def take(self, count):
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self):  # LEB128
        result = shift = 0
        while True:
            byte = self.byte()
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                self.last, self.shift = byte, shift
                return result

    def signed(self):
        result = self.number()
        return result - (1 << self.shift) if self.last & 0x40 else result

    def part(self):
        return Bytes(self.take(self.number()))

    def text(self):
        return self.part().data.decode()

    def list(self, read):
        return [read() for _ in range(self.number())]


class Module:
    def __init__(self, data):
        if data[:8] != MAGIC:
            raise Unknown("this is no WebAssembly module")
        self.types, self.globals, self.exports, self.data = [], [], {}, {}
        self.functions, self.pages, names, indices, bodies = [], 0, {}, [], []
        file = Bytes(data[8:])
        while file:
            section, part = file.byte(), file.part()
            if section == 0 and part.text() == "name":
                names = read_names(part)
            elif section == 1:
                self.types = part.list(lambda part=part: read_type(part))
            elif section == 2:
                raise Unknown("the module imports something")
            elif section == 3:
                indices = part.list(part.number)
            elif section == 5:
                self.pages = part.list(lambda part=part: (part.byte(), part.number()))[0][1]
            elif section == 6:
                self.globals = part.list(lambda part=part: read_global(part))
            elif section == 7:
                for _ in range(part.number()):
                    name, kind, index = part.text(), part.byte(), part.number()
                    if kind == 0:
                        self.exports[name] = index
            elif section == 10:
                bodies = part.list(part.part)
            elif section == 11:
                self.read_data(part)
        for index, (kind, body) in enumerate(zip(indices, bodies, strict=True)):
            self.functions.append(self.function(names.get(index, str(index)), kind, body))

    def read_data(self, part):
        for _ in range(part.number()):
            if part.number() != 0:
                raise Unknown("data without a fixed place")
            at = read_constant(part)[1]
            for offset, byte in enumerate(part.part().data):
                self.data[at + offset] = byte

    def function(self, name, kind, body):
        parameters, results = self.types[kind]
        variables = []
        for _ in range(body.number()):
            count = body.number()
            variables += [WIDTHS[body.byte()]] * count
        return Function(name, parameters, results, variables, self.decode(body))

    def decode(self, body):
        """Each block is made to know where it ends, and each `if` where its `else` is."""
        code, open_blocks = [], []
        while body:
            opcode = body.byte()
            if opcode in BLOCKS:
                takes, gives = self.arity(body.signed())
                open_blocks.append(len(code))
                code.append([BLOCKS[opcode], takes, gives, None, None])
            elif opcode == 0x05:
                code[open_blocks[-1]][4] = len(code)
                code.append(["else", None])
            elif opcode == 0x0B:
                if open_blocks:
                    block = code[open_blocks.pop()]
                    block[3] = len(code)
                    if block[4] is not None:
                        code[block[4]][1] = len(code)
                code.append(["end"])
            else:
                code.append(read_plain(opcode, body))
        return [tuple(instruction) for instruction in code]

    def arity(self, kind):
        if kind < 0:
            return 0, int(kind != NO_RESULT)
        parameters, results = self.types[kind]
        return len(parameters), len(results)


def read_plain(opcode, body):
    """An instruction that is no part of a block."""
    if opcode in SIMPLE:
        return SIMPLE[opcode],
    if opcode in INDEXED:
        return INDEXED[opcode], body.number()
    if opcode == 0x0E:
        return "br_table", [*body.list(body.number), body.number()]
    if opcode in LOADS:
        body.number()  # the alignment, which is a hint
        return "load", *LOADS[opcode], body.number()
    if opcode in STORES:
        body.number()
        return "store", STORES[opcode], body.number()
    if opcode in (0x41, 0x42):
        width = 32 if opcode == 0x41 else 64
        return "const", width, body.signed() % 2**width
    for width, zero, compare, arithmetic in ((32, 0x45, 0x46, 0x67), (64, 0x50, 0x51, 0x79)):
        if opcode == zero:
            return "eqz", width
        if compare <= opcode < compare + len(COMPARISONS):
            return "compare", width, COMPARISONS[opcode - compare]
        if arithmetic <= opcode < arithmetic + len(ARITHMETIC):
            return "arithmetic", width, ARITHMETIC[opcode - arithmetic]
    if opcode in EXTENDS:
        return "extend", *EXTENDS[opcode]
    if opcode == 0xFC and (bulk := body.number()) in (10, 11):
        body.take(2 if bulk == 10 else 1)  # of the only memory
        return ("memory_copy" if bulk == 10 else "memory_fill"),
    raise Unknown(f"opcode {opcode:#x}")


def read_type(part):
    if part.byte() != 0x60:
        raise Unknown("a type that is not of a function")
    widths = [[WIDTHS[kind] for kind in part.list(part.byte)] for _ in range(2)]
    return tuple(widths)


def read_constant(part):
    opcode = part.byte()
    if opcode not in (0x41, 0x42):
        raise Unknown("an initial value that is no number")
    width = 32 if opcode == 0x41 else 64
    value = part.signed() % 2**width
    if part.byte() != 0x0B:
        raise Unknown("an initial value that is reckoned")
    return width, value


def read_global(part):
    part.take(2)  # its type, which that of its value tells, and whether it changes
    return read_constant(part)


def read_names(part):
    while part:
        section, names = part.byte(), part.part()
        if section == 1:
            return dict(names.list(lambda: (names.number(), names.text())))
    return {}
