"""What the sandbox adapter sends, and the configurations it can be built from."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.ids import Kind, public
from domain.outcome import Succeeded
from domain.payment import Method
from tests.contract.made import a_payment, an_attempt, within
from tests.contract.test_sandbox_answers import OFFLINE, adapter_at, paid
from tests.workers.raw_server import answering, http, serving
from workers.gateways import Setup, Unusable
from workers.gateways.sandbox import Sandbox


def test_the_stored_bytes_leave_as_they_are_under_the_attempts_key() -> None:
    payment = a_payment(method=Method("wallet", "tok_9"), wants_3ds=True, description="Zwölf Äpfel")
    attempt = an_attempt(OFFLINE, payment)
    with serving(answering(http("500 Whatever"))) as server:
        adapter_at(f"{server.url}/base").charge(attempt, within())
        head, _, body = server.requests[0].partition(b"\r\n\r\n")

    lines = set(head.decode().split("\r\n"))
    assert "POST /base/v1/payments HTTP/1.1" in lines
    assert f"Idempotency-Key: {attempt.id.hex}a" in lines
    assert {"Authorization: Bearer sk_1", "X-Request-ID: req-0123456789"} <= lines
    assert body == attempt.request
    assert json.loads(body) == {
        "reference": attempt.reference,
        "amount": 1250,
        "currency": "EUR",
        "capture": True,
        "source": {"type": "wallet", "token": "tok_9"},
        "three_ds": "required",
        "return_url": "https://shop.example/done",
        "expires_at": payment.expires_at.isoformat(),
        "description": "Zwölf Äpfel",
        "metadata": {"cart": "42", "paylink_payment_id": public(Kind.PAYMENT, payment.id)},
    }


def test_a_providers_id_stays_one_part_of_the_path() -> None:
    attempt = an_attempt(OFFLINE, provider_id="sp/../1?x=\r\n")
    with serving(answering(http("404 Whatever"))) as server:
        adapter_at(server.url).lookup(attempt, within())

        assert server.requests[0].startswith(b"GET /v1/payments/sp%2F..%2F1%3Fx%3D%0D%0A HTTP/1.1")


def test_a_request_id_that_no_header_can_carry_does_not_stop_a_charge() -> None:
    attempt = an_attempt(OFFLINE, request_id="naïve\r\nX-Evil: 1")

    assert isinstance(paid(attempt), Succeeded)


def test_a_bank_transfer_needs_no_token() -> None:
    composed = OFFLINE.compose(a_payment(method=Method("bank_transfer", "")), "r" * 32)

    assert composed is not None
    assert json.loads(composed)["source"] == {"type": "bank_transfer", "token": "none"}


@pytest.mark.parametrize(
    "changes",
    [
        {"method": Method("wallet", "")},
        {"method": Method("paypal", "tok")},
        {"method": Method("card", "t" * 256)},
        {"description": "d" * 1001},
        {"return_url": "https://shop.example/" + "d" * 2048},
        {"metadata": {"k" * 41: "v"}},
        {"metadata": {str(n): "v" for n in range(50)}},
    ],
    ids=["no token", "paypal", "token", "description", "url", "metadata name", "metadata entries"],
)
def test_what_passes_the_providers_limits_is_not_composed(changes: dict[str, Any]) -> None:
    assert OFFLINE.compose(replace(a_payment(), **changes), "r" * 32) is None


def test_windows_are_configured_per_gateway() -> None:
    declared = adapter_at("http://h", key_window_s=60, visibility_lag_s=0.5).declaration

    assert declared.key_window == timedelta(seconds=60)
    assert declared.visibility_lag == timedelta(seconds=0.5)
    assert OFFLINE.declaration.key_window == timedelta(hours=24)


@pytest.mark.parametrize(
    "setup",
    [
        Setup("http://h", {}, {}, lambda *_: None),
        Setup("http://h", {"secret_key": "sk\n"}, {}, lambda *_: None),
        Setup("not a url", {"secret_key": "sk"}, {}, lambda *_: None),
        Setup("http://h", {"secret_key": "sk"}, {"key_window_s": "1 day"}, lambda *_: None),
        Setup("http://h", {"secret_key": "sk"}, {"visibility_lag_s": -1}, lambda *_: None),
        Setup("http://h", {"secret_key": "sk"}, {"key_window_s": True}, lambda *_: None),
        Setup("http://h", {"secret_key": "sk"}, {"ca_file": 1}, lambda *_: None),
        Setup("https://h", {"secret_key": "sk"}, {"ca_file": "/nowhere.pem"}, lambda *_: None),
    ],
    ids=range(8),
)
def test_a_configuration_that_cannot_work_is_refused_when_it_is_read(setup: Setup) -> None:
    with pytest.raises(Unusable):
        Sandbox(setup)
