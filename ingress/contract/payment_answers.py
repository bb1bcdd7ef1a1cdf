"""Payments, as answers: their schemas, and one payment to show."""

from __future__ import annotations

from typing import Final

from domain.ids import HEX_CHARACTERS, Kind
from domain.payment import CaptureMethod, Mode, Review, Status
from domain.requests import Verb
from ingress.contract import Json
from ingress.contract.answers import PAYMENT_ID

_TEXT: Final = {"type": "string"}
_NULLABLE: Final = {"type": ["string", "null"]}
_MINOR: Final = {"type": "integer", "minimum": 0, "description": "In minor units."}
_MOMENT: Final = {"type": "string", "format": "date-time"}
_NULLABLE_MOMENT: Final = {"type": ["string", "null"], "format": "date-time"}
_CHECKOUT_URL: Final = {
    "type": "string",
    "format": "uri",
    "description": (
        "Send your payer here: it leads to the provider's page as soon as there is one, and back to "
        "`return_url` with `payment_id` and `status` once there is a result. Believe the payment, "
        "not what a browser brings."
    ),
}


def _id(kind: Kind) -> Json:
    return {"type": "string", "pattern": f"^{kind.value}_[0-9a-f]{{{HEX_CHARACTERS}}}$"}


def _nullable_id(kind: Kind) -> Json:
    return _id(kind) | {"type": ["string", "null"]}


def _object(description: str, properties: Json) -> Json:
    """Return an object of which every property is always there."""
    return {
        "type": "object",
        "description": description,
        "required": list(properties),
        "properties": properties,
    }


_LINKS: Final = _object(
    "Where to go on from here; `operations` holds the paths of those that are allowed now.",
    {
        "self": _TEXT,
        "status": _TEXT,
        "attempts": _TEXT,
        "cancel": _TEXT,
        "refunds": _TEXT,
        "timeline": _TEXT,
        "transactions": _TEXT,
        "operations": {"type": "object", "additionalProperties": _TEXT},
    },
)
_PAYMENT_ID: Final = _id(Kind.PAYMENT) | {"examples": [PAYMENT_ID]}
_CONFIRM: Final = {
    "type": "boolean",
    "description": "False: nothing happens before you `authorize` it.",
}

ACCEPTED: Final = _object(
    "An accepted payment: written down, not yet sent to anybody. A repeated request with the same "
    "Idempotency-Key gets the same bytes again.",
    {
        "id": _PAYMENT_ID,
        "object": {"const": "payment"},
        "status": {"const": Status.PENDING.value},
        "amount": _MINOR,
        "currency": _TEXT,
        "order_id": _NULLABLE,
        "provider": {"type": "null"},
        "transaction_id": _PAYMENT_ID,
        "fraud_score": {"type": "null"},
        "capture_method": {"enum": list(CaptureMethod)},
        "confirm": _CONFIRM,
        "checkout_url": _CHECKOUT_URL,
        "mode": {"enum": list(Mode)},
        "created_at": _MOMENT,
        "expires_at": _MOMENT,
        "links": _LINKS,
    },
)

PAYMENT: Final = _object(
    "A payment as it stands.",
    {
        "id": _PAYMENT_ID,
        "object": {"const": "payment"},
        "status": {
            "enum": list(Status),
            "description": (
                "`pending` and `processing` go on by themselves; `requires_action` needs the "
                "payer, `in_review` a person, `authorized` your capture; the rest is final, except "
                "that money can be refunded, and a provider can still undo a capture."
            ),
        },
        "amount": _MINOR,
        "currency": _TEXT,
        "amount_authorized": _MINOR,
        "amount_captured": _MINOR,
        "amount_refunded": _MINOR,
        "amount_refund_pending": _MINOR | {"description": "On its way back, in minor units."},
        "amount_refundable": _MINOR | {"description": "What can still be asked back."},
        "amount_reversed": _MINOR | {"description": "Taken back by the provider."},
        "capture_method": {"enum": list(CaptureMethod)},
        "confirm": _CONFIRM,
        "payment_method": _object(
            "How the payer pays; of a card what you told of it.",
            {
                "id": _nullable_id(Kind.PAYMENT_METHOD)
                | {"description": "The saved payment method, if it was one."},
                "type": _TEXT,
                "brand": _NULLABLE,
                "last4": _NULLABLE,
            },
        ),
        "customer_id": _nullable_id(Kind.CUSTOMER) | {"description": "The saved customer."},
        "order_id": _NULLABLE,
        "provider": _NULLABLE | {"description": "The gateway that has it; null: none yet."},
        "transaction_id": _PAYMENT_ID | {"description": "The same as `id`."},
        "fraud_score": _NULLABLE | {"description": "0 to 1 as a decimal; null: not scored yet."},
        "risk_level": _NULLABLE | {"examples": ["low", "medium", "high"]},
        "review": {
            "enum": [*Review, None],
            "description": "What a person said, where screening did not want to decide.",
        },
        "allowed_operations": {
            "type": "array",
            "items": {"enum": list(Verb)},
            "description": "What may be asked of it now. Somebody else may be faster.",
        },
        "checkout_url": _CHECKOUT_URL,
        "next_action": {
            "type": ["object", "null"],
            "description": "What the payer must do: go to a page, or make a transfer to an account.",
            "required": ["type", "url"],
            "properties": {
                "type": {"enum": ["redirect", "bank_transfer", "qr_code"]},
                "url": {
                    "type": "string",
                    "description": "The page; empty where there is none, and what has to be done is"
                    " in the other fields. `checkout_url` shows it to the payer.",
                },
                "bank": {"type": "string", "description": "Whose account it is (transfers)."},
                "channel": {"type": "string", "description": "The provider's name of the method."},
                "account_number": {"type": "string", "description": "The account (transfers)."},
                "qr_string": {"type": "string", "description": "What a QR code has to say."},
                "qr_code_url": {"type": "string", "description": "A picture of the QR code."},
                "deeplink_url": {"type": "string", "description": "Opens the wallet's own app."},
            },
            "additionalProperties": _TEXT,
        },
        "failure": {
            "type": ["object", "null"],
            "description": "Why it ended without money.",
            "required": ["code", "reason"],
            "properties": {"code": _TEXT, "reason": _TEXT},
        },
        "cancel_requested": {"type": "boolean"},
        "description": _NULLABLE,
        "metadata": {"type": "object", "additionalProperties": _TEXT},
        "mode": {"enum": list(Mode)},
        "created_at": _MOMENT,
        "expires_at": _MOMENT,
        "authorized_at": _NULLABLE_MOMENT,
        "authorization_expires_at": _NULLABLE_MOMENT
        | {"description": "Capture before: then what is held is let go."},
        "captured_at": _NULLABLE_MOMENT,
        "refunded_at": _NULLABLE_MOMENT
        | {"description": "When all of it was last given back, also if a refund failed later."},
        "failed_at": _NULLABLE_MOMENT,
        "cancelled_at": _NULLABLE_MOMENT,
        "expired_at": _NULLABLE_MOMENT
        | {"description": "When it expired; `expires_at` is when it would."},
        "parked": {
            "type": ["object", "null"],
            "description": "It waits for a person of ours; later news still applies.",
            "required": ["reason"],
            "properties": {"reason": _TEXT},
        },
        "links": _LINKS,
    },
)

PAYMENT_STATUS: Final = _object(
    "What pollers need of a payment.",
    {
        "id": _PAYMENT_ID,
        "status": {"enum": list(Status)},
        "amount": _MINOR,
        "amount_captured": _MINOR,
        "currency": _TEXT,
        "failure_code": _NULLABLE,
    },
)

_PATH: Final = f"/v1/payments/{PAYMENT_ID}"


def links(**operations: str) -> Json:
    """Return the links of the payment that is shown, with these operations."""
    return {
        "self": _PATH,
        "status": f"{_PATH}/status",
        "attempts": f"{_PATH}/attempts",
        "cancel": f"{_PATH}/cancel",
        "refunds": f"{_PATH}/refunds",
        "timeline": f"{_PATH}/timeline",
        "transactions": f"/v1/transactions?payment_id={PAYMENT_ID}",
        "operations": {verb: f"{_PATH}/{path}" for verb, path in operations.items()},
    }


ACCEPTED_EXAMPLE: Final[Json] = {
    "id": PAYMENT_ID,
    "object": "payment",
    "status": "pending",
    "amount": 10000,
    "currency": "USD",
    "order_id": "order-1001",
    "provider": None,
    "transaction_id": PAYMENT_ID,
    "fraud_score": None,
    "capture_method": "automatic",
    "confirm": True,
    "checkout_url": (
        "https://pay.example.com/v1/checkout/AZjA3n86fFGaPV8OSyptGCq1Zc0h8v3kYb7Jx2Rr4Ts/go"
    ),
    "mode": "test",
    "created_at": "2026-03-31T12:00:00.000Z",
    "expires_at": "2026-03-31T12:30:00.000Z",
    "links": links(cancel="cancel"),
}
CAPTURED_EXAMPLE: Final[Json] = ACCEPTED_EXAMPLE | {
    "status": "captured",
    "amount_authorized": 10000,
    "amount_captured": 10000,
    "amount_refunded": 0,
    "amount_refund_pending": 0,
    "amount_refundable": 10000,
    "amount_reversed": 0,
    "payment_method": {"id": None, "type": "card", "brand": "visa", "last4": "4242"},
    "customer_id": None,
    "provider": "stripe-eu",
    "fraud_score": "0.040",
    "risk_level": "low",
    "review": None,
    "allowed_operations": ["refund", "reverse"],
    "next_action": None,
    "failure": None,
    "cancel_requested": False,
    "description": None,
    "metadata": {},
    "authorized_at": "2026-03-31T12:00:01.250Z",
    "authorization_expires_at": None,
    "captured_at": "2026-03-31T12:00:01.250Z",
    **dict.fromkeys(("refunded_at", "failed_at", "cancelled_at", "expired_at")),
    "parked": None,
    "links": links(refund="refunds", reverse="reverse"),
}
AUTHORIZED_EXAMPLE: Final[Json] = CAPTURED_EXAMPLE | {
    "status": "authorized",
    "capture_method": "manual",
    "amount_captured": 0,
    "amount_refundable": 0,
    "allowed_operations": ["capture", "cancel", "reverse"],
    "authorization_expires_at": "2026-04-07T00:00:01.250Z",
    "captured_at": None,
    "links": links(capture="capture", cancel="cancel", reverse="reverse"),
}
CANCELLED_EXAMPLE: Final[Json] = AUTHORIZED_EXAMPLE | {
    "status": "cancelled",
    "amount_authorized": 0,
    "cancel_requested": True,
    "cancelled_at": "2026-03-31T12:05:00.500Z",
    "allowed_operations": [],
    "links": links(),
}
