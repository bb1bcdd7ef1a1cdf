"""What every adapter makes of money that is sent out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from domain.attempt import Attempt, Operation, State
from domain.flows.send import send
from domain.outcome import Declined, Hardness, Lookup, Pending, Returned, Succeeded
from domain.payout import Destination
from tests.contract.cases import across, only
from tests.contract.deeds import begun, carried, id_of, named, payout_row
from tests.contract.losses import is_absence, is_silence
from tests.contract.made import a_payout, within
from tests.contract.rigs import Coin, Rig, Scenario, Ways
from workers.gateways import DOUBLES

PAYOUT = Operation.PAYOUT

payouts_pend = only(lambda ways: ways.can(PAYOUT) and ways.payouts_pend)


def ways_out(ways: Ways) -> Iterator[tuple[Destination, Coin]]:
    if ways.can(PAYOUT):
        yield from ((to, coin) for to in ways.destinations for coin in ways.coins.values())


def declines(ways: Ways) -> Iterator[tuple[Scenario, Hardness]]:
    hardness = {Scenario.SOFT_DECLINE: Hardness.SOFT, Scenario.HARD_DECLINE: Hardness.HARD}
    yield from ((s, h) for s, h in hardness.items() if ways.plays(s, PAYOUT))


def paid(rig: Rig, payout: Attempt, outcome: Lookup) -> Lookup:
    """Have a payout under way be paid, and return what is read of it then."""
    if isinstance(outcome, Pending):
        rig.decides_payout(outcome.provider_id, succeeds=True)
    return rig.adapter.lookup(named(payout, outcome), within())


@across("to, coin", ways_out)
def test_a_payout_pays_exactly_what_was_asked_for(rig: Rig, to: Destination, coin: Coin) -> None:
    payout = a_payout(rig.adapter, payout_row(rig.ways, 123_457, coin, to))
    before = rig.adapter.lookup(payout, within())
    assert is_absence(rig.ways, payout, before), before

    known, outcome = carried(rig, payout)

    assert isinstance(outcome, Pending if rig.ways.payouts_pend else Succeeded), outcome
    assert rig.done(payout) == 1
    assert rig.adapter.lookup(known, within()) == outcome
    found = paid(rig, payout, outcome)
    assert isinstance(found, Succeeded), found
    assert (found.money, found.reference) == (payout.money, rig.ways.name(payout))
    assert rig.done(payout) == 1
    by_reference = rig.adapter.lookup(payout, within())
    assert by_reference == found or is_silence(rig.ways, payout, by_reference)


@across("scenario, hardness", declines)
def test_a_declined_payout_sends_nothing_and_says_what_may_come_next(
    rig: Rig, scenario: Scenario, hardness: Hardness
) -> None:
    payout = begun(rig, a_payout(rig.adapter, payout_row(rig.ways)))
    rig.plays(scenario, PAYOUT)

    outcome = send(rig.adapter, payout, within())

    assert isinstance(outcome, Declined), outcome
    assert outcome.hardness is hardness
    found = rig.adapter.lookup(named(payout, outcome), within())
    if named(payout, outcome).provider_id is None:  # no object was made
        assert is_absence(rig.ways, payout, found) or found == outcome, found
    else:
        assert found == outcome


@payouts_pend
def test_a_payout_that_fails_on_its_way_sent_nothing(rig: Rig) -> None:
    payout, outcome = carried(rig, a_payout(rig.adapter, payout_row(rig.ways)))

    rig.decides_payout(id_of(outcome), succeeds=False)

    found = rig.adapter.lookup(payout, within())
    assert isinstance(found, Declined | Returned), found
    assert found.provider_id == payout.provider_id
    assert found.code


@only(lambda ways: ways.can(PAYOUT) and ways.payouts_return)
def test_a_payout_that_was_paid_may_come_back(rig: Rig) -> None:
    payout, outcome = carried(rig, a_payout(rig.adapter, payout_row(rig.ways)))
    assert isinstance(paid(rig, payout, outcome), Succeeded)
    payout = replace(payout, state=State.SUCCEEDED)

    rig.returns_payout(id_of(outcome))

    # Some say the same of it as of one that failed on its way; the books tell the two apart.
    found = rig.adapter.lookup(payout, within())
    assert isinstance(found, Returned | Declined), found
    assert found.provider_id == payout.provider_id
    assert found.code


@only(lambda ways: ways.plays(Scenario.CHARGES_MORE, PAYOUT))
def test_a_payout_of_other_money_is_told_as_it_is(rig: Rig) -> None:
    payout = begun(rig, a_payout(rig.adapter, payout_row(rig.ways)))
    rig.plays(Scenario.CHARGES_MORE, PAYOUT)

    found = paid(rig, payout, send(rig.adapter, payout, within()))

    assert isinstance(found, Succeeded), found
    more = payout.money.minor + rig.ways.coin.unit
    assert found.money == replace(payout.money, minor=more)


@only(lambda ways: PAYOUT in ways.doubles and ways.payouts_pend)
def test_two_payouts_under_one_reference_are_told_to_people(rig: Rig) -> None:
    payout = a_payout(rig.adapter, payout_row(rig.ways))
    _, outcome = carried(rig, payout)
    first = id_of(outcome)
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
    assert rig.alarmed() == [(DOUBLES[PAYOUT], payout.reference)]
