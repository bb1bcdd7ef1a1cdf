"""Attempts: one try of one money operation at one gateway, written down before a byte is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from domain.due import Due
from domain.money import Money
from domain.outcome import (
    Declined,
    NotCharged,
    Outcome,
    Pending,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from domain.payment import Mode


class Operation(StrEnum):
    """The money operations an attempt can be."""

    CHARGE = "charge"


class State(StrEnum):
    """The life of one attempt."""

    SENDING = "sending"
    UNKNOWN = "unknown"
    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    DECLINED = "declined"
    NOT_CHARGED = "not_charged"
    VOIDED = "voided"
    EXPIRED = "expired"
    LATE_SUCCESS = "late_success"


#: Proven to have moved no money, or money that no longer counts: another attempt may be written.
HARMLESS = frozenset(
    {State.DECLINED, State.NOT_CHARGED, State.VOIDED, State.EXPIRED, State.LATE_SUCCESS}
)
BLOCKING = frozenset(State) - HARMLESS

#: How much each state knows. Facts only ever raise it, so any order of the same facts ends alike;
#: a fact that money moved outranks every "no" because lost money is worse than a wrong "no".
KNOWLEDGE: Mapping[State, int] = {
    State.SENDING: 0,
    State.UNKNOWN: 1,
    State.PENDING: 2,
    State.REQUIRES_ACTION: 3,
    State.AUTHORIZED: 4,
    State.NOT_CHARGED: 5,
    State.EXPIRED: 6,
    State.VOIDED: 7,
    State.DECLINED: 8,
    State.CAPTURED: 9,
    State.LATE_SUCCESS: 9,
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try. `request` is the exact body that is sent, and replayed, byte for byte."""

    id: UUID
    payment_id: UUID
    merchant_id: UUID
    mode: Mode
    operation: Operation
    number: int
    gateway_id: str
    adapter_version: int
    money: Money
    state: State
    request: bytes = field(repr=False)
    #: After this instant the first byte may no longer leave (the database's clock).
    send_before: datetime
    #: The provider's answer is not waited for beyond this instant.
    deadline_at: datetime
    #: From this instant on the provider may have forgotten our key: a replay would be a new charge.
    key_window_ends: datetime
    created_at: datetime
    due: Due
    provider_id: str | None = None
    proof: Proof | None = None
    code: str | None = None
    cause: str | None = None
    #: Look-ups made so far: the index into the resolution schedule.
    polls: int = 0
    finished_at: datetime | None = None
    request_id: str = ""

    @property
    def reference(self) -> str:
        """Our name for this attempt at the provider: 32 hexadecimal digits."""
        return self.id.hex

    def key(self, step: str = "a") -> str:
        """Return the idempotency key of one call step: 33 characters, which fits every provider."""
        return self.id.hex + step

    @property
    def blocks(self) -> bool:
        """Whether another attempt of this operation is forbidden."""
        return self.state in BLOCKING

    def may_replay(self, now: datetime, margin: timedelta) -> bool:
        """Whether the stored bytes may be sent again under the same key (law 5)."""
        return now + margin < self.key_window_ends


def state_of(outcome: Outcome) -> State:
    """Return the attempt state that an outcome comes to, before late money is told apart."""
    match outcome:
        case Succeeded(captured=captured):
            return State.CAPTURED if captured else State.AUTHORIZED
        case Pending():
            return State.PENDING
        case RequiresAction():
            return State.REQUIRES_ACTION
        case Declined():
            return State.DECLINED
        case NotCharged(proof=Proof.VOIDED):
            return State.VOIDED
        case NotCharged(lapsed=lapsed):
            return State.EXPIRED if lapsed else State.NOT_CHARGED
        case Unknown():
            return State.UNKNOWN
        case _:
            assert_never(outcome)
