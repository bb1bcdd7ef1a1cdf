"""The simulators' ledgers, read on from where they were left, and the lines of each cell."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ops.harness.verdict import Kind, LedgerFile

#: An attempt's reference, wherever a line says it.
_REFERENCE = re.compile(rb"[0-9a-f]{32}")
#: What no verdict looks at, and most of a ledger.
_PASSED_OVER = (b'"kind":"event', b'"kind":"timer')
_HEAD = 80
#: The simulators of the house say another kind of line than those of real providers.
_HOUSE = ("sandbox-a", "sandbox-b")


class _Money(msgspec.Struct, frozen=True):
    amount: int = 0
    reference: str = ""
    refund_reference: str | None = None


@dataclass(slots=True)
class _Ledger:
    path: Path
    offset: int = 0
    lines: list[bytes] = field(default_factory=list)
    #: The numbers of the lines that say a reference, and of those about an amount.
    said: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    about: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))


class Ledgers:
    """Every ledger. Safe for threads."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._ledgers = {gateway: _Ledger(path) for gateway, path in paths.items()}
        self._lock = threading.Lock()
        self._decode = msgspec.json.Decoder(_Money).decode

    def of(
        self, references: Collection[str], amounts: Collection[int], folder: Path
    ) -> dict[str, LedgerFile]:
        """Write what the ledgers say of these attempts into `folder`, and what they say of these
        amounts under whatever name."""
        files = {}
        folder.mkdir()
        with self._lock:
            for gateway, ledger in self._ledgers.items():
                self._read_on(ledger)
                numbers = {n for name in references for n in ledger.said.get(name, ())}
                numbers |= {n for amount in amounts for n in ledger.about.get(amount, ())}
                path = folder / f"{gateway}.jsonl"
                path.write_bytes(b"".join(ledger.lines[n] for n in sorted(numbers)))
                files[gateway] = LedgerFile(path, Kind.HOUSE if gateway in _HOUSE else Kind.STAGE)
        return files

    def _read_on(self, ledger: _Ledger) -> None:
        with ledger.path.open("rb") as text:
            text.seek(ledger.offset)
            for line in text:
                if not line.endswith(b"\n"):  # it is still being written
                    break
                ledger.offset += len(line)
                if not any(kind in line[:_HEAD] for kind in _PASSED_OVER):
                    self._take(ledger, line)

    def _take(self, ledger: _Ledger, line: bytes) -> None:
        number = len(ledger.lines)
        ledger.lines.append(line)
        for name in set(_REFERENCE.findall(line)):
            ledger.said[name.decode()].append(number)
        found: Any = self._decode(line)
        if found.amount and b'"kind":"key"' not in line[:_HEAD]:
            ledger.about[found.amount].append(number)
