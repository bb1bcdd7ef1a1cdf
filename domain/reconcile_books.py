"""What reconciling needs of the world: the runs in the books, and the providers' own lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeAlias, runtime_checkable
from uuid import UUID

from domain.ports import Budget
from domain.reconcile import Entry, Finding, Listing, Window
from domain.reconcile_ours import Tried


class Method(StrEnum):
    """How the provider's side was found out."""

    LISTED = "listed"  # by the provider's own list
    ASKED = (
        "asked"  # by a look-up of each of our attempts: what only the provider knows stays unseen
    )


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a provider's list; `following` asks for the next one, None: this was the last."""

    entries: tuple[Entry, ...]
    following: str | None = None


@dataclass(frozen=True, slots=True)
class Unlisted:
    """The list could not be read now. It says nothing about money."""

    cause: str


Listed: TypeAlias = Page | Unlisted


class Lister(Protocol):
    """A gateway whose provider lists movements (`Declaration.listing`)."""

    @property
    def listing(self) -> Listing:
        """What the list promises."""

    def list_movements(self, window: Window, following: str | None, budget: Budget) -> Listed:
        """Read one page of what moved in a window; `following` is what the page before it said."""


@runtime_checkable
class Listers(Protocol):
    """The lists by gateway."""

    def lister(self, gateway_id: str) -> Lister | None:
        """Return it; None: the provider has no list, or the gateway has no adapter here."""


@dataclass(frozen=True, slots=True)
class Run:
    """One window of one gateway, claimed by us."""

    id: UUID
    gateway_id: str
    window: Window
    #: Who wants it: the clock, or a person, who looks at it now and can ask again.
    asked_by: str
    lease_token: int
    starts: int
    now: datetime
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to."""

    method: Method
    #: Lines of the provider's list, or attempts that were asked about.
    listed: int
    #: Movements and open attempts of ours that were compared.
    compared: int
    #: What differs still.
    findings: tuple[Finding, ...]
    #: What differed, until the provider's word about it was heard in this run.
    settled: tuple[Finding, ...]
    #: About which both sides agree: what was open about them is resolved.
    agreed: frozenset[str]
    #: Of ours, about which the provider did not answer, or more than may be asked in one run.
    unjudged: int


class Rolls(Protocol):
    """The books of reconciliation. Each call is a transaction of its own."""

    def plan(self, gateway_id: str, lag: timedelta) -> None:
        """Write the run of the next UTC day that is over, `lag` and all, unless it is written."""

    def claim(self, lease_s: float) -> Run | None:
        """Take the oldest run that is due and that nobody works on."""

    def renew(self, run: Run, lease_s: float) -> bool:
        """Keep a run that is ours. False: somebody else has it."""

    def tried(
        self, gateway_id: str, references: Iterable[str], provider_ids: Iterable[str]
    ) -> Sequence[Tried]:
        """Return the attempts that have one of these names, or one of these ids."""

    def tried_in(self, gateway_id: str, window: Window, most: int) -> Sequence[Tried]:
        """Return at most `most` attempts that were sent in the window, or by which money moved
        in it as far as we heard."""

    def finish(self, run: Run, report: Report) -> None:
        """Write what it came to: new discrepancies are opened, and those resolved that are none."""

    def split(self, run: Run, halves: Sequence[Window]) -> None:
        """Put several runs in its place: its window holds more than one run may."""

    def postpone(self, run: Run, cause: str, delay_s: float | None) -> None:
        """Try it again later; None: give it up."""

    def release(self, run: Run) -> None:
        """Leave it to somebody else, as it was."""
