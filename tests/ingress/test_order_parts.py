"""What a checkout says beside its money: capturing later, confirming later, the payer, an address."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from domain.checkout import Checkout
from domain.errors import InvalidRequest
from domain.means import Address
from domain.payment import CaptureMethod, Mode
from ingress.order_method import UNREAD
from ingress.orders import parse_checkout

KEY = b"a fingerprint key for these tests"
CUSTOMER = "cus_0198c0deb4567f528c73e5f40618293a"
METHOD = "pm_0198c0deb4567f528c73e5f40618293b"
CARD = {"type": "card", "token": "tok_1"}


def read(**fields: Any) -> Checkout:
    return parse_checkout(json.dumps({"amount": 10000} | fields).encode(), Mode.TEST, KEY)[0]


def refused(**fields: Any) -> list[str]:
    with pytest.raises(InvalidRequest) as error:
        read(**fields)
    assert all(one.fix for one in error.value.errors)
    return [one.field for one in error.value.errors]


def test_by_default_money_is_captured_at_once() -> None:
    checkout = read()

    assert checkout.capture_method is CaptureMethod.AUTOMATIC
    assert checkout.confirm


@pytest.mark.parametrize("method", [{"method": "card"}, {"method": "paypal"}])
def test_what_can_be_held_can_be_captured_later(method: dict[str, Any]) -> None:
    assert read(capture_method="manual", **method).capture_method is CaptureMethod.MANUAL


@pytest.mark.parametrize(
    "method",
    [{"method": "bank_transfer"}, {"payment_method": {"type": "wallet", "wallet_id": "w"}}],
)
def test_what_cannot_be_held_cannot_be_captured_later(method: dict[str, Any]) -> None:
    assert refused(capture_method="manual", **method) == ["capture_method"]
    assert read(capture_method="automatic", **method).amount == 10000


def test_a_payment_waits_for_a_word_if_told_so() -> None:
    assert not read(confirm=False).confirm
    assert read(confirm=None).confirm
    for wrong in ("false", 0, [False]):
        assert refused(confirm=wrong) == ["confirm"]


def test_paypal_is_a_method_with_or_without_a_token() -> None:
    assert read(method="paypal").method.type == "paypal"
    given = read(payment_method={"type": "paypal", "token": "pp_1"}).method
    assert (given.token, given.card) == ("pp_1", None)


def test_holder_and_funding_are_kept() -> None:
    card = {"funding": "debit", "last4": "4242"}
    method = read(payment_method=CARD | {"holder_name": "A. Payer", "card": card}).method

    assert method.holder_name == "A. Payer"
    assert method.card is not None
    assert (method.card.funding, method.card.last4) == ("debit", "4242")
    assert "A. Payer" not in repr(method)
    assert refused(payment_method=CARD | {"card": {"funding": "gold"}}) == [
        "payment_method.card.funding"
    ]


def test_a_billing_address_is_kept_and_stays_out_of_logs() -> None:
    address = {"street": "1 Market St", "city": "San Francisco", "state": "CA", "country": "US"}
    checkout = read(billing_address=address | {"zip_code": "94105"})

    assert checkout.billing == Address("1 Market St", "San Francisco", "CA", "94105", "US")
    assert "Market" not in repr(checkout)
    assert read(billing_address={}).billing == Address()
    assert read().billing is None


def test_the_older_spelling_of_the_postal_code_is_the_same_request() -> None:
    older = read(billing_address={"zipCode": "k1a 0b1", "country": "CA"})
    newer = read(billing_address={"zip_code": "K1A 0B1", "country": "CA"})

    assert older.fingerprint() == newer.fingerprint()
    both = {"zipCode": "94105", "zip_code": "94106"}
    assert refused(billing_address=both) == ["billing_address.zipCode"]


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ({"zip_code": "9410", "country": "US"}, "zip_code"),
        ({"zipCode": "9410", "country": "US"}, "zipCode"),
        ({"zip_code": "94105", "country": "GB"}, "zip_code"),
        ({"zip_code": "SW1A 1AA", "country": "DE"}, "zip_code"),
        ({"zipCode": "10115", "country": "JP"}, "zipCode"),
        ({"zip_code": "100-0001", "country": "ID"}, "zip_code"),
        ({"zip_code": "x" * 13}, "zip_code"),
        ({"country": "XX"}, "country"),
        ({"street": "x" * 201}, "street"),
        ({"city": ""}, "city"),
        ({"planet": "Earth"}, "planet"),
    ],
)
def test_a_wrong_part_of_an_address_is_named(address: dict[str, Any], field: str) -> None:
    assert refused(billing_address=address) == [f"billing_address.{field}"]


def test_a_saved_method_is_named_alone() -> None:
    checkout = read(payment_method={"id": METHOD})

    assert checkout.method is UNREAD
    assert checkout.method_id == UUID("0198c0deb4567f528c73e5f40618293b")
    assert refused(payment_method={"id": METHOD, "token": "t"}) == ["payment_method.token"]
    assert refused(payment_method={"id": METHOD}, method="card") == ["method"]
    for wrong in ("pm_1", CUSTOMER, 7):
        assert refused(payment_method={"id": wrong}) == ["payment_method.id"]


def test_a_saved_customer_may_be_named_in_two_places() -> None:
    short, long = read(customer_id=CUSTOMER), read(customer={"id": CUSTOMER})

    assert short.customer_id == long.customer_id == UUID("0198c0deb4567f528c73e5f40618293a")
    assert short.fingerprint() == long.fingerprint()
    assert read(customer={"id": "my-own-name"}).customer_id is None
    assert refused(customer_id=CUSTOMER, customer={"id": "other"}) == ["customer.id"]
    assert refused(customer_id="customer-42") == ["customer_id"]


@pytest.mark.parametrize(
    "field",
    [
        {"capture_method": "manual"},
        {"confirm": False},
        {"billing_address": {"city": "Graz"}},
        {"payment_method": CARD | {"holder_name": "A"}},
        {"payment_method": CARD | {"card": {"funding": "credit"}}},
        {"payment_method": {"id": METHOD}},
        {"customer_id": CUSTOMER},
    ],
)
def test_every_new_part_makes_another_request(field: dict[str, Any]) -> None:
    assert read(**field).fingerprint() != read(payment_method=CARD).fingerprint()
