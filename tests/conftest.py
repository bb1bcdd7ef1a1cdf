"""Services for every test that needs them: an embedded PostgreSQL and Redis, once per process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops.dev.services import Services, services


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Start both servers; what is named by the environment is not used: tests change everything."""
    with services(tmp_path_factory.mktemp("services"), durable=False, environ={}) as started:
        yield started
