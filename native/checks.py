"""What a signature check is, and how many of them one batch may hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

#: A native batch cannot be interrupted. 1,024 bodies of the largest size we accept (1 MiB) are
#: 1 GiB: under a second with SHA instructions and some five without, well inside the drain limit.
#: The cost of the call itself is long gone at this size.
MAX_CHECKS = 1024


class Check(NamedTuple):
    """One question: is `signature` the HMAC-SHA256 of `message` under `key`?

    Bytes are the signature itself, 32 of them. Text is what a header carries: 64 hex digits of
    either case, or 44 characters of base64 with its padding. Anything else is a wrong signature.
    """

    key: bytes
    message: bytes
    signature: bytes | str


class BatchTooLarge(ValueError):
    """A batch holds more checks than one call may answer."""


def refuse_too_many(checks: Sequence[Check]) -> None:
    """Raise `BatchTooLarge` beyond `MAX_CHECKS`, before any work is done."""
    if len(checks) > MAX_CHECKS:
        raise BatchTooLarge(f"{len(checks)} checks in one batch; the limit is {MAX_CHECKS}")
