"""What moves of refunds, payouts and review cases leave behind."""

from __future__ import annotations

from domain.events import Actor, Entry, Event, Told
from domain.ids import Kind, public
from domain.payment import Payment
from domain.payout import Payout
from domain.refund import Refund
from domain.review import Case


def refund_told(before: Refund | None, after: Refund, actor: Actor, actor_id: str) -> Told:
    """Return the audit entry and the event of a refund's birth or move."""
    name = public(Kind.REFUND, after.id)
    facts: dict[str, object] = {
        "status": after.status.value,
        "payment_id": public(Kind.PAYMENT, after.payment_id),
        "kind": after.kind.value,
        "amount": after.money.minor,
        "currency": after.money.currency.code,
        "gateway": after.gateway_id,
    }
    action = _action("refund", before is None, after.status.value, after.due.parked is not None)
    return _pair(after, name, "refund", action, _was(before), facts, actor, actor_id)


def payout_told(before: Payout | None, after: Payout, actor: Actor, actor_id: str) -> Told:
    """Return the audit entry and the event of a payout's birth or move."""
    name = public(Kind.PAYOUT, after.id)
    facts: dict[str, object] = {
        "status": after.status.value,
        "amount": after.money.minor,
        "currency": after.money.currency.code,
    }
    if after.gateway_id:
        facts["gateway"] = after.gateway_id
    action = _action("payout", before is None, after.status.value, after.due.parked is not None)
    return _pair(after, name, "payout", action, _was(before), facts, actor, actor_id)


def case_told(case: Case, payment: Payment, actor: Actor, actor_id: str) -> Told:
    """Return the audit entry and the event of a review that was opened or decided."""
    name = public(Kind.PAYMENT, payment.id)
    facts: dict[str, object] = {"kind": case.kind.value, "reason": case.reason}
    action = "review.opened" if case.decision is None else f"review.{case.decision}"
    if case.note:
        facts["note"] = case.note
    ids = (payment.merchant_id, payment.mode)
    entry = Entry(
        actor, actor_id, action, "payment", name, *ids, after=facts, request_id=payment.request_id
    )
    return Told(entry, Event(action, "payment", name, facts, *ids, payment.request_id))


def _was(before: Refund | Payout | None) -> str | None:
    return None if before is None else before.status.value


def _action(noun: str, born: bool, status: str, parked: bool) -> str:
    if born:
        return f"{noun}.created"
    return f"{noun}.parked" if parked else f"{noun}.{status}"


def _pair(
    row: Refund | Payout,
    name: str,
    noun: str,
    action: str,
    was: str | None,
    facts: dict[str, object],
    actor: Actor,
    actor_id: str,
) -> Told:
    if row.failure:
        facts["failure_code"] = row.failure.code
    if row.due.parked:
        facts["parked"] = row.due.parked.reason.value
    ids = (row.merchant_id, row.mode)
    before = {} if was is None else {"status": was}
    entry = Entry(actor, actor_id, action, noun, name, *ids, before, facts, row.request_id)
    return Told(entry, Event(action, noun, name, facts, *ids, row.request_id))
