"""A running toy provider, and a client of it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.sandbox.receiver import Receiver
from tests.sandbox.running import PATIENCE_S, Response
from tests.sandbox.simulating import Simulated

KEY = "sk_toy"


@dataclass
class Toys:
    """One toy in its own process, and its receiver."""

    simulated: Simulated
    receiver: Receiver

    def post(
        self, path: str, body: bytes = b"", key: str | None = None, timeout_s: float = PATIENCE_S
    ) -> Response:
        """POST with the API key, under an idempotency key if one is given."""
        headers = {"Authorization": f"Bearer {KEY}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self.simulated.send("POST", path, body, headers, timeout_s)

    def make(self, reference: str, key: str | None = None, amount: int = 500) -> Response:
        """Make a charge, which moves no money."""
        order = {"reference": reference, "amount": amount, "currency": "EUR"}
        return self.post("/charges", json.dumps(order).encode(), key)

    def made(self, reference: str) -> str:
        """Make a charge and return its id."""
        answer = self.make(reference)
        assert answer.status == 200, answer
        return str(answer.json["id"])

    def confirm(self, id_: str, key: str | None = None, timeout_s: float = PATIENCE_S) -> Response:
        """Move the money of a charge."""
        return self.post(f"/charges/{id_}/confirm", b"", key, timeout_s)

    def get(self, path: str, timeout_s: float = PATIENCE_S) -> Response:
        """GET with the API key."""
        headers = {"Authorization": f"Bearer {KEY}"}
        return self.simulated.send("GET", path, None, headers, timeout_s)

    def status(self, id_: str) -> Any:
        """Return a charge's status."""
        return self.get(f"/charges/{id_}").json["status"]


def a_reference() -> str:
    """Return our name for one attempt."""
    return uuid4().hex


def running(folder: Path, *options: str) -> Iterator[Toys]:
    """Run a toy for as long as the caller wants it."""
    receiver = Receiver(named=lambda _: "")
    quick = ("--async-delay-s", "0.2", "--webhook-time-scale", "0.05", *options)
    ledger = folder / "toy.jsonl"
    simulated = Simulated("tests.sandbox.toy", ledger, {"SIM_SECRET_KEY": KEY}, quick, receiver.url)
    simulated.start()
    yield Toys(simulated, receiver)
    if simulated.process.poll() is None:
        simulated.kill()
    receiver.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toys]:
    """One toy for all tests of a file."""
    yield from running(tmp_path_factory.mktemp("toy"), "--no-fsync")


@pytest.fixture
def toys(shared: Toys) -> Iterator[Toys]:
    """The same one, with no fault in force afterwards."""
    yield shared
    shared.simulated.calm()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Toys]:
    """A toy of the test's own: to be killed and started again."""
    yield from running(tmp_path)
