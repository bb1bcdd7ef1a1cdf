"""Verify HMAC-SHA256 signatures: in C++ where it was built, else in Python, with equal answers."""

from __future__ import annotations

import os
from array import array
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Literal

from native import pure
from native.checks import MAX_CHECKS, BatchTooLarge, Check, refuse_too_many

if TYPE_CHECKING:
    from _cffi_backend import FFI

    from native._verifier import Lib

__all__ = [
    "BACKEND",
    "MAX_CHECKS",
    "BatchTooLarge",
    "Check",
    "LibraryMissing",
    "LibraryRefused",
    "hmac_sha256",
    "verify",
    "verify_batch",
]

MAC_BYTES = 32


class LibraryMissing(RuntimeError):
    """VERIFIER=native, but the compiled library cannot be loaded."""


class LibraryRefused(RuntimeError):
    """The library returned an error code: its caller broke the contract in verifier.h."""


def _library(wanted: str) -> tuple[FFI, Lib] | None:
    """Return the compiled module's two faces, or None where Python is to answer."""
    if wanted not in {"", "native", "python"}:
        raise ValueError(f"VERIFIER is {wanted!r}; it may be native, python or unset")
    if wanted == "python":
        return None
    try:
        from native._verifier import ffi, lib
    except ImportError as error:
        if wanted == "native":
            raise LibraryMissing(f"{error}: run `python -m native.build`") from error
        return None
    return ffi, lib


_LIBRARY = _library(os.environ.get("VERIFIER", ""))

#: Who answers in this process. Worth a metric: the fallback is right but slower, and silent.
BACKEND: Literal["native", "python"] = "python" if _LIBRARY is None else "native"


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """Return the 32 raw bytes of the message's HMAC-SHA256 (RFC 2104); any key length will do."""
    if _LIBRARY is None:
        return pure.hmac_sha256(key, message)
    ffi, lib = _LIBRARY
    mac = bytearray(MAC_BYTES)
    out32 = ffi.from_buffer("uint8_t[]", mac)
    _answer(lib, lib.ComputeHMAC_SHA256(key, len(key), message, len(message), out32))
    return bytes(mac)


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Say in constant time whether the raw signature is right; a wrong length is just False."""
    if _LIBRARY is None:
        return pure.verify(key, message, signature)
    _, lib = _LIBRARY
    code = lib.VerifyHMAC_SHA256(key, len(key), message, len(message), signature, len(signature))
    return _answer(lib, code) == lib.VERIFIER_MATCH


def verify_batch(checks: Sequence[Check]) -> list[bool]:
    """Answer every check, in order, in one call during which other threads run.

    Checks that share a key are fastest next to each other. Raises `BatchTooLarge` beyond
    `MAX_CHECKS`.
    """
    if _LIBRARY is None:
        return pure.verify_batch(checks)
    refuse_too_many(checks)
    ffi, lib = _LIBRARY
    # One joined copy costs a quarter (at 8 KiB half) of making three cffi pointers per check.
    parts = list(chain.from_iterable(checks))
    joined = b"".join(parts)
    lengths = ffi.from_buffer("uint64_t[]", array("Q", map(len, parts)))
    results = bytearray(len(checks))
    matches = ffi.from_buffer("uint8_t[]", results)
    _answer(lib, lib.VerifyBatchHMAC_SHA256(joined, len(joined), lengths, len(checks), matches))
    match = lib.VERIFIER_MATCH
    return [result == match for result in results]


def _answer(lib: Lib, code: int) -> int:
    """Return the library's answer; the one place where its error codes become an exception."""
    if code >= 0:
        return code
    meanings = {
        lib.VERIFIER_NULL_POINTER: "a pointer is null",
        lib.VERIFIER_BAD_LENGTHS: "the lengths of the batch do not add up to its bytes",
    }
    raise LibraryRefused(meanings.get(code, f"unknown code {code}"))
