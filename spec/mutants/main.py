"""Runs the mutants of the library: see mutants.sh."""

import argparse
import os
import signal
import sys
import tempfile
from collections import Counter
from itertools import product
from pathlib import Path

from memory import Memory
from plan import ROOT, Part, Plan, check, mutants, plan
from planting import Mutant
from runner import Runner
from self_test import self_test
from trial import Copy
from trials import Outcome

PACKAGE = "highwater"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute() / "mutants"


def result(part: Part, every: list[Mutant], plan: Plan, memory: Memory) -> bool:
    """Prints what came of a part. Returns whether each of its survivors has a reason."""
    wanted, skipped = plan.wanted(part, every), plan.skipped(part, every)
    verdicts = {mutant: memory.recall(part, mutant) for mutant in wanted}
    count = Counter(verdicts.values())
    missed = Counter(mutant.short() for mutant, verdict in verdicts.items() if verdict == "missed")
    names = {mutant.short() for mutant in wanted}
    known = Counter({name: n for name, n in plan.known().items() if name in names})
    excused = (missed & known).total()
    # One that makes the library slow may reach the clock on one machine, and not on another.
    open_names = {mutant.short() for mutant, verdict in verdicts.items() if verdict in (None, "timeout")}
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
        f" missed={missed.total() - excused} skipped={skipped} not_run={count[None]}"
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


def run(plans: Plan, parts: list[Part], every: list[Mutant], memory: Memory, options: argparse.Namespace) -> None:
    """Runs the mutants of these parts that have no verdict."""
    at, of = options.shard
    groups, part_of, known = [], {}, plans.known()
    # A mutant that has a reason to survive meets all tests, so these come last.
    for part, last in product(parts, (False, True)):
        chosen = [mutant for mutant in plans.wanted(part, every) if options.file in mutant.file][at::of]
        new = [mutant for mutant in chosen if memory.recall(part, mutant) is None]
        new = [mutant for mutant in new if (mutant.short() in known) == last]
        part_of.update({mutant: part for mutant in new})
        if new:
            groups.append((last, part.tests, new))
    groups = [group[1:] for group in sorted(groups, key=lambda group: group[0])]
    if groups:
        copy = Copy(ROOT, TARGET)
        # One build runs thousands of tests.
        environment = dict(copy.environment, CARGO_PROFILE_TEST_OPT_LEVEL="1")

        def report(mutant: Mutant, outcome: Outcome) -> None:
            memory.store(part_of[mutant], mutant, outcome.verdict, outcome.binary)

        Runner(copy.folder, PACKAGE, environment, copy.refresh).run(groups, report)


def main() -> int:
    plans = plan()
    options = arguments([part.name for part in plans.parts])
    every = mutants(ROOT, PACKAGE)
    wrong = check(plans, every)
    if options.check:
        with tempfile.TemporaryDirectory() as folder:
            wrong += self_test(Path(folder))
    if wrong:
        print("\n".join(wrong))
        return 1
    skipped = sum(skip["count"] for skip in plans.skips)
    print(f"{len(every)} mutants have their part, {skipped} of them are skipped with a reason")
    if options.check:
        return 0
    TARGET.mkdir(parents=True, exist_ok=True)
    memory = Memory(TARGET / "verdicts.json", options.again)
    parts = [part for part in plans.parts if part.name in (options.parts or [part.name])]
    if not options.results:
        run(plans, parts, every, memory, options)
    good = [result(part, every, plans, memory) for part in parts]
    return 0 if all(good) else 1


if __name__ == "__main__":
    # A shell that starts this in the background ignores Ctrl-C, and so would what it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here")
        sys.exit(130)
