"""PayPal's refunds and payouts: what one of them says of our order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from domain.attempt import Attempt
from domain.outcome import (
    Declined,
    Hardness,
    NotFound,
    Outcome,
    Pending,
    Returned,
    Succeeded,
    Unknown,
)
from workers.gateways.paypal.coins import heard
from workers.gateways.paypal.shapes import Batch, Item, Movement

#: Ours, for a failure that PayPal only tells by a status.
REFUND_FAILED: Final = "refund_failed"
REFUND_CANCELLED: Final = "refund_cancelled"

#: While a batch is in one of these, its payouts are still to be made.
BATCH_OPEN: Final = frozenset({"PENDING", "PROCESSING"})
#: It ended, and none of its payouts was made.
BATCH_REFUSED: Final[Mapping[str, Hardness]] = {
    "DENIED": Hardness.SOFT,  # as a rule the balance did not suffice
    "CANCELED": Hardness.HARD,
}
BATCH_DONE: Final = "SUCCESS"

#: A payout on its way; unclaimed, it waits up to 30 days for somebody to open an account.
ITEM_OPEN: Final = frozenset({"PENDING", "UNCLAIMED", "ONHOLD"})
ITEM_PAID: Final = "SUCCESS"
ITEM_REFUSED: Final = frozenset({"FAILED", "BLOCKED"})
#: The money is with the sender again.
ITEM_RETURNED: Final = frozenset({"RETURNED", "REFUNDED", "REVERSED"})


def refunded(refund: Movement, attempt: Attempt) -> Outcome:
    """Return what a refund says. One that failed is over: it may have failed after it succeeded,
    so sending another would be a decision, not a repetition."""
    match refund.status:
        case "PENDING":
            outcome: Outcome = Pending(refund.id)
        case "COMPLETED":
            money = heard(refund.amount.value, refund.amount.currency_code)
            if money is None:
                return Unknown(f"{refund.id} is in {refund.amount.currency_code:.16}")
            return Succeeded(refund.id, money, reference=refund.custom_id)
        case "FAILED":
            outcome = Declined(REFUND_FAILED, Hardness.HARD, refund.id)
        case "CANCELLED":
            outcome = Declined(REFUND_CANCELLED, Hardness.HARD, refund.id)
        case other:
            outcome = Unknown(f"{refund.id} is {other:.64}")
    if refund.custom_id not in (None, attempt.reference):
        return Unknown(f"{refund.id} carries a reference that is not ours")
    return outcome


def ours(refunds: Sequence[Movement], attempt: Attempt) -> list[Movement]:
    """Return the refunds that carry our name, oldest first."""
    named = [one for one in refunds if attempt.reference in (one.custom_id, one.invoice_id)]
    return sorted(named, key=lambda one: one.create_time)


def weighed(
    found: Sequence[Movement], said: Callable[[Movement], Outcome]
) -> tuple[Outcome | NotFound, int]:
    """Return what the refund that matters most says, and how many of them moved money.

    Money that moved matters before what may still move; among equals, the first is ours.
    """
    outcomes = [said(one) for one in found]
    if not outcomes:
        return NotFound(), 0
    moved = sum(isinstance(outcome, Succeeded) for outcome in outcomes)
    return min(outcomes, key=_rank), moved


def paid_out(batch: Batch, attempt: Attempt) -> Outcome:
    """Return what a batch says of the only payout in it."""
    header = batch.batch_header
    id_, status = header.payout_batch_id, header.batch_status
    items = batch.items
    if len(items) > 1:
        return Unknown(f"{id_} has several payouts")
    if status in BATCH_OPEN:
        outcome: Outcome = Pending(id_)
    elif status in BATCH_REFUSED:
        outcome = Declined(status.lower(), BATCH_REFUSED[status], id_)
    elif status != BATCH_DONE:
        outcome = Unknown(f"{id_} is {status:.64}")
    elif not items:
        outcome = Pending(id_)
    else:
        outcome = _paid(id_, items[0])
    if not names(batch) <= {attempt.reference} and not isinstance(outcome, Succeeded):
        return Unknown(f"{id_} carries a reference that is not ours")
    return outcome


def names(batch: Batch) -> set[str]:
    """Return the senders' names that a batch and its payouts show."""
    shown = [batch.batch_header.sender_batch_header.sender_batch_id]
    shown += [one.payout_item.sender_item_id for one in batch.items]
    return {name for name in shown if name is not None}


def _paid(id_: str, item: Item) -> Outcome:
    status = item.transaction_status
    if status in ITEM_OPEN:
        return Pending(id_)
    if status in ITEM_REFUSED:
        return Declined(item.error or status.lower(), Hardness.HARD, id_)
    if status in ITEM_RETURNED:
        return Returned(id_, item.error or status.lower())
    detail = item.payout_item
    money = heard(detail.amount.value, detail.amount.currency)
    if status != ITEM_PAID or money is None:
        return Unknown(f"{id_} is {status:.64} in {detail.amount.currency:.16}")
    return Succeeded(id_, money, reference=detail.sender_item_id)


def _rank(outcome: Outcome) -> int:
    match outcome:
        case Succeeded():
            return 0
        case Unknown():
            return 1
        case Pending():
            return 2
        case _:
            return 3
