"""What each request, and time, does to a payout, as ledger lines."""

import secrets
from dataclasses import dataclass
from typing import TypedDict

from ops.sandbox.courses import Course
from ops.sandbox.entries import Move, PayoutCreated, PayoutFailed, PayoutPaid, PayoutReturned
from ops.sandbox.payouts.payout import Payout
from ops.sandbox.refusals import WrongStateError
from ops.sandbox.times import rfc3339

#: What the receiving bank says when it sends a payout back and nobody says otherwise.
RETURNED = "returned_by_bank"
#: What it says when an operator refuses a payout without a reason.
REFUSED = "account_closed"


@dataclass(frozen=True, slots=True)
class PayoutOrder:
    """A valid payout request."""

    reference: str
    amount: int
    currency: str
    destination_type: str
    description: str | None
    metadata: dict[str, str]


class About(TypedDict):
    """What a line says of its payout."""

    at: str
    payout: str
    reference: str
    amount: int
    currency: str


def create(
    order: PayoutOrder,
    course: Course,
    now_s: float,
    async_delay_s: float,
    *,
    returns: bool,
    webhook_faults: tuple[str, ...],
) -> list[Move]:
    """Open a payout, to be decided later; one that is refused at once has failed already."""
    said = About(
        at=rfc3339(now_s),
        payout=f"so_{secrets.token_hex(16)}",
        reference=order.reference,
        amount=order.amount + course.off,
        currency=order.currency,
    )
    created = PayoutCreated(
        **said,
        destination_type=order.destination_type,
        settles_at=rfc3339(now_s + async_delay_s),
        verdict=course.verdict,
        returned_after_s=async_delay_s if returns else None,
        description=order.description,
        metadata=order.metadata,
        webhook_faults=webhook_faults,
    )
    if course.verdict is None or course.later:
        return [created]
    return [created, PayoutFailed(**said, failure_code=course.verdict)]


def settle(payout: Payout, now_s: float) -> list[Move]:
    """Give a processing payout the answer it waits for."""
    if payout.verdict is not None:
        return fail(payout, payout.verdict, now_s, forced=False)
    return pay(payout, now_s, forced=False)


def pay(payout: Payout, now_s: float, *, forced: bool = True) -> list[Move]:
    """Pay a processing payout, else WrongStateError."""
    if payout.status != "processing":
        raise WrongStateError(payout, "paid")
    return [PayoutPaid(**_about(payout, now_s), forced=forced)]


def fail(payout: Payout, code: str | None, now_s: float, *, forced: bool = True) -> list[Move]:
    """Refuse a processing payout, else WrongStateError."""
    if payout.status != "processing":
        raise WrongStateError(payout, "failed")
    said = _about(payout, now_s)
    return [PayoutFailed(**said, failure_code=code or REFUSED, forced=forced)]


def give_back(payout: Payout, code: str | None, now_s: float, *, forced: bool = True) -> list[Move]:
    """Let a paid payout come back, else WrongStateError."""
    if payout.status != "paid":
        raise WrongStateError(payout, "returned")
    said = _about(payout, now_s)
    return [PayoutReturned(**said, failure_code=code or RETURNED, forced=forced)]


def _about(payout: Payout, now_s: float) -> About:
    return About(
        at=rfc3339(now_s),
        payout=payout.id,
        reference=payout.reference,
        amount=payout.amount,
        currency=payout.currency,
    )
