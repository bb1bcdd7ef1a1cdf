"""What every adapter makes of a charge, a lost answer and a look-up, by its provider's ledger."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.means import Method
from domain.money import CURRENCIES, Money
from domain.outcome import (
    Declined,
    Hardness,
    NotCharged,
    NotFound,
    Pending,
    Proof,
    RequiresAction,
    Succeeded,
    TakenBack,
    Unknown,
)
from domain.task import Charge
from tests.contract.losses import KEPT_FAILURES, LOST, charged, id_of, patience
from tests.contract.made import a_hold, a_payment, an_attempt, within
from tests.contract.rigs import Rig, Scenario


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"], ids=["2 digits", "none", "3 digits"])
def test_a_charge_moves_exactly_the_money_that_was_asked_for(rig: Rig, currency: str) -> None:
    attempt = an_attempt(rig.adapter, a_payment(123_457, currency))

    outcome = rig.adapter.charge(attempt, within())

    assert isinstance(outcome, Succeeded)
    assert outcome.money == Money(123_457, CURRENCIES[currency])
    assert outcome.captured
    assert outcome.reference == attempt.reference
    assert rig.done(attempt) == 1


@pytest.mark.parametrize("scenario", LOST, ids=str)
def test_a_lost_answer_is_unknown_and_the_look_up_tells_what_the_ledger_says(
    rig: Rig, scenario: Scenario
) -> None:
    attempt = an_attempt(rig.adapter)
    rig.plays(scenario)

    outcome = rig.adapter.charge(attempt, patience(scenario))

    assert isinstance(outcome, Unknown)
    assert rig.done(attempt) == int(LOST[scenario])
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
    assert rig.done(attempt) == 1


@pytest.mark.parametrize("scenario", sorted(KEPT_FAILURES), ids=str)
def test_a_failure_kept_under_the_key_stays_unknown_and_charges_nothing_more(
    rig: Rig, scenario: Scenario
) -> None:
    attempt = an_attempt(rig.adapter)
    rig.plays(scenario)
    rig.adapter.charge(attempt, within())

    assert isinstance(rig.adapter.charge(attempt, within()), Unknown)
    assert rig.done(attempt) == int(LOST[scenario])


def test_the_same_key_gives_the_same_payment_and_one_charge(rig: Rig) -> None:
    attempt = an_attempt(rig.adapter)

    first, second = (rig.adapter.charge(attempt, within()) for _ in range(2))

    assert first == second
    assert isinstance(first, Succeeded)
    assert rig.done(attempt) == 1


def test_the_same_key_with_another_body_is_unknown_and_charges_nothing(rig: Rig) -> None:
    attempt = an_attempt(rig.adapter)
    rig.adapter.charge(attempt, within())
    other = rig.adapter.compose(Charge(a_payment(99)), attempt.reference)
    assert other is not None

    assert isinstance(rig.adapter.charge(replace(attempt, request=other), within()), Unknown)
    assert rig.done(attempt) == 1


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
    assert rig.done(attempt) == 0
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
    assert not outcome.request_wrong
    assert (rig.done(attempt), rig.posts(attempt.reference)) == (0, 1)


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
    assert outcome.request_wrong
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


@pytest.mark.parametrize("type_", ["paypal", "bank_transfer"])
def test_where_the_payer_pays_elsewhere_there_is_a_page_and_no_money_yet(
    rig: Rig, type_: str
) -> None:
    attempt = an_attempt(rig.adapter, a_payment(method=Method(type_)))

    outcome = rig.adapter.charge(attempt, within())

    assert isinstance(outcome, RequiresAction)
    assert outcome.url.startswith("http")
    assert rig.done(attempt) == 0
    rig.settles(outcome.provider_id, "captured")
    found = rig.adapter.lookup(attempt, within())
    assert isinstance(found, Succeeded)
    assert (found.money, found.captured) == (attempt.money, True)


@pytest.mark.parametrize("type_", ["card", "paypal"])
def test_money_is_held_when_only_that_was_asked_for(rig: Rig, type_: str) -> None:
    attempt = an_attempt(rig.adapter, a_hold(method=Method(type_, "tok_1")))

    outcome = rig.adapter.charge(attempt, within())
    if isinstance(outcome, RequiresAction):
        rig.settles(outcome.provider_id, "authorized")

    found = rig.adapter.lookup(attempt, within())
    assert found == Succeeded(
        id_of(outcome), attempt.money, captured=False, reference=attempt.reference
    )
    assert rig.done(attempt) == 0


@pytest.mark.parametrize("type_", ["wallet", "bank_transfer"])
def test_what_nobody_can_hold_is_never_asked_to_be_held(rig: Rig, type_: str) -> None:
    attempt = an_attempt(rig.adapter, a_hold(method=Method(type_, "w_1")))

    outcome = rig.adapter.charge(attempt, within())

    assert not isinstance(outcome, NotCharged | Unknown)
    assert attempt.captures


@pytest.mark.parametrize("minor", [1, 1250], ids=["in part", "whole"])
def test_a_chargeback_is_read_with_what_was_collected_and_what_was_taken(
    rig: Rig, minor: int
) -> None:
    attempt = charged(rig)
    assert attempt.provider_id is not None

    rig.charges_back(attempt.provider_id, minor)

    found = rig.adapter.lookup(attempt, within())
    assert isinstance(found, TakenBack)
    assert found.captured == attempt.money
    assert found.taken == replace(attempt.money, minor=minor)
    assert found.reference == attempt.reference
    assert rig.adapter.lookup(replace(attempt, provider_id=None), within()) == found
