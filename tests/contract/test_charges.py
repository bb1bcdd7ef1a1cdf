"""What every adapter makes of a charge, a lost answer and a look-up, by its provider's ledger."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.money import CURRENCIES, Money
from domain.outcome import (
    Declined,
    Hardness,
    Lookup,
    NotCharged,
    NotFound,
    Pending,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from domain.ports import Budget
from tests.contract.made import IMPATIENCE_S, a_payment, an_attempt, within
from tests.contract.rigs import Rig, Scenario

#: Faults after which the answer is lost, and whether money had moved by then.
LOST = {
    Scenario.DROPS_BEFORE: False,
    Scenario.DROPS_AFTER: True,
    Scenario.FAILS_BEFORE: False,
    Scenario.FAILS_AFTER: True,
    Scenario.GARBAGE_AFTER: True,
    Scenario.HANGS_BEFORE: False,
    Scenario.HANGS_AFTER: True,
    Scenario.DRIPS_AFTER: True,
}
#: These keep the failed answer under the key, so that a replay only brings it again.
KEPT_FAILURES = {Scenario.FAILS_BEFORE, Scenario.FAILS_AFTER}
#: These take as long as they are waited for.
HANGS = {Scenario.HANGS_BEFORE, Scenario.HANGS_AFTER, Scenario.DRIPS_AFTER}


def patience(scenario: Scenario) -> Budget:
    return within(IMPATIENCE_S) if scenario in HANGS else within()


def id_of(found: Lookup) -> str:
    assert isinstance(found, Succeeded | Pending | RequiresAction), found
    return found.provider_id


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"], ids=["2 digits", "none", "3 digits"])
def test_a_charge_moves_exactly_the_money_that_was_asked_for(rig: Rig, currency: str) -> None:
    attempt = an_attempt(rig.adapter, a_payment(123_457, currency))

    outcome = rig.adapter.charge(attempt, within())

    assert isinstance(outcome, Succeeded)
    assert outcome.money == Money(123_457, CURRENCIES[currency])
    assert outcome.captured
    assert outcome.reference == attempt.reference
    assert rig.charges(attempt.reference) == 1


@pytest.mark.parametrize("scenario", LOST, ids=str)
def test_a_lost_answer_is_unknown_and_the_look_up_tells_what_the_ledger_says(
    rig: Rig, scenario: Scenario
) -> None:
    attempt = an_attempt(rig.adapter)
    rig.plays(scenario)

    outcome = rig.adapter.charge(attempt, patience(scenario))

    assert isinstance(outcome, Unknown)
    assert rig.charges(attempt.reference) == int(LOST[scenario])
    assert rig.posts(attempt.reference) == 1
    found = rig.adapter.lookup(attempt, within())
    if LOST[scenario]:
        assert isinstance(found, Succeeded)
        named = replace(attempt, provider_id=found.provider_id)
        assert rig.adapter.lookup(named, within()) == found
    else:
        assert found == NotFound()


@pytest.mark.parametrize("scenario", sorted(set(LOST) - KEPT_FAILURES), ids=str)
def test_a_replay_after_a_lost_answer_brings_the_one_charge_to_light(
    rig: Rig, scenario: Scenario
) -> None:
    attempt = an_attempt(rig.adapter)
    rig.plays(scenario)
    rig.adapter.charge(attempt, patience(scenario))

    replayed = rig.adapter.charge(attempt, within())

    assert isinstance(replayed, Succeeded)
    assert rig.charges(attempt.reference) == 1


@pytest.mark.parametrize("scenario", sorted(KEPT_FAILURES), ids=str)
def test_a_failure_kept_under_the_key_stays_unknown_and_charges_nothing_more(
    rig: Rig, scenario: Scenario
) -> None:
    attempt = an_attempt(rig.adapter)
    rig.plays(scenario)
    rig.adapter.charge(attempt, within())

    assert isinstance(rig.adapter.charge(attempt, within()), Unknown)
    assert rig.charges(attempt.reference) == int(LOST[scenario])


def test_the_same_key_gives_the_same_payment_and_one_charge(rig: Rig) -> None:
    attempt = an_attempt(rig.adapter)

    first, second = (rig.adapter.charge(attempt, within()) for _ in range(2))

    assert first == second
    assert isinstance(first, Succeeded)
    assert rig.charges(attempt.reference) == 1


def test_the_same_key_with_another_body_is_unknown_and_charges_nothing(rig: Rig) -> None:
    attempt = an_attempt(rig.adapter)
    rig.adapter.charge(attempt, within())
    other = rig.adapter.compose(a_payment(99), attempt.reference)
    assert other is not None

    assert isinstance(rig.adapter.charge(replace(attempt, request=other), within()), Unknown)
    assert rig.charges(attempt.reference) == 1


def test_a_refused_connection_was_never_sent(rig: Rig) -> None:
    attempt = an_attempt(rig.adapter)
    rig.plays(Scenario.REFUSES_CONNECTIONS)

    outcome = rig.adapter.charge(attempt, within())

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.NEVER_SENT


def test_after_the_time_to_send_the_provider_sees_nothing(rig: Rig) -> None:
    warm, attempt = an_attempt(rig.adapter), an_attempt(rig.adapter)
    rig.adapter.charge(warm, within())

    outcome = rig.adapter.charge(attempt, within(send_s=0.0))

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.NEVER_SENT
    assert rig.posts(attempt.reference) == 0


@pytest.mark.parametrize(
    ("scenario", "hardness"),
    [(Scenario.SOFT_DECLINE, Hardness.SOFT), (Scenario.HARD_DECLINE, Hardness.HARD)],
    ids=str,
)
def test_a_decline_moves_no_money_and_says_what_may_come_next(
    rig: Rig, scenario: Scenario, hardness: Hardness
) -> None:
    attempt = an_attempt(rig.adapter)
    rig.plays(scenario)

    outcome = rig.adapter.charge(attempt, within())

    assert isinstance(outcome, Declined)
    assert outcome.hardness is hardness
    assert rig.charges(attempt.reference) == 0
    assert rig.adapter.lookup(attempt, within()) == outcome


@pytest.mark.parametrize("scenario", [Scenario.LIMITS_RATE, Scenario.IS_DOWN], ids=str)
def test_a_documented_refusal_is_proof_and_the_gateways_fault(rig: Rig, scenario: Scenario) -> None:
    attempt = an_attempt(rig.adapter)
    rig.plays(scenario)

    outcome = rig.adapter.charge(attempt, within())

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.REJECTED
    assert outcome.retry_after_s == 1.0
    assert rig.adapter.at_fault(outcome)
    assert (rig.charges(attempt.reference), rig.posts(attempt.reference)) == (0, 1)


def test_a_key_that_the_provider_does_not_know_is_the_gateways_fault(rig: Rig) -> None:
    stranger = rig.stranger()
    attempt = an_attempt(stranger)

    outcome = stranger.charge(attempt, within())

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.REJECTED
    assert stranger.at_fault(outcome)
    assert isinstance(stranger.lookup(attempt, within()), Unknown)
    stranger.close()


def test_a_request_that_is_wrong_in_itself_is_refused_and_not_the_gateways_fault(rig: Rig) -> None:
    attempt = replace(an_attempt(rig.adapter), request=b'{"amount": "much"}')

    outcome = rig.adapter.charge(attempt, within())

    assert isinstance(outcome, NotCharged)
    assert outcome.proof is Proof.REJECTED
    assert not rig.adapter.at_fault(outcome)


def test_more_money_than_asked_for_is_told_as_it_is(rig: Rig) -> None:
    attempt = an_attempt(rig.adapter)
    rig.plays(Scenario.CHARGES_MORE)

    outcome = rig.adapter.charge(attempt, within())

    assert isinstance(outcome, Succeeded)
    assert outcome.money == Money(attempt.money.minor + 1, attempt.money.currency)


def test_a_provider_that_decides_later_is_pending(rig: Rig) -> None:
    attempt = an_attempt(rig.adapter)
    rig.plays(Scenario.DECIDES_LATER)

    outcome = rig.adapter.charge(attempt, within())

    assert isinstance(outcome, Pending)
    assert rig.adapter.lookup(attempt, within()) == outcome


@pytest.mark.parametrize("wanted", [True, False], ids=["ours", "the provider's"])
def test_whoever_wants_the_payer_to_act_there_is_a_page_for_it(rig: Rig, wanted: bool) -> None:
    attempt = an_attempt(rig.adapter, a_payment(wants_3ds=wanted))
    if not wanted:
        rig.plays(Scenario.ASKS_THE_PAYER)

    outcome = rig.adapter.charge(attempt, within())

    assert isinstance(outcome, RequiresAction)
    assert outcome.url.startswith("http")
    assert rig.adapter.lookup(attempt, within()) == outcome
