"""Liveness, one half: a run in which the producer makes finitely many calls becomes quiet.

The stream's own steps are what a task, a continuation, Start, or an answer that was asked
for leads to. The rank is a sum of what is still to be done, each part with a weight: the
chunks that are queued, the stages that the stream is not past, the answers that are asked for,
and the tasks and continuations that are to come. Every part is a count, and no weight is
negative, so no rank is. Each of these steps lowers it. So there are finitely many of them
after the last call: then nothing is to come, which is what quiet.py calls quiet.

The weights are kept in weights.json. `induct.py ranking --search` finds them anew, from
counterexamples: a step that the weights at hand do not lower is one more condition for the
next ones.
"""

import json
import pathlib

import z3

from induction.ghosts import ANSWERS, assumptions_once
from induction.properties import bit
from induction.solvers import both_refute, solver_with
from induction.values import NAMES, TAKEN_BACK, WRITING, and_, not_, or_

WEIGHTS = pathlib.Path(__file__).with_name("weights.json")
MOST_ROUNDS = 400  # of the search: it takes about 40


def stages(state):
    """What is still to be done, as far as the state knows."""
    parts = {"chunk queued": state.queued, "sink writing": bit(state.sink == WRITING),
             "write taken back": bit(state.sink == TAKEN_BACK),
             "ends kept": bit(state.ends_kept), "drain owed": bit(state.need_drain)}
    for name in ("opening", "ending", "teardown"):
        for stage, text in enumerate(NAMES[name]):
            if stage > 0:
                parts[f"{name} before {text}"] = bit(getattr(state, name) < stage)
    return parts


def asked(ghosts):
    return {f"{key} owed": getattr(ghosts, f"owed_{key}") for key, _ in ANSWERS.values()}


def item(kind, given):
    """What is still to be done of one task or continuation."""
    if given is None:
        return {}
    name, args = given[0], given[1:]
    parts = {f"{kind} {name}": 1}
    if (kind, name) in (("task", "AfterWrite"), ("then", "Callbacks")):
        parts["callback due"] = args[0]
    if kind == "then" and args and isinstance(args[-1], tuple):
        parts[f"next {args[-1][0]}"] = 1
    return parts


def changes(move):
    """By how much a step changes each part of the rank."""
    came = {"Run": "task", "Resume": "then"}.get(move.given[0])
    sums = {}
    for sign, parts in ((-1, stages(move.s)), (1, stages(move.after)),
                        (-1, asked(move.g)), (1, asked(move.ghosts)),
                        (-1, item(came, move.given[1]) if came else {}),
                        (1, item("then", move.then)), (1, item("task", move.task))):
        for name, number in parts.items():
            sums[name] = sums.get(name, 0) + sign * number
    return sums


def is_own(action):
    """The stream's own step: neither the producer's, nor what the sink does unasked."""
    return action.startswith(("Run(", "Resume(")) or action in ANSWERS or action == "Written"


def is_asked(ghosts, given):
    if given[0] == "Written":
        return and_(not_(given[2]), ghosts.calls > 0)
    if given[0] in ANSWERS:
        return getattr(ghosts, f"owed_{ANSWERS[given[0]][0]}") > 0
    return and_(*assumptions_once(ghosts, given))


def rank(weights, parts):
    return sum(weights.get(name, 0) * number for name, number in parts.items())


def own_steps(proof):
    """Each kind of own step: its name, what may be taken for granted, and its paths."""
    for action, given in proof.terms.actions.items():
        if is_own(action):
            granted = [*proof.given(action, "once"), is_asked(proof.terms.ghosts, given)]
            yield action, granted, [(changes(move), path) for move, path in proof.moves(action)]


def not_lowered(weights, paths):
    return or_(*(and_(path, rank(weights, parts) >= 0) for parts, path in paths))


def first_failure(proof):
    """A kind of own step that does not lower the rank, or None."""
    weights = json.loads(WEIGHTS.read_text())
    for action, granted, paths in own_steps(proof):
        if solver_with(*granted, not_lowered(weights, paths)).check() != z3.unsat:
            return action
    return None


def check(proof):
    """Every own step lowers the rank, by the weights that are kept."""
    weights = json.loads(WEIGHTS.read_text())
    if any(type(weight) is not int or weight < 0 for weight in weights.values()):
        print(f"{WEIGHTS.name}: a weight is no number, or below 0")
        return False
    steps = count = lowered = 0
    for action, granted, paths in own_steps(proof):
        steps, count = steps + 1, count + len(paths)
        if "AtOnce" not in action and solver_with(*granted).check() != z3.sat:  # only a quirk's
            print(f"{action} can never come: what is taken for granted contradicts")
        elif both_refute(solver_with(*granted, not_lowered(weights, paths))):
            lowered += 1
        else:
            print(f"NOT LOWERED by {action}; after a change that is meant, `induct.py ranking"
                  " --search` finds new weights")
    known = {name for _, _, paths in own_steps(proof) for parts, _ in paths for name in parts}
    for name in sorted(set(weights) - known):
        print(f"{WEIGHTS.name}: {name} is no part of the rank")
    print(f"RESULT ranking kinds={steps} lowered={lowered} paths={count}")
    return lowered == steps and set(weights) <= known


def search(proof):
    """Finds the smallest weights, from counterexamples to those before, and keeps them."""
    kinds = [(solver_with(*granted), paths) for _, granted, paths in own_steps(proof)]
    names = sorted({name for _, paths in kinds for parts, _ in paths for name in parts})
    wanted, unknown = z3.Optimize(), {name: z3.Int(name) for name in names}
    wanted.add(*(weight >= 0 for weight in unknown.values()))
    wanted.minimize(sum(unknown.values()))
    weights = dict.fromkeys(names, 0)
    for number in range(MOST_ROUNDS):
        examples = list(counterexamples(weights, kinds))
        if not examples:
            kept = {name: weight for name, weight in weights.items() if weight}
            WEIGHTS.write_text(json.dumps(kept, indent=1) + "\n")
            print(f"RESULT search rounds={number} weights={len(kept)}")
            return True
        wanted.add(*(rank(unknown, parts) <= -1 for parts in examples))
        if wanted.check() != z3.sat:
            print(f"no weights are enough for {examples[-1]}")
            return False
        found = wanted.model()
        weights = {name: found.eval(unknown[name], model_completion=True).as_long()
                   for name in names}
    print("the search takes too long")
    return False


def counterexamples(weights, kinds):
    """For each path that does not lower the rank, by how much it changes each part."""
    for solver, paths in kinds:
        for parts, path in paths:
            solver.push()
            solver.add(path, rank(weights, parts) >= 0)
            if solver.check() == z3.sat:
                model = solver.model()
                yield {name: model.eval(number, model_completion=True).as_long()
                       if z3.is_expr(number) else number for name, number in parts.items()}
            solver.pop()
