"""A shop with one account at the Midtrans simulator: what it sends, and what it hears."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.sandbox.receiver import Receiver
from tests.sandbox.running import Response
from tests.sandbox.simulating import Simulated

SERVER, CREATOR, APPROVER, MERCHANT = "SB-server", "IRIS-creator", "IRIS-approver", "IRIS-merchant"
SECRETS = {
    "SIM_SERVER_KEY": SERVER,
    "SIM_IRIS_CREATOR_KEY": CREATOR,
    "SIM_IRIS_APPROVER_KEY": APPROVER,
    "SIM_IRIS_MERCHANT_KEY": MERCHANT,
}
GOOD, PAYOUTS = "48111111-1114", "/iris/api/v1/payouts"
#: Nothing decides by itself; the minutes between the tries of a webhook are milliseconds.
STILL = ("--async-delay-s", "3600", "--webhook-time-scale", "0.00001", "--no-fsync")


def authorised(key: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


def an_order(token: str = GOOD, amount: Any = 145_000, **changes: Any) -> dict[str, Any]:
    """A card charge under an order_id of its own."""
    return {
        "payment_type": "credit_card",
        "transaction_details": {"order_id": uuid4().hex, "gross_amount": amount},
        "credit_card": {"token_id": token},
    } | changes


def a_wallet(kind: str = "gopay", **changes: Any) -> dict[str, Any]:
    order = an_order(payment_type=kind, **changes)
    del order["credit_card"]
    return order


def a_transfer(bank: str = "bca", **changes: Any) -> dict[str, Any]:
    return a_wallet("bank_transfer", bank_transfer={"bank": bank}, **changes)


def a_hold() -> dict[str, Any]:
    return an_order(credit_card={"token_id": GOOD, "type": "authorize"})


def a_payout(**changes: Any) -> dict[str, Any]:
    return {
        "beneficiary_name": "Account Holder",
        "beneficiary_account": "1234567890",
        "beneficiary_bank": "bca",
        "amount": "420000",
        "notes": uuid4().hex,
    } | changes


@dataclass
class Warung:
    """The shop."""

    simulator: Simulated
    receiver: Receiver

    @classmethod
    def opened(cls, folder: Path, *options: str) -> Warung:
        receiver = Receiver(named=lambda one: _named(one.event))
        ledger = folder / "ledger.jsonl"
        module = "ops.sandbox.midtrans"
        simulator = Simulated(module, ledger, SECRETS, (*STILL, *options), receiver.url)
        return cls(simulator.start(), receiver)

    def close(self) -> None:
        self.simulator.stop()
        self.receiver.close()

    def post(self, path: str, body: Any = None, key: str = "", *, as_: str = SERVER) -> Response:
        """POST to the Core API, or with a key of Iris' there."""
        name = "X-Idempotency-Key" if path.startswith("/iris") else "Idempotency-Key"
        headers = authorised(as_) | ({name: key} if key else {})
        raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        return self.simulator.send("POST", path, raw, headers)

    def get(self, path: str, *, as_: str = SERVER) -> Response:
        return self.simulator.send("GET", path, headers=authorised(as_))

    def charged(self, order: dict[str, Any], key: str = "") -> dict[str, Any]:
        """Charge, and return the answer's JSON."""
        return dict(self.post("/v2/charge", order, key).json)

    def status(self, name: str) -> dict[str, Any]:
        return dict(self.get(f"/v2/{name}/status").json)

    def made(self, **changes: Any) -> str:
        """Make a payout and return its number."""
        answer = self.post(PAYOUTS, {"payouts": [a_payout(**changes)]}, as_=CREATOR)
        assert answer.status == 201, answer.body
        return str(answer.json["payouts"][0]["reference_no"])

    def approved(self, number: str) -> Response:
        return self.post(f"{PAYOUTS}/approve", {"reference_nos": [number]}, as_=APPROVER)

    def payout(self, number: str) -> dict[str, Any]:
        return dict(self.get(f"{PAYOUTS}/{number}", as_=CREATOR).json)

    def moved(self, about: str) -> list[tuple[str, int]]:
        """Return what money the ledger says has moved, in ISO minor units."""
        lines = self.simulator.lines(about)
        return [(line["kind"], line["amount"]) for line in lines if line.get("amount")]

    def heard(self, name: str, status: str) -> dict[str, Any]:
        """Wait for the notification that something has come to a status."""
        found = self.receiver.first(
            lambda one: (
                _named(one.event) == name
                and status in (one.event.get("transaction_status"), one.event.get("status"))
            )
        )
        return dict(found.event)


def _named(event: dict[str, Any]) -> str:
    return str(event.get("order_id") or event.get("reference_no"))
