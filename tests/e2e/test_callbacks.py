"""Callbacks on the real programs: a gateway's word in our shape makes a worker ask the gateway."""

from __future__ import annotations

import hashlib
import hmac
import json
import time

import pytest

from tests.e2e.hostile_wire import Heard, one_raw, request
from tests.e2e.system import Json, System, eventually

pytestmark = pytest.mark.e2e


def called(system: System, gateway: str, body: bytes, media: str) -> Heard:
    name = gateway.upper().replace("-", "_")
    secret = str(system.stack.environ[f"{name}_WEBHOOK_SECRET"])
    at = int(time.time())
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    headers = [
        f"Sandbox-Signature: t={at},v1={mac}".encode(),
        f"Content-Type: {media}".encode(),
        b"Connection: close",
    ]
    return one_raw(system.stack.url, request("POST", f"/callback/{gateway}", headers, body))


def test_a_callback_makes_a_worker_read_what_it_names(system: System) -> None:
    asked = {"user_id": 7, "amount": 2_600, "currency": "USD"}
    id_ = system.call("POST", "/deposit", asked, key="callback-1").json()["transaction_id"]
    system.settled(id_, "captured")
    (attempt,) = system.sql(
        "SELECT id, gateway_id FROM payment_attempts WHERE payment_id = %s", [id_[4:]]
    )
    reference, gateway = attempt["id"].hex, attempt["gateway_id"]
    xml = f"<callback><transaction_id>{reference}</transaction_id></callback>"

    first = called(system, gateway, xml.encode(), "application/xml")
    same = json.dumps({"transaction_id": reference}).encode()
    again = called(system, gateway, same, "application/json")

    assert first.status == 200
    assert b"<duplicate>false</duplicate>" in first.body
    assert (again.status, again.json()["duplicate"]) == (200, True)

    def processed() -> Json | None:
        found = system.sql(
            "SELECT copies FROM webhook_events WHERE attempt_id = %s AND status = 'processed'"
            "   AND dedupe_key LIKE 'sha256:%%' AND next_run_at IS NULL",
            [attempt["id"]],
        )
        return found[0] if found else None

    assert eventually(processed, 20, lambda: str(system.sql("SELECT * FROM webhook_events")))
    assert system.payment(id_)["amount_captured"] == 2_600
