"""A provider that changes its mind: an operator forces a payment into another state."""

from typing import Literal, TypeAlias, assert_never, get_args

from ops.sandbox.entries import (
    Cancel,
    Capture,
    Charge,
    Decline,
    Expire,
    Move,
    Refund,
    Reverse,
)
from ops.sandbox.payments.lifecycle import Terms, about, authorize
from ops.sandbox.payments.payment import Payment
from ops.sandbox.refunds.lifecycle import new_id
from ops.sandbox.refusals import WrongStateError

#: States a payment can be forced into.
Forced: TypeAlias = Literal["authorized", "captured", "declined", "canceled", "expired", "refunded"]
FORCED: tuple[Forced, ...] = get_args(Forced)


def force(payment: Payment, to: Forced, now_s: float, terms: Terms) -> Move:
    """Move a payment whatever its state, late money after a decline included.

    Leaving a state that holds money for `declined`, `canceled` or `expired` gives the rest of it
    back as a `reverse`. WrongStateError where nothing would change, money would be taken twice, or
    somebody else has a say: a bank that charged back, or one that is still to decide a refund.
    """
    if payment.amount_charged_back or payment.amount_refund_pending:
        raise WrongStateError(payment, to)
    said = about(payment, now_s)
    whole, held = payment.amount, payment.held
    line: Move
    match to:
        case "refunded" if held:
            line = Refund(**said, amount=held, refund=new_id(), forced=True)
        case "declined" | "canceled" | "expired" if held:
            line = Reverse(**said, amount=held, status=to, forced=True)
        case _ if held or payment.status == to:
            raise WrongStateError(payment, to)
        case "authorized":
            line = authorize(payment, now_s, terms, forced=True)
        case "captured" if payment.status == "authorized" or payment.capture_pending:
            line = Capture(**said, amount=payment.capture_pending or whole, forced=True)
        case "captured":
            line = Charge(**said, amount=whole, forced=True)
        case "declined":
            code = payment.verdict or "generic_decline"
            line = Decline(**said, amount=whole, decline_code=code, forced=True)
        case "canceled":
            line = Cancel(**said, amount=whole, forced=True)
        case "expired":
            line = Expire(**said, amount=whole, forced=True)
        case "refunded":
            raise WrongStateError(payment, to)
        case _:
            assert_never(to)
    return line
