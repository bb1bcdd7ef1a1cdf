"""The verifier in pure Python: the reference the native one must agree with, and its stand-in."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from native.checks import Check, refuse_too_many


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """Return the 32 raw bytes of the message's HMAC-SHA256 (RFC 2104); any key length will do."""
    return hmac.digest(key, message, "sha256")


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Say in constant time whether the raw signature is right; a wrong length is just False."""
    return hmac.compare_digest(hmac_sha256(key, message), signature)


def verify_batch(checks: Sequence[Check]) -> list[bool]:
    """Answer every check, in order; raise `BatchTooLarge` beyond `MAX_CHECKS`."""
    refuse_too_many(checks)
    return [verify(key, message, signature) for key, message, signature in checks]
