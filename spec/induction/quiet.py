"""Liveness, one half: in a quiet state everything that was to come has come.

A state is quiet if nothing is to come: no task, no continuation, no answer of the sink
or of a hook, no uncork. The other half is ranking.py: a run in which the producer makes
finitely many calls becomes quiet.

The claims are no invariants of their own. Each follows from properties that are, and
says from which. So the check is a few queries: the claim follows from these and from no
fewer, and there are quiet states of the kind that it speaks of.
"""

from typing import Callable, NamedTuple

import z3

from induction.ghosts import OWED
from induction.properties import PROPERTIES, always, bit, each_step, working
from induction.solvers import both_refute, solver_with
from induction.values import (
    CALLED, CLOSE_TOLD, DESTROYING, FINALIZING, IDLE, NOT_CALLED, OPEN, PREFINISHED, STANDING,
    TOLD, and_, implies, not_, or_,
)


# What the claims need, besides what the contract promises.

@always("HooksOwed", "until construct, final and destroy have answered, their call is to come, or"
        " their answer, or what follows the answer", "once", helps=True)
def _(o, s, g):
    return and_(implies(s.opening == NOT_CALLED, or_(g.owed_start > 0, g.owed_construct > 0)),
                implies(s.opening == CALLED,
                        or_(g.owed_construct_answer > 0, g.owed_constructed > 0)),
                implies(and_(s.ending == FINALIZING, working(s)),
                        or_(g.owed_final_answer > 0, g.owed_final_failing > 0)),
                implies(s.teardown == DESTROYING, g.owed_destroy_answer > 0))


@always("AutoDestroyOwed", "with autoDestroy, a stream that has finished or failed is destroyed, or"
        " will be", "once", helps=True)
def _(o, s, g):
    stands = and_(o.auto_destroy, s.teardown == STANDING)
    return and_(implies(and_(stands, s.ending == TOLD), g.owed_auto_destroy > 0),
                implies(and_(stands, s.errored != 0),
                        or_(g.owed_failing > 0, g.owed_write_failed > 0)))


@always("EndsKept", "a callback of end is kept, or to be kept, only while finish or a failure is"
        " still to call it", "once", helps=True)
def _(o, s, g):
    before_finish = and_(s.ending > OPEN, s.ending <= PREFINISHED)
    return implies(or_(s.ends_kept, g.owed_end_kept > 0), or_(before_finish, s.has_failed()))


def carried_end(following):
    """The end() that this goes on with, if it does."""
    if following and isinstance(following[-1], tuple):
        following = following[-1]
    return following[1] if following and following[0] in ("End", "LookThenEnd") else None


@each_step("CallsHeard", "destroy destroys, and an end that is not refused ends the stream, at"
           " once or by what it leads to", helps=True)
def _(m):
    if m.given[0] == "Destroy":
        return m.after.is_destroyed()
    end = m.given[1] if m.given[0] == "End" else m.given[0] == "Resume" and carried_end(m.inner)
    if not end or carried_end(m.then) == end:
        return True
    return implies(and_(end[0] == 0, m.s.errored == 0), m.after.ending != OPEN)


# The claims.

class Claim(NamedTuple):
    name: str
    statement: str
    follows_from: tuple
    when: Callable  # the quiet states of which it speaks
    holds: Callable


CLAIMS = []


def claim(name, statement, follows_from, when):
    def keep(holds):
        CLAIMS.append(Claim(name, statement, tuple(follows_from.split()), when, holds))
        return holds
    return keep


def quiet(s, g):
    """Nothing is to come, the sink has answered, and every cork is back."""
    return and_(g.calls == 0, s.corked == 0, *(getattr(g, f"owed_{name}") == 0 for name in OWED))


@claim("WaitIsAnswered", "no writer waits, unless end, error or destroy came first",
       "WaitIsAnswered DrainOwed QueueNotForgotten OneAtATime WritableTruthful Typed SinkHolds"
       " OwedCounted HooksOwed",
       lambda o, s, g: and_(s.ending == OPEN, not_(s.has_failed())))
def _(o, s, g):
    return not_(g.waits)


@claim("EndResolves", "a stream that was ended has emitted 'finish', unless error or destroy came"
       " first",
       "EndResolves FinishOnce QueueNotForgotten OneAtATime WritableTruthful Typed SinkHolds"
       " OwedCounted HooksOwed",
       lambda o, s, g: and_(s.ending != OPEN, not_(s.has_failed())))
def _(o, s, g):
    return g.finishes == 1


@claim("DestroyCloses", "a stream that was destroyed is closed; so is one with autoDestroy that has"
       " finished or failed",
       "DestroyCloses CloseOnce FinishOnce Typed HooksOwed AutoDestroyOwed",
       lambda o, s, g: or_(s.is_destroyed(), and_(o.auto_destroy,
                                                  or_(g.finishes > 0, s.errored != 0))))
def _(o, s, g):
    return and_(s.teardown == CLOSE_TOLD, g.closes == bit(o.emit_close))


@claim("FailureTold", "a stream that has failed and stands has emitted 'error'",
       "FailureTold ErrorOnce",
       lambda o, s, g: and_(s.errored != 0, not_(s.is_destroyed())))
def _(o, s, g):
    return g.errors == 1


@claim("NothingLeft", "no chunk is queued or in flight, destroy has taken back none that is left,"
       " and no callback of a write or of end is still to be called",
       "RejectionOwed EndResolves LengthAccounts CallbackKnown QueueNotForgotten OneAtATime"
       " WritableTruthful Typed QueueIsOne SinkHolds OwedCounted HooksOwed EndsKept",
       lambda o, s, g: True)
def _(o, s, g):
    return and_(s.queued == 0, s.total == 0, s.sink == IDLE, not_(s.ends_kept), g.queue == 0,
                g.queue_callbacks == 0, g.held_callbacks == 0, g.taken == 0, g.ends == 0)


def check(proof):
    """Proves each claim, and prints what is wrong with one."""
    terms, failed, needed = proof.terms, 0, 0
    record = terms.options, terms.state, terms.ghosts
    known = {prop.name: prop.holds(*record) for prop in PROPERTIES if not prop.on_step}
    for claimed in CLAIMS:
        of_it = *terms.limits, quiet(*record[1:]), claimed.when(*record)
        broken = *of_it, not_(claimed.holds(*record))

        def holds_with(names):
            return solver_with(*broken, *(known[name] for name in names))

        names = claimed.follows_from
        wrong = []
        if not both_refute(holds_with(names)):
            wrong.append("does not follow")
        if solver_with(*of_it, *known.values()).check() != z3.sat:
            wrong.append("speaks of no state")
        for name in names:
            needed += 1
            if holds_with([other for other in names if other != name]).check() != z3.sat:
                wrong.append(f"follows without {name}")
        failed += bool(wrong)
        print(f"{claimed.name}: once quiet, {claimed.statement}"
              + "".join(f"\n  NOT PROVED: it {what}" for what in wrong))
    print(f"RESULT quiet claims={len(CLAIMS)} cvc5={len(CLAIMS)} needed={needed}")
    return not failed
