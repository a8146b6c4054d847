"""Plants faults into copies of src/machine. Each must be found, and its counterexample
must show when the faulty source itself is compiled for this host and run."""

import contextlib
import io
import subprocess
import time
import tomllib
from unittest import mock

from induction import steps
from symbolic import build, found, laws, prove, terms, words


def run(args):
    begun = time.monotonic()
    planted = tomllib.loads((build.HERE / "faults.toml").read_text())
    caught = count = 0
    for section, check in (("fault", check_fault), ("executor", check_executor)):
        for fault in planted[section]:
            wanted = fault.get("quick") or not args.quick
            if wanted if args.only is None else args.only in fault["name"]:
                count += 1
                missed = check(fault)
                caught += not missed
                print(f"{'MISSED' if missed else 'caught'}  {fault['name']}"
                      f"{': ' + missed if missed else ''}", flush=True)
    print(f"RESULT faults planted={count} caught={caught} seconds={time.monotonic() - begun:.1f}")
    return count > 0 and caught == count


def check_fault(fault):
    """Why the fault is missed, or nothing."""
    change = fault["file"], fault["old"], fault["new"]
    by, broken = fault["by"], fault["how"] == "broken"
    if fault["how"] == "refused":
        return refused(change, by)
    data = build.module(change, laws=broken)
    machine = prove.Machine(data)

    def find():
        if not broken:
            return machine.prove(by, until=fault["how"])
        of = {name: of for name, *of in laws.laws(machine)}
        return laws.prove(machine, *of[by])
    failures = found.all_of(found.key(data, laws), {by: find})[by][fault["how"]]
    if not failures:
        return f"{by} has no {fault['how']}"
    numbers = list(in_numbers(failures[0]["given"], machine.layout))
    faulty, sound = (replayed(build.program(of), numbers, fault) for of in (change, None))
    if not faulty:
        return "its counterexample does not show in the faulty program"
    return "its counterexample also shows in the sound program" if sound else ""


def refused(change, file):
    """Why this file of the port compiles, or nothing."""
    try:
        build.module(change)
    except build.CannotBuild as error:
        return "" if file in str(error) else str(error)
    return "it compiles"


def in_numbers(given, layout):
    """The numbers of a case, as the program reads them: those of the encoding, where what is
    a part of a word follows it."""
    fields = layout.plain(words.GIVEN, given)
    for word in words.GIVEN:
        yield int(fields[word])
        if word in words.PARTS:
            yield int(fields[words.PARTS[word]])


def replayed(program, numbers, fault):
    """Whether the program shows the fault."""
    broken = fault["how"] == "broken"
    law = [fault["by"].split("(")[0]] if broken else []
    done = subprocess.run([program, *law], input=" ".join(map(str, numbers)), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if fault["how"] == "traps":
        return done.returncode != 0 and "panicked" in done.stderr
    if broken:
        return done.stdout.strip() == str(laws.BROKEN)
    with contextlib.redirect_stdout(io.StringIO()):
        code, lines, _ = steps.replay(done.stdout.splitlines(), set())
    return code == 1 and lines == 1


def check_executor(fault):
    machine, table = prove.Machine(build.module()), getattr(terms, fault["table"])
    wrong = getattr(terms, fault["table"])[fault["as"]]
    with mock.patch.dict(table, {fault["of"]: wrong}):
        result = machine.prove(fault["by"], until="strangers")
    return "" if result["strangers"] else f"{fault['by']} shows nothing"
