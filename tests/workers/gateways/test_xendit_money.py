"""How much money moved at Xendit, and how much of it the payer's bank took back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import ANY

import pytest

from domain.outcome import Lookup, Succeeded, TakenBack, Unknown
from tests.contract.made import a_payment, an_attempt, money, within
from tests.workers.gateways.xendit_spoken import (
    CARD,
    CHARGE,
    OFFLINE,
    PAYMENT,
    a_charge,
    answer,
    error,
    looked_up,
    sent,
    shown_payment,
    shown_request,
    told,
)

RUPIAH = money(1_250_000, "IDR")
#: Stands for a number that Python's JSON could not write.
_HERE = "{here}"


def test_money_is_what_was_collected_and_not_what_was_asked_for() -> None:
    part = {"captures": [{"capture_amount": 7000}, {"capture_amount": "500.00"}]}

    assert looked_up({}, part) == Succeeded(CHARGE, money(750_000, "IDR"), reference=ANY)
    assert looked_up({}, {"captures": None}) == Succeeded(CHARGE, RUPIAH, reference=ANY)
    held = {"status": "AUTHORIZED", "captures": []}
    assert looked_up({"status": "AUTHORIZED"}, held) == Succeeded(
        CHARGE, RUPIAH, captured=False, reference=ANY
    )


@pytest.mark.parametrize(
    ("number", "currency", "minor"),
    [
        (b"12500", "IDR", 1_250_000),
        (b"12500.25", "IDR", 1_250_025),
        (b"12500.00", "PHP", 1_250_000),
        (b"0.1", "PHP", 10),
        (b"1e3", "VND", 1000),
        (b"9007199254740993", "VND", 9_007_199_254_740_993),
        (b"1.234", "KWD", 1234),
    ],
)
def test_a_number_is_read_exactly_also_in_a_currency_nobody_asked_for(
    number: bytes, currency: str, minor: int
) -> None:
    charge = a_charge()
    body = answer(201, shown_request(charge, request_amount=_HERE, currency=currency))

    outcome = sent(charge, _resized(body, number))

    assert isinstance(outcome, Succeeded)
    assert outcome.money == money(minor, currency)


@pytest.mark.parametrize(
    ("number", "currency"),
    [
        (b"12500.001", "IDR"),
        (b"0.5", "VND"),
        (b"-1", "IDR"),
        (b'"NaN"', "IDR"),
        (b'"Infinity"', "IDR"),
        (b"1e999999", "IDR"),
        (b"null", "IDR"),
        (b"true", "IDR"),
        (b"12500", "XXX"),
        (b"12500", "idr"),
    ],
)
def test_a_number_that_is_no_amount_says_nothing(number: bytes, currency: str) -> None:
    charge = a_charge()
    body = answer(201, shown_request(charge, request_amount=_HERE, currency=currency))

    assert isinstance(sent(charge, _resized(body, number)), Unknown)


def lost(**changes: Any) -> dict[str, Any]:
    amount = {"initial": "12500.00", "terminal": "12500.00"}
    return {
        "id": "mi-dspt-1",
        "status": "LOST",
        "currency": "IDR",
        "payment_id": PAYMENT,
        "amount": amount,
    } | changes


def disputed(*disputes: dict[str, Any], status: int = 200, **request: Any) -> Lookup:
    attempt = replace(a_charge(), provider_id=CHARGE)
    bodies = [shown_request(attempt, **request), shown_payment()]
    answers = [answer(200, body) for body in bodies]
    listed = {"data": list(disputes), "pagination": {"has_more": False}}
    return told(lambda adapter: adapter.lookup(attempt, within()), *answers, answer(status, listed))


def test_a_lost_dispute_has_taken_the_money_back() -> None:
    found = disputed(lost())
    assert found == TakenBack(CHARGE, RUPIAH, RUPIAH, "charged_back", ANY)

    part = {"initial": "12500.00", "terminal": "7000.00"}
    found = disputed(lost(amount=part))
    assert isinstance(found, TakenBack)
    assert (found.captured, found.taken) == (RUPIAH, money(700_000, "IDR"))


@pytest.mark.parametrize(
    "dispute",
    [
        lost(status="WON"),
        lost(status="UNDER_REVIEW"),
        lost(status="ACTION_REQUIRED"),
        lost(payment_id="py-2"),
        lost(payment_id=None),
    ],
    ids=["won", "under review", "a question", "another's", "nobody's"],
)
def test_other_disputes_have_taken_nothing(dispute: dict[str, Any]) -> None:
    assert isinstance(disputed(dispute), Succeeded)


@pytest.mark.parametrize(
    "dispute",
    [
        lost(currency="USD"),
        lost(amount={"initial": "12501.00"}),
        lost(amount={"initial": "0.00"}),
        lost(amount={"initial": "0.001"}),
    ],
    ids=["other money", "too much", "nothing", "no amount"],
)
def test_a_dispute_that_cannot_be_counted_is_for_a_person(dispute: dict[str, Any]) -> None:
    assert isinstance(disputed(dispute), Unknown)


def test_disputes_that_cannot_be_read_hide_nothing() -> None:
    attempt = replace(a_charge(), provider_id=CHARGE)

    def read_with(last: bytes) -> Lookup:
        bodies = (answer(200, shown_request(attempt)), answer(200, shown_payment()), last)
        return told(lambda adapter: adapter.lookup(attempt, within()), *bodies)

    assert isinstance(read_with(error(403, "RESTRICTED_ACCESS")), Succeeded)
    assert isinstance(read_with(error(404, "DATA_NOT_FOUND")), Succeeded)
    assert isinstance(read_with(error(500, "SERVER_ERROR")), Unknown)
    assert isinstance(read_with(answer(404, b"<html>")), Unknown)


def test_a_virtual_account_has_no_disputes() -> None:
    assert isinstance(
        looked_up({"channel_code": "BCA_VIRTUAL_ACCOUNT"}, {}, disputes=True), Succeeded
    )


def test_a_charge_in_pesos_is_read_in_centavos() -> None:
    charge = an_attempt(OFFLINE, a_payment(1250, "PHP", method=CARD))
    shown = shown_request(charge, currency="PHP", request_amount=12.5)

    assert sent(charge, answer(201, shown)) == Succeeded(
        CHARGE, money(1250, "PHP"), reference=charge.reference
    )


def _resized(raw: bytes, number: bytes) -> bytes:
    """Put a number into an answer, and its length right."""
    body = raw.partition(b"\r\n\r\n")[2].replace(f'"{_HERE}"'.encode(), number)
    return answer(201, body)
