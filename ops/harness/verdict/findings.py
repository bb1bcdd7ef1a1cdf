"""Findings: what a verdict is made of, in words that say where to look."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields

#: What a verdict lists that is no fault: somebody has it in hand, or it has been put right.
NO_FAULT = frozenset({"parked", "waiting", "given_back", "untold"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be. `what` is a public id, a reference, or a gateway."""

    what: str
    words: str

    def __str__(self) -> str:
        return f"{self.what}: {self.words}"


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """One row that waits for a person, and what that person needs."""

    what: str
    reason: str
    owner: str
    settled_by: str
    #: Where the ledgers show money that the row does not know of yet: how much.
    seen: str = ""

    def __str__(self) -> str:
        seen = f" ({self.seen})" if self.seen else ""
        return f"{self.what}: {self.reason}, for {self.owner}{seen}: {self.settled_by}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Everything that was found. The first eight are faults; `clean` says that there is none."""

    #: Accepted, and nobody will ever do anything about it: no row, or one that nothing moves.
    lost: tuple[Finding, ...] = ()
    #: Money that moved twice, or more of it than was agreed to.
    doubled: tuple[Finding, ...] = ()
    #: A move without its audit entry, or a chain that does not hold.
    unaudited: tuple[Finding, ...] = ()
    #: Still under way after everything had time to settle: neither final nor parked.
    stuck: tuple[Finding, ...] = ()
    #: Our sums and the ledgers' are not the same, in either direction.
    wrong_sums: tuple[Finding, ...] = ()
    #: A provider carried out what no committed attempt had asked for.
    unwritten: tuple[Finding, ...] = ()
    #: A provider carried out a request whose key had no window any more.
    expired_keys: tuple[Finding, ...] = ()
    #: Attempts that their own facts, applied anew, do not lead to.
    unexplained: tuple[Finding, ...] = ()
    #: Rows that wait for a person, with reason and owner.
    parked: tuple[ParkedRow, ...] = ()
    #: Rows that wait for their merchant, their payer or a reviewer, as they should.
    waiting: tuple[Finding, ...] = ()
    #: Money that arrived too late and went back in full.
    given_back: tuple[Finding, ...] = ()
    #: What these ledgers cannot tell, so that nobody takes silence for proof.
    untold: tuple[Finding, ...] = ()
    #: How many payments, refunds and payouts were judged, and ledger movements.
    judged: tuple[tuple[str, int], ...] = ()

    @property
    def faults(self) -> dict[str, tuple[Finding, ...]]:
        """The lists that must be empty, by name."""
        names = [field.name for field in fields(self) if field.name not in {*NO_FAULT, "judged"}]
        return {name: getattr(self, name) for name in names}

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, doubled, unaudited, stuck or wrong."""
        return not any(self.faults.values())

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each fault."""
        return {name: len(found) for name, found in self.faults.items()}

    @property
    def parked_by_reason(self) -> dict[str, int]:
        """How many rows are parked for each reason."""
        return dict(sorted(Counter(row.reason for row in self.parked).items()))

    def report(self, most: int = 10) -> str:
        """Return the faults in words, at most `most` of a kind; for a failing test."""
        lines = []
        for name, found in self.faults.items():
            if found:
                lines.append(f"{name} ({len(found)}):")
                lines += [f"  {one}" for one in found[:most]]
        return "\n".join(lines) or "clean"
