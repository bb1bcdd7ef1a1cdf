"""Payments and refunds as they stand, built from ledger lines and from nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, assert_never

from ops.sandbox.entries import (
    Authorize,
    Cancel,
    Capture,
    Charge,
    Created,
    Decline,
    Expire,
    Move,
    Refund,
    Reverse,
)

Status: TypeAlias = Literal[
    "processing",
    "requires_action",
    "authorized",
    "captured",
    "declined",
    "canceled",
    "expired",
    "refunded",
    "partially_refunded",
]


#: A reference is unique by convention only: its payments may differ in currency.
MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment. Amounts are minor units of `currency`."""

    id: str
    reference: str
    amount: int
    currency: str
    status: Status
    capture: bool  #: False only authorizes
    expires_at: str
    settles_at: str | None
    verdict: str | None  #: the decline code the issuer will give; None approves
    return_url: str | None
    description: str | None
    metadata: Mapping[str, str]
    webhook_faults: tuple[str, ...]
    created_at: str
    updated_at: str
    amount_captured: int = 0
    amount_refunded: int = 0
    decline_code: str | None = None
    version: int = 1

    @property
    def refundable(self) -> int:
        """What has been captured and not yet given back."""
        return self.amount_captured - self.amount_refunded

    def to_json(self, pay_url: str) -> dict[str, Any]:
        """Return the API's payment object; `pay_url` is where the customer would approve it."""
        waiting = self.status == "requires_action"
        return {
            "id": self.id,
            "object": "payment",
            "reference": self.reference,
            "amount": self.amount,
            "currency": self.currency,
            "status": self.status,
            "amount_captured": self.amount_captured,
            "amount_refunded": self.amount_refunded,
            "next_action": {"type": "redirect", "url": pay_url} if waiting else None,
            "decline_code": self.decline_code,
            "expires_at": self.expires_at,
            "metadata": self.metadata,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "version": self.version,
        }


def refund_json(line: Refund) -> dict[str, Any]:
    """Return the API's refund object."""
    return {
        "id": line.refund,
        "object": "refund",
        "payment": line.payment,
        "reference": line.refund_reference,
        "amount": line.amount,
        "currency": line.currency,
        "status": "succeeded",
        "reason": line.reason,
        "created_at": line.at,
    }


@dataclass(slots=True)
class Tally:
    """What happened under one reference, over all its payments."""

    currency: str
    charges: int = 0  #: how often money was taken
    captured: int = 0
    refunded: int = 0
    reversed: int = 0


@dataclass(slots=True)
class Books:
    """All payments and refunds of the account; `apply` is the only way to change them."""

    payments: dict[str, Payment] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)
    by_reference: dict[str, list[str]] = field(default_factory=dict)

    def apply(self, line: Move) -> Payment:
        """Take one ledger line into the books and return the payment it changed."""
        if isinstance(line, Created):
            after = _opened(line)
            self.by_reference.setdefault(line.reference, []).append(line.payment)
            tally = self.tallies.setdefault(line.reference, Tally(line.currency))
            if tally.currency != line.currency:
                tally.currency = MIXED
        else:
            after = _moved(self.payments[line.payment], line)
            self._count(line)
        self.payments[line.payment] = after
        return after

    def _count(self, line: Move) -> None:
        tally = self.tallies[line.reference]
        if isinstance(line, Charge | Capture):
            tally.charges += 1
            tally.captured += line.amount
        elif isinstance(line, Refund):
            self.refunds[line.refund] = line
            tally.refunded += line.amount
        elif isinstance(line, Reverse):
            tally.reversed += line.amount


def _opened(line: Created) -> Payment:
    return Payment(
        id=line.payment,
        reference=line.reference,
        amount=line.amount,
        currency=line.currency,
        status=line.status,
        capture=line.capture,
        expires_at=line.expires_at,
        settles_at=line.settles_at,
        verdict=line.verdict,
        return_url=line.return_url,
        description=line.description,
        metadata=line.metadata,
        webhook_faults=line.webhook_faults,
        created_at=line.at,
        updated_at=line.at,
    )


def _moved(
    was: Payment,
    line: Charge | Authorize | Capture | Decline | Cancel | Expire | Refund | Reverse,
) -> Payment:
    then = replace(was, updated_at=line.at, version=was.version + 1)
    match line:
        case Charge() | Capture():
            captured = was.amount_captured + line.amount
            then = replace(then, status="captured", amount_captured=captured, decline_code=None)
        case Authorize():
            then = replace(then, status="authorized", decline_code=None)
        case Decline():
            then = replace(then, status="declined", decline_code=line.decline_code)
        case Cancel():
            then = replace(then, status="canceled")
        case Expire():
            then = replace(then, status="expired")
        case Refund():
            refunded = was.amount_refunded + line.amount
            whole: Status = "refunded" if refunded == was.amount_captured else "partially_refunded"
            then = replace(then, status=whole, amount_refunded=refunded)
        case Reverse():
            captured = was.amount_captured - line.amount
            then = replace(then, status=line.status, amount_captured=captured)
        case _:
            assert_never(line)
    return then
