"""What the sandbox adapter reads of events as its provider writes them, and of those it never does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.webhook import Hint
from tests.contract.spoken import OFFLINE

NAMES = {"id": "x_1", "reference": "r"}


@pytest.mark.parametrize("type_", ["payment.captured", "refund.failed", "payout.paid"])
def test_a_webhook_needs_nothing_but_names(type_: str) -> None:
    kind = type_.partition(".")[0]
    body = json.dumps({"type": type_, "data": {kind: NAMES}}).encode()

    assert OFFLINE.read_notice(body) == Hint("r", "x_1", type_)


def test_a_webhook_about_something_that_we_did_not_ask_for_names_it_all_the_same() -> None:
    theirs = {"id": "sr_1", "reference": None}
    body = json.dumps({"type": "refund.succeeded", "data": {"refund": theirs}}).encode()

    assert OFFLINE.read_notice(body) == Hint(None, "sr_1", "refund.succeeded")


@pytest.mark.parametrize(
    "event",
    [
        {"type": "refund.failed", "data": {"payment": NAMES}},
        {"type": "payout.paid", "data": {"payment": NAMES, "refund": NAMES}},
        {"type": "payment.captured", "data": {"refund": NAMES}},
        {"type": "refund.failed", "data": {"payment": NAMES, "refund": {"id": "x_1"}}},
        {"type": "refund.failed", "data": {"payment": NAMES, "refund": None}},
        {"type": "payout.paid", "data": {"payout": [NAMES]}},
        {"type": "payout.paid", "data": [NAMES]},
    ],
    ids=str,
)
def test_a_webhook_without_the_names_of_its_object_is_nothing(event: dict[str, Any]) -> None:
    assert OFFLINE.read_notice(json.dumps(event).encode()) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\x00\xff",
        b'{"type": "payment.captured"}',
        b'{"type": "payment.captured", "data": {"payment": null}}',
        b'{"type": "payment.captured", "data": {"payment": {"id": 7, "reference": true}}}',
        b'{"type": 1, "data": {"payment": {"id": "sp_1", "reference": "r"}}}',
        b'{"type": "payment.captured", "data": {"payment": {"id": "", "reference": "r"}}}',
        b'{"type": "payment.captured", "data": {"payment": {"id": "a\\u0000", "reference": "r"}}}',
        b'{"data":' * 100_000,
        b'{"type": "payment.captured", "data": {"payment": {"id": "sp_1", "reference": "r"}}} x',
    ],
    ids=range(13),
)
def test_a_webhook_that_cannot_be_read_is_nothing(body: bytes) -> None:
    assert OFFLINE.read_notice(body) is None
