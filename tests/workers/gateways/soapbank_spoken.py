"""A bank's answers as a test writes them, spoken by a server of raw sockets."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import TypeVar

from domain.attempt import Attempt
from domain.flows.send import send
from domain.outcome import Lookup, Outcome
from domain.payout import Destination
from tests.contract.made import (
    a_capture,
    a_hold,
    a_payout,
    a_payout_row,
    a_refund,
    a_void,
    an_attempt,
    within,
)
from tests.workers.raw_server import answering, http, serving
from workers.gateways import Alarm, Setup
from workers.gateways.soapbank import SoapBank

SECRET = "bank-secret"
ACCOUNT = "DE89370400440532013000"
#: The bank's id of the charge that captures, voids and refunds are about, and of other objects.
CHARGE = "sbc_1"
REFUND = "sbr_1"
PAYOUT = "sbp_1"
#: What is other than in a settled charge where nothing was collected, and where money is held.
NONE = {"SettledAmount": "0.00"}
HELD = {"Status": "AUTHORISED", "AuthorisedAmount": "12.50", **NONE}

Came = TypeVar("Came")


def adapter_at(url: str, alarm: Alarm = lambda what, reference: None) -> SoapBank:
    return SoapBank(Setup(url, {"key_id": "shop-1", "secret": SECRET}, {}, alarm))


#: Composes without a bank.
OFFLINE = adapter_at("http://127.0.0.1:9")


def a_charge() -> Attempt:
    return an_attempt(OFFLINE)


def a_known_hold() -> Attempt:
    """A hold of 12.50 EUR whose id is known."""
    return replace(an_attempt(OFFLINE, a_hold()), provider_id=CHARGE)


def capturing(minor: int | None = None) -> Attempt:
    return a_capture(OFFLINE, a_known_hold(), minor)


def voiding() -> Attempt:
    return a_void(OFFLINE, a_known_hold())


def refunding(minor: int | None = None) -> Attempt:
    return a_refund(OFFLINE, a_known_hold(), minor)


def paying_out() -> Attempt:
    """A payout of 42.00 EUR that is not created yet."""
    return a_payout(OFFLINE, a_payout_row(destination=Destination("bank_account", ACCOUNT)))


def envelope(inner: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f"{inner}</s:Body></s:Envelope>"
    ).encode()


def record(**fields: str) -> str:
    """A record with these fields, in this order."""
    return f"<Record>{_elements(fields)}</Record>"


def shown(attempt: Attempt, **changes: str) -> str:
    """A settled charge of 12.50 EUR as the bank documents it."""
    fields = {
        "BankId": CHARGE,
        "Reference": attempt.reference,
        "Kind": "CHARGE",
        "Status": "SETTLED",
        "Amount": "12.50",
        "Currency": "EUR",
        "AuthorisedAmount": "0.00",
        "SettledAmount": "12.50",
        "RefundedAmount": "0.00",
        "ReversedAmount": "0.00",
        "Reason": "",
    }
    return record(**fields | changes)


def shown_refund(attempt: Attempt, **changes: str) -> str:
    """A refund of 12.50 EUR that went through."""
    fields = {
        "BankId": REFUND,
        "Reference": attempt.reference,
        "Kind": "REFUND",
        "Status": "REFUNDED",
        "Amount": "12.50",
        "Currency": "EUR",
        "Original": CHARGE,
        "Reason": "",
    }
    return record(**fields | changes)


def shown_payout(attempt: Attempt, **changes: str) -> str:
    """A payout of 42.00 EUR that was sent."""
    fields = {
        "BankId": PAYOUT,
        "Reference": attempt.reference,
        "Kind": "PAYOUT",
        "Status": "SENT",
        "Amount": "42.00",
        "Currency": "EUR",
        "Reason": "",
    }
    return record(**fields | changes)


def answer(operation: str, *records: str, request_id: str | None = None) -> bytes:
    """The body of an answer; one that changed nothing has no request's id."""
    heads = _elements({"RequestId": request_id, "Duplicate": "false"}) if request_id else ""
    inner = heads + "".join(records)
    return envelope(f'<{operation}Response xmlns="urn:soapbank:v1">{inner}</{operation}Response>')


def fault(code: str) -> bytes:
    return envelope(
        f"<s:Fault><faultcode>s:{code}</faultcode><faultstring>no</faultstring></s:Fault>"
    )


def signed(status: str, body: bytes, *headers: str, secret: str = SECRET, late_s: int = 0) -> bytes:
    """A raw answer with the bank's signature."""
    at = str(int(time.time()) - late_s)
    mac = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    ours = (f"X-Bank-Timestamp: {at}", f"X-Bank-Signature: {mac}")
    return http(status, body, *ours, *headers)


def told(call: Callable[[SoapBank], Came], *answers: bytes) -> Came:
    """Return what a call comes to that is answered with these, one after the other."""
    with serving(answering(*answers)) as server, closing(adapter_at(server.url)) as adapter:
        return call(adapter)


def sent(attempt: Attempt, *answers: bytes) -> Outcome:
    """Return what sending an attempt comes to that is answered with these."""
    return told(lambda adapter: send(adapter, attempt, within()), *answers)


def charged(attempt: Attempt, *records: str) -> Outcome:
    """Return what a charge comes to that is answered with these records."""
    body = answer("Sale", *records, request_id=attempt.key("a"))
    return sent(attempt, signed("200 OK", body))


def looked_up(attempt: Attempt, *records: str) -> Lookup:
    """Return what looking an attempt up comes to that is answered with these records."""
    reply = signed("200 OK", answer("GetStatus", *records))
    return told(lambda adapter: adapter.lookup(attempt, within()), reply)


def _elements(fields: dict[str, str]) -> str:
    return "".join(f"<{name}>{text}</{name}>" for name, text in fields.items())
