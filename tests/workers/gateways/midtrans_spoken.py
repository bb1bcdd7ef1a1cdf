"""Midtrans' answers as a test writes them, spoken by a server of raw sockets."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any, TypeVar

from domain.attempt import Attempt
from domain.flows.send import send
from domain.means import Method
from domain.money import CURRENCIES, Money
from domain.outcome import Lookup, Outcome
from domain.payment import CaptureMethod, Payment
from domain.payout import Destination, Payout
from tests.contract.made import (
    a_capture,
    a_payment,
    a_payout,
    a_payout_row,
    a_refund,
    a_void,
    an_attempt,
    within,
)
from tests.workers.raw_server import RawServer, answering, http, serving
from workers.gateways import Setup
from workers.gateways.midtrans import Midtrans

KEYS = {
    "server_key": "SB-Mid-server-1",
    "iris_creator_key": "IRIS-creator-1",
    "iris_approver_key": "IRIS-approver-1",
}
#: Midtrans' id of the charge that captures, voids and refunds are about.
CHARGE = "1a1a66f7-27a7-4844-ba1f-d86dcc16ab27"
PAYOUT = "1d4f8423393005"
CARD = "48111111-1114"
ACCOUNT = "bca:1234567890:Account+Holder"

Came = TypeVar("Came")


def idr(rupiah: int) -> Money:
    return Money(rupiah * 100, CURRENCIES["IDR"])


def adapter_at(url: str, **settings: object) -> Midtrans:
    alarm = settings.pop("alarm", lambda what, reference: None)
    assert callable(alarm)
    return Midtrans(Setup(url, KEYS, {"iris_url": f"{url}/iris"} | settings, alarm))


#: Composes without a provider.
OFFLINE = adapter_at("http://127.0.0.1:9")


def a_sale(rupiah: int = 145_000, **changes: Any) -> Payment:
    return a_payment(rupiah * 100, "IDR", **{"method": Method("card", CARD)} | changes)


def a_transfer(bank: str = "bca", **changes: Any) -> Payment:
    return a_sale(method=Method("bank_transfer", bank), **changes)


def a_charge(payment: Payment | None = None) -> Attempt:
    return an_attempt(OFFLINE, payment or a_sale())


def a_hold() -> Attempt:
    """A charge whose money is held, with Midtrans' id."""
    payment = a_sale(capture_method=CaptureMethod.MANUAL)
    return replace(a_charge(payment), provider_id=CHARGE)


def a_collection(rupiah: int = 145_000) -> Attempt:
    return a_capture(OFFLINE, a_hold(), rupiah * 100)


def a_release() -> Attempt:
    return a_void(OFFLINE, a_hold())


def a_return(rupiah: int = 145_000) -> Attempt:
    return a_refund(OFFLINE, replace(a_charge(), provider_id=CHARGE), rupiah * 100)


def a_transfer_out(rupiah: int = 420_000, token: str = ACCOUNT) -> Payout:
    return a_payout_row(rupiah * 100, "IDR", destination=Destination("bank_account", token))


def a_sending_out(provider_id: str | None = None) -> Attempt:
    return replace(a_payout(OFFLINE, a_transfer_out()), provider_id=provider_id)


def shown(attempt: Attempt, **changes: Any) -> dict[str, Any]:
    """A transaction of this charge, captured and accepted, as Midtrans documents it."""
    return {
        "status_code": "200",
        "status_message": "Success, Credit Card transaction is successful",
        "transaction_id": attempt.target or CHARGE,
        "order_id": attempt.reference,
        "merchant_id": "G141532850",
        "gross_amount": f"{attempt.money.minor // 100}.00",
        "currency": "IDR",
        "payment_type": "credit_card",
        "transaction_time": "2026-11-30 16:30:27",
        "transaction_status": "capture",
        "fraud_status": "accept",
        "masked_card": CARD,
        "channel_response_code": "00",
    } | changes


def refunds(*given: tuple[str, int], **changes: Any) -> list[dict[str, Any]]:
    """A transaction's list of refunds, by refund_key and rupiah."""
    return [
        {
            "refund_chargeback_id": 1000 + number,
            "refund_key": key,
            "refund_amount": f"{amount}.00",
            "reason": "requested_by_customer",
            "created_at": "2026-11-30 17:00:00",
        }
        | changes
        for number, (key, amount) in enumerate(given)
    ]


def shown_payout(attempt: Attempt, **changes: Any) -> dict[str, Any]:
    """A payout that has arrived."""
    return {
        "amount": f"{attempt.money.minor // 100}.00",
        "beneficiary_name": "Account Holder",
        "beneficiary_account": "1234567890",
        "bank": "bca",
        "reference_no": PAYOUT,
        "notes": attempt.reference,
        "status": "completed",
        "created_by": "creator",
        "created_at": "2026-11-30T09:30:00Z",
        "updated_at": "2026-11-30T09:31:00Z",
    } | changes


def answer(status: int, body: object, *headers: str) -> bytes:
    """One answer; a body that is not bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return http(f"{status} Whatever", raw, *headers)


def code(code: str, http_status: int = 200, **fields: Any) -> bytes:
    """An answer that is nothing but a status code of Midtrans' own."""
    return answer(http_status, {"status_code": code, "status_message": "no", "id": "x"} | fields)


def asked(
    call: Callable[[Midtrans], Came], *answers: bytes, **settings: object
) -> tuple[Came, RawServer]:
    """Return what a call comes to that is answered with these, one after the other, and the server
    with everything it has received."""
    with (
        serving(answering(*answers)) as server,
        closing(adapter_at(server.url, **settings)) as adapter,
    ):
        return call(adapter), server


def told(call: Callable[[Midtrans], Came], *answers: bytes, **settings: object) -> Came:
    return asked(call, *answers, **settings)[0]


def sent(attempt: Attempt, *answers: bytes, **settings: object) -> Outcome:
    """Return what sending an attempt comes to that is answered with these."""
    return told(lambda adapter: send(adapter, attempt, within()), *answers, **settings)


def read_back(attempt: Attempt, body: object, **settings: object) -> Lookup:
    """Return what looking an attempt up comes to that is answered with this."""
    reply = body if isinstance(body, bytes) else answer(200, body)
    return told(lambda adapter: adapter.lookup(attempt, within()), reply, **settings)


def paid(attempt: Attempt, **changes: Any) -> Outcome:
    return sent(attempt, answer(200, shown(attempt, **changes)))
