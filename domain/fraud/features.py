"""Features: what a score may look at, and the one list that names every window of history."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal, TypeAlias

from domain.fraud.reference import reference_cents

MethodType: TypeAlias = Literal["card", "wallet", "paypal", "bank_transfer"]
#: `unreadable`: the lists could not be read and no cached copy exists, so a person decides.
Listed: TypeAlias = Literal["block", "allow", "unreadable"]
Entity: TypeAlias = Literal["card", "card_currency", "ip", "customer"]
Aggregate: TypeAlias = Literal["count", "mean", "max", "distinct_cards", "distinct_declined_cards"]
#: Every number a model sees, by name.
Vector: TypeAlias = Mapping[str, int]

#: ISO 4217 uses 0 to 4 decimal digits.
MAX_EXPONENT = 4
#: Expiry years outside this are not years of a card (two digits, a typing error).
CARD_YEARS = range(1990, 2100)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is known about one payment, before its history.

    Raises ValueError for what no payment can be: a naive time, a negative amount, a 13th month.
    """

    amount_minor: int
    #: ISO 4217 code and its number of decimal digits.
    currency: str
    exponent: int
    method_type: MethodType
    #: Month 1-12 and year in four digits; None when there is no card or it is not known.
    card_exp: tuple[int, int] | None
    #: What the token service said about length (13-19) and check digit; None when it said nothing.
    card_number_valid: bool | None
    #: ISO 3166 alpha-2; None when not known.
    card_country: str | None
    ip_country: str | None
    #: The part after the @ and never the address.
    email_domain: str | None
    customer_is_new: bool
    #: The payment's own time, aware. A retried run scores the same payment at the same time.
    created_at: datetime
    three_ds_possible: bool
    listed: Listed | None

    def __post_init__(self) -> None:
        if self.created_at.tzinfo is None:
            raise ValueError("created_at must be aware")
        if self.amount_minor < 0:
            raise ValueError(f"an amount is never negative: {self.amount_minor}")
        if not 0 <= self.exponent <= MAX_EXPONENT:
            raise ValueError(f"no currency has {self.exponent} decimal digits")
        if self.card_exp is not None:
            month, year = self.card_exp
            if not 1 <= month <= 12 or year not in CARD_YEARS:
                raise ValueError(f"no card expires in month {month} of year {year}")

    @property
    def at_utc(self) -> datetime:
        return self.created_at.astimezone(UTC)

    @property
    def countries_differ(self) -> bool:
        """Whether the card's and the IP's country are both known and not the same."""
        if not self.card_country or not self.ip_country:
            return False
        return self.card_country.upper() != self.ip_country.upper()


@dataclass(frozen=True, slots=True)
class Velocity:
    """History before this payment, which is never counted itself; one field per row of `WINDOWS`.

    Amounts are minor units of this payment's currency, over this card's payments in that currency;
    `card_count_30d` counts the same payments. All other counts are over every currency.
    """

    card_1h: int = 0
    card_1d: int = 0
    ip_1h: int = 0
    ip_cards_1h: int = 0
    declines_10m: int = 0
    card_count_30d: int = 0
    card_mean_minor_30d: int = 0
    card_max_minor_30d: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """One question to history.

    It covers the payment's bucket and the `buckets - 1` before it, bucket = floor(t / grain) in
    UTC: up to one grain less than `grain_s * buckets`. With several entities the largest answer
    counts. An empty history answers `default`; a mean is rounded down.
    """

    name: str
    entities: tuple[Entity, ...]
    aggregate: Aggregate
    grain_s: int
    buckets: int
    default: int = 0


_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400

#: The only place that names a window: the store's arguments and any replay derive from this list.
WINDOWS = (
    Window("card_1h", ("card",), "count", 5 * _MINUTE, 12),
    Window("card_1d", ("card",), "count", _HOUR, 24),
    Window("ip_1h", ("ip",), "count", 5 * _MINUTE, 12),
    Window("ip_cards_1h", ("ip",), "distinct_cards", 5 * _MINUTE, 12),
    Window("declines_10m", ("ip", "customer"), "distinct_declined_cards", _MINUTE, 10),
    Window("card_count_30d", ("card_currency",), "count", _DAY, 30),
    Window("card_mean_minor_30d", ("card_currency",), "mean", _DAY, 30),
    Window("card_max_minor_30d", ("card_currency",), "max", _DAY, 30),
)

NO_HISTORY = Velocity(**{window.name: window.default for window in WINDOWS})

#: What a model sees of the payment itself, beside the windows.
PAYMENT_FEATURES: Mapping[str, Callable[[Inputs], int]] = MappingProxyType(
    {
        "amount_minor": lambda i: i.amount_minor,
        "amount_reference_cents": lambda i: reference_cents(i.amount_minor, i.currency, i.exponent),
        "hour_utc": lambda i: i.at_utc.hour,
        "weekday_utc": lambda i: i.at_utc.weekday(),
        "is_card": lambda i: int(i.method_type == "card"),
        "countries_differ": lambda i: int(i.countries_differ),
        "customer_is_new": lambda i: int(i.customer_is_new),
    }
)


def feature_set_id(windows: tuple[Window, ...], payment_features: tuple[str, ...]) -> str:
    """Return the name of a feature set: 16 hex digits over every window and every feature name."""
    spelled = json.dumps([[asdict(window) for window in windows], payment_features], sort_keys=True)
    return hashlib.sha256(spelled.encode()).hexdigest()[:16]


FEATURE_SET_ID = feature_set_id(WINDOWS, tuple(PAYMENT_FEATURES))


def vector(inputs: Inputs, velocity: Velocity) -> Vector:
    """Return what a model scores, and what a decision's row keeps for training."""
    own = {name: measure(inputs) for name, measure in PAYMENT_FEATURES.items()}
    return MappingProxyType(own | asdict(velocity))
