"""One sandbox and one receiver for all tests of this room; faults for everyone never leak."""

from collections.abc import Iterator

import pytest

from tests.sandbox.receiver import Receiver
from tests.sandbox.running import Sandbox

#: Delays that take seconds in real life, shortened; webhook_late becomes 0.25 s.
QUICK = ("--async-delay-s", "0.2", "--webhook-time-scale", "0.05")


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.close()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Sandbox]:
    ledger = tmp_path_factory.mktemp("sandbox") / "ledger.jsonl"
    running = Sandbox(ledger, QUICK, receiver.url).start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def sandbox(shared: Sandbox) -> Iterator[Sandbox]:
    """The shared sandbox, with no fault in force afterwards."""
    yield shared
    shared.admin("DELETE", "/faults")


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Sandbox]:
    """A sandbox of the test's own, not started: to be killed and started again."""
    ledger = tmp_path_factory.mktemp("own") / "ledger.jsonl"
    mine = Sandbox(ledger, QUICK, receiver.url)
    yield mine
    if mine.process.poll() is None:
        mine.kill()
