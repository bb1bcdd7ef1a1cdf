"""A payout as it stands, built from ledger lines and from nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, assert_never

from ops.sandbox.entries import (
    PayoutCreated,
    PayoutFailed,
    PayoutMove,
    PayoutPaid,
    PayoutReturned,
)
from ops.sandbox.times import after

PayoutStatus: TypeAlias = Literal["processing", "paid", "failed", "returned"]


@dataclass(frozen=True, slots=True)
class Payout:
    """One payout. The amount is minor units of `currency`."""

    id: str
    reference: str
    amount: int
    currency: str
    status: PayoutStatus
    destination_type: str
    settles_at: str
    verdict: str | None  #: the failure code to come; None pays
    returned_after_s: float | None
    description: str | None
    metadata: Mapping[str, str]
    webhook_faults: tuple[str, ...]
    created_at: str
    updated_at: str
    returned_at: str | None = None  #: when it will come back by itself
    failure_code: str | None = None
    version: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return the API's payout object."""
        return {
            "id": self.id,
            "object": "payout",
            "reference": self.reference,
            "amount": self.amount,
            "currency": self.currency,
            "status": self.status,
            "failure_code": self.failure_code,
            "destination_type": self.destination_type,
            "description": self.description,
            "metadata": self.metadata,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "version": self.version,
        }


def opened(line: PayoutCreated) -> Payout:
    """Return the payout that this line begins."""
    return Payout(
        id=line.payout,
        reference=line.reference,
        amount=line.amount,
        currency=line.currency,
        status="processing",
        destination_type=line.destination_type,
        settles_at=line.settles_at,
        verdict=line.verdict,
        returned_after_s=line.returned_after_s,
        description=line.description,
        metadata=line.metadata,
        webhook_faults=line.webhook_faults,
        created_at=line.at,
        updated_at=line.at,
    )


def moved(was: Payout, line: PayoutMove) -> Payout:
    """Return the payout after one more line."""
    then = replace(was, updated_at=line.at, version=was.version + 1)
    match line:
        case PayoutPaid():
            wait_s = was.returned_after_s
            back_at = None if wait_s is None else after(line.at, wait_s)
            return replace(then, status="paid", returned_at=back_at)
        case PayoutFailed():
            return replace(then, status="failed", failure_code=line.failure_code)
        case PayoutReturned():
            return replace(then, status="returned", failure_code=line.failure_code)
        case PayoutCreated():
            raise AssertionError("a payout begins once")
        case _:
            assert_never(line)
