"""What every adapter makes of money that is sent out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.attempt import Operation
from domain.outcome import Declined, Hardness, NotFound, Pending, Returned, Succeeded, Unknown
from domain.payout import Destination
from tests.contract.losses import id_of
from tests.contract.made import a_payout, a_payout_row, money, within
from tests.contract.rigs import Rig, Scenario
from workers.gateways import DOUBLES


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"], ids=["2 digits", "none", "3 digits"])
@pytest.mark.parametrize("type_", ["bank_account", "wallet", "card"])
def test_a_payout_is_pending_until_it_is_paid_and_pays_exactly_what_was_asked_for(
    rig: Rig, type_: str, currency: str
) -> None:
    row = a_payout_row(123_457, currency, destination=Destination(type_, "dest_1"))
    payout = a_payout(rig.adapter, row)
    assert rig.adapter.lookup(payout, within()) == NotFound()

    outcome = rig.adapter.payout(payout, within())

    assert isinstance(outcome, Pending)
    assert rig.adapter.lookup(payout, within()) == outcome
    rig.decides_payout(outcome.provider_id, succeeds=True)
    paid = rig.adapter.lookup(payout, within())
    assert isinstance(paid, Succeeded)
    assert (paid.money, paid.reference) == (money(123_457, currency), payout.reference)
    assert rig.adapter.lookup(replace(payout, provider_id=outcome.provider_id), within()) == paid


@pytest.mark.parametrize(
    ("scenario", "hardness"),
    [(Scenario.SOFT_DECLINE, Hardness.SOFT), (Scenario.HARD_DECLINE, Hardness.HARD)],
    ids=str,
)
def test_a_declined_payout_sends_nothing_and_says_what_may_come_next(
    rig: Rig, scenario: Scenario, hardness: Hardness
) -> None:
    payout = a_payout(rig.adapter)
    rig.plays(scenario, Operation.PAYOUT)

    outcome = rig.adapter.payout(payout, within())

    assert isinstance(outcome, Declined)
    assert outcome.hardness is hardness
    assert rig.adapter.lookup(payout, within()) == outcome


def test_a_payout_that_fails_on_its_way_sent_nothing(rig: Rig) -> None:
    payout = a_payout(rig.adapter)
    provider_id = id_of(rig.adapter.payout(payout, within()))

    rig.decides_payout(provider_id, succeeds=False)

    found = rig.adapter.lookup(payout, within())
    assert isinstance(found, Declined)
    assert found.provider_id == provider_id


def test_a_payout_that_was_paid_may_come_back(rig: Rig) -> None:
    payout = a_payout(rig.adapter)
    provider_id = id_of(rig.adapter.payout(payout, within()))
    rig.decides_payout(provider_id, succeeds=True)

    rig.returns_payout(provider_id)

    found = rig.adapter.lookup(payout, within())
    assert isinstance(found, Returned)
    assert found.provider_id == provider_id
    assert found.code


def test_a_payout_of_other_money_is_told_as_it_is(rig: Rig) -> None:
    payout = a_payout(rig.adapter)
    rig.plays(Scenario.CHARGES_MORE, Operation.PAYOUT)

    rig.decides_payout(id_of(rig.adapter.payout(payout, within())), succeeds=True)

    found = rig.adapter.lookup(payout, within())
    assert isinstance(found, Succeeded)
    assert found.money == money(4201)


def test_two_payouts_under_one_reference_are_told_to_people(rig: Rig) -> None:
    payout = a_payout(rig.adapter)
    first = id_of(rig.adapter.payout(payout, within()))
    rig.does_again(payout)
    assert rig.adapter.lookup(payout, within()) == Pending(first)  # the first of the two
    assert rig.alarmed() == []

    rig.decides_payout(first, succeeds=True)
    assert id_of(rig.adapter.lookup(payout, within())) == first
    assert rig.alarmed() == []

    for provider_id in rig.payouts(payout.reference):
        if provider_id != first:
            rig.decides_payout(provider_id, succeeds=True)
    assert id_of(rig.adapter.lookup(payout, within())) == first
    assert rig.alarmed() == [(DOUBLES[Operation.PAYOUT], payout.reference)]


def test_a_payout_that_the_provider_named_and_does_not_know_is_a_riddle(rig: Rig) -> None:
    payout = replace(a_payout(rig.adapter), provider_id="so_unheard_of")

    assert isinstance(rig.adapter.lookup(payout, within()), Unknown)
