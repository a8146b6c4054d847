"""Runs test binaries, each with one mutant or with none."""

import os
import select
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Iterable, NamedTuple

from planting import MUTANT, REACHED

# Two mutants run at once, so that both processors of a small machine have something to do.
AT_ONCE = 2
# A test that waits leaves the processor to another one.
TEST_THREADS = 4
# A binary that takes longer hangs: ten times what it takes without a fault, at least this.
FACTOR, LEAST_SECONDS = 10, 5.0
# No turn of the loop counts for more, however long the whole machine stood still.
TURN = 0.1
CLOCK = "the clock"


class Outcome(NamedTuple):
    """What came of a mutant: `caught`, `timeout`, `unviable` or `missed`. If a test binary has
    noticed it, which one, and why that has failed."""

    verdict: str
    binary: str | None = None
    why: str = ""

    def __str__(self) -> str:
        return f"{self.verdict} ({self.binary}: {self.why})" if self.binary else self.verdict


class Trials:
    """Test binaries, how long each takes, and which functions each reaches."""

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
        self.reached: dict[str, set[int]] = {}
        self.stops = Event()

    def measure(self, binaries: dict[str, Path]) -> list[str]:
        """Runs each without a mutant. Returns which of them fail."""

        def one(name: str) -> str | None:
            file = Path(folder) / name
            why = self.time(name, binaries[name], {REACHED: str(file)})
            self.reached[name] = {int(line) for line in file.read_text().split()} if file.exists() else set()
            return f"{name}: {why}" if why else None

        with TemporaryDirectory() as folder:
            return [wrong for wrong in self.at_once(one, binaries) if wrong]

    def time(self, name: str, binary: Path, more: dict[str, str]) -> str | None:
        """Measures how long it takes at most without a mutant. Returns why it fails."""
        begun = time.monotonic()
        why = self.run(binary, more, None)
        self.seconds[name] = max(self.seconds.get(name, 0), time.monotonic() - begun)
        return why

    def outcome(self, number: int, function: int | None, binaries: dict[str, Path]) -> Outcome:
        """Runs those of these that reach the function, with a mutant, until one notices it: the
        quickest first. The mutant of number 0 is none that a switch turns on."""
        reaching = [name for name in binaries if function is None or function in self.reached[name]]
        for name in sorted(reaching, key=lambda name: self.seconds[name]):
            why = self.run(binaries[name], {MUTANT: str(number)}, self.limit(name))
            while why == CLOCK and number and self.is_too_short(self.limit(name), name, binaries[name]):
                why = self.run(binaries[name], {MUTANT: str(number)}, self.limit(name))
            if why is not None:
                return Outcome("timeout" if why == CLOCK else "caught", name, why)
        return Outcome("missed")

    def limit(self, name: str) -> float:
        return max(LEAST_SECONDS, FACTOR * self.seconds[name])

    def is_too_short(self, limit: float, name: str, binary: Path) -> bool:
        """Says whether a limit is too short, as the machine has become busier."""
        self.time(name, binary, {})
        return self.limit(name) > 1.5 * limit

    def at_once(self, work, items: Iterable) -> list:
        """Does the work for each item, for some at once. Returns what each returns."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            try:
                return list(pool.map(work, items))
            except BaseException:
                self.stops.set()
                pool.shutdown(cancel_futures=True)
                raise

    def run(self, binary: Path, more: dict[str, str], limit: float | None) -> str | None:
        """Runs a binary with more variables. Returns why it fails, or None if it passes."""
        process = subprocess.Popen(
            [binary, f"--test-threads={TEST_THREADS}"],
            cwd=self.folder,
            env=self.environment | more,
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
        return CLOCK
