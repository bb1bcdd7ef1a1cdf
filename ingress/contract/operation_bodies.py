"""Operation bodies: the schemas of what is asked of a payment, with examples that are accepted."""

from __future__ import annotations

from typing import Final

from domain.money import MAX_MINOR
from domain.requests import FORCIBLE
from ingress.contract import Json
from ingress.contract.bodies import closed, line
from ingress.wishes import MAX_REASON

_KEY: Final = {
    "type": "string",
    "pattern": "^[\\x21-\\x7e]{1,255}$",
    "description": "For clients that cannot set the Idempotency-Key header; both must agree.",
}
_REASON: Final = line(MAX_REASON)


def _amount(description: str) -> Json:
    return {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_MINOR,
        "description": f"In minor units. {description}",
    }


def _body(description: str, *required: str, **properties: Json) -> Json:
    return closed(description, required, properties | {"idempotency_key": _KEY})


SCHEMAS: Final[Json] = {
    "PlainRequest": _body("Nothing more is to be said: the body may be empty."),
    "CaptureRequest": _body("The body may be empty.", amount=_amount("Default: all that is held.")),
    "RefundRequest": _body(
        "How much goes back, and why.",
        "reason",
        amount=_amount("Default: all that is left."),
        reason=_REASON,
    ),
    "ReversalRequest": _body("Why everything is undone.", "reason", reason=_REASON),
    "DecisionRequest": _body("The body may be empty.", note=_REASON),
    "MoveRequest": {
        "type": "object",
        "description": "Where an operator moves a payment by hand, and why.",
        "required": ["status", "reason"],
        "additionalProperties": False,
        "properties": {"status": {"enum": sorted(FORCIBLE)}, "reason": _REASON},
    },
}


def _example(summary: str, **value: object) -> Json:
    return {"summary": summary, "value": value}


EXAMPLES: Final[dict[str, Json]] = {
    "PlainRequest": {"plain": _example("Nothing more")},
    "CaptureRequest": {
        "all": _example("All that is held"),
        "part": _example("A part of it", amount=6000),
    },
    "RefundRequest": {
        "all": _example("All that is left", reason="the order was returned"),
        "part": _example("A part of it", amount=2500, reason="one of two tickets was returned"),
    },
    "ReversalRequest": {"all": _example("Everything", reason="ordered by mistake")},
    "MoveRequest": {
        "ended": _example("End it", status="cancelled", reason="agreed on the telephone"),
    },
    "DecisionRequest": {
        "plain": _example("Without a word"),
        "noted": _example("With a note", note="called the customer"),
    },
}
