"""Answers: the schemas of what the door says, and the headers it says it with."""

from __future__ import annotations

from typing import Final

from domain.attempt import Operation, State
from domain.ids import HEX_CHARACTERS, Kind
from domain.outcome import Proof
from domain.requests import Verb
from ingress.contract import Json

PAYMENT_ID: Final = f"{Kind.PAYMENT.value}_0198c0de7f3a7c519a3d5f0e4b2a6d18"
ATTEMPT_ID: Final = f"{Kind.ATTEMPT.value}_0198c0de80017b6f8f1c2d3e4f506172"

_TEXT: Final = {"type": "string"}
_NULLABLE: Final = {"type": ["string", "null"]}
_MINOR: Final = {"type": "integer", "minimum": 0, "description": "In minor units."}
_MOMENT: Final = {"type": "string", "format": "date-time"}
_NULLABLE_MOMENT: Final = {"type": ["string", "null"], "format": "date-time"}


def _id(kind: Kind, example: str) -> Json:
    pattern = f"^{kind.value}_[0-9a-f]{{{HEX_CHARACTERS}}}$"
    return {"type": "string", "pattern": pattern, "examples": [example]}


def _object(description: str, properties: Json) -> Json:
    """Return an object of which every property is always there."""
    return {
        "type": "object",
        "description": description,
        "required": list(properties),
        "properties": properties,
    }


ATTEMPT: Final = _object(
    "One try of one operation at one gateway, written down before anything was sent.",
    {
        "id": _id(Kind.ATTEMPT, ATTEMPT_ID),
        "gateway": _TEXT | {"examples": ["stripe-eu"]},
        "number": {"type": "integer", "minimum": 1},
        "operation": {"enum": list(Operation)},
        "refund_id": _NULLABLE | {"description": "The refund that it carries out."},
        "state": {"enum": list(State)},
        "proof": {
            "enum": [*Proof, None],
            "description": "Why we know that it moved no money; null: it did, or may have.",
        },
        "code": _NULLABLE | {"description": "The provider's code."},
        "cause": _NULLABLE,
        "amount": _MINOR,
        "amount_captured": _MINOR | {"description": "What a charge has collected by now."},
        "currency": _TEXT,
        "provider_reference": _NULLABLE | {"description": "The provider's id of it."},
        "created_at": _MOMENT,
        "finished_at": _NULLABLE_MOMENT,
        "parked": {
            "type": ["object", "null"],
            "description": "It waits for a person of ours.",
            "required": ["reason"],
            "properties": {"reason": _TEXT},
        },
    },
)

ATTEMPT_LIST: Final = _object(
    "Attempts, oldest first.",
    {"data": {"type": "array", "items": {"$ref": "#/components/schemas/Attempt"}}},
)

RECEIVED: Final = _object(
    "The webhook is stored; `duplicate`: it had been before.",
    {"received": {"const": True}, "duplicate": {"type": "boolean"}},
)

HEALTH_PART: Final = _object(
    "One thing that the service stands on.",
    {
        "status": {"enum": ["ok", "degraded", "unavailable"]},
        "required": {"type": "boolean"},
        "duration_ms": {"type": "number"},
        "cause": _NULLABLE,
    },
)

PROBLEM: Final = {
    "type": "object",
    "description": "An error (RFC 9457). Decide by `code`: texts may change, codes do not.",
    "required": [
        *("type", "title", "status", "detail", "code", "operation", "request_id", "errors")
    ],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "code": _TEXT,
        "operation": _TEXT,
        "request_id": _TEXT | {"description": "Name it when you ask us."},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
        "fix": _TEXT | {"description": "What would be right, where it is known."},
        "allowed_operations": {
            "type": "array",
            "items": {"enum": list(Verb)},
            "description": "With `illegal_state` about a payment: what may be asked of it now.",
        },
    },
}

FIELD_ERROR: Final = _object(
    "One wrong field.",
    {
        "field": _TEXT | {"examples": ["payment_method.card.last4"]},
        "reason": _TEXT,
        "fix": _TEXT,
    },
)

HEADERS: Final[Json] = {
    "RequestId": {
        "description": "Yours if you sent a well-formed one, else a new one.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
    },
    "RetryAfter": {
        "description": "Seconds after which the same request may be sent again.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "RateLimit": {
        "description": "Requests a minute that the API key may make.",
        "schema": {"type": "integer"},
    },
    "RateRemaining": {
        "description": "How many are left in this minute.",
        "schema": {"type": "integer"},
    },
    "RateReset": {
        "description": "When this minute ends, as a Unix time.",
        "schema": {"type": "integer"},
    },
}

#: On every answer to an API key.
RATED: Final[Json] = {
    "X-Request-ID": {"$ref": "#/components/headers/RequestId"},
    "X-RateLimit-Limit": {"$ref": "#/components/headers/RateLimit"},
    "X-RateLimit-Remaining": {"$ref": "#/components/headers/RateRemaining"},
    "X-RateLimit-Reset": {"$ref": "#/components/headers/RateReset"},
}
