"""Review cases: what only a person may decide about a payment, and what has been decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.money import Money
from domain.payment import Payment


class CaseKind(StrEnum):
    """Why a person must look."""

    FRAUD = "fraud"  # screening did not want to decide
    MISMATCH = "mismatch"  # the provider reports other money than was asked for
    CONTRADICTION = "contradiction"  # the provider said both that money is held and that it is not


class Decision(StrEnum):
    """What a person said, or that nobody did in time."""

    APPROVED = "approved"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True)
class Case:
    """One question about one payment."""

    id: UUID
    payment_id: UUID
    kind: CaseKind
    reason: str
    opened_at: datetime
    attempt_id: UUID | None = None
    #: What the provider says it has (mismatches), whether it is only held, and whether it is ours.
    found: Money | None = None
    found_held: bool = False
    found_ours: bool = True
    provider_id: str | None = None
    decision: Decision | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    note: str | None = None


def adoptable(case: Case, payment: Payment) -> bool:
    """Whether the money that was found can become the payment's: ours, taken, and no more of the
    same currency than was asked for."""
    found = case.found
    if found is None or not case.found_ours or case.found_held or payment.final:
        return False
    return found.currency == payment.money.currency and 0 < found.minor <= payment.money.minor
