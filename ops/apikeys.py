"""API keys: `pl_test_<id>_<secret>`, recognisable by scanners, stored only as a peppered MAC."""

from __future__ import annotations

import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass, field
from typing import Final

from domain.payment import Mode

ID_BYTES: Final = 8
SECRET_BYTES: Final = 32
#: The fewest base62 digits that hold 256 bits, and those that hold a CRC-32.
SECRET_DIGITS: Final = 43
CHECKSUM_DIGITS: Final = 6
#: Nothing longer is looked at.
KEY_LENGTH: Final = len("pl_test_") + 2 * ID_BYTES + 1 + SECRET_DIGITS + CHECKSUM_DIGITS

_BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_KEY: Final = re.compile(
    rf"pl_(?P<mode>test|live)_(?P<id>[0-9a-f]{{{2 * ID_BYTES}}})"
    rf"_(?P<secret>[0-9A-Za-z]{{{SECRET_DIGITS}}})(?P<checksum>[0-9A-Za-z]{{{CHECKSUM_DIGITS}}})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as its merchant sends it. `id` is public; `secret` is never printed or stored."""

    id: str
    mode: Mode
    secret: str = field(repr=False)


def new_key(mode: Mode) -> tuple[str, str]:
    """Return the id and the whole text of a new key. The text is shown once, to its merchant."""
    id_ = secrets.token_hex(ID_BYTES)
    secret = _base62(secrets.randbits(8 * SECRET_BYTES), SECRET_DIGITS)
    text = f"pl_{mode.value}_{id_}_{secret}"
    return id_, text + _checksum(text)


def parse(text: str) -> ApiKey | None:
    """Read a key. None: not one of ours, or mistyped: the checksum tells without a database."""
    match = _KEY.fullmatch(text) if len(text) == KEY_LENGTH else None
    if match is None or _checksum(text[:-CHECKSUM_DIGITS]) != match["checksum"]:
        return None
    return ApiKey(match["id"], Mode(match["mode"]), match["secret"])


def mac(pepper: bytes, id_: str, secret: str) -> bytes:
    """Return what is stored of a key: 32 bytes, HMAC-SHA256 under a pepper the database lacks.

    A slow hash would buy nothing: the secret has 256 random bits, so there is nothing to guess.
    """
    return hmac.digest(pepper, f"api-key:{id_}:{secret}".encode(), "sha256")


def _checksum(text: str) -> str:
    """Return the CRC-32 of everything before it: for typing errors, not for security."""
    return _base62(zlib.crc32(text.encode()), CHECKSUM_DIGITS)


def _base62(number: int, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, len(_BASE62))
        text = _BASE62[digit] + text
    assert number == 0, "the number needs more digits"
    return text
