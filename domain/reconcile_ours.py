"""Our side of a reconciliation: attempts and the money that moved by them, as movements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.attempt import Operation, State
from domain.facts import Movement
from domain.money import Money
from domain.payment import Mode


class Move(StrEnum):
    """The ways in which money moves at a provider. A capture is its charge's money."""

    CHARGE = "charge"
    CHARGEBACK = "chargeback"
    REFUND = "refund"
    REFUND_FAILURE = "refund_failure"
    PAYOUT = "payout"
    PAYOUT_FAILURE = "payout_failure"


#: Which of our transactions are movements of money; a hold, and letting go of one, are none.
MOVES: Final[Mapping[Movement, Move]] = {
    Movement.SALE: Move.CHARGE,
    Movement.CAPTURE: Move.CHARGE,
    Movement.CHARGEBACK: Move.CHARGEBACK,
    Movement.REFUND: Move.REFUND,
    Movement.REVERSAL: Move.REFUND,
    Movement.REFUND_FAILURE: Move.REFUND_FAILURE,
    Movement.PAYOUT: Move.PAYOUT,
    Movement.PAYOUT_FAILURE: Move.PAYOUT_FAILURE,
}
#: What an attempt is to move; captures and voids speak of their charge, which is compared.
WANTED: Final[Mapping[Operation, Move]] = {
    Operation.CHARGE: Move.CHARGE,
    Operation.REFUND: Move.REFUND,
    Operation.PAYOUT: Move.PAYOUT,
}

#: What a movement undoes, and is told of by whoever is asked about that.
COMES_FROM: Final[Mapping[Move, Move]] = {
    Move.CHARGEBACK: Move.CHARGE,
    Move.REFUND_FAILURE: Move.REFUND,
    Move.PAYOUT_FAILURE: Move.PAYOUT,
}


@dataclass(frozen=True, slots=True)
class Moved:
    """One transaction of an attempt."""

    type: Movement
    minor: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt as reconciling needs it: without its request."""

    attempt_id: UUID
    operation: Operation
    state: State
    money: Money
    captures: bool
    sent_at: datetime
    #: The answer is not waited for beyond this.
    deadline_at: datetime
    provider_id: str | None
    payment_id: UUID | None
    refund_id: UUID | None
    payout_id: UUID | None
    merchant_id: UUID
    mode: Mode
    moved: tuple[Moved, ...] = ()


@dataclass(frozen=True, slots=True)
class Ours:
    """One movement in our books, or an attempt (`moved` is False) whose money is not there."""

    move: Move
    tried: Tried
    #: What moved in all; of an attempt without a movement, what it asked for.
    money: Money
    moved: bool
    #: When we first heard of it; None: it has not moved.
    moved_at: datetime | None = None

    @property
    def state(self) -> State:
        """The state of its attempt."""
        return self.tried.state

    @property
    def sent_at(self) -> datetime:
        """Before this the provider cannot have moved it."""
        return self.tried.sent_at

    @property
    def provider_id(self) -> str | None:
        """The provider's id of what moved, where it is known."""
        return self.tried.provider_id

    @property
    def reference(self) -> str:
        """Our name for it at the provider."""
        return self.tried.attempt_id.hex

    @property
    def key(self) -> tuple[Move, str]:
        """Names it among ours."""
        return self.move, self.reference

    @property
    def subjects(self) -> frozenset[str]:
        """What a discrepancy about it may be called."""
        names = {self.reference, self.provider_id or self.reference}
        return frozenset(f"{self.move}:{name}" for name in names)

    @property
    def takes_part(self) -> bool:
        """Whether a part of what was asked for may move: of a hold."""
        return self.move is Move.CHARGE and not self.tried.captures

    @property
    def is_lost(self) -> bool:
        """Whether nobody knows if it moved."""
        return not self.moved and self.state in (State.UNKNOWN, State.SENDING)

    def ended_by(self, when: datetime) -> bool:
        """Whether its sender's call was over by then."""
        return self.tried.deadline_at <= when

    def is_under_way(self, now: datetime) -> bool:
        """Whether its sender still waits for the answer."""
        return self.state is State.SENDING and now < self.tried.deadline_at


def ours_of(tried: Tried) -> tuple[Ours, ...]:
    """Return the movements of an attempt; one without any stands for what it was to move."""
    wanted = WANTED.get(tried.operation)
    if wanted is None:
        return ()
    minor: dict[Move, int] = {}
    first: dict[Move, datetime] = {}
    for one in tried.moved:
        move = MOVES.get(one.type)
        if move is not None:
            minor[move] = minor.get(move, 0) + one.minor
            first[move] = min(first.get(move, one.at), one.at)
    found = [
        Ours(move, tried, Money(total, tried.money.currency), True, first[move])
        for move, total in minor.items()
    ]
    if wanted not in minor:
        found.append(Ours(wanted, tried, tried.money, False))
    return tuple(found)
