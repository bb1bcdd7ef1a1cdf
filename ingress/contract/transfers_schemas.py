"""Transfers: the schemas of deposits, withdrawals and callbacks."""

from __future__ import annotations

from typing import Final

from domain.ids import HEX_CHARACTERS, Kind
from domain.money import MAX_MINOR
from domain.payment import Mode, Status
from domain.payout import PayoutStatus
from ingress.contract import Json
from ingress.contract.answers import PAYMENT_ID
from ingress.contract.bodies import COUNTRY, CURRENCY, METADATA, closed, line
from ingress.contract.transfers_examples import PAYOUT_ID
from ingress.order_payer import MAX_NAME
from ingress.orders import MAX_URL, METHODS, ORDER_ID
from ingress.transfers_in import DESTINATIONS

_TEXT: Final = {"type": "string"}
_NULLABLE: Final = {"type": ["string", "null"]}
_MOMENT: Final = {"type": "string", "format": "date-time"}
_NULLABLE_MOMENT: Final = {"type": ["string", "null"], "format": "date-time"}
_VISIBLE: Final = {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"}
_MINOR: Final = {"type": "integer", "minimum": 1, "description": "In minor units."}
_METADATA: Final = {"type": "object", "additionalProperties": _TEXT}
_FAILURE: Final = {
    "type": ["object", "null"],
    "description": "Why no money moved.",
    "required": ["code", "reason"],
    "properties": {"code": _TEXT, "reason": _TEXT},
}
_SHARED: Final[Json] = {
    "user_id": {
        **line(MAX_NAME),
        "type": ["string", "integer"],
        "description": "Your own id of the user. 42 and `42` as text are the same one.",
    },
    "amount": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_MINOR,
        "description": "In minor units: 10000 is 100.00 USD. Decimals are refused.",
    },
    "currency": CURRENCY | {"default": "USD"},
    "country": COUNTRY,
    "provider_preference": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$"},
    "description": line(500),
    "metadata": METADATA,
    "idempotency_key": _VISIBLE
    | {"description": "For clients that cannot set the Idempotency-Key header; both must agree."},
}
_ORDER_ID: Final = {"type": "string", "pattern": f"^{ORDER_ID.pattern}$"}


def _id(kind: Kind, example: str) -> Json:
    pattern = f"^{kind.value}_[0-9a-f]{{{HEX_CHARACTERS}}}$"
    return {"type": "string", "pattern": pattern, "examples": [example]}


def _said(description: str, properties: Json) -> Json:
    """Return an object of which every property is always there."""
    return closed(description, list(properties), properties) | {"additionalProperties": True}


def _linked(*names: str) -> Json:
    return _said("Where to go on from here.", dict.fromkeys(names, _TEXT))


SCHEMAS: Final[Json] = {
    "NewDeposit": closed(
        "A checkout on behalf of a user. A field that is not listed is refused.",
        ["user_id", "amount"],
        _SHARED
        | {
            "order_id": _ORDER_ID,
            "method": {"enum": list(METHODS), "description": "Short for `payment_method.type`."},
            "payment_method": {"$ref": "#/components/schemas/PaymentMethod"},
            "return_url": {"type": "string", "format": "uri", "maxLength": MAX_URL},
        },
    )
    | {"xml": {"name": "deposit"}},
    "NewWithdrawal": closed(
        "An order to send money out. A field that is not listed is refused.",
        ["user_id", "amount", "destination"],
        _SHARED
        | {
            "destination": closed(
                "Where it goes. The token is stored encrypted, and never shown again.",
                ["type", "token"],
                {
                    "type": {"enum": list(DESTINATIONS)},
                    "token": _VISIBLE | {"description": "The provider's token; never a number."},
                },
            ),
            "reference": _ORDER_ID | {"description": "Your own name of it."},
        },
    )
    | {"xml": {"name": "withdrawal"}},
    "Deposit": _said(
        "A deposit. The payment behind it, under `links.payment`, says more.",
        {
            "id": _id(Kind.PAYMENT, PAYMENT_ID),
            "object": {"const": "deposit"},
            "status": {"enum": list(Status)},
            "transaction_id": _id(Kind.PAYMENT, PAYMENT_ID),
            "message": _TEXT | {"description": "For people; programs decide by `status`."},
            "redirect_url": _TEXT | {"description": "Send the user here: it leads on from there."},
            "user_id": _NULLABLE,
            "amount": _MINOR,
            "currency": _TEXT,
            "order_id": _NULLABLE,
            "provider": _NULLABLE,
            "failure": _FAILURE,
            "metadata": _METADATA,
            "mode": {"enum": list(Mode)},
            "created_at": _MOMENT,
            "expires_at": _MOMENT,
            "links": _linked("self", "payment"),
        },
    ),
    "Payout": _said(
        "A withdrawal. What was paid may still come back: then it is `failed`.",
        {
            "id": _id(Kind.PAYOUT, PAYOUT_ID),
            "object": {"const": "payout"},
            "status": {"enum": list(PayoutStatus)},
            "transaction_id": _id(Kind.PAYOUT, PAYOUT_ID),
            "message": _TEXT | {"description": "For people; programs decide by `status`."},
            "user_id": _NULLABLE,
            "amount": _MINOR,
            "currency": _TEXT,
            "destination": _said("Where it goes.", {"type": {"enum": list(DESTINATIONS)}}),
            "country": _NULLABLE,
            "reference": _NULLABLE,
            "description": _NULLABLE,
            "provider": _NULLABLE | {"description": "The gateway that has it; null: none yet."},
            "failure": _FAILURE,
            "metadata": _METADATA,
            "mode": {"enum": list(Mode)},
            "created_at": _MOMENT,
            "expires_at": _MOMENT,
            "processed_at": _NULLABLE_MOMENT,
            "parked": {
                "type": ["object", "null"],
                "description": "It waits for a person of ours; later news still applies.",
                "required": ["reason"],
                "properties": {"reason": _TEXT},
            },
            "links": _linked("self"),
        },
    ),
    "PayoutPage": _said(
        "Withdrawals, newest first.",
        {
            "data": {"type": "array", "items": {"$ref": "#/components/schemas/Payout"}},
            "has_more": {"type": "boolean"},
            "next_cursor": _NULLABLE | {"description": "For `?cursor=`; null on the last page."},
        },
    ),
    "Callback": {
        "type": "object",
        "xml": {"name": "callback"},
        "description": "One of the two names is enough. Other fields are passed over.",
        "properties": {
            "transaction_id": {
                "type": ["string", "integer"],
                "description": "The reference that our request carried.",
            },
            "reference_id": {
                "type": ["string", "integer"],
                "description": "Your own name of what you made of it.",
            },
            "status": _TEXT,
            "message": _TEXT,
            "gateway_id": _TEXT | {"description": "That of the address, if it is there."},
            "timestamp": {"type": ["string", "integer"]},
        },
    },
}
