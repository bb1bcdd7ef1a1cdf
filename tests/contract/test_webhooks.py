"""What every adapter reads of a webhook, and what it composes and declares."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from domain.means import Method
from domain.outcome import NotCharged, Succeeded
from domain.task import Charge
from domain.webhook import SCHEMES, Hint, signed
from tests.contract.losses import charged, held, id_of
from tests.contract.made import a_capture, a_payment, a_payout, a_refund, an_attempt, within
from tests.contract.rigs import Rig, Scenario


def heard(rig: Rig, delivery: tuple[Mapping[str, str], bytes]) -> Hint:
    """Check how it is signed, and return what it speaks of."""
    headers, body = delivery
    claim = signed(SCHEMES[rig.adapter.declaration.provider], headers, body, int(time.time()))
    assert claim is not None
    mac = hmac.new(rig.webhook_secret.encode(), claim.message, hashlib.sha256).digest()
    assert mac in claim.signatures
    hint = rig.adapter.read_notice(body)
    assert hint is not None
    return hint


def test_a_webhook_about_a_charge_names_it(rig: Rig) -> None:
    charge = held(rig)
    named = (charge.reference, charge.provider_id)

    hint = heard(rig, rig.webhook("payment.authorized", charge.reference))
    assert (hint.reference, hint.provider_id) == named

    rig.adapter.capture(a_capture(rig.adapter, charge), within())
    hint = heard(rig, rig.webhook("payment.captured", charge.reference))
    assert (hint.reference, hint.provider_id) == named

    assert charge.provider_id is not None
    rig.charges_back(charge.provider_id, 1)
    hint = heard(rig, rig.webhook("payment.charged_back", charge.reference))
    assert hint == Hint(*named, "payment.charged_back")


def test_a_webhook_about_a_refund_names_the_refund_and_not_its_charge(rig: Rig) -> None:
    charge = charged(rig)
    refund = a_refund(rig.adapter, charge)
    provider_id = id_of(rig.adapter.refund(refund, within()))
    rig.decides_refund(provider_id, succeeds=False)

    for type_ in ("refund.succeeded", "refund.failed"):
        hint = heard(rig, rig.webhook(type_, charge.reference))
        assert hint == Hint(refund.reference, provider_id, type_)


def test_a_webhook_about_a_payout_names_it(rig: Rig) -> None:
    payout = a_payout(rig.adapter)
    provider_id = id_of(rig.adapter.payout(payout, within()))
    rig.decides_payout(provider_id, succeeds=True)
    rig.returns_payout(provider_id)

    for type_ in ("payout.processing", "payout.paid", "payout.returned"):
        hint = heard(rig, rig.webhook(type_, payout.reference))
        assert hint == Hint(payout.reference, provider_id, type_)


NAMES = {"id": "x_1", "reference": "r"}


@pytest.mark.parametrize("type_", ["payment.captured", "refund.failed", "payout.paid"])
def test_a_webhook_needs_nothing_but_names(rig: Rig, type_: str) -> None:
    kind = type_.partition(".")[0]
    body = json.dumps({"type": type_, "data": {kind: NAMES}}).encode()

    assert rig.adapter.read_notice(body) == Hint("r", "x_1", type_)


def test_a_webhook_about_something_that_we_did_not_ask_for_names_it_all_the_same(rig: Rig) -> None:
    theirs = {"id": "sr_1", "reference": None}
    body = json.dumps({"type": "refund.succeeded", "data": {"refund": theirs}}).encode()

    assert rig.adapter.read_notice(body) == Hint(None, "sr_1", "refund.succeeded")


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
def test_a_webhook_without_the_names_of_its_object_is_nothing(
    rig: Rig, event: dict[str, Any]
) -> None:
    assert rig.adapter.read_notice(json.dumps(event).encode()) is None


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
def test_a_webhook_that_cannot_be_read_is_nothing(rig: Rig, body: bytes) -> None:
    assert rig.adapter.read_notice(body) is None


def test_the_same_task_is_composed_to_the_same_bytes(rig: Rig) -> None:
    task = Charge(a_payment())

    assert rig.adapter.compose(task, "r" * 32) == rig.adapter.compose(task, "r" * 32)
    assert rig.adapter.compose(task, "s" * 32) != rig.adapter.compose(task, "r" * 32)


def test_what_the_provider_has_no_words_for_is_not_composed(rig: Rig) -> None:
    pigeon = Charge(a_payment(method=Method("carrier_pigeon", "tok")))
    assert rig.adapter.compose(pigeon, "r" * 32) is None
    assert rig.adapter.compose(Charge(a_payment(method=Method("card", ""))), "r" * 32) is None
    assert rig.adapter.compose(Charge(rig.inexpressible()), "r" * 32) is None


def test_the_declaration_promises_what_resolving_needs(rig: Rig) -> None:
    declared = rig.adapter.declaration

    assert declared.adapter_version >= 1
    assert declared.key_window.total_seconds() > 60
    assert 0 <= declared.visibility_lag.total_seconds() <= 3600


def test_an_adapter_outlives_a_provider_that_went_and_came_back(rig: Rig) -> None:
    attempt = an_attempt(rig.adapter)
    rig.plays(Scenario.REFUSES_CONNECTIONS)
    assert isinstance(rig.adapter.charge(attempt, within()), NotCharged)

    rig.calm()

    assert isinstance(rig.adapter.charge(attempt, within()), Succeeded)
    assert rig.done(attempt) == 1
