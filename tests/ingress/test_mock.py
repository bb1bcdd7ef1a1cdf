"""The door on books in memory keeps its whole contract, without any service."""

from __future__ import annotations

import subprocess
import sys
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


BODY = {"amount": 1000, "currency": "EUR", "order_id": "o-1"}


def test_a_checkout_is_accepted_replayed_read_listed_and_cancelled(door: TestClient) -> None:
    first = door.post("/v1/checkout", json=BODY, headers={"Idempotency-Key": "k"})
    again = door.post("/api/v1/payments", json=BODY, headers={"Idempotency-Key": "k"})
    other = door.post("/v1/checkout", json=BODY | {"amount": 1}, headers={"Idempotency-Key": "k"})

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    path = first.json()["links"]["self"]
    assert door.get(path).json()["status"] == "pending"
    assert [one["id"] for one in door.get("/v1/payments").json()["data"]] == [first.json()["id"]]
    assert door.post(f"{path}/cancel").json()["status"] == "cancelled"
    assert door.get(f"{path}/status").json()["status"] == "cancelled"


def test_an_etag_saves_the_body_until_something_changes(door: TestClient) -> None:
    path = door.post("/v1/checkout", json=BODY).json()["links"]["self"]
    tag = door.get(path).headers["ETag"]

    assert door.get(path, headers={"If-None-Match": tag}).status_code == 304
    door.post(f"{path}/cancel")
    changed = door.get(f"{path}?wait=1", headers={"If-None-Match": tag})
    assert (changed.status_code, changed.json()["status"]) == (200, "cancelled")


def test_an_active_order_is_refused_with_the_payment_that_holds_it(door: TestClient) -> None:
    first = door.post("/v1/checkout", json=BODY)
    second = door.post("/v1/checkout", json=BODY)

    assert (second.status_code, second.json()["code"]) == (409, "order_already_active")
    assert first.json()["id"] in second.json()["detail"]
    assert "Location" not in second.headers


def test_a_cancelled_payment_cannot_be_somebody_elses(door: TestClient) -> None:
    nobody = "pay_" + "0" * 32
    for answer in (door.get(f"/v1/payments/{nobody}"), door.post(f"/v1/payments/{nobody}/cancel")):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("program", ["workers", "workers.clock"])
def test_the_other_programs_say_that_they_need_stores(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", program],
        env={"USE_MOCK_DB": "true", "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "USE_MOCK_DB serves the ingress alone" in done.stderr


def test_what_can_be_asked_of_a_payment_is_asked_here_too(door: TestClient) -> None:
    made = door.post("/v1/checkout", json=BODY | {"confirm": False}).json()
    path = made["links"]["self"]

    first = door.post(f"{path}/authorize", headers={"Idempotency-Key": "a"})
    again = door.post(f"{path}/authorize", headers={"Idempotency-Key": "a"})
    refund = door.post(f"{path}/refunds", json={"reason": "x"}).json()

    assert (first.status_code, again.content) == (202, first.content)
    assert (refund["code"], refund["allowed_operations"]) == ("illegal_state", ["cancel"])
    assert door.get("/v1/reviews").json()["data"] == []


def test_a_checkout_link_works_without_a_key(door: TestClient) -> None:
    made = door.post("/v1/checkout", json=BODY | {"confirm": False}).json()
    link = made["checkout_url"].removeprefix("http://127.0.0.1:8080")

    page = door.get(link, headers={"Authorization": ""})

    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
