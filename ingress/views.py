"""Views: what of a payment leaves the house; everything not named here stays inside."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from domain.attempt import Attempt
from domain.ids import Kind, public
from domain.payment import Payment, Status

_encode = msgspec.json.Encoder().encode

#: While a payment is in one of these, somebody may be worth waiting for.
UNSETTLED = frozenset({Status.PENDING, Status.PROCESSING})


def accepted(payment: Payment) -> bytes:
    """Return the body of the 202, which is also the recorded answer of the key."""
    return _encode(
        {
            "id": public(Kind.PAYMENT, payment.id),
            "object": "payment",
            "status": payment.status.value,
            "amount": payment.money.minor,
            "currency": payment.money.currency.code,
            "order_id": payment.order_id,
            "provider": None,
            "transaction_id": public(Kind.PAYMENT, payment.id),
            "fraud_score": None,
            "mode": payment.mode.value,
            "created_at": moment(payment.created_at),
            "expires_at": moment(payment.expires_at),
            "links": links(payment.id),
        }
    )


def payment_json(payment: Payment) -> dict[str, Any]:
    """Return a payment for its merchant."""
    return {
        "id": public(Kind.PAYMENT, payment.id),
        "object": "payment",
        "status": payment.status.value,
        "amount": payment.money.minor,
        "currency": payment.money.currency.code,
        "amount_captured": payment.amount_captured,
        "amount_refunded": payment.amount_refunded,
        "order_id": payment.order_id,
        "provider": payment.gateway_id,
        "transaction_id": public(Kind.PAYMENT, payment.id),
        "fraud_score": payment.risk_score,
        "risk_level": payment.risk_level,
        "next_action": {"type": "redirect", "url": payment.action_url}
        if payment.action_url
        else None,
        "failure": {"code": payment.failure.code, "reason": payment.failure.reason}
        if payment.failure
        else None,
        "cancel_requested": payment.cancel_requested_at is not None,
        "description": payment.description,
        "metadata": payment.metadata,
        "mode": payment.mode.value,
        "created_at": moment(payment.created_at),
        "expires_at": moment(payment.expires_at),
        "captured_at": moment(payment.captured_at),
        "parked": {"reason": payment.due.parked.reason.value} if payment.due.parked else None,
        "links": links(payment.id),
    }


def status_json(payment: Payment) -> dict[str, Any]:
    """Return the small view that pollers read."""
    return {
        "id": public(Kind.PAYMENT, payment.id),
        "status": payment.status.value,
        "amount": payment.money.minor,
        "amount_captured": payment.amount_captured,
        "currency": payment.money.currency.code,
        "failure_code": payment.failure.code if payment.failure else None,
    }


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    """Return an attempt with the proof of what it did."""
    return {
        "id": public(Kind.ATTEMPT, attempt.id),
        "gateway": attempt.gateway_id,
        "number": attempt.number,
        "operation": attempt.operation.value,
        "state": attempt.state.value,
        "proof": attempt.proof.value if attempt.proof else None,
        "code": attempt.code,
        "cause": attempt.cause,
        "amount": attempt.money.minor,
        "currency": attempt.money.currency.code,
        "created_at": moment(attempt.created_at),
        "finished_at": moment(attempt.finished_at),
    }


def links(id_: UUID) -> dict[str, str]:
    """Return where to go on from a payment."""
    path = f"/v1/payments/{public(Kind.PAYMENT, id_)}"
    return {
        "self": path,
        "status": f"{path}/status",
        "attempts": f"{path}/attempts",
        "cancel": f"{path}/cancel",
    }


def moment(when: datetime | None) -> str | None:
    """Return RFC 3339 in UTC with milliseconds."""
    if when is None:
        return None
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
