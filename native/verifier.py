"""Verify HMAC-SHA256 signatures: in C++ where it was built, else in Python, with equal answers."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from itertools import count, takewhile
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from native import pure
from native.checks import MAX_CHECKS, BatchTooLarge, Check, refuse_too_many

if TYPE_CHECKING:
    from _cffi_backend import FFI

    from native._verifier import Lib

__all__ = [
    "BACKEND",
    "KERNELS",
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


class _Library(NamedTuple):
    """The compiled module's two faces, its function for Python's objects, its kernels' names."""

    ffi: FFI
    lib: Lib
    verify_checks: Callable[[Sequence[Check], int, int], list[bool]]
    kernels: tuple[str, ...]


def _library(wanted: str) -> _Library | None:
    """Return the compiled library, or None where Python is to answer."""
    if wanted not in {"", "native", "python"}:
        raise ValueError(f"VERIFIER is {wanted!r}; it may be native, python or unset")
    if wanted == "python":
        return None
    try:
        from native import _verifier

        ffi, lib = _verifier.ffi, _verifier.lib
        bound = lib.VerifierBind(_verifier.__name__.encode())
    except (ImportError, AttributeError) as error:  # not there, or built from older sources
        if wanted == "native":
            raise LibraryMissing(f"{error}: run `python -m native.build`") from error
        return None
    if bound < 0:
        raise LibraryRefused("its function cannot be put into its module")
    found = takewhile(lambda name: name != ffi.NULL, map(lib.VerifierKernel, count()))
    names = tuple(cast("bytes", ffi.string(name)).decode() for name in found)
    return _Library(ffi, lib, _verifier.verify_checks, names)


_LIBRARY = _library(os.environ.get("VERIFIER", ""))

#: Who answers in this process. Worth a metric: the fallback is right but slower, and silent.
BACKEND: Literal["native", "python"] = "python" if _LIBRARY is None else "native"

#: How this processor can hash a batch, the fastest way first; none where Python answers.
KERNELS: tuple[str, ...] = () if _LIBRARY is None else _LIBRARY.kernels


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """Return the 32 raw bytes of the message's HMAC-SHA256 (RFC 2104); any key length will do."""
    if _LIBRARY is None:
        return pure.hmac_sha256(key, message)
    ffi, lib = _LIBRARY.ffi, _LIBRARY.lib
    mac = bytearray(MAC_BYTES)
    out32 = ffi.from_buffer("uint8_t[]", mac)
    _answer(lib, lib.ComputeHMAC_SHA256(key, len(key), message, len(message), out32))
    return bytes(mac)


def verify(key: bytes, message: bytes, signature: bytes | str) -> bool:
    """Say in constant time whether the signature is right; a malformed one is just False."""
    if _LIBRARY is None:
        return pure.verify(key, message, signature)
    if isinstance(signature, str):
        return verify_batch((Check(key, message, signature),))[0]
    lib = _LIBRARY.lib
    code = lib.VerifyHMAC_SHA256(key, len(key), message, len(message), signature, len(signature))
    return _answer(lib, code) == lib.VERIFIER_MATCH


def verify_batch(
    checks: Sequence[Check], *, kernel: str | None = None, threads: int = 1
) -> list[bool]:
    """Answer every check, in order, in one call during which other threads run.

    The bytes are read where they lie. `kernel` is one of `KERNELS`, and the fastest if None. With
    several `threads`, a long batch is shared among them. Raises `BatchTooLarge` beyond
    `MAX_CHECKS`, ValueError for a kernel that this processor does not have.
    """
    refuse_too_many(checks)
    if kernel is not None and kernel not in KERNELS:
        raise ValueError(f"there is no kernel {kernel!r} here; there are {', '.join(KERNELS)}")
    if _LIBRARY is None:
        return pure.verify_batch(checks)
    number = 0 if kernel is None else KERNELS.index(kernel)
    return _LIBRARY.verify_checks(checks, number, threads)


def _answer(lib: Lib, code: int) -> int:
    """Return the library's answer; the one place where its error codes become an exception."""
    if code >= 0:
        return code
    meanings = {lib.VERIFIER_NULL_POINTER: "a pointer is null"}
    raise LibraryRefused(meanings.get(code, f"unknown code {code}"))
