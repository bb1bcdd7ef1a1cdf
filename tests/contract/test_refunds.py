"""What every adapter makes of money on its way back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.attempt import Operation
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    NotFound,
    Pending,
    Succeeded,
    TakenBack,
    Unknown,
)
from tests.contract.losses import charged, held, id_of
from tests.contract.made import a_capture, a_payment, a_refund, money, within
from tests.contract.rigs import Rig, Scenario
from workers.gateways import DOUBLES


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"], ids=["2 digits", "none", "3 digits"])
@pytest.mark.parametrize("minor", [1, 123_457], ids=["a unit", "whole"])
def test_a_refund_gives_back_exactly_what_it_asks_for(rig: Rig, minor: int, currency: str) -> None:
    refund = a_refund(rig.adapter, charged(rig, a_payment(123_457, currency)), minor)
    assert rig.adapter.lookup(refund, within()) == NotFound()

    outcome = rig.adapter.refund(refund, within())

    assert isinstance(outcome, Succeeded)
    assert outcome.money == money(minor, currency)
    assert outcome.reference == refund.reference
    assert rig.done(refund) == 1
    assert rig.adapter.lookup(refund, within()) == outcome
    assert rig.adapter.lookup(replace(refund, provider_id=outcome.provider_id), within()) == outcome


def test_several_refunds_of_one_charge_are_told_apart_until_nothing_is_left(rig: Rig) -> None:
    charge = charged(rig)
    refunds = [a_refund(rig.adapter, charge, minor) for minor in (250, 250, 750)]

    outcomes = [rig.adapter.refund(refund, within()) for refund in refunds]
    too_much = rig.adapter.refund(a_refund(rig.adapter, charge, 1), within())

    assert len({id_of(outcome) for outcome in outcomes}) == 3
    for refund, outcome in zip(refunds, outcomes, strict=True):
        assert rig.adapter.lookup(refund, within()) == outcome
        assert rig.done(refund) == 1
    assert isinstance(too_much, NotCharged)
    assert too_much.request_wrong
    assert rig.alarmed() == []
    found = rig.adapter.lookup(charge, within())
    assert isinstance(found, Succeeded)
    assert found.money == charge.money


def test_what_was_not_collected_is_not_given_back(rig: Rig) -> None:
    charge = held(rig)
    refund = a_refund(rig.adapter, charge, 1000)

    assert isinstance(rig.adapter.refund(refund, within()), NotCharged)

    rig.adapter.capture(a_capture(rig.adapter, charge, 999), within())
    assert isinstance(rig.adapter.refund(a_refund(rig.adapter, charge, 1000), within()), NotCharged)
    assert isinstance(rig.adapter.refund(a_refund(rig.adapter, charge, 999), within()), Succeeded)


@pytest.mark.parametrize("scenario", [Scenario.SOFT_DECLINE, Scenario.HARD_DECLINE], ids=str)
def test_a_declined_refund_is_over_and_gave_nothing_back(rig: Rig, scenario: Scenario) -> None:
    refund = a_refund(rig.adapter, charged(rig))
    rig.plays(scenario, Operation.REFUND)

    outcome = rig.adapter.refund(refund, within())

    assert isinstance(outcome, Declined)
    assert outcome.hardness is Hardness.HARD
    assert rig.done(refund) == 0
    assert rig.adapter.lookup(refund, within()) == outcome


@pytest.mark.parametrize("succeeds", [True, False], ids=["succeeds", "fails"])
def test_a_refund_that_is_decided_later_is_pending_until_then(rig: Rig, succeeds: bool) -> None:
    refund = a_refund(rig.adapter, charged(rig))
    rig.plays(Scenario.DECIDES_LATER, Operation.REFUND)

    outcome = rig.adapter.refund(refund, within())

    assert isinstance(outcome, Pending)
    assert rig.adapter.lookup(refund, within()) == outcome
    assert rig.done(refund) == 0
    rig.decides_refund(outcome.provider_id, succeeds=succeeds)
    assert isinstance(rig.adapter.lookup(refund, within()), Succeeded if succeeds else Declined)
    assert rig.done(refund) == int(succeeds)


def test_a_refund_that_fails_days_after_it_succeeded_is_read_as_failed(rig: Rig) -> None:
    refund = a_refund(rig.adapter, charged(rig))
    outcome = rig.adapter.refund(refund, within())

    rig.decides_refund(id_of(outcome), succeeds=False)

    found = rig.adapter.lookup(refund, within())
    assert isinstance(found, Declined)
    assert found.code
    assert found.hardness is Hardness.HARD
    assert found.provider_id == id_of(outcome)


def test_a_refund_of_other_money_is_told_as_it_is(rig: Rig) -> None:
    refund = a_refund(rig.adapter, charged(rig), 1000)
    rig.plays(Scenario.CHARGES_MORE, Operation.REFUND)

    outcome = rig.adapter.refund(refund, within())

    assert isinstance(outcome, Succeeded)
    assert outcome.money == money(999)


def test_two_refunds_under_one_reference_are_told_to_people(rig: Rig) -> None:
    refund = a_refund(rig.adapter, charged(rig), 100)
    outcome = rig.adapter.refund(refund, within())

    rig.does_again(refund)

    assert rig.adapter.lookup(refund, within()) == outcome  # the first of the two
    assert rig.alarmed() == [(DOUBLES[Operation.REFUND], refund.reference)]


def test_a_refund_of_a_charge_that_was_taken_back_is_read_beside_it(rig: Rig) -> None:
    charge = charged(rig)
    refund = a_refund(rig.adapter, charge, 250)
    outcome = rig.adapter.refund(refund, within())
    assert charge.provider_id is not None

    rig.charges_back(charge.provider_id, 1000)

    assert rig.adapter.lookup(refund, within()) == outcome
    assert isinstance(rig.adapter.lookup(charge, within()), TakenBack)


def test_a_refund_that_the_provider_named_and_does_not_know_is_a_riddle(rig: Rig) -> None:
    refund = replace(a_refund(rig.adapter, charged(rig)), provider_id="sr_unheard_of")

    assert isinstance(rig.adapter.lookup(refund, within()), Unknown)
