"""Requests: the schema of a checkout, with examples that the door accepts as they stand."""

from __future__ import annotations

from typing import Final

from domain.money import MAX_MINOR
from ingress.contract import Json
from ingress.orders import (
    MAX_METADATA,
    MAX_METADATA_NAME,
    MAX_METADATA_VALUE,
    MAX_URL,
    METHODS,
    ORDER_ID,
    YEARS,
)

_VISIBLE: Final = "^[\\x21-\\x7e]{1,255}$"
_COUNTRY: Final = {
    "type": "string",
    "pattern": "^[A-Z]{2}$",
    "description": "ISO 3166-1 alpha-2.",
    "examples": ["ID"],
}

CARD: Final = {
    "type": "object",
    "additionalProperties": False,
    "description": "What the token stands for, as far as you know. Never a card number.",
    "properties": {
        "fingerprint": {
            "type": "string",
            "maxLength": 100,
            "description": "The same for every token of one card. Default: an HMAC of the token.",
        },
        "brand": {"type": "string", "maxLength": 30, "examples": ["visa"]},
        "last4": {"type": "string", "pattern": "^[0-9]{4}$", "examples": ["4242"]},
        "exp_month": {"type": "integer", "minimum": 1, "maximum": 12},
        "exp_year": {"type": "integer", "minimum": YEARS[0], "maximum": YEARS[1]},
        "country": _COUNTRY,
    },
}

PAYMENT_METHOD: Final = {
    "type": "object",
    "additionalProperties": False,
    "description": (
        "How the payer pays. A card needs a token, a wallet its id or a token. In test mode it "
        "may be left out: the payment is then made with the test card `tok_visa`."
    ),
    "properties": {
        "type": {"enum": list(METHODS)},
        "token": {
            "type": "string",
            "pattern": _VISIBLE,
            "description": "The provider's token for the payment method.",
            "examples": ["tok_visa"],
        },
        "holder_name": {"type": "string", "maxLength": 100},
        "wallet_id": {"type": "string", "pattern": _VISIBLE},
        "card": {"$ref": "#/components/schemas/Card"},
    },
}

CUSTOMER: Final = {
    "type": "object",
    "additionalProperties": False,
    "description": "Your payer. Used for fraud screening, and encrypted where it is stored.",
    "properties": {
        "id": {"type": "string", "maxLength": 100, "examples": ["customer-42"]},
        "email": {"type": "string", "format": "email", "maxLength": 254},
        "ip": {
            "type": "string",
            "description": "IPv4 or IPv6.",
            "examples": ["203.0.113.7"],
        },
        "country": _COUNTRY,
    },
}

CHECKOUT: Final = {
    "type": "object",
    "additionalProperties": False,
    "required": ["amount"],
    "description": (
        "A field that is not listed is refused, a field that is null counts as left out, and text "
        "stands on one line: control characters are refused."
    ),
    "properties": {
        "amount": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_MINOR,
            "description": (
                "In minor units of the currency as ISO 4217 counts them: 10000 is 100.00 USD, "
                "10,000 JPY, and 1000000 is Rp 10,000. Rupiah must be whole. Decimals and strings "
                "are refused."
            ),
            "examples": [10000],
        },
        "currency": {
            "type": "string",
            "pattern": "^[A-Z]{3}$",
            "default": "USD",
            "description": "ISO 4217.",
        },
        "order_id": {
            "type": "string",
            "pattern": f"^{ORDER_ID.pattern}$",
            "description": "Your order. Only one payment of an order can be active at a time.",
            "examples": ["order-1001"],
        },
        "provider_preference": {
            "type": "string",
            "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$",
            "description": "A provider or a gateway to try first, if it can take the payment.",
            "examples": ["midtrans"],
        },
        "country": _COUNTRY | {"description": "Where the payer is; decides on the gateways."},
        "method": {
            "enum": list(METHODS),
            "description": "Short for `payment_method.type`.",
        },
        "payment_method": {"$ref": "#/components/schemas/PaymentMethod"},
        "customer": {"$ref": "#/components/schemas/Customer"},
        "capture_method": {
            "enum": ["automatic"],
            "default": "automatic",
            "description": "Money is captured as soon as it is authorized.",
        },
        "return_url": {
            "type": "string",
            "format": "uri",
            "maxLength": MAX_URL,
            "description": "Where the payer goes after a redirect: https, or http for localhost.",
        },
        "description": {"type": "string", "minLength": 1, "maxLength": 500},
        "metadata": {
            "type": "object",
            "maxProperties": MAX_METADATA,
            "propertyNames": {"minLength": 1, "maxLength": MAX_METADATA_NAME},
            "additionalProperties": {"type": "string", "maxLength": MAX_METADATA_VALUE},
            "description": "Yours; returned as it came. Not for card data.",
        },
        "idempotency_key": {
            "type": "string",
            "pattern": _VISIBLE,
            "description": "For clients that cannot set the Idempotency-Key header, which wins.",
        },
    },
}

EXAMPLES: Final[Json] = {
    "shortest": {
        "summary": "Test mode: the test card, in USD",
        "value": {"amount": 10000, "provider_preference": "midtrans"},
    },
    "card": {
        "summary": "A card, by its token",
        "value": {
            "amount": 10000,
            "currency": "EUR",
            "order_id": "order-1001",
            "country": "DE",
            "payment_method": {
                "type": "card",
                "token": "tok_visa",
                "card": {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030},
            },
            "customer": {"id": "customer-42", "email": "payer@example.com", "ip": "203.0.113.7"},
            "return_url": "https://shop.example.com/thanks",
            "description": "Two tickets",
            "metadata": {"cart": "c-77"},
        },
    },
    "bank_transfer": {
        "summary": "Rp 10,000 by bank transfer",
        "value": {
            "amount": 1000000,
            "currency": "IDR",
            "order_id": "order-1002",
            "country": "ID",
            "method": "bank_transfer",
        },
    },
}
