"""The simulated bank takes exactly the documented requests, from whom they should come."""

import re
import time

import pytest

from domain.money import CURRENCIES
from ops.sandbox.soapbank.currencies import DECIMALS, minor, written
from tests.sandbox.banking import (
    ACCOUNT,
    Bank,
    an_order,
    bank,
    enveloped,
    message,
    new,
    shared_bank,
)

__all__ = ["bank", "shared_bank"]  # fixtures

CARD = {"Token": "tok_1"}


def test_a_sale_is_answered_with_all_documented_fields_and_signed(bank: Bank) -> None:
    order = an_order() | CARD

    told = bank.ask("Sale", **order)

    assert told.response.status == 200
    assert told.is_signed
    assert re.findall(r"<(\w+)>", told.text.partition("<Record>")[2]) == [
        *("BankId", "Reference", "Kind", "Status", "Amount", "Currency"),
        *("AuthorisedAmount", "SettledAmount", "RefundedAmount", "ReversedAmount", "Reason"),
    ]
    names = ("RequestId", "Reference", "Status", "SettledAmount", "Duplicate")
    assert [told[name] for name in names] == [
        *(order["RequestId"], order["Reference"], "SETTLED", "12.50", "false")
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"X_Bank_Key_Id": "shop-2"},
        {"X_Bank_Signature": "0" * 64},
        {"X_Bank_Signature": ""},
        {"off_s": "-400"},
        {"off_s": "400"},
        {"X_Bank_Timestamp": "now"},
        {"X_Bank_Timestamp": ""},
        {"secret": "a guess"},
    ],
    ids=["id", "forged", "unsigned", "old", "ahead", "no time", "timeless", "secret"],
)
def test_a_stranger_is_told_so_without_a_signature_and_nothing_happens(
    bank: Bank, changes: dict[str, str]
) -> None:
    order = an_order() | CARD
    if "off_s" in changes:  # counted from now, not from when the tests were collected
        changes = {"X_Bank_Timestamp": str(int(time.time()) + int(changes["off_s"]))}

    told = bank.send("Sale", message("Sale", **order), **changes)

    assert (told.response.status, told.fault) == (500, "Client.AUTH")
    assert "x-bank-signature" not in told.response.headers
    assert bank.simulated.lines(order["Reference"]) == []
    assert bank.ask("Sale", **order)["Status"] == "SETTLED"  # its id is still free


def test_the_signature_is_of_the_very_bytes(bank: Bank) -> None:
    body = message("Sale", **an_order() | CARD)
    signed_otherwise = {"X_Bank_Signature": "", "X_Bank_Timestamp": str(int(time.time()))}
    assert bank.send("Sale", body)["Status"] == "SETTLED"

    assert bank.send("Sale", body + b"\n", **signed_otherwise).fault == "Client.AUTH"


WRONG = [
    ({"Amount": "12.5"}, "Amount"),
    ({"Amount": "12,50"}, "Amount"),
    ({"Amount": "12"}, "Amount"),
    ({"Amount": "0.00"}, "Amount"),
    ({"Amount": "-1.00"}, "Amount"),
    ({"Amount": "012.50"}, "Amount"),
    ({"Amount": "1e3"}, "Amount"),
    ({"Amount": "12.500", "Currency": "JPY"}, "Amount"),
    ({"Amount": "12.50", "Currency": "KWD"}, "Amount"),
    ({"Currency": "XXX"}, "Currency"),
    ({"Currency": "eur"}, "Currency"),
    ({"RequestId": ""}, "RequestId"),
    ({"RequestId": "r" * 37}, "RequestId"),
    ({"RequestId": "r_1"}, "RequestId"),
    ({"Reference": "r" * 37}, "Reference"),
    ({"Token": "Tok"}, "Token"),
    ({"Token": "4111111111111111"}, "Token"),
    ({"Token": "DE893"}, "Token"),
    ({"Token": "tok_1 "}, "Token"),
    ({"Colour": "red"}, "Colour"),
]


@pytest.mark.parametrize(("changes", "field"), WRONG, ids=str)
def test_a_wrong_field_is_named_and_the_fault_is_signed(
    bank: Bank, changes: dict[str, str], field: str
) -> None:
    told = bank.sale(**changes)

    assert (told.response.status, told.fault) == (500, "Client.VALIDATION")
    assert f">{field}</Field>" in told.text
    assert told.is_signed


@pytest.mark.parametrize("missing", ["RequestId", "Reference", "Amount", "Currency", "Token"])
def test_a_missing_field_is_named(bank: Bank, missing: str) -> None:
    fields = an_order() | CARD
    del fields[missing]

    told = bank.ask("Sale", **fields)

    assert told.fault == "Client.VALIDATION"
    assert f">{missing}</Field>" in told.text


def test_fields_have_their_order_and_come_once(bank: Bank) -> None:
    order = an_order() | CARD
    doubled = message("Sale", **order).replace(b"<Token>", b"<Token>tok_2</Token><Token>")

    turned = bank.ask("Sale", **dict(reversed(order.items())))

    assert turned.fault == "Client.VALIDATION"
    assert bank.send("Sale", doubled).fault == "Client.VALIDATION"
    assert bank.ask("Sale", **order)["Status"] == "SETTLED"


def test_money_in_an_account_is_charged_but_never_held(bank: Bank) -> None:
    assert bank.sale(Token=ACCOUNT)["Status"] == "SETTLED"
    assert bank.hold(Token=ACCOUNT).fault == "Client.VALIDATION"
    assert bank.payout("tok_1").fault == "Client.VALIDATION"


SALE = message("Sale", **an_order() | CARD)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<Sale/>",
        SALE[:-5],
        b"<!DOCTYPE Envelope>" + SALE,
        b'<!DOCTYPE e [<!ENTITY x "12.50">]>' + SALE.replace(b"12.50", b"&x;"),
        SALE.replace(b"12.50", b"&x;"),
        b"<?hello?>" + SALE,
        SALE.replace(b"urn:soapbank:v1", b"urn:soapbank:v2"),
        SALE.replace(b"xmlsoap.org/soap", b"xmlsoap.org/soup"),
        SALE.replace(b"<Amount>", b"<Amount>x<b/>"),
        SALE.replace(b"</Sale>", b"x</Sale>"),
        SALE.replace(b"</Sale>", b"</Sale><Sale/>"),
        SALE.replace(b"tok_1", b"\xff"),
        SALE.replace(b"tok_1", b"t" * 513),
        SALE.replace(b"</Sale>", b"<Token/>" * 20 + b"</Sale>"),
        enveloped(""),
    ],
    ids=range(17),
)
def test_what_is_no_request_is_refused_as_wrong(bank: Bank, body: bytes) -> None:
    assert bank.send("Sale", body).fault == "Client.VALIDATION"


def test_a_header_of_the_envelope_is_passed_over(bank: Bank) -> None:
    header = b"<e:Header><trace><id>7</id></trace></e:Header><e:Body>"
    body = message("Sale", **an_order() | CARD)

    assert bank.send("Sale", body.replace(b"<e:Body>", header))["Status"] == "SETTLED"


@pytest.mark.parametrize(
    "changes",
    [
        {"SOAPAction": "urn:soapbank:v1#Sale"},
        {"SOAPAction": '"urn:soapbank:v1#Refund"'},
        {"SOAPAction": '"urn:soapbank:v1#Steal"'},
        {"SOAPAction": ""},
        {"Content_Type": "application/xml"},
        {"Content_Type": "text/xml; charset=latin-1"},
    ],
    ids=str,
)
def test_the_headers_say_what_it_is(bank: Bank, changes: dict[str, str]) -> None:
    told = bank.send("Sale", message("Sale", **an_order() | CARD), **changes)

    assert told.fault == "Client.VALIDATION"


def test_a_message_larger_than_64_kib_is_refused(bank: Bank) -> None:
    told = bank.send("Sale", SALE + b" " * (64 * 1024))

    assert told.fault == "Client.VALIDATION"


def test_another_path_or_method_has_no_envelope(bank: Bank) -> None:
    assert bank.simulated.send("POST", "/soap", SALE).status == 404
    assert bank.simulated.send("GET", "/soapbank").status == 405


def test_a_look_up_asks_for_one_name(bank: Bank) -> None:
    sale = bank.sale()

    by_id = bank.shown(sale["BankId"])
    by_reference = bank.ask("GetStatus", Reference=sale["Reference"])

    assert by_id.text == by_reference.text
    assert by_id.is_signed
    assert "<RequestId>" not in by_id.text
    both = bank.ask("GetStatus", BankId=sale["BankId"], Reference=sale["Reference"])
    assert both.fault == "Client.VALIDATION"
    absent = bank.ask("GetStatus", Reference=new())
    assert (absent.fault, absent.is_signed) == ("Client.NOT_FOUND", True)


def test_what_is_refused_by_the_stage_is_said_in_faults(bank: Bank) -> None:
    for name, code in (
        ("rate_limited", "Client.LIMIT"),
        ("unavailable", "Server.UNAVAILABLE"),
        ("fail_before", "Server.INTERNAL"),
    ):
        bank.simulated.fault(name, count=1, on="charge")
        told = bank.sale()
        assert (told.fault, told.is_signed) == (code, True)
        waits = told.response.headers.get("retry-after")
        assert waits == (None if code == "Server.INTERNAL" else "1")


def test_the_banks_currencies_are_those_of_iso_4217() -> None:
    assert {code: currency.exponent for code, currency in CURRENCIES.items()} == DECIMALS


@pytest.mark.parametrize(
    ("text", "currency", "units"),
    [
        ("0.01", "EUR", 1),
        ("1", "JPY", 1),
        ("0.001", "KWD", 1),
        ("1234.567", "KWD", 1_234_567),
        ("10000000000000.00", "EUR", 10**15),
    ],
)
def test_amounts_are_read_and_written_alike(text: str, currency: str, units: int) -> None:
    assert minor(text, currency) == units
    assert written(units, currency) == text


def test_there_is_a_largest_amount() -> None:
    assert minor("10000000000000.01", "EUR") is None
