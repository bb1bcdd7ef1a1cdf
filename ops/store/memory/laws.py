"""What the database itself refuses: triggers, CHECKs in the order of their names, foreign keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never
from uuid import UUID

from domain.attempt import Attempt, Operation, State
from domain.due import Due
from domain.facts import Transaction
from domain.payment import INACTIVE, MOVES, PAID, Payment
from domain.payout import Payout
from domain.refund import Refund
from domain.routing import GatewayRow

PROVEN = frozenset({State.DECLINED, State.NOT_CHARGED, State.VOIDED, State.EXPIRED})


class LawBroken(Exception):
    """PostgreSQL would have refused this row; the message names the constraint."""


def require(holds: bool, constraint: str) -> None:
    """Raise `LawBroken` in the name of this constraint, unless it holds."""
    if not holds:
        raise LawBroken(constraint)


def check_payment(before: Payment, after: Payment) -> None:
    """Refuse what no payment may become."""
    asked = (
        (p.id, p.merchant_id, p.mode, p.kind, p.money, p.created_at, p.order_id)
        for p in (before, after)
    )
    require(next(asked) == next(asked), "payments_guard: what was asked for never changes")
    moved = after.status is not before.status
    require(
        not moved or after.status in MOVES[before.status],
        f"payments_guard: illegal move from {before.status} to {after.status}",
    )
    asked_back = after.amount_refunded + after.amount_refund_pending
    require(
        after.amount_refund_pending <= before.amount_refund_pending
        or asked_back + after.amount_reversed <= after.amount_captured,
        "payments_guard: more is asked back than is left",
    )
    require(0 <= (after.capture_amount or 0) <= after.money.minor, "payments_capture_amount")
    require(after.status not in PAID or after.amount_captured > 0, "payments_captured")
    require(after.ending is None or after.ending in INACTIVE, "payments_ending")
    check_parked(after.due, "payments_parked")
    require(
        min(after.amount_refunded, after.amount_refund_pending, after.amount_reversed) >= 0
        and asked_back <= after.amount_captured
        and after.amount_reversed <= after.amount_captured
        and after.amount_captured <= after.amount_authorized <= after.money.minor,
        "payments_sums",
    )


def check_root(attempt: Attempt) -> None:
    """Refuse an attempt that belongs to nothing, to two things, or to the wrong one."""
    pays_out = attempt.operation is Operation.PAYOUT
    require(
        (attempt.payment_id is None) != (attempt.payout_id is None)
        and pays_out == (attempt.payout_id is not None)
        and (attempt.refund_id is None or attempt.operation in (Operation.REFUND, Operation.VOID))
        and (attempt.refund_id is not None or attempt.operation is not Operation.REFUND),
        "payment_attempts_root",
    )


def check_new_attempt(attempt: Attempt) -> None:
    """Refuse an attempt of nothing, and what no attempt may be."""
    require(attempt.money.minor > 0, "payment_attempts_amount")
    _check_attempt(attempt)


def check_gateway(
    row: Attempt | Refund | Payout, gateways: Mapping[str, GatewayRow], constraint: str
) -> None:
    """Refuse a gateway that is not there, or is another mode's."""
    gateway = gateways.get(row.gateway_id or "")
    fits = gateway is not None and gateway.mode is row.mode
    require(row.gateway_id is None or fits, constraint)


def check_owner(
    row: Attempt | Refund, pointed_at: Payment | Payout | None, constraint: str
) -> None:
    """Refuse what points at nothing, or at what is another merchant's or mode's."""
    owner = pointed_at and (pointed_at.merchant_id, pointed_at.mode)
    require(owner == (row.merchant_id, row.mode), constraint)


def check_attempt(before: Attempt, after: Attempt) -> None:
    """Refuse a changed intent, and a "no" without proof."""
    require(_intent(before) == _intent(after), "attempts_guard: an intent never changes")
    confirmed = after.confirming and not before.confirming
    require(confirmed or _times(before) == _times(after), "attempts_guard: the times never change")
    _check_attempt(after)


def check_transaction(transaction: Transaction) -> None:
    """Refuse a movement of nothing, and one that belongs to nothing or to two things."""
    require(0 < transaction.money.minor <= transaction.total, "transactions_amount")
    one = (transaction.payment_id is None) != (transaction.payout_id is None)
    require(one, "transactions_root")


def _check_attempt(attempt: Attempt) -> None:
    require(attempt.captured >= 0, "payment_attempts_amount")
    named = attempt.card is None or (attempt.operation is Operation.CHARGE)
    require(named and len(attempt.card or bytes(32)) == 32, "payment_attempts_card")
    check_parked(attempt.due, "payment_attempts_parked")
    require(attempt.state not in PROVEN or attempt.proof is not None, "payment_attempts_proof")
    check_root(attempt)


def slot_of(attempt: Attempt) -> tuple[str, UUID]:
    """Return what at most one open attempt may hold, by the name of its index."""
    if attempt.refund_id is not None:
        return "payment_attempts_one_open_refund", attempt.refund_id
    match attempt.operation:
        case Operation.CHARGE:
            return "payment_attempts_one_open_charge", attempt.root_id
        case Operation.CAPTURE | Operation.VOID:
            return "payment_attempts_one_open_hold", attempt.root_id
        case Operation.PAYOUT | Operation.REFUND:
            return f"payment_attempts_one_open_{attempt.operation}", attempt.root_id
        case _:
            assert_never(attempt.operation)


def check_parked(due: Due, constraint: str) -> None:
    """Refuse a parked row that still runs."""
    require(due.parked is None or due.next_run_at is None, constraint)


def _intent(attempt: Attempt) -> tuple[object, ...]:
    return (
        attempt.id,
        attempt.payment_id,
        attempt.refund_id,
        attempt.payout_id,
        attempt.merchant_id,
        attempt.mode,
        attempt.operation,
        attempt.number,
        attempt.gateway_id,
        attempt.money,
        attempt.target,
        attempt.captures,
        attempt.request,
    )


def _times(attempt: Attempt) -> tuple[object, ...]:
    return attempt.confirming, attempt.send_before, attempt.deadline_at, attempt.key_window_ends
