"""What every adapter makes of collecting a hold, and of letting go of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.attempt import Operation
from domain.outcome import Declined, Hardness, NotCharged, NotFound, Pending, Succeeded, Unknown
from tests.contract.losses import charged, held
from tests.contract.made import a_capture, a_void, money, within
from tests.contract.rigs import Rig, Scenario


@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"], ids=["2 digits", "none", "3 digits"])
@pytest.mark.parametrize("minor", [1, 123_456, 123_457], ids=["a unit", "in part", "whole"])
def test_a_capture_collects_exactly_what_it_asks_for(rig: Rig, minor: int, currency: str) -> None:
    charge = held(rig, 123_457, currency)
    capture = a_capture(rig.adapter, charge, minor)

    outcome = rig.adapter.capture(capture, within())

    assert isinstance(outcome, Succeeded)
    assert (outcome.money, outcome.captured) == (money(minor, currency), True)
    assert rig.adapter.lookup(capture, within()) == outcome
    found = rig.adapter.lookup(charge, within())
    assert isinstance(found, Succeeded)
    assert (found.money, found.captured) == (money(minor, currency), True)


def test_a_capture_that_has_not_happened_is_not_found(rig: Rig) -> None:
    capture = a_capture(rig.adapter, held(rig))

    assert rig.adapter.lookup(capture, within()) == NotFound()


@pytest.mark.parametrize(
    ("minor", "outcome"),
    [
        (700, lambda id_: Succeeded(id_, money(700))),
        (701, lambda id_: Declined("captured_otherwise", Hardness.HARD, id_)),
    ],
    ids=["what we want", "something else"],
)
def test_a_hold_that_somebody_else_collected_is_judged_by_what_was_collected(
    rig: Rig, minor: int, outcome: object
) -> None:
    charge = held(rig)
    rig.adapter.capture(a_capture(rig.adapter, charge, minor), within())
    ours = a_capture(rig.adapter, charge, 700)
    assert callable(outcome)
    expected = outcome(charge.provider_id)

    assert rig.adapter.capture(ours, within()) == expected
    assert rig.adapter.lookup(ours, within()) == expected
    assert rig.done(ours) == 1


@pytest.mark.parametrize("status", ["canceled", "expired"])
def test_a_hold_that_is_gone_cannot_be_collected_and_counts_as_let_go_of(
    rig: Rig, status: str
) -> None:
    charge = held(rig)
    capture, void = a_capture(rig.adapter, charge), a_void(rig.adapter, charge)
    assert charge.provider_id is not None
    rig.settles(charge.provider_id, status)

    refused = Declined("hold_released", Hardness.HARD, charge.provider_id)
    released = Succeeded(charge.provider_id, charge.money)
    assert rig.adapter.capture(capture, within()) == refused
    assert rig.adapter.lookup(capture, within()) == refused
    assert rig.adapter.void(void, within()) == released
    assert rig.adapter.lookup(void, within()) == released


def test_more_than_is_held_cannot_be_collected_and_the_hold_stands(rig: Rig) -> None:
    charge = held(rig)
    greedy = replace(a_capture(rig.adapter, charge), request=b'{"amount":1251}')

    outcome = rig.adapter.capture(greedy, within())

    assert isinstance(outcome, NotCharged)
    assert outcome.request_wrong
    assert rig.adapter.lookup(greedy, within()) == NotFound()


@pytest.mark.parametrize(
    ("scenario", "hardness"),
    [(Scenario.SOFT_DECLINE, Hardness.SOFT), (Scenario.HARD_DECLINE, Hardness.HARD)],
    ids=str,
)
def test_a_declined_capture_collects_nothing_and_says_what_may_come_next(
    rig: Rig, scenario: Scenario, hardness: Hardness
) -> None:
    capture = a_capture(rig.adapter, held(rig))
    rig.plays(scenario, Operation.CAPTURE)

    outcome = rig.adapter.capture(capture, within())

    assert isinstance(outcome, Declined)
    assert outcome.hardness is hardness
    assert rig.done(capture) == 0
    stands = rig.adapter.lookup(capture, within())
    assert stands == (NotFound() if hardness is Hardness.SOFT else outcome)


def test_a_hold_whose_capture_was_declined_for_good_is_let_go_of_and_no_contradiction(
    rig: Rig,
) -> None:
    charge = held(rig)
    rig.plays(Scenario.HARD_DECLINE, Operation.CAPTURE)
    rig.adapter.capture(a_capture(rig.adapter, charge), within())

    found = rig.adapter.lookup(charge, within())

    assert isinstance(found, NotCharged)
    assert found.lapsed


def test_after_a_soft_decline_another_capture_may_collect(rig: Rig) -> None:
    charge = held(rig)
    rig.plays(Scenario.SOFT_DECLINE, Operation.CAPTURE)
    rig.adapter.capture(a_capture(rig.adapter, charge), within())

    again = rig.adapter.capture(a_capture(rig.adapter, charge), within())

    assert isinstance(again, Succeeded)


def test_a_capture_of_other_money_is_told_as_it_is(rig: Rig) -> None:
    capture = a_capture(rig.adapter, held(rig), 1000)
    rig.plays(Scenario.CHARGES_MORE, Operation.CAPTURE)

    outcome = rig.adapter.capture(capture, within())

    assert isinstance(outcome, Succeeded)
    assert outcome.money == money(999)
    found = rig.adapter.lookup(capture, within())
    assert isinstance(found, Declined)
    assert found.code == "captured_otherwise"


@pytest.mark.parametrize("becomes", ["captured", "declined"])
def test_a_capture_that_is_decided_later_is_pending_until_then(rig: Rig, becomes: str) -> None:
    charge = held(rig)
    capture = a_capture(rig.adapter, charge)
    rig.plays(Scenario.DECIDES_LATER, Operation.CAPTURE)

    outcome = rig.adapter.capture(capture, within())

    assert charge.provider_id is not None
    assert outcome == Pending(charge.provider_id)
    assert rig.adapter.lookup(capture, within()) == outcome
    assert rig.adapter.capture(a_capture(rig.adapter, charge), within()) == outcome
    rig.settles(charge.provider_id, becomes)
    found = rig.adapter.lookup(capture, within())
    assert isinstance(found, Succeeded if becomes == "captured" else Declined)
    assert rig.done(capture) == int(becomes == "captured")


def test_a_capture_that_was_refunded_and_charged_back_has_happened(rig: Rig) -> None:
    charge = held(rig)
    capture = a_capture(rig.adapter, charge, 1000)
    outcome = rig.adapter.capture(capture, within())
    assert charge.provider_id is not None

    rig.settles(charge.provider_id, "refunded")
    assert rig.adapter.lookup(capture, within()) == outcome
    rig.charges_back(charge.provider_id, 1)
    assert rig.adapter.lookup(capture, within()) == outcome


def test_a_void_lets_go_of_the_whole_hold(rig: Rig) -> None:
    charge = held(rig)
    void = a_void(rig.adapter, charge)
    assert rig.adapter.lookup(void, within()) == NotFound()

    outcome = rig.adapter.void(void, within())

    assert charge.provider_id is not None
    assert outcome == Succeeded(charge.provider_id, charge.money)
    assert rig.adapter.lookup(void, within()) == outcome
    assert isinstance(rig.adapter.lookup(charge, within()), NotCharged)


def test_collected_money_cannot_be_let_go_of(rig: Rig) -> None:
    charge = charged(rig)
    void = a_void(rig.adapter, charge)

    outcome = rig.adapter.void(void, within())

    assert outcome == Declined("already_captured", Hardness.HARD, charge.provider_id)
    assert rig.adapter.lookup(void, within()) == outcome


@pytest.mark.parametrize("scenario", [Scenario.SOFT_DECLINE, Scenario.HARD_DECLINE], ids=str)
def test_a_void_that_the_provider_declines_may_be_tried_again(rig: Rig, scenario: Scenario) -> None:
    void = a_void(rig.adapter, held(rig))
    rig.plays(scenario, Operation.VOID)

    outcome = rig.adapter.void(void, within())

    assert isinstance(outcome, Declined)
    assert outcome.hardness is Hardness.SOFT
    assert rig.adapter.lookup(void, within()) == NotFound()
    assert isinstance(rig.adapter.void(replace(void, polls=1), within()), Succeeded)


def test_a_void_that_cannot_be_read_back_is_unknown(rig: Rig) -> None:
    void = a_void(rig.adapter, held(rig))
    rig.fails_next_read()

    assert isinstance(rig.adapter.void(void, within()), Unknown)


def test_a_hold_that_the_provider_does_not_know_is_a_riddle_when_it_is_read(rig: Rig) -> None:
    stranger = replace(held(rig), provider_id="sp_unheard_of")
    capture, void = a_capture(rig.adapter, stranger), a_void(rig.adapter, stranger)

    assert isinstance(rig.adapter.lookup(capture, within()), Unknown)
    assert isinstance(rig.adapter.lookup(void, within()), Unknown)
    assert isinstance(rig.adapter.capture(capture, within()), NotCharged)
    assert isinstance(rig.adapter.void(void, within()), NotCharged)
