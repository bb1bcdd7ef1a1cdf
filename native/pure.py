"""The verifier in pure Python: the reference the native one must agree with, and its stand-in."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from typing import Final

from native.checks import Check, refuse_too_many

HEX_LENGTH: Final = 64
BASE64_LENGTH: Final = 44


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """Return the 32 raw bytes of the message's HMAC-SHA256 (RFC 2104); any key length will do."""
    return hmac.digest(key, message, "sha256")


def verify(key: bytes, message: bytes, signature: bytes | str) -> bool:
    """Say in constant time whether the signature is right; a malformed one is just False."""
    raw = _read(signature) if isinstance(signature, str) else signature
    return hmac.compare_digest(hmac_sha256(key, message), raw)


def verify_batch(checks: Sequence[Check]) -> list[bool]:
    """Answer every check, in order; raise `BatchTooLarge` beyond `MAX_CHECKS`."""
    refuse_too_many(checks)
    return [verify(key, message, signature) for key, message, signature in checks]


def _read(text: str) -> bytes:
    """Return what a header's text stands for; nothing, if it is not the one text of its bytes."""
    try:
        if len(text) == HEX_LENGTH:
            raw = bytes.fromhex(text)
            return raw if raw.hex() == text.lower() else b""
        if len(text) == BASE64_LENGTH:
            raw = base64.b64decode(text, validate=True)
            return raw if base64.b64encode(raw).decode() == text else b""
    except (ValueError, binascii.Error):
        return b""
    return b""
