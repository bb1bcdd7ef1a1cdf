"""What the database itself refuses: its CHECKs, triggers, foreign keys and unique indexes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from domain.attempt import Attempt, Operation, State
from domain.due import Due
from domain.payment import MOVES, Payment, Status
from domain.routing import GatewayRow

PROVEN = frozenset({State.DECLINED, State.NOT_CHARGED, State.VOIDED, State.EXPIRED})


class LawBroken(Exception):
    """PostgreSQL would have refused this row; the message names the constraint."""


def _require(holds: bool, constraint: str) -> None:
    if not holds:
        raise LawBroken(constraint)


def check_payment(before: Payment, after: Payment, gateways: Mapping[str, GatewayRow]) -> None:
    """Refuse what no payment may become."""
    asked = (
        (p.id, p.merchant_id, p.mode, p.money, p.created_at, p.order_id) for p in (before, after)
    )
    _require(next(asked) == next(asked), "payments_guard: what was asked for never changes")
    moved = after.status is not before.status
    _require(
        not moved or after.status in MOVES[before.status],
        f"payments_guard: illegal move from {before.status} to {after.status}",
    )
    _require(
        after.amount_refunded >= 0
        and after.amount_refund_pending >= 0
        and after.amount_refunded + after.amount_refund_pending <= after.amount_captured
        and after.amount_captured <= after.amount_authorized <= after.money.minor,
        "payments_sums",
    )
    _require(after.status is not Status.CAPTURED or after.amount_captured > 0, "payments_captured")
    _require(after.gateway_id is None or after.gateway_id in gateways, "payments_gateway_id_fkey")
    check_parked(after.due, "payments_parked")


def check_new_attempt(
    attempt: Attempt,
    payment: Payment,
    others: Iterable[Attempt],
    gateways: Mapping[str, GatewayRow],
) -> None:
    """Refuse a second open charge, a number twice, another mode's gateway (laws 1 and 15)."""
    gateway = gateways.get(attempt.gateway_id)
    _require(attempt.mode is payment.mode, "payment_attempts_payment")
    _require(gateway is not None and gateway.mode is attempt.mode, "payment_attempts_gateway")
    numbers = {(other.operation, other.number) for other in others}
    _require((attempt.operation, attempt.number) not in numbers, "payment_attempts_number")
    _check_attempt(attempt, others)


def check_attempt(before: Attempt, after: Attempt, others: Iterable[Attempt]) -> None:
    """Refuse a changed intent, a "no" without proof, and a second open charge."""
    _require(_intent(before) == _intent(after), "attempts_guard: an intent never changes")
    _check_attempt(after, others)


def _check_attempt(attempt: Attempt, others: Iterable[Attempt]) -> None:
    _require(attempt.state not in PROVEN or attempt.proof is not None, "payment_attempts_proof")
    rivals = [attempt, *(o for o in others if o.id != attempt.id)]
    open_ = sum(one.blocks and one.operation is Operation.CHARGE for one in rivals)
    _require(not attempt.blocks or open_ == 1, "payment_attempts_one_open_charge")
    check_parked(attempt.due, "payment_attempts_parked")


def check_parked(due: Due, constraint: str) -> None:
    """Refuse a parked row that still runs."""
    _require(due.parked is None or due.next_run_at is None, constraint)


def _intent(attempt: Attempt) -> tuple[object, ...]:
    return (
        attempt.id,
        attempt.payment_id,
        attempt.mode,
        attempt.operation,
        attempt.number,
        attempt.gateway_id,
        attempt.money,
        attempt.request,
        attempt.send_before,
        attempt.deadline_at,
        attempt.key_window_ends,
    )
