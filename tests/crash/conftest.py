"""The stage of the matrix, put up once for all of its modules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from ops.dev.services import Services
from tests.crash.stage import Slot, a_stage


@pytest.fixture(scope="session")
def crash_slots(
    servers: Services, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sequence[Slot]]:
    """Put everything up that cells play on."""
    with a_stage(servers, tmp_path_factory.mktemp("crash")) as slots:
        yield slots
