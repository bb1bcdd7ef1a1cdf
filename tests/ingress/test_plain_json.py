"""Plain JSON: what is taken at a glance is what a close look would have found, or less."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.checkout import Checkout
from domain.errors import DomainError
from domain.idempotency import fingerprint
from domain.means import Address, Card, Customer, Method
from domain.payment import CaptureMethod
from ingress.cards import refuse_card_data
from ingress.plain_json import MAX_BRACKETS, MAX_NAME, MAX_NAMES, read_plain
from ingress.strict_json import loads, refuse_unclean

CHECKOUT = {
    "amount": 10_000,
    "currency": "USD",
    "order_id": "order-9981",
    "customer": {"id": "user-8812", "ip": "203.0.113.44", "country": None},
    "payment_method": {"type": "card", "token": "tok_visa", "card": {"exp_year": 2030}},
    "metadata": {"cart": "c-1", "gift": "true"},
    "confirm": True,
}


def looked_at(body: bytes) -> Any:
    """Return what the close look finds; None: it refuses something."""
    try:
        document = loads(body)
        refuse_card_data(document)
        refuse_unclean(document)
    except DomainError:
        return None
    return document


@pytest.mark.parametrize("indent", [None, 2])
def test_an_ordinary_checkout_is_plain(indent: int | None) -> None:
    body = json.dumps(CHECKOUT, indent=indent).encode()

    assert read_plain(body) == CHECKOUT == looked_at(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b'{"a": [{"b": 1, "b": 2}]}',
        b'{"a" : 1, "a": 2}',
        b'{"a"\t: 1, "a": 2, "c": ":"}',
        b'{"a"\n:": x", "a":": x"}',
        b'{"a"\r\n:1,"a":1}',
        b'{"a": "\\u0000"}',
        b'{"a": "\x7f"}',
        b'{"a": "\xc2\x85"}',
        '{"a": "١٢٣٤"}'.encode(),
        b'{"a": 100.00}',
        b'{"a": [1e3]}',
        b'{"a": NaN}',
        b'{"a": 99999999999999999999999}',
        b'{"note": "4111 1111 1111 1111"}',
        b'{"note": "4.1.1.1-1111\\u0031 1111 1111"}',
        b'{"4111111111111111": 1}',
        b'{"a": 4111111111111111}',
        b'{"a": [["4111-1111-1111-1111"]]}',
        b'{"card": {"C-V_V 2": "123"}}',
        b'{"CardNumber": "x"}',
        b"[1]",
        b'"text"',
        b"",
        b'{"a": 1,}',
        b'{"a": 1} {}',
        b'{"a": ' + b"[" * MAX_BRACKETS + b"]" * MAX_BRACKETS + b"}",
        b'{"' + b"n" * (MAX_NAME + 1) + b'": 1}',
        json.dumps({f"n{n}": n for n in range(MAX_NAMES + 1)}).encode(),
    ],
)
def test_what_needs_a_close_look_gets_one(body: bytes) -> None:
    assert read_plain(body) is None


def test_a_text_that_begins_with_a_colon_is_no_name() -> None:
    body = b'{"a":":","b":{"c":": x"}}'

    assert read_plain(body) is None, "it is counted as a name, and that is the safe side"
    assert looked_at(body) == {"a": ":", "b": {"c": ": x"}}


PIECES = st.sampled_from(
    [
        *("{", "}", "[", "]", ":", " :", "\t:", ",", '"a"', '"b"', '":"', '""', '"cvc"', '"card"'),
        *(" ", "\n", "1", "-1", "0", "1.5", "1e3", "true", "null", "NaN", '"4111 1111"', "1111"),
        *('"1111 1111"', '"4111111111111111"', '"\\u0041"', '"\x7f"', '"é"', "9" * 13, '"x'),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b", "cvv", ":", "pin block"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@pytest.mark.uncounted
@settings(max_examples=500, print_blob=True)
@given(
    st.lists(PIECES, max_size=25).map("".join)
    | st.lists(PIECES, max_size=12).map(lambda some: "{" + ",".join(some) + "}")
    | st.lists(st.tuples(st.sampled_from(['"a"', '"b"', '"cvv"']), PIECES, PIECES)).map(
        lambda pairs: "{" + ",".join(f"{name}{space}:{value}" for name, space, value in pairs) + "}"
    )
    | VALUES.map(lambda value: json.dumps(value, ensure_ascii=False))
)
def test_whatever_is_plain_is_what_the_close_look_finds(text: str) -> None:
    body = text.encode("utf-8", "surrogatepass")

    found = read_plain(body)

    if found is not None:
        assert found == looked_at(body)
        assert repr(found) == repr(looked_at(body)), "1 is not True"


@pytest.mark.parametrize(
    "checkout",
    [
        Checkout(100, "USD", Method("card")),
        Checkout(
            *(100, "USD", Method("card", "tok", Card("f", "visa", "4242", 1, 2030), "A")),
            customer=Customer("c", "a@example.com", "203.0.113.1", "DE"),
            metadata={"é": "ü", "a": "b"},
            capture_method=CaptureMethod.MANUAL,
            confirm=False,
            customer_id=UUID(int=1),
            method_id=UUID(int=2),
            billing=Address("s", "c", None, "1", "DE"),
        ),
    ],
    ids=["bare", "full"],
)
def test_a_fingerprint_is_of_everything_that_was_said(checkout: Checkout) -> None:
    said = asdict(checkout)
    for name in ("customer_id", "method_id"):
        said[name] = said[name].hex if said[name] else None

    assert checkout.fingerprint() == fingerprint("checkout", said)
