"""Proves the laws of port/laws.rs of the compiled machine, of every state and option."""

import z3

from symbolic import words
from symbolic.prove import MOST_FAILURES, Machine, case
from symbolic.solver import Solver
from symbolic.terms import is_known

BROKEN, HOLDS, SILENT = range(3)
PREFIX = "law_"
FREE = [f"{said}.{word}" for said in ("input", "more") for word in ("count", "length", "flag")]
BY_LEASE = "law_not_covered"  # it reads which lease is settled


def laws(machine: Machine):
    """[(name, the function, the lease that it settles)]"""
    found = []
    for name in sorted(machine.module.exports):
        if name == BY_LEASE:
            found += [(f"{name}({lease})", name, lease) for lease in words.LEASED]
        elif name.startswith(PREFIX):
            found.append((name, name, None))
    return found


def prove(machine, function, lease):
    inputs = machine.inputs()
    for word in FREE:
        inputs.term(word, word.endswith("flag"))
    if lease:
        inputs.words["input.kind"] = words.INPUT.index("Settle") + 1
        inputs.words["input.inner"] = words.LEASED.index(lease) + 1
    solver = Solver(inputs.limits)
    found = dict(paths=0, holds=0, traps=[], broken=[])
    for state, trap in machine.paths(function, inputs.words, solver, arguments=1):
        found["paths"] += 1
        if trap:
            given = case(inputs, solver.model(state.path))
            found["traps"].append(dict(reason=trap, given=given))
            continue
        result, = state.results
        if is_known(result):
            wrong = z3.BoolVal(result == BROKEN)
            found["holds"] += result == HOLDS
        else:
            wrong = result == BROKEN
            found["holds"] += solver.possible(state.path, result == HOLDS)
        if not z3.is_false(wrong) and solver.possible(state.path, wrong):
            given = case(inputs, solver.model(state.path, wrong))
            if len(found["broken"]) < MOST_FAILURES:
                found["broken"].append(dict(given=given))
    return found | {"queries": solver.queries, "hard": solver.hard}
