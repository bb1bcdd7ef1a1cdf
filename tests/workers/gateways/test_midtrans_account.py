"""The Midtrans adapter is built from one gateway's row, and keeps its secrets and its promises."""

from __future__ import annotations

import base64
import json
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from domain.attempt import Operation
from domain.outcome import NotCharged
from domain.ports import Promise, Resolution
from domain.webhook import Hint
from tests.contract.made import a_detachment, within
from tests.workers.gateways.midtrans_spoken import (
    CHARGE,
    KEYS,
    OFFLINE,
    PAYOUT,
    a_charge,
    a_return,
    a_sending_out,
    answer,
    asked,
    code,
    refunds,
    shown,
)
from workers.gateways import Setup, Unusable
from workers.gateways.midtrans import Midtrans

CORE = {"server_key": "SB-Mid-server-1"}
HERE = "http://127.0.0.1:9"


def built(
    credentials: dict[str, str], settings: dict[str, object] | None = None, url: str = HERE
) -> Midtrans:
    return Midtrans(Setup(url, credentials, settings or {}, lambda what, reference: None))


@pytest.mark.parametrize(
    ("credentials", "settings", "url", "fix"),
    [
        ({}, {}, HERE, "server_key"),
        ({"server_key": ""}, {}, HERE, "server_key"),
        (CORE | {"iris_creator_key": "c"}, {}, HERE, "iris_approver_key"),
        (CORE | {"iris_approver_key": "a"}, {}, HERE, "iris_creator_key"),
        (KEYS, {}, HERE, "iris_url"),
        (KEYS, {"iris_url": "http://127.0.0.1:9"}, "https://bank.example", "https"),
        (CORE, {"always_3ds": "yes"}, HERE, "always_3ds"),
        (CORE, {"refunds_online": 1}, HERE, "refunds_online"),
        (CORE, {"card_bank": 7}, HERE, "card_bank"),
        (CORE, {"key_window_s": "300"}, HERE, "key_window_s"),
        (CORE, {"refund_key_window_s": -1}, HERE, "refund_key_window_s"),
        (CORE, {"ca_file": 7}, HERE, "ca_file"),
        (CORE, {}, "ftp://127.0.0.1", "base URL"),
    ],
)
def test_a_configuration_that_cannot_work_says_what_to_fix(
    credentials: dict[str, str], settings: dict[str, object], url: str, fix: str
) -> None:
    with pytest.raises(Unusable, match=fix):
        built(credentials, settings, url)


def test_midtrans_own_hosts_know_where_iris_is() -> None:
    for host in ("https://api.midtrans.com", "https://api.sandbox.midtrans.com/"):
        with closing(built(KEYS, url=host)) as adapter:
            assert adapter.declaration.can_pay_out


def test_the_adapter_promises_what_midtrans_documents() -> None:
    declared = OFFLINE.declaration

    guarded = Promise(timedelta(minutes=5), authoritative=True)
    assert declared.promises == {
        Operation.CHARGE: guarded,
        Operation.CAPTURE: guarded,
        Operation.VOID: guarded,
        Operation.REFUND: Promise(timedelta(days=7), authoritative=True),
        Operation.PAYOUT: Promise(timedelta(days=1), split=True),
    }
    assert declared.promises[Operation.CHARGE].resolution is Resolution.LOOKUP_FIRST
    assert (declared.can_void, declared.can_3ds) == (True, True)
    assert declared.methods == {"card", "wallet", "bank_transfer"}
    assert declared.currencies == {"IDR": 0}


def test_what_is_not_verified_can_be_set() -> None:
    settings: dict[str, object] = {
        "key_window_s": 60,
        "refund_key_window_s": 3600,
        "payout_key_window_s": 7200,
        "visibility_lag_s": 3,
        "iris_url": HERE,
    }
    with closing(built(KEYS, settings)) as adapter:
        promises = adapter.declaration.promises
    assert promises[Operation.CHARGE].key_window == timedelta(seconds=60)
    assert promises[Operation.CHARGE].visibility_lag == timedelta(seconds=3)
    assert promises[Operation.REFUND].key_window == timedelta(hours=1)
    assert promises[Operation.PAYOUT].key_window == timedelta(hours=2)


def test_without_iris_keys_nothing_is_paid_out() -> None:
    attempt = a_sending_out()
    with closing(built(CORE)) as adapter:
        assert not adapter.declaration.can_pay_out
        assert isinstance(adapter.payout(attempt, within()), NotCharged)


def test_a_charge_is_sent_with_the_key_and_the_id_of_its_request() -> None:
    attempt = a_charge()

    _, server = asked(lambda a: a.charge(attempt, within()), answer(200, shown(attempt)))

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /v2/charge HTTP/1.1"
    key = base64.b64encode(f"{KEYS['server_key']}:".encode()).decode()
    assert f"Authorization: Basic {key}" in lines
    assert f"Idempotency-Key: {attempt.key()}" in lines
    assert len(attempt.key()) <= 36, "Midtrans drops longer ones without a word"
    assert f"X-Request-ID: {attempt.request_id}" in lines
    assert body == attempt.request


def test_two_operations_never_share_a_key() -> None:
    charge, refund = a_charge(), a_return()

    assert charge.key() != refund.key()


def test_a_name_stays_one_part_of_the_path() -> None:
    odd = a_charge()
    object.__setattr__(odd, "provider_id", "x/../y?z=1#")

    _, server = asked(lambda a: a.lookup(odd, within()), code("404"))

    assert server.requests[0].startswith(b"GET /v2/x%2F..%2Fy%3Fz%3D1%23/status ")


@pytest.mark.parametrize(
    ("reply", "alive"),
    [
        (code("404", 404), True),
        (code("401", 401), True),
        (code("500", 500), True),
        (answer(502, b"<html>bad gateway</html>"), False),
        (answer(200, b""), False),
    ],
)
def test_a_probe_is_answered_by_midtrans_or_not_at_all(reply: bytes, alive: bool) -> None:
    found, server = asked(lambda a: a.probe(within()), reply, reply)

    assert found is alive
    assert server.requests[0].startswith(b"GET /v2/probe/status ")


def test_no_token_is_ever_forgotten_and_nobody_asks_again() -> None:
    outcome = OFFLINE.detach(a_detachment(), within())

    assert isinstance(outcome, NotCharged)
    assert outcome.request_wrong


def notification(**changes: Any) -> bytes:
    return json.dumps(
        {
            "transaction_id": CHARGE,
            "order_id": "f" * 32,
            "transaction_status": "settlement",
            "status_code": "200",
            "gross_amount": "145000.00",
            "signature_key": "0" * 128,
        }
        | changes
    ).encode()


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (notification(), Hint("f" * 32, CHARGE, "settlement")),
        (notification(transaction_status="PENDING"), Hint("f" * 32, CHARGE, "pending")),
        (notification(transaction_status="refund"), Hint("f" * 32, CHARGE, "refund")),
        (
            notification(transaction_status="refund", refunds=refunds(("a" * 32, 1))),
            Hint("a" * 32, CHARGE, "refund"),
        ),
        (
            notification(
                transaction_status="partial_refund", refunds=refunds(("a" * 32, 1), ("b" * 32, 2))
            ),
            Hint("b" * 32, CHARGE, "partial_refund"),
        ),
        (
            notification(transaction_status="chargeback", refunds=refunds(("a" * 32, 1))),
            Hint("f" * 32, CHARGE, "chargeback"),
        ),
        (
            json.dumps({"reference_no": PAYOUT, "amount": "1.00", "status": "completed"}).encode(),
            Hint(None, PAYOUT, "payout.completed"),
        ),
    ],
)
def test_a_notification_names_what_has_changed(body: bytes, hint: Hint) -> None:
    assert OFFLINE.read_notice(body) == hint


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\x00\xff",
        notification(order_id=None),
        notification(order_id="a b"),
        notification(transaction_id=7),
        notification(transaction_status="x" * 65),
        json.dumps({"status": "completed"}).encode(),
        json.dumps({"reference_no": PAYOUT, "status": None}).encode(),
        b'{"a":' * 100_000,
        notification() + b" x",
    ],
    ids=range(13),
)
def test_a_notification_that_cannot_be_read_is_nothing(body: bytes) -> None:
    assert OFFLINE.read_notice(body) is None


def test_secrets_are_not_in_what_people_read() -> None:
    setup = Setup(HERE, KEYS, {}, lambda what, reference: None)
    with closing(built(CORE)) as adapter:
        texts = [repr(adapter), repr(adapter.declaration), repr(setup), repr(a_sending_out())]

    for secret in (*KEYS.values(), "1234567890", "Holder"):
        assert not any(secret in text for text in texts)
