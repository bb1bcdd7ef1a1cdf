"""The report of a reconciliation: for people, for programs, and for a spreadsheet."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from rich.console import Console
from rich.text import Text

from domain.ids import Kind, public
from ops.cli.show import PIPE_WIDTH, amount, cell, moment, screen, state, table
from ops.csv_out import Cell, csv_lines
from ops.store.reconciliation import run_name
from ops.store.reconciliation_items import item_name
from ops.store.reconciliation_reads import ItemRow, RunRow

#: What a discrepancy is called for people.
_MEANS: Final = {
    "missing_here": "missing here",
    "missing_there": "missing there",
    "amount": "another amount",
    "currency": "another currency",
    "status": "another status",
}
COLUMNS: Final = (
    *("id", "run", "gateway", "kind", "move", "payment", "payout", "attempt", "reference"),
    *("provider_id", "ours_amount", "ours_currency", "ours_state", "theirs_amount"),
    *("theirs_currency", "theirs_stands", "moved_at", "reason", "owner", "opened_at"),
    *("resolved_at", "resolution"),
)


def as_table(runs: Sequence[RunRow], items: Sequence[ItemRow], width: int | None) -> bytes:
    """Return the report as a terminal shows it; `width` where it is not one."""
    into = io.StringIO()
    shape = screen()
    console = Console(
        file=into,
        width=width or shape.width or PIPE_WIDTH,
        color_system="standard" if width is None and shape.is_terminal else None,
        force_terminal=width is None and shape.is_terminal,
        markup=False,
        highlight=False,
        emoji=False,
    )
    columns = ("gateway", "window (UTC)", "how", "listed", "ours", "settled", "open", "unjudged")
    console.print(table(columns, [_run(run) for run in runs]))
    open_ = [item for item in items if item.resolved_at is None]
    settled = [item for item in items if item.resolved_at is not None]
    for title, found in (("Open discrepancies", open_), ("Resolved by this run", settled)):
        if found:
            console.print(Text(f"\n{title}", style="bold"))
            names = ("what", "at", "about", "ours", "theirs", "why")
            console.print(table(names, [_item(item) for item in found]))
    if not open_:
        console.print(Text("\nno open discrepancies"))
    return into.getvalue().encode()


def as_json(runs: Sequence[RunRow], items: Sequence[ItemRow]) -> bytes:
    """Return the report as one JSON object; amounts are in minor units."""
    said = {
        "runs": [_run_fields(run) for run in runs],
        "discrepancies": [_item_fields(item) for item in items],
        "open": sum(item.resolved_at is None for item in items),
    }
    return (json.dumps(said, indent=2) + "\n").encode()


def as_csv(items: Sequence[ItemRow]) -> bytes:
    """Return the discrepancies as CSV, one a line."""
    lines: list[Sequence[Cell]] = [COLUMNS]
    for item in items:
        fields = _item_fields(item)
        for side, names in (("ours", ("amount", "currency", "state")), ("theirs", _THEIRS)):
            said = fields.pop(side) or {}
            fields |= {f"{side}_{name}": said.get(name) for name in names}
        lines.append([fields[name] for name in COLUMNS])
    return csv_lines(lines)


_THEIRS: Final = ("amount", "currency", "stands")


def _run(run: RunRow) -> tuple[object, ...]:
    window = f"{moment(run.since)} to {moment(run.until)}"
    how = {"listed": "the provider's list", "asked": "one question each"}.get(run.method or "")
    if run.status != "done":
        return (run.gateway_id, window, f"{run.status}: {run.cause}", "", "", "", "", "")
    counts = (run.listed, run.compared, run.settled, run.differing, run.unjudged)
    return (run.gateway_id, window, how, *counts)


def _item(item: ItemRow) -> tuple[object, ...]:
    about = (_public(Kind.PAYMENT, item.payment_id), _public(Kind.PAYOUT, item.payout_id))
    named = next((name for name in about if name), item.reference or "nothing of ours")
    why = item.resolution or f"{item.reason}\nfor {item.owner}"
    return (
        cell(f"{_MEANS[item.kind]}\n{item.move}"),
        cell(f"{item.gateway_id}\n{item.provider_id or ''}".strip()),
        named,
        _side(item.ours, "state"),
        _side(item.theirs, "stands"),
        why,
    )


def _side(said: dict[str, Any] | None, status: str) -> Text:
    if said is None:
        return cell(None)
    return cell(amount(said["amount"], said["currency"])).append("\n").append(state(said[status]))


def _run_fields(run: RunRow) -> dict[str, Any]:
    return {
        "id": run_name(run.id),
        "gateway": run.gateway_id,
        "provider": run.provider,
        "mode": run.mode,
        "from": run.since.isoformat(),
        "to": run.until.isoformat(),
        "status": run.status,
        "method": run.method,
        "cause": run.cause,
        "listed": run.listed,
        "compared": run.compared,
        "differing": run.differing,
        "settled": run.settled,
        "unjudged": run.unjudged,
    }


def _item_fields(item: ItemRow) -> dict[str, Any]:
    return {
        "id": item_name(item.id),
        "run": run_name(item.run_id),
        "gateway": item.gateway_id,
        "kind": item.kind,
        "move": item.move,
        "payment": _public(Kind.PAYMENT, item.payment_id),
        "payout": _public(Kind.PAYOUT, item.payout_id),
        "attempt": _public(Kind.ATTEMPT, item.attempt_id),
        "reference": item.reference,
        "provider_id": item.provider_id,
        "ours": item.ours,
        "theirs": item.theirs,
        "moved_at": None if item.moved_at is None else item.moved_at.isoformat(),
        "reason": item.reason,
        "owner": item.owner,
        "opened_at": item.opened_at.isoformat(),
        "resolved_at": None if item.resolved_at is None else item.resolved_at.isoformat(),
        "resolution": item.resolution,
    }


def _public(kind: Kind, id_: UUID | None) -> str | None:
    return None if id_ is None else public(kind, id_)
