"""Payment methods over HTTP: saved as tokens, one default, deleted once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import pytest

from domain.ids import Kind, parse
from domain.payment import Mode
from domain.people import MAX_METHODS, Asker, card_fingerprint
from ingress.contract.people_examples import NEW_METHOD
from ingress.orders import METHODS, parse_checkout
from ingress.payment_methods import PaymentMethods
from ops.seed import DEMO_MERCHANT
from ops.store.people import People
from tests.ingress.people.conftest import Shop

pytestmark = pytest.mark.services

PATH = "/v1/payment-methods"


@pytest.fixture
def customer(shop: Shop) -> str:
    return str(shop.made("/v1/customers", {})["id"])


def card(customer: str, **more: Any) -> dict[str, Any]:
    return NEW_METHOD | {"customer_id": customer, "token": "tok_pat"} | more


def test_a_card_is_saved_by_its_token_which_nobody_sees_again(shop: Shop, customer: str) -> None:
    answer = shop.call("POST", PATH, card(customer, gateway_id="one"))

    assert answer.status_code == 201
    made = answer.json()
    path = f"{PATH}/{made['id']}"
    assert answer.headers["Location"] == path
    assert made["card"]["last4"] == "4242"
    assert (made["card"]["funding"], made["gateway_id"], made["is_default"]) == (
        *("unknown", "one"),
        True,
    )
    listed = shop.call("GET", f"{PATH}?customer_id={customer}")
    assert listed.json() == {"data": [made]}
    assert shop.call("GET", path).json() == made
    assert "tok_pat" not in answer.text + listed.text


def test_a_saved_card_is_the_card_of_a_checkout_with_its_token(shop: Shop, customer: str) -> None:
    made = shop.made(PATH, card(customer))
    key = b"any"
    checkout, _ = parse_checkout(
        b'{"amount": 1, "payment_method": {"type": "card", "token": "tok_pat"}}', Mode.TEST, key
    )
    assert checkout.method.card is not None
    assert checkout.method.card.fingerprint == card_fingerprint(key, "tok_pat")
    again = shop.made(PATH, card(customer))
    assert again["card"]["fingerprint"] == made["card"]["fingerprint"]
    own = shop.made(PATH, card(customer, card={"fingerprint": "mine"}))
    assert own["card"]["fingerprint"] == "mine"
    shared = shop.made(PATH, card(customer, token="tok_visa"))
    assert shared["card"]["fingerprint"] is None


@pytest.mark.parametrize(
    "body",
    [
        {"type": "wallet", "wallet_id": "+6281200000000"},
        {"type": "wallet", "token": "tok_w"},
        {"type": "paypal", "token": "tok_p", "paypal_email": "pat@mail.example"},
        {"type": "bank_transfer", "token": "tok_b"},
    ],
)
def test_every_type_is_saved(shop: Shop, customer: str, body: dict[str, Any]) -> None:
    made = shop.made(PATH, {"customer_id": customer} | body)

    assert made["type"] == body["type"]
    assert made["type"] in METHODS
    assert (made["wallet_id"], made["paypal_email"], made["card"]) == (
        *(body.get("wallet_id"), body.get("paypal_email")),
        None,
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "cash"}, "type"),
        ({"type": None}, "type"),
        ({"token": None}, "token"),
        ({"token": "a b"}, "token"),
        ({"customer_id": None}, "customer_id"),
        ({"customer_id": 7}, "customer_id"),
        ({"customer_id": "cus_1"}, "customer_id"),
        ({"gateway_id": "nowhere"}, "gateway_id"),
        ({"wallet_id": "w"}, "wallet_id"),
        ({"paypal_email": "pat@mail.example"}, "paypal_email"),
        ({"type": "wallet"}, "card"),
        ({"card": {"last4": "424"}}, "card.last4"),
        ({"card": {"exp_month": 13}}, "card.exp_month"),
        ({"card": {"exp_year": 30}}, "card.exp_year"),
        ({"card": {"funding": "gift"}}, "card.funding"),
        ({"card": {"country": "UK"}}, "card.country"),
        ({"make_default": "yes"}, "make_default"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_field_is_refused_once_by_name(
    shop: Shop, customer: str, change: dict[str, Any], field: str
) -> None:
    answer = shop.call("POST", PATH, card(customer) | change)

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert shop.sql("SELECT 1 FROM payment_methods") == []


def test_a_card_number_is_no_token(shop: Shop, customer: str) -> None:
    for change in ({"token": "4242424242424242"}, {"card": {"cvc": "123"}}):
        answer = shop.call("POST", PATH, card(customer) | change)
        assert (answer.status_code, answer.json()["code"]) == (422, "raw_card_data_refused")


def test_a_live_token_needs_its_vault(shop: Shop) -> None:
    key = shop.key(mode=Mode.LIVE)
    made = shop.call("POST", "/v1/customers", {}, key=key).json()

    answer = shop.call("POST", PATH, card(made["id"]), key=key)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["gateway_id"]
    wallet = {"customer_id": made["id"], "type": "wallet", "wallet_id": "w"}
    assert shop.call("POST", PATH, wallet, key=key).status_code == 201


def test_fifty_calls_at_once_leave_one_default(shop: Shop, customer: str) -> None:
    methods = [shop.made(PATH, card(customer))["id"] for _ in range(5)]

    with ThreadPoolExecutor(16) as threads:
        answers = list(
            threads.map(lambda n: shop.call("POST", f"{PATH}/{methods[n % 5]}/default"), range(50))
        )

    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.json()["is_default"] for answer in answers)
    listed = shop.call("GET", f"{PATH}?customer_id={customer}").json()["data"]
    assert [one["is_default"] for one in listed].count(True) == 1


def test_a_deleted_method_is_gone_and_the_second_time_too(shop: Shop, customer: str) -> None:
    path = f"{PATH}/{shop.made(PATH, card(customer))['id']}"

    assert shop.call("DELETE", path).status_code == 204
    for method, below in (("DELETE", ""), ("GET", ""), ("POST", "/default")):
        answer = shop.call(method, path + below)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert shop.call("GET", f"{PATH}?customer_id={customer}").json() == {"data": []}
    (row,) = shop.sql("SELECT next_run_at IS NOT NULL AS due FROM payment_methods")
    assert row["due"]


def test_too_many_are_refused(shop: Shop, customer: str) -> None:
    method = {"customer_id": customer, "type": "bank_transfer", "token": "t"}
    answers = [shop.call("POST", PATH, method) for _ in range(MAX_METHODS + 1)]

    assert [answer.status_code for answer in answers] == [201] * MAX_METHODS + [409]
    assert answers[-1].json()["code"] == "limit_reached"


def test_law_15_another_merchant_and_the_other_mode_see_nothing(shop: Shop, customer: str) -> None:
    made = shop.made(PATH, card(customer))
    path = f"{PATH}/{made['id']}"

    for key in (shop.stranger(), shop.key(mode=Mode.LIVE)):
        for method, where, body in (
            ("GET", path, None),
            ("DELETE", path, None),
            ("POST", f"{path}/default", None),
            ("GET", f"{PATH}?customer_id={customer}", None),
            ("POST", PATH, card(customer, gateway_id="one")),
        ):
            assert shop.call(method, where, body, key=key).status_code == 404, (method, where)
    assert shop.call("GET", path).json() == made


def test_reading_and_writing_are_two_scopes(shop: Shop, customer: str) -> None:
    path = f"{PATH}/{shop.made(PATH, card(customer))['id']}"
    reader, writer = shop.key(scopes=("payments:read",)), shop.key(scopes=("payments:write",))

    for method, where in (("GET", path), ("GET", f"{PATH}?customer_id={customer}")):
        assert shop.call(method, where, key=writer).status_code == 403
        assert shop.call(method, where, key=reader).status_code == 200
    for method, where in (("POST", PATH), ("POST", f"{path}/default"), ("DELETE", path)):
        assert shop.call(method, where, key=reader).status_code == 403


@pytest.mark.parametrize("query", ["", "?customer_id=", "?customer_id=cus_1", "?limit=1"])
def test_a_list_needs_its_customer(shop: Shop, query: str) -> None:
    assert shop.call("GET", PATH + query).status_code in (404, 422)


def test_a_checkout_finds_a_method_of_its_own_merchant_alone(
    shop: Shop, kept: People, customer: str
) -> None:
    id_ = parse(Kind.PAYMENT_METHOD, shop.made(PATH, card(customer))["id"])
    methods = PaymentMethods(kept, b"")

    found = anyio.run(methods.find, id_, DEMO_MERCHANT, Mode.TEST)
    assert found is not None
    assert found.method.token == "tok_pat"
    assert found.method.card is not None
    assert found.method.card.last4 == "4242"
    assert anyio.run(methods.find, id_, DEMO_MERCHANT, Mode.LIVE) is None
    assert anyio.run(methods.find, id_, id_, Mode.TEST) is None
    kept.methods.delete(Asker(DEMO_MERCHANT, Mode.TEST, "k"), id_)
    assert anyio.run(methods.find, id_, DEMO_MERCHANT, Mode.TEST) is None
