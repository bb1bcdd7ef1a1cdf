"""The compiled module as cffi makes it from include/verifier.h, which says what each name does."""

from collections.abc import Iterable

from _cffi_backend import FFI

from native.checks import Check

class Lib:
    VERIFIER_MATCH: int
    VERIFIER_NULL_POINTER: int

    def ComputeHMAC_SHA256(  # noqa: N802  the name in the C ABI
        self, key: bytes, key_len: int, message: bytes, message_len: int, out32: FFI.CData, /
    ) -> int: ...
    def VerifyHMAC_SHA256(  # noqa: N802
        self,
        key: bytes,
        key_len: int,
        message: bytes,
        message_len: int,
        signature: bytes,
        signature_len: int,
        /,
    ) -> int: ...
    def VerifierKernel(self, number: int, /) -> FFI.CData: ...  # noqa: N802
    def VerifierBind(self, name: bytes, /) -> int: ...  # noqa: N802

ffi: FFI
lib: Lib

def verify_checks(checks: Iterable[Check], kernel: int, threads: int, /) -> list[bool]:
    """Answer every check without a copy of its bytes; other threads run meanwhile.

    It is there after `lib.VerifierBind`. Raises TypeError for what is not bytes (the signature may
    be text), ValueError for a kernel or a number of threads that cannot be.
    """
