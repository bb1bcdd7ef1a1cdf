"""Tale entries: what one line of a payment's story is, and which of two comes first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from domain.events import Actor
from domain.money import CURRENCIES, Money
from ingress.views import moment
from ops.store.tale import Row, Tale
from ops.telemetry.redaction import redact

#: What comes first of two entries of the same moment: what causes before what it causes, and the
#: audit, which repeats, after all of it.
ORDER: Final = (
    *("payment.accepted", "screening.decided", "review.opened", "review.decided"),
    *("payment.cancel_requested", "refund.asked", "routing.chosen", "attempt.begun"),
    *("webhook.received", "fact.told", "webhook.processed", "attempt.ended", "money.moved"),
    *("refund.ended", "attempt.parked", "refund.parked", "payment.parked", "audit.recorded"),
)
RANK: Final = {type_: rank for rank, type_ in enumerate(ORDER)}
#: Longer than any transaction of ours lasts after its first statement.
_TRANSACTION: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `actor` is who did it, `by` the API key where it was one."""

    at: datetime
    type: str
    actor: Actor
    summary: str
    told: Mapping[str, Any] = field(default_factory=dict)
    by: str | None = None

    def shown(self) -> dict[str, Any]:
        """Return it for its merchant, without secrets."""
        return {
            "at": moment(self.at),
            "type": self.type,
            "actor": {"type": self.actor.value, "id": self.by},
            "summary": self.summary,
            "data": redact(self.told),
        }


def written(ended: datetime, tale: Tale, *attempts: str) -> datetime:
    """Return when an end was written down: with the fact that was told of it.

    An end carries the time at which its transaction began, a fact the time of its own row, so the
    end would come before what it follows from.
    """
    told = (one["observed_at"] for one in tale.facts if one["attempt_id"] in attempts)
    return min((at for at in told if ended <= at <= ended + _TRANSACTION), default=ended)


def parked(row: Row, type_: str, what: str) -> Entry:
    """Return that `what` waits for a person."""
    said = f"{what} waits for a person of ours: {row['parked_reason']}."
    return Entry(row["parked_at"], type_, Actor.WORKER, said, columns(row, "id", "parked_reason"))


def amount_of(row: Row) -> str:
    """Return its amount for people, in major units."""
    return str(Money(row["amount"], CURRENCIES[row["currency"]]))


def key_of(actor_id: str) -> str | None:
    """Return an API key's public id; the names of workers and operators stay inside."""
    return actor_id if actor_id.startswith("key:") else None


def columns(row: Row, *names: str) -> dict[str, Any]:
    """Return those of these columns that hold something."""
    return {name: row[name] for name in names if row[name] is not None}
