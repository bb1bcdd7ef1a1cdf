"""CSV, outwards: RFC 4180, and no cell that a spreadsheet would take for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

#: A cell that begins with one of these is a formula, or becomes one when it is pasted. The
#: apostrophe tells a spreadsheet that text follows (OWASP, CSV injection).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_TEXT_FOLLOWS: Final = "'"

Cell = str | int | None


def csv_lines(rows: Iterable[Sequence[Cell]]) -> bytes:
    """Return rows in UTF-8, each line ended by CR LF. None is an empty cell; numbers stay numbers."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([_cell(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _cell(cell: Cell) -> Cell:
    if isinstance(cell, str) and cell.startswith(_FORMULA):
        return _TEXT_FOLLOWS + cell
    return cell
