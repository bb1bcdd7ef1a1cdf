"""What the database refuses of customers, payment methods and merchants, past all code."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError

from domain.payment import Mode
from domain.people import Asker, Means, MethodType, Profile
from ops.store.people import people
from tests.store.conftest import MERCHANT, PEPPER, Books

pytestmark = pytest.mark.services

ASKER = Asker(MERCHANT, Mode.TEST, "0123456789abcdef")


def a_customer(books: Books) -> UUID:
    kept = people(books.engine, books.vault, PEPPER, books.new_id)
    return kept.customers.create(ASKER, Profile("c-1")).id


def a_method(books: Books, customer: UUID) -> UUID:
    kept = people(books.engine, books.vault, PEPPER, books.new_id)
    return kept.methods.add(ASKER, customer, Means(MethodType.CARD, "tok")).id


@pytest.mark.parametrize(
    ("change", "law"),
    [
        ("mode = 'staging'", "customers_mode"),
        ("country_code = 'usa'", "customers_country"),
        ("metadata = '[]'", "customers_metadata_object"),
        ("anonymized_at = now()", "customers_anonymized"),
    ],
)
def test_a_customer_that_cannot_be_is_refused(books: Books, change: str, law: str) -> None:
    id_ = a_customer(books)
    with pytest.raises(DBAPIError, match=law):
        books.sql(f"UPDATE customers SET {change} WHERE id = :id", id=id_)


@pytest.mark.parametrize(
    ("change", "law"),
    [
        ("type = 'cash'", "payment_methods_type"),
        ("funding = 'gift'", "payment_methods_funding"),
        ("last4 = '42424'", "payment_methods_last4"),
        ("exp_month = 13", "payment_methods_exp_month"),
        ("exp_year = 30", "payment_methods_exp_year"),
        ("card_country = 'x'", "payment_methods_card_country"),
        ("token = NULL", "payment_methods_payable"),
        ("next_run_at = now()", "payment_methods_job_after_deletion"),
        ("deleted_at = now()", "payment_methods_deleted_is_no_default"),
        ("gateway_id = 'nowhere'", "payment_methods_gateway"),
        ("mode = 'live'", "payment_methods_live_token_has_a_vault"),
        ("mode = 'live', token = NULL, wallet_id = 'w'", "payment_methods_customer"),
        ("parked_at = now()", "payment_methods_parked"),
    ],
)
def test_a_payment_method_that_cannot_be_is_refused(books: Books, change: str, law: str) -> None:
    id_ = a_method(books, a_customer(books))
    with pytest.raises(DBAPIError, match=law):
        books.sql(f"UPDATE payment_methods SET {change} WHERE id = :id", id=id_)


def test_an_external_id_is_unique_for_a_merchant_in_a_mode(books: Books) -> None:
    a_customer(books)
    insert = (
        "INSERT INTO customers (id, merchant_id, mode, external_id)"
        " VALUES (:id, :merchant, :mode, :name)"
    )
    with pytest.raises(DBAPIError, match="customers_external_id"):
        books.sql(insert, id=books.new_id(), merchant=MERCHANT, mode="test", name="c-1")
    books.sql(insert, id=books.new_id(), merchant=MERCHANT, mode="live", name="c-1")
    for _ in range(2):
        books.sql(insert, id=books.new_id(), merchant=MERCHANT, mode="test", name=None)


def test_a_second_default_is_refused_until_the_first_is_deleted(books: Books) -> None:
    customer = a_customer(books)
    first, second = a_method(books, customer), a_method(books, customer)
    choose = "UPDATE payment_methods SET is_default = true WHERE id = :id"
    with pytest.raises(DBAPIError, match="payment_methods_one_default"):
        books.sql(choose, id=second)
    books.sql(
        "UPDATE payment_methods SET is_default = false, deleted_at = now() WHERE id = :id", id=first
    )
    books.sql(choose, id=second)


def test_a_method_cannot_belong_to_another_merchants_customer(books: Books) -> None:
    method, other = a_method(books, a_customer(books)), books.new_id()
    books.sql("INSERT INTO merchants (id, name) VALUES (:id, 'Other')", id=other)
    with pytest.raises(DBAPIError, match="payment_methods_customer"):
        books.sql("UPDATE payment_methods SET merchant_id = :m WHERE id = :id", m=other, id=method)


def test_a_customer_with_methods_cannot_be_removed(books: Books) -> None:
    customer = a_customer(books)
    a_method(books, customer)
    with pytest.raises(DBAPIError, match="foreign key"):
        books.sql("DELETE FROM customers WHERE id = :id", id=customer)


@pytest.mark.parametrize(
    ("change", "law"),
    [
        ("rate_limit_per_minute = 0", "merchants_rate_limit"),
        ("settlement_currency = 'euro'", "merchants_currency"),
        ("default_country = 'de'", "merchants_country"),
        ("deleted_at = now()", "merchants_deleted"),
        ("metadata = '1'", "merchants_metadata"),
    ],
)
def test_a_merchant_that_cannot_be_is_refused(books: Books, change: str, law: str) -> None:
    with pytest.raises(DBAPIError, match=law):
        books.sql(f"UPDATE merchants SET {change} WHERE id = :id", id=MERCHANT)
