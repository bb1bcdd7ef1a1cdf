"""What a provider has in its own books: charges, transfers, requests on their way, events told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from domain.attempt import Attempt, Operation

#: Nothing can come of a charge in these any more, unless the provider changes its mind.
OVER: Final = frozenset({"paid", "declined", "declined hard", "voided", "lapsed"})
#: A charge in these can still be cancelled.
CANCELLABLE: Final = frozenset({"pending", "action", "made", "asks", "held"})
#: A transfer in these has taken money out, or is about to.
GONE: Final = frozenset({"done", "pending"})


@dataclass(slots=True)
class Held:
    """One charge. A look-up by our reference shows it from `shows_s` on, one by its id at once."""

    id: str
    reference: str
    amount: int
    #: made, asks, pending, action, held, or one of `OVER`.
    state: str
    arrived_s: float
    shows_s: float
    captures: bool
    #: Of a split charge: whether the call that moves its money has come.
    confirmed: bool = True
    captured: int = 0
    taken: int = 0
    #: The provider had said for good that there is no money, and then there was.
    changed_its_mind: bool = False


@dataclass(slots=True)
class Transfer:
    """One refund or payout."""

    id: str
    reference: str
    amount: int
    #: made, pending, done, failed or returned.
    state: str
    arrived_s: float
    shows_s: float
    charge: Held | None = None


Thing = TypeVar("Thing", Held, Transfer)


@dataclass(frozen=True, slots=True)
class Happened:
    """What the provider would tell us of by webhook."""

    reference: str
    id: str
    number: int


@dataclass(slots=True)
class Ledger:
    """Everything that ever happened at one provider."""

    charges: list[Held] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    #: Requests on their way: when they arrive, and what they do then.
    on_their_way: list[tuple[float, Callable[[], object]]] = field(default_factory=list)
    events: list[Happened] = field(default_factory=list)
    happened: int = 0

    def catch_up(self, now_s: float) -> None:
        """Let arrive what has come by now, in order."""
        while due := [one for one in self.on_their_way if one[0] <= now_s]:
            first = min(due, key=lambda one: one[0])
            self.on_their_way.remove(first)
            first[1]()

    def tell(self, thing: Held | Transfer) -> None:
        """Something of it has changed."""
        self.happened += 1
        self.events.append(Happened(thing.reference, thing.id, self.happened))

    def back(self, charge: Held) -> int:
        """What has gone back of a charge, or is on its way."""
        return sum(t.amount for t in self.transfers if t.charge is charge and t.state in GONE)

    def left(self, charge: Held) -> int:
        """What could still go back of it."""
        return charge.captured - charge.taken - self.back(charge)

    def charge_by_id(self, id_: str | None) -> Held | None:
        """Return the charge of an id."""
        return next((one for one in self.charges if one.id == id_), None)

    def things(self, attempt: Attempt) -> Sequence[Held] | Sequence[Transfer]:
        """Return what an attempt may be found among."""
        return self.charges if attempt.operation is Operation.CHARGE else self.transfers


def protected(
    things: Sequence[Thing], attempt: Attempt, arrives_s: float, window_s: float
) -> Thing | None:
    """Return what the attempt's key stands for already: the key is remembered for a while."""
    for one in things:
        if one.reference == attempt.reference and abs(arrives_s - one.arrived_s) < window_s:
            one.arrived_s = min(one.arrived_s, arrives_s)
            return one
    return None


def shown(things: Sequence[Thing], attempt: Attempt, now_s: float) -> Thing | None:
    """Return what a look-up finds: by the id that we know, else by our reference."""
    if attempt.provider_id is not None:
        return next((one for one in things if one.id == attempt.provider_id), None)
    return next(
        (one for one in things if one.reference == attempt.reference and one.shows_s <= now_s), None
    )
