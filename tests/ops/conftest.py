"""What the tests of queue and logs share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ops.log_lines import Lines, capturing
from tests.ops.queue_rig import QueueServer


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueueServer]:
    server = QueueServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def server(shared: QueueServer) -> Iterator[QueueServer]:
    shared.client.flushall()
    yield shared
    shared.thaw()


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueueServer]:
    """One that the test may end."""
    server = QueueServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.thaw()
    server.kill()


@pytest.fixture
def lines() -> Iterator[Lines]:
    with capturing("worker") as captured:
        yield captured
