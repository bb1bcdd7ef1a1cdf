"""People: the schemas of customers, saved payment methods, and the merchant itself."""

from __future__ import annotations

from typing import Final

from domain.ids import HEX_CHARACTERS, Kind
from domain.merchant import DEFAULT_OVERLAP_S, MAX_OVERLAP_S, Scope
from domain.payment import Mode
from domain.people import EXPIRY_YEARS, Funding, MethodType
from ingress.contract import Json
from ingress.contract.bodies import COUNTRY, METADATA, closed, line
from ingress.methods_in import BRAND, FINGERPRINT

CUSTOMER_ID: Final = f"{Kind.CUSTOMER.value}_0198c0de8a7b7d3e9f10213243546576"
METHOD_ID: Final = f"{Kind.PAYMENT_METHOD.value}_0198c0de9b2c7a4f8e01f2e3d4c5b6a7"
MERCHANT_ID: Final = f"{Kind.MERCHANT.value}_0198c0de5d6e7f708192a3b4c5d6e7f8"
KEY_ID: Final = "4f1c2a9be07d6358"

_TEXT: Final = {"type": "string"}
_NULLABLE: Final = {"type": ["string", "null"]}
_MOMENT: Final = {"type": "string", "format": "date-time"}
_NULLABLE_MOMENT: Final = {"type": ["string", "null"], "format": "date-time"}
_VISIBLE: Final = {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"}
_EMAIL: Final = {"type": "string", "format": "email", "maxLength": 254}
_COUNTRY: Final = COUNTRY | {"examples": ["US"]}
_SCOPES: Final = {
    "type": "array",
    "items": {"enum": list(Scope)},
    "description": "What the key may do.",
}


def _id(kind: Kind, example: str) -> Json:
    pattern = f"^{kind.value}_[0-9a-f]{{{HEX_CHARACTERS}}}$"
    return {"type": "string", "pattern": pattern, "examples": [example]}


def _nullable(schema: Json) -> Json:
    return schema | {"type": [schema["type"], "null"]}


def _answer(description: str, properties: Json) -> Json:
    """Return an object of which every property is always there."""
    return closed(description, list(properties), properties) | {"additionalProperties": True}


ADDRESS: Final = closed(
    "Encrypted where it is stored. US, CA and GB need a zip_code in the form of the country.",
    ["street", "city", "country"],
    {
        "street": line(200),
        "city": line(100),
        "state": line(100),
        "zip_code": line(12),
        "country": _COUNTRY,
    },
)
_ADDRESS: Final = {
    "oneOf": [{"$ref": "#/components/schemas/Address"}, {"type": "null"}],
    "description": "Where the bills go; replaced as a whole.",
}

NEW_CUSTOMER: Final = closed(
    "E-mail, name, phone and address are encrypted where they are stored. In an update, a field "
    "that is null is cleared and one that is left out stays.",
    [],
    {
        "external_id": line(100)
        | {
            "description": "What you call them: one customer each.",
            "examples": ["customer-42"],
        },
        "username": line(100),
        "email": _EMAIL,
        "name": line(200),
        "phone": {
            "type": "string",
            "pattern": "^\\+[1-9][0-9]{6,14}$",
            "description": "E.164.",
            "examples": ["+14155550100"],
        },
        "country": _COUNTRY,
        "billing_address": _ADDRESS,
        "metadata": METADATA,
    },
)

CUSTOMER: Final = _answer(
    "A customer. Once anonymized, nothing personal is left of them.",
    {
        "id": _id(Kind.CUSTOMER, CUSTOMER_ID),
        "object": {"const": "customer"},
        "external_id": _NULLABLE,
        "username": _NULLABLE,
        "email": _NULLABLE,
        "name": _NULLABLE,
        "phone": _NULLABLE,
        "country": _NULLABLE,
        "billing_address": _ADDRESS,
        "metadata": METADATA,
        "mode": {"enum": list(Mode)},
        "created_at": _MOMENT,
        "updated_at": _MOMENT,
        "anonymized_at": _NULLABLE_MOMENT,
    },
)

CUSTOMER_PAGE: Final = _answer(
    "Customers, newest first.",
    {
        "data": {"type": "array", "items": {"$ref": "#/components/schemas/SavedCustomer"}},
        "has_more": {"type": "boolean"},
        "next_cursor": _NULLABLE | {"description": "For `?cursor=`; null on the last page."},
    },
)

_CARD: Final[Json] = {
    "fingerprint": {"type": "string", "pattern": f"^{FINGERPRINT.pattern}$"},
    "brand": {"type": "string", "pattern": f"^{BRAND.pattern}$", "examples": ["visa"]},
    "last4": {"type": "string", "pattern": "^[0-9]{4}$", "examples": ["4242"]},
    "exp_month": {"type": "integer", "minimum": 1, "maximum": 12},
    "exp_year": {"type": "integer", "minimum": EXPIRY_YEARS[0], "maximum": EXPIRY_YEARS[1]},
    "country": _COUNTRY,
    "funding": {"enum": list(Funding), "default": Funding.UNKNOWN.value},
}

NEW_METHOD: Final = closed(
    "A provider's token and what it stands for. Never a card number.",
    ["customer_id", "type"],
    {
        "customer_id": _id(Kind.CUSTOMER, CUSTOMER_ID),
        "type": {"enum": list(MethodType)},
        "token": _VISIBLE
        | {
            "description": "Encrypted, and never shown. A wallet may have a wallet_id instead.",
            "examples": ["tok_visa"],
        },
        "gateway_id": {
            "type": "string",
            "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$",
            "description": "Whose token it is. Left out: a test token, good at every simulator.",
            "examples": ["stripe-eu"],
        },
        "card": closed("What the token stands for, as far as you know.", [], _CARD),
        "paypal_email": _EMAIL,
        "wallet_id": _VISIBLE,
        "make_default": {"type": "boolean", "default": False},
    },
)

METHOD: Final = _answer(
    "A saved payment method; its token is not shown to anybody.",
    {
        "id": _id(Kind.PAYMENT_METHOD, METHOD_ID),
        "object": {"const": "payment_method"},
        "customer_id": _id(Kind.CUSTOMER, CUSTOMER_ID),
        "type": {"enum": list(MethodType)},
        "gateway_id": _NULLABLE,
        "card": _answer(
            "Null for anything but a card.",
            {
                name: {"enum": list(Funding)} if name == "funding" else _nullable(schema)
                for name, schema in _CARD.items()
            },
        )
        | {"type": ["object", "null"]},
        "paypal_email": _NULLABLE,
        "wallet_id": _NULLABLE,
        "is_default": {"type": "boolean"},
        "mode": {"enum": list(Mode)},
        "created_at": _MOMENT,
        "updated_at": _MOMENT,
    },
)

METHOD_LIST: Final = _answer(
    "Payment methods, newest first.",
    {"data": {"type": "array", "items": {"$ref": "#/components/schemas/SavedPaymentMethod"}}},
)

MERCHANT: Final = _answer(
    "You, as we know you. Your operator changes it.",
    {
        "id": _id(Kind.MERCHANT, MERCHANT_ID),
        "object": {"const": "merchant"},
        "name": _TEXT,
        "email": _NULLABLE,
        "is_active": {"type": "boolean"},
        "rate_limit_per_minute": {"type": "integer", "minimum": 1},
        "ip_allowlist": {"type": "array", "items": _TEXT, "description": "Empty: anywhere."},
        "settlement_currency": _NULLABLE,
        "default_country": _NULLABLE,
        "fallback_enabled": {
            "type": "boolean",
            "description": "Whether a second gateway may be tried.",
        },
        "return_url_hosts": {
            "type": "array",
            "items": _TEXT,
            "description": "Where payers may be returned to. Empty: every https URL.",
        },
        "metadata": METADATA,
        "mode": {"enum": list(Mode)},
        "api_key": _answer(
            "The key that asked.", {"id": _TEXT | {"examples": [KEY_ID]}, "scopes": _SCOPES}
        ),
        "created_at": _MOMENT,
        "updated_at": _MOMENT,
    },
)

KEY_ROTATION: Final = closed(
    "What the new key is to be. It may do and last no more than the one that asks.",
    [],
    {
        "scopes": _SCOPES | {"minItems": 1, "description": "Default: those of the asking key."},
        "overlap_s": {
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_OVERLAP_S,
            "default": DEFAULT_OVERLAP_S,
            "description": "Seconds for which the asking key stays in force; 0: it ends now.",
        },
    },
)

NEW_KEY: Final = _answer(
    "A new API key. `key` is shown in this answer and never again.",
    {
        "id": _TEXT | {"examples": [KEY_ID]},
        "object": {"const": "api_key"},
        "key": _TEXT,
        "mode": {"enum": list(Mode)},
        "scopes": _SCOPES,
        "expires_at": _NULLABLE_MOMENT,
        "replaces": _answer("The key that asked.", {"id": _TEXT, "expires_at": _MOMENT}),
    },
)

SCHEMAS: Final[Json] = {
    "Address": ADDRESS,
    "NewCustomer": NEW_CUSTOMER,
    "SavedCustomer": CUSTOMER,
    "CustomerPage": CUSTOMER_PAGE,
    "NewPaymentMethod": NEW_METHOD,
    "SavedPaymentMethod": METHOD,
    "PaymentMethodList": METHOD_LIST,
    "Merchant": MERCHANT,
    "KeyRotation": KEY_ROTATION,
    "NewKey": NEW_KEY,
}
