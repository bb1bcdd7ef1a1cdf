"""The due row is the job: when a row's next command runs, who holds it, and who must look at it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Reason(StrEnum):
    """Why a row is parked: what a person has to find out."""

    POISON = "poison"  # started too often without committing a step
    UNRESOLVED = "unresolved"  # the resolution schedule is exhausted
    AMOUNT_MISMATCH = (
        "amount_mismatch"  # the provider reports another amount, currency or reference
    )
    LATE_SUCCESS = "late_success"  # money arrived after the payment had ended or gone elsewhere
    UNKNOWN_OBJECT = "unknown_object"  # a webhook about an attempt we do not have
    UNREADABLE = "unreadable"  # a webhook we cannot parse
    OVERDRAWN = "overdrawn"  # the provider took back more than was left after the refunds
    REFUND_FAILED = "refund_failed"  # money that must go back did not
    CONTRADICTION = "contradiction"  # the provider said both that money moved and that it did not


@dataclass(frozen=True, slots=True)
class Parked:
    """Nothing more happens by itself; `owner` settles it by evidence."""

    at: datetime
    reason: Reason
    owner: str = "operations"


@dataclass(frozen=True, slots=True)
class Due:
    """When the next command runs. Without a time the row waits for facts or for a person."""

    next_run_at: datetime | None
    #: Starts since the last committed step; a row that kills its workers is parked by this count.
    starts: int = 0
    parked: Parked | None = None

    def at(self, when: datetime | None) -> Due:
        """A committed step: the next run is `when`, and the poison count starts anew."""
        return Due(when, 0, None)

    def park(self, now: datetime, reason: Reason) -> Due:
        """Stop until a person looks; later facts still apply."""
        return replace(self, next_run_at=None, starts=0, parked=Parked(now, reason))


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to send and decide for one row; knowing needs none (facts always apply)."""

    token: int
    owner: int


#: Rows that are finished, or wait for facts only.
NEVER = Due(None)
