"""The cells of the provider matrix: which operation meets which fault where, and the right end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.e2e.provider_tables import TABLES

#: What became of a cell: its word, and what its payment says was captured, promised back, refunded
#: and taken back.
Seen: TypeAlias = tuple[str, tuple[int, ...] | None]


@dataclass(frozen=True, slots=True)
class Operation:
    """One way to ask for money to move."""

    #: In which column of the provider's table; for two operations that end alike, one.
    column: str
    #: The simulator's word for the request that is to go wrong, and which call of a split one.
    on: str
    step: str | None = None
    #: Where the merchant asks for it; empty: it is new money, or a payout.
    path: str = ""
    held: bool = False
    part: bool = False


#: How often a cell is played whose fault strikes nothing, because a machine that others keep busy
#: sent its money another way; and by what its plays are told apart.
TAKES = "xyz"
_OF = "/v1/payments/{}/"
OPERATIONS: Mapping[str, Operation] = {
    "sale": Operation("sale", "charge", "move"),
    "hold": Operation("hold", "charge", "move", held=True),
    "sale_made": Operation("made", "charge", "make"),
    "hold_made": Operation("made", "charge", "make", held=True),
    "capture": Operation("capture", "capture", path=_OF + "capture", held=True),
    "capture_part": Operation("capture", "capture", path=_OF + "capture", held=True, part=True),
    "void": Operation("void", "void", path=_OF + "cancel", held=True),
    "refund": Operation("refund", "refund", path=_OF + "refunds"),
    "refund_part": Operation("refund", "refund", path=_OF + "refunds", part=True),
    "payout": Operation("payout", "payout", "move"),
    "payout_made": Operation("payout_made", "payout", "make"),
}

#: The first cell's amount, in the least that can be paid; every next one's is one more.
FIRST_AMOUNT = 20_000
#: What a partial capture or refund leaves: more than there are cells, so that no amount comes twice.
LEFT = 7_000


@dataclass(frozen=True, slots=True)
class Cell:
    """One operation that meets one fault at one gateway."""

    gateway: str
    name: str
    fault: str
    wanted: str
    number: int
    #: How often it was played before, and struck nothing.
    take: int = field(default=0, compare=False)

    @property
    def operation(self) -> Operation:
        return OPERATIONS[self.name]

    @property
    def mark(self) -> str:
        """What no other cell says: its requests are known by it."""
        return f"cell{self.number:04}{TAKES[self.take]}"

    @property
    def whole(self) -> int:
        """The amount in minor units."""
        return (FIRST_AMOUNT + self.number) * self._unit

    @property
    def asked(self) -> int:
        """What the operation is about: all of it, or a part."""
        return self.whole - LEFT * self._unit if self.operation.part else self.whole

    @property
    def _unit(self) -> int:
        """Minor units in the least that can be paid: rupiah come whole."""
        return 100 if self.gateway.endswith("-id") else 1

    def __str__(self) -> str:
        return f"{self.gateway.partition('-')[0]}-{self.name}-{self.fault}"


def cells() -> list[Cell]:
    """Return every cell of the tables; a column may stand for more than one operation."""
    found: list[Cell] = []
    for gateway, table in TABLES.items():
        head, *rows = (row.split() for row in table.strip().splitlines())
        ends = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
        found += [
            Cell(gateway, name, fault, words[operation.column], len(found) + number)
            for number, (name, operation, fault, words) in enumerate(
                (name, operation, fault, words)
                for name, operation in OPERATIONS.items()
                for fault, words in ends.items()
                if words.get(operation.column, "-") != "-"
            )
        ]
    return found


CELLS = cells()


def wanted(cell: Cell) -> Seen:
    """Return what the table and the amounts of the operation come to."""
    operation, word = cell.operation, cell.wanted
    status = word.partition("@")[0]
    if operation.on == "payout":
        return word, None
    if operation.on == "refund":
        back = {"succeeded": (0, cell.asked), "failed": (0, 0)}.get(status, (cell.asked, 0))
        return word, (cell.whole, *back, 0)
    if cell.name == "hold_made" and status == "captured":
        return word.replace("captured", "authorized"), (0, 0, 0, 0)
    taken = cell.asked * (status in ("captured", "reversed"))
    return word, (taken, 0, 0, taken * (status == "reversed"))
