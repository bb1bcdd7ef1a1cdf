"""The review case, as the OpenAPI document shows it."""

from __future__ import annotations

from typing import Final

from domain.ids import HEX_CHARACTERS, Kind
from domain.review import CaseKind, Decision
from ingress.contract import Json
from ingress.contract.answers import PAYMENT_ID

REVIEW_ID: Final = f"{Kind.REVIEW.value}_0198c0dea2347e519b62d4e3f5071829"

_TEXT: Final = {"type": "string"}
_NULLABLE: Final = {"type": ["string", "null"]}

_PROPERTIES: Final[Json] = {
    "id": {
        "type": "string",
        "pattern": f"^{Kind.REVIEW.value}_[0-9a-f]{{{HEX_CHARACTERS}}}$",
        "examples": [REVIEW_ID],
    },
    "object": {"const": "review"},
    "payment_id": _TEXT | {"description": "Decisions are about the payment."},
    "kind": {
        "enum": list(CaseKind),
        "description": (
            "`fraud`: screening did not want to decide. `mismatch`: the provider reports other "
            "money than was asked for. `contradiction`: it said both that money is held and that "
            "it is not."
        ),
    },
    "reason": _TEXT,
    "found_amount": {
        "type": ["integer", "null"],
        "description": "What the provider reported, in minor units.",
    },
    "found_currency": _NULLABLE,
    "decision": {"enum": [*Decision, None], "description": "null: it is open."},
    "decided_by": _NULLABLE,
    "note": _NULLABLE,
    "opened_at": {"type": "string", "format": "date-time"},
    "decided_at": {"type": ["string", "null"], "format": "date-time"},
    "links": {
        "type": "object",
        "required": ["payment", "approve", "reject"],
        "properties": {"payment": _TEXT, "approve": _TEXT, "reject": _TEXT},
    },
}
SCHEMAS: Final[Json] = {
    "Review": {
        "type": "object",
        "description": "A question about a payment that only a person may decide.",
        "required": list(_PROPERTIES),
        "properties": _PROPERTIES,
    },
    "ReviewPage": {
        "type": "object",
        "description": "Review cases, newest first.",
        "required": ["data", "has_more", "next_cursor"],
        "properties": {
            "data": {"type": "array", "items": {"$ref": "#/components/schemas/Review"}},
            "has_more": {"type": "boolean"},
            "next_cursor": _NULLABLE | {"description": "For `?cursor=`; null on the last page."},
        },
    },
}
_EXAMPLE: Final[Json] = {
    "id": REVIEW_ID,
    "object": "review",
    "payment_id": PAYMENT_ID,
    "kind": "fraud",
    "reason": "the card's country differs from the payer's",
    "found_amount": None,
    "found_currency": None,
    "decision": None,
    "decided_by": None,
    "note": None,
    "opened_at": "2026-03-31T12:00:00.600Z",
    "decided_at": None,
    "links": {
        "payment": f"/v1/payments/{PAYMENT_ID}",
        "approve": f"/v1/reviews/{PAYMENT_ID}/approve",
        "reject": f"/v1/reviews/{PAYMENT_ID}/reject",
    },
}
PAGE_EXAMPLE: Final[Json] = {"data": [_EXAMPLE], "has_more": False, "next_cursor": None}
