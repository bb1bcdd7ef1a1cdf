"""A checkout that names a saved customer or payment method is made with what is saved."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.checkout import Checkout
from domain.errors import InvalidRequest
from domain.ids import Kind, parse
from domain.means import Address, Card, Customer
from domain.payment import CaptureMethod, Mode
from domain.people import Asker
from ingress.checkout import looked_up
from ingress.order_method import UNREAD
from ops.seed import DEMO_MERCHANT
from ops.store.people import People
from tests.ingress.people.conftest import Shop

ASKER = Asker(DEMO_MERCHANT, Mode.TEST, "k")
HOME = {"street": "1 Market St", "city": "San Francisco", "country": "US", "zip_code": "94105"}


def a_customer(shop: Shop) -> UUID:
    body = {"email": "payer@example.com", "country": "AT", "billing_address": HOME}
    return parse(Kind.CUSTOMER, shop.made("/v1/customers", body)["id"])


def a_method(shop: Shop, customer: UUID, **changes: Any) -> UUID:
    body = {
        "customer_id": f"cus_{customer.hex}",
        "type": "card",
        "token": "tok_7",
        "card": {"fingerprint": "fp", "brand": "visa", "last4": "4242", "funding": "debit"},
    }
    return parse(Kind.PAYMENT_METHOD, shop.made("/v1/payment-methods", body | changes)["id"])


def asked(**changes: Any) -> Checkout:
    said: dict[str, Any] = {"amount": 100, "currency": "USD", "method": UNREAD}
    return Checkout(**(said | changes))


def refused(kept: People, asker: Asker = ASKER, **changes: Any) -> list[str]:
    with pytest.raises(InvalidRequest) as error:
        looked_up(kept, asker, asked(**changes))
    assert all(one.fix for one in error.value.errors)
    return [one.field for one in error.value.errors]


def test_a_saved_method_brings_its_token_its_card_and_its_customer(
    shop: Shop, kept: People
) -> None:
    customer = a_customer(shop)
    id_ = a_method(shop, customer)

    found = looked_up(kept, ASKER, asked(method_id=id_))

    assert (found.method.type, found.method.token) == ("card", "tok_7")
    assert found.method.card == Card("fp", "visa", "4242", funding="debit")
    assert (found.method_id, found.customer_id) == (id_, customer)
    assert found.customer == Customer(f"cus_{customer.hex}", "payer@example.com", None, "AT")
    assert found.billing == Address("1 Market St", "San Francisco", None, "94105", "US")
    assert found.preference is None


def test_what_the_request_says_counts_more_than_what_is_saved(shop: Shop, kept: People) -> None:
    customer = Customer(id="my-name", email="other@example.com", country="DE")
    said = asked(customer_id=a_customer(shop), customer=customer, billing=Address(city="Graz"))

    found = looked_up(kept, ASKER, said)

    assert (found.customer, found.billing) == (customer, Address(city="Graz"))


def test_a_token_goes_to_the_gateway_whose_vault_it_is_in(shop: Shop, kept: People) -> None:
    id_ = a_method(shop, a_customer(shop), gateway_id="one")

    assert looked_up(kept, ASKER, asked(method_id=id_, preference="two")).preference == "one"


def test_what_is_not_the_merchants_own_is_not_there(shop: Shop, kept: People) -> None:
    customer = a_customer(shop)
    id_ = a_method(shop, customer)
    strangers = [Asker(UUID(int=7), Mode.TEST, "k"), Asker(DEMO_MERCHANT, Mode.LIVE, "k")]
    for asker in strangers:
        assert refused(kept, asker, method_id=id_) == ["payment_method.id"]
        assert refused(kept, asker, customer_id=customer) == ["customer_id"]
    assert refused(kept, method_id=UUID(int=7)) == ["payment_method.id"]


def test_a_deleted_method_and_an_anonymized_customer_are_gone(shop: Shop, kept: People) -> None:
    customer = a_customer(shop)
    id_ = a_method(shop, customer)
    shop.call("DELETE", f"/v1/payment-methods/pm_{id_.hex}")
    assert refused(kept, method_id=id_) == ["payment_method.id"]

    shop.call("DELETE", f"/v1/customers/cus_{customer.hex}")
    assert refused(kept, customer_id=customer) == ["customer_id"]


def test_a_method_is_not_used_for_another_customer(shop: Shop, kept: People) -> None:
    id_ = a_method(shop, a_customer(shop))

    assert refused(kept, method_id=id_, customer_id=a_customer(shop)) == ["payment_method.id"]


def test_a_saved_method_that_cannot_be_held_is_not_captured_later(shop: Shop, kept: People) -> None:
    id_ = a_method(shop, a_customer(shop), type="bank_transfer", card=None)

    manual = CaptureMethod.MANUAL
    assert refused(kept, method_id=id_, capture_method=manual) == ["capture_method"]
    assert looked_up(kept, ASKER, asked(method_id=id_)).method.type == "bank_transfer"
