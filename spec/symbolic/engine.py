"""Runs the module in wasmtime, an engine of its own."""

import wasmtime

from symbolic import words
from symbolic.execute import PAGE


class Engine:
    def __init__(self, data, pages, given_at, done_at):
        engine = wasmtime.Engine()
        self.store = wasmtime.Store(engine)
        instance = wasmtime.Instance(self.store, wasmtime.Module(engine, data), [])
        self.exports = instance.exports(self.store)
        self.memory = self.exports["memory"]
        self.given_at, self.done_at = given_at, done_at
        missing = pages - self.memory.data_len(self.store) // PAGE
        if missing > 0:
            self.memory.grow(self.store, missing)

    def call(self, function, given, count):
        """The words that a function writes for these words."""
        arguments = [self.done_at]
        if given:
            text = b"".join(word.to_bytes(8, "little") for word in given)
            self.memory.write(self.store, text, self.given_at)
            arguments.insert(0, self.given_at)
        self.memory.write(self.store, bytes(8 * count), self.done_at)
        self.exports[function](self.store, *arguments)
        text = self.memory.read(self.store, self.done_at, self.done_at + 8 * count)
        return [int.from_bytes(text[at:at + 8], "little") for at in range(0, 8 * count, 8)]

    def step(self, given):
        return self.call("step_words", given, len(words.DONE))
