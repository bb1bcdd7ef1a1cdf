"""Each provider's webhook forged, old, changed or garbled: refused, and never a crash."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.ingress.webhook_rig import (
    CERT_URL,
    TOKEN,
    Doorstep,
    bank_headers,
    bank_notice,
    doorstep,
    notification,
    stamped,
)
from tests.signers import paypal_headers, rsa_key

EVENT = b'{"id": "evt_1"}'


@pytest.fixture
def step() -> Iterator[Doorstep]:
    with doorstep() as opened:
        yield opened


@pytest.mark.parametrize(
    "headers",
    [
        lambda: {},
        lambda: {"Stripe-Signature": stamped(EVENT, "whsec_wrong")},
        lambda: {"Stripe-Signature": stamped(EVENT + b" ")},
        lambda: {"Stripe-Signature": stamped(EVENT, at=int(time.time()) - 400)},
        lambda: {"Stripe-Signature": stamped(EVENT, at=int(time.time()) + 400)},
        lambda: {"Stripe-Signature": stamped(EVENT).replace("v1=", "v0=")},
        lambda: {"Sandbox-Signature": stamped(EVENT)},
        lambda: {b"Stripe-Signature": stamped(EVENT).encode().replace(b"v1=", b"v1=\xe9")},
        lambda: {b"Stripe-Signature": b"\xff\xfe"},
        lambda: {"Stripe-Signature": ""},
    ],
    ids=range(10),
)
def test_stripe_forged_old_future_downgraded_or_garbled(
    step: Doorstep, headers: Callable[[], Any]
) -> None:
    for path in ("stripe", "stripe/stripe-one"):
        assert step.knock(path, EVENT, headers()).status_code == 401
    assert not step.notices()


def test_stripe_with_several_signatures_while_its_secret_rotates(step: Doorstep) -> None:
    old, new = stamped(EVENT, "whsec_gone"), stamped(EVENT, "whsec_rotated")
    both = f"{old},{new.partition(',')[2]},v0={'ab' * 32}"

    assert step.knock("stripe", EVENT, {"Stripe-Signature": both}).status_code == 200


def test_the_same_json_in_other_bytes_is_another_body(step: Doorstep) -> None:
    again = json.dumps(json.loads(EVENT), indent=1).encode()

    answer = step.knock("stripe", again, {"Stripe-Signature": stamped(EVENT)})

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        lambda: {},
        lambda: bank_headers(bank_notice(), "wrong"),
        lambda: bank_headers(bank_notice("e-2")),
        lambda: bank_headers(bank_notice(), at=int(time.time()) - 400),
        lambda: bank_headers(bank_notice(), at=int(time.time()) + 400),
        lambda: {"X-Bank-Timestamp": str(int(time.time()))},
        lambda: bank_headers(bank_notice()) | {"X-Bank-Timestamp": str(int(time.time()) + 60)},
        lambda: {b"X-Bank-Timestamp": b"\xb2", b"X-Bank-Signature": b"\xe9" * 64},
    ],
    ids=range(8),
)
def test_soapbank_forged_old_or_garbled(step: Doorstep, headers: Callable[[], Any]) -> None:
    assert step.knock("soapbank", bank_notice(), headers()).status_code == 401
    assert not step.notices()


def test_soapbank_is_answered_in_its_envelope_and_deduped_by_its_event(step: Doorstep) -> None:
    bodies = [bank_notice(), b"<?xml version='1.0'?>" + bank_notice(), bank_notice("e-2")]

    answers = [step.knock("soapbank/soapbank-one", body, bank_headers(body)) for body in bodies]

    for answer in answers:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/xml; charset=utf-8"
        envelope = "{http://schemas.xmlsoap.org/soap/envelope/}"
        (body,) = ET.fromstring(answer.text)
        assert body.tag == f"{envelope}Body"
        assert [element.tag for element in body] == ["{urn:soapbank:v1}Ack"]
    assert [one.dedupe_key for one in step.notices()] == ["e-1", "e-2"]


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><Notify><EventId>&a;</EventId></Notify>',
        b"<Notify><EventId>&a;</EventId></Notify>",
        b"<Notify>",
        b"{}",
        b"",
        b"\xff\xfe",
        b"<a>" * 5_000,
        b"<a>" + b"<b/>" * 20_000 + b"</a>",
        b"<a>" + b"x" * 100_000 + b"</a>",
    ],
    ids=range(9),
)
def test_soapbank_signed_and_no_xml_that_we_read(step: Doorstep, body: bytes) -> None:
    answer = step.knock("soapbank", body, bank_headers(body))

    assert (answer.status_code, "malformed_body" in answer.text) == (400, True)
    assert not step.notices()


@pytest.mark.parametrize(
    "token", ["", "wrong", TOKEN[:-1], TOKEN.upper(), f"{TOKEN} x", b"\xe9", TOKEN.encode() + b"\0"]
)
def test_xendit_with_another_token_or_none(step: Doorstep, token: str | bytes) -> None:
    shown = token.encode() if isinstance(token, str) else token
    if b"\0" in shown:
        shown = shown.replace(b"\0", b"\x7f")
    for path in ("xendit", "xendit/xendit-silent", "xendit/xendit-empty"):
        assert step.knock(path, EVENT, {b"X-Callback-Token": shown}).status_code == 401
    assert step.knock("xendit", EVENT, {}).status_code == 401
    assert not step.notices()


def test_xendit_is_one_event_by_its_header_whatever_its_body_says_of_the_time(
    step: Doorstep,
) -> None:
    token, named = {"X-Callback-Token": TOKEN}, {"Webhook-Id": "w-1"}
    said = {"event": "payment.capture", "data": {"payment_id": "py-1", "status": "SUCCEEDED"}}
    for headers in (token, token | named):
        for created in ("2026-01-01", "2026-01-02"):
            step.knock("xendit", json.dumps(said | {"created": created}).encode(), headers)

    assert len(step.notices()) == 2
    assert step.notices()[1].dedupe_key == "w-1"


@pytest.mark.parametrize(
    "body",
    [
        notification("wrong"),
        notification(""),
        notification(order_id="o-2"),
        notification(gross_amount="10000"),
        notification().replace(b'"signature_key"', b'"signature"'),
        EVENT,
        b"[1]",
        b"",
        b"\xff",
        b"[" * 100_000,
    ],
    ids=range(10),
)
def test_midtrans_forged_changed_or_garbled(step: Doorstep, body: bytes) -> None:
    assert step.knock("midtrans", body, {}).status_code == 401
    assert not step.notices()


def test_midtrans_with_a_swapped_status_passes_and_is_another_hint(step: Doorstep) -> None:
    """Its signature does not cover the status: see what the flow makes of such a hint."""
    genuine, swapped = notification(), notification(transaction_status="refund")

    for body in (genuine, swapped, genuine):
        assert step.knock("midtrans", body, {}).status_code == 200
    assert [one.body for one in step.notices()] == [genuine, swapped]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        paypal_headers(EVENT, CERT_URL, key=rsa_key(9)),
        paypal_headers(EVENT, CERT_URL, webhook_id="NOT-OURS"),
        paypal_headers(EVENT + b" ", CERT_URL),
        paypal_headers(EVENT, CERT_URL.replace("https", "http")),
        paypal_headers(EVENT, CERT_URL.replace("paypal.com", "evil.example")),
        paypal_headers(EVENT, CERT_URL) | {"paypal-transmission-id": "t-2"},
        paypal_headers(EVENT, CERT_URL) | {"paypal-transmission-time": "2026-01-01T00:00:00Z"},
        paypal_headers(EVENT, CERT_URL) | {"paypal-auth-algo": "SHA1withRSA"},
        paypal_headers(EVENT, CERT_URL) | {"paypal-transmission-sig": "!"},
    ],
    ids=range(10),
)
def test_paypal_forged_changed_or_garbled(step: Doorstep, headers: dict[str, str]) -> None:
    for path in ("paypal", "paypal/paypal-one"):
        assert step.knock(path, EVENT, headers).status_code == 401
    assert not step.notices()


def test_paypal_with_bytes_that_are_no_ascii_is_no_crash(step: Doorstep) -> None:
    for name in paypal_headers(EVENT, CERT_URL):
        headers = {
            one.encode(): value.encode() for one, value in paypal_headers(EVENT, CERT_URL).items()
        } | {name.encode(): b"\xe9\xff"}
        assert step.knock("paypal", EVENT, headers).status_code == 401
