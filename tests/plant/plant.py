"""Plants faults and expects tests to notice: see tests/plant.sh."""

import argparse
import hashlib
import itertools
import json
import os
import signal
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from places import Broken, Places, Planted, names
from trial import Copy, Test

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", "target")).absolute() / "planted"
FOLDERS = ["src", "examples"]
# One file for each floor of the library.
FILES = sorted(set((ROOT / "tests/plant").glob("*.toml")) - {ROOT / "tests/plant/self_test.toml"})
KEYS = {"why": str, "place": str, "find": str, "replace": str, "tests": list}
NOTICED = ("fails", "hangs")


class Row(NamedTuple):
    """A fault of the list, planted, and the tests that have to notice it."""

    why: str
    place: str
    planted: Planted
    tests: list[Test]

    def shown(self) -> str:
        return f"  {self.why}\n  {self.place}: {self.planted.old}\n  planted: {self.planted.new}"


def rows_of(path: Path) -> list[dict]:
    rows = tomllib.loads(path.read_text())["fault"]
    for row in rows:
        for key, kind in KEYS.items():
            if not isinstance(row.get(key), kind):
                sys.exit(f"{path.name}: a row has no {key}: {row}")
    return rows


def planted(row: dict, places: Places) -> Row:
    """Raises Broken if the place or a test of a row is gone."""
    tests = [Test(text) for text in row["tests"]]
    for test in tests:
        paths = [path for path in test.paths(ROOT) if path.exists()]
        known = set().union(*map(names, paths))
        missing = [name for name in test.name().split("::") if name not in known]
        if missing:
            raise Broken(f"there is no test {test.text}")
    fault = places.plant(row["place"], row["find"], row["replace"])
    return Row(row["why"], row["place"], fault, tests)


def check(rows: list[dict]) -> list[Row]:
    """Plants all rows in memory. Shows every broken one before it exits."""
    places = Places(ROOT, FOLDERS)
    good, broken = [], 0
    for row in rows:
        try:
            good.append(planted(row, places))
        except Broken as error:
            broken += 1
            print(f"== {row['why']}\n{error}\n{error.details}\n")
    if broken:
        sys.exit(f"{broken} of {len(rows)} rows of tests/plant/*.toml are broken")
    return good


class Memory:
    """What was noticed before, of the same sources with the same fault."""

    def __init__(self, path: Path, sources: str, forgets: bool):
        self.path = path
        self.sources = sources
        self.forgets = forgets
        self.verdicts = json.loads(path.read_text()) if path.exists() else {}

    def key(self, test: Test, fault: Planted | None) -> str:
        text = "\0".join([self.sources, test.text, fault.source if fault else ""])
        return hashlib.sha256(text.encode()).hexdigest()

    def recall(self, test: Test, fault: Planted | None) -> str | None:
        return None if self.forgets else self.verdicts.get(self.key(test, fault))

    def keep(self, test: Test, fault: Planted | None, verdict: str) -> None:
        self.verdicts[self.key(test, fault)] = verdict
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.verdicts, indent=0))
        new.replace(self.path)


class Runner:
    """Runs tests on planted faults; counts what came of it."""

    def __init__(self, copy: Copy, memory: Memory, seconds: int | None = None):
        self.copy = copy
        self.memory = memory
        self.seconds = seconds
        self.verdicts: Counter[str] = Counter()

    def verdicts_of(self, tests: list[Test], fault: Planted | None, good: tuple) -> dict:
        """Builds once and runs each test, but not those whose verdict is known."""
        recalled = {test: self.memory.recall(test, fault) for test in tests}
        new = [test for test in tests if recalled[test] is None]
        built = "passes"
        if new and new[0].mode() == "cargo":
            built = self.copy.build(new)
        for test in new:
            verdict = built
            if built == "passes":
                verdict = self.copy.verdict(test, self.seconds)
            recalled[test] = verdict
            if verdict in good:
                self.memory.keep(test, fault, verdict)
        return recalled

    def without_fault(self, tests: list[Test]) -> bool:
        """Runs each test without a fault: one that fails all the same notices nothing."""
        good = True
        for mode in modes(tests):
            for test, verdict in self.verdicts_of(mode, None, ("passes",)).items():
                if verdict != "passes":
                    good = False
                    print(f"without a fault {test.text} {verdict}\n{self.copy.tail()}")
        return good

    def row(self, row: Row, tests: list[Test]) -> None:
        path = row.planted.path
        original = self.copy.write(path, row.planted.source)
        try:
            for test, verdict in self.verdicts_of(tests, row.planted, NOTICED).items():
                self.verdicts[verdict] += 1
                self.tell(row, test, verdict)
        finally:
            self.copy.write(path, original)

    def tell(self, row: Row, test: Test, verdict: str) -> None:
        if verdict in NOTICED:
            print(f"noticed ({verdict}): {row.place}: {test.text}", flush=True)
        elif verdict == "passes":
            print(f"NOT NOTICED by {test.text}:\n{row.shown()}", flush=True)
        else:
            print(f"WITH A FAULT {test.text} {verdict}:\n{row.shown()}\n{self.copy.tail()}")

    def summary(self) -> int:
        """Prints what was noticed. Returns the status of the whole run."""
        noticed = sum(self.verdicts[verdict] for verdict in NOTICED)
        others = {key: n for key, n in self.verdicts.items() if key not in NOTICED}
        text = f"{noticed} noticed, of these {self.verdicts['hangs']} by the clock"
        text += "".join(f"; {n} where the test {key}" for key, n in others.items())
        print(text)
        return 1 if others or not noticed else 0


def modes(tests: list[Test]) -> list[list[Test]]:
    """Groups tests by how they are built."""
    ordered = sorted(dict.fromkeys(tests), key=Test.mode)
    return [list(group) for _, group in itertools.groupby(ordered, key=Test.mode)]


def run(rows: list[Row], filters: list[str], forgets: bool) -> int:
    def wanted(row: Row, test: Test) -> bool:
        names = (row.place, test.text)
        return not filters or any(name.startswith(tuple(filters)) for name in names)

    jobs = [(row, test) for row in rows for test in row.tests if wanted(row, test)]
    if not jobs:
        sys.exit(f"no place and no test begins with any of these: {' '.join(filters)}")
    copy = Copy(ROOT, TARGET)
    runner = Runner(copy, Memory(TARGET / "noticed.json", copy.refresh(), forgets))
    if not runner.without_fault([test for _, test in jobs]):
        return 1
    try:
        for mode in modes([test for _, test in jobs]):
            for row in rows:
                tests = [test for other, test in jobs if other is row and test in mode]
                if tests:
                    runner.row(row, tests)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here")
        runner.summary()
        return 130
    return runner.summary()


def self_test() -> int:
    """Expects each row of self_test.toml to come out as it says there."""
    places = Places(ROOT, FOLDERS)
    copy = Copy(ROOT, TARGET)
    sources = copy.refresh()
    wrong = 0
    for row in rows_of(ROOT / "tests/plant/self_test.toml"):
        memory = Memory(TARGET / "self_test.json", sources, forgets=True)
        runner = Runner(copy, memory, row.get("seconds"))
        try:
            good = planted(row, places)
            runner.row(good, good.tests)
            [came] = runner.verdicts
            status = runner.summary()
        except Broken as error:
            came, status = str(error), 1
        if row["comes"] not in came or (status == 0) != (came in NOTICED):
            wrong += 1
            print(f"SELF-TEST: expected: {row['comes']}; but status {status}: {came}")
    print("the self-test has failed" if wrong else "the self-test is passed")
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/plant.sh")
    parser.add_argument("filters", nargs="*", metavar="FILTER")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    TARGET.mkdir(parents=True, exist_ok=True)
    if options.self_test:
        return self_test()
    rows = check([row for path in FILES for row in rows_of(path)])
    if options.check:
        print(f"{len(rows)} faults have their place and their tests")
        return 0
    return run(rows, options.filters, options.again)


if __name__ == "__main__":
    # A shell that starts this in the background ignores Ctrl-C, and so would the tests.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
