"""Refunds, outwards: what of a refund its merchant is shown."""

from __future__ import annotations

from typing import Any

from domain.ids import Kind, public
from domain.refund import Refund
from ingress.views import moment


def refund_json(refund: Refund) -> dict[str, Any]:
    """Return a refund for its merchant; amounts are minor units."""
    payment = public(Kind.PAYMENT, refund.payment_id)
    return {
        "id": public(Kind.REFUND, refund.id),
        "object": "refund",
        "payment_id": payment,
        "amount": refund.money.minor,
        "currency": refund.money.currency.code,
        "status": refund.status.value,
        "kind": refund.kind.value,
        "reason": refund.reason,
        "failure": refund.failure
        and {"code": refund.failure.code, "reason": refund.failure.reason},
        "provider": refund.gateway_id,
        "requested_by": refund.requested_by,
        "mode": refund.mode.value,
        "created_at": moment(refund.created_at),
        "processed_at": moment(refund.processed_at),
        "parked": refund.due.parked and {"reason": refund.due.parked.reason.value},
        "links": {
            "self": f"/v1/refunds/{public(Kind.REFUND, refund.id)}",
            "payment": f"/v1/payments/{payment}",
        },
    }
