"""Operations on money that is there: how what a provider says of one is added up."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from domain.attempt import KNOWLEDGE, Attempt, Operation, State
from domain.due import Reason
from domain.evidence import explained, is_ours
from domain.facts import (
    OPEN,
    Fact,
    Source,
    Terms,
    at,
    disputed,
    is_parked,
    named,
    park,
    poll_at,
    proven,
)
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    Outcome,
    Pending,
    Prepared,
    RequiresAction,
    Returned,
    Succeeded,
    TakenBack,
    Unknown,
)

#: The provider knows it, whatever came of it; a "never happened" beside it is a riddle.
HAPPENED = frozenset({State.SUCCEEDED, State.RETURNED, State.DECLINED})
#: What has an end of its own at the provider, and so may fail after it succeeded.
_RETURNABLE = frozenset({Operation.REFUND, Operation.PAYOUT})


def learnt(
    fact: Fact, attempt: Attempt, now: datetime, terms: Terms, *, another_blocks: bool = False
) -> Attempt:
    """Return the attempt of a capture, void, refund or payout with what `fact` says of it.

    Any order of the same facts ends alike. A refund or payout that succeeded and that failed has
    come back, whichever was heard first. `another_blocks`: the same was sent again, because this
    one was proven not to have happened; that it happened after all is for a person.
    """
    if mismatched(fact.outcome, attempt):
        if disputed(attempt.due):
            return attempt
        stays = State.UNKNOWN if attempt.state is State.SENDING else attempt.state
        parked = attempt.due.park(now, Reason.AMOUNT_MISMATCH)
        known = named(attempt, fact.outcome) if is_ours(fact.outcome, attempt) else attempt
        return replace(known, state=stays, due=parked)
    outcome = proven(fact, attempt)
    said = _state(outcome)
    state = _joined(attempt, said)
    twice = another_blocks and state is State.SUCCEEDED
    if another_blocks:
        state = _BESIDE.get(state, state)
    seen = named(attempt, outcome)
    if state is not attempt.state:
        when = poll_at(terms.resolve, 0, now) if state in OPEN else None
        ended = None if state in OPEN else now
        asked = is_parked(attempt.due, Reason.CONTRADICTION)
        due = attempt.due if asked else at(seen.due, when)
        seen = replace(seen, state=state, due=due, finished_at=ended)
        seen = explained(seen, outcome)
    riddle = _is_riddle(attempt.state, said) or _is_riddle(said, attempt.state)
    if twice or (riddle and fact.source is not Source.PERSON):
        seen = replace(seen, due=park(seen.due, now, Reason.CONTRADICTION))
    return seen


#: What an attempt comes to that no longer stands for its refund or payout: another one does.
_BESIDE = {State.SUCCEEDED: State.LATE_SUCCESS, State.RETURNED: State.DECLINED}


def mismatched(outcome: Outcome, attempt: Attempt) -> bool:
    """Whether other money moved than was asked for, or somebody else's."""
    match outcome:
        case Succeeded(money=money):
            return money != attempt.money or not is_ours(outcome, attempt)
        case _:
            return False


def again_at(runs: int, draw: float, now: datetime, terms: Terms) -> datetime | None:
    """Return when to send it once more after `runs` runs that did nothing; None: give up.

    Money that is out there outlives an outage of hours: the pauses are those of a resolution, with
    jitter (`draw` in [0, 1)), because operations that failed together must not come back together.
    """
    delay_s = terms.resolve.after(runs - 1)
    return None if delay_s is None else now + timedelta(seconds=delay_s * (0.5 + draw / 2))


def may_repeat(attempt: Attempt) -> bool:
    """Whether the same operation, sent once more, might come to something else."""
    if attempt.state is State.NOT_CHARGED:
        return attempt.code is None
    return attempt.state is State.DECLINED and attempt.cause == Hardness.SOFT


def _joined(attempt: Attempt, said: State) -> State:
    known = attempt.state
    if attempt.operation in _RETURNABLE and {known, said} == {State.SUCCEEDED, State.DECLINED}:
        return State.RETURNED
    return said if KNOWLEDGE[said] > KNOWLEDGE[known] else known


def _is_riddle(one: State, other: State) -> bool:
    return one is State.NOT_CHARGED and other in HAPPENED


def _state(outcome: Outcome) -> State:
    match outcome:
        case Succeeded():
            return State.SUCCEEDED
        case Pending() | RequiresAction():
            return State.PENDING
        case Prepared():
            return State.SENDING
        case Declined():
            return State.DECLINED
        case NotCharged():
            return State.NOT_CHARGED
        case Returned():
            return State.RETURNED
        case Unknown() | TakenBack():
            return State.UNKNOWN
        case _:
            assert_never(outcome)
