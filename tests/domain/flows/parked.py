"""Rows that wait for a person, brought there by the flows themselves; and the person's word."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from domain.attempt import Attempt, Operation
from domain.backoff import Schedule
from domain.due import Due
from domain.findings import Found
from domain.flows.settle import Settlement, settle
from domain.flows.waiting import Target
from domain.ids import Kind
from domain.outcome import Unknown
from domain.payment import CaptureMethod, Mode
from domain.payout import Destination, Payout, PayoutStatus
from domain.policy import Policy
from domain.requests import Verb
from domain.settling import Word
from tests.asking import ask
from tests.builders import MERCHANT, NOON, Scripted, Stage, a_payment, a_runtime, usd
from tests.scripted import held, paid

#: Parked after one look-up, long before the payment expires.
IMPATIENT = Policy(resolve=Schedule((5,)))
SILENT = Unknown("timed out")
PAYOUT = UUID(int=70)
EVIDENCE = "statement 2026-03, line 17"


def say(stage: Stage, kind: Kind, id_: UUID, word: Word, **found: Any) -> Target:
    """Settle a row in a transaction of its own, as the command does."""
    by = found.pop("by", ("ann",))
    said = Settlement(kind, id_, Found(word, **found), EVIDENCE, by)
    with stage.store.begin() as work:
        return settle(work, said, stage)


def say_of(stage: Stage, attempt: Attempt, word: Word, **found: Any) -> Target:
    return say(stage, Kind.ATTEMPT, attempt.id, word, **found)


def of(stage: Stage, operation: Operation) -> Attempt:
    """The last attempt of this operation; a payout's is found by its own id."""
    found = [*stage.attempts(), *of_payout(stage)]
    return [attempt for attempt in found if attempt.operation is operation][-1]


def of_payout(stage: Stage) -> Sequence[Attempt]:
    with stage.memory.begin() as work:
        return work.payout_attempts(PAYOUT)


def is_parked(attempt: Attempt) -> bool:
    return attempt.due.parked is not None


def silent_charge(*others: Scripted, manual: bool = False, **scripts: Any) -> Stage:
    """A charge whose provider never says what became of it."""
    method = CaptureMethod.MANUAL if manual else CaptureMethod.AUTOMATIC
    one = Scripted("one", SILENT, lookups=[SILENT], **scripts)
    stage = a_runtime(one, *others, holding=a_payment(capture_method=method), policy=IMPATIENT)
    stage.run_on(NOON + timedelta(minutes=5))
    return stage


def silent(operation: Operation, policy: Policy = IMPATIENT, **payment: Any) -> Stage:
    """An operation whose provider never says what became of it."""
    name = {Operation.REFUND: "refunds", Operation.CAPTURE: "captures", Operation.VOID: "voids"}
    if operation is Operation.CHARGE:
        one = Scripted("one", SILENT, lookups=[SILENT])
        stage = a_runtime(one, holding=a_payment(**payment), policy=policy)
    elif operation is Operation.PAYOUT:
        stage = a_runtime(Scripted("one", payouts=[SILENT], lookups=[SILENT]), policy=policy)
        stage.change(lambda work: work.add_payout(a_payout()))
    else:
        first = paid if operation is Operation.REFUND else held
        manual = a_payment(capture_method=CaptureMethod.MANUAL, **payment)
        holding = a_payment(**payment) if operation is Operation.REFUND else manual
        scripts: dict[str, Any] = {name[operation]: [SILENT], "lookups": [SILENT]}
        stage = a_runtime(Scripted("one", first, **scripts), holding=holding, policy=policy)
        stage.run_due()
        verb = {
            Operation.REFUND: Verb.REFUND,
            Operation.CAPTURE: Verb.CAPTURE,
            Operation.VOID: Verb.CANCEL,
        }
        ask(stage, verb[operation])
    stage.run_due()
    return stage


def a_payout() -> Payout:
    return Payout(
        id=PAYOUT,
        merchant_id=MERCHANT,
        mode=Mode.TEST,
        money=usd(),
        status=PayoutStatus.PENDING,
        destination=Destination("bank_account", "ba_secret"),
        created_at=NOON,
        expires_at=NOON + timedelta(days=1),
        due=Due(NOON),
    )
