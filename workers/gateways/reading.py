"""Reading what providers and operators wrote: strictly, and without ever raising on an answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Final, TypeVar

import msgspec

from domain.backoff import RETRY_AFTER_CAP_S
from workers.gateways import Unusable
from workers.gateways.wire import Answer, NeverSent, Unanswered, Unreadable

T = TypeVar("T")

#: What JSON calls the one character that no table of ours can store: an answer with it could be
#: heard, and never be written down.
NUL: Final = b"\\u0000"
#: No window or lag of a provider is longer; a longer one is a slip of a unit.
LONGEST_S: Final = 90 * 86_400.0
#: Retry-After as a number has no more digits than this in any honest answer.
DIGITS: Final = 6


def parsed(body: bytes, type_: type[T]) -> T | None:
    """Return the JSON body as `type_`; None where it is not JSON, not of that shape, or has a text
    that could not be stored."""
    if NUL in body:
        return None
    try:
        return msgspec.json.decode(body, type=type_)
    except (ValueError, RecursionError):  # msgspec's own errors are ValueErrors
        return None


def failed(reply: NeverSent | Unanswered | Unreadable) -> str:
    """Return the cause of a call without a usable answer, its phase first."""
    match reply:
        case NeverSent(cause=cause):
            return f"never sent: {cause}"
        case Unanswered(cause=cause):
            return f"unanswered: {cause}"
        case Unreadable(status=status, cause=cause):
            return f"unreadable ({status or 'no status'}): {cause}"


def retry_after_s(answer: Answer) -> float | None:
    """Return the wish in `Retry-After` in seconds, bounded; None: no wish, or a date."""
    text = answer.headers.get("retry-after", "")
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS):
        return None
    return min(float(text), RETRY_AFTER_CAP_S)


def seconds(settings: Mapping[str, object], name: str, default_s: float) -> timedelta:
    """Return a duration that an operator may have set. Raises `Unusable`."""
    value = settings.get(name, default_s)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unusable(f"{name} is a number of seconds")
    if not (math.isfinite(value) and 0 <= value <= LONGEST_S):
        raise Unusable(f"{name} is between 0 and {LONGEST_S:g} seconds")
    return timedelta(seconds=value)
