"""What a fact about a capture or a void makes of its attempt, and of the payment that is held."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from domain.attempt import Attempt, Operation, State
from domain.commands import Command
from domain.due import Reason
from domain.events import Told, attempt_told
from domain.facts import Fact, Terms, is_open, is_parked, teller
from domain.operation import again_at, learnt, may_repeat
from domain.outcome import Declined, NotCharged, Outcome, Proof, Succeeded
from domain.payment import CaptureMethod, Failure, Payment, Status

#: Money can be held in these.
HOLDING = frozenset({Status.AUTHORIZED, Status.IN_REVIEW})


#: What says something of the charge.
_NEWS = (Succeeded, Declined)


@dataclass(frozen=True, slots=True)
class AppliedHold:
    """What a fact about a capture or a void changes; `charge` is what it says of the charge."""

    payment: Payment
    attempt: Attempt
    charge: Outcome | None = None
    #: The charge must be read again: the provider refuses because it is not what we think it is.
    ask_again: bool = False
    told: tuple[Told, ...] = ()


def apply_to_hold(
    fact: Fact,
    payment: Payment,
    charge: Attempt,
    attempt: Attempt,
    *,
    now: datetime,
    terms: Terms,
    draw: float,
) -> AppliedHold:
    """Return what `fact` makes of a capture or a void. Money itself moves by what it says of the
    charge, so that a webhook about the charge and our own answer say the same thing once."""
    if not is_open(attempt):
        # What it came to is known, and a look-up of it sees only the charge: that one is asked.
        return AppliedHold(payment, attempt, ask_again=isinstance(fact.outcome, _NEWS))
    seen = learnt(fact, attempt, now, terms)
    if seen == attempt:
        return AppliedHold(payment, attempt)
    told = (attempt_told(attempt, seen, teller(fact), fact.source),)
    if is_parked(seen.due, Reason.AMOUNT_MISMATCH):
        parked = replace(payment, due=payment.due.park(now, Reason.AMOUNT_MISMATCH))
        return AppliedHold(payment if payment.final else parked, seen, told=told)
    if seen.state is attempt.state:
        return AppliedHold(payment, seen, told=told)
    if seen.state is State.SUCCEEDED:
        return AppliedHold(payment, seen, _said_of(charge, seen), told=told)
    if seen.state not in (State.DECLINED, State.NOT_CHARGED):
        return AppliedHold(payment, seen, told=told)
    riddle = not may_repeat(seen)  # it is refused for good: somebody else changed the charge?
    if payment.status not in HOLDING:
        return AppliedHold(payment, seen, ask_again=riddle, told=told)
    after = _refused(payment, charge, seen, now, terms, draw)
    return AppliedHold(after, seen, ask_again=riddle, told=told)


def _said_of(charge: Attempt, seen: Attempt) -> Outcome:
    name = charge.provider_id or seen.target or ""
    if seen.operation is Operation.CAPTURE:
        return Succeeded(name, seen.money, captured=True, reference=charge.reference)
    return NotCharged(Proof.VOIDED, "voided on request", name)


def _refused(
    payment: Payment, charge: Attempt, seen: Attempt, now: datetime, terms: Terms, draw: float
) -> Payment:
    """The hold stands as it was: once more later, or another way out."""
    runs = payment.runs + 1
    when = again_at(runs, draw, now, terms)
    if seen.operation is Operation.VOID:
        if when is None:  # money stays held that nobody wants: a person must let go of it
            return replace(payment, due=payment.due.park(now, Reason.UNRESOLVED))
        return replace(payment, runs=runs).wakes(Command.VOID, when)
    if when is not None and may_repeat(seen):
        return replace(payment, runs=runs).wakes(Command.CAPTURE, when)
    released = replace(payment, capture_amount=None, runs=0)
    if payment.capture_method is CaptureMethod.MANUAL:
        return released.wakes(Command.VOID, payment.authorization_expires_at or now)
    failure = Failure(seen.code or "capture_failed", "the held money could not be collected")
    ending = payment.ending or Status.FAILED
    return replace(released, ending=ending, failure=failure).wakes(Command.VOID, now)
