"""The refund, as the OpenAPI document shows it wherever one is answered."""

from __future__ import annotations

from typing import Final

from domain.ids import HEX_CHARACTERS, Kind
from domain.payment import Mode
from domain.refund import RefundKind, RefundStatus
from ingress.contract import Json
from ingress.contract.answers import PAYMENT_ID

REFUND_ID: Final = f"{Kind.REFUND.value}_0198c0de91237d409a51c3d2e4f60718"

_TEXT: Final = {"type": "string"}
_NULLABLE: Final = {"type": ["string", "null"]}
_MOMENT: Final = {"type": "string", "format": "date-time"}

_PROPERTIES: Final[Json] = {
    "id": {
        "type": "string",
        "pattern": f"^{Kind.REFUND.value}_[0-9a-f]{{{HEX_CHARACTERS}}}$",
        "examples": [REFUND_ID],
    },
    "object": {"const": "refund"},
    "payment_id": _TEXT,
    "amount": {"type": "integer", "minimum": 1, "description": "In minor units."},
    "currency": _TEXT,
    "status": {
        "enum": list(RefundStatus),
        "description": (
            "`pending` and `processing` go on by themselves; only the provider's word makes it "
            "`succeeded`, and a provider can still fail it later."
        ),
    },
    "kind": {
        "enum": list(RefundKind),
        "description": (
            "`reversal`: the whole payment was undone. `late`: money that arrived after its "
            "payment had ended; it never counted."
        ),
    },
    "reason": _TEXT,
    "failure": {
        "type": ["object", "null"],
        "description": "Why the money did not go back.",
        "required": ["code", "reason"],
        "properties": {"code": _TEXT, "reason": _TEXT},
    },
    "provider": _TEXT | {"description": "The gateway that gives it back."},
    "requested_by": _TEXT | {"examples": ["key:0123456789abcdef"]},
    "mode": {"enum": list(Mode)},
    "created_at": _MOMENT,
    "processed_at": {"type": ["string", "null"], "format": "date-time"},
    "parked": {
        "type": ["object", "null"],
        "description": "It waits for a person of ours; later news still applies.",
        "required": ["reason"],
        "properties": {"reason": _TEXT},
    },
    "links": {
        "type": "object",
        "required": ["self", "payment"],
        "properties": {"self": _TEXT, "payment": _TEXT},
    },
}
REFUND: Final[Json] = {
    "type": "object",
    "description": "Money on its way back to the payer.",
    "required": list(_PROPERTIES),
    "properties": _PROPERTIES,
}
EXAMPLE: Final[Json] = {
    "id": REFUND_ID,
    "object": "refund",
    "payment_id": PAYMENT_ID,
    "amount": 2500,
    "currency": "USD",
    "status": "pending",
    "kind": "refund",
    "reason": "one of two tickets was returned",
    "failure": None,
    "provider": "stripe-eu",
    "requested_by": "key:0123456789abcdef",
    "mode": "test",
    "created_at": "2026-04-02T09:00:00.000Z",
    "processed_at": None,
    "parked": None,
    "links": {"self": f"/v1/refunds/{REFUND_ID}", "payment": f"/v1/payments/{PAYMENT_ID}"},
}
