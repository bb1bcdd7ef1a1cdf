"""The Stripe adapter at somebody else's imitation of Stripe, given nothing but its URL and a key.

Skipped where `localstripe` is not installed; LOCALSTRIPE_PYTHON names an interpreter that has it.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from urllib.parse import urlencode

import pytest
import stripe

from domain.attempt import Attempt
from domain.flows.send import send
from domain.means import Method
from domain.outcome import (
    Declined,
    NotCharged,
    NotFound,
    Outcome,
    Pending,
    Prepared,
    Proof,
    Succeeded,
)
from domain.payment import Payment
from tests.contract.made import (
    a_capture,
    a_hold,
    a_payment,
    a_payout,
    a_payout_row,
    a_refund,
    a_void,
    an_attempt,
    money,
    within,
)
from tests.sandbox.receiver import Receiver
from tests.sandbox.running import send as over_http
from tests.sandbox.running import wait_until
from tests.workers.gateways.stripe_spoken import BANK, VISA
from workers.gateways import Setup
from workers.gateways.stripe import Stripe

PYTHON = os.environ.get("LOCALSTRIPE_PYTHON", "")
if not PYTHON and importlib.util.find_spec("localstripe"):
    PYTHON = sys.executable
pytestmark = pytest.mark.skipif(not PYTHON, reason="localstripe is not installed")

KEY, SECRET = "sk_test_12345", "whsec_elsewhere"


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Run it on a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]
    command = [PYTHON, "-m", "localstripe", "--from-scratch", "--port", str(number)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **quiet) as process:  # type: ignore[call-overload]
        wait_until(lambda: _is_open(number))
        yield number
        process.terminate()


@pytest.fixture
def adapter(port: int) -> Iterator[Stripe]:
    setup = Setup(f"http://127.0.0.1:{port}", {"secret_key": KEY}, {}, lambda *_: None)
    with closing(Stripe(setup)) as built:
        yield built


def prepared(adapter: Stripe, payment: Payment) -> Attempt:
    attempt = an_attempt(adapter, payment)
    outcome = adapter.charge(attempt, within())
    assert isinstance(outcome, Prepared), outcome
    return replace(attempt, provider_id=outcome.provider_id)


def held(adapter: Stripe) -> Attempt:
    attempt = prepared(adapter, a_hold(method=VISA, description="Apples"))
    outcome = adapter.charge(attempt, within())
    assert isinstance(outcome, Succeeded), outcome
    assert not outcome.captured
    return attempt


def same(adapter: Stripe, attempt: Attempt, outcome: Outcome) -> bool:
    """Whether a look-up says the same."""
    return adapter.lookup(attempt, within()) == outcome


def test_money_is_held_collected_in_part_and_given_back_in_part(adapter: Stripe) -> None:
    charge = held(adapter)
    capture = a_capture(adapter, charge, 1000)
    assert adapter.lookup(capture, within()) == NotFound()

    collected = adapter.capture(capture, within())

    assert isinstance(collected, Succeeded)
    assert collected.money == money(1000)
    assert same(adapter, capture, collected)
    paid = adapter.lookup(charge, within())
    assert isinstance(paid, Succeeded)
    assert (paid.captured, paid.money, paid.reference) == (True, money(1000), charge.reference)

    refund = a_refund(adapter, charge, 250)
    assert adapter.lookup(refund, within()) == NotFound()
    back = adapter.refund(refund, within())

    assert isinstance(back, Succeeded)
    assert (back.money, back.reference) == (money(250), refund.reference)
    assert same(adapter, refund, back)
    assert adapter.lookup(replace(charge, captured=1000), within()) == paid


def test_money_is_taken_at_once_or_let_go_of(adapter: Stripe) -> None:
    sale = prepared(adapter, a_payment(method=VISA))
    charge = held(adapter)

    taken = adapter.charge(sale, within())
    voided = adapter.void(a_void(adapter, charge), within())

    assert isinstance(taken, Succeeded)
    assert (taken.captured, taken.money) == (True, sale.money)
    assert isinstance(voided, Succeeded)
    ended = adapter.lookup(charge, within())
    assert isinstance(ended, NotCharged)
    assert ended.proof is Proof.VOIDED


def test_a_declined_card_is_read_as_declined(adapter: Stripe) -> None:
    attempt = prepared(adapter, a_payment(method=Method("card", "pm_card_chargeCustomerFail")))

    adapter.charge(attempt, within())

    assert isinstance(adapter.lookup(attempt, within()), Declined)


def test_without_a_search_nothing_is_found_and_nothing_breaks(adapter: Stripe) -> None:
    attempt = an_attempt(adapter, a_payment(method=VISA))
    send(adapter, attempt, within())

    assert adapter.lookup(attempt, within()) == NotFound()
    assert adapter.probe(within())


def test_money_is_sent_out(adapter: Stripe) -> None:
    payout = a_payout(adapter, a_payout_row(destination=BANK))

    outcome = adapter.payout(payout, within())

    assert isinstance(outcome, Pending)
    assert same(adapter, payout, outcome)


def test_its_webhook_is_signed_and_names_the_charge(adapter: Stripe, port: int) -> None:
    receiver = Receiver(named=lambda _: "")
    config = urlencode({"url": receiver.url, "secret": SECRET}).encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert over_http(port, "POST", "/_config/webhooks/ours", config, form).status == 200
    attempt = prepared(adapter, a_payment(method=VISA))
    adapter.charge(attempt, within())

    told = receiver.first(lambda one: attempt.reference.encode() in one.body)

    header = told.headers["stripe-signature"]
    assert stripe.Webhook.construct_event(told.body, header, SECRET)
    hint = adapter.read_notice(told.body)
    assert hint is not None
    assert (hint.type, hint.reference, hint.provider_id) == (
        "payment_intent.succeeded",
        attempt.reference,
        attempt.provider_id,
    )
    receiver.close()
