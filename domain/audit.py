"""The audit chain: each sealed entry's hash covers the one before it."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping

GENESIS = bytes(32)


def canonical(row: Mapping[str, object]) -> bytes:
    """Return the one spelling of an entry: sorted keys, no spaces, UTF-8. Values are JSON values."""
    return json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def link(prev_hash: bytes, seq: int, entry: bytes) -> bytes:
    """Return the hash of entry number `seq`: SHA-256 over the hash before it, its place and itself."""
    return hashlib.sha256(prev_hash + seq.to_bytes(8, "big") + entry).digest()


def checkpoint_mac(key: bytes, count: int, head: bytes) -> bytes:
    """Return the keyed mark of a chain's length and head: a rewritten chain cannot forge it."""
    return hmac.digest(key, b"paylink-audit-checkpoint" + count.to_bytes(8, "big") + head, "sha256")
