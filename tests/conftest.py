"""Services for every test that needs them: an embedded PostgreSQL and Redis, once per process."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from ops.dev.services import Services, services


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Start both servers; what is named by the environment is not used: tests change everything."""
    with services(tmp_path_factory.mktemp("services"), durable=False, environ={}) as started:
        yield started


@pytest.fixture(autouse=True)
def warnings_are_heard() -> None:
    """A program that a test set up in this process chose a level for all of it."""
    logging.root.setLevel(logging.WARNING)


#: Suites in which every test starts servers of its own.
WITH_SERVERS = frozenset({"contract", "dev", "sandbox"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them, so that `make check` stays quick; `make test` runs everything."""
    for item in items:
        if WITH_SERVERS.intersection(item.path.parts):
            item.add_marker(pytest.mark.services)
