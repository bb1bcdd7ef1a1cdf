"""What Midtrans' answers prove of a request that was sent before, and of what is not ours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.attempt import State
from domain.outcome import Declined, Hardness, NotFound, Succeeded, TakenBack, Unknown
from tests.workers.gateways.midtrans_spoken import (
    CHARGE,
    OFFLINE,
    PAYOUT,
    a_charge,
    a_return,
    a_sending_out,
    answer,
    code,
    idr,
    read_back,
    refunds,
    sent,
    shown,
    shown_payout,
)


def test_a_token_that_is_used_up_says_nothing_about_the_charge_that_may_have_used_it() -> None:
    again = replace(a_charge(), state=State.UNKNOWN)
    there = answer(200, shown(again))

    assert sent(again, code("411"), there) == Succeeded(
        CHARGE, idr(145_000), reference=again.reference
    )
    assert isinstance(sent(again, code("411"), code("404", 404)), Unknown)
    assert isinstance(sent(again, code("411"), code("500", 500)), Unknown)


def test_the_first_time_a_token_that_has_timed_out_is_a_no() -> None:
    assert sent(a_charge(), code("411")) == Declined("token_expired", Hardness.FIX_DATA)


@pytest.mark.parametrize("status", ["queued", "approved", "failed", "rejected"])
def test_a_payout_under_another_name_is_only_believed_about_money(status: str) -> None:
    attempt = a_sending_out(PAYOUT)

    found = read_back(attempt, shown_payout(attempt, status=status, notes="f" * 32))

    assert isinstance(found, Unknown)


#: As somebody writes them who makes refunds on Midtrans' own pages.
ODD: list[dict[str, Any]] = [
    {"refund_key": "by hand, 7"},
    {"refund_key": None},
    {"refund_amount": 5000},
    {"refund_amount": None},
    {"refund_key": ""},
]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_an_odd_refund_of_somebodys_hides_neither_the_charge_nor_our_refund(
    odd: dict[str, Any],
) -> None:
    charge, ours = replace(a_charge(), provider_id=CHARGE), a_return(5_000)
    listed = refunds(("somebodys", 5_000), (ours.reference, 5_000))
    listed[0] |= odd
    settled = {"transaction_status": "partial_refund", "refunds": listed}

    paid = read_back(charge, shown(charge, **settled))
    taken = read_back(charge, shown(charge, **settled | {"transaction_status": "chargeback"}))
    back = read_back(ours, shown(ours, **settled))
    hint = OFFLINE.read_notice(answer_body(shown(charge, **settled)))

    assert isinstance(paid, Succeeded)
    assert isinstance(taken, TakenBack)
    assert isinstance(back, Succeeded)
    assert back.money == idr(5_000)
    assert hint is not None
    assert hint.reference == ours.reference


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_a_notification_of_an_odd_refund_still_names_its_transaction(odd: dict[str, Any]) -> None:
    charge = a_charge()
    told = shown(charge, transaction_status="refund", refunds=refunds(("by hand", 5_000), **odd))

    hint = OFFLINE.read_notice(answer_body(told))

    assert hint is not None
    assert hint.provider_id == CHARGE


def test_a_refund_of_ours_whose_amount_cannot_be_read_is_unknown_and_not_absent() -> None:
    ours = a_return(5_000)
    odd = refunds((ours.reference, 5_000), refund_amount=5000)
    settled = {"transaction_status": "partial_refund"}

    assert isinstance(read_back(ours, shown(ours, **settled, refunds=odd)), Unknown)
    assert read_back(ours, shown(ours, **settled, refunds=refunds(("x", 1)))) == NotFound()


def answer_body(said: dict[str, Any]) -> bytes:
    return answer(200, said).partition(b"\r\n\r\n")[2]
