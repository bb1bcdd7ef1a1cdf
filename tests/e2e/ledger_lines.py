"""The simulators' ledgers of a running system, by the reader that the verdict uses."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ops.harness.verdict.lines import LedgerFile, Movement, ledger_files, lines, read_ledgers

if TYPE_CHECKING:
    from tests.e2e.system import System

__all__ = ["Movement", "files_of", "lines", "of_ledgers"]


def files_of(system: System) -> dict[str, LedgerFile]:
    """Return where each gateway's provider writes down what it does."""
    return ledger_files(system.folder, system.stack.sandboxes, system.stack.simulators)


def of_ledgers(system: System) -> Counter[Movement]:
    """Return every movement that the simulators have written down."""
    return read_ledgers(files_of(system)).movements
