"""A running simulated Stripe, and a client of it that knows nothing of our adapter."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from tests.sandbox.receiver import Receiver
from tests.sandbox.running import Response
from tests.sandbox.simulating import Simulated

KEY, WEBHOOK_SECRET = "sk_test_sim", "whsec_test_secret"


@dataclass
class Stripes:
    """One account in its own process, and its receiver."""

    simulated: Simulated
    receiver: Receiver

    def post(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        key: str | None = None,
        version: str | None = None,
    ) -> Response:
        """POST a form with the API key, under an idempotency key if one is given."""
        sent = {"Authorization": f"Bearer {KEY}"}
        if version is not None:
            sent["Stripe-Version"] = version
        if key is not None:
            sent["Idempotency-Key"] = key
        body = urlencode(params or {}).encode()
        return self.simulated.send("POST", f"/v1/{path}", body, sent)

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Response:
        """GET with the API key."""
        query = f"?{urlencode(params)}" if params else ""
        headers = {"Authorization": f"Bearer {KEY}"}
        return self.simulated.send("GET", f"/v1/{path}{query}", None, headers)

    def make(self, card: str = "pm_card_visa", **changes: Any) -> Response:
        """Make an intent, which moves no money."""
        return self.post("payment_intents", an_intent(payment_method=card, **changes))

    def made(self, card: str = "pm_card_visa", **changes: Any) -> str:
        """Make an intent and return its id."""
        answer = self.make(card, **changes)
        assert answer.status == 200, answer
        return str(answer.json["id"])

    def confirm(self, intent: str, key: str | None = None, **params: Any) -> Response:
        """Move the money of an intent."""
        return self.post(f"payment_intents/{intent}/confirm", params, key)

    def paid(self, card: str = "pm_card_visa", **changes: Any) -> str:
        """Take the money of a new intent, and return its id."""
        intent = self.made(card, **changes)
        answer = self.confirm(intent)
        assert answer.json["status"] in ("succeeded", "requires_capture"), answer
        return intent

    def held(self) -> str:
        """Hold the money of a new intent, and return its id."""
        return self.paid(capture_method="manual")

    def shown(self, intent: str) -> Any:
        """Return an intent as it is now, with its charge."""
        return self.get(f"payment_intents/{intent}", {"expand[0]": "latest_charge"}).json

    def status(self, intent: str) -> str:
        """Return an intent's status."""
        return str(self.shown(intent)["status"])


def an_intent(**changes: Any) -> dict[str, Any]:
    """Return the parameters of an intent for 10.00 USD under a reference of its own."""
    return {
        "amount": 1000,
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "allowed_payment_method_types[0]": "card",
        "metadata[our_reference]": uuid4().hex,
    } | changes


def running(folder: Path, *options: str) -> Iterator[Stripes]:
    """Run an account for as long as the caller wants it."""
    receiver = Receiver(named=lambda _: "")
    quick = ("--async-delay-s", "0.2", "--webhook-time-scale", "0.01", *options)
    secrets = {"SIM_SECRET_KEY": KEY, "SIM_WEBHOOK_SECRET": WEBHOOK_SECRET}
    ledger = folder / "stripe.jsonl"
    simulated = Simulated("ops.sandbox.stripe", ledger, secrets, quick, receiver.url)
    simulated.start()
    yield Stripes(simulated, receiver)
    if simulated.process.poll() is None:
        simulated.kill()
    receiver.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stripes]:
    """One account for all tests of a file."""
    yield from running(tmp_path_factory.mktemp("stripe"), "--no-fsync")


@pytest.fixture
def account(shared: Stripes) -> Iterator[Stripes]:
    """The same one, with no fault in force afterwards."""
    yield shared
    shared.simulated.calm()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Stripes]:
    """An account of the test's own: to be killed and started again."""
    yield from running(tmp_path)
