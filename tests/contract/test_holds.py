"""What every adapter makes of collecting a hold, and of letting go of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from domain.attempt import Attempt, Operation
from domain.outcome import Declined, Hardness, NotCharged, NotFound, Pending, Succeeded, Unknown
from tests.contract.cases import across, only
from tests.contract.deeds import charged, held, minor, money
from tests.contract.made import a_capture, a_void, within
from tests.contract.rigs import Coin, Fate, Rig, Scenario, Ways

CAPTURE, VOID = Operation.CAPTURE, Operation.VOID

captures = only(lambda ways: ways.can(CAPTURE))
voids = only(lambda ways: ways.can(VOID))
captures_in_part = only(lambda ways: ways.can(CAPTURE) and ways.captures_in_part)


def collectable(ways: Ways) -> Iterator[tuple[Coin, int]]:
    """Every currency, and how many parts of 123 457 can be collected."""
    for coin in ways.coins.values() if ways.can(CAPTURE) else ():
        for parts in (1, 123_456, 123_457) if ways.captures_in_part else (123_457,):
            yield coin, parts


def declines(ways: Ways) -> Iterator[tuple[Operation, Scenario]]:
    for operation in (CAPTURE, VOID):
        for scenario in (Scenario.SOFT_DECLINE, Scenario.HARD_DECLINE):
            if ways.plays(scenario, operation):
                yield operation, scenario


def captured_declines(ways: Ways) -> list[Scenario]:
    return [scenario for operation, scenario in declines(ways) if operation is CAPTURE]


def ends(ways: Ways) -> list[Fate]:
    """How a hold can end without us."""
    return sorted(ways.fates & {Fate.CANCELED, Fate.EXPIRED}) if ways.can(CAPTURE, VOID) else []


def the_id(charge: Attempt) -> str:
    assert charge.provider_id is not None
    return charge.provider_id


@across("coin, parts", collectable)
def test_a_capture_collects_exactly_what_it_asks_for(rig: Rig, coin: Coin, parts: int) -> None:
    charge, wanted = held(rig, 123_457, coin), money(rig.ways, parts, coin)
    capture = a_capture(rig.adapter, charge, wanted.minor)

    outcome = rig.adapter.capture(capture, within())

    assert isinstance(outcome, Succeeded), outcome
    assert (outcome.money, outcome.captured) == (wanted, True)
    assert rig.done(capture) == 1
    assert rig.adapter.lookup(capture, within()) == outcome
    found = rig.adapter.lookup(charge, within())
    assert isinstance(found, Succeeded), found
    assert (found.money, found.captured) == (wanted, True)


@captures
def test_a_capture_that_has_not_happened_is_not_found(rig: Rig) -> None:
    capture = a_capture(rig.adapter, held(rig))

    assert rig.adapter.lookup(capture, within()) == NotFound()


@captures_in_part
@pytest.mark.parametrize("parts", [700, 701], ids=["what we want", "something else"])
def test_a_hold_that_somebody_else_collected_is_judged_by_what_was_collected(
    rig: Rig, parts: int
) -> None:
    charge, ways = held(rig), rig.ways
    rig.adapter.capture(a_capture(rig.adapter, charge, minor(ways, parts)), within())
    ours = a_capture(rig.adapter, charge, minor(ways, 700))

    for found in (rig.adapter.capture(ours, within()), rig.adapter.lookup(ours, within())):
        if parts == 700:
            assert isinstance(found, Succeeded), found
            assert found.money == ours.money
        else:
            assert isinstance(found, Declined), found
            assert found.hardness is Hardness.HARD
    assert rig.done(ours) == 1


@across("fate", ends)
def test_a_hold_that_is_gone_cannot_be_collected_and_counts_as_let_go_of(
    rig: Rig, fate: Fate
) -> None:
    charge = held(rig)
    capture, void = a_capture(rig.adapter, charge), a_void(rig.adapter, charge)
    rig.settles(the_id(charge), fate)

    for refused in (rig.adapter.capture(capture, within()), rig.adapter.lookup(capture, within())):
        assert isinstance(refused, Declined), refused
        assert refused.hardness is Hardness.HARD
    for released in (rig.adapter.void(void, within()), rig.adapter.lookup(void, within())):
        assert isinstance(released, Succeeded), released
        assert released.money == charge.money
    assert rig.done(capture) == 0


@captures
def test_more_than_is_held_cannot_be_collected_and_the_hold_stands(rig: Rig) -> None:
    charge = held(rig)
    larger = replace(charge, money=money(rig.ways, 1251))
    greedy = a_capture(rig.adapter, larger)

    outcome = rig.adapter.capture(greedy, within())

    assert isinstance(outcome, NotCharged | Declined), outcome
    assert not isinstance(outcome, NotCharged) or outcome.request_wrong
    assert rig.adapter.lookup(greedy, within()) == NotFound()
    assert (rig.done(greedy), rig.held(charge)) == (0, 1)


@across("scenario", captured_declines)
def test_a_declined_capture_collects_nothing_and_says_what_may_come_next(
    rig: Rig, scenario: Scenario
) -> None:
    charge = held(rig)
    capture = a_capture(rig.adapter, charge)
    rig.plays(scenario, CAPTURE)

    outcome = rig.adapter.capture(capture, within())

    assert isinstance(outcome, Declined), outcome
    soft = scenario is Scenario.SOFT_DECLINE
    assert outcome.hardness is (Hardness.SOFT if soft else Hardness.HARD)
    assert rig.done(capture) == 0
    stands = rig.adapter.lookup(capture, within())
    if rig.held(charge):
        assert stands == NotFound()
        again = rig.adapter.capture(a_capture(rig.adapter, charge), within())
        assert isinstance(again, Succeeded), again
    else:  # the "no" has ended the hold, too
        assert not soft
        assert stands == outcome
        found = rig.adapter.lookup(charge, within())
        assert isinstance(found, NotCharged), found
        assert found.lapsed


@only(lambda ways: ways.plays(Scenario.CHARGES_MORE, CAPTURE))
def test_a_capture_of_other_money_is_told_as_it_is(rig: Rig) -> None:
    capture = a_capture(rig.adapter, held(rig), minor(rig.ways, 1000))
    rig.plays(Scenario.CHARGES_MORE, CAPTURE)

    outcome = rig.adapter.capture(capture, within())

    assert isinstance(outcome, Succeeded), outcome
    less = capture.money.minor - rig.ways.coin.unit
    assert outcome.money == replace(capture.money, minor=less)
    found = rig.adapter.lookup(capture, within())
    assert isinstance(found, Declined), found
    assert found.hardness is Hardness.HARD


def captured_later(ways: Ways) -> list[Fate]:
    if not ways.plays(Scenario.DECIDES_LATER, CAPTURE):
        return []
    return sorted(ways.fates & {Fate.CAPTURED, Fate.DECLINED})


@across("fate", captured_later)
def test_a_capture_that_is_decided_later_is_pending_until_then(rig: Rig, fate: Fate) -> None:
    charge = held(rig)
    capture = a_capture(rig.adapter, charge)
    rig.plays(Scenario.DECIDES_LATER, CAPTURE)

    outcome = rig.adapter.capture(capture, within())

    assert isinstance(outcome, Pending), outcome
    assert rig.adapter.lookup(capture, within()) == outcome
    assert rig.adapter.capture(a_capture(rig.adapter, charge), within()) == outcome
    assert rig.done(capture) == 0
    rig.settles(the_id(charge), fate)
    found = rig.adapter.lookup(capture, within())
    assert isinstance(found, Succeeded if fate is Fate.CAPTURED else Declined), found
    assert rig.done(capture) == int(fate is Fate.CAPTURED)


@only(lambda ways: ways.can(CAPTURE) and (Fate.REFUNDED in ways.fates or ways.charges_back))
def test_a_capture_that_was_refunded_and_charged_back_has_happened(rig: Rig) -> None:
    charge = held(rig)
    capture = a_capture(rig.adapter, charge)
    outcome = rig.adapter.capture(capture, within())

    if Fate.REFUNDED in rig.ways.fates:
        rig.settles(the_id(charge), Fate.REFUNDED)
        assert rig.adapter.lookup(capture, within()) == outcome
    if rig.ways.charges_back:
        part = minor(rig.ways, 1)
        whole = charge.money.minor
        rig.charges_back(the_id(charge), part if rig.ways.charges_back_in_part else whole)
        assert rig.adapter.lookup(capture, within()) == outcome


@voids
def test_a_void_lets_go_of_the_whole_hold(rig: Rig) -> None:
    charge = held(rig)
    void = a_void(rig.adapter, charge)
    assert rig.adapter.lookup(void, within()) == NotFound()

    outcome = rig.adapter.void(void, within())

    assert isinstance(outcome, Succeeded), outcome
    assert outcome.money == charge.money
    assert (rig.done(void), rig.done(charge)) == (1, 0)
    assert rig.adapter.lookup(void, within()) == outcome
    assert isinstance(rig.adapter.lookup(charge, within()), NotCharged)


@voids
def test_collected_money_cannot_be_let_go_of(rig: Rig) -> None:
    charge = charged(rig)
    void = a_void(rig.adapter, charge)

    for outcome in (rig.adapter.void(void, within()), rig.adapter.lookup(void, within())):
        assert isinstance(outcome, Declined), outcome
        assert outcome.hardness is Hardness.HARD
    assert rig.done(charge) == 1


@across("operation, scenario", lambda ways: (case for case in declines(ways) if VOID in case))
def test_a_void_that_the_provider_declines_may_be_tried_again(
    rig: Rig, operation: Operation, scenario: Scenario
) -> None:
    void = a_void(rig.adapter, held(rig))
    rig.plays(scenario, operation)

    outcome = rig.adapter.void(void, within())

    assert isinstance(outcome, Declined), outcome
    assert outcome.hardness is Hardness.SOFT
    assert rig.adapter.lookup(void, within()) == NotFound()
    assert isinstance(rig.adapter.void(replace(void, polls=1), within()), Succeeded)


@only(lambda ways: VOID in ways.reads_at_once)
def test_a_void_that_cannot_be_read_back_is_unknown_or_was_not_sent(rig: Rig) -> None:
    charge = held(rig)
    void = a_void(rig.adapter, charge)
    rig.fails_next_read()

    outcome = rig.adapter.void(void, within())

    if isinstance(outcome, NotCharged):  # it reads what to let go of first
        assert rig.held(charge) == 1
    else:
        assert isinstance(outcome, Unknown), outcome


@captures
@voids
def test_a_hold_that_the_provider_does_not_know_is_a_riddle_when_it_is_read(rig: Rig) -> None:
    stranger = replace(held(rig), provider_id="so_unheard_of")
    capture, void = a_capture(rig.adapter, stranger), a_void(rig.adapter, stranger)

    assert isinstance(rig.adapter.lookup(capture, within()), Unknown)
    assert isinstance(rig.adapter.lookup(void, within()), Unknown)
    assert isinstance(rig.adapter.capture(capture, within()), NotCharged | Unknown)
    assert isinstance(rig.adapter.void(void, within()), NotCharged | Unknown)
