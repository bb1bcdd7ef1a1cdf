"""The compiled module as cffi makes it from include/verifier.h, which says what each name does."""

from _cffi_backend import FFI

class Lib:
    VERIFIER_MATCH: int
    VERIFIER_NULL_POINTER: int
    VERIFIER_BAD_LENGTHS: int

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
    def VerifyBatchHMAC_SHA256(  # noqa: N802
        self,
        joined: bytes,
        joined_len: int,
        lengths: FFI.CData,
        count: int,
        results: FFI.CData,
        /,
    ) -> int: ...

ffi: FFI
lib: Lib
