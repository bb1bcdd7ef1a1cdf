"""What PayPal refuses of an order: bodies, money, states, and errors played by a header."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.paypal_client import (
    ORDERS,
    Merchant,
    an_order,
    issues,
    name,
    simulator,
)

E422 = "UNPROCESSABLE_ENTITY"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Merchant]:
    running = simulator(tmp_path_factory.mktemp("paypal")).start()
    yield Merchant(running)
    running.stop()


def test_money_is_moved_only_after_the_approval_and_for_what_the_order_is_for(
    shop: Merchant,
) -> None:
    made = shop.made()["id"]
    approved = shop.approved()

    early = shop.post(f"{ORDERS}/{made}/capture", {})
    other = shop.post(f"{ORDERS}/{approved}/authorize", {})

    assert issues(early) == (422, E422, ["ORDER_NOT_APPROVED"])
    assert issues(other) == (422, E422, ["ACTION_DOES_NOT_MATCH_INTENT"])


def test_an_invoice_is_paid_once(shop: Merchant) -> None:
    invoice = name()
    shop.captured(invoice_id=invoice)
    again = shop.approved(invoice_id=invoice)

    answer = shop.post(f"{ORDERS}/{again}/capture", {})

    assert issues(answer) == (422, E422, ["DUPLICATE_INVOICE_ID"])
    assert "sale" not in shop.at.kinds(again)


def changed(path: str, value: Any) -> bytes:
    """An order's body with one field changed, added (`+`), or left out (None)."""
    body: Any = an_order()
    *parents, last = path.split(".")
    place = body
    for part in parents:
        place = place[int(part) if part.isdigit() else part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return json.dumps(body).encode()


UNIT = "purchase_units.0"


@pytest.mark.parametrize(
    ("path", "value", "issue", "field"),
    [
        ("intent", None, "MISSING_REQUIRED_PARAMETER", "/intent"),
        ("intent", "SALE", "INVALID_PARAMETER_VALUE", "/intent"),
        ("shop", "x", "NOT_SUPPORTED", "/shop"),
        ("purchase_units", [], "INVALID_ARRAY_MIN_ITEMS", "/purchase_units"),
        (f"{UNIT}.amount", None, "MISSING_REQUIRED_PARAMETER", "/purchase_units/0/amount"),
        (
            f"{UNIT}.amount.value",
            12.5,
            "INVALID_PARAMETER_SYNTAX",
            "/purchase_units/0/amount/value",
        ),
        (
            f"{UNIT}.amount.value",
            "1,5",
            "INVALID_PARAMETER_SYNTAX",
            "/purchase_units/0/amount/value",
        ),
        (f"{UNIT}.metadata", {"a": "b"}, "NOT_SUPPORTED", "/purchase_units/0/metadata"),
        (f"{UNIT}.custom_id", "x" * 128, "INVALID_STRING_LENGTH", "/purchase_units/0/custom_id"),
        (
            "payment_source.paypal.email_address",
            "nobody",
            "INVALID_PARAMETER_SYNTAX",
            "/payment_source/paypal/email_address",
        ),
    ],
)
def test_a_body_that_breaks_the_schema_is_refused_with_the_field(
    shop: Merchant, path: str, value: Any, issue: str, field: str
) -> None:
    answer = shop.post(ORDERS, changed(path, value))

    assert issues(answer) == (400, "INVALID_REQUEST", [issue])
    assert answer.json["details"][0]["field"] == field


@pytest.mark.parametrize(
    ("value", "currency", "issue"),
    [
        ("12.505", "EUR", "DECIMAL_PRECISION"),
        ("12.50", "JPY", "DECIMAL_PRECISION"),
        ("12.5", "HUF", "DECIMAL_PRECISION"),
        ("0.00", "EUR", "CANNOT_BE_ZERO_OR_NEGATIVE"),
        ("-1.00", "EUR", "CANNOT_BE_ZERO_OR_NEGATIVE"),
        ("12.500", "KWD", "INVALID_CURRENCY_CODE"),
        ("12", "IDR", "INVALID_CURRENCY_CODE"),
    ],
)
def test_money_that_paypal_cannot_take_is_refused(
    shop: Merchant, value: str, currency: str, issue: str
) -> None:
    answer = shop.post(ORDERS, an_order(value, currency))

    assert issues(answer) == (422, E422, [issue])


def test_what_is_not_json_is_refused(shop: Merchant) -> None:
    broken = shop.post(ORDERS, b"{")
    plain = shop.post(ORDERS, b"{}", Content_Type="text/plain")
    large = shop.post(ORDERS, b" " * 70_000)

    assert issues(broken) == (400, "INVALID_REQUEST", ["MALFORMED_REQUEST_JSON"])
    assert issues(plain) == (415, "UNSUPPORTED_MEDIA_TYPE", [])
    assert issues(large)[0] == 413


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("INSTRUMENT_DECLINED", (422, E422, ["INSTRUMENT_DECLINED"])),
        ("TRANSACTION_REFUSED", (422, E422, ["TRANSACTION_REFUSED"])),
        ("INTERNAL_SERVER_ERROR", (500, "INTERNAL_SERVER_ERROR", [])),
        ("PERMISSION_DENIED", (403, "NOT_AUTHORIZED", ["PERMISSION_DENIED"])),
    ],
)
def test_a_header_plays_an_error_and_nothing_is_done(
    shop: Merchant, code: str, said: tuple[int, str, list[str]]
) -> None:
    id_, key = shop.approved(), name()
    mock = json.dumps({"mock_application_codes": code})

    answer = shop.post(f"{ORDERS}/{id_}/capture", {}, key, PayPal_Mock_Response=mock)

    assert issues(answer) == said
    assert shop.post(f"{ORDERS}/{id_}/capture", {}, key).status == 201


def test_without_a_preference_little_is_shown(shop: Merchant) -> None:
    answer = shop.call("POST", ORDERS, an_order(), full=False)

    assert set(answer.json) == {"id", "status", "links"}
