"""A refund as it stands, built from ledger lines and from nothing else."""

from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, assert_never

from ops.sandbox.entries import Refund as RefundMade
from ops.sandbox.entries import RefundCreated, RefundDeclined, RefundFailed, RefundMove

RefundStatus: TypeAlias = Literal["pending", "succeeded", "failed"]


@dataclass(frozen=True, slots=True)
class Refund:
    """One refund. The amount is minor units of the payment's currency."""

    id: str
    payment: str
    payment_reference: str
    reference: str | None  #: None where an operator forced it
    amount: int
    currency: str
    status: RefundStatus
    reason: str | None
    created_at: str
    updated_at: str
    settles_at: str | None = None
    verdict: str | None = None  #: the failure code to come; None succeeds
    failure_code: str | None = None
    version: int = 1

    @property
    def pending(self) -> int:
        """What of its payment is promised."""
        return self.amount if self.status == "pending" else 0

    @property
    def succeeded(self) -> int:
        """What of its payment went back."""
        return self.amount if self.status == "succeeded" else 0

    def to_json(self) -> dict[str, Any]:
        """Return the API's refund object."""
        return {
            "id": self.id,
            "object": "refund",
            "payment": self.payment,
            "payment_reference": self.payment_reference,
            "reference": self.reference,
            "amount": self.amount,
            "currency": self.currency,
            "status": self.status,
            "failure_code": self.failure_code,
            "reason": self.reason,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "version": self.version,
        }


def opened(line: RefundMove) -> Refund:
    """Return the refund that this line begins, decided or not."""
    begun = Refund(
        id=line.refund,
        payment=line.payment,
        payment_reference=line.reference,
        reference=line.refund_reference,
        amount=line.amount,
        currency=line.currency,
        status="pending",
        reason=line.reason,
        created_at=line.at,
        updated_at=line.at,
    )
    if isinstance(line, RefundCreated):
        return replace(begun, settles_at=line.settles_at, verdict=line.verdict)
    return replace(moved(begun, line), version=1)


def moved(was: Refund, line: RefundMove) -> Refund:
    """Return the refund after one more line."""
    then = replace(was, updated_at=line.at, version=was.version + 1)
    match line:
        case RefundMade():
            return replace(then, status="succeeded")
        case RefundDeclined() | RefundFailed():
            return replace(then, status="failed", failure_code=line.failure_code)
        case RefundCreated():
            raise AssertionError("a refund begins once")
        case _:
            assert_never(line)
