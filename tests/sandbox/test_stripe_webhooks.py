"""Events of the simulated Stripe, checked as the stripe package checks them."""

import json

import pytest
import stripe

from tests.sandbox.receiver import Delivery
from tests.sandbox.running import wait_until
from tests.sandbox.stripes import WEBHOOK_SECRET, Stripes, account, own, shared

__all__ = ["account", "own", "shared"]  # fixtures


def of(account: Stripes, name: str, type_: str) -> list[Delivery]:
    """Return what has arrived of a type about an object."""
    return account.receiver.all(
        lambda one: name.encode() in one.body and one.event["type"] == type_
    )


def test_the_package_itself_believes_an_event(account: Stripes) -> None:
    intent = account.paid()
    wait_until(lambda: len(of(account, intent, "payment_intent.succeeded")) == 1)
    (delivery,) = of(account, intent, "payment_intent.succeeded")
    header = delivery.headers["stripe-signature"]

    event = stripe.Webhook.construct_event(delivery.body, header, WEBHOOK_SECRET)

    assert event["data"]["object"]["id"] == intent
    for body, sign, secret in (
        (delivery.body + b" ", header, WEBHOOK_SECRET),
        (delivery.body, header, "whsec_other"),
        (delivery.body, header.replace("v1=", "v2="), WEBHOOK_SECRET),
        (delivery.body, header.replace("t=1", "t=2"), WEBHOOK_SECRET),
    ):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body, sign, secret)


def test_a_test_account_adds_a_signature_that_proves_nothing(account: Stripes) -> None:
    intent = account.made()
    wait_until(lambda: len(of(account, intent, "payment_intent.created")) == 1)

    header = of(account, intent, "payment_intent.created")[0].headers["stripe-signature"]

    assert [part.partition("=")[0] for part in header.split(",")] == ["t", "v1", "v0"]


def test_every_change_is_told_in_the_providers_words(account: Stripes) -> None:
    held, sold = account.held(), account.paid()
    account.post(f"payment_intents/{held}/cancel")
    refund = account.post("refunds", {"payment_intent": sold, "amount": 5}).json["id"]
    account.simulated.admin("POST", f"/objects/{sold}/chargeback", {"amount": 5})
    poor = account.made("pm_card_visa_chargeDeclined")
    account.confirm(poor)
    payout = account.post("payouts", {"amount": 500, "currency": "usd"}).json["id"]

    for name, type_, kind in (
        (held, "payment_intent.created", "payment_intent"),
        (held, "payment_intent.amount_capturable_updated", "payment_intent"),
        (held, "payment_intent.canceled", "payment_intent"),
        (sold, "charge.succeeded", "charge"),
        (sold, "payment_intent.succeeded", "payment_intent"),
        (sold, "charge.refunded", "charge"),
        (refund, "refund.created", "refund"),
        (refund, "refund.updated", "refund"),
        (sold, "charge.dispute.created", "dispute"),
        (sold, "charge.dispute.funds_withdrawn", "dispute"),
        (poor, "payment_intent.payment_failed", "payment_intent"),
        (payout, "payout.created", "payout"),
        (payout, "payout.paid", "payout"),
    ):
        wait_until(lambda name=name, type_=type_: len(of(account, name, type_)) == 1)  # type: ignore[misc]
        assert of(account, name, type_)[0].event["data"]["object"]["object"] == kind


def test_an_event_is_sent_until_it_is_taken_and_signed_anew(own: Stripes) -> None:
    own.receiver.answers = lambda _, number: 500 if number < 3 else 200
    intent = own.made()
    wait_until(lambda: len(of(own, intent, "payment_intent.created")) >= 3)

    arrived = of(own, intent, "payment_intent.created")

    assert len(arrived) == 3
    assert len({one.body for one in arrived}) == 1
    for one in arrived:
        signature = one.headers["stripe-signature"]
        assert stripe.Webhook.construct_event(one.body, signature, WEBHOOK_SECRET)


def test_what_was_not_taken_is_sent_by_the_next_process(own: Stripes) -> None:
    own.receiver.answers = lambda _, __: 500
    intent = own.made()
    wait_until(lambda: len(of(own, intent, "payment_intent.created")) >= 1)
    own.simulated.kill()
    own.receiver.answers = lambda _, __: 200
    before = len(of(own, intent, "payment_intent.created"))
    own.simulated.start()

    wait_until(lambda: len(of(own, intent, "payment_intent.created")) > before)

    ids = {json.loads(one.body)["id"] for one in of(own, intent, "payment_intent.created")}
    assert len(ids) == 1
