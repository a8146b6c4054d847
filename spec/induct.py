"""The proof of the machine for any length, any mark and any queue.

The bounded checks look at every order of events, but only at small numbers. This
one looks at every number, by induction: each property holds at first, and whatever
comes in, no step of the machine breaks it. The machine is induction/encoding.py,
what it keeps is in induction/properties.py, the driver in induction/ghosts.py; z3
decides, and cvc5 decides again. What ties the encoding to the code is `steps`:
whatever the real machine did must come out of the encoding exactly so.

The driver's call stack and its FIFO of ticks are not modelled: every input, task
and continuation may come at any time (rule 23), or, for the properties marked
`once`, no more often than it was given. What needs more of their order than that
is not proved here; `prove -v` lists it. For the words see src/machine/mod.rs.

With the packages of requirements.txt (check.sh puts them into target/spec-venv):

    python induct.py prove [-v] [--cvc5]   every property, every kind of input
    python induct.py vacuity               nothing is proved from a contradiction
    python induct.py quiet                 what is done once nothing is to come
    python induct.py ranking [--search]    that nothing is to come in the end
    python induct.py faults                planted faults, each must be caught
    python induct.py steps FILE            steps of the real machine (- for stdin)
"""

import argparse
import collections
import pathlib
import sys
import time
import types
from unittest import mock

import z3

from induction import (
    encoding, ghosts, leases, level, properties, quiet, ranking, steps, values,
)
from induction.faults import FAULTS
from induction.solvers import as_term, cvc5_says

NOT_PROVED = """\
Not proved here, because it needs the order of the call stack and of the ticks (the bounded
model, the tests of tests/ and the comparison with Node look at it):
  CallbackLater      is about the call stack alone
  CallbackOnce       that ok is said of that very chunk: the driver keeps a chunk and its
                     callback together
  CloseLast          that no callback comes after 'close': the rejection comes first in the FIFO
  ErrorOnce          that 'error' tells `errored`: here a tick may tell any error
What is to come does come: see quiet and ranking."""

NEXTS = ("Nothing", "Look", "LookNow", "LookThenEnd", "End", "EndCallback", "AfterWrite",
         "AtOnce", "Fail")
# What each input, task and continuation carries.
SHAPES = {
    "input": {"Start": "", "Write": "chunk", "Cork": "", "Uncork": "", "End": "end",
              "Destroy": "error", "Written": "error flag", "Progress": "length",
              "Constructed": "error", "Finalized": "error", "Destroyed": "error",
              "Joined": ""},
    "Settle": {"Queued": "count length callbacks", "Written": "count flag", "Called": "count",
               "Flushed": "count length"},
    "Run": {"Construct": "", "Constructed": "error", "AfterWrite": "count flag",
            "WriteFailed": "fault flag", "Reject": "", "Finish": "unchecked", "Error": "fault",
            "Close": "error"},
    "Resume": {"Answer": "", "Flush": "next", "Flushing": "next", "Batched": "next",
               "Callbacks": "count flag", "Reject": "next", "Next": "next",
               "Finalizing": "next", "Prefinished": "now next", "DeferFinish": "",
               "FailFinal": "fault", "Fail": "fault flag", "TellError": "fault flag",
               "CallDestroy": "", "TellFinish": "", "AutoDestroy": "", "TellClose": ""},
    "next": {"Nothing": "", "Look": "", "LookNow": "", "LookThenEnd": "end", "End": "end",
             "EndCallback": "error", "AfterWrite": "flag", "AtOnce": "flag", "Fail": "fault"},
}


class Terms:
    """Any options, state, ghosts and head; and every kind of input, of any content."""

    def __init__(self, kinds=values):
        self.limits = []
        self.options = self.fill(kinds.Options(), kinds.CHOICES)
        for mark in kinds.MARKS:
            value = getattr(self.options, mark)
            self.limits += [0 <= value, value <= kinds.U64]
        self.state = self.fill(kinds.State(), kinds.FLAGS)
        self.ghosts = self.fill(ghosts.Ghosts(), ("waits",))
        self.head = z3.Int("head_len"), z3.Bool("head_callback")
        self.actions = {}
        for name, shape in SHAPES["input"].items():
            self.actions[name] = (name, *self.content(shape))
        for name, shape in SHAPES["Settle"].items():
            leased = (name, *self.content(shape))
            # The machine hears whether there are callbacks; the driver knows how many. (Of
            # chunks that a settlement of answers has brought: those before the head.)
            self.actions[f"Settle({name})"] = "Settle", leased, z3.Int("i.callbacks")
        for outer in ("Run", "Resume"):
            for name, shape in SHAPES[outer].items():
                for follow in NEXTS if "next" in shape else (None,):
                    inner = (name, *self.content(shape, follow))
                    self.actions[steps.kind((outer, inner))] = outer, inner
        for name, given in self.actions.items():  # or it would not be any content
            used = [str(term) for term in terms_of(given)]
            assert len(used) == len(set(used)), f"{name} names one term twice"

    def fill(self, target, flags):
        prefix = type(target).__name__[0].lower()
        for name in target.__slots__:
            term = (z3.Bool if name in flags else z3.Int)(f"{prefix}.{name}")
            setattr(target, name, term)
        return target

    def content(self, shape, follow=None):
        for part in shape.split():
            if part == "next":
                yield (follow, *self.content(SHAPES["next"][follow]))
            elif part == "chunk":
                yield self.number("length", values.U64), z3.Bool("i.callback")
            elif part == "end":
                yield self.number("refused"), z3.Bool("i.end_callback")
            elif part == "callbacks":
                yield self.number(part, values.U32) > 0
            elif part in ("flag", "now"):
                yield z3.Bool(f"i.{part}")
            elif part == "unchecked":
                yield False  # a finish that nothing checks is a quirk's, and is never given
            else:
                most = {"count": values.U32, "length": values.U64}.get(part)
                yield self.number(part, most, 1 if part == "fault" else 0)

    def number(self, name, most=None, least=0):
        term = z3.Int(f"i.{name}")
        self.limits += [term >= least] + ([term <= most] if most else [])
        return term


def terms_of(value):
    """The terms in an input."""
    if isinstance(value, tuple):
        return [term for part in value for term in terms_of(part)]
    return [value] if z3.is_expr(value) else []


class Forks:
    """Follows every `if` of the encoding both ways, one run after the other."""

    def __init__(self):
        self.plan, self.known, self.path, self.keep = [], {}, [], []

    def holds(self, condition):
        if isinstance(condition, bool):
            return condition
        term = z3.simplify(condition)
        if z3.is_true(term) or z3.is_false(term):
            return z3.is_true(term)
        negated = z3.is_not(term)
        term = term.arg(0) if negated else term
        if term.get_id() not in self.known:
            if len(self.path) == len(self.plan):
                self.plan.append(True)
            choice = self.plan[len(self.path)]
            self.path.append(term if choice else z3.Not(term))
            self.known[term.get_id()] = choice
            self.keep.append(term)  # or its number might be given to another
        return self.known[term.get_id()] != negated

    def runs(self, run):
        while True:
            self.known, self.path = {}, []
            yield run(self.holds), as_term(values.and_(*self.path))
            while self.plan and not self.plan[-1]:
                self.plan.pop()
            if not self.plan:
                return
            self.plan[-1] = False


def moves(machine, terms, given):
    """Every path that one kind of input can take: (move, condition)."""
    def run(holds):
        move = ghosts.Move(terms.options, terms.state, terms.ghosts, terms.head, given)
        state = terms.state.copy()
        return move.done(state, *machine.step(state, terms.options, terms.head, given, holds))
    return list(Forks().runs(run))


class Proof:
    def __init__(self, kinds=values, machine=encoding):
        self.kinds, self.machine, self.terms, self.paths = kinds, machine, Terms(kinds), {}
        t = self.terms
        self.invariants = {
            driver: [z3.BoolVal(True)] + [
                p.holds(t.options, t.state, t.ghosts) for p in properties.PROPERTIES
                if not p.on_step and p.driver in ("any", driver)]
            for driver in ("any", "once")}

    def moves(self, action):
        if action not in self.paths:
            self.paths[action] = moves(self.machine, self.terms, self.terms.actions[action])
        return self.paths[action]

    def given(self, action, driver):
        """All that may be taken for granted before a step."""
        t, given = self.terms, self.terms.actions[action]
        assumed = list(ghosts.assumptions(t.options, t.ghosts, t.head, given))
        if driver == "once":
            assumed += ghosts.assumptions_once(t.ghosts, given)
        return [as_term(term) for term in t.limits + self.invariants[driver] + assumed]

    def broken(self, prop, action):
        """The paths on which this property might not hold after the step."""
        for move, path in self.moves(action):
            holds = (prop.holds(move) if prop.on_step
                     else prop.holds(move.o, move.after, move.ghosts))
            if holds is not True:
                yield move, z3.And(path, z3.Not(as_term(holds)))

    def queries(self, props):
        """(property, action, solver, paths): proved if the solver says unsat."""
        t = self.terms
        for prop in props:
            if not prop.on_step:
                first = prop.holds(t.options, self.kinds.State.new(t.options), ghosts.Ghosts.new())
                solver = z3.SolverFor("QF_LIA")
                solver.add(*t.limits, z3.Not(as_term(first)))
                yield prop, "at first", solver, []
        for action in t.actions:
            for driver in ("any", "once"):
                solver = z3.SolverFor("QF_LIA")
                solver.add(*self.given(action, driver))
                for prop in props:
                    if prop.driver == driver:
                        paths = list(self.broken(prop, action))
                        solver.push()
                        solver.add(as_term(values.or_(*(path for _, path in paths))))
                        yield prop, action, solver, paths
                        solver.pop()


def show_failure(prop, action, model, paths):
    """A counterexample, for people."""
    def value(term):
        if isinstance(term, tuple):
            return tuple(map(value, term))
        if not z3.is_expr(term):
            return term
        found = model.eval(term, model_completion=True)
        return found.as_long() if z3.is_int_value(found) else z3.is_true(found)

    def fields(record):
        for name in record.__slots__:
            number = value(getattr(record, name))
            names = values.NAMES.get(name)
            yield name, names[number] if names and 0 <= number < len(names) else number

    def line(record, before=()):
        return " ".join(f"{name}={found}" for name, found in fields(record)
                        if (name, found) not in before and (before or found))

    faults = ", ".join(f"{number} {name}" for number, name in enumerate(values.FAULTS, 1))
    print(f"NOT PROVED {prop.name}: {action}\n  {prop.statement}")
    print(f"  (what is 0 or false is left out; faults: {faults}, others a caller's)")
    for move, path in paths:
        if z3.is_true(model.eval(path, model_completion=True)):
            state, kept = list(fields(move.s)), list(fields(move.g))
            given, effect, then = (steps.show_value(value(part))
                                   for part in (move.given, move.effect, move.then))
            print(f"  options: {line(move.o)}\n  state:   {line(move.s)}")
            print(f"  ghosts:  {line(move.g)}\n  head:    {value(move.head)}")
            print(f"  input:   {given}\n  effect:  {effect}, then {then}")
            print(f"  after:   {line(move.after, state)}; ghosts {line(move.ghosts, kept)}")
            return


def prove(args):
    if args.verbose:
        for prop in properties.PROPERTIES:
            mark = "strengthening" if prop.helps else prop.driver
            print(f"{prop.name} ({mark}, {'each step' if prop.on_step else 'always'}): "
                  f"{prop.statement}")
        print(NOT_PROVED)
    begun, count, proved, again = time.monotonic(), 0, 0, 0.0
    proof, rechecked = Proof(), 0
    for prop, action, solver, paths in proof.queries(properties.PROPERTIES):
        count += 1
        if solver.check() == z3.unsat:
            proved += 1
        elif solver.check() == z3.sat:
            show_failure(prop, action, solver.model(), paths)
        else:
            print(f"UNDECIDED {prop.name}: {action}: {solver.reason_unknown()}")
        if args.cvc5:
            start = time.monotonic()
            answer = cvc5_says(solver)
            if answer == "unsat":
                rechecked += 1
            else:
                print(f"cvc5 says {answer} of {prop.name}: {action}")
            again += time.monotonic() - start
    names = [prop for prop in properties.PROPERTIES if not prop.helps]
    paths = sum(map(len, proof.paths.values()))
    print(f"{len(names)} properties and {len(properties.PROPERTIES) - len(names)} strengthenings,"
          f" {len(proof.terms.actions)} kinds of input, {paths} paths")
    if args.cvc5:
        print(f"cvc5 decided {rechecked} of {count} the same way, in {again:.1f} s")
    seconds = time.monotonic() - begun - again
    both = f" cvc5={rechecked} cvc5_seconds={again:.1f}" if args.cvc5 else ""
    print(f"RESULT prove queries={count} proved={proved}{both} seconds={seconds:.1f}")
    return proved == count and (not args.cvc5 or rechecked == count)


def covers(proof, action):
    """The paths leave out no case."""
    solver = z3.SolverFor("QF_LIA")
    solver.add(*proof.terms.limits)
    solver.add(z3.Not(z3.Or([path for _, path in proof.moves(action)])))
    return solver.check() == z3.unsat


def why_unreached(driver, action, outcome):
    """The text of the encoding has paths that cannot be: each has its reason."""
    if action == "Written" and outcome == ("Defer(Finish)", "Next(Nothing)"):
        return "after 'prefinish' nothing is in flight"
    if action == "Resume(Prefinished(EndCallback))" and outcome == ("no effect", "nothing"):
        return "the callback of end() is kept or deferred, unless 'finish' comes"
    if driver == "once" and "AtOnce" in action:
        return "only a quirk gives it"
    finishes = outcome[1] in ("TellFinish", "AutoDestroy")
    if driver == "once" and "Prefinished(" in action and finishes:
        return "nothing is to follow a finish that comes at once (NowAlone)"
    failed = driver == "once" and (action.endswith("(Fail))") or "(Reject(" in action)
    if failed and (finishes or outcome[0] in ("WriteHead", "WriteBatch", "KeepEnd", "Finalize",
                                              "Emit(Drain)", "Emit(Prefinish)", "Defer(Finish)")):
        return "the stream has failed: nothing is sent, kept or finished any more"
    return None


def vacuity(_):
    """Every effect of every kind of input, and every path of a settlement, which has no
    effect, can come from a state that satisfies all invariants: so these, and what is
    assumed of the driver, do not contradict."""
    begun, proof, total = time.monotonic(), Proof(), 0
    reached, reasons, unexplained = 0, collections.Counter(), 0
    for action in proof.terms.actions:
        if not covers(proof, action):
            unexplained += 1
            print(f"{action}: the paths do not cover every case")
    for driver in ("any", "once"):
        for action in proof.terms.actions:
            solver = z3.SolverFor("QF_LIA")
            solver.add(*proof.given(action, driver))
            outcomes = {}
            for move, path in proof.moves(action):
                key = (steps.kind(move.effect) or "no effect", steps.kind(move.then) or "nothing",
                       len(outcomes) if move.leased else 0)
                outcomes.setdefault(key, []).append(path)
            for (effect, then, _), paths in outcomes.items():
                total += 1
                solver.push()
                solver.add(z3.Or(paths))
                reason = why_unreached(driver, action, (effect, then))
                if solver.check() == z3.sat:
                    reached += 1
                elif reason:
                    reasons[reason] += 1
                else:
                    unexplained += 1
                    print(f"{driver}: {action} never leads to {effect}, then {then}")
                solver.pop()
    for reason, number in reasons.items():
        print(f"{number:3} impossible: {reason}")
    print(f"RESULT vacuity outcomes={total} reached={reached} impossible={sum(reasons.values())}"
          f" unexplained={unexplained} seconds={time.monotonic() - begun:.1f}")
    return not unexplained


def mutant(fault):
    """The encoding with one line of it changed."""
    modules = values, level, leases, encoding  # each imports those before it
    texts = {module: pathlib.Path(module.__file__).read_text() for module in modules}
    if sum(text.count(fault.old) for text in texts.values()) != 1:
        raise SystemExit(f"{fault.name}: {fault.old!r} does not stand just once")
    made = [types.ModuleType(module.__name__) for module in texts]
    with mock.patch.dict(sys.modules, {module.__name__: module for module in made}):
        for module, text in zip(made, texts.values()):
            changed = compile(text.replace(fault.old, fault.new), module.__name__, "exec")
            exec(changed, module.__dict__)
    return made[0], made[-1]


def faults(args):
    """Every planted fault breaks the property that is there to catch it."""
    begun, caught, by = time.monotonic(), 0, collections.defaultdict(list)
    for fault in FAULTS:
        wanted = [p for p in properties.PROPERTIES if args.all or p.name in fault.caught_by]
        found, proof = {}, Proof(*mutant(fault))
        if "Ranking" in fault.caught_by and (action := ranking.first_failure(proof)):
            found["Ranking"] = action
        for prop, action, solver, paths in proof.queries(wanted):
            if prop.name not in found and solver.check() == z3.sat:
                found[prop.name] = action
                if args.verbose:
                    show_failure(prop, action, solver.model(), paths)
            if all(name in found for name in fault.caught_by) and not args.all:
                break
        missed = set(fault.caught_by) - set(found)
        caught += not missed
        for name in found:
            by[name].append(fault.name)
        what = ", ".join(f"{name} ({action})" for name, action in found.items())
        print(f"{'MISSED' if missed else 'caught'}  {fault.name}: {what or 'by nothing'}"
              + (f"; not by {', '.join(sorted(missed))}" if missed else ""), flush=True)
    idle = [p.name for p in properties.PROPERTIES if not by[p.name] and not p.helps]
    for name in idle:
        print(f"no planted fault shows that {name} catches anything")
    print(f"RESULT faults planted={len(FAULTS)} caught={caught} idle_properties={len(idle)}"
          f" seconds={time.monotonic() - begun:.1f}")
    return caught == len(FAULTS) and not idle


def compare(args):
    """The encoding does what the real machine did."""
    begun = time.monotonic()
    lines = sys.stdin if args.file == "-" else open(args.file, encoding="utf-8")
    with lines:
        proof = Proof()
        possible = {(action, steps.kind(move.effect), steps.kind(move.then))
                    for action in proof.terms.actions for move, _ in proof.moves(action)}
        code, count, agreed = steps.replay(lines, possible)
    seconds = time.monotonic() - begun
    print(f"RESULT steps lines={count} agreed={agreed} seconds={seconds:.1f}")
    return code


def check_quiet(_):
    return quiet.check(Proof())


def check_ranking(args):
    return (ranking.search if args.search else ranking.check)(Proof())


def main():
    parser = argparse.ArgumentParser(description="The proof of the machine, for any numbers.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("prove", help="prove every property")
    command.add_argument("-v", "--verbose", action="store_true", help="list the properties")
    command.add_argument("--cvc5", action="store_true", help="decide each query again with cvc5")
    commands.add_parser("vacuity", help="check that nothing is proved from a contradiction")
    commands.add_parser("quiet", help="prove what is done once nothing is to come")
    command = commands.add_parser("ranking", help="prove that nothing is to come in the end")
    command.add_argument("--search", action="store_true", help="find the weights anew")
    command = commands.add_parser("faults", help="check that every planted fault is caught")
    command.add_argument("-v", "--verbose", action="store_true", help="show how each is caught")
    command.add_argument("--all", action="store_true", help="look for every property it breaks")
    command = commands.add_parser("steps", help="compare the encoding with the real machine")
    command.add_argument("file", metavar="FILE", help="steps of the machine, or - for stdin")
    args = parser.parse_args()
    if args.command == "steps":
        sys.exit(compare(args))
    good = {"prove": prove, "vacuity": vacuity, "faults": faults, "quiet": check_quiet,
            "ranking": check_ranking}[args.command](args)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
