"""What every adapter reads back about a charge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import assert_never

import pytest

from domain.attempt import Attempt, Operation
from domain.flows.send import send
from domain.outcome import (
    Declined,
    Lookup,
    NotCharged,
    Pending,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from tests.contract.cases import across, only
from tests.contract.deeds import (
    Deed,
    begun,
    carried,
    deeds,
    hold,
    id_of,
    is_done,
    made,
    named,
    sale,
)
from tests.contract.losses import is_absence, is_silence
from tests.contract.made import an_attempt, within
from tests.contract.rigs import Fate, Rig, Scenario, Ways
from workers.gateways import DOUBLES

CHARGE = Operation.CHARGE


@across("deed", deeds)
def test_what_was_never_sent_is_not_found(rig: Rig, deed: Deed) -> None:
    attempt = made(rig, deed)

    found = rig.adapter.lookup(attempt, within())

    assert is_absence(rig.ways, attempt, found), found


@across("deed", lambda ways: (deed for deed in deeds(ways) if deed.operation in DOUBLES))
@pytest.mark.parametrize("odd", ["unheard_of_0", "x_0/../../v1/payments?x=\r\n"])
def test_an_id_that_the_provider_gave_and_does_not_know_is_a_riddle(
    rig: Rig, deed: Deed, odd: str
) -> None:
    attempt = replace(made(rig, deed), provider_id=odd)

    assert isinstance(rig.adapter.lookup(attempt, within()), Unknown)


def fates(ways: Ways) -> Iterator[Fate]:
    """What an open charge can become."""
    for fate in sorted(ways.fates - {Fate.REFUNDED}):
        if fate is not Fate.AUTHORIZED or ways.holds:
            yield fate


def left_open(rig: Rig, fate: Fate) -> Attempt:
    """Return a charge that is not decided yet."""
    ways, payment = rig.ways, (hold if fate is Fate.AUTHORIZED else sale)(rig.ways)
    later = ways.plays(Scenario.DECIDES_LATER, CHARGE)
    if not later and ways.asks_on_demand:
        payment = replace(payment, wants_3ds=True)
    elif not later and ways.elsewhere:
        payment = replace(payment, method=ways.elsewhere[0])
    attempt = an_attempt(rig.adapter, payment)
    if later or not ways.asks_always:
        attempt = begun(rig, attempt)
    if later:
        rig.plays(Scenario.DECIDES_LATER)
    outcome = send(rig.adapter, attempt, within())
    assert isinstance(outcome, Pending | RequiresAction), outcome
    return named(attempt, outcome)


def reads(fate: Fate, found: Lookup, attempt: Attempt) -> bool:
    """Whether this is what a charge says that came to this end."""
    match fate:
        case Fate.CAPTURED | Fate.REFUNDED:
            return isinstance(found, Succeeded) and found.captured and found.money == attempt.money
        case Fate.AUTHORIZED:
            return isinstance(found, Succeeded) and not found.captured
        case Fate.DECLINED:
            return isinstance(found, Declined)
        case Fate.CANCELED:
            return isinstance(found, NotCharged) and found.proof is Proof.VOIDED
        case Fate.EXPIRED:
            return isinstance(found, NotCharged) and found.lapsed
        case _:
            assert_never(fate)


@across("fate", fates)
def test_what_an_open_charge_became_is_read_back(rig: Rig, fate: Fate) -> None:
    attempt = left_open(rig, fate)
    assert attempt.provider_id is not None

    rig.settles(attempt.provider_id, fate)

    found = rig.adapter.lookup(attempt, within())
    assert reads(fate, found, attempt), found
    unnamed = replace(attempt, provider_id=None)
    by_reference = rig.adapter.lookup(unnamed, within())
    assert by_reference == found or is_silence(rig.ways, unnamed, by_reference)


@only(lambda ways: Fate.REFUNDED in ways.fates)
def test_money_that_was_given_back_had_moved(rig: Rig) -> None:
    attempt, outcome = carried(rig, made(rig, Deed.SALE))

    rig.settles(id_of(outcome), Fate.REFUNDED)

    found = rig.adapter.lookup(attempt, within())
    assert reads(Fate.REFUNDED, found, attempt), found


@across("deed", lambda ways: [Deed.SALE] if CHARGE in ways.doubles else [])
def test_two_charges_under_one_reference_are_read_as_money_and_told_to_people(
    rig: Rig, deed: Deed
) -> None:
    attempt = made(rig, deed)
    _, outcome = carried(rig, attempt)
    assert rig.adapter.lookup(attempt, within()) == outcome
    assert rig.alarmed() == []

    rig.does_again(attempt)

    assert rig.adapter.lookup(attempt, within()) == outcome  # the first of the two
    assert is_done(outcome, attempt)
    assert rig.alarmed() == [(DOUBLES[CHARGE], attempt.reference)]
