"""What the document says of people is what the door takes and gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from domain.means import Card
from domain.merchant import Merchant, Scope
from domain.payment import Mode
from domain.people import Address, Means, MethodType, Person, Profile, SavedCustomer, SavedMethod
from ingress import people_out
from ingress.authentication import Caller
from ingress.contract import people_examples as examples
from ingress.contract.people_schemas import SCHEMAS
from ingress.customers import Customers
from ingress.merchant import Merchant as MerchantHandlers
from ingress.merchant import parse_rotation
from ingress.methods_in import parse_method
from ingress.payment_methods import PaymentMethods
from ingress.people_in import parse_customer, parse_customer_change
from ops.store.merchants import NewKey
from tests.ingress.rig import Door

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
ID = UUID("0198c0de-7f3a-7c51-9a3d-5f0e4b2a6d18")
CALLER = Caller(ID, Mode.TEST, "4f1c2a9be07d6358", frozenset({Scope.READ.value}), 100)
ADDRESS = Address("1 High Street", "Leeds", "GB", None, "LS1 4DY")
CUSTOMER = SavedCustomer(ID, Mode.TEST, Profile(person=Person(billing_address=ADDRESS)), NOW, NOW)
METHOD = SavedMethod(
    ID, ID, Mode.TEST, Means(MethodType.CARD, "tok_secret", card=Card()), True, NOW, NOW
)
KEY = NewKey("9d03b7c1e2f48a65", "pl_test_secret", ("payments:read",), None, NOW)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("SavedCustomer", people_out.customer_json(CUSTOMER)),
        ("Address", people_out.customer_json(CUSTOMER)["billing_address"]),
        ("SavedPaymentMethod", people_out.method_json(METHOD)),
        ("Merchant", people_out.merchant_json(Merchant(ID, "Shop", NOW, NOW), CALLER)),
        ("NewKey", people_out.key_json(KEY, CALLER)),
    ],
)
def test_a_schema_has_exactly_the_fields_that_are_sent(name: str, shown: Mapping[str, Any]) -> None:
    schema = SCHEMAS[name]

    assert set(schema["properties"]) == set(shown)
    assert set(schema["required"]) <= set(shown)
    for part, value in shown.items():
        if isinstance(value, dict) and "properties" in schema["properties"][part]:
            assert set(value) == set(schema["properties"][part]["properties"]), part


def test_a_token_is_in_nothing_that_is_sent() -> None:
    assert "tok_secret" not in json.dumps(people_out.method_json(METHOD))


def test_the_examples_are_taken_by_the_door() -> None:
    profile = parse_customer(json.dumps(examples.NEW_CUSTOMER).encode())
    asked = parse_method(json.dumps(examples.NEW_METHOD).encode(), Mode.TEST, b"key")
    rotation = parse_rotation(json.dumps(examples.ROTATION).encode())

    assert profile.external_id == examples.NEW_CUSTOMER["external_id"]
    assert asked.means.token == examples.NEW_METHOD["token"]
    assert rotation.overlap_s == examples.ROTATION["overlap_s"]


def test_the_door_knows_every_field_of_the_document() -> None:
    names = SCHEMAS["NewCustomer"]["properties"]
    parse_customer_change(json.dumps(dict.fromkeys(names)).encode())
    rotation = SCHEMAS["KeyRotation"]["properties"]
    parse_rotation(json.dumps(dict.fromkeys(rotation)).encode())
    method = SCHEMAS["NewPaymentMethod"]["properties"]
    card = dict.fromkeys(method["card"]["properties"])
    body = dict.fromkeys(method) | examples.NEW_METHOD | {"card": card}
    parse_method(json.dumps(body).encode(), Mode.TEST, b"key")


def test_without_books_every_route_says_that_it_is_unavailable() -> None:
    door = Door()
    key = door.book.add(scopes=frozenset(Scope))
    routes = [
        *Customers(None).routes(),
        *PaymentMethods(None, b"").routes(),
        *MerchantHandlers(None).routes(),
    ]
    for mount in door.app.routes[:2]:
        mount.app.routes[:] = routes  # type: ignore[attr-defined]
    client = door.client(key)

    for route in routes:
        path = "/v1" + route.path.replace("{id}", "cus_" + "0" * 32)
        for method in (route.methods or set()) - {"HEAD"}:
            answer = client.request(method, path, json={})
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), path
            assert int(answer.headers["Retry-After"]) >= 1
