"""Payment options: what a merchant may offer a payer now, and why not the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from ingress.contract.providers import SCHEMAS
from ingress.main import app
from tests.ingress.providers.conftest import OURS, Door, listed

pytestmark = pytest.mark.services


def options(door: Door, query: str) -> dict[str, tuple[bool, str | None]]:
    """Return by method whether it is usable, and why not."""
    answer = door.get(f"/v1/payment-options?{query}")
    assert answer.status_code == 200, answer.text
    return {one["method"]: (one["usable"], one["reason"]) for one in answer.json()["data"]}


USABLE, NOT_OFFERED = (True, None), (False, "not_offered")


def test_options_are_those_of_the_merchants_routes_with_the_currencys_bounds(door: Door) -> None:
    assert options(door, "currency=EUR&country=DE&amount=500") == {
        "card": USABLE,
        "wallet": USABLE,
        "paypal": NOT_OFFERED,
        "bank_transfer": NOT_OFFERED,
    }
    shown = door.get("/v1/payment-options?currency=EUR&country=DE").json()
    assert shown["currency"] == {
        "code": "EUR",
        "name": "Euro",
        "symbol": "€",
        "exponent": 2,
        "min_amount": 1,
        "max_amount": 9_000_000,
    }
    assert set(shown) == set(SCHEMAS["PaymentOptions"]["properties"])
    assert options(door, "currency=EUR&country=FR")["card"] == NOT_OFFERED
    assert options(door, "currency=USD&country=DE")["card"] == NOT_OFFERED
    too_much = options(door, "currency=EUR&country=DE&amount=9000001")
    assert too_much["card"] == (False, "amount_out_of_range")


def test_amounts_are_those_that_a_checkout_takes(door: Door) -> None:
    shown = door.get("/v1/payment-options?currency=IDR&country=ID").json()["currency"]
    asked = {"currency": "IDR", "country": "ID"}

    assert (shown["min_amount"], shown["max_amount"]) == (100, 160_000_000_000)
    for amount, status in ((99, 422), (shown["min_amount"], 202), (150, 422)):
        answer = door.post("/v1/checkout", asked | {"amount": amount}, "payments:write")
        assert answer.status_code == status, amount
        option = door.get(f"/v1/payment-options?currency=IDR&country=ID&amount={amount}")
        assert option.status_code == (422 if status == 422 else 200), amount
        if status == 422:
            assert option.json()["errors"] == answer.json()["errors"]


def test_without_a_country_the_merchants_own_counts(door: Door) -> None:
    assert options(door, "currency=EUR")["card"] == NOT_OFFERED

    door.sql("UPDATE merchants SET default_country = 'DE' WHERE id = :id", id=OURS)

    assert options(door, "currency=EUR")["card"] == USABLE


def test_a_gateway_held_down_or_behind_an_open_breaker_is_not_offered(door: Door) -> None:
    door.open_breaker("one", "payout")
    assert options(door, "currency=EUR&country=DE")["card"] == USABLE

    door.post("/v1/providers/one/down", {"reason": "why"}, "ops")
    assert options(door, "currency=EUR&country=DE")["card"] == (False, "unavailable")
    door.post("/v1/providers/one/release", None, "ops")
    assert options(door, "currency=EUR&country=DE")["card"] == USABLE

    door.open_breaker("one")
    door.post("/v1/providers/unused/release", None, "ops")  # looks anew, as a second later
    assert options(door, "currency=EUR&country=DE")["card"] == (False, "unavailable")
    door.post("/v1/providers/one/up", {"reason": "we know better"}, "ops")
    assert options(door, "currency=EUR&country=DE")["card"] == USABLE


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("", ["currency"]),
        ("currency=QQQ&country=ZZ", ["currency", "country"]),
        ("currency=JPY", ["currency"]),
        ("currency=EUR&amount=0", ["amount"]),
        ("currency=EUR&amount=1.5", ["amount"]),
        ("currency=EUR&amount=9999999999999", ["amount"]),
        ("currency=EUR&currency=USD", ["currency"]),
        ("currency=EUR&method=card", ["method"]),
    ],
)
def test_a_wrong_question_is_refused_by_its_fields(
    door: Door, query: str, fields: list[str]
) -> None:
    door.sql("UPDATE currencies SET is_active = false WHERE code = 'JPY'")

    answer = door.get(f"/v1/payment-options?{query}")

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == fields


def test_without_redis_breakers_are_unknown_and_everything_else_is_there(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    with TestClient(app()) as client:
        away = replace(door, client=client)

        assert listed(away.get("/v1/providers"))["one"]["breakers"] is None
        assert options(away, "currency=EUR&country=DE")["card"] == USABLE
