"""What lines of a schedule may say: the phrases, and what each stands for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from domain.ports import Resolution
from domain.requests import Verb
from tests.model.bank import Nature

UNITS_S: Final = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}

#: What may befall a provider's next call, and the name that chance has for it.
MISFORTUNES: Final = {
    "loses the next answer": "loses the answer",
    "never hears the next request": "never hears the request",
    "hears the next request late": "hears the request late",
    "cannot be reached": "cannot be reached",
    "is asked too often": "is asked too often",
    "has no slot": "has no slot",
    "does not hear the next question": "does not hear a question",
    "loses what it says next": "loses what it says",
    "hides what it makes next": "hides it",
}
#: What its next charge or transfer comes to.
FATES: Final = {
    "declines the next charge": ("charge", "declined"),
    "declines the next charge for good": ("charge", "declined hard"),
    "thinks about the next charge": ("charge", "pending"),
    "sends the payer away": ("charge", "action"),
    "takes another amount": ("charge", "odd"),
    "fails the next transfer": ("transfer", "failed"),
    "thinks about the next transfer": ("transfer", "pending"),
}
#: What a provider does by itself, with what it made last.
ACTS: Final = (
    "goes on",
    "changes its mind",
    "lets a hold lapse",
    "takes money back",
    "sends it back",
)
VERBS: Final = {
    "captures": Verb.CAPTURE,
    "refunds": Verb.REFUND,
    "cancels": Verb.CANCEL,
    "reverses": Verb.REVERSE,
    "approves": Verb.APPROVE,
    "rejects": Verb.REJECT,
    "authorizes": Verb.AUTHORIZE,
}
NATURES: Final[Mapping[str, Callable[[Nature], Nature]]] = {
    "split": lambda nature: replace(nature, split=True),
    "cannot void": lambda nature: replace(nature, can_void=False),
    "replays first": lambda nature: replace(nature, resolution=Resolution.REPLAY_FIRST),
    "looks up only": lambda nature: replace(nature, resolution=Resolution.LOOKUP_ONLY),
    "finds by id only": lambda nature: replace(nature, authoritative=False),
    "no key": lambda nature: replace(nature, key_window_s=0.0),
}


class Unreadable(Exception):
    """A line of a schedule that means nothing."""


def seconds(span: str) -> float:
    """Read `2s`, `5m`, `6h` or `1d`."""
    found = re.fullmatch(r"([\d.]+)([smhd])", span)
    if found is None:
        raise Unreadable(span)
    return float(found[1]) * UNITS_S[found[2]]


def nature_of(words: str) -> Nature:
    """Read what kind of provider it is: `split, key 5m, cannot void`."""
    nature = Nature()
    for word in filter(None, (one.strip() for one in words.split(","))):
        if word.startswith("key "):
            nature = replace(nature, key_window_s=seconds(word.removeprefix("key ")))
        elif word.startswith("lag "):
            nature = replace(nature, lag_s=seconds(word.removeprefix("lag ")))
        elif word in NATURES:
            nature = NATURES[word](nature)
        else:
            raise Unreadable(word)
    return nature
