"""The simulators' ledgers, read from their files: movements of money, and requests carried out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec


class Kind(StrEnum):
    """Which shape a ledger's lines have."""

    HOUSE = "house"  # ops/sandbox/entries.py
    STAGE = "stage"  # ops/sandbox/stage/lines.py


@dataclass(frozen=True, slots=True)
class LedgerFile:
    """Where one gateway's provider writes down what it does."""

    path: Path
    kind: Kind


def ledger_files(
    folder: Path, houses: Iterable[str], stages: Iterable[str]
) -> dict[str, LedgerFile]:
    """Return the ledgers of gateways as `make run` names them: `<folder>/<gateway>.jsonl`."""
    kinds = {**dict.fromkeys(houses, Kind.HOUSE), **dict.fromkeys(stages, Kind.STAGE)}
    return {name: LedgerFile(folder / f"{name}.jsonl", kind) for name, kind in kinds.items()}


#: Lines of the house's own sandbox that move or hold money, by what our books call the same
#: movement. A sale and a capture are told apart by their attempt; so are a refund and a reversal by
#: their order.
_OF_THE_HOUSE: Final = {
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
_ENDS_A_HOLD: Final = frozenset({"cancel", "expire", "decline"})
#: The same for the simulators of real providers.
_OF_THE_STAGE: Final = {
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
#: Events and timers are most of a ledger and of no interest here: they are not even decoded.
_PASSED_OVER: Final = (b'"kind":"event', b'"kind":"timer')
#: The kind comes this early in a line: first, or behind a number and a time.
_HEAD: Final = 80
#: One of our keys inside what a provider keeps: an attempt's reference and the letter of a step that
#: moves money or makes its object. Other steps (`v...`) let go of money, and are harmless.
_KEY: Final = re.compile(r"([0-9a-f]{32})([a-d])(?![0-9a-z])")


class Line(msgspec.Struct, frozen=True):
    """What is read of a ledger line; the rest is not looked at."""

    kind: str
    at: str
    payment: str = ""
    reference: str = ""
    refund_reference: str | None = None
    amount: int = 0
    currency: str = ""
    token: str = ""
    key: str = ""
    state: msgspec.Raw = msgspec.Raw(b"")


class _Saved(msgspec.Struct, frozen=True):
    key: str


@dataclass(frozen=True, slots=True, order=True)
class Movement:
    """One movement of money at one gateway. `reference` is the attempt's id; amounts minor units."""

    gateway: str
    reference: str
    kind: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Executed:
    """A request that a provider carried out for the first time under one of our keys."""

    gateway: str
    reference: str
    step: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Ledgers:
    """What all providers have written down."""

    movements: Counter[Movement] = field(default_factory=Counter)
    executed: tuple[Executed, ...] = ()


def read_ledgers(files: Mapping[str, LedgerFile]) -> Ledgers:
    """Read every ledger from its beginning."""
    movements: Counter[Movement] = Counter()
    executed: list[Executed] = []
    for gateway, file in files.items():
        found = list(lines(file.path))
        read = _of_the_house if file.kind is Kind.HOUSE else _of_the_stage
        movements.update(read(gateway, found))
        executed += _executed(gateway, found)
    return Ledgers(movements, tuple(executed))


def lines(ledger: Path) -> Iterator[Line]:
    """Read a ledger, events and timers passed over. What has no line end yet is being written."""
    decode = msgspec.json.Decoder(Line).decode
    with ledger.open("rb") as raw:
        for line in raw:
            if line.endswith(b"\n") and not any(kind in line[:_HEAD] for kind in _PASSED_OVER):
                yield decode(line)


def _of_the_house(gateway: str, ledger: Iterable[Line]) -> Iterator[Movement]:
    held: set[str] = set()
    for line in ledger:
        if line.kind == "authorize":
            held.add(line.payment)
        elif line.kind == "capture":
            held.discard(line.payment)
        if line.kind in _ENDS_A_HOLD and line.payment in held:
            held.discard(line.payment)
            yield _movement(gateway, line, "released")
        elif line.kind in _OF_THE_HOUSE:
            yield _movement(gateway, line, _OF_THE_HOUSE[line.kind])


def _of_the_stage(gateway: str, ledger: Iterable[Line]) -> Iterator[Movement]:
    for line in ledger:
        if line.kind in _OF_THE_STAGE:
            yield _movement(gateway, line, _OF_THE_STAGE[line.kind])


def _movement(gateway: str, line: Line, kind: str) -> Movement:
    reference = line.refund_reference or line.reference
    return Movement(gateway, reference, kind, line.amount, line.currency)


def _executed(gateway: str, ledger: Iterable[Line]) -> Iterator[Executed]:
    for line in ledger:
        if line.kind != "key":
            continue
        key = line.key or msgspec.json.decode(line.state, type=_Saved).key
        if named := _KEY.search(key):
            yield Executed(gateway, named[1], named[2], datetime.fromisoformat(line.at))
