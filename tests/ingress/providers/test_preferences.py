"""A preference for nobody is refused at the real door, under every name that money is moved by."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from ingress.main import app
from tests.ingress.providers.conftest import Door

pytestmark = pytest.mark.services

WRITES = ("payments:write", "payouts:write")
PAID: dict[str, Any] = {"amount": 1_000, "currency": "EUR", "country": "DE"}
DEPOSITED = PAID | {"user_id": 1}
SENT = DEPOSITED | {"destination": {"type": "wallet", "token": "w-1"}}
ASKED = [
    ("/v1/checkout", PAID),
    ("/v1/payments", PAID),
    ("/v1/deposits", DEPOSITED),
    ("/deposit", DEPOSITED),
    ("/v1/withdrawals", SENT),
    ("/v1/payouts", SENT),
    ("/withdrawal", SENT),
]


@pytest.mark.parametrize(("path", "body"), ASKED)
@pytest.mark.parametrize("name", ["nope", "theirs", "live"])
def test_a_preference_for_nobody_is_refused_with_the_names_that_are_known(
    door: Door, path: str, body: dict[str, Any], name: str
) -> None:
    answer = door.post(path, body | {"provider_preference": name}, *WRITES)

    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert answer.json()["errors"] == [
        {
            "field": "provider_preference",
            "reason": f"{name} is neither a gateway nor a provider here",
            "fix": "send one of one, sandbox, unused, or leave it out",
        }
    ]
    for table in ("payments", "payouts"):
        assert door.sql(f"SELECT 1 FROM {table} WHERE preference = :name", name=name) == []


@pytest.mark.parametrize(("path", "body"), ASKED)
@pytest.mark.parametrize("name", ["one", "sandbox"])
def test_a_gateway_and_a_provider_are_taken(
    door: Door, path: str, body: dict[str, Any], name: str
) -> None:
    answer = door.post(path, body | {"provider_preference": name}, *WRITES)

    assert answer.status_code == 202, answer.text


def test_what_was_accepted_is_answered_so_when_its_gateway_is_gone(door: Door) -> None:
    asked = PAID | {"provider_preference": "unused"}
    headers = door.key(*WRITES) | {"Idempotency-Key": "before"}
    first = door.client.post("/v1/checkout", json=asked, headers=headers)
    door.sql("DELETE FROM gateways WHERE id = 'unused'")

    with TestClient(app()) as later:  # its directory is read anew
        fresh = later.post("/v1/checkout", json=asked, headers=door.key(*WRITES))
        again = later.post("/v1/checkout", json=asked, headers=headers)

    assert (first.status_code, fresh.status_code, again.status_code) == (202, 422, 202)
    assert again.content == first.content
