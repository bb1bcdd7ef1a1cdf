"""What every adapter makes of a charge that nobody wants any more, of a token, and of a probe."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.attempt import Operation
from domain.means import Method
from domain.outcome import Declined, Hardness, NotCharged, Proof, RequiresAction, Succeeded, Unknown
from tests.contract.losses import HANGS, LOST, held, patience
from tests.contract.made import a_detachment, a_payment, an_attempt, within
from tests.contract.rigs import Rig, Scenario


@pytest.mark.parametrize("named", [True, False], ids=["by id", "by reference"])
def test_a_cancel_cancels_and_reads_back(rig: Rig, named: bool) -> None:
    attempt = an_attempt(rig.adapter, a_payment(wants_3ds=True))
    outcome = rig.adapter.charge(attempt, within())
    assert isinstance(outcome, RequiresAction)
    asked = replace(attempt, provider_id=outcome.provider_id) if named else attempt

    cancelled = rig.adapter.cancel(asked, within())

    assert isinstance(cancelled, NotCharged)
    assert cancelled.proof is Proof.VOIDED
    assert rig.adapter.lookup(attempt, within()) == cancelled
    assert rig.adapter.cancel(asked, within()) == cancelled


def test_a_cancel_lets_go_of_a_hold_that_came_too_late(rig: Rig) -> None:
    cancelled = rig.adapter.cancel(replace(held(rig), provider_id=None), within())

    assert isinstance(cancelled, NotCharged)
    assert cancelled.proof is Proof.VOIDED


def test_a_cancel_that_came_too_late_says_that_money_moved(rig: Rig) -> None:
    attempt = an_attempt(rig.adapter)
    outcome = rig.adapter.charge(attempt, within())
    assert isinstance(outcome, Succeeded)

    assert rig.adapter.cancel(attempt, within()) == outcome
    assert rig.adapter.cancel(replace(attempt, provider_id=outcome.provider_id), within()) == (
        outcome
    )


@pytest.mark.parametrize("scenario", LOST, ids=str)
def test_whatever_a_cancel_answers_what_is_read_counts(rig: Rig, scenario: Scenario) -> None:
    attempt = held(rig)
    stands = rig.adapter.lookup(attempt, within())
    rig.plays(scenario, Operation.VOID)

    outcome = rig.adapter.cancel(attempt, patience(scenario))

    if scenario in HANGS:  # there was no time left to read
        assert isinstance(outcome, Unknown)
    elif LOST[scenario]:
        assert isinstance(outcome, NotCharged)
    else:
        assert outcome == stands
    again = rig.adapter.cancel(replace(attempt, polls=1), within())
    assert isinstance(again, NotCharged)
    assert again.proof is Proof.VOIDED


def test_a_cancel_of_what_the_provider_does_not_know_is_unknown(rig: Rig) -> None:
    assert isinstance(rig.adapter.cancel(an_attempt(rig.adapter), within()), Unknown)


def test_a_cancel_that_cannot_be_read_back_is_unknown(rig: Rig) -> None:
    attempt = held(rig)
    rig.fails_next_read()

    assert isinstance(rig.adapter.cancel(attempt, within()), Unknown)


@pytest.mark.parametrize("token", ["tok_gone", "tok/../gone?x=1#\u00fc %2F"], ids=["plain", "odd"])
def test_a_token_is_forgotten_once_and_for_all(rig: Rig, token: str) -> None:
    detachment = a_detachment(token)

    for _ in range(2):
        assert isinstance(rig.adapter.detach(detachment, within()), Succeeded)
    again = rig.adapter.detach(a_detachment(token), within())

    assert isinstance(again, Succeeded)
    assert token not in repr(again)
    attempt = an_attempt(rig.adapter, a_payment(method=Method("card", token)))
    declined = rig.adapter.charge(attempt, within())
    assert isinstance(declined, Declined)
    assert declined.hardness is Hardness.HARD
    assert rig.done(attempt) == 0


def test_a_token_that_could_not_be_forgotten_says_why(rig: Rig) -> None:
    stranger = rig.stranger()
    assert isinstance(stranger.detach(a_detachment("tok_kept"), within()), NotCharged)
    stranger.close()
    rig.plays(Scenario.REFUSES_CONNECTIONS)
    assert isinstance(rig.adapter.detach(a_detachment("tok_kept"), within()), NotCharged)
    rig.calm()

    kept = an_attempt(rig.adapter, a_payment(method=Method("card", "tok_kept")))
    assert isinstance(rig.adapter.charge(kept, within()), Succeeded)


def test_a_probe_finds_out_whether_anybody_answers(rig: Rig) -> None:
    assert rig.adapter.probe(within())
    rig.fails_next_read()
    assert rig.adapter.probe(within())
    stranger = rig.stranger()
    assert stranger.probe(within())
    stranger.close()

    rig.plays(Scenario.REFUSES_CONNECTIONS)
    assert not rig.adapter.probe(within())

    rig.calm()
    assert rig.adapter.probe(within())
