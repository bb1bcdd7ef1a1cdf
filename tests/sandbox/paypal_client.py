"""A merchant at the PayPal simulator who follows its documents, for tests."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.sandbox.running import Response
from tests.sandbox.simulating import Simulated

CLIENT_ID, SECRET, WEBHOOK_ID = "client-1", "secret-1", "4JH86294D6297924G"
SECRETS = {
    "SIM_CLIENT_ID": CLIENT_ID,
    "SIM_CLIENT_SECRET": SECRET,
    "SIM_WEBHOOK_ID": WEBHOOK_ID,
}
ORDERS = "/v2/checkout/orders"
PAYMENTS = "/v2/payments"
PAYOUTS = "/v1/payments/payouts"
#: Nothing decides by itself while a test looks, and nothing waits for the disk.
OPTIONS = ("--async-delay-s", "3600", "--no-fsync", "--webhook-time-scale", "0.001")


def simulator(folder: Path, *options: str, webhook_url: str | None = None) -> Simulated:
    """Return a simulator that has not been started."""
    ledger = folder / "ledger.jsonl"
    options = (*OPTIONS, *options)
    return Simulated("ops.sandbox.paypal", ledger, SECRETS, options, webhook_url, "paypal-test")


def name() -> str:
    """Return a name of ours that nobody has used."""
    return uuid.uuid4().hex


def basic(secret: str = SECRET) -> str:
    return "Basic " + base64.b64encode(f"{CLIENT_ID}:{secret}".encode()).decode()


@dataclass
class Merchant:
    """One account's calls; a token is fetched once."""

    at: Simulated
    bearer: str = field(default="", repr=False)

    def token(self, authorization: str | None = None, form: bytes | None = None) -> Response:
        body = b"grant_type=client_credentials" if form is None else form
        return self.at.send(
            "POST", "/v1/oauth2/token", body, {"Authorization": authorization or basic()}
        )

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        key: str | None = None,
        *,
        full: bool = True,
        **headers: str,
    ) -> Response:
        """Call the API; a body that is not bytes is sent as JSON."""
        self.bearer = self.bearer or self.token().json["access_token"]
        sent = {"Authorization": f"Bearer {self.bearer}", "Content-Type": "application/json"}
        if full:
            sent["Prefer"] = "return=representation"
        if key is not None:
            sent["PayPal-Request-Id"] = key
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return self.at.send(method, path, raw, sent | named)

    def post(self, path: str, body: Any = None, key: str | None = None, **headers: str) -> Response:
        return self.call("POST", path, body, key, full=True, **headers)

    def get(self, path: str) -> Any:
        answer = self.call("GET", path)
        assert answer.status == 200, answer.body
        return answer.json

    def made(self, **changes: Any) -> Any:
        """Make an order of 12.50 EUR and return it."""
        answer = self.post(ORDERS, an_order(**changes))
        assert answer.status == 201, answer.body
        return answer.json

    def approved(self, **changes: Any) -> str:
        """Make an order, have the payer approve it, and return its id."""
        id_ = str(self.made(**changes)["id"])
        self.at.admin("POST", f"/objects/{id_}/approve")
        return id_

    def captured(self, **changes: Any) -> tuple[str, str]:
        """Make and capture an order; return its id and the capture's."""
        id_ = self.approved(**changes)
        answer = self.post(f"{ORDERS}/{id_}/capture", {})
        assert answer.status == 201, answer.body
        return id_, payments(answer.json)["captures"][0]["id"]

    def held(self, **changes: Any) -> tuple[str, str]:
        """Make and authorize an order; return its id and the authorization's."""
        id_ = self.approved(intent="AUTHORIZE", **changes)
        answer = self.post(f"{ORDERS}/{id_}/authorize", {})
        assert answer.status == 201, answer.body
        return id_, payments(answer.json)["authorizations"][0]["id"]


def an_order(
    value: str = "12.50",
    currency: str = "EUR",
    *,
    intent: str = "CAPTURE",
    payer: str | None = None,
    **unit: Any,
) -> dict[str, Any]:
    """The body of an order; `unit` changes its purchase unit."""
    reference = name()
    wallet: dict[str, Any] = {"experience_context": {"return_url": "https://shop.example/done?a=1"}}
    if payer is not None:
        wallet["email_address"] = payer
    money = {"currency_code": currency, "value": value}
    one = {"amount": money, "custom_id": reference, "invoice_id": reference} | unit
    return {
        "intent": intent,
        "purchase_units": [one],
        "payment_source": {"paypal": wallet},
    }


def a_payout(sender_batch_id: str | None = None, **item: Any) -> dict[str, Any]:
    """The body of a batch of one payout of 42.00 EUR."""
    one = {
        "recipient_type": "EMAIL",
        "receiver": "somebody@payee.example",
        "amount": {"currency": "EUR", "value": "42.00"},
    } | item
    return {
        "sender_batch_header": {"sender_batch_id": sender_batch_id or name()},
        "items": [one],
    }


def payments(order: Mapping[str, Any]) -> Any:
    """Return what happened to an order's money."""
    return order["purchase_units"][0].get("payments", {})


def issues(answer: Response) -> tuple[int, str, list[str]]:
    """Return what a refusal says: its status, its name, its issues."""
    said = answer.json
    return answer.status, said["name"], [one["issue"] for one in said.get("details", [])]
