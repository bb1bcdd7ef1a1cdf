"""The settlement list and the sums: every movement of money once, signed, in the ledger's order."""

import asyncio
from pathlib import Path

import pytest

from ops.sandbox.entries import Authorize, Charge, Entry
from ops.sandbox.ledger import Ledger
from ops.sandbox.settlements import Settlements
from tests.sandbox.running import Sandbox, a_payout, an_order, wait_until

FIELDS = {
    "seq",
    "at",
    "type",
    "id",
    "payment",
    "refund",
    "payout",
    "reference",
    "refund_reference",
    "amount",
    "fee",
    "currency",
}


def a_life(own: Sandbox) -> tuple[list[str], str, str]:
    """Move money in every way there is; return (payments, refund, payout)."""
    charged = own.create(an_order(reference="charged")).json["id"]
    held = own.create(an_order(reference="held", capture=False)).json["id"]
    own.post(f"/v1/payments/{held}/capture", {"amount": 400})
    refund = own.refund(charged, amount=300, reference="back").json["id"]
    own.admin("POST", f"/refunds/{refund}/fail")
    own.admin("POST", f"/payments/{charged}/chargeback", {"amount": 250})
    own.admin("POST", "/settle", {"payment": held, "status": "declined"})
    payout = own.pay_out(a_payout(reference="out", amount=70, currency="EUR")).json["id"]
    own.admin("POST", f"/payouts/{payout}/pay")
    own.admin("POST", f"/payouts/{payout}/return")
    own.create(an_order(amount=9001))
    return [charged, held], refund, payout


@pytest.fixture
def lived(own: Sandbox) -> Sandbox:
    own.options = ("--async-delay-s", "3600")
    return own.start()


def test_every_movement_is_a_line_and_nothing_else_is(lived: Sandbox) -> None:
    (charged, held), refund, payout = a_life(lived)

    listed = lived.admin("GET", "/settlements")

    assert listed["has_more"] is False
    lines = listed["data"]
    assert all(set(line) == FIELDS for line in lines)
    shown = [
        (one["type"], one["payment"], one["refund"], one["payout"], one["amount"], one["currency"])
        for one in lines
    ]
    assert shown == [
        ("charge", charged, None, None, 1000, "USD"),
        ("capture", held, None, None, 400, "USD"),
        ("refund", charged, refund, None, -300, "USD"),
        ("refund_failed", charged, refund, None, 300, "USD"),
        ("chargeback", charged, None, None, -250, "USD"),
        ("reversal", held, None, None, -400, "USD"),
        ("payout", None, None, payout, -70, "EUR"),
        ("payout_returned", None, None, payout, 70, "EUR"),
    ]
    assert [one["reference"] for one in lines[:3]] == ["charged", "held", "charged"]
    assert [one["refund_reference"] for one in lines[2:4]] == ["back", "back"]
    assert {one["fee"] for one in lines} == {0}
    seqs = [one["seq"] for one in lines]
    assert seqs == sorted(seqs)
    assert len({one["id"] for one in lines}) == len(lines)
    moved = {entry["seq"]: entry for entry in lived.entries() if entry["seq"] in seqs}
    assert [moved[one["seq"]]["at"] for one in lines] == [one["at"] for one in lines]


def test_it_goes_on_after_any_line_and_a_restart_changes_nothing(lived: Sandbox) -> None:
    a_life(lived)
    everything = lived.admin("GET", "/settlements?after_seq=0")["data"]
    lived.kill()
    lived.start()

    assert lived.admin("GET", "/settlements")["data"] == everything
    third = everything[2]["seq"]
    assert lived.admin("GET", f"/settlements?after_seq={third}")["data"] == everything[3:]
    assert lived.admin("GET", f"/settlements?after_seq={third - 1}")["data"] == everything[2:]
    last = everything[-1]["seq"]
    assert lived.admin("GET", f"/settlements?after_seq={last}")["data"] == []
    with pytest.raises(AssertionError, match="after_seq"):
        lived.admin("GET", "/settlements?after_seq=x")


def test_the_sums_per_currency_agree_with_the_lines(lived: Sandbox) -> None:
    a_life(lived)

    totals = lived.admin("GET", "/ledger/summary")["totals"]

    assert totals["currencies"] == {
        "USD": {
            "captured": 1400,
            "refunded": 300,
            "refund_failed": 300,
            "charged_back": 250,
            "reversed": 400,
            "paid_out": 0,
            "payout_returned": 0,
        },
        "EUR": {
            "captured": 0,
            "refunded": 0,
            "refund_failed": 0,
            "charged_back": 0,
            "reversed": 0,
            "paid_out": 70,
            "payout_returned": 70,
        },
    }
    assert (totals["charges"], totals["payouts"]) == (2, 1)
    assert totals["refunded_more_than_once"] == totals["paid_out_more_than_once"] == []


def test_a_full_page_says_that_there_is_more(tmp_path: Path) -> None:
    async def run() -> list[tuple[list[int], bool]]:
        ledger, listed = Ledger(tmp_path / "ledger.jsonl", durable=False), Settlements()
        lines: list[Entry] = [
            Charge(at="now"),
            Authorize(at="now"),
            Charge(at="now"),
            Charge(at="now"),
        ]
        for entry in ledger.append(lines):
            listed.note(entry)
        assert listed.page(ledger, 0, 2) == ([], False)  # what is not on disk is not shown
        await ledger.flushed()
        pages = [listed.page(ledger, after, 2) for after in (0, 3)]
        await ledger.close()
        return [([line["seq"] for line in found], more) for found, more in pages]

    assert asyncio.run(run()) == [([1, 3], True), ([4], False)]


def test_new_money_is_listed_after_the_old(sandbox: Sandbox) -> None:
    orders = [an_order() for _ in range(30)]
    start = len(sandbox.entries())
    for order in orders:
        sandbox.create(order)

    def all_there() -> bool:
        lines = sandbox.admin("GET", f"/settlements?after_seq={start}")["data"]
        return {one["reference"] for one in lines} >= {order["reference"] for order in orders}

    wait_until(all_there)
