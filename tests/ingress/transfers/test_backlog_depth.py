"""Backlog: payouts and deposits wait outside a full house; what providers tell is let in."""

from __future__ import annotations

import json

import pytest

from domain.payment import Mode
from ingress.backlog import Backlog
from tests.ingress.crowd import Crowd
from tests.ingress.rig import MERCHANT
from tests.ingress.transfers.conftest import Shop, signature

WITHDRAWAL = {
    "user_id": "u-1",
    "amount": 5_000,
    "currency": "USD",
    "destination": {"type": "bank_account", "token": "ba_1"},
}
DEPOSIT = {"user_id": "u-1", "amount": 5_000, "currency": "USD"}


@pytest.fixture
def crowd() -> Crowd:
    return Crowd(rows=11)


@pytest.fixture
def backlog(crowd: Crowd) -> Backlog:
    return Backlog(crowd, 10, clock=iter(range(100)).__next__)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/withdrawals", WITHDRAWAL),
        ("/v1/payouts", WITHDRAWAL),
        ("/withdrawal", WITHDRAWAL),
        ("/v1/deposits", DEPOSIT),
    ],
)
def test_new_transfers_wait_outside_until_there_is_room(
    shop: Shop, crowd: Crowd, path: str, body: dict[str, object]
) -> None:
    refused = shop.call("POST", path, json.dumps(body), idempotency_key="k")
    crowd.rows = 10
    taken = shop.call("POST", path, json.dumps(body), idempotency_key="k")

    assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
    assert int(refused.headers["Retry-After"]) >= 1
    assert taken.status_code == 202
    assert len(shop.payouts()) + len(shop.payments()) == 1


def test_a_withdrawal_that_was_taken_is_answered_again(shop: Shop, crowd: Crowd) -> None:
    crowd.rows = 0
    first = shop.call("POST", "/v1/withdrawals", json.dumps(WITHDRAWAL), idempotency_key="k")
    with shop.store.begin() as work:
        known = work.win_key(MERCHANT, Mode.TEST, "k", b"of whoever asks")
    assert known is not None
    crowd.keys[MERCHANT, "test", "k"] = known
    crowd.rows = 11

    again = shop.call("POST", "/v1/withdrawals", json.dumps(WITHDRAWAL), idempotency_key="k")
    other = WITHDRAWAL | {"amount": 6_000}
    reused = shop.call("POST", "/v1/withdrawals", json.dumps(other), idempotency_key="k")

    assert (again.status_code, again.content) == (202, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")


def test_what_a_provider_tells_is_always_let_in(shop: Shop, crowd: Crowd) -> None:
    body = b'{"id": "evt_1", "type": "payment.captured"}'

    told = shop.knock("/v1/webhooks/bank/bank-a", body, Sandbox_Signature=signature(body))

    assert told.status_code == 200, told.text
    assert len(shop.notices()) == 1
    assert crowd.counted == []
