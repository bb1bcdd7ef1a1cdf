"""What every adapter makes of a charge that nobody wants any more, of a token, and of a probe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from domain.attempt import Attempt, Operation
from domain.flows.send import send
from domain.means import Method
from domain.outcome import (
    Declined,
    Hardness,
    Lookup,
    NotCharged,
    Pending,
    Prepared,
    Proof,
    RequiresAction,
    Succeeded,
    Unknown,
)
from tests.contract.cases import across, only
from tests.contract.deeds import again, begun, charged, held, moved, named, sale, times
from tests.contract.losses import HANGS, LOST, patience
from tests.contract.made import a_detachment, an_attempt, within
from tests.contract.rigs import Finds, Open, Rig, Scenario, Ways

CHARGE = Operation.CHARGE
#: Any token will do where `Ways.any_token` says so.
TOKENS = ("tok_gone", "tok/../gone?x=1#\u00fc %2F")

cancels_holds = only(lambda ways: Open.HELD in ways.cancels and ways.holds is not None)


def possible(ways: Ways) -> Iterator[Open]:
    """How a charge can stand there."""
    if ways.splits(CHARGE) and not ways.asks_always:
        yield Open.MADE
    if ways.asks_always or ways.asks_on_demand or ways.elsewhere:
        yield Open.ACTION
    if ways.plays(Scenario.DECIDES_LATER, CHARGE):
        yield Open.LATER
    if ways.holds:
        yield Open.HELD


def names(ways: Ways) -> Iterator[str]:
    """By what a charge can be cancelled."""
    yield "by id"
    if ways.finds[CHARGE] is Finds.AT_ONCE:
        yield "by reference"


def left(rig: Rig, stands: Open) -> tuple[Attempt, Lookup]:
    """Return a charge that stands like this, and what it says."""
    ways, payment = rig.ways, sale(rig.ways)
    if stands is Open.HELD:
        attempt = held(rig)
        return attempt, rig.adapter.lookup(attempt, within())
    if stands is Open.ACTION and ways.asks_on_demand:
        payment = replace(payment, wants_3ds=True)
    elif stands is Open.ACTION and ways.elsewhere:
        payment = replace(payment, method=ways.elsewhere[0])
    attempt = an_attempt(rig.adapter, payment)
    if stands is Open.LATER or (stands is Open.ACTION and not ways.asks_always):
        attempt = begun(rig, attempt)
    if stands is Open.LATER:
        rig.plays(Scenario.DECIDES_LATER)
    outcome = send(rig.adapter, attempt, within())
    expected = {Open.MADE: Prepared, Open.ACTION: RequiresAction, Open.LATER: Pending}
    assert isinstance(outcome, expected[stands]), outcome
    return named(attempt, outcome), outcome


def is_let_go(outcome: Lookup) -> bool:
    return isinstance(outcome, NotCharged) and outcome.proof in (Proof.VOIDED, Proof.READ_BACK)


@across("stands", possible)
@across("name", names)
def test_a_cancel_ends_what_can_be_ended_and_reads_back(rig: Rig, stands: Open, name: str) -> None:
    attempt, before = left(rig, stands)
    asked = attempt if name == "by id" else replace(attempt, provider_id=None)

    cancelled = rig.adapter.cancel(asked, within())

    assert rig.done(attempt) == 0
    if stands not in rig.ways.cancels:
        assert cancelled == before or isinstance(cancelled, Unknown), cancelled
        assert rig.adapter.lookup(attempt, within()) == before
        return
    assert is_let_go(cancelled), cancelled
    assert rig.held(attempt) == 0
    assert rig.adapter.lookup(attempt, within()) == cancelled
    assert rig.adapter.cancel(again(asked), within()) == cancelled


def test_a_cancel_that_came_too_late_says_that_money_moved(rig: Rig) -> None:
    attempt = charged(rig)
    outcome = rig.adapter.lookup(attempt, within())
    assert isinstance(outcome, Succeeded), outcome

    assert rig.adapter.cancel(attempt, within()) == outcome
    unnamed = rig.adapter.cancel(replace(attempt, provider_id=None), within())
    by_reference = rig.ways.finds[CHARGE] is Finds.AT_ONCE
    assert unnamed == outcome or (not by_reference and isinstance(unnamed, Unknown)), unnamed
    assert rig.done(attempt) == 1


@cancels_holds
@pytest.mark.parametrize("scenario", LOST, ids=str)
def test_whatever_a_cancel_answers_what_is_read_counts(rig: Rig, scenario: Scenario) -> None:
    attempt = held(rig)
    stands = rig.adapter.lookup(attempt, within())
    rig.plays(scenario, Operation.VOID)

    outcome = rig.adapter.cancel(attempt, patience(scenario))

    if scenario in HANGS:  # there was no time left to read
        assert isinstance(outcome, Unknown), outcome
    elif LOST[scenario]:
        assert is_let_go(outcome), outcome
    else:
        assert outcome == stands or isinstance(outcome, Unknown), outcome
    assert rig.held(attempt) == int(not LOST[scenario])
    assert is_let_go(rig.adapter.cancel(again(attempt), within()))
    assert times(rig, attempt) == 0


def test_a_cancel_of_what_the_provider_does_not_know_is_unknown(rig: Rig) -> None:
    attempt = an_attempt(rig.adapter, sale(rig.ways))

    assert isinstance(rig.adapter.cancel(attempt, within()), Unknown)
    stranger = replace(attempt, provider_id="unheard_of")
    assert isinstance(rig.adapter.cancel(stranger, within()), Unknown)


@cancels_holds
def test_a_cancel_that_cannot_be_read_back_is_unknown(rig: Rig) -> None:
    attempt = held(rig)
    rig.fails_next_read()

    assert isinstance(rig.adapter.cancel(attempt, within()), Unknown)


def forgettable(ways: Ways) -> tuple[str, ...]:
    if not ways.detaches:
        return ()
    return ways.forgets or (TOKENS if ways.any_token else ())


@across("token", forgettable)
def test_a_token_is_forgotten_once_and_for_all(rig: Rig, token: str) -> None:
    detachment = a_detachment(token)

    for _ in range(2):
        assert isinstance(rig.adapter.detach(detachment, within()), Succeeded)
    once_more = rig.adapter.detach(a_detachment(token), within())

    assert isinstance(once_more, Succeeded), once_more
    assert token not in repr(once_more)
    payment = sale(rig.ways, method=Method(rig.ways.pays.type, token))
    attempt, declined = moved(rig, begun(rig, an_attempt(rig.adapter, payment)))
    assert isinstance(declined, Declined), declined
    assert declined.hardness is not Hardness.SOFT
    assert rig.done(attempt) == 0


@only(lambda ways: ways.detaches)
def test_a_token_that_could_not_be_forgotten_says_why(rig: Rig) -> None:
    kept = a_detachment(rig.ways.pays.token)
    stranger = rig.stranger()
    assert isinstance(stranger.detach(kept, within()), NotCharged)
    stranger.close()
    rig.renew()
    rig.plays(Scenario.REFUSES_CONNECTIONS)
    assert isinstance(rig.adapter.detach(kept, within()), NotCharged)
    rig.calm()

    charged(rig)  # with that token


@only(lambda ways: not ways.detaches)
def test_where_no_token_can_be_forgotten_that_is_said_at_once_and_for_all(rig: Rig) -> None:
    rig.plays(Scenario.REFUSES_CONNECTIONS)

    told = rig.adapter.detach(a_detachment(rig.ways.pays.token), within())

    assert isinstance(told, NotCharged), told
    assert told.request_wrong  # so that nobody asks again
    assert not rig.adapter.at_fault(told)


def test_a_probe_finds_out_whether_anybody_answers(rig: Rig) -> None:
    assert rig.adapter.probe(within())
    stranger = rig.stranger()
    assert stranger.probe(within())
    stranger.close()

    rig.renew()
    rig.plays(Scenario.REFUSES_CONNECTIONS)
    assert not rig.adapter.probe(within())

    rig.calm()
    assert rig.adapter.probe(within())
