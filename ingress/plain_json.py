"""Plain JSON: the bodies that almost everybody sends, told at a glance to need no closer look."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import msgspec

from ingress.cards import is_card_name
from ops.telemetry.cards import SHORTEST

#: Brackets; fewer than `strict_json.MAX_DEPTH` of them cannot nest deeper than that.
MAX_BRACKETS: Final = 32
#: More names in one object, or longer ones, are for the exact reader: what is remembered of names
#: is bounded.
MAX_NAMES: Final = 64
MAX_NAME: Final = 64
#: As many digits as a card number has, wherever: every digit reads 0, what groups them is left out.
_ZEROS: Final = b"0" * SHORTEST
_AS_ZEROS: Final = bytes.maketrans(b"123456789", b"0" * 9)
_GROUPING: Final = b" \t\n\r\f\v.-"
#: Space before a colon, by which a name could hide from being counted.
_SPACED: Final = (b" :", b"\t:", b"\n:", b"\r:")

_PLAIN: Final = (str, int, type(None))

_decode: Final = msgspec.json.Decoder().decode


def read_plain(body: bytes) -> dict[str, Any] | None:
    """Return the object that the body is, if nothing in it could be refused or read in two ways.

    None: `strict_json` and `cards` have to look at it, and name what is wrong. What is returned is
    what they would return: ASCII without escapes, so every text stands in the body as it is, no
    control characters, no number that is not a plain integer of a few digits, no name twice, no
    digits enough for a card number, no name under which card data travels.
    """
    if not body.isascii() or b"\\" in body or b"\x7f" in body:
        return None
    if body.count(b"{") + body.count(b"[") > MAX_BRACKETS or any(one in body for one in _SPACED):
        return None
    if _ZEROS in body.translate(_AS_ZEROS, _GROUPING):
        return None
    try:
        document = _decode(body)
    except msgspec.DecodeError:
        return None
    # Every name is followed by a colon. A text that begins with one is counted too, so the counts
    # agree only where all is well.
    if not isinstance(document, dict) or _names(document) != body.count(b'":'):
        return None
    return document


def _names(document: dict[str, Any]) -> int | None:
    """Return how many names there are in all objects; None: a name or a number is not harmless."""
    count, todo = 0, [document]
    for value in todo:  # it grows by what lies deeper
        items: Any = value
        if isinstance(value, dict):
            count += len(value)
            if len(value) > MAX_NAMES or not _are_harmless(tuple(value)):
                return None
            items = value.values()
        for item in items:
            if isinstance(item, _PLAIN):
                continue
            if isinstance(item, float):
                return None
            todo.append(item)
    return count


@lru_cache(maxsize=512)
def _are_harmless(names: tuple[str, ...]) -> bool:
    return not any(len(name) > MAX_NAME or is_card_name(name) for name in names)
