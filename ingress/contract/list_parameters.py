"""List parameters: what each list can be asked for, as the OpenAPI document shows it."""

from __future__ import annotations

from typing import Any, Final

from domain.facts import Movement
from domain.ids import HEX_CHARACTERS, Kind
from domain.money import MAX_MINOR
from domain.payment import Status
from domain.people import MethodType
from domain.refund import RefundStatus
from ingress.contract import Json
from ingress.contract.answers import PAYMENT_ID
from ingress.contract.bodies import METADATA, line
from ingress.contract.people_schemas import CUSTOMER_ID
from ingress.lists_in import FORMATS, LONGEST_REPORT, PROVIDER, USUAL_REPORT
from ingress.orders import MAX_METADATA_VALUE, ORDER_ID
from ingress.queries import DATE, MAX_METADATA_QUERY, MOMENT
from ingress.schemas import DEFAULT_LIMIT, MAX_LIMIT
from ops.store.wanted import COUNT_CAP


def _query(name: str, description: str, **schema: Any) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _words(name: str, description: str, words: list[str]) -> Json:
    """Return a parameter that may come several times."""
    schema = {"type": "array", "items": {"enum": words}}
    return {
        "name": name,
        "in": "query",
        "description": f"{description} Repeat it for several.",
        "explode": True,
        "schema": schema,
    }


def _integer(name: str, description: str, **bounds: int) -> Json:
    return _query(name, description, type="integer", **bounds)


def _id(kind: Kind, example: str) -> Json:
    pattern = f"^{kind.value}_[0-9a-f]{{{HEX_CHARACTERS}}}$"
    return {"type": "string", "pattern": pattern, "examples": [example]}


_PART: Final[list[Json]] = [
    _integer("limit", "Rows of a page.", minimum=1, maximum=MAX_LIMIT, default=DEFAULT_LIMIT),
    _query(
        "cursor",
        "The `next_cursor` of the page before, unchanged, with the same filters.",
        type="string",
    ),
    _query(
        "include_total",
        f"Count them all too, up to {COUNT_CAP}; that costs more than a page.",
        type="boolean",
        default=False,
    ),
]
_MOMENT: Final = f"^(?:{DATE.pattern}|{MOMENT.pattern})$"
_SPAN: Final[list[Json]] = [
    _query(
        "from",
        "A moment or a day (UTC): from then on.",
        type="string",
        pattern=_MOMENT,
        examples=["2026-03-01"],
    ),
    _query(
        "to",
        "A moment: before then. Or a day (UTC), which is part of it.",
        type="string",
        pattern=_MOMENT,
        examples=["2026-03-31", "2026-03-31T12:00:00Z"],
    ),
]
_ORDER: Final = _query("order_id", "Of this order.", type="string", pattern=f"^{ORDER_ID.pattern}$")
_PAYMENT: Final = _query("payment_id", "Of this payment.", **_id(Kind.PAYMENT, PAYMENT_ID))
_CURRENCY: Final = _query("currency", "In it (ISO 4217).", type="string", pattern="^[A-Z]{3}$")
_PROVIDERS: Final[list[Json]] = [
    _query(
        name,
        "Through this gateway, or any gateway of this provider. Either of the two names.",
        type="string",
        pattern=f"^{PROVIDER.pattern}$",
    )
    for name in ("provider", "gateway")
]
OF_METADATA: Final[Json] = {
    "name": "metadata",
    "in": "query",
    "description": "Only those with all these pairs: `metadata[tier]=gold`.",
    "style": "deepObject",
    "explode": True,
    "schema": {
        "type": "object",
        "maxProperties": MAX_METADATA_QUERY,
        "propertyNames": METADATA["propertyNames"],
        "additionalProperties": line(MAX_METADATA_VALUE),
    },
}
_TYPES: Final = _words("type", "Of this kind.", list(Movement))

OF_PAYMENTS: Final[list[Json]] = [
    *_PART,
    _words("status", "In this status.", list(Status)),
    _ORDER,
    _query("customer_id", "Of this saved customer.", **_id(Kind.CUSTOMER, CUSTOMER_ID)),
    *_PROVIDERS,
    _CURRENCY,
    _query("method", "Paid this way.", enum=list(MethodType)),
    _integer("amount_min", "At least this, in minor units.", minimum=1, maximum=MAX_MINOR),
    _integer("amount_max", "At most this, in minor units.", minimum=1, maximum=MAX_MINOR),
    *_SPAN,
    OF_METADATA,
]
OF_TRANSACTIONS: Final[list[Json]] = [
    *_PART,
    _TYPES,
    _PAYMENT,
    _ORDER,
    *_PROVIDERS,
    _CURRENCY,
    *_SPAN,
]
OF_ONE_PAYMENTS_REFUNDS: Final[list[Json]] = [
    *_PART,
    _words("status", "In this status.", list(RefundStatus)),
]
OF_REFUNDS: Final[list[Json]] = [*OF_ONE_PAYMENTS_REFUNDS, _PAYMENT]
OF_A_REPORT: Final[list[Json]] = [
    _query("format", "How it is written.", enum=list(FORMATS), default=FORMATS[0]),
    _TYPES,
    _SPAN[0]
    | {
        "description": (
            f"A moment or a day (UTC), at most {LONGEST_REPORT.days} days before `to`; "
            f"{USUAL_REPORT.days} days before it if not said."
        )
    },
    _SPAN[1] | {"description": f"{_SPAN[1]['description']} Now, if not said."},
]
