"""Runs the mutants of the library: see mutants.sh."""

import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests/plant"))
from trial import SCRIPTS, Copy, Test  # noqa: E402

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute() / "mutants"
REASONS = ROOT / "spec/mutants.toml"
# What may change a verdict. Neither the reasons nor the faults of tests/plant do.
INPUTS = ["src", "tests", "examples", "spec/traces", "Cargo.toml", "Cargo.lock", ":!tests/plant", ":!*.md"]
# The files in which cargo-mutants writes its verdicts. A mutant that is caught by the clock is
# in `timeout`.
VERDICTS = ("caught", "timeout", "unviable", "missed")


class Mutant(NamedTuple):
    """A mutant, by the name that cargo-mutants gives it: file, line, column, change."""

    name: str
    file: str
    # Which it is of those in its file that have the same short name.
    nth: int

    def short(self) -> str:
        return short(self.name)


def short(name: str) -> str:
    """Returns a name without line and column, so that it survives an edit elsewhere. Two in one
    function may have the same."""
    return re.sub(r"^([^:]+):\d+:\d+: ", r"\1: ", name)


class Part(NamedTuple):
    """A floor of the library, and the tests that notice its mutants."""

    name: str
    files: list[str]
    first: list[str]
    then: list[str]


class Plan(NamedTuple):
    """What spec/mutants.toml says."""

    parts: list[Part]
    skips: list[dict]
    survivors: list[dict]

    def skip_of(self, mutant: Mutant) -> dict | None:
        return next((skip for skip in self.skips if mutant.short().startswith(skip["begins"])), None)

    def part_of(self, mutant: Mutant) -> Part | None:
        return next((part for part in self.parts if mutant.file.startswith(tuple(part.files))), None)


def plan() -> Plan:
    read = tomllib.loads(REASONS.read_text())
    return Plan([Part(**part) for part in read["part"]], read.get("skip", []), read.get("survivors", []))


def mutants() -> list[Mutant]:
    """Returns all that cargo-mutants knows in the library."""
    command = ["cargo", "mutants", "--no-config", "--list", "--json", "--package", "highwater"]
    listed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    seen: Counter[str] = Counter()
    every = []
    for each in json.loads(listed.stdout):
        name = short(each["name"])
        every.append(Mutant(each["name"], each["file"], seen[name]))
        seen[name] += 1
    return every


def binary(test: str) -> Path:
    """Returns where the source of a test binary is."""
    file = ROOT / f"tests/{test}.rs"
    return ROOT / "src/lib.rs" if test == "lib" else file if file.exists() else ROOT / f"tests/{test}/main.rs"


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
    for name, count in survivors(plan).items():
        if names[name] < count:
            wrong.append(f"there are {names[name]} of these, not {count}: {name}")
    for test in {test for part in plan.parts for test in part.first + part.then}:
        if not binary(test).exists():
            wrong.append(f"there is no test binary {test}")
    for text in {text for group in plan.survivors for text in group.get("noticed_by", [])}:
        if not noticed_by_exists(text):
            wrong.append(f"there is no test {text}")
    return wrong


def noticed_by_exists(text: str) -> bool:
    """Says whether there is such a test, as in a row of tests/plant."""
    test = Test(text)
    if test.mode() not in SCRIPTS and not test.package():
        return False
    sources = [source for path in test.paths(ROOT) for source in path.parent.glob("**/*.rs") if path.exists()]
    return any(f"fn {test.name()}(" in source.read_text() for source in sources)


def survivors(plan: Plan) -> Counter[str]:
    return Counter(name for group in plan.survivors for name in group["mutants"])


class Memory:
    """The verdicts of all runs until now."""

    def __init__(self, forgets: bool):
        self.path = TARGET / "verdicts.json"
        if forgets:
            self.path.unlink(missing_ok=True)
        self.verdicts = json.loads(self.path.read_text()) if self.path.exists() else {}
        self.sources = digest(*INPUTS)
        self.files: dict[str, str] = {}

    def keys(self, part: Part, mutant: Mutant) -> tuple[str, str]:
        """Returns under which key it is if it was noticed, and under which if it was missed."""
        if mutant.file not in self.files:
            self.files[mutant.file] = sha(code(ROOT / mutant.file))
        noticed = json.dumps([mutant.short(), mutant.nth, self.files[mutant.file], part.first, part.then])
        return sha(noticed), sha(noticed + self.sources)

    def recall(self, part: Part, mutant: Mutant) -> str | None:
        noticed, missed = self.keys(part, mutant)
        return self.verdicts.get(noticed) or self.verdicts.get(missed)

    def collect(self, run: Path) -> None:
        """Takes over what a run has found, also one that was interrupted."""
        if not (run / "keys.json").exists():
            return
        keys = json.loads((run / "keys.json").read_text())
        for verdict in VERDICTS:
            path = run / f"mutants.out/{verdict}.txt"
            for name in path.read_text().splitlines() if path.exists() else []:
                noticed, missed = keys["mutants"][name]
                if verdict == "missed":
                    self.verdicts[missed] = keys["missed"]
                else:
                    self.verdicts[noticed] = verdict
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.verdicts, indent=0))
        new.replace(self.path)
        shutil.rmtree(run)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def code(path: Path) -> str:
    """Returns the lines that are no comments: those change no verdict."""
    return "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("//"))


def digest(*paths: str) -> str:
    command = ["git", "ls-files", "-coz", "--exclude-standard", "--", *paths]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    whole = hashlib.sha256()
    for path in sorted(filter(None, listed.split("\0"))):
        if (ROOT / path).is_file():
            whole.update(path.encode() + (ROOT / path).read_bytes())
    return whole.hexdigest()


class Runner:
    """Runs mutants in a copy of the sources."""

    def __init__(self, every: list[Mutant], memory: Memory):
        self.every = every
        self.memory = memory
        self.copy = Copy(ROOT, TARGET)
        self.run = TARGET / "run"
        self.memory.collect(self.run)

    def part(self, part: Part, wanted: list[Mutant]) -> None:
        new = [mutant for mutant in wanted if self.memory.recall(part, mutant) is None]
        self.stage(part, part.first, new, "left" if part.then else "missed")
        left = [mutant for mutant in wanted if self.memory.recall(part, mutant) == "left"]
        self.stage(part, part.then, left, "missed")

    def stage(self, part: Part, tests: list[str], wanted: list[Mutant], missed: str) -> None:
        """Runs these mutants with these tests. `missed` is the verdict of those which survive."""
        if not wanted:
            return
        print(f"== {part.name}: {len(wanted)} mutants with {' '.join(tests)}", flush=True)
        self.copy.refresh()
        (self.run / "mutants.out").mkdir(parents=True)
        keys = {mutant.name: self.memory.keys(part, mutant) for mutant in wanted}
        (self.run / "keys.json").write_text(json.dumps({"missed": missed, "mutants": keys}))
        # It leaves out what it believes to be caught.
        others = [mutant.name for mutant in self.every if mutant.name not in keys]
        (self.run / "mutants.out/previously_caught.txt").write_text("\n".join(others))
        try:
            code = subprocess.run(self.command(tests, wanted), env=self.environment()).returncode
            # 2: some were missed; 3: some ran out of time.
            if code not in (0, 2, 3):
                sys.exit(f"cargo mutants has failed with status {code}")
        finally:
            self.memory.collect(self.run)

    def command(self, tests: list[str], wanted: list[Mutant]) -> list[str]:
        command = ["cargo", "mutants", "--no-config", "--in-place", "--iterate", "--dir", str(self.copy.folder)]
        command += ["--output", str(self.run), "--package", "highwater", "--colors", "never"]
        command += ["--minimum-test-timeout", "20", "--timeout-multiplier", "10"]
        command += [f"--file={file}" for file in sorted({mutant.file for mutant in wanted})]
        flags = ["--lib" if test == "lib" else f"--test={test}" for test in tests]
        return command + [f"--cargo-arg={flag}" for flag in ["--locked", *flags]]

    def environment(self) -> dict[str, str]:
        return dict(self.copy.environment, CARGO_BUILD_JOBS=os.environ.get("CARGO_BUILD_JOBS", "1"))


def result(part: Part, wanted: list[Mutant], skipped: int, plan: Plan, memory: Memory) -> bool:
    """Prints what came of a part. Returns whether each of its survivors has a reason."""
    verdicts = {mutant: memory.recall(part, mutant) for mutant in wanted}
    count = Counter(verdicts.values())
    missed = Counter(mutant.short() for mutant, verdict in verdicts.items() if verdict == "missed")
    names = {mutant.short() for mutant in wanted}
    known = Counter({name: n for name, n in survivors(plan).items() if name in names})
    excused = (missed & known).total()
    open_names = {mutant.short() for mutant, verdict in verdicts.items() if verdict in (None, "left")}
    for name in sorted((missed - known).elements()):
        print(f"missed, without a reason: {name}")
    stale = [name for name in (known - missed).elements() if name not in open_names]
    for name in sorted(stale):
        print(f"has a reason, but is noticed: {name}")
    elsewhere = {name for group in plan.survivors if "noticed_by" in group for name in group["mutants"]}
    outside = (missed & Counter({name: n for name, n in known.items() if name in elsewhere})).total()
    print(
        f"RESULT mutants part={part.name} total={len(wanted) + skipped}"
        f" caught={count['caught'] + count['timeout']} by_the_clock={count['timeout']}"
        f" unviable={count['unviable']} equivalent={excused - outside} noticed_elsewhere={outside}"
        f" missed={missed.total() - excused} skipped={skipped} not_run={count[None] + count['left']}"
    )
    return not stale and missed.total() == excused


def shard(text: str) -> tuple[int, int]:
    at, of = map(int, text.split("/"))
    if not 0 <= at < of:
        raise argparse.ArgumentTypeError(f"{text} is not one of 0/{of} to {of - 1}/{of}")
    return at, of


def arguments(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="spec/mutants.sh")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(names))
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--results", action="store_true")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--shard", type=shard, default=(0, 1), metavar="K/N")
    parser.add_argument("--file", default="", metavar="NAME")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(names):
        parser.error(f"there is no part {' '.join(sorted(unknown))}: {', '.join(names)}")
    return options


def main() -> int:
    plans = plan()
    options = arguments([part.name for part in plans.parts])
    every = mutants()
    if wrong := check(plans, every):
        print("\n".join(wrong))
        return 1
    skipped = sum(skip["count"] for skip in plans.skips)
    print(f"{len(every)} mutants have their part, {skipped} of them are skipped with a reason")
    if options.check:
        return 0
    TARGET.mkdir(parents=True, exist_ok=True)
    memory = Memory(options.again)
    at, of = options.shard
    parts = [part for part in plans.parts if part.name in (options.parts or [part.name])]
    if not options.results:
        runner = Runner(every, memory)
        for part in parts:
            chosen = [mutant for mutant in wanted(plans, part, every) if options.file in mutant.file]
            runner.part(part, chosen[at::of])
    good = [result(part, wanted(plans, part, every), skips(plans, part, every), plans, memory) for part in parts]
    return 0 if all(good) else 1


def wanted(plan: Plan, part: Part, every: list[Mutant]) -> list[Mutant]:
    return [mutant for mutant in every if plan.part_of(mutant) is part and plan.skip_of(mutant) is None]


def skips(plan: Plan, part: Part, every: list[Mutant]) -> int:
    return sum(plan.part_of(mutant) is part and plan.skip_of(mutant) is not None for mutant in every)


if __name__ == "__main__":
    # A shell that starts this in the background ignores Ctrl-C, and so would cargo-mutants.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here")
        sys.exit(130)
