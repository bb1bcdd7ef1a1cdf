"""The simulated bank's callbacks: what they say, how they are signed, how long they are tried."""

from itertools import pairwise
from pathlib import Path

import pytest

from ops.sandbox.soapbank.bank import WAITS
from tests.sandbox.banking import Bank, bank, field, is_signed, shared_bank, started
from tests.sandbox.receiver import Delivery
from tests.sandbox.running import wait_until

__all__ = ["bank", "shared_bank"]  # fixtures


def about(bank: Bank, bank_id: str) -> list[Delivery]:
    """Return the callbacks about an object that have arrived."""
    return bank.receiver.all(lambda one: said(one, "BankId") == bank_id)


def said(delivery: Delivery, name: str) -> str:
    return field(delivery.body.decode(), name)


def outcomes(bank: Bank, bank_id: str) -> list[tuple[str, int]]:
    """Return what the ledger says became of an object's callbacks: kind and number of tries."""
    return [
        (line["kind"], line["state"]["tries"])
        for line in bank.simulated.lines()
        if line.get("object") == bank_id and line["kind"].startswith("event.")
    ]


def test_a_callback_names_its_object_and_is_signed(bank: Bank) -> None:
    sale = bank.sale()

    arrived = bank.receiver.first(lambda one: said(one, "BankId") == sale["BankId"])

    assert is_signed(arrived.headers, arrived.body)
    assert not is_signed(arrived.headers, arrived.body.replace(b"SETTLED", b"REJECTED"))
    assert arrived.headers["soapaction"] == '"urn:soapbank:v1#Notify"'
    assert arrived.headers["content-type"] == "text/xml; charset=utf-8"
    names = ("Reference", "Status", "Amount", "Currency")
    assert [said(arrived, name) for name in names] == [
        *(sale["Reference"], "SETTLED", "12.50", "EUR")
    ]
    assert said(arrived, "EventId")


def test_every_new_status_is_told_once_and_no_other_change(bank: Bank) -> None:
    sale = bank.sale()["BankId"]
    first = bank.refund(sale, "2.50")["BankId"]
    bank.refund(sale, "10.00")
    payout = bank.payout()["BankId"]
    bank.approve(payout)

    wait_until(lambda: len(about(bank, sale)) == 2 and len(about(bank, payout)) == 3)

    assert {said(one, "Status") for one in about(bank, sale)} == {"SETTLED", "REFUNDED"}
    assert [said(one, "Status") for one in about(bank, first)] == ["REFUNDED"]
    told = {said(one, "Status") for one in about(bank, payout)}
    assert told == {"CREATED", "APPROVED", "SENT"}
    events = [said(one, "EventId") for one in about(bank, sale) + about(bank, payout)]
    assert len(set(events)) == 5


@pytest.mark.parametrize(
    ("status", "says"),
    [(500, b"<Ack/>"), (204, b""), (201, b"<Ack/>"), (200, b""), (200, b"<Nack/>")],
    ids=str,
)
def test_without_an_ack_it_is_tried_again_under_the_same_event(
    bank: Bank, status: int, says: bytes
) -> None:
    before = bank.receiver.says, bank.receiver.answers
    bank.receiver.says, bank.receiver.answers = says, lambda _reference, _number: status
    try:
        sale = bank.sale()["BankId"]
        wait_until(lambda: len(about(bank, sale)) >= 3)
    finally:
        bank.receiver.says, bank.receiver.answers = before

    tries = about(bank, sale)
    assert len({one.body for one in tries}) == 1
    assert all(is_signed(one.headers, one.body) for one in tries)
    waits = [after.arrived_s - one.arrived_s for one, after in pairwise(tries[:3])]
    assert waits[0] >= 0.06  # a minute, then ten, in fast motion
    assert waits[1] >= 0.6
    assert outcomes(bank, sale) == []


@pytest.mark.parametrize("says", [b"<Ack/>", b"<Ack></Ack>", b'<b:Ack xmlns:b="urn:x"/>'], ids=str)
def test_an_ack_ends_the_tries(bank: Bank, says: bytes) -> None:
    before, bank.receiver.says = bank.receiver.says, says
    try:
        sale = bank.sale()["BankId"]
        wait_until(lambda: outcomes(bank, sale) == [("event.delivered", 1)])
    finally:
        bank.receiver.says = before


def test_the_waits_are_those_of_the_protocol() -> None:
    assert WAITS == (60, 600, 3600, 6 * 3600, 24 * 3600)


def test_after_six_tries_it_is_given_up(tmp_path: Path) -> None:
    bank = started(tmp_path, "--webhook-time-scale", "0.000001")
    bank.receiver.answers = lambda _reference, _number: 500
    try:
        sale = bank.sale()["BankId"]
        wait_until(lambda: outcomes(bank, sale) == [("event.given_up", 6)])
    finally:
        bank.simulated.stop()
        bank.receiver.close()
    assert len(about(bank, sale)) == 6
