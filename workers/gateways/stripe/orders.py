"""Stripe's refunds and payouts: what one of them says of our order; and what disputes have taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from domain.attempt import Attempt
from domain.outcome import (
    Declined,
    Hardness,
    Outcome,
    Pending,
    Returned,
    Succeeded,
    TakenBack,
    Unknown,
)
from workers.gateways.stripe.currencies import understood
from workers.gateways.stripe.declines import unpaid
from workers.gateways.stripe.shapes import Dispute, Payout, Refund, Shown, told

#: Ours, for a failure that the provider does not name.
REFUND_DECLINED: Final = "refund_declined"
PAYOUT_DECLINED: Final = "payout_declined"
CANCELED: Final = "canceled"
REVERSED: Final = "reversed"
DISPUTED: Final = "disputed"

#: Whether a dispute has taken its money. It is taken when the bank asks, and comes back when the
#: bank gives in; an inquiry, which is what the warnings are, takes none.
TAKEN: Final[Mapping[str, bool]] = {
    "needs_response": True,
    "under_review": True,
    "appeal_needs_response": True,
    "appeal_under_review": True,
    "lost": True,
    "won": False,
    "prevented": False,
    "warning_needs_response": False,
    "warning_under_review": False,
    "warning_closed": False,
}


def refunded(refund: Refund, attempt: Attempt) -> Outcome:
    """Return what a refund says. One that failed is over: it may have failed after it succeeded,
    so sending another would be a decision, not a repetition."""
    if refund.payment_intent not in (None, attempt.target):
        return Unknown(f"{refund.id} refunds another charge")
    match refund.status:
        case "pending" | "requires_action":
            outcome: Outcome = Pending(refund.id)
        case "succeeded":
            outcome = _moved(refund)
        case "failed":
            code = told(refund.failure_reason, REFUND_DECLINED)
            outcome = Declined(code, Hardness.HARD, refund.id)
        case "canceled":
            outcome = Declined(CANCELED, Hardness.HARD, refund.id)
        case other:
            outcome = Unknown(f"{refund.id} is {other:.64}")
    return _ours(refund, outcome, attempt)


def paid_out(payout: Payout, attempt: Attempt) -> Outcome:
    """Return what a payout says. One that was paid may still fail, and then it looks as if it had
    never been paid; only we remember."""
    match payout.status:
        case "pending" | "in_transit":
            outcome: Outcome = Pending(payout.id)
        case "paid" if payout.reversed_by is not None:
            outcome = Returned(payout.id, told(payout.failure_code, REVERSED))
        case "paid":
            outcome = _moved(payout)
        case "failed":
            outcome = unpaid(payout.failure_code, PAYOUT_DECLINED, payout.id)
        case "canceled":
            outcome = Declined(CANCELED, Hardness.HARD, payout.id)
        case other:
            outcome = Unknown(f"{payout.id} is {other:.64}")
    return _ours(payout, outcome, attempt)


def disputed(charge: Succeeded, disputes: Sequence[Dispute]) -> Outcome:
    """Return what is left of a collected charge under its disputes."""
    taken, reason = charge.money - charge.money, DISPUTED
    for dispute in disputes:
        money = understood(dispute.amount, dispute.currency)
        if dispute.status not in TAKEN or money is None or money.currency != taken.currency:
            status, currency = dispute.status, dispute.currency
            return Unknown(f"{charge.provider_id} is disputed: {status:.64} in {currency:.16}")
        if TAKEN[dispute.status]:
            taken, reason = taken + money, told(dispute.reason, DISPUTED)
    if taken.minor > charge.money.minor:
        return Unknown(f"{charge.provider_id} is disputed for more than was collected")
    if not taken.minor:
        return charge
    return TakenBack(charge.provider_id, charge.money, taken, reason, charge.reference)


def _moved(order: Shown) -> Outcome:
    money = understood(order.amount, order.currency)
    if money is None:
        return Unknown(f"{order.id} is {order.status} in {order.currency:.16}")
    return Succeeded(order.id, money, reference=order.reference)


def _ours(order: Shown, outcome: Outcome, attempt: Attempt) -> Outcome:
    """Somebody else's "no" is no answer to us; somebody else's money is told with its reference."""
    theirs = order.reference not in (None, attempt.reference)
    if theirs and not isinstance(outcome, Succeeded):
        return Unknown(f"{order.id} carries a reference that is not ours")
    return outcome
