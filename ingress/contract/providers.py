"""Providers: the gateways, a person's word about one, and payment options, in the document."""

from __future__ import annotations

from typing import Any, Final

from domain.breaker import State
from domain.health import Health
from domain.money import MAX_MINOR
from domain.options import Why
from domain.payment import Mode
from domain.routing import ROUTED
from ingress.contract import Json
from ingress.contract.answers import RATED
from ingress.contract.bodies import COUNTRY, CURRENCY, closed, line
from ingress.contract.codes import BEHIND_A_KEY, WITH_A_BODY, refusals
from ingress.orders import METHODS
from ingress.providers import DEFAULT_HOLD_S, LONGEST_HOLD_S, NAMES
from ops.store.tables.gateways import TYPES

_TEXT: Final = {"type": "string"}
_NULLABLE: Final = {"type": ["string", "null"]}
_MOMENT: Final = {"type": "string", "format": "date-time"}
_MINOR_OR_NOT: Final = {"type": ["integer", "null"], "description": "In minor units."}


def _object(description: str, properties: Json, *, null: bool = False) -> Json:
    """Return an object of which every property is always there."""
    return {
        "type": ["object", "null"] if null else "object",
        "description": description,
        "required": list(properties),
        "properties": properties,
    }


def _words(description: str) -> Json:
    return {"type": "array", "items": _TEXT, "description": f"{description}; `*`: any."}


_BREAKER: Final = _object(
    "Its breaker: open refuses new charges for a while.",
    {
        "state": {"enum": list(State)},
        "open_until": _NULLABLE | {"format": "date-time"},
        "calls": {"type": "integer"},
        "failures": {"type": "integer"},
    },
)

SCHEMAS: Final[Json] = {
    "Provider": _object(
        "A gateway: one account at a provider, in the mode of your key.",
        {
            "id": _TEXT | {"examples": ["stripe-eu"]},
            "object": {"const": "provider"},
            "provider": _TEXT,
            "name": _TEXT,
            "type": {"enum": list(TYPES)},
            "mode": {"enum": list(Mode)},
            "active": {"type": "boolean"},
            "currencies": _words("Where it may be used by its routes, yours among them"),
            "countries": _words("The payers' countries"),
            "methods": _words("The methods"),
            "operations": _words("The operations"),
            "state": {"enum": list(Health), "description": "What regular probes found."},
            "breakers": _object(
                "By operation; null: not known at the moment.",
                dict.fromkeys(sorted(ROUTED), _BREAKER),
                null=True,
            ),
            "override": _object(
                "A person's word, which beats the breaker until it ends; why and whose is shown "
                "to keys with the scope `ops`.",
                {
                    "state": {"enum": ["up", "down"]},
                    "until": _MOMENT,
                    "reason": _NULLABLE,
                    "by": _NULLABLE,
                },
                null=True,
            ),
            "last_probe": _object(
                "null: it was never probed. The error is shown to keys with the scope `ops`.",
                {"at": _MOMENT, "error": _NULLABLE},
                null=True,
            ),
        },
    ),
    "ProviderList": _object(
        "The gateways that your payments may go through.",
        {"data": {"type": "array", "items": {"$ref": "#/components/schemas/Provider"}}},
    ),
    "Hold": closed(
        "A person's word about a gateway.",
        ["reason"],
        {
            "reason": line(200),
            "seconds": {
                "type": "integer",
                "minimum": 1,
                "maximum": LONGEST_HOLD_S,
                "default": DEFAULT_HOLD_S,
            },
        },
    ),
    "PaymentOptions": _object(
        "Every method, and whether a payer can be offered it now.",
        {
            "country": _NULLABLE,
            "currency": _object(
                "What is accepted in it, in minor units.",
                {
                    "code": _TEXT,
                    "name": _TEXT,
                    "symbol": _TEXT,
                    "exponent": {"type": "integer"},
                    "min_amount": {"type": "integer"},
                    "max_amount": {"type": "integer"},
                },
            ),
            "amount": _MINOR_OR_NOT,
            "data": {
                "type": "array",
                "items": _object(
                    "A method. The bounds are those of its gateways, within the currency's.",
                    {
                        "method": {"enum": list(METHODS)},
                        "usable": {"type": "boolean"},
                        "reason": {"enum": [*Why, None]},
                        "min_amount": _MINOR_OR_NOT,
                        "max_amount": _MINOR_OR_NOT,
                    },
                ),
            },
        },
    ),
}

_CLOSED: Final = {"state": "closed", "open_until": None, "calls": 120, "failures": 1}
_PROVIDER: Final = {
    "id": "stripe-eu",
    "object": "provider",
    "provider": "stripe",
    "name": "Stripe, Europe",
    "type": "card",
    "mode": "test",
    "active": True,
    "currencies": ["EUR", "GBP"],
    "countries": ["*"],
    "methods": ["card", "wallet"],
    "operations": ["*"],
    "state": "up",
    "breakers": dict.fromkeys(sorted(ROUTED), _CLOSED),
    "override": None,
    "last_probe": {"at": "2026-03-31T12:00:00.000Z", "error": None},
}
_HELD: Final = _PROVIDER | {
    "override": {
        "state": "down",
        "until": "2026-03-31T13:00:00.000Z",
        "reason": "their maintenance",
        "by": "key:0198c0de7f3a7c51",
    }
}
_OPTIONS: Final = {
    "country": "DE",
    "currency": {
        "code": "EUR",
        "name": "Euro",
        "symbol": "€",
        "exponent": 2,
        "min_amount": 1,
        "max_amount": 9_000_000,
    },
    "amount": 10_000,
    "data": [
        {
            "method": "card",
            "usable": True,
            "reason": None,
            "min_amount": 1,
            "max_amount": 9_000_000,
        },
        {
            "method": "wallet",
            "usable": False,
            "reason": "not_offered",
            "min_amount": None,
            "max_amount": None,
        },
    ],
}

_ID: Final = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The gateway's `id`.",
    "schema": {"type": "string", "examples": ["stripe-eu"]},
}


def _operation(id_: str, summary: str, answer: Json, *codes: str, **more: Any) -> Json:
    return {
        "operationId": id_,
        "tags": ["Providers"],
        "summary": summary,
        **more,
        "responses": {"200": answer, **refusals(*codes, *BEHIND_A_KEY)},
    }


def _answer(description: str, schema: str, example: Json) -> Json:
    content = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}
    return {
        "description": description,
        "headers": RATED,
        "content": {"application/json": content},
    }


def _hold(noun: str, way: str) -> Json:
    """Return the operation that holds a gateway up or down."""
    body = {
        "schema": {"$ref": "#/components/schemas/Hold"},
        "example": {"reason": "their maintenance", "seconds": 3600},
    }
    return _operation(
        f"hold{noun}{way.title()}",
        f"Hold a gateway {way}",
        _answer("It is held, and audited.", "Provider", _HELD),
        *("not_found", "validation_failed", "raw_card_data_refused", *WITH_A_BODY),
        description=(
            "For keys with the scope `ops`. It beats the breaker until it ends; what is under way "
            "at the gateway is still resolved."
        ),
        parameters=[_ID],
        requestBody={"required": True, "content": {"application/json": body}},
    )


def _named(name: str) -> Json:
    """Return the operations under one of the two names."""
    noun = name.removesuffix("s").title()
    return {
        f"/v1/{name}": {
            "get": _operation(
                f"list{noun}s",
                "List the gateways, and how each is",
                _answer("The gateways.", "ProviderList", {"data": [_PROVIDER]}),
            )
        },
        f"/v1/{name}/{{id}}/up": {"post": _hold(noun, "up")},
        f"/v1/{name}/{{id}}/down": {"post": _hold(noun, "down")},
        f"/v1/{name}/{{id}}/release": {
            "post": _operation(
                f"release{noun}",
                "Give a gateway back to its breaker",
                _answer("Nobody holds it.", "Provider", _PROVIDER),
                "not_found",
                description="For keys with the scope `ops`. Safe to repeat.",
                parameters=[_ID],
            )
        },
    }


def _query(name: str, description: str, schema: Json, *, required: bool = False) -> Json:
    return {
        "name": name,
        "in": "query",
        "required": required,
        "description": description,
        "schema": schema,
    }


_READ_OPTIONS: Final = _operation(
    "listPaymentOptions",
    "Ask which methods a payer can be offered now",
    _answer("The methods.", "PaymentOptions", _OPTIONS),
    "validation_failed",
    description="For you, in the mode of your key. Ask shortly before you show them: they change.",
    parameters=[
        _query("currency", "The payment's.", CURRENCY | {"examples": ["EUR"]}, required=True),
        _query("country", "The payer's; else your default.", COUNTRY | {"examples": ["DE"]}),
        _query(
            "amount",
            "In minor units; without one, methods for any amount.",
            {"type": "integer", "minimum": 1, "maximum": MAX_MINOR},
        ),
    ],
)

PATHS: Final[Json] = {path: item for name in NAMES for path, item in _named(name).items()} | {
    "/v1/payment-options": {"get": _READ_OPTIONS}
}
