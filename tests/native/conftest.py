"""Every question goes to both backends; the native one is skipped where it was not built."""

from __future__ import annotations

from types import ModuleType

import pytest

from native import pure, verifier


@pytest.fixture(scope="session", params=["native", "python"])
def backend(request: pytest.FixtureRequest) -> ModuleType:
    """A module with hmac_sha256, verify and verify_batch."""
    if request.param == "python":
        return pure
    if verifier.BACKEND != "native":
        pytest.skip("the native verifier is not loaded: run `python -m native.build`")
    return verifier
