"""The sandbox provider's refunds and payouts: what one of them says of our order."""

from __future__ import annotations

from typing import Final

from domain.attempt import Attempt
from domain.money import CURRENCIES, Money
from domain.outcome import Declined, Hardness, Outcome, Pending, Returned, Succeeded, Unknown
from workers.gateways.sandbox_answers import hardness
from workers.gateways.sandbox_shapes import Problem, Shown, ShownPayout, ShownRefund, told

#: Ours, for a failure that the provider does not name.
REFUND_DECLINED: Final = "refund_declined"
PAYOUT_DECLINED: Final = "payout_declined"
RETURNED: Final = "returned"


def refunded(refund: ShownRefund, attempt: Attempt) -> Outcome:
    """Return what a refund says. One that failed is over: it may have failed after it succeeded,
    so sending another would be a decision, not a repetition."""
    if refund.payment != attempt.target:
        return Unknown(f"{refund.id} refunds another charge")
    match refund.status:
        case "pending":
            outcome: Outcome = Pending(refund.id)
        case "succeeded":
            outcome = _moved(refund)
        case "failed":
            code = told(refund.failure_code, REFUND_DECLINED)
            outcome = Declined(code, Hardness.HARD, refund.id)
        case other:
            outcome = Unknown(f"{refund.id} is {other:.64}")
    return _ours(refund, outcome, attempt)


def unrefunded(problem: Problem, attempt: Attempt) -> Outcome:
    """Return what the error of a declined refund says of it."""
    return refunded(problem.refund, attempt) if problem.refund else Unknown(problem.code)


def paid_out(payout: ShownPayout, attempt: Attempt) -> Outcome:
    """Return what a payout says."""
    match payout.status:
        case "processing":
            outcome: Outcome = Pending(payout.id)
        case "paid":
            outcome = _moved(payout)
        case "failed":
            code = told(payout.failure_code, PAYOUT_DECLINED)
            outcome = Declined(code, hardness(code), payout.id)
        case "returned":
            outcome = Returned(payout.id, told(payout.failure_code, RETURNED))
        case other:
            outcome = Unknown(f"{payout.id} is {other:.64}")
    return _ours(payout, outcome, attempt)


def unpaid(problem: Problem, attempt: Attempt) -> Outcome:
    """Return what the error of a declined payout says of it."""
    return paid_out(problem.payout, attempt) if problem.payout else Unknown(problem.code)


def _moved(order: Shown) -> Outcome:
    currency = CURRENCIES.get(order.currency)
    if currency is None:
        return Unknown(f"{order.id} is {order.status} in {order.currency:.16}")
    return Succeeded(order.id, Money(order.amount, currency), reference=order.reference)


def _ours(order: Shown, outcome: Outcome, attempt: Attempt) -> Outcome:
    """Somebody else's "no" is no answer to us; somebody else's money is told with its reference."""
    if order.reference != attempt.reference and not isinstance(outcome, Succeeded):
        return Unknown(f"{order.id} carries a reference that is not ours")
    return outcome
