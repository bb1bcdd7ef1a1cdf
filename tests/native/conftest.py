"""Every question goes to both backends and every kernel; what is not there is skipped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import TypeAlias

import pytest

from native import pure, verifier
from native.checks import Check

Batcher: TypeAlias = Callable[[Sequence[Check]], list[bool]]

#: All that exist: which of them are there depends on the processor and on the build.
KERNELS = ("avx512", "sha-ni", "avx2", "openssl", "portable")


@pytest.fixture(scope="session", params=["native", "python"])
def backend(request: pytest.FixtureRequest) -> ModuleType:
    """A module with hmac_sha256, verify and verify_batch."""
    if request.param == "python":
        return pure
    if verifier.BACKEND != "native":
        pytest.skip("the native verifier is not loaded: run `python -m native.build`")
    return verifier


@pytest.fixture(scope="session", params=["python", *KERNELS, "3 threads"])
def batcher(request: pytest.FixtureRequest) -> Batcher:
    """One way to answer a batch."""
    if request.param == "python":
        return pure.verify_batch
    if verifier.BACKEND != "native":
        pytest.skip("the native verifier is not loaded: run `python -m native.build`")
    if request.param == "3 threads":
        return partial(verifier.verify_batch, threads=3)
    if request.param not in verifier.KERNELS:
        pytest.skip(f"there is no kernel {request.param} on this machine, or in this build")
    return partial(verifier.verify_batch, kernel=request.param)
