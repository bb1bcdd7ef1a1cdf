"""What each request does to a payment, as ledger lines."""

import secrets
from dataclasses import dataclass
from typing import TypedDict

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
)
from ops.sandbox.payments import Payment
from ops.sandbox.times import rfc3339

#: An unpaid payment expires after this when the request names no time.
EXPIRES_AFTER_S = 30 * 60
#: What the issuer says when the customer declines on the payment page.
AUTHENTICATION_FAILED = "authentication_failed"
CANCELABLE = frozenset({"processing", "requires_action", "authorized"})


class WrongStateError(Exception):
    """The payment is in a state from which it cannot get there."""

    def __init__(self, payment: Payment, wanted: str) -> None:
        super().__init__(f"A payment that is {payment.status} cannot become {wanted}.")
        self.payment = payment


class TooMuchError(Exception):
    """More was asked for than there is; `code` says which sum was exceeded."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Order:
    """A valid create request."""

    reference: str
    amount: int
    currency: str
    capture: bool
    expires_at: str | None
    return_url: str | None
    description: str | None
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class Course:
    """How a new payment is going to go: its source, its 3DS wish and its faults put together."""

    needs_action: bool = False
    settles_later: bool = False
    verdict: str | None = None  #: the decline code; None approves
    extra: int = 0  #: minor units charged beyond what was asked for
    webhook_faults: tuple[str, ...] = ()


class About(TypedDict):
    """What a line says of its payment."""

    at: str
    payment: str
    reference: str
    currency: str


def create(order: Order, course: Course, now_s: float, async_delay_s: float) -> list[Move]:
    """Open a payment and, unless it has to wait for someone, decide it."""
    later = course.settles_later and not course.needs_action
    created = Created(
        at=rfc3339(now_s),
        payment=f"sp_{secrets.token_hex(16)}",
        reference=order.reference,
        amount=order.amount + course.extra,
        currency=order.currency,
        status="requires_action" if course.needs_action else "processing",
        capture=order.capture,
        expires_at=order.expires_at or rfc3339(now_s + EXPIRES_AFTER_S),
        settles_at=rfc3339(now_s + async_delay_s) if later else None,
        verdict=course.verdict,
        return_url=order.return_url,
        description=order.description,
        metadata=order.metadata,
        webhook_faults=course.webhook_faults,
    )
    if course.needs_action or later:
        return [created]
    opened = About(
        at=created.at,
        payment=created.payment,
        reference=created.reference,
        currency=created.currency,
    )
    return [created, _verdict(opened, created.amount, capture=order.capture, no=course.verdict)]


def decide(payment: Payment, now_s: float) -> list[Move]:
    """Give a waiting payment the issuer's answer."""
    said = about(payment, now_s)
    return [_verdict(said, payment.amount, capture=payment.capture, no=payment.verdict)]


def decline(payment: Payment, code: str, now_s: float) -> list[Move]:
    """Decline a payment that waits for its customer."""
    return [Decline(**about(payment, now_s), amount=payment.amount, decline_code=code)]


def expire(payment: Payment, now_s: float) -> list[Move]:
    """End an unpaid payment."""
    return [Expire(**about(payment, now_s), amount=payment.amount)]


def capture(payment: Payment, amount: int | None, now_s: float) -> Capture:
    """Collect a reservation, all of it if no amount is named; what is not collected is released.

    WrongStateError unless authorized; TooMuchError beyond the reservation.
    """
    if payment.status != "authorized":
        raise WrongStateError(payment, "captured")
    if amount is not None and amount > payment.amount:
        raise TooMuchError("capture_exceeds_authorized", f"{payment.amount} were authorized.")
    return Capture(**about(payment, now_s), amount=amount or payment.amount)


def cancel(payment: Payment, now_s: float) -> list[Move]:
    """Cancel before money moved, else WrongStateError; a canceled payment stays as it is."""
    if payment.status == "canceled":
        return []
    if payment.status not in CANCELABLE:
        raise WrongStateError(payment, "canceled")
    return [Cancel(**about(payment, now_s), amount=payment.amount)]


def refund(
    payment: Payment, amount: int | None, reference: str | None, reason: str | None, now_s: float
) -> Refund:
    """Give money back, all that is left if no amount is named. TooMuchError beyond that."""
    wanted = payment.refundable if amount is None else amount
    if wanted == 0 or wanted > payment.refundable:
        raise TooMuchError(
            "refund_exceeds_captured",
            f"{payment.refundable} of {payment.amount_captured} captured can be refunded.",
        )
    return Refund(
        **about(payment, now_s),
        amount=wanted,
        refund=f"sr_{secrets.token_hex(16)}",
        refund_reference=reference,
        reason=reason,
    )


def about(payment: Payment, now_s: float) -> About:
    """Return the fields that every line about this payment starts with."""
    return About(
        at=rfc3339(now_s),
        payment=payment.id,
        reference=payment.reference,
        currency=payment.currency,
    )


def _verdict(said: About, amount: int, *, capture: bool, no: str | None) -> Move:
    if no is not None:
        return Decline(**said, amount=amount, decline_code=no)
    if capture:
        return Charge(**said, amount=amount)
    return Authorize(**said, amount=amount)
