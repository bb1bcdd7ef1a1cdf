"""Views: what of a payment leaves the house; everything not named here stays inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from domain.attempt import Attempt
from domain.ids import Kind, public
from domain.means import Card
from domain.payment import Payment, Status
from domain.requests import Sight, Verb, allowed_operations

_encode = msgspec.json.Encoder().encode

#: While a payment is in one of these, somebody may be worth waiting for.
UNSETTLED = frozenset({Status.PENDING, Status.PROCESSING})

#: Where a payer is to be sent: the link of a payment's id (`ingress.hop`).
CheckoutUrl = Callable[[UUID], str]

_REVIEWED = frozenset({Verb.APPROVE, Verb.REJECT})


def settled(payment: Payment) -> bool:
    """Whether nothing more will come of a payment by itself, for a while at least."""
    return payment.status not in UNSETTLED or not payment.confirmed


def accepted(payment: Payment, checkout_url: CheckoutUrl) -> bytes:
    """Return the body of the 202, which is also the recorded answer of the key."""
    # Nothing of a new payment is captured yet: no window has begun that could be over.
    allowed = allowed_operations(payment, Sight(payment.created_at, timedelta(0)))
    id_ = public(Kind.PAYMENT, payment.id)
    return _encode(
        {
            "id": id_,
            "object": "payment",
            "status": payment.status.value,
            "amount": payment.money.minor,
            "currency": payment.money.currency.code,
            "order_id": payment.order_id,
            "provider": None,
            "transaction_id": id_,
            "fraud_score": None,
            "capture_method": payment.capture_method.value,
            "confirm": payment.confirmed,
            "checkout_url": checkout_url(payment.id),
            "mode": payment.mode.value,
            "created_at": moment(payment.created_at),
            "expires_at": moment(payment.expires_at),
            "links": links(payment, allowed),
        }
    )


def payment_json(payment: Payment, checkout_url: CheckoutUrl, sight: Sight) -> dict[str, Any]:
    """Return a payment for its merchant; `sight` says what can be asked of it now."""
    allowed = allowed_operations(payment, sight)
    return {
        "id": public(Kind.PAYMENT, payment.id),
        "object": "payment",
        "status": payment.status.value,
        "amount": payment.money.minor,
        "currency": payment.money.currency.code,
        "amount_authorized": payment.amount_authorized,
        "amount_captured": payment.amount_captured,
        "amount_refunded": payment.amount_refunded,
        "amount_refund_pending": payment.amount_refund_pending,
        "amount_refundable": sight.refundable(payment),
        "amount_reversed": payment.amount_reversed,
        "capture_method": payment.capture_method.value,
        "confirm": payment.confirmed,
        "payment_method": _method_json(payment),
        "customer_id": payment.customer_id and public(Kind.CUSTOMER, payment.customer_id),
        "order_id": payment.order_id,
        "provider": payment.gateway_id,
        "transaction_id": public(Kind.PAYMENT, payment.id),
        "fraud_score": payment.risk_score,
        "risk_level": payment.risk_level,
        "review": payment.review and payment.review.value,
        "allowed_operations": [verb.value for verb in allowed],
        "checkout_url": checkout_url(payment.id),
        "next_action": _next_action(payment),
        "failure": {"code": payment.failure.code, "reason": payment.failure.reason}
        if payment.failure
        else None,
        "cancel_requested": payment.cancel_requested_at is not None,
        "description": payment.description,
        "metadata": payment.metadata,
        "mode": payment.mode.value,
        "created_at": moment(payment.created_at),
        "expires_at": moment(payment.expires_at),
        "authorized_at": moment(payment.authorized_at),
        "authorization_expires_at": moment(payment.authorization_expires_at),
        "captured_at": moment(payment.captured_at),
        "refunded_at": moment(payment.refunded_at),
        "failed_at": moment(payment.failed_at),
        "cancelled_at": moment(payment.cancelled_at),
        "expired_at": moment(payment.expired_at),
        "parked": {"reason": payment.due.parked.reason.value} if payment.due.parked else None,
        "links": links(payment, allowed),
    }


def _next_action(payment: Payment) -> dict[str, str] | None:
    """Return what the payer has to do: go to a page, or make a transfer to an account."""
    if payment.action_url is None:
        return None
    return {"type": "redirect", "url": payment.action_url, **dict(payment.action_shown)}


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
        "refund_id": attempt.refund_id and public(Kind.REFUND, attempt.refund_id),
        "state": attempt.state.value,
        "proof": attempt.proof.value if attempt.proof else None,
        "code": attempt.code,
        "cause": attempt.cause,
        "amount": attempt.money.minor,
        "amount_captured": attempt.captured,
        "currency": attempt.money.currency.code,
        "provider_reference": attempt.provider_id,
        "created_at": moment(attempt.created_at),
        "finished_at": moment(attempt.finished_at),
        "parked": {"reason": attempt.due.parked.reason.value} if attempt.due.parked else None,
    }


def links(payment: Payment, allowed: Sequence[Verb]) -> dict[str, Any]:
    """Return where to go on from a payment; `operations` holds those that are allowed now."""
    id_ = public(Kind.PAYMENT, payment.id)
    path = f"/v1/payments/{id_}"
    return {
        "self": path,
        "status": f"{path}/status",
        "attempts": f"{path}/attempts",
        "cancel": f"{path}/cancel",
        "refunds": f"{path}/refunds",
        "timeline": f"{path}/timeline",
        "transactions": f"/v1/transactions?payment_id={id_}",
        "operations": {verb.value: operation_path(verb, id_) for verb in allowed},
    }


def operation_path(verb: Verb, id_: str) -> str:
    """Return where a payment (`pay_...`) is asked for an operation, by POST."""
    if verb in _REVIEWED:
        return f"/v1/reviews/{id_}/{verb.value}"
    return f"/v1/payments/{id_}/{'refunds' if verb is Verb.REFUND else verb.value}"


def moment(when: datetime | None) -> str | None:
    """Return RFC 3339 in UTC with milliseconds."""
    if when is None:
        return None
    if when.tzinfo is not UTC:
        when = when.astimezone(UTC)
    return when.isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"


def _method_json(payment: Payment) -> dict[str, Any]:
    """Return what is told of the payment method: never a token, never a holder's name."""
    card = payment.method.card or Card()
    return {
        "id": payment.method_id and public(Kind.PAYMENT_METHOD, payment.method_id),
        "type": payment.method.type,
        "brand": card.brand,
        "last4": card.last4,
    }
