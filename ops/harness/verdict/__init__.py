"""The verdict: what the simulators' ledgers and our database say when they are laid side by side."""

from __future__ import annotations

from ops.harness.verdict.findings import Finding, ParkedRow, Verdict
from ops.harness.verdict.judge import judge
from ops.harness.verdict.lines import Kind, LedgerFile, ledger_files

__all__ = ["Finding", "Kind", "LedgerFile", "ParkedRow", "Verdict", "judge", "ledger_files"]
