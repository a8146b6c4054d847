"""Runs test binaries, each with one mutant or with none."""

import os
import select
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Iterable, NamedTuple

from planting import VARIABLE

# Two mutants run at once, so that both processors of a small machine have something to do.
AT_ONCE = 2
# A test that waits leaves the processor to another one.
TEST_THREADS = 4
# A binary that takes longer hangs: ten times what it takes without a fault, at least this.
FACTOR, LEAST_SECONDS = 10, 5.0
# No turn of the loop counts for more, however long the whole machine stood still.
TURN = 0.1


class Outcome(NamedTuple):
    """What came of a mutant: `caught`, `timeout` or `missed`, and by what."""

    verdict: str
    by: str


class Trials:
    """Test binaries and how long each takes. The quickest runs first."""

    def __init__(self, folder: Path, environment: dict[str, str]):
        self.folder = folder
        self.environment = dict(
            environment,
            CARGO_MANIFEST_DIR=str(folder),
            # A test that fails must leave nothing behind.
            INSTA_UPDATE="no",
            RUST_BACKTRACE="0",
        )
        self.seconds: dict[str, float] = {}
        self.stops = Event()

    def measure(self, binaries: dict[str, Path]) -> list[str]:
        """Measures how long each takes without a mutant. Returns which of them fail."""

        def one(item: tuple[str, Path]) -> tuple[str, str | None]:
            begun = time.monotonic()
            why = self.run(item[1], 0, None)
            self.seconds[item[0]] = time.monotonic() - begun
            return item[0], why

        return [f"{name}: {why}" for name, why in self.at_once(one, binaries.items()) if why is not None]

    def outcome(self, number: int, binaries: dict[str, Path]) -> Outcome:
        """Runs these with a mutant until one notices it. Zero switches none on."""
        for name in sorted(binaries, key=lambda name: self.seconds[name]):
            limit = max(LEAST_SECONDS, FACTOR * self.seconds[name])
            if (why := self.run(binaries[name], number, limit)) is not None:
                return Outcome("timeout" if why == "the clock" else "caught", f"{name}: {why}")
        return Outcome("missed", "")

    def at_once(self, work, items: Iterable) -> list:
        """Does the work for each item, for some at once. Returns what each returns."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            try:
                return list(pool.map(work, items))
            except BaseException:
                self.stops.set()
                pool.shutdown(cancel_futures=True)
                raise

    def run(self, binary: Path, number: int, limit: float | None) -> str | None:
        """Returns why it fails, or None if it passes."""
        process = subprocess.Popen(
            [binary, f"--test-threads={TEST_THREADS}"],
            cwd=self.folder,
            env=dict(self.environment, **{VARIABLE: str(number)}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return self.watch(process, limit)
        finally:
            # It has a group of its own, with all that it has started.
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
            process.stdout.close()

    def watch(self, process: subprocess.Popen, limit: float | None) -> str | None:
        """Waits for the first test that fails, the end of the process, or the clock."""
        elapsed, rest, now = 0.0, b"", time.monotonic()
        while limit is None or elapsed < limit:
            if self.stops.is_set():
                raise KeyboardInterrupt
            ready, _, _ = select.select([process.stdout], [], [], TURN)
            new = os.read(process.stdout.fileno(), 65536) if ready else b""
            *lines, rest = (rest + new).split(b"\n")
            for line in lines:
                if line.startswith(b"test ") and line.endswith(b"... FAILED"):
                    return line.split()[1].decode(errors="replace")
            # What a test has started may keep the output open for longer than the test runs.
            if not new and (ready or process.poll() is not None):
                return None if process.wait() == 0 else "the process has failed"
            elapsed += min(time.monotonic() - now, 2 * TURN)
            now = time.monotonic()
        return "the clock"
