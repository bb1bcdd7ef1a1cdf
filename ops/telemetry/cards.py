"""Card numbers: how to recognise one in a text, and how to hide it."""

from __future__ import annotations

import re
from typing import Final

SHORTEST: Final = 13
LONGEST: Final = 19
#: People write 4-4-4-4-3 at most; a bound keeps a page of numbers from costing seconds.
MAX_GROUPS: Final = 8
MASK: Final = "[card]"

_16_TO_19: Final = frozenset({16, 17, 18, 19})

#: First digits, from and to, and the lengths in use. Sources: ISO/IEC 7812 ranges as the schemes
#: publish them.
SCHEMES: Final = (
    ("34", "34", frozenset({15})),  # American Express
    ("37", "37", frozenset({15})),
    ("4", "4", frozenset({13, 16, 18, 19})),  # Visa
    ("51", "55", frozenset({16})),  # Mastercard
    ("2221", "2720", frozenset({16})),
    ("2200", "2204", _16_TO_19),  # Mir
    ("300", "305", frozenset({14, *_16_TO_19})),  # Diners Club
    ("3095", "3095", frozenset({14, *_16_TO_19})),
    ("36", "36", frozenset({14, 15, *_16_TO_19})),
    ("38", "39", frozenset({14, *_16_TO_19})),
    ("3528", "3589", _16_TO_19),  # JCB
    ("6011", "6011", _16_TO_19),  # Discover
    ("644", "649", _16_TO_19),
    ("65", "65", _16_TO_19),
    ("62", "62", _16_TO_19),  # UnionPay
    ("81", "82", _16_TO_19),  # UnionPay and RuPay
    ("508", "508", frozenset({16})),  # RuPay
    ("60", "60", frozenset({16})),
    ("5018", "5018", frozenset(range(SHORTEST, LONGEST + 1))),  # Maestro
    ("5020", "5020", frozenset(range(SHORTEST, LONGEST + 1))),
    ("5038", "5038", frozenset(range(SHORTEST, LONGEST + 1))),
    ("5893", "5893", frozenset(range(SHORTEST, LONGEST + 1))),
    ("6304", "6304", frozenset(range(SHORTEST, LONGEST + 1))),
    ("6759", "6763", frozenset(range(SHORTEST, LONGEST + 1))),
    ("9792", "9792", frozenset({16})),  # Troy
)

#: Our own ids are skipped first: one in some thousand holds a run of digits that would pass.
_ID: Final = (
    r"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{32}"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?![0-9a-f])"
)
_ID_OR_RUN: Final = re.compile(rf"{_ID}|(?<!\d)(?P<run>\d(?:[ -]?\d){{{SHORTEST - 1},}})")
_GROUP: Final = re.compile(r"\d+")


def is_card_number(digits: str) -> bool:
    """Whether 13 to 19 digits are a possible number of a card scheme with a right check digit."""
    length = len(digits)
    in_use = any(
        low <= digits[: len(low)] <= high and length in lengths for low, high, lengths in SCHEMES
    )
    return in_use and _luhn(digits)


def hide_cards(text: str) -> str:
    """Replace each card number, written in one piece or in groups with spaces or hyphens."""
    return _ID_OR_RUN.sub(_hidden, text)


def _hidden(match: re.Match[str]) -> str:
    """Hide, in a run of digit groups, every sequence of whole groups that is a card number."""
    run = match["run"]
    if run is None:
        return match[0]
    groups = [group.span() for group in _GROUP.finditer(run)]
    kept, at, first = "", 0, 0
    while first < len(groups):
        last = _card_from(run, groups, first)
        if last is not None:
            kept += run[at : groups[first][0]] + MASK
            at, first = groups[last][1], last
        first += 1
    return kept + run[at:]


def _card_from(run: str, groups: list[tuple[int, int]], first: int) -> int | None:
    """The last group of the longest card number that begins with the group `first`."""
    digits, found = "", None
    for index in range(first, min(first + MAX_GROUPS, len(groups))):
        start, end = groups[index]
        digits += run[start:end]
        if len(digits) > LONGEST:
            break
        if len(digits) >= SHORTEST and is_card_number(digits):
            found = index
    return found


def _luhn(digits: str) -> bool:
    total = 0
    for index, character in enumerate(reversed(digits)):
        digit = int(character) * (1 + index % 2)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0
