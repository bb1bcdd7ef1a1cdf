"""PayPal's webhooks: a signature over a checksum, a certificate with its chain, one transmission."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from ops import certificates
from tests.sandbox.paypal_client import (
    ORDERS,
    PAYMENTS,
    PAYOUTS,
    WEBHOOK_ID,
    Merchant,
    a_payout,
    simulator,
)
from tests.sandbox.receiver import Delivery, Receiver
from tests.sandbox.running import wait_until


@pytest.fixture(scope="module")
def inbox() -> Iterator[Receiver]:
    running = Receiver(named=lambda one: str(one.event["resource"].get("id", "")))
    yield running
    running.close()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, inbox: Receiver) -> Iterator[Merchant]:
    folder = tmp_path_factory.mktemp("paypal")
    running = simulator(folder, webhook_url=inbox.url).start()
    yield Merchant(running)
    running.stop()


def told(inbox: Receiver, type_: str, about: str) -> Delivery:
    """Wait for an event of this type that speaks of an object."""
    return inbox.first(lambda one: one.event["event_type"] == type_ and about.encode() in one.body)


def certificate(shop: Merchant, delivery: Delivery) -> bytes:
    url = urlsplit(delivery.headers["paypal-cert-url"])
    assert url.netloc == urlsplit(shop.at.url).netloc
    assert url.path.startswith("/v1/notifications/certs/")
    answer = shop.at.send("GET", url.path)
    assert answer.status == 200
    return answer.body


def is_signed(pem: bytes, delivery: Delivery, body: bytes | None = None) -> bool:
    """Check the signature as PayPal documents it."""
    headers = delivery.headers
    parts = (
        headers["paypal-transmission-id"],
        headers["paypal-transmission-time"],
        WEBHOOK_ID,
        str(zlib.crc32(delivery.body if body is None else body)),
    )
    key = x509.load_pem_x509_certificate(pem).public_key()
    assert isinstance(key, RSAPublicKey)
    signature = base64.b64decode(headers["paypal-transmission-sig"])
    try:
        key.verify(signature, "|".join(parts).encode(), PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return headers["paypal-auth-algo"] == "SHA256withRSA"


def test_a_webhook_is_signed_by_the_certificate_that_is_served(
    shop: Merchant, inbox: Receiver
) -> None:
    delivery = told(inbox, "CHECKOUT.ORDER.APPROVED", shop.approved())

    pem = certificate(shop, delivery)

    assert is_signed(pem, delivery)
    assert not is_signed(pem, delivery, delivery.body + b" ")


def test_the_certificate_is_paypals_and_leads_to_the_authority_that_is_told(
    shop: Merchant, inbox: Receiver
) -> None:
    pem = certificate(shop, told(inbox, "CHECKOUT.ORDER.APPROVED", shop.approved()))
    trust = certificates.authorities(shop.at.ready["ca_file"])

    found = certificates.trusted(pem, trust, datetime.now(UTC), ["*.paypal.com"], "127.0.0.1")

    assert found.not_after > datetime.now(UTC)
    with pytest.raises(certificates.Untrusted):
        certificates.trusted(
            pem, certificates.authorities(), datetime.now(UTC), ["*.paypal.com"], "127.0.0.1"
        )


def test_a_webhook_that_is_not_taken_comes_again_as_the_same_transmission(
    shop: Merchant, inbox: Receiver
) -> None:
    inbox.answers = lambda _reference, number: 204 if number > 2 else 500
    try:
        id_ = shop.approved()
        tries = inbox.wait_for(id_, 3)
    finally:
        inbox.answers = lambda _reference, _number: 204

    assert len({one.headers["paypal-transmission-id"] for one in tries}) == 1
    assert len({one.headers["paypal-transmission-sig"] for one in tries}) == 1
    assert len({one.event["id"] for one in tries}) == 1
    wait_until(lambda: "event.delivered" in [line["kind"] for line in shop.at.lines()])


def happened(shop: Merchant) -> Iterator[tuple[str, str]]:
    """Make everything happen that PayPal tells of: the type of each event, and what it is about."""
    id_, capture = shop.captured()
    yield "CHECKOUT.ORDER.APPROVED", id_
    yield "PAYMENT.CAPTURE.COMPLETED", capture
    refund = shop.post(f"{PAYMENTS}/captures/{capture}/refund", {}).json["id"]
    yield "PAYMENT.CAPTURE.REFUNDED", refund
    _, hold = shop.held()
    yield "PAYMENT.AUTHORIZATION.CREATED", hold
    shop.post(f"{PAYMENTS}/authorizations/{hold}/void")
    yield "PAYMENT.AUTHORIZATION.VOIDED", hold
    waiting, pending = shop.captured(payer="review@payer.example")
    yield "PAYMENT.CAPTURE.PENDING", pending
    shop.at.admin("POST", f"/objects/{waiting}/settle", {"to": "declined"})
    yield "PAYMENT.CAPTURE.DECLINED", pending
    disputed, taken = shop.captured()
    shop.at.admin("POST", f"/objects/{disputed}/chargeback", {"amount": 1250})
    yield "CUSTOMER.DISPUTE.CREATED", taken
    yield "CUSTOMER.DISPUTE.RESOLVED", taken
    yield "PAYMENT.CAPTURE.REVERSED", taken
    _, later = shop.captured()
    shop.at.fault("later", count=1, on="refund", containing=later)
    again = shop.post(f"{PAYMENTS}/captures/{later}/refund", {}).json["id"]
    yield "PAYMENT.REFUND.PENDING", again
    shop.at.admin("POST", f"/refunds/{again}/fail")
    yield "PAYMENT.REFUND.FAILED", again
    batch = shop.post(PAYOUTS, a_payout()).json["batch_header"]["payout_batch_id"]
    yield "PAYMENT.PAYOUTSBATCH.PROCESSING", batch
    shop.at.admin("POST", f"/payouts/{batch}/pay")
    yield "PAYMENT.PAYOUTSBATCH.SUCCESS", batch
    yield "PAYMENT.PAYOUTS-ITEM.SUCCEEDED", batch
    shop.at.admin("POST", f"/payouts/{batch}/return")
    yield "PAYMENT.PAYOUTS-ITEM.REFUNDED", batch
    failing = shop.post(PAYOUTS, a_payout()).json["batch_header"]["payout_batch_id"]
    shop.at.admin("POST", f"/payouts/{failing}/fail")
    yield "PAYMENT.PAYOUTS-ITEM.FAILED", failing
    lost = shop.post(PAYOUTS, a_payout(receiver="unclaimed@payee.example")).json
    unclaimed = lost["batch_header"]["payout_batch_id"]
    shop.at.admin("POST", f"/payouts/{unclaimed}/pay")
    yield "PAYMENT.PAYOUTS-ITEM.UNCLAIMED", unclaimed
    shop.at.admin("POST", f"/payouts/{unclaimed}/return")
    yield "PAYMENT.PAYOUTS-ITEM.RETURNED", unclaimed


def test_everything_that_happens_is_told(shop: Merchant, inbox: Receiver) -> None:
    for type_, about in happened(shop):
        event = told(inbox, type_, about).event
        assert event["id"].startswith("WH-")
        assert event["resource"]


def test_a_restart_forgets_nothing_but_the_tokens(tmp_path: Path, inbox: Receiver) -> None:
    running = simulator(tmp_path, webhook_url=inbox.url).start()
    shop, key = Merchant(running), "0" * 32 + "b"
    id_ = shop.approved()
    path = f"{ORDERS}/{id_}/capture"
    first = shop.post(path, {}, key).json
    batch = a_payout()
    shop.post(PAYOUTS, batch)
    signed = told(inbox, "CHECKOUT.ORDER.APPROVED", id_).headers["paypal-cert-url"]

    running.kill()
    running.start()

    assert shop.call("GET", f"{ORDERS}/{id_}").json["error"] == "invalid_token"
    shop = Merchant(running)
    again: Any = shop.post(path, {}, key)
    assert (again.status, again.json["purchase_units"]) == (200, first["purchase_units"])
    assert shop.post(PAYOUTS, batch).json["name"] == "USER_BUSINESS_ERROR"
    later = told(inbox, "CHECKOUT.ORDER.APPROVED", shop.approved()).headers["paypal-cert-url"]
    assert later == signed
    assert json.dumps(running.ready["ca_file"])
    running.stop()


def test_the_key_of_the_signatures_is_for_its_owner_alone(shop: Merchant) -> None:
    kept = shop.at.ledger.with_name("ledger.jsonl.webhook.pem")

    assert kept.stat().st_mode & 0o077 == 0
    assert b"PRIVATE KEY" in kept.read_bytes()
    assert b"PRIVATE KEY" not in Path(shop.at.ready["ca_file"]).read_bytes()
