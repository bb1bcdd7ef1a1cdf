"""The cells of the crash matrix: what is done, at which boundary it is struck, when and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Deed(StrEnum):
    """What a cell does to money. `split`: one call makes the provider's object, a second one moves
    the money."""

    CHARGE = "charge"
    CHARGE_SPLIT = "charge_split"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    PAYOUT = "payout"
    PAYOUT_SPLIT = "payout_split"
    WEBHOOK = "webhook"


class Boundary(StrEnum):
    """The step boundaries, in the order in which a deed crosses them.

    `M8` to `C7` lie between the attempt and the call that moves the money, in split deeds only: the
    call that makes the object, and the commit after which its money may be asked for.
    """

    B0 = "B0_accept"  # the request has come / all of its body has
    B1 = "B1_key"  # the INSERT of the idempotency key; of a webhook, of its inbox row
    B2 = "B2_commit"  # the commit of what was accepted
    B3 = "B3_enqueue"  # the wake-up for the workers
    B4 = "B4_answer"  # the first / the last byte of the 2xx
    B5 = "B5_fetched"  # a worker has the message / its actor begins
    B6 = "B6_lease"  # the claim / its commit
    B7 = "B7_attempt"  # the commit of the attempt
    M8 = "M8_make_sent"
    M9 = "M9_made"
    M10 = "M10_make_read"
    C7 = "C7_confirming"  # the commit that lets the second call go
    B8 = "B8_sent"  # the first byte / the last byte, which nobody has received yet
    B9 = "B9_provider"  # the provider has the request / has carried it out
    B10 = "B10_read"  # half of the answer is there / all of it
    B11 = "B11_result"  # the commit of what came of it
    B12 = "B12_outbox"  # the audit and outbox rows inside of that transaction
    B13 = "B13_ack"  # the acknowledgement of the message


class When(StrEnum):
    """On which side of the boundary."""

    BEFORE = "before"
    AFTER = "after"


class How(StrEnum):
    """What happens there."""

    KILL = "kill"  # os._exit(137)
    TERM = "term"  # SIGTERM: it drains
    RAISE = "raise"  # an exception; on the wire, the connection breaks
    HANG = "hang"  # the process stops past its lease, others take over, then it goes on


#: Boundaries that the door crosses; a worker crosses the others.
AT_THE_DOOR: Final = frozenset({Boundary.B0, Boundary.B1, Boundary.B2, Boundary.B3, Boundary.B4})

_SPLIT: Final = frozenset({Deed.CHARGE_SPLIT, Deed.PAYOUT_SPLIT})
_ONE_CALL: Final = "one call moves its money"
_SAME_DOOR: Final = "nothing before the claim knows that it is split: the whole deed covers it"
_SAME_TRANSACTION: Final = "the claim commits with the attempt: B7 after"

#: What is no cell, and why. A deed's boundary is left out on both sides, or on the one named.
LACKING: Final[Mapping[tuple[Deed, Boundary] | tuple[Deed, Boundary, When], str]] = {
    **{
        (deed, boundary): _ONE_CALL
        for deed in (Deed.CHARGE, Deed.CAPTURE, Deed.VOID, Deed.REFUND, Deed.PAYOUT)
        for boundary in (Boundary.M8, Boundary.M9, Boundary.M10, Boundary.C7)
    },
    **{
        (Deed.WEBHOOK, boundary): "it only reads"
        for boundary in (Boundary.M8, Boundary.M9, Boundary.M10, Boundary.C7)
    },
    (Deed.WEBHOOK, Boundary.B7): "reading an object back writes no attempt",
    (Deed.WEBHOOK, Boundary.B9): "reading an object back changes nothing at the provider",
    (Deed.CAPTURE, Boundary.B6, When.AFTER): _SAME_TRANSACTION,
    (Deed.VOID, Boundary.B6, When.AFTER): _SAME_TRANSACTION,
    **{
        (deed, boundary): _SAME_DOOR
        for deed in _SPLIT
        for boundary in (*sorted(AT_THE_DOOR), Boundary.B5)
    },
}


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One cell."""

    deed: Deed
    boundary: Boundary
    when: When
    how: How

    @property
    def id(self) -> str:
        """What pytest calls it."""
        return f"{self.deed}-{self.boundary}-{self.when}-{self.how}"

    @property
    def at_the_door(self) -> bool:
        """Whether the door is struck, and not a worker."""
        return self.boundary in AT_THE_DOOR


def all_cells() -> Iterator[Cell]:
    """Yield the full product."""
    for deed in Deed:
        for boundary in Boundary:
            for when in When:
                for how in How:
                    yield Cell(deed, boundary, when, how)


def lacks(cell: Cell) -> str | None:
    """Return why there is no such cell; None: there is."""
    both_sides = LACKING.get((cell.deed, cell.boundary))
    return both_sides or LACKING.get((cell.deed, cell.boundary, cell.when))


CELLS: Final = tuple(cell for cell in all_cells() if lacks(cell) is None)
