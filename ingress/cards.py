"""Raw card data: what a merchant's body must never hold, wherever in it (law 13)."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import accumulate
from typing import Any, Final

from domain.errors import RawCardDataRefused
from ingress.strict_json import BODY, Inexact, child
from ops.telemetry.cards import LONGEST, SCHEMES, SHORTEST

#: Digits that tell the scheme.
PREFIX: Final = 4
#: Names under which card data travels, in lower case and without `_`, `-` and spaces.
CARD_NAMES: Final = frozenset(
    {
        *("cardnumber", "cardno", "ccnumber", "primaryaccountnumber"),
        *("cvc", "cvc2", "cvv", "cvv2", "cardcvc", "cardcvv", "securitycode", "cardsecuritycode"),
        *("track1", "track2", "trackdata", "pinblock"),
    }
)

#: A tenth of all German mobile numbers look like one of the 13-digit cards of the last century. In
#: this field, with a plus, up to that length, digits are a telephone number; longer ones are judged.
PHONE: Final = "phone"
_PHONE_NUMBER: Final = re.compile(r"\+[0-9]{7,13}")

#: Digits as people and programs group them: spaces of any kind, hyphens and dashes, dots.
_RUN: Final = re.compile(rf"\d(?:[\s.\-\u2010-\u2015]{{0,3}}+\d){{{SHORTEST - 1},}}+")
#: UUIDs, with hyphens or without. One in some hundred has digits that look like a card, and every
#: merchant sends them; one without a single letter is no UUID that anybody draws. The look ahead
#: is bounded, or a body of hyphens would take a minute.
_UUID: Final = re.compile(
    r"(?<![0-9a-z])(?=[0-9-]{0,35}[a-f])"
    r"(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32})"
    r"(?![0-9a-z])",
    re.IGNORECASE,
)
_GROUP: Final = re.compile(r"\d+")
_SEPARATORS: Final = str.maketrans("", "", "_- ")
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def refuse_card_data(value: Any, path: str = "") -> None:
    """Raise `RawCardDataRefused`, naming the place and never the text, if card data is in `value`.

    `value` is a JSON value as `strict_json` reads it; its names are looked at like its texts.
    """
    match value:
        case dict():
            for name, item in value.items():
                if holds_card_number(name):
                    raise RawCardDataRefused(path or BODY)
                below = child(path, name)
                if is_card_name(name):
                    raise RawCardDataRefused(below)
                if name == PHONE and isinstance(item, str) and _PHONE_NUMBER.fullmatch(item):
                    continue
                refuse_card_data(item, below)
        case list():
            for index, item in enumerate(value):
                refuse_card_data(item, f"{path}[{index}]")
        case str() if holds_card_number(value):
            raise RawCardDataRefused(path)
        case Inexact() if holds_card_number(value.text):
            raise RawCardDataRefused(path)
        case bool():
            return
        case int() if value >= 10 ** (SHORTEST - 1) and holds_card_number(str(value)):
            raise RawCardDataRefused(path)
        case _:
            return


def is_card_name(name: str) -> bool:
    """Whether card data travels under this name."""
    return name.lower().translate(_SEPARATORS) in CARD_NAMES


def holds_card_number(text: str) -> bool:
    """Whether whole groups of digits, next to each other, make up a card number.

    Takes time linear in the text, so that a body made of digits cannot hold up the loop.
    """
    if len(text) < SHORTEST or _RUN.search(text) is None:  # which most texts end with
        return False
    return any(_is_card(run[0]) for run in _RUN.finditer(_UUID.sub("uuid", text)))


def _is_card(run: str) -> bool:
    """Whether some of the groups of one run, next to each other, are a card number."""
    groups = [group[0] for group in _GROUP.finditer(run)]
    digits = [int(digit) for group in groups for digit in group]  # of any script
    edges = list(accumulate(map(len, groups), initial=0))
    sums = _luhn_sums(digits, 0), _luhn_sums(digits, 1)
    for first, start in enumerate(edges[:-1]):
        lengths = _lengths(tuple(digits[start : start + PREFIX]))
        if not lengths:
            continue
        for end in edges[first + 1 : first + 1 + LONGEST]:
            sum_to = sums[end % 2]
            if end - start in lengths and (sum_to[end] - sum_to[start]) % 10 == 0:
                return True
    return False


def _luhn_sums(digits: list[int], parity: int) -> list[int]:
    """Return the Luhn sums up to each place, with the digits doubled at places of this parity.

    Which digits are doubled depends on where a number ends; with both lists at hand, the sum of
    any part is one subtraction.
    """
    values = (
        _DOUBLED[digit] if place % 2 == parity else digit for place, digit in enumerate(digits)
    )
    return list(accumulate(values, initial=0))


@lru_cache(maxsize=10**PREFIX)
def _lengths(prefix: tuple[int, ...]) -> frozenset[int]:
    """Return how long card numbers are that begin like this; empty: no scheme has any."""
    text = "".join(map(str, prefix))
    return frozenset[int]().union(
        *(lengths for low, high, lengths in SCHEMES if low <= text[: len(low)] <= high)
    )
