"""What every adapter reads back about a payment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import pytest

from domain.attempt import Operation
from domain.outcome import Declined, NotCharged, NotFound, Outcome, Proof, Succeeded, Unknown
from tests.contract.losses import id_of
from tests.contract.made import an_attempt, within
from tests.contract.rigs import Rig, Scenario
from workers.gateways import DOUBLES

Read: TypeAlias = Callable[[Outcome], bool]


def test_what_was_never_sent_is_not_found(rig: Rig) -> None:
    assert rig.adapter.lookup(an_attempt(rig.adapter), within()) == NotFound()


def test_an_id_that_the_provider_gave_and_does_not_know_is_a_riddle(rig: Rig) -> None:
    attempt = an_attempt(rig.adapter, provider_id="sp_0/../../v1/payments?x=\r\n")

    assert isinstance(rig.adapter.lookup(attempt, within()), Unknown)


def test_a_look_up_that_fails_says_nothing(rig: Rig) -> None:
    attempt = an_attempt(rig.adapter)
    outcome = rig.adapter.charge(attempt, within())
    rig.fails_next_read()

    assert isinstance(rig.adapter.lookup(attempt, within()), Unknown)
    assert rig.adapter.lookup(attempt, within()) == outcome


@pytest.mark.parametrize(
    ("status", "reads"),
    [
        ("captured", lambda o: isinstance(o, Succeeded) and o.captured),
        ("authorized", lambda o: isinstance(o, Succeeded) and not o.captured),
        ("declined", lambda o: isinstance(o, Declined)),
        ("canceled", lambda o: isinstance(o, NotCharged) and o.proof is Proof.VOIDED),
        ("expired", lambda o: isinstance(o, NotCharged) and o.lapsed),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_an_open_payment_became_is_read_back(rig: Rig, status: str, reads: Read) -> None:
    attempt = an_attempt(rig.adapter)
    rig.plays(Scenario.DECIDES_LATER)
    provider_id = id_of(rig.adapter.charge(attempt, within()))

    rig.settles(provider_id, status)

    by_reference = rig.adapter.lookup(attempt, within())
    assert not isinstance(by_reference, NotFound)
    assert reads(by_reference), by_reference
    assert rig.adapter.lookup(replace(attempt, provider_id=provider_id), within()) == by_reference


def test_two_charges_under_one_reference_are_read_as_money_and_told_to_people(rig: Rig) -> None:
    attempt = an_attempt(rig.adapter)
    outcome = rig.adapter.charge(attempt, within())
    assert rig.adapter.lookup(attempt, within()) == outcome
    assert rig.alarmed() == []

    rig.does_again(attempt)

    assert rig.adapter.lookup(attempt, within()) == outcome  # the first of the two
    assert rig.alarmed() == [(DOUBLES[Operation.CHARGE], attempt.reference)]


def test_money_that_was_given_back_had_moved(rig: Rig) -> None:
    attempt = an_attempt(rig.adapter)
    outcome = rig.adapter.charge(attempt, within())

    rig.settles(id_of(outcome), "refunded")

    assert rig.adapter.lookup(attempt, within()) == outcome
