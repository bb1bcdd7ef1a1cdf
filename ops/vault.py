"""Encryption at rest: AES-256-GCM, bound to the place of the value, with keys that can be rotated."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION: Final = 1
KEY_BYTES: Final = 32
#: What GCM is specified for. Drawn at random, which is safe for 2^32 values under one key.
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
#: The key id's length is one byte of the layout.
MAX_KID_BYTES: Final = 255


class SealBroken(Exception):
    """A sealed value cannot be opened."""

    def __init__(self) -> None:
        # One text for every cause: it must not tell a forger how far he came.
        super().__init__("a sealed value cannot be opened: wrong key, wrong place or changed")


class Vault:
    """Seals values with the first key of the ring and opens them with whichever sealed them.

    Layout: version (1 byte), length of the key id (1 byte), key id, nonce (12), ciphertext, tag
    (16). Version, key id, table, column and row are authenticated too, so a value that was copied
    to another row or column does not open there. To rotate, put the new key first and keep the old
    one until nothing is sealed with it any more.
    """

    __slots__ = ("_ciphers", "_kid")

    def __init__(self, keyring: Mapping[str, bytes]) -> None:
        """`keyring` maps key ids to 32-byte keys. Raises ValueError, which never shows a key."""
        if not keyring:
            raise ValueError("the keyring is empty")
        for kid, key in keyring.items():
            if len(key) != KEY_BYTES:
                raise ValueError(f"key {kid!r} must be {KEY_BYTES} bytes long")
            if not 0 < len(kid.encode()) <= MAX_KID_BYTES:
                raise ValueError(f"a key id must have 1 to {MAX_KID_BYTES} bytes")
        self._ciphers = {kid.encode(): AESGCM(key) for kid, key in keyring.items()}
        self._kid = next(iter(self._ciphers))

    def seal(self, plaintext: bytes, *, table: str, column: str, row: str) -> bytes:
        """Encrypt for this place; twice the same plaintext gives two different values."""
        kid, nonce = self._kid, os.urandom(NONCE_BYTES)
        place = _place(kid, table, column, row)
        sealed = self._ciphers[kid].encrypt(nonce, plaintext, place)
        return bytes((VERSION, len(kid))) + kid + nonce + sealed

    def open(self, sealed: bytes, *, table: str, column: str, row: str) -> bytes:
        """Decrypt what was sealed for this place. Raises `SealBroken`, whatever the cause."""
        if len(sealed) < 2 or sealed[0] != VERSION:
            raise SealBroken
        nonce_at = 2 + sealed[1]
        kid, nonce = sealed[2:nonce_at], sealed[nonce_at : nonce_at + NONCE_BYTES]
        ciphertext = sealed[nonce_at + NONCE_BYTES :]
        cipher = self._ciphers.get(kid)
        if cipher is None or len(ciphertext) < TAG_BYTES:
            raise SealBroken
        try:
            return cipher.decrypt(nonce, ciphertext, _place(kid, table, column, row))
        except InvalidTag:
            raise SealBroken from None

    def __repr__(self) -> str:
        return f"Vault({len(self._ciphers)} keys)"


def fingerprint(key: bytes, label: str, text: str) -> str:
    """Return 64 hexadecimal digits that stand for `text` without telling it: HMAC-SHA256.

    The label keeps purposes apart: the same text under another label has another fingerprint.
    """
    return hmac.new(key, _joined(label.encode(), text.encode()), hashlib.sha256).hexdigest()


def _place(kid: bytes, table: str, column: str, row: str) -> bytes:
    return bytes((VERSION,)) + _joined(kid, table.encode(), column.encode(), row.encode())


def _joined(*parts: bytes) -> bytes:
    """Join with lengths: ("ab", "c") and ("a", "bc") must differ."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
