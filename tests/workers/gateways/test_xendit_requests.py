"""What Xendit is asked for, byte by byte, and what it has no words for."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from domain.ids import Kind, public
from domain.means import Method
from domain.payment import Payment
from domain.payout import Destination
from domain.task import Capture, Charge, GiveBack, PayOut, Void
from tests.contract.made import a_payment, a_refund_row, money, within
from tests.workers.gateways.xendit_spoken import (
    ACCOUNT,
    CARD,
    OFFLINE,
    a_charge,
    a_known_hold,
    a_payout_of,
    adapter_at,
    answer,
    asked,
    capturing,
    error,
    paying_out,
    refunding,
    rupiah,
    shown_payment,
    shown_request,
)
from workers.gateways.xendit import Xendit

REFERENCE = "0" * 32


def composed(payment: Payment, adapter: Xendit = OFFLINE) -> dict[str, Any] | None:
    body = adapter.compose(Charge(payment), REFERENCE)
    return None if body is None else json.loads(body)


def test_a_card_is_charged_by_its_token() -> None:
    payment = rupiah(id=UUID(int=7), description="Two chairs")

    assert OFFLINE.compose(Charge(payment), REFERENCE) == (
        b'{"reference_id":"00000000000000000000000000000000","type":"PAY","country":"ID",'
        b'"currency":"IDR","request_amount":12500,"capture_method":"AUTOMATIC",'
        b'"payment_token_id":"pt-card","channel_properties":{"skip_three_ds":false,'
        b'"success_return_url":"https://shop.example/done",'
        b'"failure_return_url":"https://shop.example/done"},"description":"Two chairs",'
        b'"metadata":{"cart":"42","paylink_payment_id":"'
        + public(Kind.PAYMENT, payment.id).encode()
        + b'"}}'
    )


@pytest.mark.parametrize(
    ("minor", "currency", "number"),
    [
        (100, "IDR", b"1"),
        (1_250_000, "IDR", b"12500"),
        (1250, "PHP", b"12.50"),
        (1, "PHP", b"0.01"),
        (100, "THB", b"1.00"),
        (7, "VND", b"7"),
        (999_999_999_999, "PHP", b"9999999999.99"),
    ],
)
def test_an_amount_is_written_exactly(minor: int, currency: str, number: bytes) -> None:
    body = OFFLINE.compose(Charge(a_payment(minor, currency, method=CARD)), REFERENCE)

    assert body is not None
    assert b'"request_amount":' + number + b"," in body


@pytest.mark.parametrize(
    ("minor", "currency"),
    [(50, "IDR"), (1_250_001, "IDR"), (0, "PHP"), (1250, "EUR"), (1250, "USD"), (1250, "KWD")],
    ids=["half a rupiah", "a sen", "nothing", "euro", "dollar", "3 digits"],
)
def test_what_xendit_cannot_count_is_not_asked_for(minor: int, currency: str) -> None:
    assert composed(a_payment(minor, currency, method=CARD)) is None


@pytest.mark.parametrize(
    ("currency", "exponent", "country"),
    [
        ("IDR", 0, "ID"),
        ("VND", 0, "VN"),
        ("PHP", 2, "PH"),
        ("THB", 2, "TH"),
        ("MYR", 2, "MY"),
        ("SGD", 2, "SG"),
        ("HKD", 2, "HK"),
        ("MXN", 2, "MX"),
    ],
)
def test_a_currency_of_xendits_countries_is_collected_in_its_own(
    currency: str, exponent: int, country: str
) -> None:
    charge = composed(a_payment(12_000, currency, method=CARD))

    assert charge is not None
    assert (charge["country"], charge["currency"]) == (country, currency)
    assert (OFFLINE.declaration.currencies or {})[currency] == exponent
    assert len(OFFLINE.declaration.currencies or {}) == 8


@pytest.mark.parametrize("currency", ["USD", "EUR", "GBP", "AUD", "JPY"])
def test_any_other_is_for_cards_of_an_account_with_a_country(currency: str) -> None:
    adapter = adapter_at("http://127.0.0.1:9", country="MY")
    payment = a_payment(12_000, currency, method=CARD)

    charge = composed(payment, adapter)
    assert charge is not None
    assert charge["country"] == "MY"
    assert charge["request_amount"] == (12_000 if currency == "JPY" else 120)
    assert composed(payment) is None


def test_an_account_with_a_country_charges_cards_in_other_currencies() -> None:
    adapter = adapter_at("http://127.0.0.1:9", country="SG")

    charge = composed(a_payment(1250, "USD", method=CARD), adapter)
    assert charge is not None
    assert (charge["country"], charge["currency"]) == ("SG", "USD")
    assert composed(a_payment(1250, "USD", method=Method("wallet", "DANA")), adapter) is None
    assert adapter.declaration.currencies is not None
    assert adapter.declaration.currencies["JPY"] == 0
    assert "JPY" not in (OFFLINE.declaration.currencies or {})


@pytest.mark.parametrize(
    ("allowed", "wanted", "skipped"),
    [(False, False, False), (False, True, False), (True, False, True), (True, True, False)],
)
def test_3ds_is_left_out_only_where_the_account_may_and_nobody_wants_it(
    allowed: bool, wanted: bool, skipped: bool
) -> None:
    adapter = adapter_at("http://127.0.0.1:9", skip_three_ds=allowed)

    charge = composed(rupiah(wants_3ds=wanted), adapter)

    assert charge is not None
    assert charge["channel_properties"]["skip_three_ds"] is skipped


def test_a_wallet_is_its_channel() -> None:
    charge = composed(rupiah(method=Method("wallet", "DANA")))

    assert charge is not None
    assert charge["channel_code"] == "DANA"
    assert charge["capture_method"] == "AUTOMATIC"
    assert charge["channel_properties"] == {
        "success_return_url": "https://shop.example/done",
        "failure_return_url": "https://shop.example/done",
    }
    assert "payment_token_id" not in charge


def test_a_wallet_may_need_its_owners_number() -> None:
    charge = composed(rupiah(method=Method("wallet", "OVO:+6281234567890")))

    assert charge is not None
    assert charge["channel_code"] == "OVO"
    assert charge["channel_properties"]["account_mobile_number"] == "+6281234567890"


def test_a_linked_wallet_is_its_token() -> None:
    charge = composed(rupiah(method=Method("wallet", "pt-linked")))

    assert charge is not None
    assert charge["payment_token_id"] == "pt-linked"
    assert "skip_three_ds" not in charge["channel_properties"]


def test_an_account_number_lives_as_long_as_the_payment_and_knows_the_way_back() -> None:
    until = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    method = Method("bank_transfer", "BCA_VIRTUAL_ACCOUNT", holder_name="Account Holder")

    charge = composed(rupiah(method=method, expires_at=until))

    assert charge is not None
    assert charge["channel_code"] == "BCA_VIRTUAL_ACCOUNT"
    assert charge["channel_properties"] == {
        "expires_at": "2030-01-02T03:04:05+00:00",
        "display_name": "Account Holder",
    }
    assert charge["metadata"]["paylink_return_url"] == "https://shop.example/done"


@pytest.mark.parametrize(
    ("method", "code"),
    [
        (Method("bank_transfer", "bca"), "BCA_VIRTUAL_ACCOUNT"),
        (Method("bank_transfer", "mandiri"), "MANDIRI_VIRTUAL_ACCOUNT"),
        (Method("wallet", "qris"), "QRIS"),
        (Method("wallet", "shopeepay"), "SHOPEEPAY"),
    ],
    ids=str,
)
def test_the_names_that_others_use_too_name_its_channels(method: Method, code: str) -> None:
    charge = composed(rupiah(method=method))

    assert charge is not None
    assert charge["channel_code"] == code
    assert "expires_at" in charge["channel_properties"] or code == "SHOPEEPAY"


@pytest.mark.parametrize(
    "changes",
    [
        {"method": Method("wallet", "bca")},
        {"method": Method("bank_transfer", "qris")},
        {"method": Method("card", "tok_1")},
        {"method": Method("card", "")},
        {"method": Method("paypal", "PAYPAL")},
        {"method": Method("wallet", "")},
        {"method": Method("wallet", "dana")},
        {"method": Method("wallet", "CARDS")},
        {"method": Method("wallet", "DANA"), "return_url": None},
        {"method": Method("wallet", "DANA"), "return_url": "http://shop.example/done"},
        {"method": Method("bank_transfer", "DANA")},
        {"method": Method("bank_transfer", "pt-card")},
        {"return_url": "http://shop.example/done"},
        {"return_url": "https://shop.example/" + "d" * 255},
        {"description": "d" * 1001},
        {"description": "\ud800"},
        {"metadata": {str(number): "" for number in range(50)}},
        {"metadata": {"n" * 41: ""}},
        {"metadata": {"n": "v" * 501}},
    ],
    ids=str,
)
def test_what_xendit_has_no_words_for_is_not_asked_for(changes: dict[str, Any]) -> None:
    assert composed(rupiah()) is not None
    assert composed(rupiah(**changes)) is None


def test_a_gateway_may_know_where_payers_come_back_to() -> None:
    adapter = adapter_at("http://127.0.0.1:9", return_url="https://shop.example/home")

    charge = composed(rupiah(method=Method("wallet", "DANA"), return_url=None), adapter)

    assert charge is not None
    assert charge["channel_properties"]["success_return_url"] == "https://shop.example/home"


def test_a_hold_is_captured_by_hand_and_in_part() -> None:
    charge = json.loads(a_known_hold().request)
    assert charge["capture_method"] == "MANUAL"

    assert capturing(100).request == b'{"capture_amount":1}'
    assert OFFLINE.compose(Void(a_known_hold()), REFERENCE) == b"{}"


def test_more_than_was_held_or_another_currency_is_not_captured() -> None:
    hold = a_known_hold()

    assert OFFLINE.compose(Capture(hold, money(1_250_100, "IDR")), REFERENCE) is None
    assert OFFLINE.compose(Capture(hold, money(1250, "PHP")), REFERENCE) is None
    assert OFFLINE.compose(Capture(hold, money(50, "IDR")), REFERENCE) is None


@pytest.mark.parametrize(
    ("reason", "theirs", "more"),
    [
        ("requested_by_customer", "REQUESTED_BY_CUSTOMER", {}),
        ("duplicate", "DUPLICATE", {}),
        ("fraudulent", "FRAUDULENT", {}),
        ("broken leg", "OTHERS", {"metadata": {"paylink_reason": "broken leg"}}),
        ("", "OTHERS", {}),
    ],
)
def test_a_refund_names_its_charge_and_a_reason_that_xendit_knows(
    reason: str, theirs: str, more: dict[str, Any]
) -> None:
    charge = replace(a_charge(), provider_id="pr-9")
    row = a_refund_row(charge, 100_000, reason=reason)

    body = OFFLINE.compose(GiveBack(charge, row), REFERENCE)

    assert body is not None
    assert json.loads(body) == {
        "reference_id": REFERENCE,
        "payment_request_id": "pr-9",
        "currency": "IDR",
        "amount": 1000,
        "reason": theirs,
        **more,
    }


def test_a_refund_of_a_charge_without_an_id_or_in_other_money_is_not_asked_for() -> None:
    charge = a_charge()
    assert OFFLINE.compose(GiveBack(charge, a_refund_row(charge)), REFERENCE) is None

    known = replace(charge, provider_id="pr-9")
    row = replace(a_refund_row(known), money=money(1250, "PHP"))
    assert OFFLINE.compose(GiveBack(known, row), REFERENCE) is None


def test_a_payout_names_channel_account_and_holder() -> None:
    row = replace(a_payout_of(), id=UUID(int=9), description="March")

    body = OFFLINE.compose(PayOut(row), REFERENCE)

    assert body is not None
    assert json.loads(body) == {
        "reference_id": REFERENCE,
        "channel_code": "ID_BCA",
        "channel_properties": {
            "account_number": "000000000099",
            "account_holder_name": "Account Holder",
        },
        "amount": 42000,
        "currency": "IDR",
        "description": "March",
        "metadata": {"invoice": "7", "paylink_payout_id": public(Kind.PAYOUT, row.id)},
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"destination": Destination("card", ACCOUNT)},
        {"destination": Destination("bank_account", "ID_BCA:000000000099")},
        {"destination": Destination("bank_account", "ID_BCA:000000000099:")},
        {"destination": Destination("bank_account", "ID_BCA:000000000099:+")},
        {"destination": Destination("bank_account", "ID_BCA:000000000099:%ff")},
        {"destination": Destination("bank_account", "ID_BCA:000000000099:a%0Ab")},
        {"destination": Destination("bank_account", "ID_BCA:000000000099:" + "n" * 101)},
        {"destination": Destination("bank_account", "BCA:000000000099:Account+Holder")},
        {"destination": Destination("bank_account", "PH_GCASH:000000000099:Account+Holder")},
        {"money": money(50, "IDR")},
        {"money": money(4200, "USD")},
        {"description": "d" * 101},
    ],
    ids=str,
)
def test_a_payout_that_xendit_has_no_words_for_is_not_asked_for(changes: dict[str, Any]) -> None:
    assert OFFLINE.compose(PayOut(replace(a_payout_of(), **changes)), REFERENCE) is None


def test_a_holders_name_may_have_any_letters() -> None:
    body = OFFLINE.compose(PayOut(a_payout_of(token="ID_BCA:1:Ay%C5%9Fe%3A+O%27Hara")), REFERENCE)

    assert body is not None
    assert json.loads(body)["channel_properties"]["account_holder_name"] == "Ayşe: O'Hara"


def test_a_payout_in_pesos_goes_to_a_channel_of_the_philippines() -> None:
    row = a_payout_of(1250, "PHP", "PH_GCASH:09171234567:Account+Holder")

    body = OFFLINE.compose(PayOut(row), REFERENCE)

    assert body is not None
    assert b'"amount":12.50' in body


def test_requests_are_authenticated_and_versioned_and_keyed_where_xendit_knows_keys() -> None:
    refund, payout, charge = refunding(), paying_out(), a_charge()
    told = [
        asked(lambda adapter: adapter.refund(refund, within()), error(500, "SERVER_ERROR"))[0],
        asked(lambda adapter: adapter.payout(payout, within()), error(500, "SERVER_ERROR"))[0],
        asked(lambda adapter: adapter.charge(charge, within()), error(500, "SERVER_ERROR"))[0],
    ]

    for request in told:
        assert b"Authorization: Basic eG5kX2RldmVsb3BtZW50XzE6\r\n" in request
        assert b"api-version: 2024-11-11\r\n" in request
    assert told[0].startswith(b"POST /refunds ")
    assert f"idempotency-key: {refund.reference}a\r\n".encode() in told[0]
    assert told[1].startswith(b"POST /v2/payouts ")
    assert f"idempotency-key: {payout.reference}a\r\n".encode() in told[1]
    assert told[2].startswith(b"POST /v3/payment_requests ")
    assert b"idempotency-key" not in told[2]


def test_a_capture_goes_to_the_payment_that_the_charge_names() -> None:
    capture = capturing(100_000)
    held = shown_request(capture, status="AUTHORIZED", latest_payment_id="py-7")
    payment = shown_payment(payment_id="py-7", status="AUTHORIZED", captures=None)

    requests = asked(
        lambda adapter: adapter.capture(capture, within()),
        *(answer(200, held), answer(200, payment), error(500, "SERVER_ERROR")),
    )

    assert requests[0].startswith(b"GET /v3/payment_requests/pr-1 ")
    assert requests[1].startswith(b"GET /v3/payments/py-7 ")
    assert requests[2].startswith(b"POST /v3/payments/py-7/capture ")
    assert requests[2].endswith(b'{"capture_amount":1000}')
