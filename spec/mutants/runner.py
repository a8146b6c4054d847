"""Plants mutants in a copy of the sources, builds the tests there, and runs them."""

import sys
from pathlib import Path
from threading import Lock
from typing import Callable

from builds import Builder, Built
from planting import Mutant, plant_one
from trials import Outcome, Trials

# Receives what came of a mutant.
Report = Callable[[Mutant, Outcome], None]


class Runner:
    """Runs the mutants of a package in a folder. `refresh` takes out of it what was planted."""

    def __init__(self, folder: Path, package: str, environment: dict[str, str], refresh: Callable[[], object]):
        self.folder = folder
        self.refresh = refresh
        self.builder = Builder(folder, package, environment)
        self.trials = Trials(folder, self.builder.environment)
        self.lock = Lock()

    def run(self, groups: list[tuple[list[str], list[Mutant]]], report: Report) -> None:
        """Runs groups of mutants, each with its tests. One build has all that a switch can turn
        on; each of the others has a build of its own."""
        switched = [mutant for _, mutants in groups for mutant in mutants if mutant.has_switch()]
        tests = sorted({test for tests, _ in groups for test in tests})
        print(f"== build {len(switched)} mutants with {' '.join(tests)}", flush=True)
        built, unviable = self.builder.switched(tests, switched, self.refresh)
        for mutant in unviable:
            self.tell(report, mutant, Outcome("unviable"))
        print("== run the tests without a mutant", flush=True)
        if wrong := self.trials.measure(built.binaries):
            sys.exit("without a mutant these fail:\n" + "\n".join(wrong))
        for name, seconds in sorted(self.trials.seconds.items(), key=lambda each: each[1]):
            print(f"{seconds:6.1f} s  {name}", flush=True)
        work = [(tests, mutant) for tests, mutants in groups for mutant in mutants if mutant not in unviable]
        self.all_at_once([each for each in work if each[1].has_switch()], built, report)
        # These builds write over the binaries.
        for tests, mutant in [each for each in work if not each[1].has_switch()]:
            self.tell(report, mutant, self.alone(tests, mutant))
        self.refresh()

    def all_at_once(self, work: list[tuple[list[str], Mutant]], built: Built, report: Report) -> None:
        def one(item: tuple[list[str], Mutant]) -> None:
            tests, mutant = item
            binaries = {test: built.binaries[test] for test in tests}
            self.tell(report, mutant, self.trials.outcome(mutant.number, built.functions[mutant], binaries))

        self.trials.at_once(one, work)

    def alone(self, tests: list[str], mutant: Mutant) -> Outcome:
        """Builds the tests with this mutant alone, one by one, until one notices it."""
        self.refresh()
        path = self.folder / mutant.file
        path.write_text(plant_one(path.read_text(), mutant))
        for test in sorted(tests, key=lambda test: self.trials.seconds[test]):
            built = self.builder.build([test])
            if built.errors:
                return Outcome("unviable")
            outcome = self.trials.outcome(0, None, built.binaries)
            if outcome.verdict != "missed":
                return outcome
        return Outcome("missed")

    def tell(self, report: Report, mutant: Mutant, outcome: Outcome) -> None:
        with self.lock:
            report(mutant, outcome)
            print(f"{mutant.name}: {outcome}", flush=True)
