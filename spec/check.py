"""Every check of the specification: what is claimed, and whether it holds.

    python check.py             everything, in about 15 minutes, 10 of them fuzzing
    python check.py --quick     what CI runs, in a few minutes
    python check.py ROW...      these rows only; 'quirk:*' means all of that kind
    python check.py --list      the rows, and what each claims

check.sh installs what is needed and then runs this. What is run with which
numbers stands in checks.toml and configurations.txt. The kinds of rows:

    contract:NAME  the specification keeps the contract (Contract.tla)
    quirk:NAME     Node's quirks, each alone, break the property they are said to break
    mutant:NAME    a wrong line in the specification is noticed
    trap:NAME      a false claim is refuted: what the properties speak of does happen
    graph:NAME     specification and code have the same state graph
    code:NAME      the code keeps the contract, in all states within the same bounds
    proof:NAME     the proof for all numbers (induct.py)
    symbolic:NAME  the proof of the compiled code (symbolic/README.md)
    documentation  each statement of Node's documentation has its place
    walk, fuzz     long random runs; the environment may set HIGHWATER_SEED and
                   HIGHWATER_FUZZ_SECONDS

The table of results is also written to target/spec-table.txt. The numbers of a
row must be those that README.md has for it.
"""

import argparse
import concurrent.futures
import fnmatch
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from typing import Callable, NamedTuple

SPEC = pathlib.Path(__file__).resolve().parent
ROOT = SPEC.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
EXPLORE = TARGET / "release" / "explore"
GOLDEN = "--golden" in sys.argv  # write anew what is kept
REFINEMENT = "Users"  # of Lifecycle.tla
LIVENESS = ("WaitIsAnswered", "EndResolves", "DestroyCloses", "FailureTold")
# What Contract.cfg must name, so that a line that is missing there is noticed.
SAFETY = ("LengthAccounts", "CallbackOnce", "LimitKept", "NoWriteAfterEnd", "DrainEarned",
          "DrainLater", "OrderKept", "OneAtATime", "CorkHolds", "NothingSentAfterFailure",
          "CallbackTruthful", "CallbackLater", "FinishFlushed", "ErrorOnce", "CloseLast",
          "AnswerTruthful")
TABLE = "<!-- the table of a full run, written by check.sh --golden -->\n"
LEAST = 100  # states: fewer would mean that nothing was looked at
TAIL = 25  # lines of a tool's output that a failure shows
# The rows of the quick run that are not marked in checks.toml.
QUICK_GRAPHS = ("small", "corks", "batches", "destroys", "constructs", "objects")
QUICK_STEPS = ("small", "corks", "destroys")
# Claim, tools and what is counted, of the proof of the compiled code.
SYMBOLIC = {
    "equal": ("the compiled code does what the encoding says", "bitwuzla, cvc5", ["kinds"]),
    "safe": ("the compiled code never traps, nor leaves its memory", "bitwuzla, cvc5", ["kinds"]),
    "witness": ("a real engine agrees with one case of each path", "wasmtime", ["kinds"]),
    "laws": ("the laws of leases hold of the compiled code", "bitwuzla, cvc5", ["laws"]),
    "faults": ("planted faults are found, and show when they are run", "bitwuzla, rustc",
               ["planted", "caught"]),
}
# A quick run of these looks at less than what README.md says.
SMALLER = ("proof:steps", *(f"symbolic:{name}" for name in SYMBOLIC if name != "laws"))
WALK_STEPS = {True: 20_000, False: 300_000}  # quick, or not


class Result(NamedTuple):
    good: bool | None  # None: it could not be run here, and that is no failure
    count: str = ""
    reason: str = ""
    output: str = ""


class Row(NamedTuple):
    name: str
    claim: str
    tool: str
    bound: str
    quick: bool
    run: Callable[[], Result]


# ---------------------------------------------------------------- the model checker

def settings(text):
    """'A=1 B={2,3}' as a dictionary."""
    return dict(word.split("=", 1) for word in text.split())


def write_config(folder, base, changes, rest):
    """A cfg file: the constants of `base` with these changes, and the rest."""
    text = (SPEC / base).read_text().split("SPECIFICATION")[0]
    for name, value in changes.items():
        text, found = re.subn(rf"(?m)^(  {name} = ).*$", lambda line: line[1] + value, text)
        if found != 1:  # the model checker would say nothing
            raise ValueError(f"{base} has no constant {name}")
    (folder / "Check.cfg").write_text(f"{text}{rest}CHECK_DEADLOCK FALSE\n")


def run(command, folder=ROOT, **more):
    """Exit code, and all that it said."""
    done = subprocess.run([str(word) for word in command], cwd=folder, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    # Not how far it has come.
    lines = [line for line in done.stdout.splitlines() if not re.search(r"states explored", line)]
    return done.returncode, "\n".join(lines)


class Checked(NamedTuple):
    complete: bool  # nothing is violated, and no state was left out
    violated: str  # the first property that is
    states: int
    output: str


def run_tla(folder, module, *more):
    # Its limits are far away: what they cut off would count as checked.
    code, output = run(["tla", f"{module}.tla", "--config", "Check.cfg", "--allow-deadlock",
                        "--max-states", 10_000_000, "--max-depth", 1_000_000, *more], folder)
    violated = re.search(r"(?m)^(?:Invariant \d+ \((\w+)\) violated|Action property (\w+) is violated"
                         r"|Liveness property violated: (\w+)|(Refinement) violated)", output)
    states = re.search(r"(?:Reachable states|States explored): (\d+)", output)
    return Checked(code == 0 and "No errors found." in output,
                   next(filter(None, violated.groups()), "") if violated else "",
                   int(states[1]) if states else 0, output)


def declared():
    """The safety properties that Contract.cfg names, as (section, name)."""
    section, found = "", []
    for line in (SPEC / "Contract.cfg").read_text().splitlines():
        if line in ("INVARIANTS", "PROPERTIES"):
            section = line
        elif section and line.strip() and not line.startswith("\\*") and line.strip() not in LIVENESS:
            found.append((section, line.strip()))
    if sorted(name for _, name in found) != sorted(SAFETY):
        raise ValueError("Contract.cfg and check.py name different properties")
    return found


def check_contract(changes, properties, mutant=None, trap=None):
    """Runs Contract.tla, or a module that extends it by the false claim of a trap,
    and looks at these properties only; REFINEMENT may be one of them."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for file in SPEC.glob("*.tla"):
            text = file.read_text()
            if mutant and file.stem == mutant.get("file", "Writable"):
                if text.count(mutant["old"]) != 1:
                    raise ValueError(f"{mutant['old']!r} does not stand just once in {file.name}")
                text = text.replace(mutant["old"], mutant["new"])
            (folder / file.name).write_text(text)
        sections = dict((prop, section) for section, prop in declared())
        module = "Contract"
        if trap:
            module, properties = "Trap", ["Claim"]
            temporal = "[]" in trap or "~>" in trap
            sections["Claim"] = "PROPERTIES" if temporal else "INVARIANTS"
            (folder / "Trap.tla").write_text(
                f"---- MODULE Trap ----\nEXTENDS Contract\nClaim == {trap}\n====\n")
        live = bool(set(properties) & set(LIVENESS)) or "~>" in (trap or "")
        rest = f"SPECIFICATION {'ObservedFair' if live else 'Observed'}\n"
        for prop in properties:
            if prop != REFINEMENT:
                rest += f"{sections.get(prop, 'PROPERTIES')} {prop}\n"
        write_config(folder, "Contract.cfg", changes, rest)
        more = ["--check-liveness"] if live else []
        more += ["--check-refinement", REFINEMENT] if REFINEMENT in properties else []
        return run_tla(folder, module, *more)


def holds(changes, live):
    """Everything that the contract promises."""
    properties = [prop for _, prop in declared()] + [REFINEMENT]
    checked = check_contract(changes, properties + list(LIVENESS if live else ()))
    return Result(checked.complete and checked.states >= LEAST, f"{checked.states} states",
                  f"{checked.violated or 'something'} is violated", checked.output)


def breaks(changes, prop, **more):
    """This property, looked at by itself, is found violated."""
    checked = check_contract(changes, [prop], **more)
    wanted = "Refinement" if prop == REFINEMENT else "Claim" if "trap" in more else prop
    return Result(checked.violated == wanted, f"{checked.states} states",
                  f"{prop} is not violated" if checked.complete else "the checker failed",
                  checked.output)


# ---------------------------------------------------------------- the code

def result(output):
    """The numbers of a line like `RESULT check states=3 edges=4`."""
    line = re.findall(r"(?m)^RESULT \w+ (.*)$", output)
    return settings(line[-1]) if line else {}


def numbers(found, *names):
    return ", ".join(f"{found[name]} {name}" for name in names if name in found)


def graph(name, changes, differs=False):
    """The graph of the specification against that of the code; with `differs`,
    which is for a quirk, they must not be the same."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for module in ("Stream.tla", "Writable.tla"):
            (folder / module).write_text((SPEC / module).read_text())
        write_config(folder, "Writable.cfg", changes, "SPECIFICATION Spec\n")
        dot = folder / "graph.dot"
        checked = run_tla(folder, "Writable", "--export-dot", dot, "--dot-mode", "full")
        if not checked.complete:
            return Result(False, "", "the specification has no graph", checked.output)
        code, output = run([EXPLORE, "compare", "--config", name, dot])
        count = numbers(result(output), "states", "edges") or f"{checked.states} states"
        if differs:  # from the machine without the quirk, not from the one that has it
            quirk = f"Quirks={changes['Quirks']}"
            same, _ = run([EXPLORE, "compare", "--config", name, "--set", quirk, dot])
            return Result(code == 1 and same == 0, count,
                          "they do not differ" if code != 1 else "not what the quirk does", output)
        if code != 0:
            return Result(False, count, "the graphs differ", output)
        golden = SPEC / "golden" / f"{name}.graph"
        if golden.exists():
            command = [str(EXPLORE), "import", "--config", name, str(dot)]
            imported = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
            if GOLDEN and imported.returncode == 0:
                golden.write_bytes(imported.stdout)
            if imported.returncode != 0 or imported.stdout != golden.read_bytes():
                return Result(False, count, f"{golden.relative_to(ROOT)} is out of date: "
                              f"spec/check.sh --golden 'graph:{name}' makes it anew",
                              imported.stderr.decode())
        return Result(True, count)


def explore_checks(name):
    code, output = run([EXPLORE, "check", "--config", name])
    count = numbers(result(output), "states")
    return Result(code == 0 and bool(count), count, "the code breaks the contract", output)


# ---------------------------------------------------------------- the proof

INDUCT = [sys.executable, SPEC / "induct.py"]


def proof(command, *counts):
    code, output = run([*INDUCT, *command])
    found = result(output)
    good = code == 0 and all(int(found.get(name, 0)) > 0 for name in counts)
    return Result(good, numbers(found, *counts), "see the output", output)


def symbolic(command, quick, *counts):
    more = ["--quick"] if quick else []
    code, output = run([sys.executable, "-m", "symbolic", command, *more], SPEC)
    found = result(output)
    good = code == 0 and all(int(found.get(name, 0)) > 0 for name in counts)
    return Result(good, numbers(found, *counts), "see the output", output)


def steps(commands):
    """The steps of the real machine, by these commands, are those of the encoding."""
    with tempfile.TemporaryFile("w+") as said:
        judge = subprocess.Popen([str(word) for word in [*INDUCT, "steps", "-"]], cwd=ROOT,
                                 stdin=subprocess.PIPE, stdout=said, stderr=said)
        codes = [subprocess.run([str(word) for word in command], cwd=ROOT, stdout=judge.stdin,
                                stderr=said, check=False).returncode for command in commands]
        judge.stdin.close()
        judged = judge.wait()
        said.seek(0)
        output = said.read()
    found = result(output)
    good = judged == 0 and not any(codes) and int(found.get("lines", 0)) > 0
    return Result(good, numbers({"steps": found.get("lines", "0")}, "steps"),
                  "the encoding is not the machine" if judged else "explore failed", output)


def documentation():
    code, output = run([sys.executable, SPEC / "documentation.py"])
    return Result(code == 0, numbers(result(output), "rows", "faults"), "see the output", output)


def fuzz():
    seconds = os.environ.get("HIGHWATER_FUZZ_SECONDS", "600")
    for tool in (["cargo", "+nightly", "--version"], ["cargo", "fuzz", "--version"]):
        if run(tool)[0] != 0:
            return Result(None, "", f"`{' '.join(tool)}` does not work here")
    # What it finds to be new stays out of the sources.
    corpus = TARGET / "spec-corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    code, output = run(["cargo", "+nightly", "fuzz", "run", "machine", corpus,
                        ROOT / "fuzz" / "corpus" / "machine", "--", f"-max_total_time={seconds}"])
    runs = re.findall(r"Done (\d+) runs", output)
    return Result(code == 0 and bool(runs), f"{runs[-1]} runs" if runs else "", "a run failed",
                  output)


# ---------------------------------------------------------------- the rows

def configurations():
    for line in (SPEC / "configurations.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, *changes = line.split()
            yield name, settings(" ".join(changes))


def short(changes):
    return " ".join(f"{name}={value}" for name, value in changes.items())


def property_rows(kind, entry, claim, changes, **more):
    """A row for each property that an entry of checks.toml breaks."""
    for prop in entry["breaks"]:
        yield Row(f"{kind}:{entry['name']}/{prop}", claim.format(prop), "tla", entry["set"],
                  entry.get("quick", True),
                  lambda prop=prop: breaks(changes, prop, **more))


def all_rows(quick):
    checks = tomllib.loads((SPEC / "checks.toml").read_text())
    named = dict(configurations())
    bounded = {entry["name"]: entry for entry in checks["contract"]}
    if missing := set(named) - set(bounded):
        raise ValueError(f"checks.toml has no [[contract]] for {', '.join(missing)}")

    # First, because it takes longest.
    yield Row("fuzz", "no order of inputs breaks the machine's accounts", "cargo fuzz", "none",
              False, fuzz)
    for name, entry in bounded.items():
        changes = named[entry.get("of", name)] | settings(entry["set"])
        # With answers that come twice the world may act for ever.
        live = entry.get("liveness", changes.get("Twice") != "TRUE")
        yield Row(f"contract:{name}", "the specification keeps the contract: safety,"
                  f"{' liveness,' if live else ''} refinement", "tla",
                  short(changes), entry.get("quick", False),
                  lambda changes=changes, live=live: holds(changes, live))
    for name, changes in named.items():
        golden = (SPEC / "golden" / f"{name}.graph").exists()
        claim = "specification and code have the same state graph"
        yield Row(f"graph:{name}", claim + (", the golden one" if golden else ""), "tla, explore",
                  short(changes), golden or name in QUICK_GRAPHS,
                  lambda name=name, changes=changes: graph(name, changes))
    for name, changes in named.items():
        yield Row(f"code:{name}", "the code keeps the contract in every state", "explore",
                  short(changes) + " calls=5", True, lambda name=name: explore_checks(name))
    for entry in checks["quirk"]:
        quirk = {"Quirks": f'{{"{entry["name"]}"}}'}
        if entry.get("differs"):
            like = entry["set"]
            yield Row(f"quirk:{entry['name']}/graph", "Node's quirk breaks no property,"
                      " but changes the state graph", "tla, explore", short(named[like]), True,
                      lambda like=like, quirk=quirk: graph(like, named[like] | quirk, True))
            continue
        yield from property_rows("quirk", entry, "Node's quirk, alone, breaks {}",
                                 settings(entry["set"]) | quirk)
    for entry in checks["mutant"]:
        yield from property_rows("mutant", entry, "a wrong line in the specification breaks {}",
                                 settings(entry["set"]), mutant=entry)
    for entry in checks["trap"]:
        yield Row(f"trap:{entry['name']}", "a false claim is refuted", "tla", entry["set"],
                  entry.get("quick", True),
                  lambda entry=entry: breaks(settings(entry["set"]), "the claim",
                                             trap=entry["claim"]))

    yield Row("proof:prove", "every property is inductive, for all numbers", "z3", "none", True,
              lambda: proof(["prove"], "queries"))
    yield Row("proof:cvc5", "another solver decides each query the same way", "z3, cvc5", "none",
              False, lambda: proof(["prove", "--cvc5"], "queries", "cvc5"))
    yield Row("proof:quiet", "once nothing is to come, what was to come has come", "z3, cvc5",
              "none", True, lambda: proof(["quiet"], "claims", "needed"))
    yield Row("proof:ranking", "after finitely many calls nothing is to come in the end",
              "z3, cvc5", "none", True, lambda: proof(["ranking"], "kinds", "lowered"))
    yield Row("proof:faults", "planted faults break the proof", "z3", "none", True,
              lambda: proof(["faults"], "planted", "caught"))
    yield Row("proof:vacuity", "nothing is proved from a contradiction", "z3", "none", True,
              lambda: proof(["vacuity"], "outcomes"))
    for name, (claim, tool, counts) in SYMBOLIC.items():
        yield Row(f"symbolic:{name}", claim, tool, "none", True,
                  lambda name=name, counts=counts: symbolic(name, quick, *counts))
    names = QUICK_STEPS if quick else tuple(named)
    yield Row("proof:steps", "the encoding does what the machine does", "explore, induct.py",
              " ".join(names), True,
              lambda: steps([EXPLORE, "steps", "--config", name] for name in names))
    yield Row("documentation", "each statement of Node's documentation of Writable has a place",
              "documentation.py", "none", True, documentation)
    seed = os.environ.get("HIGHWATER_SEED") or str(random.randrange(2**32))
    walk = ["walk", "--seed", seed, "--steps", str(WALK_STEPS[quick])]
    yield Row("walk", "and on long random runs", "explore, induct.py",
              f"HIGHWATER_SEED={seed} steps={WALK_STEPS[quick]}", True,
              lambda: steps([[EXPLORE, *walk]]))


# ---------------------------------------------------------------- the report

def run_row(row):
    begun = time.monotonic()
    try:
        found = row.run()
    except (OSError, ValueError) as error:  # such as a tool that is not installed
        found = Result(False, "", str(error))
    return found, time.monotonic() - begun


def verdict(found):
    return {True: "ok", False: "FAILED", None: "skipped"}[found.good]


def table(lines):
    """GitHub's Markdown, with aligned columns."""
    lines = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines)]
    lines.insert(1, ["-" * width for width in widths])
    return "".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths))
                   + " |\n" for line in lines)


def kept_numbers():
    """What spec/README.md says was seen, by row and bound."""
    kept = {}
    for line in (SPEC / "README.md").read_text().splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)]
        if len(cells) == 9:
            kept[cells[1], cells[4].replace("\\|", "|")] = cells[5]
    return kept


def as_kept(row, found, kept, quick):
    """The same, or a failure if spec/README.md says something else. What is random,
    or smaller in the quick run, is not kept."""
    if GOLDEN or not found.good or row.name in ("walk", "fuzz") or (quick and row.name in SMALLER):
        return found
    says = kept.get((row.name, row.bound), "nothing of it")
    if says == found.count:
        return found
    return found._replace(good=False, reason=f"spec/README.md says {says}")


def main():
    parser = argparse.ArgumentParser(description="Every check of the specification.")
    parser.add_argument("rows", metavar="ROW", nargs="*", help="only these; globs, as 'quirk:*'")
    parser.add_argument("--quick", action="store_true", help="only what CI runs")
    parser.add_argument("--jobs", metavar="N", type=int, default=2, help="rows at a time (2)")
    parser.add_argument("--golden", action="store_true", help="write anew what is kept: spec/golden, and if all rows run, README.md's table")
    parser.add_argument("--list", action="store_true", help="list the rows, and run nothing")
    args = parser.parse_args()

    rows = [row for row in all_rows(args.quick) if row.quick or not args.quick]
    for pattern in args.rows:
        if not any(fnmatch.fnmatchcase(row.name, pattern) for row in rows):
            parser.error(f"no row is called {pattern}; see --list")
    if args.rows:
        rows = [row for row in rows
                if any(fnmatch.fnmatchcase(row.name, pattern) for pattern in args.rows)]
    if args.list:
        print(table([["row", "claim", "tool", "bound"]] + [list(row[:4]) for row in rows]), end="")
        return 0

    begun, failed, skipped, kept = time.monotonic(), 0, 0, kept_numbers()
    lines = [["row", "claim", "tool", "bound", "seen", "seconds", "verdict"]]
    with concurrent.futures.ThreadPoolExecutor(max_workers=args.jobs) as pool:
        for row, done in zip(rows, [pool.submit(run_row, row) for row in rows]):
            found, seconds = done.result()
            found = as_kept(row, found, kept, args.quick)
            print(f"{verdict(found):7} {row.name} ({found.count or '-'}, {seconds:.1f} s)",
                  flush=True)
            if found.good is not True:
                print(f"        {row.claim}: {found.reason}\n        bound: {row.bound}")
            skipped += found.good is None
            if found.good is False:
                failed += 1
                print("".join(f"        | {line}\n" for line in found.output.splitlines()[-TAIL:]),
                      end="", flush=True)
            lines.append([row.name, row.claim, row.tool, row.bound, found.count,
                          f"{seconds:.1f}", verdict(found)])
    text = table(lines)
    TARGET.mkdir(exist_ok=True)
    (TARGET / "spec-table.txt").write_text(text)
    if GOLDEN and not args.rows and not args.quick and not failed:
        readme = SPEC / "README.md"
        before, after = readme.read_text().split(TABLE)[::2]
        narrow = re.sub("-{4,}", "---", re.sub(" {2,}", " ", text))
        readme.write_text(f"{before}{TABLE}\n{narrow}\n{TABLE}{after}")
    print(f"\n{text}{len(rows)} rows, {failed} failed, {skipped} skipped, {time.monotonic() - begun:.0f} seconds")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
