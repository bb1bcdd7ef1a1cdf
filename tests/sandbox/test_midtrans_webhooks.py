"""The Midtrans simulator's notifications: signed as far as Midtrans signs, tried as often; kill -9."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator

import pytest

from domain.webhook_claims import Certified, claimed
from native import verifier
from ops.providers import PROVIDERS
from tests.sandbox.receiver import Delivery
from tests.sandbox.running import wait_until
from tests.sandbox.warung import (
    CREATOR,
    MERCHANT,
    PAYOUTS,
    SERVER,
    Warung,
    a_hold,
    a_payout,
    a_transfer,
    an_order,
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warung]:
    shop = Warung.opened(tmp_path_factory.mktemp("bells"))
    yield shop
    shop.close()


@pytest.fixture
def shop(running: Warung) -> Iterator[Warung]:
    yield running
    running.simulator.calm()
    running.receiver.answers = lambda _name, _number: 204


def believed(delivery: Delivery, secret: str) -> bool:
    """Whether the door would take it."""
    for scheme in PROVIDERS["midtrans"].scheme.ways():
        claim = claimed(scheme, delivery.headers, delivery.body, int(time.time()))
        assert not isinstance(claim, Certified), "Midtrans has no certificates"
        if claim and any(verifier.verify(*check) for check in claim.checks(secret.encode())):
            return True
    return False


def ends(shop: Warung, name: str) -> list[str]:
    """Return how the notifications about something have ended."""
    lines = [line for line in shop.simulator.lines() if line.get("reference") == name]
    return [line["kind"] for line in lines if line["kind"].startswith("event.")]


def test_a_notification_is_signed_by_the_server_key(shop: Warung) -> None:
    sold = shop.charged(an_order())

    told = shop.receiver.wait_for(sold["order_id"], 1)[0]

    signed = f"{sold['order_id']}200145000.00{SERVER}".encode()
    assert told.event["signature_key"] == hashlib.sha512(signed).hexdigest()
    assert believed(told, SERVER)
    assert not believed(told, MERCHANT)


def test_one_signature_is_good_for_every_status_that_has_its_code(shop: Warung) -> None:
    sold = shop.charged(an_order())
    told = shop.receiver.wait_for(sold["order_id"], 1)[0]

    forged = told.event | {"transaction_status": "refund", "fraud_status": "deny"}

    assert believed(Delivery(0.0, told.headers, json.dumps(forged).encode()), SERVER)
    other = told.event | {"status_code": "202"}
    assert not believed(Delivery(0.0, told.headers, json.dumps(other).encode()), SERVER)


def test_a_payouts_notification_is_signed_by_another_key(shop: Warung) -> None:
    number = shop.made()
    shop.approved(number)

    told = shop.receiver.wait_for(number, 1)[0]

    assert told.event["status"] == "approved"
    wanted = hashlib.sha512(told.body + MERCHANT.encode()).hexdigest()
    assert told.headers["iris-signature"] == wanted
    assert believed(told, MERCHANT)
    assert not believed(told, SERVER)


def test_making_a_payout_is_told_to_nobody(shop: Warung) -> None:
    number = shop.made()
    shop.approved(number)

    told = shop.receiver.wait_for(number, 1)

    assert [one.event["status"] for one in told] == ["approved"]


@pytest.mark.parametrize(
    ("status", "tries"),
    [
        (200, 1),
        (204, 1),
        (301, 1),
        (302, 1),
        (303, 1),
        (500, 2),
        (400, 3),
        (404, 3),
        (503, 5),
        (401, 6),
        (307, 6),
        (502, 6),
    ],
)
def test_how_often_a_notification_is_sent_depends_on_the_answer(
    shop: Warung, status: int, tries: int
) -> None:
    shop.receiver.answers = lambda _name, _number: status
    waits = shop.charged(a_transfer())["order_id"]

    wait_until(lambda: bool(ends(shop, waits)))

    taken = 200 <= status < 300
    assert ends(shop, waits) == ["event.delivered" if taken else "event.given_up"]
    assert len(shop.receiver.about(waits)) == tries


def test_after_a_kill_everything_is_as_it_was(tmp_path_factory: pytest.TempPathFactory) -> None:
    shop = Warung.opened(tmp_path_factory.mktemp("killed"))
    key, order = "k" * 32, an_order()
    sold = shop.charged(order, key)
    shop.post(f"/v2/{sold['order_id']}/refund", {"refund_key": "r1", "amount": 1})
    held = shop.charged(a_hold())
    account = shop.charged(a_transfer())
    payouts = {"payouts": [a_payout()]}
    made = shop.post(PAYOUTS, payouts, "p" * 32, as_=CREATOR)
    number = made.json["payouts"][0]["reference_no"]
    names = [one["order_id"] for one in (sold, held, account)]
    before = [shop.status(name) for name in names]

    shop.simulator.kill()
    shop.simulator.start()

    assert [shop.status(name) for name in names] == before
    assert shop.charged(order, key) == sold, "the key is remembered"
    again = shop.post(f"/v2/{sold['order_id']}/refund", {"refund_key": "r1", "amount": 1})
    assert again.json["status_code"] == "406"
    assert shop.post(PAYOUTS, payouts, "p" * 32, as_=CREATOR).body == made.body
    assert shop.payout(number)["status"] == "queued"
    va_number = account["va_numbers"][0]["va_number"]
    shop.simulator.send("POST", f"/va/{va_number}", b"decision=approve")
    assert shop.status(account["order_id"])["transaction_status"] == "settlement"
    shop.close()


def test_the_guide_names_the_cards_and_the_pages(shop: Warung) -> None:
    guide = shop.simulator.send("GET", "/").body.decode()

    for word in ("48111111-1114", "tok_stale", "/va/{va_number}", "/transactions/{id}/deny"):
        assert word in guide
