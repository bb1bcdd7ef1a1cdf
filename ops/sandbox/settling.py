"""A provider that changes its mind: an operator forces a payment into another state."""

import secrets
from typing import Literal, TypeAlias, assert_never, get_args

from ops.sandbox.entries import (
    Authorize,
    Cancel,
    Capture,
    Charge,
    Decline,
    Expire,
    Move,
    Refund,
    Reverse,
)
from ops.sandbox.operations import WrongStateError, about
from ops.sandbox.payments import Payment

#: States a payment can be forced into.
Forced: TypeAlias = Literal["authorized", "captured", "declined", "canceled", "expired", "refunded"]
FORCED: tuple[Forced, ...] = get_args(Forced)


def force(payment: Payment, to: Forced, now_s: float) -> Move:
    """Move a payment whatever its state, late money after a decline included.

    Leaving a state that holds money for `declined`, `canceled` or `expired` gives the rest of it
    back as a `reverse`. WrongStateError where nothing would change or money would be taken twice.
    """
    said = about(payment, now_s)
    whole, held = payment.amount, payment.refundable
    line: Move
    match to:
        case "refunded" if held:
            number = f"sr_{secrets.token_hex(16)}"
            line = Refund(**said, amount=held, refund=number, forced=True)
        case "declined" | "canceled" | "expired" if held:
            line = Reverse(**said, amount=held, status=to, forced=True)
        case _ if held or payment.status == to:
            raise WrongStateError(payment, to)
        case "authorized":
            line = Authorize(**said, amount=whole, forced=True)
        case "captured" if payment.status == "authorized":
            line = Capture(**said, amount=whole, forced=True)
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
