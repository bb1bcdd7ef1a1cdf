"""What every adapter makes of a charge, by its provider's books: the money, the payer, the refusals."""

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
    RequiresAction,
    Succeeded,
    TakenBack,
    Unknown,
)
from tests.contract.cases import across, only
from tests.contract.deeds import (
    approved,
    begun,
    carried,
    charged,
    finished,
    hold,
    id_of,
    is_done,
    minor,
    moved,
    named,
    sale,
    times,
)
from tests.contract.losses import is_silence
from tests.contract.made import an_attempt, within
from tests.contract.rigs import Coin, Rig, Scenario, Ways

CHARGE = Operation.CHARGE


def coins(ways: Ways) -> list[Coin]:
    return list(ways.coins.values())


def declines(ways: Ways) -> Iterator[tuple[Scenario, Hardness]]:
    hardness = {Scenario.SOFT_DECLINE: Hardness.SOFT, Scenario.HARD_DECLINE: Hardness.HARD}
    yield from ((s, h) for s, h in hardness.items() if ways.plays(s, CHARGE))


def begun_sale(rig: Rig) -> Attempt:
    return begun(rig, an_attempt(rig.adapter, sale(rig.ways)))


def asked(rig: Rig, attempt: Attempt) -> RequiresAction:
    """Return what a charge says that its payer must act on."""
    outcome = send(rig.adapter, begun(rig, attempt), within())
    assert isinstance(outcome, RequiresAction), outcome
    assert outcome.url.startswith("http") or outcome.shown
    return outcome


@across("coin", coins)
@pytest.mark.parametrize("units", ["least", "odd"])
def test_a_charge_moves_exactly_the_money_that_was_asked_for(
    rig: Rig, coin: Coin, units: str
) -> None:
    parts = 1 if units == "least" else 123_457
    payment = sale(rig.ways, parts, coin)

    attempt, outcome = carried(rig, an_attempt(rig.adapter, payment))

    assert isinstance(outcome, Succeeded), outcome
    assert outcome.money == payment.money
    assert outcome.captured
    assert outcome.reference == rig.ways.name(attempt)
    assert rig.done(attempt) == 1
    assert rig.adapter.lookup(attempt, within()) == outcome


@across("scenario, hardness", declines)
def test_a_decline_moves_no_money_and_says_what_may_come_next(
    rig: Rig, scenario: Scenario, hardness: Hardness
) -> None:
    attempt = begun_sale(rig)
    rig.plays(scenario)

    outcome = send(rig.adapter, attempt, within())

    assert isinstance(outcome, Declined), outcome
    assert outcome.hardness is hardness
    assert outcome.code
    assert rig.done(attempt) == 0
    found = rig.adapter.lookup(attempt, within())
    assert is_no(found, outcome, rig.ways) or is_silence(rig.ways, attempt, found), found


def is_no(found: Lookup, declined: Declined, ways: Ways) -> bool:
    """Whether this is the "no" again, or, where the payer may try once more, shows no money."""
    if isinstance(found, Declined):
        return (found.code, found.hardness) == (declined.code, declined.hardness)
    return ways.declines_stay_open and isinstance(found, RequiresAction | Prepared)


@only(lambda ways: ways.plays(Scenario.CHARGES_MORE, CHARGE))
def test_more_money_than_asked_for_is_told_as_it_is(rig: Rig) -> None:
    attempt = begun_sale(rig)
    rig.plays(Scenario.CHARGES_MORE)

    attempt, outcome = moved(rig, attempt)

    assert isinstance(outcome, Succeeded), outcome
    more = attempt.money.minor + rig.ways.coin.unit
    assert outcome.money == replace(attempt.money, minor=more)
    assert rig.adapter.lookup(attempt, within()) == outcome


@only(lambda ways: ways.plays(Scenario.DECIDES_LATER, CHARGE))
def test_a_provider_that_decides_later_is_pending(rig: Rig) -> None:
    attempt = begun_sale(rig)
    rig.plays(Scenario.DECIDES_LATER)

    outcome = send(rig.adapter, attempt, within())

    assert isinstance(outcome, Pending), outcome
    assert rig.done(attempt) == 0
    assert rig.adapter.lookup(named(attempt, outcome), within()) == outcome


def asks(ways: Ways) -> Iterator[str]:
    """Who can want the payer to act: we, or the provider."""
    if ways.asks_on_demand:
        yield "ours"
    if ways.plays(Scenario.ASKS_THE_PAYER, CHARGE):
        yield "the provider's"


@across("wish", asks)
@pytest.mark.parametrize("approves", [True, False], ids=["approves", "rejects"])
def test_whoever_wants_the_payer_to_act_there_is_a_page_for_it(
    rig: Rig, wish: str, approves: bool
) -> None:
    attempt = an_attempt(rig.adapter, sale(rig.ways, wants_3ds=wish == "ours"))
    attempt = begun(rig, attempt)
    if wish != "ours":
        rig.plays(Scenario.ASKS_THE_PAYER)

    outcome = send(rig.adapter, attempt, within())

    assert isinstance(outcome, RequiresAction), outcome
    assert outcome.url.startswith("http")
    assert rig.done(attempt) == 0
    assert rig.adapter.lookup(named(attempt, outcome), within()) == outcome
    if approves:
        attempt, found = finished(rig, attempt, outcome)
        assert is_done(found, attempt), found
    else:
        rig.rejects(outcome.provider_id)
        found = rig.adapter.lookup(named(attempt, outcome), within())
        assert isinstance(found, Declined | NotCharged), found
    assert rig.done(attempt) == int(approves)


@only(lambda ways: ways.asks_always)
@pytest.mark.parametrize("holds", [False, True], ids=["sale", "hold"])
def test_where_every_payer_must_approve_nothing_moves_before_that(rig: Rig, holds: bool) -> None:
    if holds and rig.ways.holds is None:
        pytest.skip("nothing is held here")
    attempt = an_attempt(rig.adapter, (hold if holds else sale)(rig.ways))

    outcome = send(rig.adapter, attempt, within())

    assert isinstance(outcome, RequiresAction), outcome
    assert outcome.url.startswith("http")
    known = named(attempt, outcome)
    assert rig.adapter.lookup(known, within()) == outcome
    assert times(rig, attempt) == 0

    found = approved(rig, attempt, outcome)

    if rig.ways.splits(CHARGE):
        assert found == Prepared(outcome.provider_id)
        assert times(rig, attempt) == 0
        known, found = finished(rig, attempt, outcome)
    assert is_done(found, attempt), found
    assert times(rig, attempt) == 1


@only(lambda ways: ways.asks_always and ways.splits(CHARGE))
def test_money_that_is_asked_for_before_the_payer_approved_does_not_move(rig: Rig) -> None:
    attempt = an_attempt(rig.adapter, sale(rig.ways))
    outcome = send(rig.adapter, attempt, within())
    known = named(replace(attempt, confirming=True), outcome)

    early = send(rig.adapter, known, within())

    assert isinstance(early, RequiresAction | Unknown), early
    assert rig.done(attempt) == 0


@across("method", lambda ways: ways.elsewhere)
def test_where_the_payer_pays_elsewhere_they_are_told_how_and_there_is_no_money_yet(
    rig: Rig, method: Method
) -> None:
    attempt = an_attempt(rig.adapter, sale(rig.ways, method=method))

    outcome = asked(rig, attempt)

    assert rig.done(attempt) == 0
    assert rig.adapter.lookup(named(attempt, outcome), within()) == outcome
    attempt, found = finished(rig, attempt, outcome)
    assert is_done(found, attempt), found
    assert rig.done(attempt) == 1


def held_methods(ways: Ways) -> Iterator[Method]:
    if ways.holds:
        yield ways.holds
    yield from ways.held_elsewhere


@across("method", held_methods)
def test_money_is_held_when_only_that_was_asked_for(rig: Rig, method: Method) -> None:
    attempt = an_attempt(rig.adapter, hold(rig.ways, method=method))

    attempt, outcome = carried(rig, attempt)
    if isinstance(outcome, RequiresAction):
        attempt, outcome = finished(rig, attempt, outcome)

    held = Succeeded(
        id_of(outcome), attempt.money, captured=False, reference=rig.ways.name(attempt)
    )
    assert outcome == held
    assert rig.adapter.lookup(attempt, within()) == held
    assert (rig.done(attempt), rig.held(attempt)) == (0, 1)


@across("method", lambda ways: ways.never_held)
def test_what_nobody_can_hold_is_never_asked_to_be_held(rig: Rig, method: Method) -> None:
    attempt = an_attempt(rig.adapter, hold(rig.ways, method=method))

    attempt, outcome = carried(rig, attempt)
    if isinstance(outcome, RequiresAction):
        attempt, outcome = finished(rig, attempt, outcome)

    assert attempt.captures
    assert is_done(outcome, attempt), outcome
    assert (rig.done(attempt), rig.held(attempt)) == (1, 0)


def takings(ways: Ways) -> Iterator[int]:
    """How many parts of 1250 a bank can take back."""
    if ways.charges_back:
        yield 1250
    if ways.charges_back_in_part:
        yield 1


@across("parts", takings)
def test_a_chargeback_is_read_with_what_was_collected_and_what_was_taken(
    rig: Rig, parts: int
) -> None:
    attempt, taken = charged(rig), minor(rig.ways, parts)
    assert attempt.provider_id is not None

    rig.charges_back(attempt.provider_id, taken)

    found = rig.adapter.lookup(attempt, within())
    assert isinstance(found, TakenBack), found
    assert found.captured == attempt.money
    assert found.taken == replace(attempt.money, minor=taken)
    assert found.reference == rig.ways.name(attempt)
    unnamed = replace(attempt, provider_id=None)
    by_reference = rig.adapter.lookup(unnamed, within())
    assert by_reference == found or is_silence(rig.ways, unnamed, by_reference)


def test_an_adapter_outlives_a_provider_that_went_and_came_back(rig: Rig) -> None:
    attempt = an_attempt(rig.adapter, sale(rig.ways))
    rig.plays(Scenario.REFUSES_CONNECTIONS)
    assert isinstance(send(rig.adapter, attempt, within()), NotCharged)

    rig.calm()

    attempt, outcome = carried(rig, attempt)
    assert is_done(outcome, attempt)
    assert rig.done(attempt) == 1
