"""What a move leaves behind: its audit entry and its event, written in the move's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from domain.attempt import Attempt
from domain.ids import Kind, public
from domain.payment import Mode, Payment
from domain.webhook import Notice

Json = Mapping[str, object]


class Actor(StrEnum):
    """Who did it."""

    MERCHANT = "merchant"
    WORKER = "worker"
    PROVIDER = "provider"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Entry:
    """One audit entry. `before` and `after` hold no personal data and no secrets."""

    actor: Actor
    actor_id: str
    action: str
    entity: str
    entity_id: str
    merchant_id: UUID | None = None
    mode: Mode | None = None
    before: Json = field(default_factory=dict)
    after: Json = field(default_factory=dict)
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, past tense, for merchants and other systems."""

    type: str
    aggregate: str
    aggregate_id: str
    payload: Json
    merchant_id: UUID | None = None
    mode: Mode | None = None
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """The pair that every state change leaves behind."""

    entry: Entry
    event: Event


def payment_told(before: Payment | None, after: Payment, actor: Actor, actor_id: str) -> Told:
    """Return the audit entry and the event of a payment's creation, move or parking."""
    name = public(Kind.PAYMENT, after.id)
    action = "payment.created" if before is None else f"payment.{after.status}"
    facts: dict[str, object] = {"status": after.status.value}
    if after.due.parked:
        action = "payment.parked"
        facts["parked"] = after.due.parked.reason.value
    if after.gateway_id:
        facts["gateway"] = after.gateway_id
    if after.failure:
        facts["failure_code"] = after.failure.code
    entry = Entry(
        actor,
        actor_id,
        action,
        "payment",
        name,
        after.merchant_id,
        after.mode,
        {} if before is None else {"status": before.status.value},
        facts | {"amount": after.money.minor, "currency": after.money.currency.code},
        after.request_id,
    )
    payload = facts | {
        "payment_id": name,
        "order_id": after.order_id,
        "amount": after.money.minor,
        "currency": after.money.currency.code,
        "amount_captured": after.amount_captured,
    }
    event = Event(action, "payment", name, payload, after.merchant_id, after.mode, after.request_id)
    return Told(entry, event)


def screened_told(payment: Payment, decision: str, mode: str) -> Told:
    """Return the audit entry and the event of a fraud decision; its factors stay with the check."""
    name = public(Kind.PAYMENT, payment.id)
    facts: dict[str, object] = {
        "decision": decision,
        "risk_level": payment.risk_level,
        "score": payment.risk_score,
        "mode": mode,
    }
    ids = (payment.merchant_id, payment.mode)
    entry = Entry(
        Actor.WORKER,
        "screen",
        "payment.screened",
        "payment",
        name,
        *ids,
        after=facts,
        request_id=payment.request_id,
    )
    event = Event("payment.screened", "payment", name, facts, *ids, payment.request_id)
    return Told(entry, event)


def notice_told(notice: Notice, mode: Mode | None = None) -> Told:
    """Return the audit entry and the event of what became of a webhook."""
    name = public(Kind.WEBHOOK, notice.id)
    facts: dict[str, object] = {"status": notice.status, "gateway": notice.gateway_id}
    if notice.attempt_id:
        facts["attempt_id"] = public(Kind.ATTEMPT, notice.attempt_id)
    action = f"webhook.{notice.status}"
    if notice.due.parked:
        action = "webhook.parked"
        facts["parked"] = notice.due.parked.reason.value
    entry = Entry(
        Actor.WORKER,
        "notice",
        action,
        "webhook",
        name,
        mode=mode,
        after=facts,
        request_id=notice.request_id,
    )
    event = Event(action, "webhook", name, facts, mode=mode, request_id=notice.request_id)
    return Told(entry, event)


def attempt_told(before: Attempt | None, after: Attempt, actor: Actor, actor_id: str) -> Told:
    """Return the audit entry and the event of an attempt's birth or move."""
    name = public(Kind.ATTEMPT, after.id)
    action = f"attempt.{after.state}"
    facts: dict[str, object] = {
        "state": after.state.value,
        **_roots(after),
        "gateway": after.gateway_id,
        "operation": after.operation.value,
        "number": after.number,
    }
    for key, value in (("proof", after.proof), ("code", after.code), ("cause", after.cause)):
        if value:
            facts[key] = str(value)
    if after.due.parked:
        facts["parked"] = after.due.parked.reason.value
    entry = Entry(
        actor,
        actor_id,
        action,
        "attempt",
        name,
        after.merchant_id,
        after.mode,
        {} if before is None else {"state": before.state.value},
        facts,
        after.request_id,
    )
    event = Event(action, "attempt", name, facts, after.merchant_id, after.mode, after.request_id)
    return Told(entry, event)


def _roots(attempt: Attempt) -> dict[str, object]:
    ids = (
        ("payment_id", Kind.PAYMENT, attempt.payment_id),
        ("refund_id", Kind.REFUND, attempt.refund_id),
        ("payout_id", Kind.PAYOUT, attempt.payout_id),
    )
    return {name: public(kind, id_) for name, kind, id_ in ids if id_ is not None}
