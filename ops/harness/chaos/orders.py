"""Orders: what merchants ask for during the storm, at which provider, and in which proportion."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

Json: TypeAlias = dict[str, Any]


class Kind(StrEnum):
    """What becomes of an order if nothing goes wrong."""

    SALE = "sale"
    REFUNDED = "refunded"
    REFUNDED_IN_PARTS = "refunded_in_parts"
    CAPTURED = "captured"
    CAPTURED_IN_PART = "captured_in_part"
    VOIDED = "voided"
    PAYOUT = "payout"


#: Of a hundred orders, how many are of each kind.
KINDS: Final[Mapping[Kind, int]] = {
    Kind.SALE: 34,
    Kind.REFUNDED: 12,
    Kind.REFUNDED_IN_PARTS: 10,
    Kind.CAPTURED: 12,
    Kind.CAPTURED_IN_PART: 6,
    Kind.VOIDED: 12,
    Kind.PAYOUT: 14,
}


@dataclass(frozen=True, slots=True)
class Till:
    """One gateway as merchants and payers meet it."""

    provider: str
    country: str
    currency: str
    #: The payment method, and where a payout goes, for the order of this number.
    pays: Callable[[str], Json]
    destination: Callable[[str], Json]
    #: Minor units in the least that can be paid: rupiah come whole.
    unit: int = 1


def _card(mark: str) -> Json:
    return {"type": "card", "token": f"tok_{mark}"}


def _bank(mark: str) -> Json:
    return {"type": "bank_account", "token": f"ba_{mark}"}


TILLS: Final[Mapping[str, Till]] = {
    "sandbox-a": Till("sandbox", "US", "USD", _card, _bank),
    "sandbox-b": Till("sandbox", "US", "USD", _card, _bank),
    "stripe-eu": Till(
        "stripe",
        "FR",
        "EUR",
        # One test card stands for many: without a fingerprint each the fraud windows would close.
        pays=lambda mark: {
            "type": "card",
            "token": "pm_card_visa",
            "card": {"fingerprint": mark},
        },
        destination=lambda _: {"type": "bank_account", "token": "ba_1"},
    ),
    "paypal-eu": Till(
        "paypal",
        "FR",
        "EUR",
        pays=lambda _: {"type": "paypal"},
        destination=lambda mark: {"type": "wallet", "token": f"{mark}@payee.example"},
    ),
    "midtrans-id": Till(
        "midtrans",
        "ID",
        "IDR",
        _card,
        destination=lambda mark: {"type": "bank_account", "token": f"bca:1234567890:{mark}"},
        unit=100,
    ),
    "xendit-id": Till(
        "xendit",
        "ID",
        "IDR",
        pays=lambda mark: {"type": "card", "token": f"pt-card-{mark}"},
        destination=lambda mark: {"type": "bank_account", "token": f"ID_BCA:000000000099:{mark}"},
        unit=100,
    ),
    "soapbank-ch": Till(
        "soapbank",
        "CH",
        "CHF",
        _card,
        destination=lambda mark: {"type": "bank_account", "token": f"DE00{mark.upper()}00"},
    ),
}
#: The least that is asked for: a third of it is more than every amount that makes the house's sandbox
#: misbehave.
LEAST: Final = 28_000
#: No amount is asked for twice in a row, so that sums which agree do so for a reason.
SPREAD: Final = 15_000


@dataclass(frozen=True, slots=True)
class Order:
    """One thing that a merchant wants, and when."""

    number: int
    kind: Kind
    gateway: str
    #: Seconds after the beginning of the storm.
    at_s: float
    #: In minor units.
    amount: int
    #: Draws for its own waits and retries, whatever else happens.
    seed: int
    #: A fault that the house's sandbox plays for this order alone.
    fault: str | None = None

    @property
    def till(self) -> Till:
        """Where it is paid."""
        return TILLS[self.gateway]

    @property
    def mark(self) -> str:
        """What its requests say, and no other's. Nothing follows the money of `plain` ones."""
        return f"{'plain' if self.kind is Kind.SALE else 'chaos'}{self.number:05}x"

    @property
    def part(self) -> int:
        """A third of it, in units that can be paid."""
        unit = self.till.unit
        return self.amount // unit // 3 * unit

    def body(self) -> Json:
        """Return what the merchant posts."""
        said = {
            "amount": self.amount,
            "currency": self.till.currency,
            "country": self.till.country,
            "provider_preference": self.gateway,
            "description": self.mark,
        }
        if self.fault is not None:
            said["metadata"] = {"sandbox": f"{self.gateway}:{self.fault}"}
        if self.kind is Kind.PAYOUT:
            return said | {"user_id": self.mark, "destination": self.till.destination(self.mark)}
        holds = self.kind in (Kind.CAPTURED, Kind.CAPTURED_IN_PART, Kind.VOIDED)
        return said | {
            "payment_method": self.till.pays(self.mark),
            "capture_method": "manual" if holds else "automatic",
            "return_url": f"https://shop.example/{self.mark}",
        }


def orders(
    count: int, seed: int, storm_s: float, gateways: Sequence[str] = tuple(TILLS)
) -> list[Order]:
    """Return `count` orders that arrive at random moments of the storm, whatever the system does."""
    draw = random.Random(seed)  # noqa: S311  # a schedule, not a secret
    moments = sorted(draw.uniform(0, storm_s) for _ in range(count))
    kinds = draw.choices(list(KINDS), list(KINDS.values()), k=count)
    found = []
    for number, (at_s, kind) in enumerate(zip(moments, kinds, strict=True)):
        gateway = draw.choice(gateways)
        amount = (LEAST + draw.randrange(SPREAD)) * TILLS[gateway].unit
        found.append(Order(number, kind, gateway, at_s, amount, draw.randrange(2**32)))
    return found
