"""The cells of the fault matrix: which operation meets which fault, and the right end of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

#: The right end of each operation (columns) that meets each fault once (rows), by the laws: what is
#: proven not to have happened goes on or is done again, what may have happened is asked about until
#: it is known, and what nobody can know, or is not what was asked for, waits for a person.
#: `@a`, `@b`: at which gateway; `-`: cannot meet it. Of a refund its own status, else the payment's.
TABLE = """
fault                sale         hold         capture     approval    void       expiry      refund      payout        detach
soft_decline         captured@b   expired@b    captured    captured    cancelled  expired     failed      succeeded@b   -
hard_decline         failed       failed       expired     failed      cancelled  expired     failed      failed        -
refuse               captured@b   expired@b    captured    captured    cancelled  expired     succeeded   succeeded@b   forgotten
drop_before_charge   captured@a   expired@a    captured    captured    cancelled  expired     succeeded   succeeded@a   forgotten
charge_then_drop     captured@a   expired@a    captured    captured    cancelled  expired     succeeded   succeeded@a   forgotten
charge_then_500      captured@a   expired@a    captured    captured    cancelled  expired     succeeded   succeeded@a   forgotten
charge_then_garbage  captured@a   expired@a    captured    captured    cancelled  expired     succeeded   succeeded@a   forgotten
hang                 captured@a   expired@a    captured    captured    cancelled  expired     succeeded   succeeded@a   forgotten
hang_before_charge   captured@a   expired@a    captured    captured    cancelled  expired     succeeded   succeeded@a   forgotten
slow_drip            captured@a   expired@a    captured    captured    cancelled  expired     succeeded   succeeded@a   forgotten
latency              captured@a   expired@a    captured    captured    cancelled  expired     succeeded   succeeded@a   forgotten
rate_limited         captured@b   expired@b    captured    captured    cancelled  expired     succeeded   succeeded@b   forgotten
unavailable          captured@b   expired@b    captured    captured    cancelled  expired     succeeded   succeeded@b   forgotten
server_error         unresolved   unresolved   unresolved  unresolved  cancelled  expired     unresolved  unresolved    forgotten
webhook_duplicate    captured@a   expired@a    captured    captured    cancelled  expired     succeeded   succeeded@a   -
webhook_late         captured@a   expired@a    captured    captured    cancelled  expired     succeeded   succeeded@a   -
webhook_early        captured@a   expired@a    captured    captured    cancelled  expired     succeeded   succeeded@a   -
webhook_out_of_order captured@a   expired@a    captured    captured    -          -           succeeded   succeeded@a   -
webhooks_off         captured@a   expired@a    captured    captured    cancelled  expired     succeeded   succeeded@a   -
wrong_amount         mismatch     mismatch     mismatch    mismatch    -          -           mismatch    mismatch      -
async                captured@a   expired@a    captured    captured    -          -           succeeded   succeeded@a   -
async_decline        captured@b   expired@b    expired     failed      -          -           failed      failed        -
three_ds             captured@a   expired@a    -           -           -          -           -           -             -
payout_returned      -            -            -           -           -          -           -           failed        -
chargeback           reversed     expired@a    -           -           -          -           -           -             -
"""  # noqa: E501


@dataclass(frozen=True, slots=True)
class Operation:
    """One way to ask for money to move: in which column of the table, and at which gateway."""

    column: str
    gateway: str
    #: The provider's request that is to go wrong; None: the order brings its fault along, so any
    #: number of them may run at once, and it goes where the fault sends it.
    kind: str | None = None
    path: str = ""
    whole: int = 10_000
    part: int | None = None


_OF = "/v1/payments/{}/"
OPERATIONS: Mapping[str, Operation] = {
    "sale": Operation("sale", "sandbox-a"),
    "hold": Operation("hold", "sandbox-a"),
    "payout": Operation("payout", "sandbox-a"),
    "capture": Operation("capture", "sandbox-a", "capture", _OF + "capture"),
    "capture_part": Operation("capture", "sandbox-b", "capture", _OF + "capture", part=6_000),
    "approval": Operation("approval", "sandbox-b", "capture", "/v1/reviews/{}/approve", 1_500_000),
    "void": Operation("void", "sandbox-a", "cancel", _OF + "cancel"),
    "expiry": Operation("expiry", "sandbox-b", "cancel"),
    "refund": Operation("refund", "sandbox-a", "refund", _OF + "refunds"),
    "refund_part": Operation("refund", "sandbox-b", "refund", _OF + "refunds", part=4_000),
    "reversal": Operation("refund", "sandbox-b", "refund", _OF + "reverse"),
    "detach": Operation("detach", "sandbox-b", "detach"),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One operation that meets one fault."""

    name: str
    fault: str
    wanted: str

    @property
    def operation(self) -> Operation:
        return OPERATIONS[self.name]

    @property
    def token(self) -> str:
        """What is saved to be forgotten."""
        return f"tok_matrix_{self.fault}"


def cells() -> list[Cell]:
    """Return every cell of the table; a capture and a refund stand for more than one operation."""
    head, *rows = (row.split() for row in TABLE.strip().splitlines())
    columns = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    return [
        Cell(name, fault, columns[fault][operation.column])
        for name, operation in OPERATIONS.items()
        for fault in columns
        if columns[fault][operation.column] != "-"
    ]


CELLS = cells()


#: What became of a cell: its word, and what its payment says was captured, promised back, refunded
#: and taken back.
Seen: TypeAlias = tuple[str, tuple[int, ...] | None]


def wanted(cell: Cell) -> Seen:
    """Return what the table and the amounts of the operation come to."""
    operation, word = cell.operation, cell.wanted.partition("@")[0]
    asked = operation.part or operation.whole
    if operation.column in ("payout", "detach"):
        return cell.wanted, None
    if operation.column == "refund":
        back = {"succeeded": (0, asked), "failed": (0, 0)}.get(word, (asked, 0))
        return cell.wanted, (operation.whole, *back, 0)
    taken, taken_back = asked * (word in ("captured", "reversed")), asked * (word == "reversed")
    return cell.wanted, (taken, 0, 0, taken_back)
