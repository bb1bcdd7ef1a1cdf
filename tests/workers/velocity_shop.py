"""A shop whose payers are all the same, until a test says otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import redis

from domain.fraud.features import Velocity
from workers.velocity import RedisVelocity

AT = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
SECRET = b"thirty-two bytes of a test's key"
#: Generous: most tests are about numbers, and the machine may be busy.
PATIENT_S = 10.0


@dataclass
class Shop:
    """A store of velocity, its clock, and the reasons it gave for not answering."""

    client: redis.Redis
    budget_s: float = PATIENT_S
    now_s: float = 0.0
    reasons: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.velocity = RedisVelocity(
            self.client,
            SECRET,
            self.budget_s,
            degraded=self.reasons.append,
            monotonic=lambda: self.now_s,
        )

    def pays(self, number: int, **changes: Any) -> Velocity | None:
        payment: dict[str, Any] = {
            "card": "card-1",
            "ip": "203.0.113.7",
            "customer": "customer-1",
            "amount_minor": 1_000,
            "currency": "USD",
            "at": AT,
        }
        return self.velocity.observe(UUID(int=number), **payment | changes)

    def is_declined(self, number: int, **changes: Any) -> None:
        decline: dict[str, Any] = {
            "card": "card-1",
            "ip": "203.0.113.7",
            "customer": "customer-1",
            "at": AT,
        }
        self.velocity.declined(payment_id=UUID(int=number), **decline | changes)
