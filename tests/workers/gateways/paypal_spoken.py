"""PayPal's answers as a test writes them, spoken by a server of raw sockets."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from typing import Any, TypeVar

from domain.attempt import Attempt
from domain.flows.send import send
from domain.means import Method
from domain.outcome import Lookup, Outcome
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
from tests.workers.raw_server import RawServer, answering, http, serving
from workers.gateways import Alarm, Setup
from workers.gateways.paypal import PayPal

PAYPAL = Method("paypal")
RECEIVER = "somebody@payee.example"
#: PayPal's names of what the tests are about.
ORDER, HOLD, CAPTURE, REFUND, BATCH = "ORDER1", "AUTH1", "CAPTURE1", "REFUND1", "BATCH1"
PAGE = "https://www.paypal.example/checkoutnow?token=ORDER1"
KEYS = {"client_id": "client-1", "client_secret": "secret-1"}

Came = TypeVar("Came")


def untold(what: str, reference: str) -> None:
    """An alarm that nobody hears."""


def adapter_at(url: str, alarm: Alarm = untold, **settings: object) -> PayPal:
    return PayPal(Setup(url, KEYS, settings, alarm))


#: Composes without a provider.
OFFLINE = adapter_at("http://127.0.0.1:9")


def making(**changes: Any) -> Attempt:
    """A charge of 12.50 EUR that has no order yet."""
    return an_attempt(OFFLINE, a_payment(method=PAYPAL), **changes)


def asking() -> Attempt:
    """The same, whose order is there, and whose money may be asked for."""
    return making(provider_id=ORDER, confirming=True)


def holding() -> Attempt:
    """A hold of 12.50 EUR whose order is there."""
    payment = a_hold(method=PAYPAL)
    return an_attempt(OFFLINE, payment, provider_id=ORDER, confirming=True)


def capturing(minor: int | None = None) -> Attempt:
    return a_capture(OFFLINE, holding(), minor)


def voiding() -> Attempt:
    return a_void(OFFLINE, holding())


def refunding(minor: int | None = None) -> Attempt:
    return a_refund(OFFLINE, asking(), minor)


def paying_out() -> Attempt:
    return a_payout(OFFLINE, a_payout_row(destination=Destination("wallet", RECEIVER)))


def euros(value: str = "12.50") -> dict[str, str]:
    return {"currency_code": "EUR", "value": value}


def movement(id_: str, status: str, value: str = "12.50", **more: Any) -> dict[str, Any]:
    """An authorization, a capture or a refund."""
    return {"id": id_, "status": status, "amount": euros(value)} | more


def order(attempt: Attempt, status: str = "COMPLETED", **payments: Any) -> dict[str, Any]:
    """An order as PayPal shows it in full; `payments` are its children by kind."""
    unit: dict[str, Any] = {
        "reference_id": "default",
        "amount": euros(),
        "custom_id": attempt.reference,
        "invoice_id": attempt.reference,
    }
    if payments:
        unit["payments"] = payments
    return {
        "id": ORDER,
        "intent": "CAPTURE" if attempt.captures else "AUTHORIZE",
        "status": status,
        "purchase_units": [unit],
        "links": [
            {"href": "https://api.paypal.example/v2/checkout/orders/ORDER1", "rel": "self"},
            {"href": PAGE, "rel": "payer-action", "method": "GET"},
        ],
    }


def paid(attempt: Attempt, status: str = "COMPLETED", value: str = "12.50") -> dict[str, Any]:
    """An order with one capture."""
    return order(attempt, captures=[movement(CAPTURE, status, value)])


def held(attempt: Attempt, status: str = "CREATED", **more: Any) -> dict[str, Any]:
    """An order with one authorization; `attempt` is the charge."""
    return order(attempt, authorizations=[movement(HOLD, status)], **more)


def batch(attempt: Attempt, status: str = "SUCCESS", item: str = "SUCCESS") -> dict[str, Any]:
    """A batch of one payout."""
    detail = {
        "amount": {"currency": "EUR", "value": "42.00"},
        "receiver": RECEIVER,
        "sender_item_id": attempt.reference,
    }
    return {
        "batch_header": {
            "payout_batch_id": BATCH,
            "batch_status": status,
            "sender_batch_header": {"sender_batch_id": attempt.reference},
        },
        "items": [{"payout_item_id": "I1", "transaction_status": item, "payout_item": detail}],
    }


def problem(name: str, *issues: str) -> dict[str, Any]:
    """An error of Orders and Payments."""
    details = [{"issue": issue, "description": "no"} for issue in issues]
    return {"name": name, "message": "no", "debug_id": "f0a1b2c3d4e5f"} | (
        {"details": details} if details else {}
    )


def answer(status: int, body: object = None, *headers: str) -> bytes:
    """One answer; a body that is not bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return http(f"{status} Whatever", raw, "Content-Type: application/json", *headers)


def token(text: str = "A21AA-1", expires_in: int = 31_668, *headers: str) -> bytes:
    given = {"access_token": text, "expires_in": expires_in, "token_type": "Bearer"}
    return answer(200, given, *headers)


def told(
    call: Callable[[PayPal], Came], *answers: bytes, **settings: object
) -> tuple[Came, RawServer]:
    """Return what a call comes to that is answered with these after a token, and the server with
    what it was asked."""
    with (
        serving(answering(token(), *answers)) as server,
        closing(adapter_at(server.url, untold, **settings)) as adapter,
    ):
        return call(adapter), server


def sent(attempt: Attempt, *answers: bytes) -> Outcome:
    """Return what sending an attempt comes to."""
    return told(lambda adapter: send(adapter, attempt, within()), *answers)[0]


def read_back(attempt: Attempt, *bodies: object) -> Lookup:
    """Return what looking an attempt up comes to; a charge's disputes are asked for last."""
    answers = [answer(200, body) for body in bodies]
    return told(lambda adapter: adapter.lookup(attempt, within()), *answers)[0]


def lines(server: RawServer) -> list[str]:
    """Return the request lines after the one for the token."""
    return [
        one.partition(b"\r\n")[0].decode().removesuffix(" HTTP/1.1") for one in requests(server)
    ]


def requests(server: RawServer) -> list[bytes]:
    return server.requests[1:]


def header(request: bytes, name: str) -> str | None:
    """Return a header of a raw request."""
    for line in request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]:
        found, _, value = line.partition(": ")
        if found.lower() == name.lower():
            return value
    return None
