"""Webhooks under a certificate that the door does not know: kept, bounded, and not believed."""

from __future__ import annotations

import pytest

from domain.webhook import RECEIVED, UNVERIFIED
from ops.store.memory import door as memory_door
from tests.dev.waiting import wait_until
from tests.ingress.webhook_rig import CERT_URL, CERTIFICATES, account, doorstep
from tests.signers import WEBHOOK_ID, paypal_headers, rsa_key

EVENT = b'{"id": "WH-1"}'
ONE = account("paypal", WEBHOOK_ID)
TWO = account("paypal", "OTHER-ID", id_="paypal-two")
OWN = account("paypal", WEBHOOK_ID, id_="paypal-own", base_url="http://127.0.0.1:9000")


def test_it_is_answered_200_and_kept_with_what_a_worker_needs() -> None:
    headers = paypal_headers(EVENT, CERT_URL)
    with doorstep(ONE) as step:
        answers = [
            step.knock("paypal/paypal-one", EVENT, headers | {"authorization": "x"}).json()
            for _ in range(2)
        ]

        assert answers == [
            {"received": True, "duplicate": False},
            {"received": True, "duplicate": True},
        ]
        (notice,) = step.notices()
        assert (notice.status, notice.body, notice.headers) == (UNVERIFIED, EVENT, headers)
        assert step.heard == [("paypal-one", "unverified"), ("paypal-one", "duplicate")]
        wait_until(lambda: step.woken == [notice.id] * 2)


def test_by_the_short_address_it_waits_for_every_account_that_it_may_be_for() -> None:
    with doorstep(ONE, TWO) as step:
        assert step.knock("paypal", EVENT, paypal_headers(EVENT, CERT_URL)).status_code == 200

        assert step.senders() == ["paypal-one", "paypal-two"]
        assert {one.status for one in step.notices()} == {UNVERIFIED}


def test_the_account_that_knows_the_certificate_decides_first() -> None:
    known = account("paypal", WEBHOOK_ID, certificates=CERTIFICATES)
    with doorstep(TWO, known) as step:
        assert step.knock("paypal", EVENT, paypal_headers(EVENT, CERT_URL)).status_code == 200

        assert [(one.gateway_id, one.status) for one in step.notices()] == [
            ("paypal-one", RECEIVED)
        ]


def test_a_forgery_that_waits_never_stands_in_the_place_of_the_genuine_event() -> None:
    """Nor of another that waits: the same transmission, the same event, another signature."""
    genuine = paypal_headers(EVENT, CERT_URL)
    forged = paypal_headers(EVENT, CERT_URL, key=rsa_key(9))
    with doorstep(ONE) as step:
        for headers in (forged, genuine):
            assert step.knock("paypal", EVENT, headers).json()["duplicate"] is False
        step.accounts[:] = [account("paypal", WEBHOOK_ID, certificates=CERTIFICATES)]

        assert step.knock("paypal", EVENT, genuine).json()["duplicate"] is False
        assert step.knock("paypal", EVENT, forged).status_code == 401
        statuses = [one.status for one in step.notices()]
        assert statuses == [UNVERIFIED, UNVERIFIED, RECEIVED]


@pytest.mark.parametrize(
    "url",
    [
        CERT_URL.replace("sandbox.paypal.com", "evil.example"),
        CERT_URL.replace("https:", "http:"),
        CERT_URL.replace("/v1/", "/v2/"),
        "http://127.0.0.1:9001/v1/notifications/certs/CERT-1",
        "http://169.254.169.254/v1/notifications/certs/CERT-1",
    ],
)
def test_what_may_not_be_fetched_is_refused_at_once(url: str) -> None:
    with doorstep(ONE, OWN) as step:
        assert step.knock("paypal", EVENT, paypal_headers(EVENT, url)).status_code == 401
        assert not step.notices()


def test_a_simulators_own_certificate_waits_for_its_gateway_alone() -> None:
    url = "http://127.0.0.1:9000/v1/notifications/certs/CERT-1"
    with doorstep(ONE, OWN) as step:
        assert step.knock("paypal", EVENT, paypal_headers(EVENT, url)).status_code == 200

        assert step.senders() == ["paypal-own"]


def test_what_cannot_be_read_is_refused_before_anybody_is_asked() -> None:
    with doorstep(ONE) as step:
        headers = paypal_headers(b"<a/>", CERT_URL)

        assert step.knock("paypal", b"<a/>", headers).status_code == 400
        assert not step.notices()


def test_an_account_without_a_webhook_of_its_own_waits_for_nothing() -> None:
    with doorstep(account("paypal"), account("paypal", "", id_="paypal-empty")) as step:
        assert step.knock("paypal", EVENT, paypal_headers(EVENT, CERT_URL)).status_code == 401
        assert not step.notices()


def test_where_too_many_wait_the_provider_is_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory_door, "MAX_UNVERIFIED", 2)
    with doorstep(ONE) as step:
        answers = [
            step.knock("paypal", EVENT, paypal_headers(EVENT, CERT_URL, id_=f"t-{n}"))
            for n in range(3)
        ]

        assert [one.status_code for one in answers] == [200, 200, 503]
        assert len(step.notices()) == 2
