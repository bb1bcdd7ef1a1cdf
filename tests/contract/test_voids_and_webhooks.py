"""What every adapter makes of a cancel, a webhook and a payment that cannot be expressed."""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import replace

import pytest

from domain.outcome import NotCharged, Proof, RequiresAction, Succeeded, Unknown
from domain.payment import Method
from domain.webhook import SCHEMES, signed
from tests.contract.made import a_payment, an_attempt, within
from tests.contract.rigs import Rig, Scenario


@pytest.mark.parametrize("named", [True, False], ids=["by id", "by reference"])
def test_a_void_cancels_and_reads_back(rig: Rig, named: bool) -> None:
    attempt = an_attempt(rig.adapter, a_payment(wants_3ds=True))
    outcome = rig.adapter.charge(attempt, within())
    assert isinstance(outcome, RequiresAction)
    asked = replace(attempt, provider_id=outcome.provider_id) if named else attempt

    voided = rig.adapter.void(asked, within())

    assert isinstance(voided, NotCharged)
    assert voided.proof is Proof.VOIDED
    assert rig.adapter.lookup(attempt, within()) == voided
    assert rig.adapter.void(asked, within()) == voided


def test_a_void_that_came_too_late_says_that_money_moved(rig: Rig) -> None:
    attempt = an_attempt(rig.adapter)
    outcome = rig.adapter.charge(attempt, within())
    assert isinstance(outcome, Succeeded)

    assert rig.adapter.void(attempt, within()) == outcome
    assert rig.adapter.void(replace(attempt, provider_id=outcome.provider_id), within()) == outcome


def test_a_void_that_failed_leaves_the_payment_open_and_the_next_one_ends_it(rig: Rig) -> None:
    attempt = an_attempt(rig.adapter, a_payment(wants_3ds=True))
    outcome = rig.adapter.charge(attempt, within())
    rig.fails_next("cancel")

    assert rig.adapter.void(attempt, within()) == outcome
    voided = rig.adapter.void(replace(attempt, polls=1), within())
    assert isinstance(voided, NotCharged)


def test_a_void_of_what_the_provider_does_not_know_is_unknown(rig: Rig) -> None:
    assert isinstance(rig.adapter.void(an_attempt(rig.adapter), within()), Unknown)


def test_a_void_that_cannot_be_read_back_is_unknown(rig: Rig) -> None:
    attempt = an_attempt(rig.adapter, a_payment(wants_3ds=True))
    outcome = rig.adapter.charge(attempt, within())
    assert isinstance(outcome, RequiresAction)
    rig.fails_next("read")

    voided = rig.adapter.void(replace(attempt, provider_id=outcome.provider_id), within())

    assert isinstance(voided, Unknown)


def test_a_webhook_is_signed_as_declared_and_names_the_payment(rig: Rig) -> None:
    attempt = an_attempt(rig.adapter)
    outcome = rig.adapter.charge(attempt, within())
    assert isinstance(outcome, Succeeded)

    headers, body = rig.webhook(attempt.reference)

    scheme = SCHEMES[rig.adapter.declaration.provider]
    claim = signed(scheme, headers, body, int(time.time()))
    assert claim is not None
    mac = hmac.new(rig.webhook_secret.encode(), claim.message, hashlib.sha256).digest()
    assert mac in claim.signatures
    hint = rig.adapter.read_notice(body)
    assert hint is not None
    assert hint.reference == attempt.reference
    assert hint.provider_id == outcome.provider_id
    assert hint.type


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


def test_the_same_payment_is_composed_to_the_same_bytes(rig: Rig) -> None:
    payment = a_payment()

    assert rig.adapter.compose(payment, "r" * 32) == rig.adapter.compose(payment, "r" * 32)
    assert rig.adapter.compose(payment, "s" * 32) != rig.adapter.compose(payment, "r" * 32)


def test_what_the_provider_has_no_words_for_is_not_composed(rig: Rig) -> None:
    assert rig.adapter.compose(a_payment(method=Method("carrier_pigeon", "tok")), "r" * 32) is None
    assert rig.adapter.compose(a_payment(method=Method("card", "")), "r" * 32) is None
    assert rig.adapter.compose(rig.inexpressible(), "r" * 32) is None


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
    assert rig.charges(attempt.reference) == 1
