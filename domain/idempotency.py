"""Idempotency: the same key gives the same answer, another body under it is refused (law 7)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from domain.errors import KeyReused

MAX_KEY = 255

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def fingerprint(operation: str, command: Mapping[str, object]) -> bytes:
    """Return the 32-byte fingerprint of a canonical command.

    `command` holds the parsed values with defaults filled in and absent fields left out, so two
    spellings of one request (aliases, field order, JSON or XML) have one fingerprint.
    """
    said = {"operation": operation} | {k: v for k, v in command.items() if v is not None}
    return hashlib.sha256(_canonical(said).encode()).digest()


@dataclass(frozen=True, slots=True)
class Claimed:
    """A key that was used before: what it answered, and which row it made."""

    recorded: Recorded
    resource_id: UUID


@dataclass(frozen=True, slots=True)
class Recorded:
    """The answer that was written together with the work it promises."""

    fingerprint: bytes
    status: int
    body: bytes

    def replayed_for(self, asked: bytes) -> Recorded:
        """Return this answer for a repeated request, or refuse another body."""
        if asked != self.fingerprint:
            raise KeyReused(
                "this Idempotency-Key was used with a different request",
                fix="send the original request again, or use a new key",
            )
        return self
