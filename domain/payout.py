"""The payout: a merchant's money on its way to somebody; what was paid may still come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from domain.due import Due
from domain.errors import IllegalMove
from domain.means import Customer
from domain.money import Money
from domain.payment import Failure, Mode


class PayoutStatus(StrEnum):
    """What a merchant sees of a payout."""

    PENDING = "pending"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


_S = PayoutStatus
#: The whole life of a payout; the database enforces the same table by a trigger.
PAYOUT_MOVES: Mapping[PayoutStatus, frozenset[PayoutStatus]] = MappingProxyType(
    {
        _S.PENDING: frozenset({_S.PROCESSING, _S.FAILED}),
        _S.PROCESSING: frozenset({_S.SUCCEEDED, _S.FAILED}),
        _S.SUCCEEDED: frozenset({_S.FAILED}),  # the receiving bank sent it back
        _S.FAILED: frozenset(),
    }
)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the money goes; `token` is the provider's name of an account, and a secret."""

    type: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Payout:
    """One amount that a merchant sends out."""

    id: UUID
    merchant_id: UUID
    mode: Mode
    money: Money
    status: PayoutStatus
    destination: Destination
    created_at: datetime
    expires_at: datetime
    due: Due
    country: str | None = None
    customer: Customer = field(default_factory=Customer)
    customer_id: UUID | None = None
    preference: str | None = None
    reference: str | None = None
    description: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    gateway_id: str | None = None
    failure: Failure | None = None
    runs: int = 0
    skipped: Mapping[str, str] = field(default_factory=dict)
    processed_at: datetime | None = None
    request_id: str = ""
    version: int = 1

    @property
    def over(self) -> bool:
        """Whether no command moves it on."""
        return self.status in (PayoutStatus.SUCCEEDED, PayoutStatus.FAILED)

    def moved(self, to: PayoutStatus) -> Payout:
        """Return this payout in its next status, or refuse with `IllegalMove`."""
        if to is self.status:
            return self
        if to not in PAYOUT_MOVES[self.status]:
            raise IllegalMove(f"payout {self.id} cannot go from {self.status} to {to}")
        return replace(self, status=to)

    def ended(self, to: PayoutStatus, now: datetime, failure: Failure | None = None) -> Payout:
        """Return this payout ended: nothing is due any more."""
        return replace(self.moved(to), failure=failure, processed_at=now, due=self.due.at(None))
