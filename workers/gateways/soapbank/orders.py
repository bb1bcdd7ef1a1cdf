"""A bank's refunds and payouts: what one of them says of our order."""

from __future__ import annotations

from typing import Final

from domain.attempt import Attempt
from domain.outcome import (
    Declined,
    Hardness,
    Outcome,
    Pending,
    Prepared,
    Returned,
    Succeeded,
    Unknown,
)
from workers.gateways.soapbank.answers import hardness
from workers.gateways.soapbank.shapes import Record, ShownPayout, ShownRefund, money_of

#: Ours, for a failure that the bank does not explain.
REFUND_DECLINED: Final = "refund_declined"
PAYOUT_DECLINED: Final = "payout_declined"
RETURNED: Final = "returned"


def refunded(refund: ShownRefund, attempt: Attempt) -> Outcome:
    """Return what a refund says. One that was rejected is over: that may have happened after it
    succeeded, so sending another would be a decision, not a repetition."""
    if refund.original != attempt.target:
        return Unknown(f"{refund.bank_id} refunds another charge")
    match refund.status:
        case "PENDING":
            outcome: Outcome = Pending(refund.bank_id)
        case "REFUNDED":
            outcome = _moved(refund)
        case "REJECTED":
            outcome = Declined(refund.told(REFUND_DECLINED), Hardness.HARD, refund.bank_id)
        case other:
            outcome = Unknown(f"{refund.bank_id} is {other}")
    return _ours(refund, outcome, attempt)


def paid_out(payout: ShownPayout, attempt: Attempt) -> Outcome:
    """Return what a payout says. One that is created waits for its approval."""
    match payout.status:
        case "CREATED":
            outcome: Outcome = Prepared(payout.bank_id)
        case "APPROVED":
            outcome = Pending(payout.bank_id)
        case "SENT":
            outcome = _moved(payout)
        case "REJECTED":
            reason = payout.told(PAYOUT_DECLINED)
            outcome = Declined(reason, hardness(reason), payout.bank_id)
        case "RETURNED":
            outcome = Returned(payout.bank_id, payout.told(RETURNED))
        case other:
            outcome = Unknown(f"{payout.bank_id} is {other}")
    return _ours(payout, outcome, attempt)


def _moved(order: Record) -> Outcome:
    money = money_of(order.amount, order.currency)
    if money is None:
        return Unknown(f"{order.bank_id} is {order.status} in {order.currency:.16}")
    return Succeeded(order.bank_id, money, reference=order.reference)


def _ours(order: Record, outcome: Outcome, attempt: Attempt) -> Outcome:
    """Somebody else's "no" is no answer to us; somebody else's money is told with its reference."""
    if order.reference != attempt.reference and not isinstance(outcome, Succeeded):
        return Unknown(f"{order.bank_id} carries a reference that is not ours")
    return outcome
