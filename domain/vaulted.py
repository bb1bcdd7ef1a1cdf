"""Saved payment methods as their provider's vault knows them: a token that is to be forgotten."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from domain.due import Due
from domain.payment import Mode


@dataclass(frozen=True, slots=True)
class Detachment:
    """A deleted payment method whose provider still has to forget the token."""

    id: UUID
    merchant_id: UUID
    mode: Mode
    gateway_id: str | None
    token: str = field(repr=False)
    due: Due
    request_id: str = ""

    @property
    def key(self) -> str:
        """Our idempotency key at the provider: one per try, because a key keeps a failed answer too,
        and forgetting twice is forgetting once."""
        return f"{self.id.hex}d{self.due.starts}"
