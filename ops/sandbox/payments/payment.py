"""A payment as it stands, built from ledger lines and from nothing else."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, assert_never

from ops.sandbox.entries import (
    Authorize,
    Cancel,
    Capture,
    CaptureCreated,
    Charge,
    Chargeback,
    Created,
    Decline,
    Expire,
    PaymentMove,
    Reverse,
)
from ops.sandbox.times import after

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
    "charged_back",
]

#: The source whose money the customer sends; all others are charged by us.
BANK_TRANSFER = "bank_transfer"
#: Where a customer sends the money of a transfer.
BANK = "Sandbox Bank"


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment. Amounts are minor units of `currency`."""

    id: str
    reference: str
    amount: int
    currency: str
    status: Status
    source: str
    capture: bool  #: False only authorizes
    expires_at: str
    authorization_wish: str | None  #: when the caller wants a reservation to lapse
    settles_at: str | None
    verdict: str | None  #: the decline code to come; None approves
    charged_back_after_s: float | None
    return_url: str | None
    description: str | None
    metadata: Mapping[str, str]
    webhook_faults: tuple[str, ...]
    created_at: str
    updated_at: str
    authorization_expires_at: str | None = None
    charged_back_at: str | None = None  #: when the customer's bank will do so by itself
    capture_pending: int = 0  #: what a capture that is not decided yet will take
    amount_captured: int = 0
    amount_refunded: int = 0
    amount_refund_pending: int = 0
    amount_charged_back: int = 0
    decline_code: str | None = None
    version: int = 1

    @property
    def held(self) -> int:
        """What was captured and has not gone back; a chargeback may exceed what was left."""
        return max(0, self.amount_captured - self.amount_refunded - self.amount_charged_back)

    @property
    def refundable(self) -> int:
        """What is held and not promised to a pending refund."""
        return max(0, self.held - self.amount_refund_pending)

    @property
    def account_number(self) -> str:
        """Where a transfer for this payment goes: the same 12 digits every time.

        Fewer than a card number has, so that no filter takes it for one.
        """
        digest = hashlib.sha256(self.id.encode()).digest()
        return f"88{int.from_bytes(digest[:8]) % 10**10:010}"

    def refunding(self, pending: int, succeeded: int, at: str) -> "Payment":
        """Return this payment after its refunds changed by these amounts."""
        then = replace(
            self,
            amount_refund_pending=self.amount_refund_pending + pending,
            amount_refunded=self.amount_refunded + succeeded,
            updated_at=at,
            version=self.version + 1,
        )
        return replace(then, status=_of_captured(then))

    def to_json(self, pay_url: str) -> dict[str, Any]:
        """Return the API's payment object; `pay_url` is where the customer would pay it."""
        return {
            "id": self.id,
            "object": "payment",
            "reference": self.reference,
            "amount": self.amount,
            "currency": self.currency,
            "status": self.status,
            "source_type": self.source,
            "amount_capturable": self.amount if self.status == "authorized" else 0,
            "amount_captured": self.amount_captured,
            "amount_refunded": self.amount_refunded,
            "amount_refund_pending": self.amount_refund_pending,
            "amount_charged_back": self.amount_charged_back,
            "next_action": self._next_action(pay_url),
            "decline_code": self.decline_code,
            "expires_at": self.expires_at,
            "authorization_expires_at": self.authorization_expires_at,
            "metadata": self.metadata,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
            "version": self.version,
        }

    def _next_action(self, pay_url: str) -> dict[str, str] | None:
        if self.status != "requires_action":
            return None
        if self.source != BANK_TRANSFER:
            return {"type": "redirect", "url": pay_url}
        return {
            "type": "bank_transfer",
            "bank": BANK,
            "account_number": self.account_number,
            "url": pay_url,
        }


def opened(line: Created) -> Payment:
    """Return the payment that this line begins."""
    return Payment(
        id=line.payment,
        reference=line.reference,
        amount=line.amount,
        currency=line.currency,
        status=line.status,
        source=line.source,
        capture=line.capture,
        expires_at=line.expires_at,
        authorization_wish=line.authorization_expires_at,
        settles_at=line.settles_at,
        verdict=line.verdict,
        charged_back_after_s=line.charged_back_after_s,
        return_url=line.return_url,
        description=line.description,
        metadata=line.metadata,
        webhook_faults=line.webhook_faults,
        created_at=line.at,
        updated_at=line.at,
    )


def moved(was: Payment, line: PaymentMove) -> Payment:
    """Return the payment after one more line."""
    then = replace(was, updated_at=line.at, version=was.version + 1, capture_pending=0)
    match line:
        case Charge() | Capture():
            captured = was.amount_captured + line.amount
            wait_s = was.charged_back_after_s
            back_at = None if wait_s is None else after(line.at, wait_s)
            return replace(
                then,
                status="captured",
                amount_captured=captured,
                decline_code=None,
                charged_back_at=back_at,
            )
        case Authorize():
            until = line.expires_at
            return replace(
                then, status="authorized", decline_code=None, authorization_expires_at=until
            )
        case CaptureCreated():
            return replace(
                then,
                status="processing",
                capture_pending=line.amount,
                settles_at=line.settles_at,
                verdict=line.verdict,
            )
        case Decline():
            return replace(then, status="declined", decline_code=line.decline_code)
        case Cancel():
            return replace(then, status="canceled")
        case Expire():
            return replace(then, status="expired")
        case Chargeback():
            taken = was.amount_charged_back + line.amount
            return replace(then, status="charged_back", amount_charged_back=taken)
        case Reverse():
            captured = was.amount_captured - line.amount
            return replace(then, status=line.status, amount_captured=captured)
        case Created():
            raise AssertionError("a payment begins once")
        case _:
            assert_never(line)


def _of_captured(payment: Payment) -> Status:
    if payment.amount_charged_back:
        return "charged_back"
    if payment.amount_refunded == 0:
        return "captured"
    if payment.amount_refunded < payment.amount_captured:
        return "partially_refunded"
    return "refunded"
