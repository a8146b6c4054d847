"""The proof of the compiled machine: see README.md beside this file.

    python -m symbolic equal     the code does what the encoding says
    python -m symbolic safe      no trap, and no access outside of its own memory
    python -m symbolic witness   a real engine agrees with every path
    python -m symbolic laws      the laws of leases
    python -m symbolic faults    planted faults, each must be found and replayed
    python -m symbolic pin       writes down how many paths there are

It is run in the folder spec, with the packages of requirements.txt. With --quick, the
first three look at fewer kinds of input, and `faults` plants fewer.
"""

import argparse
import sys
import time
import tomllib

from symbolic import build, faults, found, laws, prove, show, words

PINNED = build.HERE / "pinned.toml"
# What a quick run looks at besides all that is no continuation.
QUICK = ("Resume(Answer)", "Resume(Callbacks)", "Resume(Flush(Look))", "Resume(Fail)",
         "Resume(Prefinished(Nothing))", "Resume(TellError)", "Resume(CallDestroy)",
         "Resume(TellFinish)", "Resume(TellClose)", "Resume(Reject(Nothing))",
         "Resume(Next(AfterWrite))")


def kinds(names, quick):
    return [name for name in names
            if not quick or not name.startswith("Resume") or name in QUICK]


def explored(quick):
    data = build.module()
    machine = prove.Machine(data)
    return found.all_of(found.key(data), {
        name: lambda name=name: machine.prove(name) for name in kinds(machine.actions, quick)})


def judged():
    data = build.module(laws=True)
    machine = prove.Machine(data)
    return found.all_of(found.key(data, laws), {
        name: lambda of=of: laws.prove(machine, *of) for name, *of in laws.laws(machine)})


def total(results, name):
    return sum(len(result[name]) if isinstance(result[name], list) else result[name]
               for result in results.values())


def failures(results, *names):
    """Prints them, and says how many there are."""
    count = 0
    for name in names:
        for kind, result in results.items():
            for failure in result[name]:
                count += 1
                print(f"{kind}: {show.failure(name, failure)}")
    return count


def pinned(what, count):
    """Whether as many paths were looked at as this compiler's code has."""
    text = PINNED.read_text() if PINNED.exists() else ""
    numbers = tomllib.loads(text).get(build.compiler())
    if numbers is None:
        print(f"the paths of {build.compiler()} are not pinned: there are {count}")
        return True
    if numbers[what] != count:
        print(f"{count} paths of {what}; {PINNED.name} says {numbers[what]}")
    return numbers[what] == count


def row(name, names, extra=()):
    def run(args):
        begun = time.monotonic()
        results = explored(args.quick)
        bad = failures(results, *names)
        paths = total(results, "paths")
        good = pinned("quick" if args.quick else "all", paths) and not bad
        counts = " ".join(f"{count}={total(results, count)}" for count in ("paths", *extra))
        print(f"RESULT {name} kinds={len(results)} {counts} failures={bad}"
              f" seconds={time.monotonic() - begun:.1f}")
        return good
    return run


def run_laws(args):
    begun, results = time.monotonic(), judged()
    bad = failures(results, "traps", "broken")
    empty = [name for name, result in results.items() if not result["holds"]]
    for name in empty:
        print(f"{name} says nothing of any state")
    good = pinned("laws", total(results, "paths")) and not bad and not empty
    print(f"RESULT laws laws={len(results)} paths={total(results, 'paths')}"
          f" queries={total(results, 'queries')} failures={bad}"
          f" seconds={time.monotonic() - begun:.1f}")
    return good


def pin(_):
    every, of_laws = explored(False), judged()
    quick = {name: every[name] for name in kinds(every, True)}
    text = PINNED.read_text() if PINNED.exists() else ""
    numbers = tomllib.loads(text)
    numbers[build.compiler()] = {"all": total(every, "paths"), "quick": total(quick, "paths"),
                                 "laws": total(of_laws, "paths")}
    PINNED.write_text("# How many paths the code of each compiler has: `python -m symbolic pin`.\n"
                      + "".join(f'\n["{name}"]\n' + "".join(f"{what} = {count}\n"
                                for what, count in pins.items())
                                for name, pins in sorted(numbers.items())))
    return True


COMMANDS = {
    "equal": row("equal", ("differences", "echoes"), ("pairs", "queries")),
    "safe": row("safe", ("traps",)),
    "witness": row("witness", ("strangers",)),
    "laws": run_laws, "faults": faults.run, "pin": pin,
}


def main():
    parser = argparse.ArgumentParser(description="The proof of the compiled machine.")
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--quick", action="store_true", help="look at fewer kinds of input")
    parser.add_argument("--only", metavar="NAME", help="the fault of this name")
    args = parser.parse_args()
    try:
        words.check_names()
        return 0 if COMMANDS[args.command](args) else 1
    except (build.CannotBuild, words.Forgotten) as error:
        print(error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
