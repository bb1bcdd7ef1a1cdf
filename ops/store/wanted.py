"""Wanted: what the door's lists can be asked for, and the SQL that each wish becomes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from domain.facts import Movement
from domain.payment import Mode, Status
from domain.refund import RefundStatus

#: Counting ends here: nobody pages through more, and a count reads every row it counts.
COUNT_CAP: Final = 10_000
#: Ids are made by the programs and times by the database. No clock of ours is off by more, so a
#: range of times is a range of ids too, which the index by merchant finds.
CLOCK_SKEW: Final = timedelta(days=1)

#: Bits of a UUIDv7 below its milliseconds.
_BELOW_TIME: Final = 80
_MOST_MS: Final = 2**48 - 1


class Owner(Protocol):
    """Whose rows are read: a merchant's in one mode, and nobody else's (law 15)."""

    @property
    def merchant_id(self) -> UUID:
        """The merchant."""

    @property
    def mode(self) -> Mode:
        """Test or live."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of time: from `since` on, before `until`. None: without that end."""

    since: datetime | None = None
    until: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Whether a moment lies in it."""
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)


#: All of it.
ALWAYS: Final = Span()


@dataclass(frozen=True, slots=True)
class PaymentsWanted:
    """Which payments; a wish that is None, or empty, is none."""

    statuses: tuple[Status, ...] = ()
    order_id: str | None = None
    customer_id: UUID | None = None
    #: A gateway, or a provider: all its gateways.
    provider: str | None = None
    currency: str | None = None
    method: str | None = None
    amount_min: int | None = None
    amount_max: int | None = None
    created: Span = ALWAYS
    #: All these pairs.
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TransactionsWanted:
    """Which money movements."""

    types: tuple[Movement, ...] = ()
    payment_id: UUID | None = None
    order_id: str | None = None
    provider: str | None = None
    currency: str | None = None
    created: Span = ALWAYS


@dataclass(frozen=True, slots=True)
class RefundsWanted:
    """Which refunds."""

    payment_id: UUID | None = None
    statuses: tuple[RefundStatus, ...] = ()


Wanted = PaymentsWanted | TransactionsWanted | RefundsWanted

_OWNED: Final = "merchant_id = %(merchant)s AND mode = %(mode)s"
#: Each wish by its field. Payments of several statuses are looked up status by status instead.
_CLAUSES: Final[Mapping[str, str]] = {
    "before": "id < %(before)s",
    "after": "id > %(after)s",
    "order_id": "order_id = %(order_id)s",
    "customer_id": "customer_id = %(customer_id)s",
    "payment_id": "payment_id = %(payment_id)s",
    "provider": (
        "gateway_id = ANY (ARRAY("
        "SELECT id FROM gateways WHERE mode = %(mode)s AND %(provider)s IN (id, provider)))"
    ),
    "currency": "currency = %(currency)s",
    "method": "method_type = %(method)s",
    "types": "type = ANY (%(types)s)",
    "amount_min": "amount >= %(amount_min)s",
    "amount_max": "amount <= %(amount_max)s",
    # The second half is the index's own condition: without it the planner may not use the index.
    "metadata": "metadata @> CAST(%(metadata)s AS jsonb) AND metadata <> '{}'",
    "since": "created_at >= %(since)s AND id >= %(id_since)s",
    "until": "created_at < %(until)s AND id < %(id_until)s",
}


def asked_of(owner: Owner, wanted: Wanted, **more: object) -> dict[str, Any]:
    """Return the values of everything that is asked for, by the names that the clauses use."""
    asked: dict[str, Any] = {"merchant": owner.merchant_id, "mode": owner.mode.value}
    found = {one.name: getattr(wanted, one.name) for one in fields(wanted)} | more
    for name, value in found.items():
        match value:
            case Span(since, until):
                asked |= _span(since, until)
            case tuple():
                asked |= {name: list(dict.fromkeys(map(str, value)))} if value else {}
            case Mapping():
                asked |= {name: json.dumps(dict(value))} if value else {}
            case None:
                continue
            case _:
                asked[name] = value
    return asked


def where(asked: Mapping[str, Any], **instead: str) -> str:
    """Return the conditions of what is asked for and of nothing else, so that the planner sees
    which index serves it. `instead` replaces the clause of a field."""
    clauses = {**_CLAUSES, **instead}
    return " AND ".join([_OWNED, *(clauses[name] for name in asked if name in clauses)])


def _span(since: datetime | None, until: datetime | None) -> dict[str, Any]:
    asked: dict[str, Any] = {}
    if since is not None:
        asked |= {"since": since, "id_since": first_id(since - CLOCK_SKEW)}
    if until is not None:
        asked |= {"until": until, "id_until": first_id(until + CLOCK_SKEW)}
    return asked


def first_id(at: datetime) -> UUID:
    """Return the least id that a UUIDv7 of this millisecond can be."""
    ms = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    return UUID(int=min(max(ms, 0), _MOST_MS) << _BELOW_TIME)
