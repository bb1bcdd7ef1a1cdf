"""Card data: found wherever it hides in a body, and never repeated."""

from __future__ import annotations

import random
import time
import uuid
from typing import Any

import pytest

from domain.errors import RawCardDataRefused
from ingress.cards import holds_card_number, refuse_card_data
from ingress.fields import open_body

QUICK_S = 2.0
#: Numbers that the schemes publish for testing.
NUMBERS = {
    "visa": "4111111111111111",
    "visa-13": "4222222222222",
    "mastercard": "5555555555554444",
    "mastercard-2": "2223003122003222",
    "amex": "378282246310005",
    "discover": "6011111111111117",
    "diners": "30569309025904",
    "jcb": "3530111333300000",
    "unionpay": "6200000000000005",
    "maestro": "6759649826438453",
}


@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS.keys())
def test_every_scheme_is_known(number: str) -> None:
    assert holds_card_number(number)


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111.1111.1111.1111",
        "4111  1111 - 1111\u00a01111",
        "4111\u20131111\u20131111\u20131111",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "card:4111111111111111;",
        "x4111111111111111x",
        "12 tickets, 4111 1111 1111 1111, 2 adults",
        "12 4111 1111 1111 1111 99",
        "4111111111111111.00",
        "\uff14" + "\uff11" * 15,
        "http://shop.example.com/?pan=4111111111111111&x=1",
    ],
)
def test_a_number_is_found_however_it_is_written(text: str) -> None:
    assert holds_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # a wrong check digit
        "1234567812345670",  # right, but no scheme begins like this
        "41111111111111",  # no Visa has 14 digits
        "41111111111111111111111",  # a longer run
        "1700000000000",  # milliseconds
        "pay_0198c0de7f3a7c519a3d5f0e4b2a6d18",
        "+49 30 1234567",
        "2026-03-31 12:00:00",
        "",
    ],
)
def test_other_numbers_are_let_through(text: str) -> None:
    assert not holds_card_number(text)


def test_random_order_numbers_are_rarely_taken_for_cards() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    numbers = [f"{draw.randrange(10**15, 10**16)}" for _ in range(2_000)]

    assert sum(map(holds_card_number, numbers)) < 200  # a tenth passes Luhn, a third has a scheme


@pytest.mark.parametrize(
    "text",
    [
        *("4 " * 32_768, "0 " * 32_768, "4" * 65_536, "4 1 " * 16_384, "4-1 .  " * 9_000),
        *("-" * 65_536, "4-" * 32_768, "a" * 65_536, "41111111-" * 7_000),
    ],
    ids=[
        *("fours", "zeros", "one run", "pairs", "separators", "hyphens", "hyphenated"),
        *("letters", "half uuids"),
    ],
)
def test_a_body_of_digits_does_not_hold_up_the_loop(text: str) -> None:
    began = time.thread_time()  # a busy machine takes longer, and the loop no harm

    holds_card_number(text)

    assert time.thread_time() - began < QUICK_S


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"order_id": "4111111111111111"}', "order_id"),
        ('{"metadata": {"note": "my card is 4111 1111 1111 1111"}}', "metadata.note"),
        ('{"metadata": {"4111111111111111": "x"}}', "metadata"),
        ('{"4111-1111-1111-1111": 1}', "body"),
        ('{"a": [0, {"b": "4111111111111111"}]}', "a[1].b"),
        ('{"amount": 4111111111111111}', "amount"),
        ('{"amount": 4111111111111111.0}', "amount"),
        ('["4111111111111111"]', "[0]"),
        ('{"cvv": "123"}', "cvv"),
        ('{"payment_method": {"CVC": 1}}', "payment_method.CVC"),
        ('{"card_number": null}', "card_number"),
        ('{"cardNumber": ""}', "cardNumber"),
        ('{"metadata": {"Card-Number": "x"}}', "metadata.Card-Number"),
        ('{"a\\u0000": 1, "b": "4111111111111111"}', "b"),
        ('{"a": 1, "a": "4111111111111111"}', "a"),
    ],
)
def test_card_data_is_refused_before_anything_else_and_only_its_place_is_told(
    body: str, field: str
) -> None:
    with pytest.raises(RawCardDataRefused) as refused:
        open_body(body.encode())

    assert refused.value.field == field
    assert "1111" not in refused.value.detail
    assert "1111" not in repr(refused.value)


@pytest.mark.parametrize(
    "value", [None, True, 1, 4111111111111111000000, "x", {"a": [1, None, "b"]}, []]
)
def test_an_innocent_value_is_let_through(value: Any) -> None:
    refuse_card_data(value)


def test_random_uuids_are_no_card_numbers() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    for _ in range(20_000):
        id_ = uuid.UUID(int=draw.getrandbits(128), version=4)
        assert not holds_card_number(f"order {id_}"), id_
        assert not holds_card_number(f"pay_{id_.hex}"), id_


def test_a_telephone_number_is_no_card_where_one_is_asked_for() -> None:
    looks_like_a_card = "+4222222222222"  # thirteen digits, in Visa's range, Luhn-valid

    refuse_card_data({"phone": looks_like_a_card})

    for body in (
        {"note": looks_like_a_card},
        {"phone": looks_like_a_card[1:]},
        {"phone": "+378282246310005"},
        {"phone": "4111111111111111"},
    ):
        with pytest.raises(RawCardDataRefused):
            refuse_card_data(body)
