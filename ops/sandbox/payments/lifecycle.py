"""What each request, and time, does to a payment, as ledger lines."""

import secrets
from dataclasses import dataclass
from typing import TypedDict

from ops.sandbox.courses import Course
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
    Move,
)
from ops.sandbox.payments.payment import Payment
from ops.sandbox.refusals import TooMuchError, WrongStateError
from ops.sandbox.times import rfc3339

#: An unpaid payment expires after this when the request names no time.
EXPIRES_AFTER_S = 30 * 60
#: What the issuer says when the customer declines on the payment page.
AUTHENTICATION_FAILED = "authentication_failed"
CANCELABLE = frozenset({"processing", "requires_action", "authorized"})


@dataclass(frozen=True, slots=True)
class Order:
    """A valid create request."""

    reference: str
    amount: int
    currency: str
    capture: bool
    source: str
    token: str | None
    expires_at: str | None
    authorization_expires_at: str | None
    return_url: str | None
    description: str | None
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class Opening:
    """How a new payment is going to go beside what every operation has."""

    course: Course
    needs_action: bool = False
    charged_back: bool = False  #: by itself, a moment after its capture
    webhook_faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """The provider's own times, in seconds."""

    async_delay_s: float  #: from processing to the decision
    authorization_life_s: float  #: how long a reservation is held when the request names no time


class About(TypedDict):
    """What a line says of its payment."""

    at: str
    payment: str
    reference: str
    currency: str


def create(order: Order, opening: Opening, now_s: float, terms: Terms) -> list[Move]:
    """Open a payment and, unless it has to wait for someone, decide it."""
    course = opening.course
    later = course.later and not opening.needs_action
    created = Created(
        at=rfc3339(now_s),
        payment=f"sp_{secrets.token_hex(16)}",
        reference=order.reference,
        amount=order.amount + course.off,
        currency=order.currency,
        status="requires_action" if opening.needs_action else "processing",
        capture=order.capture,
        source=order.source,
        expires_at=order.expires_at or rfc3339(now_s + EXPIRES_AFTER_S),
        authorization_expires_at=order.authorization_expires_at,
        settles_at=rfc3339(now_s + terms.async_delay_s) if later else None,
        verdict=course.verdict,
        charged_back_after_s=terms.async_delay_s if opening.charged_back else None,
        return_url=order.return_url,
        description=order.description,
        metadata=order.metadata,
        webhook_faults=opening.webhook_faults,
    )
    if opening.needs_action or later:
        return [created]
    said = About(
        at=created.at,
        payment=created.payment,
        reference=created.reference,
        currency=created.currency,
    )
    if course.verdict is not None:
        return [created, Decline(**said, amount=created.amount, decline_code=course.verdict)]
    if order.capture:
        return [created, Charge(**said, amount=created.amount)]
    until = order.authorization_expires_at or rfc3339(now_s + terms.authorization_life_s)
    return [created, Authorize(**said, amount=created.amount, expires_at=until)]


def decide(payment: Payment, now_s: float, terms: Terms) -> list[Move]:
    """Give a waiting payment, or the capture it waits for, the issuer's answer."""
    said = about(payment, now_s)
    if payment.verdict is not None:
        return decline(payment, payment.verdict, now_s)
    if payment.capture_pending:
        return [Capture(**said, amount=payment.capture_pending)]
    if payment.capture:
        return [Charge(**said, amount=payment.amount)]
    return [authorize(payment, now_s, terms)]


def authorize(payment: Payment, now_s: float, terms: Terms, *, forced: bool = False) -> Authorize:
    """Reserve the amount, until the time the caller or else the provider wants."""
    until = payment.authorization_wish or rfc3339(now_s + terms.authorization_life_s)
    said = about(payment, now_s)
    return Authorize(**said, amount=payment.amount, expires_at=until, forced=forced)


def decline(payment: Payment, code: str, now_s: float) -> list[Move]:
    """Decline a payment that waits for its customer or its issuer."""
    return [Decline(**about(payment, now_s), amount=payment.amount, decline_code=code)]


def expire(payment: Payment, now_s: float) -> list[Move]:
    """End an unpaid payment, or a reservation that was not collected."""
    return [Expire(**about(payment, now_s), amount=payment.amount)]


def capture(
    payment: Payment, amount: int | None, course: Course, now_s: float, terms: Terms
) -> list[Move]:
    """Collect a reservation, all of it if no amount is named; what is not collected is released.

    No line: refused for now, the reservation stands. WrongStateError unless authorized;
    TooMuchError beyond the reservation.
    """
    if payment.status != "authorized":
        raise WrongStateError(payment, "captured")
    if amount is not None and amount > payment.amount:
        raise TooMuchError("capture_exceeds_authorized", f"{payment.amount} were authorized.")
    taken = max(1, (amount or payment.amount) - course.off)
    said = about(payment, now_s)
    if course.later:
        due = rfc3339(now_s + terms.async_delay_s)
        return [CaptureCreated(**said, amount=taken, settles_at=due, verdict=course.verdict)]
    if course.verdict is None:
        return [Capture(**said, amount=taken)]
    # A bank that reports the card as stolen keeps nothing reserved for it.
    return decline(payment, course.verdict, now_s) if course.verdict == "stolen_card" else []


def cancel(payment: Payment, now_s: float) -> list[Move]:
    """Cancel before money moved, else WrongStateError; a canceled payment stays as it is."""
    if payment.status == "canceled":
        return []
    if payment.status not in CANCELABLE:
        raise WrongStateError(payment, "canceled")
    return [Cancel(**about(payment, now_s), amount=payment.amount)]


def charge_back(
    payment: Payment, amount: int | None, reason: str | None, now_s: float, *, forced: bool = True
) -> list[Move]:
    """Let the customer's bank take money back, whether or not it was refunded before.

    Without an amount: what has not gone back yet, else all that can still be charged back.
    WrongStateError where nothing was captured, TooMuchError beyond what was.
    """
    most = payment.amount_captured - payment.amount_charged_back
    if most == 0:
        raise WrongStateError(payment, "charged_back")
    if amount is not None and amount > most:
        raise TooMuchError("chargeback_exceeds_captured", f"{most} can be charged back.")
    taken = amount or payment.refundable or most
    return [Chargeback(**about(payment, now_s), amount=taken, reason=reason, forced=forced)]


def about(payment: Payment, now_s: float) -> About:
    """Return the fields that every line about this payment starts with."""
    return About(
        at=rfc3339(now_s),
        payment=payment.id,
        reference=payment.reference,
        currency=payment.currency,
    )
