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
    """A program that a test set up in this process chose for all of it what is logged."""
    logging.disable(logging.NOTSET)
    logging.root.setLevel(logging.WARNING)
    for name, logger in logging.root.manager.loggerDict.items():
        if name.partition(".")[0] in OURS and isinstance(logger, logging.Logger):
            logger.setLevel(logging.NOTSET)
            logger.disabled, logger.propagate = False, True


#: Packages whose warnings tests listen for.
OURS = frozenset({"domain", "ingress", "native", "ops", "workers"})
#: Suites in which every test starts servers of its own.
WITH_SERVERS = frozenset({"contract", "dev", "sandbox"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them, so that `make check` stays quick; `make test` runs everything."""
    for item in items:
        if WITH_SERVERS.intersection(item.path.parts):
            item.add_marker(pytest.mark.services)
