"""Xendit's refunds and payouts: what one of them says of our order."""

from __future__ import annotations

from typing import Final

from domain.attempt import Attempt
from domain.outcome import Declined, Hardness, Outcome, Pending, Returned, Succeeded, Unknown
from workers.gateways.xendit.amounts import read
from workers.gateways.xendit.answers import hardness
from workers.gateways.xendit.shapes import ShownPayout, ShownRefund, named, told

#: Ours, for an end without a code.
REFUND_FAILED: Final = "REFUND_FAILED"
REFUND_CANCELLED: Final = "REFUND_CANCELLED"
PAYOUT_FAILED: Final = "PAYOUT_FAILED"
REVERSED: Final = "REVERSED"

#: A refund that the channel works on; an older API has a step for the payer.
REFUND_OPEN: Final = frozenset({"PENDING", "REQUIRES_ACTION"})
#: A payout that is not decided, whatever it waits for: a bank that is offline, a person at Xendit.
PAYOUT_OPEN: Final = frozenset(
    {
        "ACCEPTED",
        "REQUESTED",
        "LOCKED",
        "READY",
        "ROUTING",
        "PENDING_COMPLIANCE_ASSESSMENT",
    }
)
#: Ended without money, for good.
PAYOUT_REFUSED: Final = frozenset({"CANCELLED", "EXPIRED", "REJECTED", "COMPLIANCE_REJECTED"})


def refunded(refund: ShownRefund, attempt: Attempt) -> Outcome:
    """Return what a refund says. Succeeded means that the channel has taken it on. One that failed
    is over: it may have failed after it succeeded, so sending another would be a decision, not a
    repetition."""
    if refund.payment_request_id != attempt.target:
        return Unknown(f"{refund.id} refunds another charge")
    match refund.status:
        case status if status in REFUND_OPEN:
            outcome: Outcome = Pending(refund.id)
        case "SUCCEEDED":
            outcome = _moved(refund)
        case "FAILED":
            code = told(refund.failure_code, REFUND_FAILED)
            outcome = Declined(code, Hardness.HARD, refund.id)
        case "CANCELLED":
            outcome = Declined(REFUND_CANCELLED, Hardness.HARD, refund.id)
        case other:
            outcome = Unknown(f"{refund.id} is {other:.64}")
    return _ours(refund, outcome, attempt)


def paid_out(payout: ShownPayout, attempt: Attempt) -> Outcome:
    """Return what a payout says."""
    match payout.status:
        case status if status in PAYOUT_OPEN:
            outcome: Outcome = Pending(payout.id)
        case "SUCCEEDED":
            outcome = _moved(payout)
        case "FAILED":
            code = told(payout.failure_code, PAYOUT_FAILED)
            outcome = Declined(code, hardness(code), payout.id)
        case "REVERSED":
            outcome = Returned(payout.id, told(payout.failure_code, REVERSED))
        case status if status in PAYOUT_REFUSED:
            outcome = Declined(told(payout.failure_code, status), Hardness.HARD, payout.id)
        case other:
            outcome = Unknown(f"{payout.id} is {other:.64}")
    return _ours(payout, outcome, attempt)


def _moved(order: ShownRefund | ShownPayout) -> Outcome:
    money = read(order.amount, order.currency)
    if money is None:
        return Unknown(f"{order.id} is {order.status:.64} in {order.currency:.16}")
    return Succeeded(order.id, money, reference=named(order))


def _ours(order: ShownRefund | ShownPayout, outcome: Outcome, attempt: Attempt) -> Outcome:
    """Somebody else's "no" is no answer to us; somebody else's money is told with its reference."""
    if order.reference_id != attempt.reference and not isinstance(outcome, Succeeded):
        return Unknown(f"{order.id} carries a reference that is not ours")
    return outcome
