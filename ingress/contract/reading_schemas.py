"""Reading: the schemas of transactions, lists, scores and timelines, with an example of each."""

from __future__ import annotations

from typing import Final

from domain.events import Actor
from domain.facts import Movement
from domain.fraud.score import Decision, Level, Source
from domain.fraud.score import Mode as Scored
from domain.ids import HEX_CHARACTERS, Kind
from domain.payment import Mode
from ingress.contract import Json
from ingress.contract.answers import ATTEMPT_ID, PAYMENT_ID
from ingress.contract.refund_schema import EXAMPLE as REFUND
from ingress.tale_entries import ORDER
from ingress.tale_out import MOST_TOLD
from ops.store.wanted import COUNT_CAP

TRANSACTION_ID: Final = f"{Kind.TRANSACTION.value}_0198c0de82347e1192b3c4d5e6f70819"

_TEXT: Final = {"type": "string"}
_NULLABLE: Final = {"type": ["string", "null"]}
_MOMENT: Final = {"type": "string", "format": "date-time"}
_NULLABLE_MOMENT: Final = {"type": ["string", "null"], "format": "date-time"}


def _id(kind: Kind, example: str) -> Json:
    pattern = f"^{kind.value}_[0-9a-f]{{{HEX_CHARACTERS}}}$"
    return {"type": "string", "pattern": pattern, "examples": [example]}


def _object(description: str, properties: Json, sometimes: Json | None = None) -> Json:
    """Return an object; of its properties only those of `sometimes` may be missing."""
    return {
        "type": "object",
        "description": description,
        "required": list(properties),
        "properties": properties | (sometimes or {}),
    }


#: What a page has beside its rows if it is asked for.
COUNTED: Final[Json] = {
    "total": {"type": "integer", "minimum": 0, "maximum": COUNT_CAP},
    "total_is_capped": {"type": "boolean", "description": "There are more than `total`."},
}


def page(what: str, schema: str) -> Json:
    """Return the schema of a page of rows."""
    return _object(
        f"{what}, newest first.",
        {
            "data": {"type": "array", "items": {"$ref": f"#/components/schemas/{schema}"}},
            "has_more": {"type": "boolean"},
            "next_cursor": _NULLABLE | {"description": "For `?cursor=`; null on the last page."},
        },
        COUNTED,
    )


_TRANSACTION: Final = _object(
    "Money that moved. It never changes: what comes later is another transaction.",
    {
        "id": _id(Kind.TRANSACTION, TRANSACTION_ID),
        "object": {"const": "transaction"},
        "type": {
            "enum": list(Movement),
            "description": (
                "`authorization` holds money and `void` lets go of it; `sale` and `capture` "
                "collect it. `chargeback`: the provider took it back."
            ),
        },
        "amount": {"type": "integer", "minimum": 1, "description": "In minor units."},
        "currency": _TEXT,
        "payment_id": _NULLABLE | {"description": "Null: it belongs to a payout."},
        "order_id": _NULLABLE,
        "refund_id": _NULLABLE,
        "payout_id": _NULLABLE,
        "attempt_id": _id(Kind.ATTEMPT, ATTEMPT_ID),
        "provider": _TEXT | {"description": "The gateway where it moved."},
        "provider_reference": _TEXT | {"description": "The provider's id of it."},
        "mode": {"enum": list(Mode)},
        "created_at": _MOMENT,
    },
)

_FACTOR: Final = _object(
    "One reason for the score.", {"name": _TEXT, "source": {"enum": list(Source)}, "text": _TEXT}
)

_FRAUD_SCORE: Final = _object(
    "What screening made of a payment; before it has, every part is null. For you, not the payer.",
    {
        "payment_id": _id(Kind.PAYMENT, PAYMENT_ID),
        "object": {"const": "fraud_score"},
        "score": _NULLABLE | {"description": "0 to 1 as a decimal.", "examples": ["0.0400"]},
        "level": {"enum": [*Level, None]},
        "decision": {"enum": [*Decision, None]},
        "reason": _NULLABLE | {"description": "What decided; null for a plain approval."},
        "factors": {"type": "array", "items": _FACTOR},
        "scored": {
            "enum": [*Scored, None],
            "description": "How much the score could look at.",
        },
        "ruleset_version": _NULLABLE,
        "model_id": _NULLABLE,
        "decided_at": _NULLABLE_MOMENT,
    },
)

_ENTRY: Final = _object(
    "One thing that happened.",
    {
        "at": _MOMENT,
        "type": {"enum": list(ORDER)},
        "actor": _object(
            "Who did it; `id` names an API key.", {"type": {"enum": list(Actor)}, "id": _NULLABLE}
        ),
        "summary": _TEXT | {"description": "A sentence for people; it may change."},
        "data": {"type": "object", "description": "The same for programs; it depends on `type`."},
    },
)

_TIMELINE: Final = _object(
    "All that happened to a payment, oldest first: requests, decisions, attempts with their "
    "proofs, what providers told, money, refunds, reviews, and the audit.",
    {
        "payment_id": _id(Kind.PAYMENT, PAYMENT_ID),
        "object": {"const": "timeline"},
        "data": {"type": "array", "maxItems": MOST_TOLD, "items": _ENTRY},
        "is_cut": {"type": "boolean", "description": "There is more than is told."},
    },
)

SCHEMAS: Final[Json] = {
    "Transaction": _TRANSACTION,
    "TransactionPage": page("Transactions", "Transaction"),
    "TransactionReport": _object(
        "Transactions, oldest first.",
        {"data": {"type": "array", "items": {"$ref": "#/components/schemas/Transaction"}}},
    ),
    "RefundPage": page("Refunds", "Refund"),
    "FraudScore": _FRAUD_SCORE,
    "Timeline": _TIMELINE,
}

TRANSACTION_EXAMPLE: Final[Json] = {
    "id": TRANSACTION_ID,
    "object": "transaction",
    "type": "sale",
    "amount": 10000,
    "currency": "USD",
    "payment_id": PAYMENT_ID,
    "order_id": "order-1001",
    "refund_id": None,
    "payout_id": None,
    "attempt_id": ATTEMPT_ID,
    "provider": "stripe-eu",
    "provider_reference": "pi_3PqR",
    "mode": "test",
    "created_at": "2026-03-31T12:00:01.250Z",
}
TRANSACTIONS_EXAMPLE: Final[Json] = {
    "data": [TRANSACTION_EXAMPLE],
    "has_more": False,
    "next_cursor": None,
    "total": 1,
    "total_is_capped": False,
}
REFUNDS_EXAMPLE: Final[Json] = {"data": [REFUND], "has_more": False, "next_cursor": None}
SCORE_EXAMPLE: Final[Json] = {
    "payment_id": PAYMENT_ID,
    "object": "fraud_score",
    "score": "0.2000",
    "level": "low",
    "decision": "approve",
    "reason": None,
    "factors": [
        {
            "name": "high_amount",
            "source": "rule",
            "text": "amount above 10,000.00 reference units",
        }
    ],
    "scored": "full",
    "ruleset_version": "2026-03",
    "model_id": None,
    "decided_at": "2026-03-31T12:00:00.300Z",
}
TIMELINE_EXAMPLE: Final[Json] = {
    "payment_id": PAYMENT_ID,
    "object": "timeline",
    "data": [
        {
            "at": "2026-03-31T12:00:00.000Z",
            "type": "payment.accepted",
            "actor": {"type": "merchant", "id": "key:0123456789abcdef"},
            "summary": "A payment of 100.00 USD by card was accepted.",
            "data": {"amount": 10000, "currency": "USD", "method_type": "card"},
        },
        {
            "at": "2026-03-31T12:00:01.250Z",
            "type": "attempt.ended",
            "actor": {"type": "worker", "id": None},
            "summary": "Charge 1 ended as captured.",
            "data": {
                "attempt_id": ATTEMPT_ID,
                "gateway": "stripe-eu",
                "operation": "charge",
                "number": 1,
                "state": "captured",
                "provider_id": "pi_3PqR",
            },
        },
    ],
    "is_cut": False,
}
