"""The sandbox provider's answers as a test writes them, spoken by a server of raw sockets."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from typing import Any, TypeVar

from domain.attempt import Attempt
from domain.flows.send import send
from domain.outcome import Lookup, Outcome
from tests.contract.made import within
from tests.workers.raw_server import answering, http, serving
from workers.gateways import Setup
from workers.gateways.sandbox import Sandbox

REASONS = {200: "OK", 201: "Created", 402: "Payment Required"}
#: The provider's id of the charge that captures, voids and refunds are about.
CHARGE = "sp_1"

Came = TypeVar("Came")


def adapter_at(url: str, **settings: object) -> Sandbox:
    return Sandbox(Setup(url, {"secret_key": "sk_1"}, settings, lambda what, reference: None))


#: Composes without a provider.
OFFLINE = adapter_at("http://127.0.0.1:9")


def shown(attempt: Attempt, **changes: Any) -> dict[str, Any]:
    """A captured payment as the provider documents it."""
    return {
        "id": CHARGE,
        "object": "payment",
        "reference": attempt.reference,
        "amount": attempt.money.minor,
        "currency": attempt.money.currency.code,
        "status": "captured",
        "amount_capturable": 0,
        "amount_captured": attempt.money.minor,
        "amount_refunded": 0,
        "amount_refund_pending": 0,
        "amount_charged_back": 0,
        "next_action": None,
        "decline_code": None,
        "expires_at": "2030-01-01T00:00:00Z",
        "metadata": {},
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "version": 1,
    } | changes


def shown_refund(attempt: Attempt, **changes: Any) -> dict[str, Any]:
    """A refund that succeeded."""
    return {
        "id": "sr_1",
        "object": "refund",
        "payment": attempt.target,
        "payment_reference": "f" * 32,
        "reference": attempt.reference,
        "amount": attempt.money.minor,
        "currency": attempt.money.currency.code,
        "status": "succeeded",
        "failure_code": None,
        "reason": "",
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "version": 1,
    } | changes


def shown_payout(attempt: Attempt, **changes: Any) -> dict[str, Any]:
    """A payout that was paid."""
    return {
        "id": "so_1",
        "object": "payout",
        "reference": attempt.reference,
        "amount": attempt.money.minor,
        "currency": attempt.money.currency.code,
        "status": "paid",
        "failure_code": None,
        "destination_type": "card",
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "version": 1,
    } | changes


def answer(status: int, body: object, *headers: str) -> bytes:
    """One answer; a body that is not bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return http(f"{status} {REASONS.get(status, 'Whatever')}", raw, *headers)


def error(type_: str, code: str, **about: Any) -> dict[str, Any]:
    return {"error": {"type": type_, "code": code, "message": "no"} | about}


def told(call: Callable[[Sandbox], Came], *answers: bytes) -> Came:
    """Return what a call comes to that is answered with these, one after the other."""
    with serving(answering(*answers)) as server, closing(adapter_at(server.url)) as adapter:
        return call(adapter)


def sent(attempt: Attempt, *answers: bytes) -> Outcome:
    """Return what sending an attempt comes to that is answered with these."""
    return told(lambda adapter: send(adapter, attempt, within()), *answers)


def read_back(attempt: Attempt, body: object) -> Lookup:
    """Return what looking an attempt up comes to that is answered with this."""
    return told(lambda adapter: adapter.lookup(attempt, within()), answer(200, body))


def charged(attempt: Attempt, status: int, body: bytes, *headers: str) -> Outcome:
    """Return what a charge comes to that is answered with this."""
    return sent(attempt, answer(status, body, *headers))


def paid(attempt: Attempt, **changes: Any) -> Outcome:
    return sent(attempt, answer(201, shown(attempt, **changes)))


def failed(attempt: Attempt, status: int, problem: dict[str, Any], *headers: str) -> Outcome:
    return sent(attempt, answer(status, {"error": problem}, *headers))


def looked_up(attempt: Attempt, *payments: dict[str, Any]) -> Lookup:
    return read_back(attempt, {"data": list(payments)})
