"""z3, which decides, and cvc5, which decides again."""

import z3


def as_term(value):
    return z3.BoolVal(value) if isinstance(value, bool) else value


def solver_with(*conditions):
    solver = z3.SolverFor("QF_LIA")
    solver.add(*map(as_term, conditions))
    return solver


def cvc5_says(solver):
    """What cvc5 says of the same query."""
    import cvc5  # only needed here

    again = cvc5.Solver()
    parser = cvc5.InputParser(again)
    text = f"(set-logic QF_LIA)\n{solver.to_smt2()}"
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "query")
    answers = []
    while not (command := parser.nextCommand()).isNull():
        answers.append(command.invoke(again, parser.getSymbolManager()).strip())
    return " ".join(filter(None, answers))


def both_refute(solver):
    """Neither solver finds a case."""
    return solver.check() == z3.unsat and cvc5_says(solver) == "unsat"
