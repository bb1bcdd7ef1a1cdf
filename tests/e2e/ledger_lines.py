"""The simulators' ledgers, read from their files: every movement of money, whoever wrote it down."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.e2e.system import System

#: Lines of the house's own sandbox that move or hold money, by what our books call the same
#: movement. A sale and a capture are told apart by their attempt; so are a refund and a reversal by
#: their order.
_OF_THE_SANDBOX = {
    "charge": "taken",
    "capture": "taken",
    "authorize": "held",
    "refund": "refunded",
    "refund.failed": "refund_undone",
    "chargeback": "charged_back",
    "reverse": "forced_back",
    "payout": "paid_out",
    "payout.returned": "payout_undone",
}
#: What ends a hold there without money.
_ENDS_A_HOLD = frozenset({"cancel", "expire", "decline"})
#: The same for the simulators of real providers, whose lines have one shape (ops/sandbox/stage).
_OF_THE_STAGE = {
    "sale": "taken",
    "capture": "taken",
    "authorization": "held",
    "void": "released",
    "refund": "refunded",
    "refund_failed": "refund_undone",
    "chargeback": "charged_back",
    "reversal": "charged_back",
    "payout": "paid_out",
    "payout_returned": "payout_undone",
}
#: Most of a ledger is of no interest here; where a line says so, it is not even decoded.
_PASSED_OVER = ('"kind":"event', '"kind":"key"', '"kind":"timer')
#: The kind comes this early in a line: first, or behind a number and a time.
_HEAD = 80


@dataclass(frozen=True, slots=True, order=True)
class Movement:
    """One movement of money at one gateway. `reference` is the attempt's id; amounts minor units."""

    gateway: str
    reference: str
    kind: str
    amount: int
    currency: str


def of_ledgers(system: System) -> Counter[Movement]:
    """Return every movement that the simulators have written down."""
    found: Counter[Movement] = Counter()
    for gateway in system.stack.sandboxes:
        found.update(_of_the_sandbox(gateway, lines(system.folder / f"{gateway}.jsonl")))
    for gateway in system.stack.simulators:
        found.update(_of_the_stage(gateway, lines(system.folder / f"{gateway}.jsonl")))
    return found


def lines(ledger: Path) -> Iterator[Mapping[str, Any]]:
    """Read a ledger; events, timers and saved answers, which are most of it, are passed over. What
    has no line end yet is still being written."""
    with ledger.open() as text:
        for line in text:
            if line.endswith("\n") and not any(kind in line[:_HEAD] for kind in _PASSED_OVER):
                yield json.loads(line)


def _of_the_sandbox(gateway: str, ledger: Iterator[Mapping[str, Any]]) -> Iterator[Movement]:
    held: set[str] = set()
    for line in ledger:
        kind, payment = line["kind"], line.get("payment", "")
        if kind == "authorize":
            held.add(payment)
        elif kind == "capture":
            held.discard(payment)
        if kind in _ENDS_A_HOLD and payment in held:
            held.discard(payment)
            yield _movement(gateway, line, "released")
        elif kind in _OF_THE_SANDBOX:
            yield _movement(gateway, line, _OF_THE_SANDBOX[kind])


def _of_the_stage(gateway: str, ledger: Iterator[Mapping[str, Any]]) -> Iterator[Movement]:
    for line in ledger:
        if (kind := line["kind"]) in _OF_THE_STAGE:
            yield _movement(gateway, line, _OF_THE_STAGE[kind])


def _movement(gateway: str, line: Mapping[str, Any], kind: str) -> Movement:
    reference = line.get("refund_reference") or line["reference"]
    return Movement(gateway, reference, kind, line["amount"], line["currency"])
