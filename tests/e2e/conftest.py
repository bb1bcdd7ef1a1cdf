"""One running system for the tests of a module; each test leaves it without faults."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.system import System, a_system


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Start everything once."""
    with a_system(tmp_path_factory.mktemp("paylink"), INGRESS_PROCESSES="2") as system:
        yield system


@pytest.fixture
def system(running: System) -> Iterator[System]:
    """Hand the system over; afterwards no fault is left, and every breaker may start afresh."""
    yield running
    running.no_faults()
    running.forget_breakers()
