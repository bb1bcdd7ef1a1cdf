"""A staged provider's books: sums, settlements, what was seen, and what an operator forces."""

from pathlib import Path
from typing import Any

import pytest

from ops.sandbox.stage.books import Books, settlement
from ops.sandbox.stage.lines import Line
from tests.sandbox.toys import KEY, Toys, a_reference, own, shared, toys

__all__ = ["own", "shared", "toys"]  # fixtures


def noted(*lines: tuple[str, dict[str, Any]]) -> Books:
    """Return books over lines of 100 EUR under the reference "r"."""
    books = Books()
    for seq, (kind, fields) in enumerate(lines, 1):
        books.note(Line(**{**_usual(seq, kind), **fields}))
    return books


def _usual(seq: int, kind: str) -> dict[str, Any]:
    return {
        "seq": seq,
        "at": "2026-01-01T00:00:00.000Z",
        "kind": kind,
        "reference": "r",
        "object": "ch_1",
        "amount": 100,
        "currency": "EUR",
    }


@pytest.mark.parametrize(
    ("kind", "sums"),
    [
        ("authorization", {}),
        ("void", {}),
        ("made", {}),
        ("sale", {"charges": 1, "captured": 100}),
        ("capture", {"charges": 1, "captured": 100}),
        ("refund", {"refunded": 100}),
        ("refund_failed", {"refund_failed": 100}),
        ("chargeback", {"charged_back": 100}),
        ("reversal", {"reversed": 100}),
        ("payout", {"payouts": 1, "paid_out": 100}),
        ("payout_returned", {"payout_returned": 100}),
    ],
)
def test_every_kind_of_line_counts_into_its_own_sum(kind: str, sums: dict[str, int]) -> None:
    tally = noted((kind, {})).summary()["references"].get("r", {})
    assert {name: value for name, value in tally.items() if value and name != "currency"} == sums


def test_a_charge_collected_in_parts_is_one_and_two_charges_are_two() -> None:
    parts = noted(("capture", {"object": "cap_1", "of": "a"}), ("capture", {"of": "a"})).summary()
    assert parts["references"]["r"]["charges"] == 1
    assert parts["totals"]["charged_more_than_once"] == []
    two = noted(("sale", {}), ("sale", {"object": "ch_2"})).summary()
    assert two["totals"]["charged_more_than_once"] == ["r"]
    assert two["totals"]["currencies"]["EUR"]["captured"] == 200


def test_a_refund_or_payout_made_twice_is_told() -> None:
    back = {"refund_reference": "b", "of": "ch_1"}
    again = noted(("refund", back | {"object": "re_1"}), ("refund", back | {"object": "re_2"}))
    assert again.summary()["totals"]["refunded_more_than_once"] == ["b"]
    failed = noted(("refund", back), ("refund_failed", back), ("refund", back))
    assert failed.summary()["totals"]["refunded_more_than_once"] == []
    out = noted(("payout", {}), ("payout", {"object": "po_2"}))
    assert out.summary()["totals"]["paid_out_more_than_once"] == ["r"]


def test_one_reference_in_two_currencies_is_neither() -> None:
    mixed = noted(("sale", {}), ("sale", {"currency": "JPY"}))
    assert mixed.summary()["references"]["r"]["currency"] == "mixed"


@pytest.mark.parametrize(
    ("kind", "of", "sign", "found"),
    [
        ("sale", "", 1, ("ch_1", None, None)),
        ("capture", "auth_1", 1, ("auth_1", None, None)),
        ("refund", "auth_1", -1, ("auth_1", "ch_1", None)),
        ("refund_failed", "auth_1", 1, ("auth_1", "ch_1", None)),
        ("chargeback", "", -1, ("ch_1", None, None)),
        ("reversal", "", -1, ("ch_1", None, None)),
        ("payout", "", -1, (None, None, "ch_1")),
        ("payout_returned", "", 1, (None, None, "ch_1")),
    ],
)
def test_a_statement_shows_money_from_the_merchants_side(
    kind: str, of: str, sign: int, found: tuple[str | None, ...]
) -> None:
    shown = settlement(Line(**_usual(7, kind) | {"of": of}))
    assert (shown["amount"], shown["seq"], shown["id"]) == (sign * 100, 7, "sl_7")
    assert (shown["payment"], shown["refund"], shown["payout"]) == found


def test_the_admin_port_pages_through_movements_and_finds_lines(toys: Toys) -> None:
    reference = a_reference()
    charge = toys.made(reference)
    toys.confirm(charge)
    sale = toys.simulated.lines(charge)[-1]
    assert [line["kind"] for line in toys.simulated.lines(reference)] == ["made", "sale"]
    listed = toys.simulated.admin("GET", f"/settlements?after_seq={sale['seq'] - 1}")
    assert [line["payment"] for line in listed["data"]] == [charge]
    assert toys.simulated.admin("GET", f"/settlements?after_seq={sale['seq']}")["data"] == []
    assert toys.simulated.lines("nobody") == []


def test_every_request_that_speaks_of_a_reference_was_seen_and_no_secret_is(toys: Toys) -> None:
    reference = a_reference()
    charge = toys.made(reference)
    toys.simulated.fault("drop_before", on="charge", count=1)
    with pytest.raises(OSError):
        toys.confirm(charge, key=reference + "b")
    toys.get(f"/charges/{charge}")
    seen = toys.simulated.requests(reference)
    assert [(one["operation"], one["step"], one["status"]) for one in seen] == [
        ("charge", "make", 200),
        ("charge", "move", "dropped"),
        ("read", "move", 200),
    ]
    assert toys.simulated.requests(KEY) == []


def test_what_an_operator_forces_is_marked_and_can_be_refused(toys: Toys) -> None:
    reference = a_reference()
    charge = toys.made(reference)
    toys.simulated.admin("POST", f"/objects/{charge}/settle", {"to": "captured"})
    assert toys.status(charge) == "captured"
    assert [line.get("forced", False) for line in toys.simulated.lines(reference)] == [False, True]
    refused = [
        toys.simulated.pull("/objects/none/settle", {"to": "captured"}),
        toys.simulated.pull(f"/objects/{charge}/approve"),
        toys.simulated.pull(f"/objects/{charge}/reject"),
        toys.simulated.pull(f"/objects/{charge}/chargeback", {"amount": 1}),
        toys.simulated.pull(f"/refunds/{charge}/succeed"),
        toys.simulated.pull(f"/payouts/{charge}/pay"),
        toys.simulated.pull(f"/payouts/{charge}/return"),
    ]
    assert {one.status for one in refused} == {409}
    wrong = toys.simulated.pull(f"/objects/{charge}/settle", {"to": "heaven"})
    assert wrong.status == 400


def test_the_ledger_is_a_file_of_json_lines_without_a_gap(own: Toys) -> None:
    own.confirm(own.made(a_reference()))
    own.simulated.stop()
    text = Path(own.simulated.ledger).read_text()
    assert [f'"seq":{n},' in line for n, line in enumerate(text.splitlines(), 1)].count(False) == 0
