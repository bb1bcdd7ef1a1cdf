"""One fact applied to a payment that waits for its attempt; what tests of facts share."""

from __future__ import annotations

from datetime import datetime

from domain.attempt import Attempt
from domain.backoff import Schedule
from domain.charge_facts import apply
from domain.due import Due, Reason
from domain.facts import Applied, Fact, Source, Terms
from domain.outcome import Outcome
from domain.payment import Payment, Status
from tests.builders import ATTEMPT, NOON, a_payment, an_attempt, held, paid

SCHEDULE = Schedule((5.0, 30.0))
PROCESSING = a_payment(status=Status.PROCESSING)
PAID, HELD = paid(an_attempt()), held(an_attempt())
URL = "https://pay.example/1"


def told(
    outcome: Outcome,
    payment: Payment = PROCESSING,
    attempt: Attempt | None = None,
    *,
    another_blocks: bool = False,
    now: datetime = NOON,
    source: Source = Source.ANSWER,
) -> Applied:
    return apply(
        Fact(ATTEMPT, source, outcome),
        payment,
        attempt or an_attempt(payment),
        another_blocks=another_blocks,
        now=now,
        terms=Terms(SCHEDULE),
    )


def reason(due: Due) -> Reason | None:
    return due.parked.reason if due.parked else None
