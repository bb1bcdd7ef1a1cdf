"""The Midtrans adapter tells what the payer has to do, and where, as far as Midtrans says it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.attempt import Attempt
from domain.outcome import Outcome, Pending, RequiresAction
from tests.contract.made import within
from tests.workers.gateways.midtrans_spoken import (
    CHARGE,
    a_charge,
    answer,
    asked,
    paid,
    read_back,
    sent,
    shown,
)

PENDING = {"status_code": "201", "transaction_status": "pending"}
BANK_PAGE = "https://api.sandbox.midtrans.com/v2/3ds/redirect/1"
QR_CODE = "https://api.sandbox.midtrans.com/v2/gopay/1/qr-code"
APP = "gojek://gopay/merchanttransfer?tref=1"
SHOP = "https://shop.example/done"
ACTIONS = [
    {"name": "generate-qr-code", "method": "GET", "url": QR_CODE},
    {"name": "deeplink-redirect", "method": "GET", "url": APP},
    {"name": "get-status", "method": "GET", "url": "https://api.sandbox.midtrans.com/v2/1/status"},
]


def pending(attempt: Attempt, settings: dict[str, object] | None = None, **changes: Any) -> Outcome:
    return sent(attempt, answer(201, shown(attempt, **PENDING | changes)), **settings or {})


def transfer(bank: str, number: str, page: str = SHOP) -> RequiresAction:
    account = (("type", "bank_transfer"), ("bank", bank), ("account_number", number))
    return RequiresAction(CHARGE, page, account)


def test_a_card_that_its_bank_wants_to_see_is_sent_there() -> None:
    outcome = pending(a_charge(), redirect_url=BANK_PAGE)

    assert outcome == RequiresAction(CHARGE, BANK_PAGE)


@pytest.mark.parametrize(
    ("fields", "bank", "number"),
    [
        (
            {"va_numbers": [{"bank": "bca", "va_number": "812785002530231"}]},
            "bca",
            "812785002530231",
        ),
        ({"permata_va_number": "8562000087926752"}, "permata", "8562000087926752"),
    ],
    ids=["bca", "permata"],
)
def test_the_payer_of_a_virtual_account_is_told_the_account(
    fields: dict[str, Any], bank: str, number: str
) -> None:
    attempt = a_charge()

    outcome = pending(attempt, custom_field2=SHOP, **fields)

    assert outcome == transfer(bank, number)
    body = shown(attempt, custom_field2=SHOP, **PENDING, **fields)
    assert read_back(attempt, body) == outcome


@pytest.mark.parametrize(
    ("instructions", "shop", "page"),
    [
        ("https://pay.example/va/{bank}/{va_number}", SHOP, "https://pay.example/va/bca/81278"),
        ("https://pay.example/how", SHOP, "https://pay.example/how"),
        ("", SHOP, SHOP),
        ("", None, ""),
        ("", "not an address", ""),
        ("", 7, ""),
    ],
)
def test_where_a_transfer_is_explained_is_agreed_on_or_is_the_shop(
    instructions: str, shop: object, page: str
) -> None:
    outcome = pending(
        a_charge(),
        {"instructions_url": instructions},
        custom_field2=shop,
        va_numbers=[{"bank": "bca", "va_number": "81278"}],
    )

    assert outcome == transfer("bca", "81278", page)


WEB = "https://simulator.sandbox.midtrans.com/gopay/partner/app/payment-pin?id=1"


@pytest.mark.parametrize(("app", "page"), [(WEB, WEB), (APP, QR_CODE)], ids=["page", "app"])
def test_a_wallet_has_a_page_for_browsers_and_an_app_for_telephones(app: str, page: str) -> None:
    actions = [ACTIONS[0], {"name": "deeplink-redirect", "method": "GET", "url": app}]

    outcome = pending(a_charge(), payment_type="gopay", actions=actions)

    shown = (("qr_code_url", QR_CODE), ("deeplink_url", app))
    assert outcome == RequiresAction(CHARGE, page, shown)


@pytest.mark.parametrize(
    "link", ["javascript://%0aalert(1)", "data://x", "//x", "x y://z", "1a://z"]
)
def test_a_link_that_no_wallet_has_is_none(link: str) -> None:
    actions = [{"name": "deeplink-redirect", "method": "GET", "url": link}]

    assert pending(a_charge(), payment_type="shopeepay", actions=actions) == Pending(CHARGE)


def test_a_qr_code_is_what_there_is_of_qris() -> None:
    outcome = pending(a_charge(), payment_type="qris", actions=ACTIONS[:1])

    assert outcome == RequiresAction(CHARGE, QR_CODE, (("qr_code_url", QR_CODE),))


def test_a_wallet_without_a_code_still_has_its_app() -> None:
    outcome = pending(a_charge(), payment_type="shopeepay", actions=ACTIONS[1:])

    assert outcome == RequiresAction(CHARGE, APP, (("deeplink_url", APP),))


@pytest.mark.parametrize("wallet", ["gopay", "qris"])
def test_a_code_can_be_had_by_the_id_where_a_status_does_not_repeat_it(wallet: str) -> None:
    attempt = replace(a_charge(), provider_id=CHARGE)
    body = shown(attempt, payment_type=wallet, **PENDING)

    found, server = asked(lambda a: a.lookup(attempt, within()), answer(200, body))

    page = f"{server.url}/v2/{wallet}/{CHARGE}/qr-code"
    assert found == RequiresAction(CHARGE, page, (("qr_code_url", page),))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"redirect_url": ""},
        {"redirect_url": "javascript:1"},
        {"redirect_url": "gojek://pay"},
        {"redirect_url": ["x"]},
        {"va_numbers": []},
        {"va_numbers": [{"bank": "bca"}]},
        {"va_numbers": "812785002530231"},
        {"permata_va_number": "85 62"},
        {"payment_type": "shopeepay", "actions": "odd"},
        {"payment_type": "shopeepay", "actions": [{"name": "deeplink-redirect"}]},
    ],
    ids=str,
)
def test_what_nobody_can_act_on_is_pending(fields: dict[str, Any]) -> None:
    assert pending(a_charge(), **fields) == Pending(CHARGE)


def test_an_odd_action_does_not_hide_the_others() -> None:
    outcome = pending(a_charge(), payment_type="shopeepay", actions=[{"name": 7}, *ACTIONS])

    shown = (("qr_code_url", QR_CODE), ("deeplink_url", APP))
    assert outcome == RequiresAction(CHARGE, QR_CODE, shown)


def test_a_charge_that_was_paid_needs_nobody() -> None:
    outcome = paid(a_charge(), redirect_url=BANK_PAGE, transaction_status="settlement")

    assert not isinstance(outcome, RequiresAction | Pending)
