"""A batch replay of the fraud windows over a plain list, to hold the Lua against."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from domain.fraud.features import WINDOWS, Aggregate, Entity, Velocity

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Seen:
    """One payment, or one decline of a card."""

    at: datetime
    card: str | None
    ip: str | None
    customer: str | None
    amount_minor: int = 0
    currency: str = ""
    declined: bool = False

    def of(self, entity: Entity) -> tuple[str | None, ...] | None:
        match entity:
            case "card":
                return (self.card,) if self.card else None
            case "card_currency":
                return (self.card, self.currency) if self.card else None
            case "ip":
                return (self.ip,) if self.ip else None
            case "customer":
                return (self.customer,) if self.customer else None

    def counts_for(self, aggregate: Aggregate) -> bool:
        match aggregate:
            case "distinct_declined_cards":
                return self.declined and self.card is not None
            case "distinct_cards":
                return not self.declined and self.card is not None
            case _:
                return not self.declined


@dataclass
class Replay:
    """Every event in the order of arrival; each question walks all of them."""

    events: list[Seen] = field(default_factory=list)

    def before(self, payment: Seen) -> Velocity:
        return Velocity(
            **{
                window.name: max(
                    self._ask(payment, entity, window.aggregate, window.grain_s, window.buckets)
                    for entity in window.entities
                )
                for window in WINDOWS
            }
        )

    def _ask(
        self, payment: Seen, entity: Entity, aggregate: Aggregate, grain_s: int, buckets: int
    ) -> int:
        def bucket(event: Seen) -> int:
            return (event.at - _EPOCH) // timedelta(seconds=grain_s)

        who, now = payment.of(entity), bucket(payment)
        history = [e for e in self.events if who and e.of(entity) == who]
        history = [e for e in history if e.counts_for(aggregate)]
        # What fell out of the newest event's window is forgotten, also by a payment that is late.
        newest = max(map(bucket, history), default=0)
        if aggregate in ("distinct_cards", "distinct_declined_cards"):
            # A card stands where it was seen last.
            last = {e.card: max(bucket(o) for o in history if o.card == e.card) for e in history}
            return sum(now - buckets < b <= now and b > newest - buckets for b in last.values())
        amounts = [
            e.amount_minor
            for e in history
            if now - buckets < bucket(e) <= now and bucket(e) > newest - buckets
        ]
        match aggregate:
            case "mean":
                return sum(amounts) // len(amounts) if amounts else 0
            case "max":
                return max(amounts, default=0)
            case _:
                return len(amounts)
