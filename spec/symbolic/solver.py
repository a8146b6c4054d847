"""Decides conditions of z3's terms with bitwuzla; with cvc5 what takes bitwuzla too long.

Sums of three numbers are hard for bitwuzla, which looks at bits, and easy for cvc5
when it looks at integers. z3 only builds and simplifies the terms.
"""

import bitwuzla
import cvc5
import z3

from symbolic.terms import condition as simplified

K = bitwuzla.Kind
# Milliseconds for bitwuzla, then for cvc5, then for bitwuzla again.
PATIENCE = 400, 2_000, 300_000
KINDS = {
    z3.Z3_OP_EQ: K.EQUAL, z3.Z3_OP_DISTINCT: K.DISTINCT, z3.Z3_OP_ITE: K.ITE,
    z3.Z3_OP_AND: K.AND, z3.Z3_OP_OR: K.OR, z3.Z3_OP_NOT: K.NOT, z3.Z3_OP_XOR: K.XOR,
    z3.Z3_OP_IMPLIES: K.IMPLIES, z3.Z3_OP_BADD: K.BV_ADD, z3.Z3_OP_BSUB: K.BV_SUB,
    z3.Z3_OP_BMUL: K.BV_MUL, z3.Z3_OP_BNEG: K.BV_NEG, z3.Z3_OP_BAND: K.BV_AND,
    z3.Z3_OP_BOR: K.BV_OR, z3.Z3_OP_BXOR: K.BV_XOR, z3.Z3_OP_BNOT: K.BV_NOT,
    z3.Z3_OP_ULEQ: K.BV_ULE, z3.Z3_OP_UGEQ: K.BV_UGE, z3.Z3_OP_ULT: K.BV_ULT,
    z3.Z3_OP_UGT: K.BV_UGT, z3.Z3_OP_SLEQ: K.BV_SLE, z3.Z3_OP_SGEQ: K.BV_SGE,
    z3.Z3_OP_SLT: K.BV_SLT, z3.Z3_OP_SGT: K.BV_SGT, z3.Z3_OP_CONCAT: K.BV_CONCAT,
    z3.Z3_OP_BSHL: K.BV_SHL, z3.Z3_OP_BLSHR: K.BV_SHR, z3.Z3_OP_BASHR: K.BV_ASHR,
    z3.Z3_OP_EXTRACT: K.BV_EXTRACT, z3.Z3_OP_ZERO_EXT: K.BV_ZERO_EXTEND,
    z3.Z3_OP_SIGN_EXT: K.BV_SIGN_EXTEND,
}
ONE_IS_ENOUGH = {K.BV_ADD, K.BV_MUL, K.BV_AND, K.BV_OR, K.BV_XOR, K.AND, K.OR, K.BV_CONCAT}


class Undecided(Exception):
    """No solver could tell."""


class Path:
    """What was assumed on the way, and what is known of conditions there."""

    __slots__ = ("conditions", "known")

    def __init__(self, conditions=(), known=()):
        self.conditions, self.known = list(conditions), dict(known)

    def copy(self):
        return Path(self.conditions, self.known)

    def assume(self, term, truth, forced):
        """`forced`: what was assumed before leaves nothing else."""
        if not forced:
            self.conditions.append(term if truth else z3.Not(term))
        self.known[term.get_id()] = truth, term  # the term is kept, or its number is reused


class Solver:
    """`limits` hold always."""

    def __init__(self, limits):
        self.limits, self.manager = list(limits), bitwuzla.TermManager()
        self.cache, self.kept, self.constants = {}, [], {}
        self.fast = self.make(PATIENCE[0])
        self.followed = []  # what is on the stack of the solver
        self.queries = self.hard = 0

    def make(self, patience, more=()):
        options = bitwuzla.Options()
        options.set(bitwuzla.Option.PRODUCE_MODELS, True)
        options.set(bitwuzla.Option.TIME_LIMIT_PER, patience)
        solver = bitwuzla.Bitwuzla(self.manager, options)
        for term in [*self.limits, *more]:
            solver.assert_formula(self.translated(term))
        return solver

    def follow(self, path):
        """Makes the solver's stack that of the path."""
        wanted, same = path.conditions, 0
        while (same < min(len(wanted), len(self.followed))
               and wanted[same].eq(self.followed[same])):
            same += 1
        if len(self.followed) > same:
            self.fast.pop(len(self.followed) - same)
            del self.followed[same:]
        for term in wanted[same:]:
            self.fast.push(1)
            self.fast.assert_formula(self.translated(term))
            self.followed.append(term)

    def possible(self, path, *more):
        """Whether the path can be taken, with these conditions as well."""
        self.queries += 1
        self.follow(path)
        answer = self.fast.check_sat(*(self.translated(term) for term in more))
        if answer == bitwuzla.Result.UNKNOWN:
            return self.try_harder([*path.conditions, *more])
        return answer == bitwuzla.Result.SAT

    def try_harder(self, terms):
        self.hard += 1
        problem = z3.Solver()
        problem.add(*self.limits, *terms)
        solver = cvc5.Solver()
        solver.setOption("solve-bv-as-int", "sum")
        solver.setOption("tlimit-per", str(PATIENCE[1]))
        parser = cvc5.InputParser(solver)
        text = f"(set-logic QF_BV)\n{problem.to_smt2()}"
        parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "query")
        answers = []
        while not (command := parser.nextCommand()).isNull():
            answers.append(command.invoke(solver, parser.getSymbolManager()).strip())
        answer = "".join(answers)
        if answer in ("sat", "unsat"):
            return answer == "sat"
        answer = self.make(PATIENCE[2], terms).check_sat()
        if answer == bitwuzla.Result.UNKNOWN:
            raise Undecided("no solver could tell")
        return answer == bitwuzla.Result.SAT

    def truths(self, path, given):
        """[(truth, path)]: whether a condition can be true on the path, and whether it can
        be false. The first path may be the one given."""
        if isinstance(given, bool):
            return [(given, path)]
        term, turned = without_not(given)
        if term.get_id() in path.known:
            return [(path.known[term.get_id()][0] != turned, path)]
        truths = self.decide(path, term)
        ways = [path] if len(truths) == 1 else [path, path.copy()]
        for truth, way in zip(truths, ways):
            way.assume(term, truth, len(truths) == 1)
        return [(truth != turned, way) for truth, way in zip(truths, ways)]

    def decide(self, path, term):
        if not self.possible(path, term):
            return [False]
        return [True, False] if self.possible(path, z3.Not(term)) else [True]

    def model(self, path, *more):
        """A function that gives the value of a term, in one case of the path."""
        self.follow(path)
        solver, terms = self.fast, [self.translated(term) for term in more]
        if solver.check_sat(*terms) != bitwuzla.Result.SAT:
            solver = self.make(PATIENCE[2], path.conditions)
            if solver.check_sat(*terms) != bitwuzla.Result.SAT:
                raise Undecided("a path has no case")

        def value(term):
            if not z3.is_expr(term):
                return int(term)
            return int(solver.get_value(self.translated(term)).value(10))
        return value

    def translated(self, term):
        """The same term, as bitwuzla has it."""
        work = [term]
        while work:
            top = work[-1]
            if top.get_id() not in self.cache:
                parts = top.children()
                missing = [part for part in parts if part.get_id() not in self.cache]
                if missing:
                    work += missing
                    continue
                made = self.translate(top, [self.cache[part.get_id()] for part in parts])
                self.cache[top.get_id()] = made
                self.kept.append(top)
            work.pop()
        return self.cache[term.get_id()]

    def translate(self, term, parts):
        manager, operation = self.manager, term.decl().kind()
        if operation in (z3.Z3_OP_TRUE, z3.Z3_OP_FALSE):
            return manager.mk_true() if operation == z3.Z3_OP_TRUE else manager.mk_false()
        if operation == z3.Z3_OP_BNUM:
            return manager.mk_bv_value(self.sort(term), term.as_long())
        if operation == z3.Z3_OP_UNINTERPRETED:
            name = term.decl().name()
            if name not in self.constants:
                self.constants[name] = manager.mk_const(self.sort(term), name)
            return self.constants[name]
        kind = KINDS[operation]
        if len(parts) == 1 and kind in ONE_IS_ENOUGH:
            return parts[0]
        if kind in (K.BV_EXTRACT, K.BV_ZERO_EXTEND, K.BV_SIGN_EXTEND):
            return manager.mk_term(kind, parts, term.params())
        return manager.mk_term(kind, parts)

    def sort(self, term):
        if z3.is_bool(term):
            return self.manager.mk_bool_sort()
        return self.manager.mk_bv_sort(term.size())


class Choices:
    """Runs something again and again, once for each way through its conditions."""

    def __init__(self, solver, path):
        self.solver, self.first = solver, path
        self.plan = []  # at each condition: what it is taken for, and whether it is forced

    def holds(self, given):
        given = simplified(given)
        if isinstance(given, bool):
            return given
        term, turned = without_not(given)
        if term.get_id() not in self.path.known:
            if self.taken == len(self.plan):
                truths = self.solver.decide(self.path, term)
                self.plan.append((truths[0], len(truths) == 1))
            self.path.assume(term, *self.plan[self.taken])
            self.taken += 1
        return self.path.known[term.get_id()][0] != turned

    def runs(self, run):
        """(what it returns, the path it took)"""
        while True:
            self.path, self.taken = self.first.copy(), 0
            yield run(self.holds), self.path
            while self.plan and self.plan[-1] != (True, False):
                self.plan.pop()
            if not self.plan:
                return
            self.plan[-1] = False, False


def without_not(term):
    """The term without the `not` before it, and whether there was one."""
    turned = False
    while z3.is_not(term):
        term, turned = term.arg(0), not turned
    return term, turned
