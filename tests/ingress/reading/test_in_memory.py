"""Reading on books in memory: every route answers, and says what is not kept there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from domain.payment import Mode
from ingress.main import app
from ops import apikeys


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    key = apikeys.new_key(Mode.TEST)[1]
    monkeypatch.setenv("USE_MOCK_DB", "true")
    monkeypatch.setenv("DEMO_API_KEY", key)
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    with TestClient(app(), headers={"Authorization": f"Bearer {key}"}) as client:
        yield client


def test_payments_are_walked_and_counted(door: TestClient) -> None:
    made = [door.post("/v1/checkout", json={"amount": 1_000 + n}).json()["id"] for n in range(5)]

    first = door.get("/v1/payments?limit=3&include_total=true&status=pending").json()
    rest = door.get(f"/v1/payments?limit=3&status=pending&cursor={first['next_cursor']}").json()

    assert [row["id"] for row in first["data"] + rest["data"]] == made[::-1]
    assert (first["total"], rest["has_more"]) == (5, False)
    assert door.get("/v1/payments?amount_min=1004").json()["data"][0]["id"] == made[-1]


def test_payments_are_found_by_metadata(door: TestClient) -> None:
    for cart in ("7", "8"):
        ordered = {"amount": 1_000, "metadata": {"cart": cart, "tier": "gold"}}
        assert door.post("/v1/checkout", json=ordered).status_code == 202
    door.post("/v1/checkout", json={"amount": 1_000})

    def carts(query: str) -> list[str]:
        return [row["metadata"]["cart"] for row in door.get(f"/v1/payments?{query}").json()["data"]]

    assert carts("metadata[tier]=gold") == ["8", "7"]
    assert carts("metadata[tier]=gold&metadata[cart]=7") == ["7"]
    assert carts("metadata[tier]=tin") == carts("metadata[7]=cart") == []


def test_what_has_not_happened_is_empty_and_what_is_not_kept_is_a_503(door: TestClient) -> None:
    id_ = door.post("/v1/checkout", json={"amount": 1_000}).json()["id"]

    for path in ("transactions", "refunds", f"payments/{id_}/refunds"):
        page = door.get(f"/v1/{path}").json()
        assert (page["data"], page["has_more"], page["next_cursor"]) == ([], False, None)
    assert door.get(f"/v1/fraud/scores/{id_}").json()["decision"] is None
    assert door.get("/v1/reports/transactions").text.count("\r\n") == 1
    assert door.get(f"/v1/transactions/{id_}").json()["id"] == id_
    assert door.get(f"/v1/payments/{id_}/timeline").status_code == 503
