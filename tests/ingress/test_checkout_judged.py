"""A checkout is held against what this house and its merchant take, unless it was answered before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.directory import Snapshot, as_shipped, check
from domain.errors import AmountOutOfRange
from domain.payment import Payment
from ingress import checkout as judged
from tests.builders import MERCHANT, a_runtime
from tests.ingress.till import ALL, Till, a_till


def made(till: Till, answer: Any) -> Payment:
    """Return the payment that an accepted checkout made."""
    assert answer.status_code == 202, answer.text
    (payment,) = (kept.row for kept in till.stage.memory.books.payments if kept.row.version == 1)
    found: Payment = payment
    return found


def fields(answer: Any) -> list[str]:
    return [one["field"] for one in answer.json()["errors"]]


def a_counter(**settled: Any) -> Till:
    """A till without a payment, whose merchant has settled something."""
    till = Till(a_runtime())
    till.key = till.book.add(merchant_id=MERCHANT, scopes=ALL, **settled)
    return till


def test_an_amount_outside_its_currencys_bounds_is_refused() -> None:
    most = as_shipped().currencies["USD"].max_minor
    till = a_counter()
    with till.open():
        refused = till.post("/v1/checkout", {"amount": most + 1})
        accepted = till.post("/v1/checkout", {"amount": most})

    said = refused.json()
    assert (refused.status_code, said["code"]) == (422, "amount_out_of_range")
    assert str(most) in said["detail"]
    assert accepted.status_code == 202


def test_the_payers_own_country_counts_most_then_the_requests_then_the_merchants() -> None:
    bodies: list[tuple[dict[str, Any], str]] = [
        ({"customer": {"country": "AT"}, "country": "DE"}, "AT"),
        ({"country": "DE"}, "DE"),
        ({}, "ID"),
    ]
    for body, country in bodies:
        till = a_counter(default_country="ID")
        with till.open():
            payment = made(till, till.post("/v1/checkout", {"amount": 100} | body))
        assert payment.country == country


def test_a_country_or_currency_that_is_switched_off_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shipped = as_shipped()
    closed = Snapshot(
        {**shipped.currencies, "EUR": replace(shipped.currencies["EUR"], active=False)},
        {**shipped.countries, "DE": replace(shipped.countries["DE"], supported=False)},
    )
    monkeypatch.setattr(judged, "check", lambda _, *asked: check(closed, *asked))
    till = a_counter()
    with till.open():
        assert fields(till.post("/v1/checkout", {"amount": 1, "currency": "EUR"})) == ["currency"]
        assert fields(till.post("/v1/checkout", {"amount": 1, "country": "DE"})) == ["country"]
        assert till.post("/v1/checkout", {"amount": 1, "country": "AT"}).status_code == 202


@pytest.mark.parametrize(
    ("url", "accepted"),
    [
        ("https://shop.example.com/thanks", True),
        ("https://SHOP.example.com/thanks", True),
        ("https://shop.example.com:8443/thanks", True),
        ("https://evil.example.com/shop.example.com", False),
        ("https://shop.example.com.evil.example.com/", False),
        ("https://evil.example.com/?x=https://shop.example.com", False),
        ("https://a.shop.example.com/", False),
        ("http://localhost/thanks", False),
    ],
)
def test_a_payer_returns_only_to_hosts_that_the_merchant_lists(url: str, accepted: bool) -> None:
    till = a_counter(return_url_hosts=("shop.example.com",))
    with till.open():
        answer = till.post("/v1/checkout", {"amount": 100, "return_url": url})

    assert answer.status_code == (202 if accepted else 422), answer.text
    assert accepted or fields(answer) == ["return_url"]


def test_a_merchant_who_lists_no_host_may_name_any() -> None:
    till = a_counter()
    with till.open():
        url = "https://anywhere.example.com/"
        assert till.post("/v1/checkout", {"amount": 100, "return_url": url}).status_code == 202


def test_what_was_accepted_before_is_answered_so_whatever_is_taken_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    till = a_counter()
    with till.open():
        first = till.post("/v1/checkout", {"amount": 100}, key="k")
        monkeypatch.setattr(judged, "check", refuse)
        again = till.post("/v1/checkout", {"amount": 100}, key="k")
        other = till.post("/v1/checkout", {"amount": 101}, key="k")
        fresh = till.post("/v1/checkout", {"amount": 100}, key="l")
        monkeypatch.undo()
        later = till.post("/v1/checkout", {"amount": 100}, key="l")

    assert (again.status_code, again.content) == (202, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (fresh.status_code, fresh.json()["code"]) == (422, "amount_out_of_range")
    assert later.status_code == 202
    assert "Idempotent-Replayed" not in later.headers, "a refusal has not used the key up"


def refuse(*_: object) -> None:
    raise AmountOutOfRange("nothing is taken today")


def test_without_a_database_nothing_saved_can_be_named() -> None:
    till = a_till()
    with till.open():
        body = {"amount": 100, "customer_id": "cus_" + "0" * 32}
        answer = till.post("/v1/checkout", body)

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
