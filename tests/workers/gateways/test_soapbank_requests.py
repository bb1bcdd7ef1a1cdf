"""What the adapter of a SOAP bank writes, to the byte, and what it has no words for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.attempt import Attempt
from domain.means import Method
from domain.payment import CaptureMethod
from domain.payout import Destination
from domain.task import Capture, Charge, GiveBack, PayOut, Task, Void
from tests.contract.made import a_payment, a_payout_row, a_refund_row, money
from tests.workers.gateways.soapbank_spoken import (
    ACCOUNT,
    OFFLINE,
    a_known_hold,
    paying_out,
)
from workers.gateways import Setup, Unusable
from workers.gateways.soapbank import SoapBank
from workers.gateways.soapbank.requests import approving, making

R = "0123456789abcdef0123456789abcdef"
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
)
TAIL = "</soap:Body></soap:Envelope>"


def message(operation: str, inner: str) -> bytes:
    return f'{HEAD}<{operation} xmlns="urn:soapbank:v1">{inner}</{operation}>{TAIL}'.encode()


def asked(amount: str, currency: str = "EUR") -> str:
    return (
        f"<RequestId>{R}a</RequestId><Reference>{R}</Reference>"
        f"<Amount>{amount}</Amount><Currency>{currency}</Currency>"
    )


@pytest.mark.parametrize(
    ("changes", "operation", "token"),
    [
        ({}, "Sale", "tok_1"),
        ({"capture_method": CaptureMethod.MANUAL}, "Authorise", "tok_1"),
        ({"method": Method("bank_transfer", ACCOUNT)}, "Sale", ACCOUNT),
        (
            {
                "method": Method("bank_transfer", ACCOUNT),
                "capture_method": CaptureMethod.MANUAL,
            },
            "Sale",
            ACCOUNT,
        ),
    ],
    ids=["card", "hold", "account", "nobody can hold an account's money"],
)
def test_a_charge(changes: dict[str, Any], operation: str, token: str) -> None:
    written = OFFLINE.compose(Charge(a_payment(**changes)), R)

    assert written == message(operation, asked("12.50") + f"<Token>{token}</Token>")


@pytest.mark.parametrize(
    ("minor", "currency", "amount"),
    [
        (1, "EUR", "0.01"),
        (100, "IDR", "1.00"),
        (123_457, "EUR", "1234.57"),
        (1, "JPY", "1"),
        (123_457, "JPY", "123457"),
        (1, "KWD", "0.001"),
        (123_457, "KWD", "123.457"),
        (999_999_999_999, "USD", "9999999999.99"),
    ],
)
def test_an_amount_has_exactly_the_decimals_of_its_currency(
    minor: int, currency: str, amount: str
) -> None:
    written = OFFLINE.compose(Charge(a_payment(minor, currency)), R)

    assert written == message("Sale", asked(amount, currency) + "<Token>tok_1</Token>")


def test_what_changes_a_charge_names_it() -> None:
    charge = a_known_hold()
    capture, refund = Capture(charge, money(700)), GiveBack(charge, a_refund_row(charge, 300))
    named = f"<RequestId>{R}a</RequestId><BankId>sbc_1</BankId>"

    assert OFFLINE.compose(Void(charge), R) == message("Cancel", named)
    assert OFFLINE.compose(capture, R) == message(
        "Capture", named + "<Amount>7.00</Amount><Currency>EUR</Currency>"
    )
    assert OFFLINE.compose(refund, R) == message("Refund", asked("3.00") + "<BankId>sbc_1</BankId>")


def test_a_payout_is_two_requests_and_the_second_names_what_the_first_has_made() -> None:
    row = a_payout_row(destination=Destination("bank_account", ACCOUNT))
    stored = OFFLINE.compose(PayOut(row), R)
    assert stored is not None

    assert making(stored) == message("Payout", asked("42.00") + f"<Token>{ACCOUNT}</Token>")
    assert approving(stored, "sbp_1") == message(
        "ApprovePayout", f"<RequestId>{R}b</RequestId><BankId>sbp_1</BankId>"
    )
    assert b"<BankId>a&lt;b</BankId>" in approving(stored, "a<b")


def _tasks_without_words() -> dict[str, Task]:
    charge, other = a_known_hold(), money(700, "USD")
    far = replace(charge, provider_id=None)
    odd = replace(charge, provider_id="sbc 1")
    account = Destination("bank_account", ACCOUNT)
    return {
        "no such method": Charge(a_payment(method=Method("wallet", "tok_1"))),
        "paypal": Charge(a_payment(method=Method("paypal", "tok_1"))),
        "no token": Charge(a_payment(method=Method("card", ""))),
        "an account as a card": Charge(a_payment(method=Method("card", ACCOUNT))),
        "a card as an account": Charge(a_payment(method=Method("bank_transfer", "tok_1"))),
        "a long token": Charge(a_payment(method=Method("card", "t" * 65))),
        "a line's end": Charge(a_payment(method=Method("card", "tok_1\n"))),
        "mark-up": Charge(a_payment(method=Method("card", "tok_<b>"))),
        "a card's number": Charge(a_payment(method=Method("card", "4111111111111111"))),
        "3DS": Charge(a_payment(wants_3ds=True)),
        "nothing": Charge(a_payment(0)),
        "capture without id": Capture(far, money(700)),
        "capture with an odd id": Capture(odd, money(700)),
        "capture of nothing": Capture(charge, money(0)),
        "capture of more": Capture(charge, money(1251)),
        "capture of other money": Capture(charge, other),
        "void without id": Void(far),
        "refund without id": GiveBack(far, a_refund_row(charge)),
        "refund of nothing": GiveBack(charge, a_refund_row(charge, 0)),
        "refund of other money": GiveBack(charge, a_refund_row(charge, money=other)),
        "payout to a card": PayOut(a_payout_row(destination=Destination("card", "tok_1"))),
        "payout to a wallet": PayOut(a_payout_row(destination=Destination("wallet", ACCOUNT))),
        "payout to no account": PayOut(a_payout_row(destination=Destination("bank_account", "b"))),
        "payout of nothing": PayOut(a_payout_row(0, destination=account)),
    }


WITHOUT_WORDS = _tasks_without_words()


@pytest.mark.parametrize("task", WITHOUT_WORDS.values(), ids=WITHOUT_WORDS)
def test_what_the_protocol_has_no_words_for_is_not_composed(task: Task) -> None:
    assert OFFLINE.compose(task, R) is None


@pytest.mark.parametrize("reference", ["", "r" * 33, "r/1", "r\n"])
def test_a_reference_must_leave_room_for_the_request_id(reference: str) -> None:
    assert OFFLINE.compose(Charge(a_payment()), reference) is None


def test_keys_are_in_the_requests_and_fit() -> None:
    payout: Attempt = paying_out()

    assert f"<RequestId>{payout.key('a')}</RequestId>".encode() in making(payout.request)
    assert f"<RequestId>{payout.key('b')}</RequestId>".encode() in approving(payout.request, "p")
    assert max(len(payout.key(step)) for step in "abv") <= 36


@pytest.mark.parametrize(
    ("credentials", "settings", "fix"),
    [
        ({"key_id": "k"}, {}, "a secret"),
        ({"secret": "s"}, {}, "key_id"),
        ({"key_id": "k\n", "secret": "s"}, {}, "header"),
        ({"key_id": "k", "secret": "s"}, {"ca_file": 7}, "ca_file"),
        ({"key_id": "k", "secret": "s"}, {"path": "soap"}, "path"),
        ({"key_id": "k", "secret": "s"}, {"path": "/a b\n"}, "path"),
        ({"key_id": "k", "secret": "s"}, {"key_window_s": -1}, "key_window_s"),
        ({"key_id": "k", "secret": "s"}, {"visibility_lag_s": "2"}, "visibility_lag_s"),
    ],
)
def test_what_is_missing_or_wrong_is_told(
    credentials: dict[str, str], settings: dict[str, object], fix: str
) -> None:
    setup = Setup("http://127.0.0.1:9", credentials, settings, lambda what, reference: None)

    with pytest.raises(Unusable, match=fix):
        SoapBank(setup)


def test_the_secret_is_in_no_text() -> None:
    setup = Setup("http://127.0.0.1:9", {"key_id": "k", "secret": "hush"}, {}, lambda *_: None)
    adapter = SoapBank(setup)

    assert "hush" not in repr(adapter) + repr(vars(adapter)) + repr(setup)
