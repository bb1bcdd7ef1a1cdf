"""Webhooks: the same event is taken in under every address, and believed from its gateway alone."""

from __future__ import annotations

import json

import pytest

from tests.ingress.transfers.conftest import TOKEN, Shop, signature

EVENT = json.dumps({"id": "evt_1", "type": "payment.captured"}).encode()
PATHS = (
    "/v1/webhooks/bank/bank-a",
    "/v1/webhooks/bank",
    "/v1/webhooks/bank-a",
    "/v1/webhook/bank",
    "/api/v1/webhooks/bank",
    "/api/v1/webhook/bank-a",
    "/api/webhooks/bank",
    "/api/webhooks/bank-a",
    "/api/providers/bank/webhook",
    "/api/providers/bank-a/webhook",
)


@pytest.mark.parametrize("path", PATHS)
def test_every_address_leads_to_one_handler_and_needs_no_key(shop: Shop, path: str) -> None:
    answer = shop.knock(path, EVENT, Sandbox_Signature=signature(EVENT))

    assert (answer.status_code, answer.json()) == (200, {"received": True, "duplicate": False})
    (notice,) = shop.notices()
    assert (notice.gateway_id, notice.dedupe_key, notice.body) == ("bank-a", "evt_1", EVENT)


def test_an_event_that_comes_by_two_addresses_is_one_event(shop: Shop) -> None:
    answers = [
        shop.knock(path, EVENT, Sandbox_Signature=signature(EVENT)).json()["duplicate"]
        for path in PATHS
    ]

    assert answers == [False] + [True] * (len(PATHS) - 1)
    assert len(shop.notices()) == 1


@pytest.mark.parametrize("path", PATHS)
def test_a_wrong_signature_is_refused_under_every_address(shop: Shop, path: str) -> None:
    forged = [{}, {"Sandbox_Signature": signature(EVENT, "whsec_other")}]

    for headers in forged:
        assert shop.knock(path, EVENT, **headers).status_code == 401
    assert not shop.notices()


@pytest.mark.parametrize("path", PATHS)
def test_a_provider_may_send_a_megabyte_and_no_more(shop: Shop, path: str) -> None:
    def padded(size: int) -> bytes:
        return EVENT[:-1] + b" " * (size - len(EVENT)) + b"}"

    large, larger = padded(1024 * 1024), padded(1024 * 1024 + 1)

    assert shop.knock(path, large, Sandbox_Signature=signature(large)).status_code == 200
    assert shop.knock(path, larger, Sandbox_Signature=signature(larger)).status_code == 413


@pytest.mark.parametrize(
    "path", ["/v1/webhooks/nobody", "/api/webhooks/nobody", "/api/providers/nobody/webhook"]
)
def test_nobody_we_know_is_nowhere(shop: Shop, path: str) -> None:
    assert shop.knock(path, EVENT, Sandbox_Signature=signature(EVENT)).status_code == 404


def test_the_gateway_of_the_address_is_the_one_that_must_have_signed(shop: Shop) -> None:
    path = "/v1/webhooks/bank/bank-a"

    assert shop.knock(path, EVENT, Sandbox_Signature=signature(EVENT, TOKEN)).status_code == 401


def test_what_is_signed_and_not_json_is_refused_as_such(shop: Shop) -> None:
    body = b"<event/>"

    answer = shop.knock("/v1/webhooks/bank-a", body, Sandbox_Signature=signature(body))

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_body")
