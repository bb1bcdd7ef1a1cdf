"""Providers: what a merchant sees of the gateways, and what an operator says about one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from domain.payment import Mode
from ingress.contract.providers import SCHEMAS
from ingress.main import app
from ops import apikeys
from ops.store.gateway_health import note_probe
from tests.ingress.providers.conftest import Door, listed

pytestmark = pytest.mark.services


def test_a_merchant_sees_its_modes_gateways_by_its_own_routes_and_no_secret(door: Door) -> None:
    answer = door.get("/v1/providers")
    found = listed(answer)

    assert found.keys() == {"one", "unused"}
    one = found["one"]
    assert (one["currencies"], one["countries"]) == (["EUR"], ["*"])
    assert (one["methods"], one["operations"]) == (["card", "wallet"], ["*"])
    assert (one["provider"], one["name"], one["type"]) == ("sandbox", "one", "card")
    assert (one["state"], one["override"], one["last_probe"]) == ("up", None, None)
    assert set(one) == set(SCHEMAS["Provider"]["properties"])
    assert "never_shown" not in answer.text
    assert "127.0.0.1" not in answer.text
    assert door.get("/v1/gateways").json() == answer.json()


def test_live_and_test_do_not_see_each_other(door: Door) -> None:
    live = door.key("payments:read", "ops", mode=Mode.LIVE)

    assert listed(door.get("/v1/providers", live)).keys() == {"live"}
    held = door.client.post("/v1/providers/one/down", json={"reason": "x"}, headers=live)
    assert (held.status_code, held.json()["code"]) == (404, "not_found")
    assert door.sql("SELECT 1 FROM gateway_health") == []


def test_breakers_are_shown_by_operation(door: Door) -> None:
    door.open_breaker("one")

    shown = listed(door.get("/v1/providers"))["one"]["breakers"]

    assert shown["charge"]["state"] == "open"
    assert shown["charge"]["open_until"].endswith("Z")
    assert shown["payout"] == {"state": "closed", "open_until": None, "calls": 0, "failures": 0}


def test_what_a_probe_found_is_shown_and_its_error_only_to_operators(door: Door) -> None:
    with door.engine.begin() as db:
        note_probe(db, "one", False, "refused by 10.0.0.7")

    merchant = listed(door.get("/v1/providers"))["one"]
    operator = listed(door.get("/v1/providers", door.key("payments:read", "ops")))["one"]

    assert merchant["state"] == operator["state"] == "degraded"
    assert merchant["last_probe"] == operator["last_probe"] | {"error": None}
    assert operator["last_probe"]["error"] == "refused by 10.0.0.7"


@pytest.mark.parametrize("way", ["up", "down"])
def test_an_operators_key_holds_a_gateway_for_a_while_audited(door: Door, way: str) -> None:
    before = datetime.now(UTC)

    answer = door.post(f"/v1/providers/one/{way}", {"reason": "why", "seconds": 60}, "ops")

    assert answer.status_code == 200, answer.text
    override = answer.json()["override"]
    until = datetime.fromisoformat(override.pop("until"))
    assert before + timedelta(seconds=59) < until < datetime.now(UTC) + timedelta(seconds=61)
    assert (override["state"], override["reason"]) == (way, "why")
    assert override["by"].startswith("key:")
    shown = listed(door.get("/v1/providers"))["one"]["override"]
    assert (shown["state"], shown["reason"], shown["by"]) == (way, None, None)
    (entry,) = door.sql("SELECT * FROM audit_logs ORDER BY id DESC LIMIT 1")
    assert (entry["actor"], entry["actor_id"]) == ("operator", override["by"])
    assert (entry["action"], entry["entity_id"]) == (f"gateway.held_{way}", "one")
    assert entry["request_id"] == answer.headers["x-request-id"]


def test_a_released_gateway_is_free_at_once(door: Door) -> None:
    door.post("/v1/gateways/one/down", {"reason": "why"}, "ops")

    for _ in range(2):
        answer = door.post("/v1/gateways/one/release", None, "ops")
        assert (answer.status_code, answer.json()["override"]) == (200, None)
    assert door.sql("SELECT forced FROM gateway_health") == [{"forced": None}]


@pytest.mark.parametrize("deed", ["up", "down", "release"])
def test_without_the_ops_scope_nobody_holds_anything(door: Door, deed: str) -> None:
    answer = door.post(
        f"/v1/providers/one/{deed}", {"reason": "x"}, "payments:read", "payments:write"
    )

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert door.sql("SELECT 1 FROM gateway_health") == []


def test_without_the_read_scope_nothing_is_listed(door: Door) -> None:
    for path in ("/v1/providers", "/v1/payment-options?currency=EUR"):
        assert door.get(path, door.key("payments:write")).status_code == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 201}, "reason"),
        ({"reason": "x", "seconds": 0}, "seconds"),
        ({"reason": "x", "seconds": 7 * 86_400 + 1}, "seconds"),
        ({"reason": "x", "minutes": 5}, "minutes"),
    ],
)
def test_a_wrong_hold_is_refused_by_its_field(door: Door, body: object, field: str) -> None:
    answer = door.post("/v1/providers/one/down", body, "ops")

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert door.sql("SELECT 1 FROM gateway_health") == []


def test_on_books_in_memory_there_is_no_gateway_to_show(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = apikeys.new_key(Mode.TEST)[1]
    monkeypatch.setenv("USE_MOCK_DB", "true")
    monkeypatch.setenv("DEMO_API_KEY", key)
    with TestClient(app(), headers={"Authorization": f"Bearer {key}"}) as client:
        for path in ("/v1/providers", "/v1/payment-options?currency=EUR"):
            answer = client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
