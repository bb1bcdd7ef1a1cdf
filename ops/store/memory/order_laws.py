"""What the database refuses of refunds, payouts and review cases."""

from __future__ import annotations

from collections.abc import Iterable

from domain.attempt import Attempt, Operation
from domain.payment import Payment
from domain.payout import PAYOUT_MOVES, Payout
from domain.refund import PROMISED, REFUND_MOVES, Refund, RefundKind, RefundStatus
from domain.review import Case
from ops.store.memory.laws import check_parked, require


def check_new_refund(refund: Refund, charge: Attempt | None) -> None:
    """Refuse nothing at all as an amount, and what is not of a charge of its payment."""
    late = refund.kind is RefundKind.LATE
    fits = (
        charge is not None
        and charge.payment_id == refund.payment_id
        and charge.operation is Operation.CHARGE
        and (late or charge.money.currency == refund.money.currency)
    )
    require(fits, "refunds_begin: it is not of a charge of its payment")
    require(refund.money.minor > 0, "refunds_amount")
    check_parked(refund.due, "refunds_parked")


def check_refund(before: Refund, after: Refund) -> None:
    """Refuse what no refund may become."""
    require(_asked(before) == _asked(after), "refunds_guard: what was asked for never changes")
    moved = after.status is not before.status
    require(
        not moved or after.status in REFUND_MOVES[before.status],
        f"refunds_guard: illegal move from {before.status} to {after.status}",
    )
    check_parked(after.due, "refunds_parked")


def check_adds_up(payment: Payment, refunds: Iterable[Refund]) -> None:
    """Refuse a payment whose refunds are not what its sums say. Late money is in neither."""
    own = [refund for refund in refunds if refund.kind is not RefundKind.LATE]
    promised = sum(refund.money.minor for refund in own if refund.status in PROMISED)
    done = sum(r.money.minor for r in own if r.status is RefundStatus.SUCCEEDED)
    sums = payment.amount_refund_pending, payment.amount_refunded
    require((promised, done) == sums, "refunds_add_up: its refunds do not add up to its sums")


def check_new_payout(payout: Payout) -> None:
    """Refuse nothing at all as an amount."""
    require(payout.money.minor > 0, "payouts_amount")
    check_parked(payout.due, "payouts_parked")


def check_payout(before: Payout, after: Payout) -> None:
    """Refuse what no payout may become."""
    require(_ordered(before) == _ordered(after), "payouts_guard: what was asked for never changes")
    moved = after.status is not before.status
    require(
        not moved or after.status in PAYOUT_MOVES[before.status],
        f"payouts_guard: illegal move from {before.status} to {after.status}",
    )
    check_parked(after.due, "payouts_parked")


def check_case(case: Case) -> None:
    """Refuse half a decision."""
    parts = (case.decision, case.decided_by, case.decided_at)
    require(sum(part is not None for part in parts) in (0, 3), "review_cases_decided")


def _asked(refund: Refund) -> tuple[object, ...]:
    return (
        refund.id,
        refund.payment_id,
        refund.charge_id,
        refund.merchant_id,
        refund.mode,
        refund.money,
        refund.kind,
        refund.reason,
        refund.requested_by,
        refund.gateway_id,
        refund.created_at,
    )


def _ordered(payout: Payout) -> tuple[object, ...]:
    return (
        payout.id,
        payout.merchant_id,
        payout.mode,
        payout.money,
        payout.country,
        payout.destination,
        payout.customer_id,
        payout.reference,
        payout.created_at,
        payout.expires_at,
    )
