"""Reading what a merchant sends: strictly, with every complaint that Midtrans would have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from ops.sandbox.midtrans.showing import refused

_ORDER_ID = re.compile(r"[A-Za-z0-9._~-]{1,50}")
#: What a charge may say beside its payment_type and what belongs to that.
ALLOWED = frozenset(
    {"payment_type", "transaction_details", "custom_expiry", "item_details", "customer_details"}
    | {"custom_field1", "custom_field2", "custom_field3", "metadata"}
)
#: Per payment type: the object that belongs to it, with its fields and their types.
MEANS: Mapping[str, Mapping[str, type]] = {
    "credit_card": {"token_id": str, "authentication": bool, "type": str, "bank": str},
    "bank_transfer": {"bank": str},
    "gopay": {"enable_callback": bool, "callback_url": str},
    "qris": {"acquirer": str},
    "shopeepay": {"callback_url": str},
}
BANKS = ("bca", "bni", "bri", "cimb", "permata")
ACQUIRERS = ("gopay", "airpay shopee")
CARD_BANKS = ("bca", "bni", "bri", "cimb", "mandiri", "maybank", "mega")
#: What is open so long, by payment type, where the merchant says nothing (seconds).
OPEN_S = {"credit_card": 900, "gopay": 900, "qris": 900, "shopeepay": 300, "bank_transfer": 86_400}
UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
#: A field is no longer than this.
TEXT = 255


@dataclass(frozen=True, slots=True)
class Order:
    """A charge that a merchant asks for."""

    order_id: str
    amount: int
    payment_type: str
    means: Mapping[str, Any]
    open_s: int
    fields: tuple[str, str, str]


def body_of(body: bytes) -> dict[str, Any]:
    """Return a request's JSON object; 413 is Midtrans' word for what is none."""
    try:
        found = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        raise refused("413") from None
    if not isinstance(found, dict):
        raise refused("413")
    return found


def order_of(body: bytes) -> Order:
    """Return the charge; 400 names everything that is wrong with it."""
    given = body_of(body)
    wrong: list[str] = []
    kind = given.get("payment_type")
    if not isinstance(kind, str) or kind not in MEANS:
        raise refused("400", "payment_type is not supported")
    wrong += [f"{name} is not a known field" for name in set(given) - ALLOWED - {kind}]
    details = _object(given, "transaction_details", {"order_id": str, "gross_amount": int}, wrong)
    order_id, amount = details.get("order_id"), details.get("gross_amount")
    if not isinstance(order_id, str) or not _ORDER_ID.fullmatch(order_id):
        wrong.append("transaction_details.order_id is required, with 1 to 50 allowed symbols")
    if not isinstance(amount, int) or amount < 1:
        wrong.append("transaction_details.gross_amount must be a whole number of at least 1")
    means = _object(given, kind, MEANS[kind], wrong)
    wrong += _complaints(kind, means)
    open_s = _open_s(given, kind, wrong)
    fields = tuple(given.get(f"custom_field{number}", "") for number in (1, 2, 3))
    if not all(isinstance(one, str) and len(one) <= TEXT for one in fields):
        wrong.append("custom_field has a text of at most 255 characters")
    if wrong:
        raise refused("400", *sorted(wrong))
    return Order(str(order_id), int(amount or 0), kind, means, open_s, (fields[0], *fields[1:]))


def amount_of(given: Mapping[str, Any], name: str, *, most: int | None = None) -> int:
    """Return an amount in whole rupiah; 400 for anything else, also for more than `most`."""
    amount = given.get(name)
    if isinstance(amount, float):
        raise refused("400", f"Decimal values are invalid: {name}")
    if isinstance(amount, bool) or not isinstance(amount, int) or amount < 1:
        raise refused("400", f"{name} must be a whole number of at least 1")
    if most is not None and amount > most:
        raise refused("400", f"{name} is more than {most}")
    return amount


def text_of(given: Mapping[str, Any], name: str) -> str:
    """Return a text that may be left out; 400 for anything else."""
    text = given.get(name, "")
    if not isinstance(text, str) or len(text) > TEXT:
        raise refused("400", f"{name} is a text of at most {TEXT} characters")
    return text


def only(given: Mapping[str, Any], *names: str) -> None:
    """Refuse everything but these."""
    if strange := sorted(set(given) - set(names)):
        raise refused("400", *[f"{name} is not a known field" for name in strange])


def _object(
    given: Mapping[str, Any], name: str, types: Mapping[str, type], wrong: list[str]
) -> Mapping[str, Any]:
    found = given.get(name, {})
    if not isinstance(found, dict):
        wrong.append(f"{name} is not an object")
        return {}
    for field, value in found.items():
        if field not in types:
            wrong.append(f"{name}.{field} is not a known field")
        elif type(value) is not types[field]:
            wrong.append(f"{name}.{field} is of the wrong type")
    return found


def _complaints(kind: str, means: Mapping[str, Any]) -> list[str]:
    match kind:
        case "credit_card":
            choices = {"bank": CARD_BANKS, "type": ("authorize",)}
        case "bank_transfer":
            choices = {"bank": BANKS}
            if "bank" not in means:
                return ["bank_transfer.bank is required"]
        case _:
            choices = {"acquirer": ACQUIRERS}
    return [
        f"{kind}.{name} is not one of {', '.join(allowed)}"
        for name, allowed in choices.items()
        if name in means and means[name] not in allowed
    ]


def _open_s(given: Mapping[str, Any], kind: str, wrong: list[str]) -> int:
    expiry = given.get("custom_expiry")
    if expiry is None:
        return OPEN_S[kind]
    types = {"order_time": str, "expiry_duration": int, "unit": str}
    expiry = _object(given, "custom_expiry", types, wrong)
    unit, lasts = UNITS.get(str(expiry.get("unit", "minute"))), expiry.get("expiry_duration")
    if unit is None or not isinstance(lasts, int) or lasts < 1:
        wrong.append("custom_expiry has no duration in second, minute, hour or day")
        return OPEN_S[kind]
    if "order_time" in expiry:
        try:
            datetime.strptime(str(expiry["order_time"]), "%Y-%m-%d %H:%M:%S %z")
        except ValueError:
            wrong.append("custom_expiry.order_time is yyyy-MM-dd hh:mm:ss Z")
    return unit * lasts
