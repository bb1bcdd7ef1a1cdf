"""The rigs, one per adapter: a new adapter joins the suite with one line here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.rigs import Rig, SandboxRig

RIGS = {"sandbox": SandboxRig}


@pytest.fixture(scope="session", params=sorted(RIGS))
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SandboxRig]:
    rig = RIGS[request.param](tmp_path_factory.mktemp("contract"))
    yield rig
    rig.close()


@pytest.fixture
def rig(running: SandboxRig) -> Iterator[Rig]:
    """One provider with no fault in force and an adapter without history."""
    running.renew()
    yield running
    running.calm()
    running.adapter.close()
