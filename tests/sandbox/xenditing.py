"""Xendit's simulator in its own process, and a shop that speaks to it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.sandbox.receiver import Delivery, Receiver
from tests.sandbox.running import Response
from tests.sandbox.simulating import Simulated

KEY = "xnd_development_shop"
TOKEN = "callback-token-of-the-shop"
SECRETS = {"SIM_SECRET_KEY": KEY, "SIM_CALLBACK_TOKEN": TOKEN}
QUICK = ("--no-fsync", "--async-delay-s", "3600")


def a_reference() -> str:
    return uuid4().hex


def a_card(**changes: Any) -> dict[str, Any]:
    """A charge of 12 500 rupiah by card, without 3DS."""
    return {
        "reference_id": a_reference(),
        "type": "PAY",
        "country": "ID",
        "currency": "IDR",
        "request_amount": 12500,
        "payment_token_id": "pt-card",
        "channel_properties": {"skip_three_ds": True},
    } | changes


def a_wallet(**changes: Any) -> dict[str, Any]:
    """The same by DANA."""
    back = {"success_return_url": "https://shop.example/done"}
    order = a_card(channel_code="DANA", channel_properties=back)
    del order["payment_token_id"]
    return order | changes


def a_number(**changes: Any) -> dict[str, Any]:
    """The same by virtual account."""
    return a_wallet(channel_code="BCA_VIRTUAL_ACCOUNT", channel_properties={}) | changes


def a_payout(account: str = "000000000099", **changes: Any) -> dict[str, Any]:
    return {
        "reference_id": a_reference(),
        "channel_code": "ID_BCA",
        "channel_properties": {"account_number": account, "account_holder_name": "Account Holder"},
        "amount": 42000,
        "currency": "IDR",
    } | changes


@dataclass
class Shop:
    """A merchant with one account."""

    simulator: Simulated
    receiver: Receiver
    headers: dict[str, str] = field(
        default_factory=lambda: {
            "Authorization": "Basic " + b64encode(f"{KEY}:".encode()).decode(),
            "Content-Type": "application/json",
            "api-version": "2024-11-11",
        }
    )

    def post(self, path: str, body: object, key: str | None = None, **headers: str) -> Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        said = self.headers | ({"idempotency-key": key} if key else {}) | headers
        return self.simulator.send("POST", path, raw, said)

    def get(self, path: str) -> Response:
        return self.simulator.send("GET", path, None, self.headers)

    def charge(self, order: Mapping[str, Any]) -> Any:
        """Make a payment request and return it."""
        made = self.post("/v3/payment_requests", order)
        assert made.status == 201, made.body
        return made.json

    def shown(self, charge: Any) -> Any:
        """Return a payment request as it is now."""
        return self.get(f"/v3/payment_requests/{charge['payment_request_id']}").json

    def paid(self, charge: Any) -> Any:
        """Return the payment of a payment request."""
        return self.get(f"/v3/payments/{self.shown(charge)['latest_payment_id']}").json

    def refund(self, charge: Any, key: str | None = None, **changes: Any) -> Response:
        named = {"payment_request_id": charge["payment_request_id"], "reason": "OTHERS"}
        return self.post("/refunds", named | changes, key)

    def lever(self, charge: Any, what: str, **body: Any) -> None:
        self.simulator.admin("POST", f"/objects/{charge['payment_request_id']}/{what}", body)

    def decides(self, charge: Any, decision: str) -> Response:
        """Have the payer press a button on the page."""
        (action,) = charge["actions"]
        path = action["value"].removeprefix(self.simulator.url)
        return self.simulator.send("POST", path, f"decision={decision}".encode())

    def told(self, event: str, name: str) -> Delivery:
        """Wait for a webhook about an object of this name."""
        return self.receiver.first(
            lambda one: f'"event":"{event}"'.encode() in one.body and name.encode() in one.body
        )


def refused(answer: Response) -> tuple[int, str]:
    """Return the status and the code of an error."""
    return answer.status, answer.json["error_code"]


def opened(folder: Path, *options: str) -> Shop:
    """Start a simulator with a receiver for its webhooks."""
    receiver = Receiver(named=lambda one: one.headers.get("webhook-id", ""))
    simulator = Simulated(
        "ops.sandbox.xendit", folder / "ledger.jsonl", SECRETS, (*QUICK, *options), receiver.url
    )
    return Shop(simulator.start(), receiver)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A simulator that all tests share: each has references of its own."""
    shared = opened(tmp_path_factory.mktemp("xendit"))
    yield shared
    shared.simulator.stop()
    shared.receiver.close()
