"""Xendit's answers as a test writes them, spoken by a server of raw sockets."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any, TypeVar

from domain.attempt import Attempt
from domain.flows.send import send
from domain.means import Method
from domain.outcome import Lookup, Outcome
from domain.payment import Payment
from domain.payout import Destination, Payout
from tests.contract.made import (
    a_capture,
    a_hold,
    a_payment,
    a_payout,
    a_payout_row,
    a_refund,
    a_void,
    an_attempt,
    within,
)
from tests.workers.raw_server import answering, http, serving
from workers.gateways import Alarm, Setup
from workers.gateways.xendit import Xendit

#: Xendit's ids of the charge that captures, voids and refunds are about, and of its payment.
CHARGE = "pr-1"
PAYMENT = "py-1"
CARD = Method("card", "pt-card")
VIRTUAL_ACCOUNT = Method("bank_transfer", "BCA_VIRTUAL_ACCOUNT")
ACCOUNT = "ID_BCA:000000000099:Account+Holder"

Came = TypeVar("Came")


def _deaf(what: str, reference: str) -> None:
    """Nobody is told."""


def adapter_at(url: str, alarm: Alarm = _deaf, **settings: Any) -> Xendit:
    return Xendit(Setup(url, {"secret_key": "xnd_development_1"}, settings, alarm))


#: Composes without Xendit.
OFFLINE = adapter_at("http://127.0.0.1:9")


def rupiah(minor: int = 1_250_000, **changes: Any) -> Payment:
    """A payment of 12 500 rupiah by card, which our API counts in sen."""
    return a_payment(minor, "IDR", **({"method": CARD} | changes))


def a_charge(**changes: Any) -> Attempt:
    return an_attempt(OFFLINE, rupiah(**changes))


def a_known_hold() -> Attempt:
    """A hold whose id is known."""
    return replace(an_attempt(OFFLINE, a_hold(1_250_000, "IDR", method=CARD)), provider_id=CHARGE)


def capturing(minor: int | None = None) -> Attempt:
    return a_capture(OFFLINE, a_known_hold(), minor)


def voiding() -> Attempt:
    return a_void(OFFLINE, a_known_hold())


def refunding(minor: int | None = None) -> Attempt:
    return a_refund(OFFLINE, replace(a_charge(), provider_id=CHARGE), minor)


def a_payout_of(minor: int = 4_200_000, currency: str = "IDR", token: str = ACCOUNT) -> Payout:
    return a_payout_row(minor, currency, destination=Destination("bank_account", token))


def paying_out() -> Attempt:
    return a_payout(OFFLINE, a_payout_of())


def shown_request(attempt: Attempt, **changes: Any) -> dict[str, Any]:
    """A card's payment request that has succeeded."""
    return {
        "payment_request_id": CHARGE,
        "business_id": "5f27a14a9bf05c73dd040bc8",
        "reference_id": attempt.reference,
        "latest_payment_id": PAYMENT,
        "type": "PAY",
        "country": "ID",
        "currency": "IDR",
        "request_amount": 12500,
        "capture_method": "AUTOMATIC",
        "channel_code": "CARDS",
        "actions": [],
        "status": "SUCCEEDED",
        "created": "2026-01-01T00:00:00Z",
        "updated": "2026-01-01T00:00:05Z",
    } | changes


def shown_payment(**changes: Any) -> dict[str, Any]:
    """Its payment, collected in whole, if at all."""
    collected = changes.get("status", "SUCCEEDED") == "SUCCEEDED"
    return {
        "payment_id": PAYMENT,
        "payment_request_id": CHARGE,
        "currency": "IDR",
        "request_amount": 12500,
        "captures": [{"capture_id": "cptr-1", "capture_amount": 12500}] if collected else None,
        "status": "SUCCEEDED",
    } | changes


def shown_refund(attempt: Attempt, **changes: Any) -> dict[str, Any]:
    """A refund that succeeded."""
    return {
        "id": "rfd-1",
        "payment_request_id": CHARGE,
        "reference_id": attempt.reference,
        "currency": "IDR",
        "amount": attempt.money.minor // 100,
        "status": "SUCCEEDED",
        "failure_code": None,
        "created": "2026-01-01T00:00:00Z",
    } | changes


def shown_payout(attempt: Attempt, **changes: Any) -> dict[str, Any]:
    """A payout that arrived."""
    return {
        "id": "disb-1",
        "reference_id": attempt.reference,
        "currency": "IDR",
        "amount": attempt.money.minor // 100,
        "channel_code": "ID_BCA",
        "status": "SUCCEEDED",
        "created": "2026-01-01T00:00:00Z",
    } | changes


def answer(status: int, body: object, *headers: str) -> bytes:
    """One answer; a body that is not bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return http(f"{status} Whatever", raw, *headers)


def error(status: int, code: str, *headers: str) -> bytes:
    return answer(status, {"error_code": code, "message": "no"}, *headers)


def told(
    call: Callable[[Xendit], Came], *answers: bytes, alarm: Alarm = _deaf, **settings: Any
) -> Came:
    """Return what a call comes to that is answered with these, one after the other."""
    with (
        serving(answering(*answers)) as server,
        closing(adapter_at(server.url, alarm, **settings)) as adapter,
    ):
        return call(adapter)


def asked(call: Callable[[Xendit], object], *answers: bytes, **settings: Any) -> list[bytes]:
    """Return the requests that a call makes which is answered with these."""
    with (
        serving(answering(*answers)) as server,
        closing(adapter_at(server.url, **settings)) as adapter,
    ):
        call(adapter)
        return list(server.requests)


def sent(attempt: Attempt, *answers: bytes, **settings: Any) -> Outcome:
    """Return what sending an attempt comes to that is answered with these."""
    return told(lambda adapter: send(adapter, attempt, within()), *answers, **settings)


def read_back(attempt: Attempt, *bodies: object, **settings: Any) -> Lookup:
    """Return what looking an attempt up comes to that is answered with these bodies."""
    answers = [answer(200, body) for body in bodies]
    return told(lambda adapter: adapter.lookup(attempt, within()), *answers, **settings)


def looked_up(
    request: dict[str, Any], payment: dict[str, Any] | None = None, **settings: Any
) -> Lookup:
    """Return what a charge says that is read as this; the request names its attempt."""
    attempt = replace(a_charge(), provider_id=CHARGE)
    shown = shown_request(attempt, **request)
    bodies = [shown] if payment is None else [shown, shown_payment(**payment)]
    return read_back(attempt, *bodies, **({"disputes": False} | settings))
