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
    Prepared,
    Proof,
    RequiresAction,
    Returned,
    Succeeded,
    TakenBack,
    Unknown,
)
from domain.payment import Mode


class Operation(StrEnum):
    """The money operations an attempt can be."""

    CHARGE = "charge"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    PAYOUT = "payout"


class State(StrEnum):
    """The life of one attempt. A charge ends `captured`; what changes a charge, and a payout, ends
    `succeeded`."""

    SENDING = "sending"
    UNKNOWN = "unknown"
    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    SUCCEEDED = "succeeded"
    REVERSED = "reversed"  # a charge whose money the provider took back
    RETURNED = "returned"  # a refund or payout that succeeded and came back
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

#: What a card scheme counts: declined, or perhaps declined.
TRIES = frozenset({State.DECLINED, State.SENDING, State.UNKNOWN})

#: How much each state knows. Facts only ever raise it, so any order of the same facts ends alike;
#: a fact that money moved outranks every "no" because lost money is worse than a wrong "no".
KNOWLEDGE: Mapping[State, int] = {
    State.SENDING: 0,
    State.UNKNOWN: 1,
    State.PENDING: 2,
    State.REQUIRES_ACTION: 3,
    State.AUTHORIZED: 4,
    # A hold may lapse or be voided; a hold that was "never charged" or "declined" is a riddle, and
    # the state that makes it one must not be hidden by the one that does not.
    State.EXPIRED: 5,
    State.VOIDED: 6,
    State.NOT_CHARGED: 7,
    State.DECLINED: 8,
    State.CAPTURED: 9,
    State.SUCCEEDED: 9,
    State.LATE_SUCCESS: 9,
    State.REVERSED: 10,
    State.RETURNED: 10,
}

#: The code of a charge about whose money a person has decided: no later word makes it a question.
SETTLED_BY_REVIEW = "settled_by_review"
#: The code of an attempt whose request the provider calls wrong.
REQUEST_REJECTED = "request_rejected"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try. `request` is the exact body that is sent, and replayed, byte for byte."""

    id: UUID
    #: None: it belongs to a payout.
    payment_id: UUID | None
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
    #: The refund it carries out; also a void that gives late money back.
    refund_id: UUID | None = None
    payout_id: UUID | None = None
    #: The provider's id of the charge that is captured, voided or refunded.
    target: str | None = None
    #: Whether a charge asks for the money at once, or only for a hold.
    captures: bool = True
    #: Whether the provider ever said that it holds the money (charges).
    held: bool = False
    #: Whether it ever said that the hold is gone without money (charges).
    released: bool = False
    #: What the provider has collected of it, in minor units (charges).
    captured: int = 0
    #: Whether the call that moves the money may have been sent. In a split operation it is False
    #: until the provider's object is stored, and set in the transaction before that call.
    confirming: bool = True
    #: The card's name in the counts of its scheme (charges; see `domain.schemes`).
    card: bytes | None = field(repr=False, default=None)

    @property
    def root_id(self) -> UUID:
        """The aggregate it belongs to: its payment, or its payout."""
        root = self.payment_id or self.payout_id
        assert root is not None, "an attempt without an aggregate"
        return root

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
    """Return the state that an outcome brings a charge to, before late money is told apart."""
    match outcome:
        case Succeeded(captured=captured):
            return State.CAPTURED if captured else State.AUTHORIZED
        case Pending():
            return State.PENDING
        case Prepared():
            return State.SENDING
        case RequiresAction():
            return State.REQUIRES_ACTION
        case Declined():
            return State.DECLINED
        case NotCharged(proof=Proof.VOIDED):
            return State.VOIDED
        case NotCharged(lapsed=lapsed):
            return State.EXPIRED if lapsed else State.NOT_CHARGED
        case TakenBack():
            return State.REVERSED
        case Returned():
            return State.RETURNED
        case Unknown():
            return State.UNKNOWN
        case _:
            assert_never(outcome)
