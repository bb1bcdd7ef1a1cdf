"""What every adapter declares, what it composes, and what it has no words for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from domain.attempt import Attempt, Operation
from domain.means import METHODS, Method
from domain.outcome import NotCharged, Proof
from domain.payment import Payment
from domain.payout import Destination
from domain.task import Capture, Charge, GiveBack, PayOut, Task, Void
from tests.contract.cases import across, only
from tests.contract.deeds import hold, minor, money, payout_row, sale
from tests.contract.made import a_payment, a_payout_row, a_refund_row, an_attempt
from tests.contract.rigs import Coin, Replay, Rig, Ways
from workers.gateways import DOUBLES

R, S = "r" * 32, "5" * 32
#: What is tried of each number of digits that a provider has no currency of.
USUAL = {0: "JPY", 2: "EUR", 3: "KWD"}
#: No provider of ours takes it.
PIGEON = Method("carrier_pigeon", "tok_1")


def methods(ways: Ways) -> list[Method]:
    """Return everything that can be charged there."""
    held = (ways.holds,) if ways.holds else ()
    return [ways.pays, *held, *ways.elsewhere, *ways.held_elsewhere, *ways.never_held]


def a_charge(rig: Rig, **changes: Any) -> Attempt:
    """Return a charge that the provider has given a name."""
    return replace(an_attempt(rig.adapter, sale(rig.ways)), provider_id="named_1", **changes)


def tasks(rig: Rig) -> dict[Operation, Task]:
    """Return one task of every operation."""
    charge, row = a_charge(rig), a_payout_row(rig.ways.coin.of(rig.ways.coin.least * 42))
    to = (*rig.ways.destinations, row.destination)[0]
    currency = money(rig.ways, 42)
    return {
        Operation.CHARGE: Charge(sale(rig.ways)),
        Operation.CAPTURE: Capture(charge, charge.money),
        Operation.VOID: Void(charge),
        Operation.REFUND: GiveBack(charge, a_refund_row(charge)),
        Operation.PAYOUT: PayOut(replace(row, money=currency, destination=to)),
    }


def test_the_declaration_says_what_the_provider_documents(rig: Rig) -> None:
    ways, declared = rig.ways, rig.adapter.declaration

    assert declared.provider == ways.provider
    assert declared.adapter_version >= 1
    assert dict(declared.promises) == dict(ways.promises)
    assert declared.can_hold is (ways.holds is not None)
    assert declared.can_void is bool(ways.cancels)
    assert declared.can_3ds is ways.asks_on_demand
    assert declared.methods == {method.type for method in methods(ways)}
    if declared.currencies is None:
        assert all(USUAL[digits] == coin.code for digits, coin in ways.coins.items())
    else:
        assert {coin.code for coin in ways.coins.values()} <= set(declared.currencies)


def test_what_the_provider_documents_fits_together(rig: Rig) -> None:
    ways = rig.ways

    assert set(ways.replays) == set(ways.promises)
    assert set(ways.finds) == set(ways.promises) & set(DOUBLES)
    for operation, promise in ways.promises.items():
        kept = ways.replays[operation] is not Replay.ANOTHER
        assert kept is (promise.key_window.total_seconds() > 0), operation
        assert 0 <= promise.visibility_lag.total_seconds() <= 86_400
    assert ways.can(Operation.CAPTURE, Operation.VOID) is (ways.holds is not None)
    assert bool(ways.destinations) is ways.can(Operation.PAYOUT)
    if ways.asks_always:  # the call before the payer's approval cannot be the one that moves money
        assert ways.splits(Operation.CHARGE)


@across("operation", lambda ways: sorted(ways.promises))
def test_the_same_task_is_composed_to_the_same_bytes(rig: Rig, operation: Operation) -> None:
    task = tasks(rig)[operation]

    one = rig.adapter.compose(task, R)

    assert one is not None
    assert rig.adapter.compose(task, R) == one
    if operation in DOUBLES:  # it makes an object of its own, which carries our name
        assert rig.adapter.compose(task, S) != one


@across("operation", lambda ways: sorted(set(Operation) - set(ways.promises)))
def test_what_cannot_be_done_there_is_not_composed(rig: Rig, operation: Operation) -> None:
    assert rig.adapter.compose(tasks(rig)[operation], R) is None


def test_what_the_provider_has_no_words_for_is_not_composed(rig: Rig) -> None:
    known = {method.type for method in methods(rig.ways)}
    unknown = [Method(type_, "tok_1") for type_ in sorted(METHODS - known)]

    for method in (PIGEON, *unknown, *rig.ways.lacks):
        assert rig.adapter.compose(Charge(sale(rig.ways, method=method)), R) is None, method.type
    assert rig.adapter.compose(Charge(rig.inexpressible()), R) is None


def never_asked_to_hold(ways: Ways) -> Iterator[Method]:
    """What can be charged, and neither be held nor be taken for a sale."""
    at_once = {method.type for method in ways.never_held}
    can = {method.type for method in (ways.holds, *ways.held_elsewhere) if method}
    yield from (one for one in methods(ways) if one.type not in at_once | can)


@across("method", never_asked_to_hold)
def test_what_cannot_be_held_is_not_composed_for_a_hold(rig: Rig, method: Method) -> None:
    assert rig.adapter.compose(Charge(sale(rig.ways, method=method)), R) is not None
    assert rig.adapter.compose(Charge(hold(rig.ways, method=method)), R) is None


@across("coin", lambda ways: ways.coins.values())
def test_every_currency_of_the_provider_is_composed_as_far_as_it_has_units(
    rig: Rig, coin: Coin
) -> None:
    whole = sale(rig.ways, 3, coin)
    assert rig.adapter.compose(Charge(whole), R) is not None
    if coin.unit == 1:
        return

    for odd in (whole.money.minor + coin.unit // 2, whole.money.minor + 1):
        broken = replace(whole, money=replace(whole.money, minor=odd))
        assert rig.adapter.compose(Charge(broken), R) is None


@across("coin", lambda ways: (coin for coin in ways.coins.values() if coin.unit > 1))
def test_parts_of_a_unit_are_not_composed_for_anything_else(rig: Rig, coin: Coin) -> None:
    charge = an_attempt(rig.adapter, sale(rig.ways, 3, coin))
    part = replace(charge.money, minor=charge.money.minor - coin.unit // 2)
    payout = replace(payout_row(rig.ways, 3, coin), money=part) if rig.ways.destinations else None

    composed = [
        rig.adapter.compose(Capture(charge, part), R),
        rig.adapter.compose(GiveBack(charge, a_refund_row(charge, part.minor)), R),
        rig.adapter.compose(PayOut(payout), R) if payout else None,
    ]

    assert composed == [None] * 3


@across("digits", lambda ways: sorted(USUAL.keys() - ways.coins.keys()))
def test_a_currency_that_the_provider_does_not_take_is_not_composed(rig: Rig, digits: int) -> None:
    payment = a_payment(120_000, USUAL[digits], method=rig.ways.pays)

    assert rig.adapter.compose(Charge(payment), R) is None


def test_no_money_is_not_composed(rig: Rig) -> None:
    free: Payment = sale(rig.ways)
    free = replace(free, money=replace(free.money, minor=0))

    assert rig.adapter.compose(Charge(free), R) is None


@only(lambda ways: ways.can(Operation.CAPTURE) and not ways.captures_in_part)
def test_where_a_hold_is_collected_whole_a_part_is_not_composed(rig: Rig) -> None:
    charge = a_charge(rig, captures=False)

    assert rig.adapter.compose(Capture(charge, charge.money), R) is not None
    assert rig.adapter.compose(Capture(charge, money(rig.ways, 1249)), R) is None


@only(lambda ways: ways.can(Operation.REFUND) and not ways.refunds_in_part)
def test_where_a_refund_is_whole_a_part_is_not_composed(rig: Rig) -> None:
    charge = a_charge(rig)

    assert rig.adapter.compose(GiveBack(charge, a_refund_row(charge)), R) is not None
    part = a_refund_row(charge, minor(rig.ways, 1249))
    assert rig.adapter.compose(GiveBack(charge, part), R) is None


@across("to", lambda ways: ways.destinations)
def test_every_destination_is_composed(rig: Rig, to: Destination) -> None:
    assert rig.adapter.compose(PayOut(payout_row(rig.ways, to=to)), R) is not None


@across("to", lambda ways: (*ways.no_destinations, Destination("carrier_pigeon", "coop_1")))
def test_a_payout_to_where_it_cannot_go_is_not_composed(rig: Rig, to: Destination) -> None:
    asked = money(rig.ways, 42)
    row = a_payout_row(asked.minor, asked.currency.code, destination=to)

    assert rig.adapter.compose(PayOut(row), R) is None


@pytest.mark.parametrize("proof", [Proof.NEVER_SENT, Proof.REJECTED])
def test_a_refusal_that_nobody_knows_is_not_the_gateways_fault(rig: Rig, proof: Proof) -> None:
    assert rig.adapter.at_fault(NotCharged(proof, "invented yesterday")) is False
