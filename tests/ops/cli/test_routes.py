"""Routes by command: listed, added, changed and removed, in force with the next payment."""

from __future__ import annotations

import pytest

from domain.ids import Kind, public
from ops.seed import DEMO_MERCHANT
from tests.ops.cli.stage import Stage

pytestmark = pytest.mark.services

DEMO = public(Kind.MERCHANT, DEMO_MERCHANT)


def lines(stage: Stage) -> list[list[str]]:
    """The list without its header, by words."""
    return [line.split() for line in stage.run("routes", "list").out.splitlines()[1:]]


def added(stage: Stage, *args: str) -> str:
    """Add a route and return its id."""
    return stage.run("routes", "add", *args).out.split()[1]


def test_a_route_is_listed_with_all_its_conditions(stage: Stage) -> None:
    id_ = added(
        stage,
        *("two", "--country", "de", "--currency", "eur", "--method", "card"),
        *("--operation", "charge", "--merchant", DEMO, "--min-amount", "100"),
        *("--max-amount", "20000", "--priority", "7"),
    )

    assert [id_, "two", "DE", "EUR", "card", "charge", DEMO] in [line[:7] for line in lines(stage)]
    shown = stage.run("routes", "list", "--gateway", "two").out
    assert "1.00 EUR to 200.00 EUR" in shown
    assert " one " not in shown
    assert "from 1.00 EUR to 200.00 EUR of mer_" in stage.run("gateways", "list").out
    assert stage.audit() == [("operator", "route.added", "two")]


def test_a_new_route_sends_the_next_payment_elsewhere(stage: Stage) -> None:
    payment = public(Kind.PAYMENT, stage.accept(amount=12_550))

    def goes_to(first: str, then: str) -> bool:
        return f"{first}, then {then}" in stage.run("payments", "show", payment).out

    assert goes_to("one", "two")
    id_ = added(stage, "two", "--currency", "EUR", "--max-amount", "12550")
    assert goes_to("two", "one")
    stage.run("routes", "set", id_, "--max-amount", "12549")
    assert goes_to("one", "two")


def test_a_condition_is_taken_away_by_a_star(stage: Stage) -> None:
    id_ = added(stage, "two", "--country", "DE", "--priority", "3", "--merchant", DEMO)

    stage.run("routes", "set", id_, "--merchant", "*", "--priority", "*")

    assert stage.sql("SELECT merchant_id, priority FROM gateway_routes WHERE country = 'DE'") == [
        {"merchant_id": None, "priority": None}
    ]
    assert "the gateway's" in stage.run("routes", "list").out


def test_a_removed_route_is_gone_and_told(stage: Stage) -> None:
    for line in lines(stage):
        stage.run("routes", "remove", line[0])

    assert "there is no route" in stage.run("routes", "list").err
    assert [action for _, action, _ in stage.audit()] == ["route.removed", "route.removed"]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["add", "three"], 1, "there is no gateway three"),
        (["add", "one"], 1, "exactly these conditions"),
        (["add", "one", "--country", "ZZ"], 1, "--country"),
        (["add", "one", "--currency", "XXX"], 1, "--currency"),
        (["add", "one", "--min-amount", "5"], 1, "without a currency"),
        (["add", "one", "--merchant", "mer_" + "0" * 32], 1, "--merchant"),
        (["add", "one", "--merchant", "nobody"], 2, "--merchant"),
        (["add", "one", "--method", "cash"], 2, "--method"),
        (["add", "one", "--operation", "refund"], 2, "--operation"),
        (["add", "one", "--currency", "EUR", "--max-amount", "1.5"], 2, "--max-amount"),
        (["add", "one", "--priority", "-3"], 2, "--priority"),
        (["set", "99999", "--priority", "1"], 1, "there is no route 99999"),
        (["set", "1"], 2, "nothing to change"),
        (["remove", "99999"], 1, "there is no route 99999"),
    ],
)
def test_a_wrong_route_is_refused_with_the_fix(
    stage: Stage, args: list[str], code: int, said: str
) -> None:
    ran = stage.run("routes", *args, code=code)

    assert said in ran.err
    assert "fix:" in ran.err
    assert len(lines(stage)) == 2
    assert stage.audit() == []
