"""Checkouts: what is accepted, what it becomes, and how everything else is refused."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers

from domain.checkout import Checkout
from domain.errors import DomainError, InvalidRequest, KeyRequired, RawCardDataRefused
from domain.means import Card
from domain.payment import Mode
from ingress.orders import parse_checkout
from ingress.problems import problem_of
from ingress.schemas import parse_idempotency_key, parse_order

KEY = b"a fingerprint key for these tests"
ID = UUID("0198c0de-7f3a-7c51-9a3d-5f0e4b2a6d18")
CARD = {"type": "card", "token": "tok_visa"}


def read(mode: Mode = Mode.TEST, **fields: Any) -> Checkout:
    body = json.dumps({"amount": 10000} | fields).encode()
    return parse_checkout(body, mode, KEY)[0]


def refused(raw: bytes | None = None, mode: Mode = Mode.TEST, **fields: Any) -> dict[str, str]:
    """Refuse the body, and return the reasons by field."""
    body = raw if raw is not None else json.dumps({"amount": 10000} | fields).encode()
    with pytest.raises(InvalidRequest) as error:
        parse_checkout(body, mode, KEY)
    assert all(one.fix for one in error.value.errors)
    return {one.field: one.reason for one in error.value.errors}


def order(headers: dict[str, str], mode: Mode = Mode.TEST, **fields: Any) -> tuple[Checkout, str]:
    body = json.dumps({"amount": 10000, "payment_method": CARD} | fields).encode()
    return parse_order(body, Headers(headers), mode, KEY, lambda: ID)


def test_the_shortest_test_checkout_pays_with_the_test_card_in_dollars() -> None:
    body = b'{"amount": 10000, "provider_preference": "midtrans"}'

    checkout, key = parse_checkout(body, Mode.TEST, KEY)

    assert (checkout.amount, checkout.currency) == (10000, "USD")
    assert (checkout.method.type, checkout.method.token) == ("card", "tok_visa")
    assert checkout.preference == "midtrans"
    assert key is None


def test_a_live_checkout_never_invents_a_payment_method() -> None:
    assert "payment_method" in refused(mode=Mode.LIVE)
    assert "payment_method" in refused(mode=Mode.LIVE, method="card")
    assert read(Mode.LIVE, payment_method=CARD).method.token == "tok_visa"
    assert read(Mode.LIVE, method="bank_transfer").method.type == "bank_transfer"


def test_every_field_arrives_where_it_belongs() -> None:
    checkout = read(
        currency="EUR",
        order_id="order-1",
        country="DE",
        payment_method=CARD
        | {
            "holder_name": "A Payer",
            "card": {
                "fingerprint": "fp_1",
                "brand": "visa",
                "last4": "4242",
                "exp_month": 12,
                "exp_year": 2030,
                "country": "FR",
            },
        },
        customer={"id": "c 1", "email": "payer@example.com", "ip": "2001:DB8::1", "country": "AT"},
        capture_method="automatic",
        return_url="https://shop.example.com/thanks?o=1",
        description="Two tickets",
        metadata={"cart": "c-77"},
    )

    assert checkout.method.card == Card("fp_1", "visa", "4242", 12, 2030, "FR")
    assert checkout.customer.email == "payer@example.com"
    assert checkout.customer.ip == "2001:db8::1"
    assert (checkout.country, checkout.customer.country) == ("DE", "AT")
    assert checkout.metadata == {"cart": "c-77"}
    assert (checkout.order_id, checkout.description) == ("order-1", "Two tickets")
    assert checkout.return_url == "https://shop.example.com/thanks?o=1"


def test_null_counts_as_left_out() -> None:
    nothing: dict[str, Any] = dict.fromkeys(
        ("order_id", "country", "customer", "metadata", "payment_method")
    )

    assert read(**nothing).fingerprint() == read().fingerprint()


def test_a_card_is_recognised_by_its_token_under_our_key_only() -> None:
    def fingerprint(token: str, key: bytes) -> str | None:
        body = {"amount": 1, "payment_method": {"type": "card", "token": token}}
        card = parse_checkout(json.dumps(body).encode(), Mode.TEST, key)[0].method.card
        assert card is not None
        return card.fingerprint

    first = fingerprint("tok_a", KEY)
    assert first == fingerprint("tok_a", KEY)
    assert len({first, fingerprint("tok_b", KEY), fingerprint("tok_a", KEY[::-1])}) == 3
    assert "tok_a" not in str(first)


def test_the_alias_and_the_long_form_are_one_request() -> None:
    short = read(method="bank_transfer")
    long = read(payment_method={"type": "bank_transfer"})

    assert short.fingerprint() == long.fingerprint()


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        ("100.00", "100.00 is refused: send 10000 (minor units)"),
        ("10.5", "10.5 is refused: send 1050 (minor units)"),
        ('"100.00"', "100.00 is refused: send 10000 (minor units)"),
        ('"10000"', "is a string"),
        ("100.005", "100.005 is not an integer"),
        ("1e2", "1e2 is not an integer"),
        ("NaN", "NaN is not an integer"),
        ("Infinity", "Infinity is not an integer"),
        ("1e400", "1e400 is not an integer"),
        ("9" * 5_000, "has too many digits"),
        ("1000000000000000000", "1000000000000000000 is outside 1..999999999999"),
        ("0", "0 is outside 1..999999999999"),
        ("-5", "-5 is outside 1..999999999999"),
        ("true", "is not an integer"),
        ("[1]", "is not an integer"),
        ("{}", "is not an integer"),
        ('"\N{ARABIC-INDIC DIGIT ONE}"', "\N{ARABIC-INDIC DIGIT ONE} is not an integer"),
        ("null", "is missing"),
    ],
)
def test_an_amount_is_an_integer_of_minor_units(amount: str, reason: str) -> None:
    body = f'{{"amount": {amount}}}'.encode()

    assert refused(body) == {"amount": reason}


@pytest.mark.parametrize(
    ("currency", "minor"), [("JPY", 100), ("USD", 10000), ("KWD", 100000), ("IDR", 10000)]
)
def test_the_advice_about_a_decimal_knows_the_currency(currency: str, minor: int) -> None:
    body = f'{{"amount": 100.00, "currency": "{currency}"}}'.encode()

    assert refused(body)["amount"] == f"100.00 is refused: send {minor} (minor units)"


def test_rupiah_are_whole() -> None:
    assert refused(amount=1050, currency="IDR")["amount"] == "IDR moves in whole units only"
    assert read(amount=1000000, currency="IDR").amount == 1000000


def test_all_errors_come_at_once() -> None:
    reasons = refused(
        b"""{"amount": 1.5, "currency": "usd", "order_id": "a b", "country": "de", "merchant_id": 1,
        "capture_method": "later", "return_url": "http://shop.example.com", "description": "",
        "payment_method": {"type": "crypto", "pin": 1}, "customer": {"ip": "localhost", "email": "x"},
        "metadata": {"a": 1}, "provider_preference": "Stripe!"}"""
    )

    assert set(reasons) == {
        *("amount", "currency", "order_id", "country", "merchant_id", "capture_method"),
        *("return_url", "description", "payment_method.type", "payment_method.pin"),
        *("customer.ip", "customer.email", "metadata.a", "provider_preference"),
    }


@pytest.mark.parametrize(
    "field", ["merchant_id", "status", "provider", "fraud_score", "mode", "Amount", ""]
)
def test_an_unknown_field_is_refused(field: str) -> None:
    body = json.dumps({"amount": 1, field: "x"}).encode()

    assert refused(body) == {field: "is not a field of this request"}


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"order_id": "x" * 51}, "order_id"),
        ({"order_id": "a/b"}, "order_id"),
        ({"order_id": 7}, "order_id"),
        ({"order_id": ""}, "order_id"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": "EURO"}, "currency"),
        ({"country": "XX"}, "country"),
        ({"country": ["DE"]}, "country"),
        ({"description": "x" * 501}, "description"),
        ({"metadata": {str(n): "" for n in range(51)}}, "metadata"),
        ({"metadata": {"k" * 41: ""}}, "metadata." + "k" * 40 + "..."),
        ({"metadata": {"": ""}}, "metadata."),
        ({"metadata": {"k": "v" * 501}}, "metadata.k"),
        ({"metadata": {"k": {"x": "y"}}}, "metadata.k"),
        ({"metadata": ["k"]}, "metadata"),
        ({"method": "cash"}, "method"),
        ({"method": "card", "payment_method": {"type": "paypal"}}, "method"),
        ({"payment_method": "card"}, "payment_method"),
        ({"payment_method": {"token": "t"}}, "payment_method.type"),
        ({"payment_method": {"type": "card"}}, "payment_method.token"),
        ({"payment_method": CARD | {"token": "a b"}}, "payment_method.token"),
        ({"payment_method": CARD | {"wallet_id": "w"}}, "payment_method.wallet_id"),
        ({"payment_method": CARD | {"number": "1"}}, "payment_method.number"),
        ({"payment_method": {"type": "wallet"}}, "payment_method.wallet_id"),
        ({"payment_method": {"type": "paypal", "card": {}}}, "payment_method.card"),
        ({"payment_method": CARD | {"card": {"last4": "42424"}}}, "payment_method.card.last4"),
        ({"payment_method": CARD | {"card": {"last4": 4242}}}, "payment_method.card.last4"),
        ({"payment_method": CARD | {"card": {"exp_month": 13}}}, "payment_method.card.exp_month"),
        ({"payment_method": CARD | {"card": {"exp_month": True}}}, "payment_method.card.exp_month"),
        ({"payment_method": CARD | {"card": {"exp_year": 30}}}, "payment_method.card.exp_year"),
        ({"customer": {"email": "a@b"}}, "customer.email"),
        ({"customer": {"email": "a@b.c@d.e"}}, "customer.email"),
        ({"customer": {"ip": "10.0.0.256"}}, "customer.ip"),
        ({"customer": {"ip": "fe80::1%eth0"}}, "customer.ip"),
        ({"customer": {"ip": 167772161}}, "customer.ip"),
        ({"customer": {"name": "x"}}, "customer.name"),
        ({"idempotency_key": "a b"}, "idempotency_key"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], wrong: str) -> None:
    assert list(refused(**fields)) == [wrong]


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example.com",
        "https://shop.example.com:8443/a?b=c#d",
        "http://localhost:3000/back",
        "http://127.0.0.1/back",
        "http://[::1]:3000/",
    ],
)
def test_a_safe_return_url_is_accepted(url: str) -> None:
    assert read(return_url=url).return_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example.com",
        "http://localhost.evil.example",
        "javascript:alert(1)",
        "//shop.example.com",
        "shop.example.com",
        "https://",
        "https:///path",
        "https://user@shop.example.com",
        "https://shop.example.com\\@evil.example",
        "https://shop.example.com:99999",
        "https://[::1",
        "https://shop example.com",
        "https://sh\u00f6p.example.com",
        "https://shop.example.com/" + "x" * 2_048,
        7,
    ],
)
def test_any_other_return_url_is_refused(url: Any) -> None:
    assert list(refused(return_url=url)) == ["return_url"]


@pytest.mark.parametrize(
    "text", ["x\r\nSet-Cookie: y", "x\u0000", "\ud800", "x\ty"], ids=["crlf", "nul", "half", "tab"]
)
@pytest.mark.parametrize("field", ["order_id", "description", "idempotency_key"])
def test_control_characters_are_refused_in_any_field(field: str, text: str) -> None:
    body = json.dumps({"amount": 1, field: text}).encode()

    assert list(refused(body)) == [field]


def test_card_data_is_refused_even_where_the_field_is_wrong_anyway() -> None:
    for body in (
        {"order_id": "4111111111111111"},
        {"nonsense": "4111 1111 1111 1111"},
        {"payment_method": CARD | {"card": {"number": "4111111111111111"}}},
        {"payment_method": CARD | {"cvc": "123"}},
    ):
        with pytest.raises(RawCardDataRefused):
            read(**body)


def test_the_header_names_the_request_and_the_body_may_too() -> None:
    assert order({"Idempotency-Key": "k-1"})[1] == "k-1"
    assert order({}, idempotency_key="k-2")[1] == "k-2"
    assert order({"Idempotency-Key": "k-3"}, idempotency_key="k-3")[1] == "k-3"
    with pytest.raises(InvalidRequest, match="differs"):
        order({"Idempotency-Key": "k-4"}, idempotency_key="k-5")


def test_the_key_is_not_part_of_what_is_asked_for() -> None:
    with_key, _ = order({}, idempotency_key="k-2")

    assert with_key.fingerprint() == order({})[0].fingerprint()


def test_only_a_live_request_must_bring_a_key() -> None:
    assert order({})[1] == f"auto-{ID.hex}"
    with pytest.raises(KeyRequired):
        order({}, Mode.LIVE)


@pytest.mark.parametrize("key", ["", " ", "a b", "\x00", "a\x7f", "caf\xe9", "k" * 256])
def test_a_key_that_logs_or_tables_would_choke_on_is_refused(key: str) -> None:
    headers = Headers(raw=[(b"idempotency-key", key.encode("latin-1"))])

    with pytest.raises(InvalidRequest) as error:
        parse_idempotency_key(headers)

    assert error.value.errors[0].field == "Idempotency-Key"


def test_a_key_of_255_characters_is_the_longest() -> None:
    assert parse_idempotency_key(Headers({"Idempotency-Key": "~" * 255})) == "~" * 255


def test_two_different_key_headers_are_refused_and_two_equal_ones_are_one() -> None:
    def headers(*keys: bytes) -> Headers:
        return Headers(raw=[(b"idempotency-key", key) for key in keys])

    assert parse_idempotency_key(headers(b"k", b"k")) == "k"
    with pytest.raises(InvalidRequest):
        parse_idempotency_key(headers(b"k", b"l"))


def test_a_card_number_is_no_key() -> None:
    with pytest.raises(RawCardDataRefused):
        parse_idempotency_key(Headers({"Idempotency-Key": "4111-1111-1111-1111"}))


FIELDS = st.sampled_from(
    [
        *("amount", "currency", "order_id", "country", "method", "payment_method", "customer"),
        *("metadata", "return_url", "description", "idempotency_key", "capture_method"),
        *("provider_preference", "token", "type", "card", "last4", "exp_month", "ip", "email"),
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["card", "USD", "DE", "https://a.example", "10.00", "tok", "4242"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(FIELDS | st.text(), inner, max_size=5)
    ),
    max_leaves=15,
)


@pytest.mark.uncounted
@settings(max_examples=150, print_blob=True)
@given(st.dictionaries(FIELDS | st.text(), VALUES, max_size=8), st.sampled_from(list(Mode)))
def test_any_object_is_a_checkout_or_a_clear_refusal(body: dict[str, Any], mode: Mode) -> None:
    try:
        checkout, _ = parse_checkout(json.dumps(body).encode(), mode, KEY)
    except DomainError as refusal:
        problem = problem_of(refusal)
        assert problem.status in {400, 422}
        assert problem.body("POST /v1/checkout", "request")
    else:
        assert checkout.money().minor == checkout.amount
        assert len(checkout.fingerprint()) == 32


@settings(max_examples=300, print_blob=True)
@given(st.binary(max_size=2_000))
def test_any_bytes_are_refused_clearly(body: bytes) -> None:
    with pytest.raises(DomainError) as refusal:
        parse_checkout(body, Mode.TEST, KEY)

    assert problem_of(refusal.value).status in {400, 422}
