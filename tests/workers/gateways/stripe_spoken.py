"""Stripe's objects as it documents them, spoken by a server of raw sockets."""

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
from domain.payout import Destination
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
from workers.gateways.stripe import Stripe

KEY = "sk_test_1"
INTENT, REFUND, PAYOUT, CHARGE = "pi_1", "re_1", "po_1", "ch_1"
PAYPAL = Method("paypal")
VISA = Method("card", "pm_card_visa")
BANK = Destination("bank_account", "ba_1")
REFERENCE = "paylink_reference"

Came = TypeVar("Came")


def adapter_at(url: str, alarm: Alarm = lambda what, reference: None, **settings: object) -> Stripe:
    return Stripe(Setup(url, {"secret_key": KEY}, settings, alarm))


#: Composes without a provider.
OFFLINE = adapter_at("http://127.0.0.1:9")


def a_card_payment(amount: int = 1250, currency: str = "EUR", **changes: Any) -> Payment:
    return a_payment(amount, currency, **{"method": VISA} | changes)


def making(payment: Payment | None = None) -> Attempt:
    """A charge whose intent is not made yet."""
    return an_attempt(OFFLINE, payment or a_card_payment())


def confirming(payment: Payment | None = None) -> Attempt:
    """A charge whose intent is made."""
    return replace(making(payment), provider_id=INTENT)


def holding() -> Attempt:
    """A hold of 12.50 EUR whose intent is made."""
    return confirming(a_hold(method=VISA))


def capturing(minor: int | None = None) -> Attempt:
    return a_capture(OFFLINE, holding(), minor)


def voiding() -> Attempt:
    return a_void(OFFLINE, holding())


def refunding(minor: int | None = None) -> Attempt:
    return a_refund(OFFLINE, confirming(), minor)


def paying_out(**changes: Any) -> Attempt:
    return a_payout(OFFLINE, a_payout_row(**{"destination": BANK} | changes))


def intent(attempt: Attempt, status: str = "succeeded", **changes: Any) -> dict[str, Any]:
    """The intent of a charge in EUR; of a capture or a void, that of its charge."""
    amount = attempt.money.minor
    received = amount if status == "succeeded" else 0
    return {
        "id": INTENT,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": amount if status == "requires_capture" else 0,
        "amount_received": received,
        "capture_method": "automatic",
        "client_secret": "pi_1_secret_x",
        "created": 1_700_000_000,
        "currency": "eur",
        "last_payment_error": None,
        "latest_charge": CHARGE if received else None,
        "livemode": False,
        "metadata": {REFERENCE: attempt.reference},
        "next_action": None,
        "payment_method": "pm_1",
        "status": status,
    } | changes


def refund(attempt: Attempt, status: str = "succeeded", **changes: Any) -> dict[str, Any]:
    return {
        "id": REFUND,
        "object": "refund",
        "amount": attempt.money.minor,
        "charge": CHARGE,
        "created": 1_700_000_000,
        "currency": "eur",
        "metadata": {REFERENCE: attempt.reference},
        "payment_intent": INTENT,
        "status": status,
    } | changes


def payout(attempt: Attempt, status: str = "pending", **changes: Any) -> dict[str, Any]:
    return {
        "id": PAYOUT,
        "object": "payout",
        "amount": attempt.money.minor,
        "created": int(attempt.created_at.timestamp()),
        "currency": "eur",
        "destination": "ba_1",
        "failure_code": None,
        "metadata": {REFERENCE: attempt.reference},
        "reversed_by": None,
        "status": status,
    } | changes


def page(*objects: dict[str, Any], more: bool = False) -> dict[str, Any]:
    return {"object": "list", "url": "/v1/x", "has_more": more, "data": list(objects)}


def error(type_: str = "invalid_request_error", **fields: Any) -> dict[str, Any]:
    return {"error": {"type": type_, "message": "No."} | fields}


def spoken(status: int, body: object, *headers: str) -> bytes:
    """An answer as raw HTTP."""
    json_type = "Content-Type: application/json"
    return http(f"{status} Whatever", json.dumps(body).encode(), json_type, *headers)


def hearing(call: Callable[[Stripe], Came], *answers: bytes) -> tuple[Came, list[bytes]]:
    """Return what a call makes of these answers, one after the other, and the requests it sent."""
    with serving(answering(*answers)) as server, closing(adapter_at(server.url)) as adapter:
        return call(adapter), list(server.requests)


def sent(attempt: Attempt, *answers: bytes) -> Outcome:
    """Return what sending an attempt comes to with these answers."""
    return hearing(lambda adapter: send(adapter, attempt, within()), *answers)[0]


def answered(attempt: Attempt, status: int, body: object) -> Outcome:
    return sent(attempt, spoken(status, body))


def looked_up(attempt: Attempt, *answers: bytes) -> Lookup:
    return hearing(lambda adapter: adapter.lookup(attempt, within()), *answers)[0]
