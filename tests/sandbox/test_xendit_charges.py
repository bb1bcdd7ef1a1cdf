"""The Xendit simulator's own rules about charges: what it refuses, and what it does twice."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.xenditing import Shop, a_card, a_number, a_reference, a_wallet, refused, shop

__all__ = ["shop"]  # a fixture

CREATE = "/v3/payment_requests"


def kinds(shop: Shop, charge: Any) -> list[str]:
    """What the books say about a charge's money."""
    made = shop.simulator.kinds(charge["reference_id"])
    moved = ("authorization", "sale", "capture", "void", "chargeback")
    return [kind for kind in made if kind in moved]


def test_a_card_is_charged_at_once(shop: Shop) -> None:
    charge = shop.charge(a_card())

    assert charge["status"] == "SUCCEEDED"
    assert charge["request_amount"] == 12500
    assert shop.paid(charge)["captures"][0]["capture_amount"] == 12500
    assert kinds(shop, charge) == ["sale"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": 1}, "API_VALIDATION_ERROR"),
        ({"request_amount": "much"}, "API_VALIDATION_ERROR"),
        ({"request_amount": 0}, "INVALID_VALUE_ERROR"),
        ({"request_amount": 12500.5}, "INVALID_VALUE_ERROR"),
        ({"currency": "KWD"}, "API_VALIDATION_ERROR"),
        ({"country": "PH"}, "INVALID_VALUE_ERROR"),
        ({"type": "GIVE"}, "API_VALIDATION_ERROR"),
        ({"capture_method": "LATER"}, "API_VALIDATION_ERROR"),
        ({"reference_id": ""}, "API_VALIDATION_ERROR"),
        ({"reference_id": "r" * 256}, "API_VALIDATION_ERROR"),
        ({"description": ""}, "API_VALIDATION_ERROR"),
        ({"metadata": {"n" * 41: "v"}}, "API_VALIDATION_ERROR"),
        ({"metadata": {str(number): "" for number in range(51)}}, "API_VALIDATION_ERROR"),
        ({"channel_code": "DANA"}, "API_VALIDATION_ERROR"),
        ({"channel_properties": {"skip": True}}, "API_VALIDATION_ERROR"),
        ({"channel_properties": {"success_return_url": "http://s.ex/"}}, "API_VALIDATION_ERROR"),
    ],
    ids=str,
)
def test_a_request_that_is_wrong_is_refused(shop: Shop, changes: dict[str, Any], code: str) -> None:
    order = a_card() | changes
    answered = shop.post(CREATE, order)

    assert refused(answered) == (400, code)
    assert shop.simulator.kinds(order["reference_id"] or "none") == []


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (a_wallet(channel_code="CARDS"), "INVALID_VALUE_ERROR"),
        (a_wallet(channel_code="CASH"), "INVALID_VALUE_ERROR"),
        (a_wallet(channel_code="GCASH"), "INVALID_VALUE_ERROR"),
        (a_wallet(capture_method="MANUAL"), "INVALID_VALUE_ERROR"),
        (a_wallet(request_amount=99), "INVALID_VALUE_ERROR"),
        (a_wallet(request_amount=20_000_001), "INVALID_VALUE_ERROR"),
        (a_wallet(channel_properties={}), "API_VALIDATION_ERROR"),
        (a_number(request_amount=9_999), "INVALID_VALUE_ERROR"),
        (
            a_number(channel_properties={"expires_at": "2020-01-01T00:00:00Z"}),
            "API_VALIDATION_ERROR",
        ),
        (a_number(channel_properties={"expires_at": "tomorrow"}), "API_VALIDATION_ERROR"),
    ],
    ids=lambda value: value if isinstance(value, str) else value["channel_code"],
)
def test_a_channel_has_its_own_limits(shop: Shop, order: dict[str, Any], code: str) -> None:
    assert refused(shop.post(CREATE, order)) == (400, code)


def test_who_one_is_and_what_one_speaks_comes_before_everything(shop: Shop) -> None:
    order = a_card()

    assert refused(shop.post(CREATE, order, Authorization="Basic eDo=")) == (401, "INVALID_API_KEY")
    wrong = shop.post(CREATE, order, **{"api-version": "2023-01-01"})
    assert refused(wrong) == (400, "API_VALIDATION_ERROR")
    typed = shop.post(CREATE, order, **{"Content-Type": "text/plain"})
    assert refused(typed) == (415, "UNSUPPORTED_CONTENT_TYPE")
    assert refused(shop.post(CREATE, b"{")) == (400, "API_VALIDATION_ERROR")
    assert refused(shop.get("/v3/payment_requests/pr-0")) == (404, "DATA_NOT_FOUND")
    assert refused(shop.get("/v9/anything")) == (404, "NOT_FOUND")
    assert shop.simulator.kinds(order["reference_id"]) == []


def test_a_card_is_protected_by_its_reference_and_nothing_else_is_protected(shop: Shop) -> None:
    card, wallet = a_card(), a_wallet()

    charge = shop.charge(card)
    assert refused(shop.post(CREATE, card, "key")) == (409, "DUPLICATE_ERROR")
    assert kinds(shop, charge) == ["sale"]

    first, second = shop.charge(wallet), shop.charge(wallet)
    assert first["payment_request_id"] != second["payment_request_id"]
    for each in (first, second):
        assert shop.decides(each, "approve").status == 200
    assert kinds(shop, first) == ["sale", "sale"]
    totals = shop.simulator.admin("GET", "/ledger/summary")["totals"]
    assert wallet["reference_id"] in totals["charged_more_than_once"]


@pytest.mark.parametrize(
    ("token", "answer"),
    [
        ("pt-expired", (400, "CARD_EXPIRED")),
        ("pt-blocked", (400, "BLOCKED_TOKEN")),
        ("pt-unheard-of", (404, "DATA_NOT_FOUND")),
        ("tok_1", (404, "DATA_NOT_FOUND")),
    ],
)
def test_a_token_that_cannot_be_charged_is_refused(
    shop: Shop, token: str, answer: tuple[int, str]
) -> None:
    assert refused(shop.post(CREATE, a_card(payment_token_id=token))) == answer


def test_a_token_is_forgotten_once(shop: Shop) -> None:
    path = "/v3/payment_tokens/pt-card-once"
    assert shop.get(path).json["status"] == "ACTIVE"

    assert shop.post(f"{path}/cancel", {}).json["status"] == "CANCELED"

    assert refused(shop.post(f"{path}/cancel", {})) == (400, "INVALID_TOKEN")
    charged = shop.post(CREATE, a_card(payment_token_id="pt-card-once"))
    assert refused(charged) == (400, "INVALID_TOKEN")
    assert shop.get(path).json["status"] == "CANCELED"


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (10051, "EXPIRED_CARD"),
        (10052, "SUSPECTED_FRAUDULENT"),
        (10053, "DECLINED_BY_PROCESSOR"),
        (10054, "INSUFFICIENT_BALANCE"),
        (10055, "STOLEN_CARD"),
        (10056, "INACTIVE_OR_UNAUTHORIZED_CARD"),
        (10057, "PROCESSOR_ERROR"),
        (10058, "INVALID_CVV"),
        (10059, "DECLINED_BY_ISSUER"),
    ],
)
def test_a_test_amount_fails_as_documented(shop: Shop, amount: int, code: str) -> None:
    charge = shop.charge(a_card(request_amount=amount))

    assert (charge["status"], charge["failure_code"]) == ("FAILED", code)
    assert shop.paid(charge)["failure_code"] == code
    assert kinds(shop, charge) == []


def test_the_dong_has_test_amounts_of_its_own_and_no_decimals(shop: Shop) -> None:
    dong = {"currency": "VND", "country": "VN"}

    failed = shop.charge(a_card(request_amount=400700, **dong))
    assert failed["failure_code"] == "STOLEN_CARD"
    paid = shop.charge(a_card(request_amount=10051, **dong))
    assert (paid["status"], paid["request_amount"]) == ("SUCCEEDED", 10051)
    halved = shop.post(CREATE, a_card(request_amount=10051.5, **dong))
    assert refused(halved) == (400, "INVALID_VALUE_ERROR")
    (line,) = shop.simulator.lines(paid["payment_request_id"])[:1]
    assert (line["amount"], line["currency"]) == (10051, "VND")


def test_the_books_count_in_iso_minor_units(shop: Shop) -> None:
    rupiah = shop.charge(a_card())
    pesos = shop.charge(a_card(currency="PHP", country="PH", request_amount=12.5))

    assert shop.simulator.lines(rupiah["payment_request_id"])[0]["amount"] == 1_250_000
    assert shop.simulator.lines(pesos["payment_request_id"])[0]["amount"] == 1250
    assert pesos["request_amount"] == 12.5


def test_a_cards_bank_asks_on_its_page(shop: Shop) -> None:
    charge = shop.charge(a_card(channel_properties={"skip_three_ds": False}))
    assert charge["status"] == "REQUIRES_ACTION"
    (action,) = charge["actions"]
    assert (action["type"], action["descriptor"]) == ("REDIRECT_CUSTOMER", "WEB_URL")
    page = shop.simulator.send("GET", action["value"].removeprefix(shop.simulator.url))
    assert b"12,500.00 IDR" in page.body
    assert b"prefers-color-scheme: dark" in page.body

    assert b"This payment is paid." in shop.decides(charge, "approve").body

    assert shop.shown(charge)["status"] == "SUCCEEDED"
    assert b"This payment is paid." in shop.decides(charge, "decline").body  # too late
    assert kinds(shop, charge) == ["sale"]


def test_a_payer_may_refuse_and_a_frictionless_card_is_never_asked(shop: Shop) -> None:
    asked = {"channel_properties": {"skip_three_ds": False}}
    card, wallet = shop.charge(a_card(**asked)), shop.charge(a_wallet())
    shop.decides(card, "decline")
    shop.decides(wallet, "decline")

    assert shop.shown(card)["failure_code"] == "AUTHENTICATION_FAILED"
    assert shop.shown(wallet)["failure_code"] == "USER_DECLINED_PAYMENT"
    smooth = shop.charge(a_card(payment_token_id="pt-frictionless", **asked))
    assert smooth["status"] == "SUCCEEDED"


def test_a_card_the_network_never_wants_to_see_again_says_so(shop: Shop) -> None:
    charge = shop.charge(a_card(payment_token_id="pt-advice"))

    details = shop.paid(charge)["payment_details"]["authorization_data"]
    assert details == {"merchant_advice_code": "03"}


def test_a_channel_on_the_phone_asks_the_payer_itself(shop: Shop) -> None:
    number = {"account_mobile_number": "+6281234567890"}
    order = a_wallet(channel_code="OVO", channel_properties=number)
    silent = a_wallet(channel_code="OVO", channel_properties={})
    assert refused(shop.post(CREATE, silent)) == (400, "API_VALIDATION_ERROR")

    charge = shop.charge(order)

    assert (charge["status"], charge["actions"]) == ("REQUIRES_ACTION", [])
    shop.lever(charge, "approve")
    assert shop.shown(charge)["status"] == "SUCCEEDED"


def test_a_number_is_paid_by_transfer_and_only_the_whole(shop: Shop) -> None:
    charge = shop.charge(a_number())
    (action,) = charge["actions"]
    assert (action["type"], action["descriptor"]) == (
        "PRESENT_TO_CUSTOMER",
        "VIRTUAL_ACCOUNT_NUMBER",
    )
    path = f"/v3/payment_requests/{charge['payment_request_id']}/simulate"

    assert refused(shop.post(path, {"amount": 12499})) == (400, "INVALID_VALUE_ERROR")
    assert shop.post(path, {"amount": 12500}).json["status"] == "PENDING"

    shop.told("payment.capture", charge["payment_request_id"])
    assert shop.shown(charge)["status"] == "SUCCEEDED"


def test_money_may_come_after_the_end_and_the_request_stays_as_it_ended(shop: Shop) -> None:
    charge = shop.charge(a_number())
    shop.lever(charge, "settle", to="expired")
    shop.told("payment_request.expiry", charge["payment_request_id"])

    shop.lever(charge, "pay_late")

    assert shop.shown(charge)["status"] == "EXPIRED"
    assert shop.paid(charge)["status"] == "SUCCEEDED"
    assert kinds(shop, charge) == ["sale"]


def test_a_request_can_be_cancelled_only_while_its_payer_has_to_act(shop: Shop) -> None:
    waits, paid = shop.charge(a_wallet()), shop.charge(a_card())
    held = shop.charge(a_card(capture_method="MANUAL"))

    def cancel(charge: Any) -> Any:
        return shop.post(f"{CREATE}/{charge['payment_request_id']}/cancel", {})

    assert cancel(waits).json["status"] == "CANCELED"
    assert refused(cancel(waits)) == (400, "INACTIVE_PAYMENT_REQUEST")
    assert refused(cancel(paid)) == (400, "INACTIVE_PAYMENT_REQUEST")
    assert refused(cancel(held)) == (400, "INELIGIBLE_TRANSACTION_STATUS")
    shop.decides(waits, "approve")
    assert kinds(shop, waits) == []


def test_a_hold_is_collected_once_in_whole_or_in_part(shop: Shop) -> None:
    held = shop.charge(a_card(capture_method="MANUAL"))
    assert held["status"] == "AUTHORIZED"
    path = f"/v3/payments/{held['latest_payment_id']}/capture"

    assert refused(shop.post(path, {"capture_amount": 12501})) == (400, "CAPTURE_AMOUNT_EXCEEDED")
    assert refused(shop.post(path, {})) == (400, "API_VALIDATION_ERROR")
    assert refused(shop.post(path, {"capture_amount": 0.5})) == (400, "INVALID_VALUE_ERROR")
    assert shop.post(path, {"capture_amount": 10000}).json["status"] == "SUCCEEDED"
    again = shop.post(path, {"capture_amount": 2500})
    assert refused(again) == (400, "INELIGIBLE_TRANSACTION_STATUS")
    gone = shop.post(f"/v3/payments/{held['latest_payment_id']}/cancel", {})
    assert refused(gone) == (400, "INELIGIBLE_TRANSACTION_STATUS")
    assert kinds(shop, held) == ["authorization", "capture"]


def test_listing_by_reference_is_not_documented_and_is_not_there(shop: Shop) -> None:
    assert shop.get(f"{CREATE}?reference_id={a_reference()}").status == 405
