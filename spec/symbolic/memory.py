"""The memory of a module: bytes at addresses that are known.

A byte is a number, or a part of a value that is not known: (value, which byte of it).
What was never written may be anything.
"""

import z3

from symbolic.terms import Bit, as_term, known, simple


class Memory:
    def __init__(self, data):
        self.cells = dict(data)

    def copy(self):
        return Memory(self.cells)

    def store(self, at, size, value):
        """`value` is as wide as `size` bytes."""
        cells = self.cells
        if isinstance(value, int):
            for offset in range(size):
                cells[at + offset] = value >> (8 * offset) & 255
        elif isinstance(value, Bit):
            cells[at] = value, 0
            for offset in range(1, size):
                cells[at + offset] = 0
        else:
            for offset in range(size):
                cells[at + offset] = value, offset

    def load(self, at, size):
        cells = [self.cell(at + offset) for offset in range(size)]
        if all(isinstance(cell, int) for cell in cells):
            return known(int.from_bytes(bytes(cells), "little"), 8 * size)
        first = cells[0]
        if isinstance(first, tuple) and first[1] == 0:
            value = first[0]
            if isinstance(value, Bit):
                if not any(cells[1:]):
                    return Bit(value.condition, 8 * size)
            elif value.size() == 8 * size and all(
                    isinstance(cell, tuple) and cell[0] is value and cell[1] == offset
                    for offset, cell in enumerate(cells)):
                return value
        parts = [byte_of(cell) for cell in reversed(cells)]
        return simple(parts[0] if size == 1 else z3.Concat(parts))

    def cell(self, at):
        if at not in self.cells:
            self.cells[at] = z3.BitVec(f"memory {at:#x}", 8), 0
        return self.cells[at]

    def move(self, to, source, size):
        cells = [self.cell(source + offset) for offset in range(size)]
        for offset, cell in enumerate(cells):
            self.cells[to + offset] = cell


def byte_of(cell):
    if isinstance(cell, int):
        return z3.BitVecVal(cell, 8)
    value, offset = cell
    if isinstance(value, Bit):
        return as_term(value, 8)
    return z3.Extract(8 * offset + 7, 8 * offset, value)
