"""The sandbox provider's searches: which of several objects under one reference counts."""

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
from workers.gateways.sandbox_shapes import Shown

S = TypeVar("S", bound=Shown)

#: Money moved, or is held for us.
MOVED: Final = (Succeeded, TakenBack, Returned)


def weighed(found: Sequence[S], said: Callable[[S], Outcome]) -> tuple[Outcome, int]:
    """Return what the object that matters most says, and how many of them moved money.

    Money that moved matters before what may still move; among equals, the oldest is ours. `found`
    is newest first, as the provider answers, which tells even objects of the same millisecond apart.
    """
    ranked = sorted(
        ((_rank(outcome := said(one)), one.created_at, outcome) for one in reversed(found)),
        key=lambda one: one[:2],
    )
    return ranked[0][2], sum(isinstance(outcome, MOVED) for *_, outcome in ranked)


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
