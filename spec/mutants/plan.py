"""What spec/mutants.toml says, and what cargo-mutants knows."""

import json
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from planting import Mutant, Span, plant, plant_one, short

ROOT = Path(__file__).resolve().parents[2]
REASONS = ROOT / "spec/mutants.toml"
sys.path.append(str(ROOT / "tests/plant"))
from trial import SCRIPTS, Test  # noqa: E402


class Part(NamedTuple):
    """A floor of the library, and the tests that notice its mutants."""

    name: str
    files: list[str]
    tests: list[str]


class Plan(NamedTuple):
    """What spec/mutants.toml says."""

    parts: list[Part]
    skips: list[dict]
    survivors: list[dict]

    def skip_of(self, mutant: Mutant) -> dict | None:
        return next((skip for skip in self.skips if mutant.short().startswith(skip["begins"])), None)

    def part_of(self, mutant: Mutant) -> Part | None:
        return next((part for part in self.parts if mutant.file.startswith(tuple(part.files))), None)

    def wanted(self, part: Part, every: list[Mutant]) -> list[Mutant]:
        return [each for each in every if self.part_of(each) is part and self.skip_of(each) is None]

    def skipped(self, part: Part, every: list[Mutant]) -> int:
        return sum(self.part_of(each) is part and self.skip_of(each) is not None for each in every)

    def known(self) -> Counter[str]:
        """Returns the survivors that have a reason, by their short names."""
        return Counter(name for group in self.survivors for name in group["mutants"])


def plan() -> Plan:
    read = tomllib.loads(REASONS.read_text())
    return Plan([Part(**part) for part in read["part"]], read.get("skip", []), read.get("survivors", []))


def mutants(folder: Path, package: str) -> list[Mutant]:
    """Returns all that cargo-mutants knows in a package."""
    command = ["cargo", "mutants", "--no-config", "--list", "--json", "--package", package]
    listed = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
    seen: Counter[str] = Counter()
    every = []
    for each in json.loads(listed.stdout):
        name, function = short(each["name"]), each["function"] or {}
        every.append(
            Mutant(
                name=each["name"],
                file=each["file"],
                nth=seen[name],
                number=len(every) + 1,
                span=Span.read(each["span"]),
                replacement=each["replacement"],
                function=Span.read(function["span"]) if function else None,
                returns=function.get("return_type", ""),
            )
        )
        seen[name] += 1
    return every


def check(plan: Plan, every: list[Mutant]) -> list[str]:
    """Returns what is wrong with the plan."""
    wrong = []
    for mutant in every:
        if plan.skip_of(mutant) is None and plan.part_of(mutant) is None:
            wrong.append(f"neither in a part nor skipped: {mutant.name}")
    skipped = Counter(skip["begins"] for mutant in every if (skip := plan.skip_of(mutant)))
    for skip in plan.skips:
        if skipped[skip["begins"]] != skip["count"]:
            wrong.append(f"{skipped[skip['begins']]} are skipped, not {skip['count']}: {skip['begins']}")
    names = Counter(mutant.short() for mutant in every if plan.skip_of(mutant) is None)
    for name, count in plan.known().items():
        if names[name] < count:
            wrong.append(f"there are {names[name]} of these, not {count}: {name}")
    for test in {test for part in plan.parts for test in part.tests}:
        if not source_of(test).exists():
            wrong.append(f"there is no test binary {test}")
    for text in {text for group in plan.survivors for text in group.get("noticed_by", [])}:
        if not noticed_by_exists(text):
            wrong.append(f"there is no test {text}")
    return wrong + unplantable([mutant for mutant in every if plan.skip_of(mutant) is None])


def source_of(test: str) -> Path:
    """Returns where the source of a test binary is."""
    file = ROOT / f"tests/{test}.rs"
    return ROOT / "src/lib.rs" if test == "lib" else file if file.exists() else ROOT / f"tests/{test}/main.rs"


def noticed_by_exists(text: str) -> bool:
    """Says whether there is such a test, as in a row of tests/plant."""
    test = Test(text)
    if test.mode() not in SCRIPTS and not test.package():
        return False
    sources = [source for path in test.paths(ROOT) for source in path.parent.glob("**/*.rs") if path.exists()]
    return any(f"fn {test.name()}(" in source.read_text() for source in sources)


def unplantable(every: list[Mutant]) -> list[str]:
    """Returns which mutants have no place in the text of their file."""
    wrong = []
    for file in sorted({mutant.file for mutant in every}):
        text = (ROOT / file).read_text()
        inside = [mutant for mutant in every if mutant.file == file]
        try:
            plant(text, [mutant for mutant in inside if mutant.has_switch()])
            for mutant in inside:
                plant_one(text, mutant)
        except ValueError as error:
            wrong.append(str(error))
    return wrong
