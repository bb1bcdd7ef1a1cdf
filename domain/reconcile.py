"""Reconciliation: what a provider lists, how far that may be trusted, and what can differ."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.money import Money
from domain.reconcile_ours import Move, Ours

#: Our clocks and a provider's differ by less than this.
SKEW = timedelta(minutes=5)


class Stands(StrEnum):
    """How the provider says that a movement stands."""

    MOVED = "moved"
    HELD = "held"
    PENDING = "pending"
    FAILED = "failed"  # no money moved, or none is left of it


class Difference(StrEnum):
    """What kind of discrepancy it is."""

    MISSING_HERE = "missing_here"  # the provider has money that we do not know
    MISSING_THERE = "missing_there"  # we believe in money that the provider does not list
    AMOUNT = "amount"
    CURRENCY = "currency"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time; `until` is not in it any more."""

    since: datetime
    until: datetime

    def holds(self, when: datetime | None) -> bool:
        """Whether an instant lies in it."""
        return when is not None and self.since <= when < self.until

    def pieces(self, longest: timedelta) -> list[Window]:
        """Return it cut into windows that are no longer than the provider takes."""
        cut, since = [], self.since
        while since < self.until:
            until = min(since + longest, self.until)
            cut.append(Window(since, until))
            since = until
        return cut


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement as a provider lists it. Its money is positive, whichever way it went."""

    move: Move
    #: The provider's id of what moved: of the charge (also for a chargeback), the refund, the payout.
    provider_id: str
    money: Money
    at: datetime
    stands: Stands = Stands.MOVED
    #: Our name on it; None: the list does not show it.
    reference: str | None = None
    #: The list's own name of the line; the same line twice (pages overlap) counts once.
    line: str = ""
    #: Whether `provider_id` names our object, and not only a movement of it: only then we may keep
    #: it as the attempt's id, by which everything else is asked for.
    is_object: bool = True


@dataclass(frozen=True, slots=True)
class Listing:
    """What a provider's list of movements promises: the capability, declared by its adapter."""

    #: After this, what moved is on the list: before, that it is not there says nothing.
    lag: timedelta
    #: The longest window that can be asked for at once.
    longest: timedelta
    #: What the list shows; of anything else it proves nothing that it is not there.
    moves: frozenset[Move]


@dataclass(frozen=True, slots=True)
class Scope:
    """How far a comparison may conclude from what is not there."""

    #: What was listed; with some time before the window, for what was entered late.
    listed: Window
    #: Where money of ours must be on the list by now.
    judged: Window
    moves: frozenset[Move]
    now: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """One discrepancy."""

    difference: Difference
    entry: Entry | None
    ours: Ours | None
    reason: str
    #: Whether the provider should be asked about this attempt: it may know what we do not.
    asks: bool = False

    @property
    def move(self) -> Move:
        """What kind of movement it is about."""
        said = self.entry or self.ours
        assert said is not None, "a discrepancy is about something"
        return said.move

    @property
    def subject(self) -> str:
        """Names what it is about, so that the same one is found again by the next run."""
        if self.entry is not None:
            return f"{self.entry.move}:{self.entry.provider_id}"
        assert self.ours is not None, "a discrepancy is about something"
        return f"{self.ours.move}:{self.ours.provider_id or self.ours.reference}"

    @property
    def key(self) -> tuple[str, Difference]:
        """Two findings with one key are the same discrepancy."""
        return self.subject, self.difference


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison came to."""

    findings: tuple[Finding, ...] = ()
    #: The subjects about which both sides agree.
    agreed: frozenset[str] = frozenset()
    #: Ours that moved in the window and was sent before the list begins: it may stand earlier.
    uncovered: tuple[Ours, ...] = ()
    #: Ours that moved so lately that it need not be on the list yet.
    recent: int = 0
