"""Show: how the commands print, on a terminal and into a pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.money import CURRENCIES, Money
from ops.telemetry.redaction import clean

#: A pipe has no width: wide enough that no id or reason is ever cut.
PIPE_WIDTH: Final = 240

_GOOD: Final = frozenset({"captured", "authorized", "closed", "active", "up", "approve"})
_BAD: Final = frozenset({"failed", "declined", "open", "down", "revoked", "decline", "parked"})
_OPEN: Final = frozenset({"unknown", "processing", "requires_action", "in_review", "half_open"})


def screen(*, stderr: bool = False) -> Console:
    """Return the console: colours on a terminal only, and values are never read as markup."""
    file = sys.stderr if stderr else sys.stdout
    known = file.isatty() or "COLUMNS" in os.environ
    return Console(
        stderr=stderr,
        width=None if known else PIPE_WIDTH,
        markup=False,
        highlight=False,
        emoji=False,
    )


def note(text: str) -> None:
    """Say something beside the result, where a pipe does not carry it."""
    screen(stderr=True).print(cell(text), soft_wrap=True)


def table(columns: Sequence[str], lines: Iterable[Sequence[object]]) -> Table:
    """Return a table. Where it is narrow, texts wrap; ids stay whole, so that they can be copied."""
    made = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    cells = [
        [value if isinstance(value, Text) else cell(value) for value in line] for line in lines
    ]
    for number, column in enumerate(columns):
        wraps = any(" " in line[number].plain for line in cells)
        made.add_column(column, overflow="fold", no_wrap=not wraps)
    for line in cells:
        made.add_row(*line)
    return made


def cell(value: object) -> Text:
    """Return a value as one harmless piece of text: no secrets, no control characters."""
    if value is None or value == "":
        return Text("-", style="dim")
    text = clean(moment(value) if isinstance(value, datetime) else str(value))
    return Text("".join(c if c.isprintable() or c == "\n" else "?" for c in text))


def state(value: object) -> Text:
    """Return a status or state in its colour."""
    shown = cell(value)
    word = str(value)
    colours = ((_GOOD, "green"), (_BAD, "red"), (_OPEN, "yellow"))
    shown.stylize(next((colour for words, colour in colours if word in words), ""))
    return shown


def moment(when: datetime) -> str:
    """Return a time in UTC, to the second."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def amount(minor: int, currency: str) -> str:
    """Return an amount for people, in major units."""
    return str(Money(minor, CURRENCIES[currency]))
