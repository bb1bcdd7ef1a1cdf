"""Services for every test that needs them: an embedded PostgreSQL and Redis, once per process."""

from __future__ import annotations

import gc
import logging
from collections.abc import Generator, Iterator

import pytest
from coverage import Coverage

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
        if isinstance(logger, logging.Logger):
            logger.disabled = False  # what a library's own configuration does to everybody else's
            if name.partition(".")[0] in OURS:
                logger.setLevel(logging.NOTSET)
                logger.propagate = True


#: Packages whose warnings tests listen for.
OURS = frozenset({"domain", "ingress", "native", "ops", "workers"})
#: Suites in which every test starts servers of its own.
WITH_SERVERS = frozenset({"contract", "dev", "sandbox"})
#: Measuring takes as long again as what is measured. These suites run what is not counted, or run a
#: thousand times what others have. So do single tests, which are marked `uncounted`.
UNCOUNTED = frozenset({"house", "model", "sandbox"})


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "timed: holds the product to a time; runs alone")
    config.addinivalue_line("markers", "uncounted: what it runs is not measured, others run it too")
    gc.disable()  # all that is made while tests are collected stays


#: What takes longest goes first, so that no worker ends long after the others. The tests that share
#: a running system go last: whoever has one keeps it until the end.
LONGEST = (
    *("crash/test_matrix.py", "e2e/test_provider_matrix.py", "e2e/test_fault_matrix.py"),
    *("model/test_storms.py", "model/test_storms_more.py", "e2e/test_chaos.py"),
    *("e2e/test_hostile_tenancy.py", "model/test_plants.py", "crash/test_bites.py"),
    *("e2e/test_endings.py", "crash/test_table.py"),
    *("ingress/test_schemas.py", "store/test_twins.py", "model/test_storms_few.py"),
    *("model/differential/test_differential.py", "model/differential/test_plants.py"),
    *("workers/test_poison.py", "ingress/test_xml_out.py", "faults/test_flow_statements.py"),
    *("native/test_sanitizers.py", "workers/test_velocity.py", "workers/test_circuit_layout.py"),
    *("contract/test_answers.py", "contract/test_lost_answers.py"),
)
SHARE_A_SYSTEM = (
    # What is searched for traces is everything that a system has ever written.
    *("e2e/test_hostile_traces.py", "e2e/test_fuzz.py", "e2e/test_storms.py", "e2e/test_races.py"),
    *("e2e/test_provider_races.py", "e2e/test_provider_failover.py", "e2e/test_main_job.py"),
)


def _turn(item: pytest.Item) -> int:
    """Return when a test's file has its turn: the longest ones, all others, the running system."""
    file = "/".join(item.path.parts[-3:])
    for turn, name in enumerate(LONGEST):
        if file.endswith(f"/{name}") or name == file:
            return turn
    for turn, name in enumerate(SHARE_A_SYSTEM):
        if file.endswith(f"/{name}"):
            return len(LONGEST) + 1 + turn
    return len(LONGEST) + (1 + len(SHARE_A_SYSTEM)) * ("e2e" in item.path.parts)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them, so that `make check` stays quick, and put them in order."""
    for item in items:
        if WITH_SERVERS.intersection(item.path.parts):
            item.add_marker(pytest.mark.services)
    items.sort(key=_turn)


def pytest_collection_finish() -> None:
    """Have nobody look for garbage among thousands of tests."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure nothing of what is not counted, nor of its fixtures."""
    uncounted = UNCOUNTED.intersection(item.path.parts) or item.get_closest_marker("uncounted")
    measuring = Coverage.current() if uncounted else None
    if measuring is None:
        return (yield)
    measuring.stop()
    try:
        return (yield)
    finally:
        measuring.start()
