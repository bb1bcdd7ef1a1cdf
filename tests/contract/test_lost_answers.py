"""What every adapter makes of a lost answer, to each call of each operation, by the provider's books."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from domain.attempt import Attempt
from domain.flows.send import send
from domain.outcome import Lookup, Outcome, Prepared, RequiresAction, Unknown
from tests.contract.cases import across
from tests.contract.deeds import (
    Deed,
    again,
    begun,
    carried,
    deeds,
    is_done,
    made,
    named,
    steps,
    times,
)
from tests.contract.losses import (
    HANGS,
    LOST,
    is_absence,
    is_kept,
    is_silence,
    patience,
)
from tests.contract.made import within
from tests.contract.rigs import Replay, Rig, Scenario, Step, Ways

lost = pytest.mark.parametrize("scenario", LOST, ids=str)
calls = across("deed, step", steps)


def splits(ways: Ways) -> list[Deed]:
    return [deed for deed in deeds(ways) if ways.splits(deed.operation)]


def repeatable(ways: Ways) -> Iterator[tuple[Deed, Step, Scenario]]:
    """Every call that may be sent again under its key, and how its answer can be lost."""
    for (deed, step), scenario in product(steps(ways), LOST):
        if ways.replays[deed.operation] is not Replay.ANOTHER:
            yield deed, step, scenario


def is_made(found: Lookup, ways: Ways) -> bool:
    """Whether this says that the object of a split operation is there, and has moved nothing."""
    return isinstance(found, Prepared | RequiresAction if ways.asks_always else Prepared)


def struck(rig: Rig, deed: Deed, step: Step, scenario: Scenario) -> tuple[Attempt, Outcome]:
    """Have the answer to one call be lost, and return the attempt and what the call came to."""
    attempt = made(rig, deed)
    if step is Step.MOVE:
        attempt = begun(rig, attempt)
    rig.plays(scenario, deed.operation, step)
    return attempt, send(rig.adapter, attempt, patience(scenario))


@calls
@lost
def test_a_lost_answer_is_unknown_and_the_look_up_tells_what_the_books_say(
    rig: Rig, deed: Deed, step: Step, scenario: Scenario
) -> None:
    attempt, outcome = struck(rig, deed, step, scenario)

    read = deed.operation in rig.ways.reads_at_once and scenario not in HANGS
    if read and LOST[scenario] and step is Step.MOVE:
        assert is_done(outcome, attempt)
    else:
        assert isinstance(outcome, Unknown)
    moved = LOST[scenario] and step is Step.MOVE
    assert times(rig, attempt) == int(moved)
    found = rig.adapter.lookup(attempt, within())
    if moved:
        assert is_done(found, attempt) or is_silence(rig.ways, attempt, found), found
    elif attempt.provider_id is not None:
        assert isinstance(found, Prepared)
    elif LOST[scenario]:
        assert is_made(found, rig.ways) or is_silence(rig.ways, attempt, found), found
    else:
        assert is_absence(rig.ways, attempt, found), found


@across("deed, step, scenario", repeatable)
def test_a_replay_after_a_lost_answer_brings_what_was_done_to_light_and_does_it_once(
    rig: Rig, deed: Deed, step: Step, scenario: Scenario
) -> None:
    attempt, _ = struck(rig, deed, step, scenario)

    replayed: Lookup = send(rig.adapter, again(attempt), within())

    moved = LOST[scenario] and step is Step.MOVE
    refuses = rig.ways.replays[deed.operation] is Replay.UNKNOWN and moved
    if is_kept(rig.ways, scenario, deed.operation) or refuses:
        assert isinstance(replayed, Unknown)
        assert times(rig, attempt) == int(moved)
        return
    if step is Step.MAKE:
        assert is_made(replayed, rig.ways), replayed
        assert times(rig, attempt) == 0
        attempt, replayed = carried(rig, again(attempt))
        assert attempt.provider_id is not None
    assert is_done(replayed, attempt), replayed
    assert times(rig, attempt) == 1


@across("deed", splits)
def test_the_call_that_makes_the_object_moves_no_money(rig: Rig, deed: Deed) -> None:
    attempt = made(rig, deed)

    outcome = send(rig.adapter, attempt, within())

    assert is_made(outcome, rig.ways), outcome
    assert times(rig, attempt) == 0
    found = rig.adapter.lookup(named(attempt, outcome), within())
    assert found == outcome
    by_reference = rig.adapter.lookup(attempt, within())
    assert by_reference == outcome or is_silence(rig.ways, attempt, by_reference)
    assert times(rig, attempt) == 0


@across("deed", splits)
def test_whoever_goes_on_from_what_was_made_moves_the_money_once(rig: Rig, deed: Deed) -> None:
    attempt = begun(rig, made(rig, deed))
    before = rig.posts(attempt.reference)
    assert times(rig, attempt) == 0

    outcome = send(rig.adapter, attempt, within())

    assert is_done(outcome, attempt), outcome
    assert named(attempt, outcome).provider_id == attempt.provider_id
    assert times(rig, attempt) == 1
    assert rig.posts(attempt.reference) == before + 1
    found = rig.adapter.lookup(attempt, within())
    assert is_done(found, attempt)
