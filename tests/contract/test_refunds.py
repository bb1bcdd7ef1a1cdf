"""What every adapter makes of money on its way back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from domain.attempt import Operation
from domain.flows.send import send
from domain.outcome import Declined, Hardness, NotCharged, Pending, Succeeded, TakenBack
from tests.contract.cases import across, only
from tests.contract.deeds import charged, held, id_of, in_part, minor, money, sale
from tests.contract.losses import is_absence, is_silence
from tests.contract.made import a_capture, a_refund, within
from tests.contract.rigs import Coin, Rig, Scenario, Ways
from workers.gateways import DOUBLES

REFUND = Operation.REFUND

refunds = only(lambda ways: ways.can(REFUND))
refunds_in_part = only(lambda ways: ways.can(REFUND) and ways.refunds_in_part)


def refundable(ways: Ways) -> Iterator[tuple[Coin, int]]:
    """Every currency, and how many parts of 123 457 can be given back."""
    for coin in ways.coins.values() if ways.can(REFUND) else ():
        for parts in (1, 123_457) if ways.refunds_in_part else (123_457,):
            yield coin, parts


def declines(ways: Ways) -> list[Scenario]:
    both = (Scenario.SOFT_DECLINE, Scenario.HARD_DECLINE)
    return [scenario for scenario in both if ways.plays(scenario, REFUND)]


@across("coin, parts", refundable)
def test_a_refund_gives_back_exactly_what_it_asks_for(rig: Rig, coin: Coin, parts: int) -> None:
    charge, wanted = charged(rig, sale(rig.ways, 123_457, coin)), money(rig.ways, parts, coin)
    refund = a_refund(rig.adapter, charge, wanted.minor)
    before = rig.adapter.lookup(refund, within())
    assert is_absence(rig.ways, refund, before), before

    outcome = rig.adapter.refund(refund, within())

    assert isinstance(outcome, Succeeded), outcome
    assert outcome.money == wanted
    assert outcome.reference == rig.ways.name(refund)
    assert rig.done(refund) == 1
    known = replace(refund, provider_id=outcome.provider_id)
    assert rig.adapter.lookup(known, within()) == outcome
    by_reference = rig.adapter.lookup(refund, within())
    assert by_reference == outcome or is_silence(rig.ways, refund, by_reference)


@refunds_in_part
def test_several_refunds_of_one_charge_are_told_apart_until_nothing_is_left(rig: Rig) -> None:
    charge, ways = charged(rig), rig.ways
    refunds = [a_refund(rig.adapter, charge, minor(ways, parts)) for parts in (250, 250, 750)]

    outcomes = [rig.adapter.refund(refund, within()) for refund in refunds]
    too_much = a_refund(rig.adapter, charge, minor(ways, 1))
    refused = rig.adapter.refund(too_much, within())

    assert len({id_of(outcome) for outcome in outcomes}) == 3
    for refund, outcome in zip(refunds, outcomes, strict=True):
        known = replace(refund, provider_id=id_of(outcome))
        assert rig.adapter.lookup(known, within()) == outcome
        assert rig.done(refund) == 1
    assert isinstance(refused, NotCharged | Declined), refused
    assert not isinstance(refused, NotCharged) or refused.request_wrong
    assert rig.done(too_much) == 0
    assert rig.alarmed() == []
    found = rig.adapter.lookup(charge, within())
    assert isinstance(found, Succeeded), found
    assert found.money == charge.money


@only(lambda ways: ways.can(REFUND, Operation.CAPTURE) and in_part(ways, Operation.CAPTURE))
def test_what_was_not_collected_is_not_given_back(rig: Rig) -> None:
    charge, ways = held(rig), rig.ways
    one, more, less = (
        a_refund(rig.adapter, charge, minor(ways, parts)) for parts in (1000, 1000, 999)
    )
    if not ways.refunds_in_part:
        pytest.skip("a refund is whole here")

    assert isinstance(rig.adapter.refund(one, within()), NotCharged | Declined)

    collected = a_capture(rig.adapter, charge, minor(ways, 999))
    assert isinstance(rig.adapter.capture(collected, within()), Succeeded)
    assert isinstance(rig.adapter.refund(more, within()), NotCharged | Declined)
    assert isinstance(rig.adapter.refund(less, within()), Succeeded)
    assert (rig.done(one), rig.done(more), rig.done(less)) == (0, 0, 1)


@across("scenario", declines)
def test_a_declined_refund_is_over_and_gave_nothing_back(rig: Rig, scenario: Scenario) -> None:
    refund = a_refund(rig.adapter, charged(rig))
    rig.plays(scenario, REFUND)

    outcome = rig.adapter.refund(refund, within())

    assert isinstance(outcome, Declined), outcome
    assert outcome.hardness is Hardness.HARD
    assert rig.done(refund) == 0
    found = rig.adapter.lookup(replace(refund, provider_id=outcome.provider_id), within())
    if outcome.provider_id is None:  # no object was made
        assert is_absence(rig.ways, refund, found) or found == outcome, found
    else:
        assert found == outcome


@only(lambda ways: ways.plays(Scenario.DECIDES_LATER, REFUND))
@pytest.mark.parametrize("succeeds", [True, False], ids=["succeeds", "fails"])
def test_a_refund_that_is_decided_later_is_pending_until_then(rig: Rig, succeeds: bool) -> None:
    refund = a_refund(rig.adapter, charged(rig))
    rig.plays(Scenario.DECIDES_LATER, REFUND)

    outcome = rig.adapter.refund(refund, within())

    assert isinstance(outcome, Pending), outcome
    known = replace(refund, provider_id=outcome.provider_id)
    assert rig.adapter.lookup(known, within()) == outcome
    assert rig.done(refund) == 0
    rig.decides_refund(outcome.provider_id, succeeds=succeeds)
    found = rig.adapter.lookup(known, within())
    assert isinstance(found, Succeeded if succeeds else Declined), found
    assert rig.done(refund) == int(succeeds)


@only(lambda ways: ways.can(REFUND) and ways.refunds_fail_late)
def test_a_refund_that_fails_days_after_it_succeeded_is_read_as_failed(rig: Rig) -> None:
    refund = a_refund(rig.adapter, charged(rig))
    provider_id = id_of(rig.adapter.refund(refund, within()))

    rig.decides_refund(provider_id, succeeds=False)

    found = rig.adapter.lookup(replace(refund, provider_id=provider_id), within())
    assert isinstance(found, Declined), found
    assert found.code
    assert found.hardness is Hardness.HARD
    assert found.provider_id == provider_id


@only(lambda ways: ways.plays(Scenario.CHARGES_MORE, REFUND))
def test_a_refund_of_other_money_is_told_as_it_is(rig: Rig) -> None:
    whole = not rig.ways.refunds_in_part
    refund = a_refund(rig.adapter, charged(rig), None if whole else minor(rig.ways, 1000))
    rig.plays(Scenario.CHARGES_MORE, REFUND)

    outcome = rig.adapter.refund(refund, within())

    assert isinstance(outcome, Succeeded), outcome
    less = refund.money.minor - rig.ways.coin.unit
    assert outcome.money == replace(refund.money, minor=less)


@only(lambda ways: REFUND in ways.doubles)
def test_two_refunds_under_one_reference_are_told_to_people(rig: Rig) -> None:
    refund = a_refund(rig.adapter, charged(rig), minor(rig.ways, 100))
    outcome = send(rig.adapter, refund, within())

    rig.does_again(refund)

    assert rig.adapter.lookup(refund, within()) == outcome  # the first of the two
    assert rig.alarmed() == [(DOUBLES[REFUND], refund.reference)]


@only(lambda ways: ways.can(REFUND) and ways.refunds_in_part and ways.charges_back_in_part)
def test_a_refund_of_a_charge_that_was_taken_back_is_read_beside_it(rig: Rig) -> None:
    charge = charged(rig)
    refund = a_refund(rig.adapter, charge, minor(rig.ways, 250))
    outcome = rig.adapter.refund(refund, within())
    assert charge.provider_id is not None

    rig.charges_back(charge.provider_id, minor(rig.ways, 1000))

    known = replace(refund, provider_id=id_of(outcome))
    assert rig.adapter.lookup(known, within()) == outcome
    assert isinstance(rig.adapter.lookup(charge, within()), TakenBack)
