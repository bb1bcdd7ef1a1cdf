"""Xendit's searches: which of several objects under one reference counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar, assert_never

from domain.outcome import (
    Declined,
    NotCharged,
    Outcome,
    Pending,
    Prepared,
    RequiresAction,
    Returned,
    Succeeded,
    TakenBack,
    Unknown,
)

S = TypeVar("S")

#: Money moved, or is held for us.
MOVED: Final = (Succeeded, TakenBack, Returned)


def weighed(found: Sequence[S], said: Callable[[S], Outcome]) -> tuple[S, int]:
    """Return the object that matters most, and how many of them moved money.

    Money that moved matters before what may still move; among equals, the oldest is ours. Xendit
    does not document in which order it lists.
    """
    told = [(one, said(one)) for one in found]
    best, _ = min(told, key=lambda pair: (_rank(pair[1]), _created(pair[0])))
    return best, sum(isinstance(outcome, MOVED) for _, outcome in told)


def _created(one: object) -> str:
    """Return when it was made: all times there are written alike. One without a time comes last."""
    created = getattr(one, "created", None)
    return created if isinstance(created, str) else "~"


def _rank(outcome: Outcome) -> int:
    match outcome:
        case Succeeded(captured=captured):
            return 0 if captured else 2
        case TakenBack():
            return 0
        case Returned():
            return 1
        case Unknown():
            return 3
        case RequiresAction() | Pending() | Prepared():
            return 4
        case Declined() | NotCharged():
            return 5
        case _:
            assert_never(outcome)
