"""Requests: the schema of a checkout, with examples that the door accepts as they stand."""

from __future__ import annotations

from typing import Final

from domain.ids import HEX_CHARACTERS, Kind
from domain.means import HOLDABLE
from domain.money import MAX_MINOR
from domain.payment import CaptureMethod
from domain.people import Funding
from ingress.contract import Json
from ingress.contract.bodies import COUNTRY, CURRENCY, METADATA, closed, line
from ingress.methods_in import BRAND, FINGERPRINT
from ingress.order_method import MAX_HOLDER, METHODS, YEARS
from ingress.order_payer import MAX_NAME, MAX_POSTCODE, MAX_STREET
from ingress.orders import MAX_URL, ORDER_ID

_VISIBLE: Final = "^[\\x21-\\x7e]{1,255}$"
_CUSTOMER_ID: Final = f"^{Kind.CUSTOMER.value}_[0-9a-f]{{{HEX_CHARACTERS}}}$"
_METHOD_ID: Final = f"^{Kind.PAYMENT_METHOD.value}_[0-9a-f]{{{HEX_CHARACTERS}}}$"
_COUNTRY: Final = COUNTRY | {"examples": ["ID"]}

CARD: Final = closed(
    "What the token stands for, as far as you know. Never a card number.",
    [],
    {
        "fingerprint": {
            "type": "string",
            "pattern": f"^{FINGERPRINT.pattern}$",
            "description": "The same for every token of one card. Default: an HMAC of the token.",
        },
        "brand": {"type": "string", "pattern": f"^{BRAND.pattern}$", "examples": ["visa"]},
        "last4": {"type": "string", "pattern": "^[0-9]{4}$", "examples": ["4242"]},
        "exp_month": {"type": "integer", "minimum": 1, "maximum": 12},
        "exp_year": {"type": "integer", "minimum": YEARS[0], "maximum": YEARS[1]},
        "country": _COUNTRY,
        "funding": {"enum": list(Funding)},
    },
)

BILLING_ADDRESS: Final = closed(
    "Where your payer lives. Encrypted where it is stored, and never shown.",
    [],
    {
        "street": line(MAX_STREET),
        "city": line(MAX_NAME),
        "state": line(MAX_NAME),
        "zip_code": line(MAX_POSTCODE)
        | {"description": "In the form of the country, if it is given.", "examples": ["94103"]},
        "zipCode": line(MAX_POSTCODE) | {"description": "The older spelling of `zip_code`."},
        "country": _COUNTRY,
    },
)

PAYMENT_METHOD: Final = closed(
    (
        "How the payer pays: either the `id` of a saved payment method alone, or a `type`. A card "
        "needs a token, a wallet its id or a token. In test mode it may be left out: the payment "
        "is then made with the test card `tok_visa`."
    ),
    [],
    {
        "id": {"type": "string", "pattern": _METHOD_ID},
        "type": {"enum": list(METHODS)},
        "token": {
            "type": "string",
            "pattern": _VISIBLE,
            "description": "The provider's token for the payment method.",
            "examples": ["tok_visa"],
        },
        "holder_name": line(MAX_HOLDER),
        "wallet_id": {"type": "string", "pattern": _VISIBLE},
        "card": {"$ref": "#/components/schemas/Card"},
    },
)

CUSTOMER: Final = closed(
    "Your payer. Used for fraud screening, and encrypted where it is stored.",
    [],
    {
        "id": line(MAX_NAME)
        | {
            "description": "Your own name for them, or the `cus_...` of a saved customer.",
            "examples": ["customer-42"],
        },
        "email": {"type": "string", "format": "email", "maxLength": 254},
        "ip": {
            "type": "string",
            "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}],
            "description": "IPv4 or IPv6.",
            "examples": ["203.0.113.7"],
        },
        "country": _COUNTRY,
    },
)

CHECKOUT: Final = closed(
    (
        "A field that is not listed is refused, a field that is null counts as left out, and text "
        "stands on one line: control characters are refused."
    ),
    ["amount"],
    {
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
        "currency": CURRENCY | {"default": "USD"},
        "order_id": {
            "type": "string",
            "pattern": f"^{ORDER_ID.pattern}$",
            "description": "Your order. Only one payment of an order can be active at a time.",
            "examples": ["order-1001"],
        },
        "provider_preference": {
            "type": "string",
            "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$",
            "description": (
                "A provider or a gateway to try first, if it can take the payment; one of those "
                "that `GET /v1/providers` lists in the key's mode."
            ),
            "examples": ["sandbox"],
        },
        "country": _COUNTRY | {"description": "Where the payer is; decides on the gateways."},
        "method": {
            "enum": list(METHODS),
            "description": "Short for `payment_method.type`.",
        },
        "payment_method": {"$ref": "#/components/schemas/PaymentMethod"},
        "customer": {"$ref": "#/components/schemas/Customer"},
        "customer_id": {
            "type": "string",
            "pattern": _CUSTOMER_ID,
            "description": "Short for `customer.id`, for a saved customer.",
        },
        "billing_address": {"$ref": "#/components/schemas/BillingAddress"},
        "capture_method": {
            "enum": list(CaptureMethod),
            "default": "automatic",
            "description": (
                "`automatic`: money is captured as soon as it is authorized. `manual`: it is held "
                f"until you capture it; only for {' and '.join(sorted(HOLDABLE))}."
            ),
        },
        "confirm": {
            "type": "boolean",
            "default": True,
            "description": "False: nothing happens before you `authorize` the payment.",
        },
        "return_url": {
            "type": "string",
            "format": "uri",
            "maxLength": MAX_URL,
            "description": (
                "Where the payer goes after a redirect: https, or http for localhost; one of the "
                "merchant's hosts, if it lists any."
            ),
        },
        "description": line(500),
        "metadata": METADATA,
        "idempotency_key": {
            "type": "string",
            "pattern": _VISIBLE,
            "description": "For clients that cannot set the Idempotency-Key header; both must agree.",
        },
    },
)

EXAMPLES: Final[Json] = {
    "shortest": {
        "summary": "Test mode: the test card, in USD",
        "value": {"amount": 10000, "provider_preference": "sandbox"},
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
    "held": {
        "summary": "A card that is held first and captured later",
        "value": {
            "amount": 10000,
            "currency": "USD",
            "capture_method": "manual",
            "payment_method": {
                "type": "card",
                "token": "tok_visa",
                "holder_name": "A. Payer",
                "card": {"brand": "visa", "last4": "4242", "funding": "credit"},
            },
            "billing_address": {
                "street": "1 Market St",
                "city": "San Francisco",
                "state": "CA",
                "zip_code": "94105",
                "country": "US",
            },
        },
    },
    "saved": {
        "summary": "A saved payment method, once you say so",
        "value": {
            "amount": 10000,
            "confirm": False,
            "payment_method": {
                "id": f"{Kind.PAYMENT_METHOD.value}_0198c0deb4567f528c73e5f40618293a"
            },
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
