"""A checkout becomes a payment, or is refused with the field, the reason and the fix."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.checkout import Checkout
from domain.commands import Command
from domain.errors import InvalidRequest
from domain.means import Card, Customer, Method
from domain.money import CURRENCIES, MAX_MINOR, Money
from domain.payment import Mode, Payment, Status
from tests.builders import MERCHANT, NOON, PAYMENT

PLAIN = Checkout(5_000, "USD", Method("card", "tok_secret"))


def created(checkout: Checkout) -> Payment:
    return checkout.payment(PAYMENT, MERCHANT, Mode.LIVE, NOON, timedelta(minutes=30), "req-1")


def test_a_new_payment_is_pending_and_due_for_screening_at_once() -> None:
    payment = created(PLAIN)

    assert (payment.status, payment.next_command) == (Status.PENDING, Command.SCREEN)
    assert (payment.due.next_run_at, payment.due.parked, payment.due.starts) == (NOON, None, 0)
    assert payment.expires_at == NOON + timedelta(minutes=30)
    assert (payment.id, payment.merchant_id, payment.mode) == (PAYMENT, MERCHANT, Mode.LIVE)
    assert payment.money == Money(5_000, CURRENCIES["USD"])
    assert (payment.request_id, payment.version) == ("req-1", 1)


def test_everything_the_merchant_said_is_kept() -> None:
    said: dict[str, Any] = {
        "order_id": "o-1",
        "country": "DE",
        "customer": Customer("c-1", "a@example.com", "192.0.2.1", "FR"),
        "preference": "stripe-eu",
        "description": "two tickets",
        "return_url": "https://shop.example/back",
        "metadata": {"seat": "4"},
        "method": Method("card", "tok", Card("fp", "visa", "4242", 12, 2030, "DE")),
    }

    payment = created(replace(PLAIN, **said))

    assert {name: getattr(payment, name) for name in said} == said


@pytest.mark.parametrize(
    ("country", "customers", "routed_as"),
    [("DE", "FR", "DE"), (None, "FR", "FR"), (None, None, None)],
)
def test_the_customers_country_stands_in(
    country: str | None, customers: str | None, routed_as: str | None
) -> None:
    checkout = replace(PLAIN, country=country, customer=Customer(country=customers))

    assert created(checkout).country == routed_as


@pytest.mark.parametrize(
    ("amount", "currency", "field"),
    [
        (0, "USD", "amount"),
        (-1, "USD", "amount"),
        (MAX_MINOR + 1, "USD", "amount"),
        (100, "XXX", "currency"),
        (100, "usd", "currency"),
        (100, "", "currency"),
        (1_050, "IDR", "amount"),
        (1, "IDR", "amount"),
    ],
)
def test_a_wrong_amount_is_refused_with_its_field_and_a_fix(
    amount: int, currency: str, field: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        created(replace(PLAIN, amount=amount, currency=currency))

    (error,) = refusal.value.errors
    assert error.field == field
    assert error.reason
    assert error.fix


@pytest.mark.parametrize(
    ("amount", "currency"),
    [(1, "USD"), (MAX_MINOR, "USD"), (1, "JPY"), (1, "KWD"), (100, "IDR"), (1_000_000, "IDR")],
)
def test_the_edges_of_what_is_right_pass(amount: int, currency: str) -> None:
    money = replace(PLAIN, amount=amount, currency=currency).money()

    assert money == Money(amount, CURRENCIES[currency])


@given(code=st.sampled_from(sorted(CURRENCIES)), whole=st.integers(min_value=1, max_value=10**6))
def test_whole_units_pass_in_every_currency(code: str, whole: int) -> None:
    amount = whole * 10 ** CURRENCIES[code].exponent

    assert replace(PLAIN, amount=amount, currency=code).money().minor == amount


def test_secrets_stay_out_of_repr() -> None:
    shown = repr(replace(PLAIN, customer=Customer("c", "a@example.com", "192.0.2.1")))

    assert "tok_secret" not in shown
    assert "a@example.com" not in shown
    assert "192.0.2.1" not in shown
    assert "tok_secret" not in repr(created(PLAIN))
